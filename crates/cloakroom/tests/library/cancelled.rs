//! Clients that hang up: the request's future is dropped after a random number of polls (law 9).

use std::future::poll_fn;
use std::task::Poll;

use cloakroom::{Error, Session};
use cloakroom_testkit::{Operation, Random, eventually, rounds, seeds};
use tokio::runtime::Handle;

use crate::support::{Browser, Fault, Reply, Scene, on_every_store};

on_every_store!(
    a_login_that_is_hung_up_on_has_replaced_the_session_or_not,
    a_login_that_is_hung_up_on_has_carried_all_data_or_none,
    a_rotation_that_is_hung_up_on_leaves_one_session,
    a_renewal_that_is_hung_up_on_costs_nothing,
    an_end_that_is_hung_up_on_has_ended_all_or_none,
    an_end_that_is_hung_up_on_is_still_tried_again,
    an_update_that_is_hung_up_on_has_changed_all_or_nothing,
    what_goes_on_after_the_client_hung_up_makes_no_credential,
);

/// Runs a scenario with many seeds, which it is given as the source of its random choices, and
/// by name.
async fn with_seeds(scene: &Scene, scenario: impl AsyncFn(Random, String)) {
    open_all_connections(scene).await;
    for seed in seeds(rounds(150, 5_000)) {
        scenario(Random::new(seed), format!("CLOAKROOM_SEED={seed}")).await;
    }
}

