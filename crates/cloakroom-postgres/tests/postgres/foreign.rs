//! In an application's database others may make functions too.

use cloakroom_core::Selector;
use cloakroom_testkit::Subject;
use cloakroom_testkit::fixtures::{Draft, START, at, guard, logout, sweep, user, write};

use super::support::{Place, runtime};

/// What fits our calls better than PostgreSQL's own functions do, for whoever looks in `public`.
const HOSTILE: [(&str, &str); 6] = [
    ("hashtextextended(text, integer)", "bigint"),
    ("cardinality(text[])", "integer"),
    ("cardinality(uuid[])", "integer"),
    ("array_length(uuid[], integer)", "integer"),
    ("unnest(uuid[])", "SETOF uuid"),
    ("unnest(bigint[])", "SETOF bigint"),
];

fn make_hostile_functions(place: &Place) {
    for (function, answer) in HOSTILE {
        let body = "BEGIN RAISE EXCEPTION 'foreign code runs'; END";
        place.server.run(
            "postgres",
            &format!(
                "CREATE FUNCTION public.{function} RETURNS {answer} LANGUAGE plpgsql AS $${body}$$"
            ),
        );
    }
}

/// Every act that is a function in the database.
async fn act(place: &Place) {
    let subject = Subject::new(place.store().await);
    let (ada, bob) = (subject.add(Draft::of("ada")).await, subject.add(Draft::of("bob")).await);
    subject.add(Draft::anonymous()).await;
    subject.update(guard(ada, START), vec![write("key", "1")]).await;
    subject.regroup(user("ada"), vec!["staff".to_owned()], START).await;
    subject.end_session(bob, at(1)).await;
    subject.end(logout(Selector::UserExcept(user("ada"), ada), at(1))).await;
    subject.end(logout(Selector::Everyone, at(1))).await;
    subject.sweep(sweep(at(1_000_000), 10)).await;
}

#[test]
fn what_others_made_in_their_schema_is_never_run() {
    let Some(place) = Place::start() else { return };
    make_hostile_functions(&place);
    runtime().block_on(act(&place));
}

#[test]
fn what_others_made_in_their_schema_is_never_run_behind_a_pooler() {
    let Some(place) = Place::behind_a_pooler() else { return };
    make_hostile_functions(&place);
    runtime().block_on(act(&place));
}
