//! Stores that are broken on purpose, each in a way that real stores were. The suite is worth
//! something because it fails every one of them, and by the name of the duty that it breaks.

mod clear_text_secret;
mod epochs;
mod forgotten_end;
mod limits;
mod lost_keys;
mod touch;
mod upsert;

use std::fmt;
use std::sync::Arc;

use cloakroom_core::{MemoryStore, NewSession, Record};

use crate::wrap::{SharedStore, Wrapped};

pub use clear_text_secret::ClearTextSecret;
pub use epochs::IgnoredEpoch;
pub use forgotten_end::ForgottenEnd;
pub use limits::RacedLimit;
pub use lost_keys::{LastWriteWins, LostKey};
pub use touch::{RevivingTouch, TouchRewritesData};
pub use upsert::UpsertOnUpdate;

/// A broken store, and what must give it away.
#[derive(Clone, Copy)]
pub struct Broken {
    /// What it does wrong.
    pub name: &'static str,
    /// Makes one.
    pub fresh: fn() -> SharedStore,
    /// The checks of the contract that must fail.
    pub checks: &'static [&'static str],
    /// The laws that must fail.
    pub laws: &'static [&'static str],
}

impl fmt::Debug for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// Every broken store but [`ClearTextSecret`], whose fault only a look at its dump shows.
pub const BROKEN: &[Broken] = &[
    Broken {
        name: "upsert on update",
        fresh: || Wrapped::shared(UpsertOnUpdate::around(memory())),
        checks: &["an_update_of_an_ended_session_is_gone_and_creates_nothing"],
        laws: &["law_1_a_late_write_never_outlives_an_end"],
    },
    Broken {
        name: "lost key",
        fresh: || Wrapped::shared(LostKey::around(memory())),
        checks: &["an_update_leaves_other_keys_alone"],
        laws: &["law_3_writes_of_different_keys_all_survive"],
    },
    Broken {
        name: "last write wins",
        fresh: || Wrapped::shared(LastWriteWins::around(memory())),
        checks: &["a_write_of_a_version_that_changed_is_a_conflict"],
        laws: &[
            "law_3_concurrent_increments_all_count",
            "law_3_plain_writes_count_exactly_as_acknowledged",
        ],
    },
    Broken {
        name: "forgotten end",
        fresh: || Wrapped::shared(ForgottenEnd::around(memory())),
        checks: &["every_one_of_several_acknowledged_ends_holds"],
        laws: &["law_2_an_acknowledged_end_holds_for_every_later_read"],
    },
    Broken {
        name: "touch that rewrites data",
        fresh: || Wrapped::shared(TouchRewritesData::around(memory())),
        checks: &["a_touch_never_changes_data"],
        laws: &["law_3_writes_of_different_keys_all_survive"],
    },
    Broken {
        name: "touch that revives",
        fresh: || Wrapped::shared(RevivingTouch::around(memory())),
        checks: &["a_touch_never_revives_an_expired_session"],
        laws: &[],
    },
    Broken {
        name: "limit that is checked first and applied later",
        fresh: || Wrapped::shared(RacedLimit::around(memory())),
        checks: &[],
        laws: &["limits_hold_for_parallel_logins"],
    },
    Broken {
        name: "ignored epoch",
        fresh: || Wrapped::shared(IgnoredEpoch::around(memory())),
        checks: &[
            "a_login_begun_before_its_user_was_ended_is_superseded",
            "a_login_begun_before_everyone_was_ended_is_superseded",
        ],
        laws: &["law_1_a_login_begun_before_its_user_was_ended_is_not_live"],
    },
];

fn memory() -> SharedStore {
    Arc::new(MemoryStore::new())
}

/// A session again, with nothing that could speak against its insert.
fn again(record: Record) -> NewSession {
    NewSession { record, data: Vec::new(), replaces: None, limit: None, anonymous_cap: u64::MAX }
}