/// A connection opened later would be a task that a request set going and that does not end.
async fn open_all_connections(scene: &Scene) {
    let now = cloakroom::Clock::now(&*scene.clock);
    let mut reads: Vec<_> = (0..128).map(|_| Box::pin(scene.store().counts(now))).collect();
    poll_fn(|context| {
        reads.retain_mut(|read| read.as_mut().poll(context).is_pending());
        if reads.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The answer, unless the client hung up before it came. Returns when all that the request set
/// going has come to its end.
async fn hang_up(
    request: impl Future<Output = Reply>,
    scene: &Scene,
    mut random: Random,
) -> Option<Reply> {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    scene.probe.detour(random.clone());
    let polls = 1 << random.below(9);
    let polls = polls + random.below(polls);
    let mut request = Box::pin(request);
    let mut reply = None;
    for _ in 0..polls {
        let polled = poll_fn(|context| Poll::Ready(request.as_mut().poll(context))).await;
        if let Poll::Ready(answer) = polled {
            reply = Some(answer);
            break;
        }
        tokio::task::yield_now().await;
    }
    drop(request);
    eventually("what it set going ends", async || tasks() <= before).await;
    reply
}

/// Law 9: login.
async fn a_login_that_is_hung_up_on_has_replaced_the_session_or_not(scene: Scene) {
    let device = scene.browser();
    with_seeds(&scene, async |random, what| {
        let mut browser = device.clone();
        let user = what.clone();
        browser.log_in(&user).await;
        let mut old = browser.copy();
        let login = format!("/login/{user}");
        let reply = hang_up(browser.post(&login), &scene, random).await;
        assert_eq!(scene.sessions_of(&user).await.len(), 1, "{what}");
        let replaced = old.who().await == "nobody";
        assert!(replaced || reply.is_none(), "{what}");
        browser.log_in(&user).await;
    })
    .await;
}

/// Law 9: login, and what it carries over.
async fn a_login_that_is_hung_up_on_has_carried_all_data_or_none(scene: Scene) {
    let device = scene.browser();
    with_seeds(&scene, async |random, what| {
        let mut visitor = device.clone();
        visitor.post("/data/a/1").await;
        visitor.post("/data/b/2").await;
        let user = what.clone();
        let rows = scene.rows().await;
        let path = format!("/keep/{user}");
        hang_up(visitor.copy().post(&path), &scene, random).await;
        assert_eq!(scene.rows().await, rows, "{what}");
        let data = (visitor.get("/data/a").await.body, visitor.get("/data/b").await.body);
        match scene.sessions_of(&user).await.as_slice() {
            [] => assert_eq!(data, ("1".into(), "2".into()), "{what}"),
            [login] => {
                assert_eq!(data, (String::new(), String::new()), "{what}");
                let now = visitor.cloakroom.sessions().now();
                let kept = scene.store().read(login.id, now, cloakroom_core::Keys::All);
                assert_eq!(kept.await.unwrap().unwrap().len(), 2, "{what}");
            }
            more => panic!("{more:?}; {what}"),
        }
    })
    .await;
}

/// Law 9: change of privilege.
async fn a_rotation_that_is_hung_up_on_leaves_one_session(scene: Scene) {
    let device = scene.browser();
    with_seeds(&scene, async |random, what| {
        let mut browser = device.clone();
        let user = what.clone();
        browser.log_in(&user).await;
        let mut old = browser.copy();
        let reply = hang_up(browser.post("/rotate"), &scene, random).await;
        assert_eq!(scene.sessions_of(&user).await.len(), 1, "{what}");
        if reply.is_some() {
            assert_eq!((old.who().await, browser.who().await), ("nobody".into(), user), "{what}");
        }
    })
    .await;
}

/// Laws 8 and 9: renewal.
async fn a_renewal_that_is_hung_up_on_costs_nothing(scene: Scene) {
    let device = scene.browser();
    with_seeds(&scene, async |random, what| {
        let mut browser = device.clone();
        let user = what.clone();
        browser.log_in(&user).await;
        for presents_successor in [false, true] {
            scene.advance_minutes(if presents_successor { 0 } else { 61 });
            let mut tab = browser.copy();
            hang_up(tab.get("/who"), &scene, random.clone()).await;
            assert_eq!(browser.who().await, user, "{what}");
        }
        assert_eq!(browser.who().await, user, "{what}");
    })
    .await;
}

/// Laws 2 and 9: end.
async fn an_end_that_is_hung_up_on_has_ended_all_or_none(scene: Scene) {
    let device = scene.browser();
    with_seeds(&scene, async |random, what| {
        let user = what.clone();
        let mut browser = device.clone();
        for _ in 0..3 {
            browser.cookie = None;
            browser.log_in(&user).await;
        }
        let reply = hang_up(browser.post("/end-all"), &scene, random).await;
        let left = scene.sessions_of(&user).await.len();
        assert!([0, 3].contains(&left), "{left} left; {what}");
        assert!(left == 0 || reply.is_none(), "{what}");
    })
    .await;
}

/// Laws 5 and 9: once asked for, an end is carried through.
async fn an_end_that_is_hung_up_on_is_still_tried_again(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    scene.probe.fail(Operation::End, Fault::Failed, 2);
    scene.probe.calls();
    let mut request = Box::pin(browser.post("/logout"));
    while !scene.probe.calls().contains(&Operation::End) {
        let polled = poll_fn(|context| Poll::Ready(request.as_mut().poll(context))).await;
        assert!(polled.is_pending(), "it is still being tried");
        tokio::task::yield_now().await;
    }
    drop(request);
    let ended = async || scene.sessions_of("alice").await.is_empty();
    eventually("the session ends", ended).await;
}

/// Laws 3 and 9: several keys.
async fn an_update_that_is_hung_up_on_has_changed_all_or_nothing(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    let both = async |session: Session| {
        session
            .update_many(&["a", "b"], |values| {
                let next = values.get::<u64>("a")?.unwrap_or(0) + 1;
                values.set("a", &next)?;
                values.set("b", &next)
            })
            .await
    };
    let read = async |session: Session| {
        let (a, b) = (session.get::<u64>("a").await?, session.get::<u64>("b").await?);
        assert_eq!(a, b);
        Ok::<_, Error>(a.unwrap_or(0).to_string())
    };
    let acknowledged = std::cell::Cell::new(0_u64);
    let shared = browser.clone();
    with_seeds(&scene, async |random, _| {
        let mut tab: Browser = shared.clone();
        let reply = hang_up(tab.act(both), &scene, random).await;
        acknowledged.set(acknowledged.get() + u64::from(reply.is_some()));
    })
    .await;
    let count: u64 = browser.look(read).await.body.parse().unwrap();
    assert!(count >= acknowledged.get(), "an acknowledged update is lost");
}

/// Law 9: a task of the handler's that logs in when nobody listens any more.
async fn what_goes_on_after_the_client_hung_up_makes_no_credential(scene: Scene) {
    let mut browser = scene.browser();
    let (sender, receiver) = std::sync::mpsc::channel();
    let endless = async move |session: Session| {
        sender.send(session).unwrap();
        std::future::pending::<()>().await;
    };
    assert!(hang_up(browser.act(endless), &scene, Random::new(1)).await.is_none());
    let session: Session = receiver.recv().unwrap();
    let late = session.log_in(cloakroom::User::new("alice").unwrap()).await;
    assert!(matches!(late, Err(Error::HeadersSent)));
    assert!(matches!(session.insert("x", 1).await, Err(Error::HeadersSent)));
    assert_eq!(scene.rows().await, 0);
}
