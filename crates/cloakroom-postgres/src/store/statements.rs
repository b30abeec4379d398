use crate::{Database, Sql};

/// Every statement of the store, made once for its schema.
macro_rules! statements {
    ($($name:ident: $template:expr;)*) => {
        #[derive(Debug)]
        pub(crate) struct Statements { $(pub(crate) $name: Sql),* }

        impl Statements {
            pub(crate) fn of(database: &Database) -> Self {
                Self { $($name: database.sql($template)),* }
            }
        }
    };
}

statements! {
    load: super::load::LOAD;
    read_all: super::data::READ_ALL;
    read_these: super::data::READ_THESE;
    update: super::data::UPDATE;
    insert: super::insert::INSERT;
    rotate: super::credentials::ROTATE;
    offer: super::credentials::OFFER;
    promote: super::credentials::PROMOTE;
    touch: super::touch::TOUCH;
    regroup: super::touch::REGROUP;
    end_session: super::end::END_SESSION;
    end_user: super::end::END_USER;
    end_everyone: super::end::END_EVERYONE;
    epoch: super::end::EPOCH;
    sweep: super::sweep::SWEEP;
    newest: crate::browse::NEWEST;
    named: crate::browse::NAMED;
    beginning: crate::browse::BEGINNING;
    of_user: crate::browse::OF_USER;
    counts: crate::browse::COUNTS;
    ended: crate::history::ONE;
    history: crate::history::NEWEST;
    history_named: crate::history::NAMED;
    log_after: crate::log::AFTER;
}
