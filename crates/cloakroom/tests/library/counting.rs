//! Many requests of one session or user at once, on several threads.

use std::time::Duration;

use axum::Router;
use axum::routing::post;
use cloakroom::{Error, LimitPolicy, Policy, Session, SessionLimit};

use crate::support::{Browser, Reply, Scene, on_every_store};

on_every_store!(threads:
    a_thousand_updates_count_to_a_thousand,
    a_thousand_updates_after_a_pause_count_to_a_thousand,
    updates_on_two_nodes_count_every_one,
    of_a_thousand_plain_writes_every_acknowledged_one_counts,
    of_a_thousand_plain_writes_after_a_pause_every_acknowledged_one_counts,
    two_keys_updated_together_never_differ,
    parallel_first_writes_of_one_request_begin_one_session,
    a_limit_that_refuses_lets_exactly_that_many_in,
    a_limit_that_ends_the_oldest_keeps_exactly_that_many,
    a_limit_that_ends_the_least_recently_used_keeps_exactly_that_many,
);

const REQUESTS: u64 = 1_000;

/// A handler's own work between looking and writing.
async fn work(pause: bool) {
    if pause {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn routes() -> Router {
    let update = |pause: bool| {
        post(async move |session: Session| {
            session.user().await?;
            work(pause).await;
            session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).await.map(|n| n.to_string())
        })
    };
    let plain = |pause: bool| {
        post(async move |session: Session| {
            let before: u64 = session.get("n").await?.unwrap_or(0);
            work(pause).await;
            session.insert("n", before + 1).await?;
            Ok::<_, Error>((before + 1).to_string())
        })
    };
    Router::new()
        .route("/update", update(false))
        .route("/update-later", update(true))
        .route("/plain", plain(false))
        .route("/plain-later", plain(true))
}

/// All at once, each in a task of its own.
async fn in_parallel(
    browsers: impl IntoIterator<Item = Browser>,
    path: &'static str,
) -> Vec<Reply> {
    let tasks: Vec<_> = browsers
        .into_iter()
        .map(|mut browser| tokio::spawn(async move { browser.post(path).await }))
        .collect();
    let mut replies = Vec::new();
    for task in tasks {
        replies.push(task.await.unwrap());
    }
    replies
}

async fn count(browser: &mut Browser) -> u64 {
    let read =
        async |session: Session| session.get::<u64>("n").await.map(|n| n.unwrap_or(0).to_string());
    browser.look(read).await.body.parse().unwrap()
}

/// Requests of one logged-in browser to this path: the answers, and what was counted.
async fn thousand(scene: &Scene, path: &'static str) -> (Vec<Reply>, u64) {
    let mut browser = scene.logged_in("alice").await;
    let one = browser.at_routes(routes());
    let replies = in_parallel((0..REQUESTS).map(|_| one.clone()), path).await;
    (replies, count(&mut browser).await)
}

fn with_status(replies: &[Reply], status: u16) -> u64 {
    replies.iter().filter(|reply| reply.status == status).count() as u64
}

async fn assert_all_count(scene: &Scene, path: &'static str) {
    let (replies, counted) = thousand(scene, path).await;
    let done = replies.iter().filter(|reply| reply.status == 200);
    let mut answers: Vec<u64> = done.map(|reply| reply.body.parse().unwrap()).collect();
    answers.sort_unstable();
    // A store behind a network may have too many waiting, or not answer in time.
    let unknown = with_status(&replies, 503);
    println!("of {REQUESTS} updates {} were acknowledged, {unknown} got 503", answers.len());
    assert_eq!(answers.len() as u64 + unknown, REQUESTS);
    assert!((answers.len() as u64..=REQUESTS).contains(&counted), "{counted}");
    assert!(answers.windows(2).all(|two| two[0] < two[1]), "each was told its own result");
    assert!(unknown < REQUESTS / 2);
}

/// Law 3: no acknowledged write is lost.
async fn a_thousand_updates_count_to_a_thousand(scene: Scene) {
    assert_all_count(&scene, "/update").await;
}

/// Law 3: no acknowledged write is lost.
async fn a_thousand_updates_after_a_pause_count_to_a_thousand(scene: Scene) {
    assert_all_count(&scene, "/update-later").await;
}

/// Law 3: correctness comes from the store, not from a lock in one process.
async fn updates_on_two_nodes_count_every_one(scene: Scene) {
    let mut here = scene.logged_in("alice").await;
    let there = here.moved_to(&scene.open());
    let both = [here.at_routes(routes()), there.at_routes(routes())];
    let requests = (0..200).map(|nth| both[nth % 2].clone());
    let replies = in_parallel(requests, "/update").await;
    assert_eq!((with_status(&replies, 200), count(&mut here).await), (200, 200));
}

async fn assert_acknowledged_count(scene: &Scene, path: &'static str) {
    let (replies, counted) = thousand(scene, path).await;
    let (done, refused) = (with_status(&replies, 200), with_status(&replies, 409));
    // A store behind a network may have too many waiting, or not answer in time.
    let unknown = with_status(&replies, 503);
    println!(
        "of {REQUESTS} plain writes {done} were acknowledged, {refused} got 409, {unknown} 503"
    );
    assert_eq!(done + refused + unknown, REQUESTS);
    assert!((done..=done + unknown).contains(&counted), "{counted}");
    assert!(done > 0);
}

/// Law 3: a write of what changed meanwhile is refused, not lost.
async fn of_a_thousand_plain_writes_every_acknowledged_one_counts(scene: Scene) {
    assert_acknowledged_count(&scene, "/plain").await;
}

/// Law 3: a write of what changed meanwhile is refused, not lost.
async fn of_a_thousand_plain_writes_after_a_pause_every_acknowledged_one_counts(scene: Scene) {
    assert_acknowledged_count(&scene, "/plain-later").await;
}

/// Law 3: several keys are one write, and are read as one state.
async fn two_keys_updated_together_never_differ(scene: Scene) {
    let browser = scene.logged_in("alice").await;
    let both = async |session: Session| {
        session
            .update_many(&["a", "b"], |values| {
                let (a, b): (Option<u64>, Option<u64>) = (values.get("a")?, values.get("b")?);
                assert_eq!(a, b, "half of an update was seen");
                values.set("a", &(a.unwrap_or(0) + 1))?;
                values.set("b", &(b.unwrap_or(0) + 1))
            })
            .await
    };
    let one = browser.at_routes(Router::new().route("/both", post(both)));
    let replies = in_parallel((0..200).map(|_| one.clone()), "/both").await;
    assert_eq!(with_status(&replies, 200), 200);
    let read = async |session: Session| {
        let (a, b) = (session.get::<u64>("a").await?, session.get::<u64>("b").await?);
        Ok::<_, Error>(format!("{a:?} {b:?}"))
    };
    assert_eq!(browser.clone().look(read).await.body, "Some(200) Some(200)");
}

async fn parallel_first_writes_of_one_request_begin_one_session(scene: Scene) {
    let mut browser = scene.browser();
    let parallel = async |session: Session| {
        let writes: Vec<_> = (0..20)
            .map(|nth| {
                let session = session.clone();
                tokio::spawn(async move { session.insert(&format!("key{nth}"), nth).await })
            })
            .collect();
        for write in writes {
            write.await.unwrap()?;
        }
        Ok::<_, Error>(())
    };
    assert_eq!(browser.act(parallel).await.set_cookies().len(), 1);
    assert_eq!(scene.rows().await, 1);
    let all = async |session: Session| {
        let mut sum = 0;
        for nth in 0..20 {
            sum += session.get::<u64>(&format!("key{nth}")).await?.unwrap();
        }
        Ok::<_, Error>(sum.to_string())
    };
    assert_eq!(browser.look(all).await.body, "190");
}

/// Logs alice in on many devices at once, and says how many logins were let in.
async fn log_in_everywhere(scene: &Scene, most: u32, policy: LimitPolicy) -> u64 {
    let limit = Some(SessionLimit { most, policy });
    let policy = Policy { limit, ..Policy::default() };
    let cloakroom = scene.builder().policy(policy).open().await.unwrap();
    let devices = (0..most + 20).map(|_| Browser::at(&cloakroom));
    let replies = in_parallel(devices, "/login/alice").await;
    let (done, refused) = (with_status(&replies, 200), with_status(&replies, 409));
    assert_eq!(done + refused, u64::from(most) + 20);
    assert_eq!(scene.sessions_of("alice").await.len(), most as usize);
    done
}

async fn a_limit_that_refuses_lets_exactly_that_many_in(scene: Scene) {
    assert_eq!(log_in_everywhere(&scene, 7, LimitPolicy::Refuse).await, 7);
}

async fn a_limit_that_ends_the_oldest_keeps_exactly_that_many(scene: Scene) {
    assert_eq!(log_in_everywhere(&scene, 7, LimitPolicy::EndOldest).await, 27);
}

async fn a_limit_that_ends_the_least_recently_used_keeps_exactly_that_many(scene: Scene) {
    assert_eq!(log_in_everywhere(&scene, 1, LimitPolicy::EndLeastRecentlyUsed).await, 21);
}
