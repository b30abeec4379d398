use cloakroom_core::{Inserted, Selector, Store};
use cloakroom_testkit::Subject;
use cloakroom_testkit::fixtures::{Draft, START, at, logout, user};

use super::support::{Place, TwoNodes, runtime};

/// What must be true of the tables whatever happened.
pub(crate) fn assert_sound(place: &Place, schema: &str) {
    let ask = |question: &str| place.ask(&question.replace("{schema}", schema));
    let counted = "SELECT (sum(sessions), sum(anonymous))::text FROM {schema}.counter";
    let there = "SELECT (count(user_id)::numeric, (count(*) - count(user_id))::numeric)::text
        FROM {schema}.session";
    assert_eq!(ask(counted), ask(there), "the counters are what is there");
    let orphans = "SELECT count(*) FROM {schema}.session_data
        WHERE session_id NOT IN (SELECT id FROM {schema}.session)";
    assert_eq!(ask(orphans), "0", "data goes with its session");
    let undead = "SELECT count(*) FROM {schema}.session JOIN {schema}.ended_session USING (id)";
    assert_eq!(ask(undead), "0", "what has ended is not there");
    let deadlocks = ask("SELECT sum(deadlocks) FROM pg_stat_database");
    assert_eq!(deadlocks, "0", "transactions waited for each other in a circle");
}

/// What is true of the log besides, as long as nothing swept it.
fn assert_dense(place: &Place, schema: &str) {
    let dense = "SELECT coalesce(max(number), 0) = (SELECT number FROM {schema}.log_head)
        AND count(*) = coalesce(max(number), 0) FROM {schema}.log";
    let is_dense = place.ask(&dense.replace("{schema}", schema));
    assert_eq!(is_dense, "t", "the log has every number up to its head");
}

fn schema_of(nodes: &TwoNodes) -> String {
    nodes.nodes[0].database().schema().to_owned()
}

#[test]
fn the_visitors_reach_their_cap_exactly_though_far_below_it_they_do_not_wait() {
    let Some(place) = Place::with_slow_commits() else { return };
    let schema = runtime().block_on(async {
        let nodes = place.two_nodes().await.0;
        // Above twice the server's connections, so that the first come together.
        let cap = 2 * 100 + 40;
        let visits = (0..cap + 60).map(|number| {
            let node = nodes.nodes[number % 2].clone();
            let visit = Draft::anonymous().anonymous_cap(cap as u64).build();
            tokio::spawn(async move { node.insert(visit).await.expect("it answers") })
        });
        let mut admitted = 0;
        for visit in visits.collect::<Vec<_>>() {
            match visit.await.expect("it does not panic") {
                Inserted::Done { .. } => admitted += 1,
                other => assert_eq!(other, Inserted::Full),
            }
        }
        assert_eq!(admitted, cap);
        schema_of(&nodes)
    });
    assert_sound(&place, &schema);
    assert_dense(&place, &schema);
}

#[test]
fn the_end_of_everyone_leaves_none_that_began_before_it() {
    let Some(place) = Place::with_slow_commits() else { return };
    let schema = runtime().block_on(async {
        let nodes = place.two_nodes().await.0;
        for round in 0..12_u64 {
            let epoch = nodes.nodes[0].epoch(user("ada")).await.expect("it answers");
            let starts = (0..16_usize).map(|number| {
                let node = Subject::new(nodes.nodes[number % 2].clone());
                tokio::spawn(async move {
                    match number {
                        8 => drop(node.end(logout(Selector::Everyone, at(round))).await),
                        _ if number % 3 == 0 => {
                            node.insert(Draft::anonymous().build()).await;
                        }
                        _ => drop(node.insert(Draft::of("ada").epoch(epoch).build()).await),
                    }
                })
            });
            for start in starts.collect::<Vec<_>>() {
                start.await.expect("it does not panic");
            }
            let node = Subject::new(nodes.nodes[1].clone());
            assert!(node.sessions_of(user("ada"), START).await.is_empty(), "a login came through");
        }
        schema_of(&nodes)
    });
    assert_sound(&place, &schema);
    assert_dense(&place, &schema);
}

#[test]
fn law_1_an_id_that_is_inserted_twice_and_ended_does_not_come_back() {
    let Some(place) = Place::with_slow_commits() else { return };
    let schema = runtime().block_on(async {
        let nodes = place.two_nodes().await.0;
        for _ in 0..60 {
            let draft = Draft::of("ada");
            let id = draft.clone().build().record.id;
            let tasks = (0..6_usize).map(|number| {
                let node = Subject::new(nodes.nodes[number % 2].clone());
                let draft = draft.clone();
                tokio::spawn(async move {
                    let inserted = node.insert(draft.build()).await;
                    let is_done = inserted != Inserted::Conflict;
                    if is_done {
                        node.end_session(id, at(1)).await;
                    }
                    is_done
                })
            });
            let mut done = 0;
            for task in tasks.collect::<Vec<_>>() {
                done += usize::from(task.await.expect("it does not panic"));
            }
            assert_eq!(done, 1, "one id was inserted so often");
            assert!(!Subject::new(nodes.nodes[0].clone()).is_live(id, at(1)).await);
        }
        schema_of(&nodes)
    });
    assert_sound(&place, &schema);
    assert_dense(&place, &schema);
}

#[test]
fn parallel_ends_of_a_user_raise_the_epoch_each_by_one() {
    let Some(place) = Place::with_slow_commits() else { return };
    let schema = runtime().block_on(async {
        let nodes = place.two_nodes().await.0;
        let kept = Subject::new(nodes.nodes[0].clone()).add(Draft::of("ada")).await;
        let ends = (0..24_usize).map(|number| {
            let node = Subject::new(nodes.nodes[number % 2].clone());
            let selector = Selector::UserExcept(user("ada"), kept);
            tokio::spawn(async move { node.end(logout(selector, at(1))).await.epoch })
        });
        let mut epochs = Vec::new();
        for end in ends.collect::<Vec<_>>() {
            epochs.push(end.await.expect("it does not panic"));
        }
        epochs.sort_unstable();
        assert_eq!(epochs, (1..=24).collect::<Vec<_>>());
        let record = Subject::new(nodes.nodes[1].clone()).record(kept, at(1)).await;
        assert_eq!(record.epoch, 24, "the one that is kept has the last");
        schema_of(&nodes)
    });
    assert_sound(&place, &schema);
    assert_dense(&place, &schema);
}
