//! The periodic renewal of a credential (law 8), and what looks like theft.

use cloakroom::{EndReason, Session};
use cloakroom_testkit::Operation;

use crate::support::{Browser, Fault, Reply, Scene, on_every_store};

on_every_store!(
    a_credential_is_renewed_once_an_hour,
    the_successor_is_the_same_every_time,
    a_lost_answer_is_healed_by_the_next,
    the_parent_stays_good_until_its_successor_was_presented,
    a_parent_is_accepted_for_a_minute_after_its_successor_was_presented,
    a_parent_presented_after_the_grace_is_theft,
    a_grandparent_is_theft_even_within_the_grace,
    an_ancestor_far_back_is_theft,
    whoever_of_thief_and_victim_comes_second_ends_the_session,
    what_was_rotated_away_is_merely_rejected,
    a_sleeping_laptop_never_looks_like_theft,
    parallel_tabs_never_look_like_theft,
    a_request_that_takes_long_never_looks_like_theft,
    an_old_and_a_new_credential_together_do_not_save_a_stolen_session,
    a_renewal_racing_a_logout_hands_out_no_credential,
    a_renewal_gives_way_to_a_logout_in_the_background,
    a_renewal_changes_neither_session_nor_data_nor_deadlines,
);

/// A browser whose credential is due to be renewed.
async fn due(scene: &Scene) -> Browser {
    let browser = scene.logged_in("alice").await;
    scene.advance_minutes(61);
    browser
}

async fn reason_of_alices_last_end(scene: &Scene) -> Option<EndReason> {
    let query = cloakroom::HistoryQuery { name: Some("alice".into()), after: None, limit: 1 };
    let page = scene.store().history(query).await.unwrap();
    page.items.first().map(|ended| ended.reason)
}

async fn is_theft(scene: &Scene, browser: &mut Browser) -> bool {
    let name = browser.who().await;
    let theft = reason_of_alices_last_end(scene).await == Some(EndReason::Theft);
    assert_eq!(name == "nobody", theft, "whoever is refused here is a thief");
    theft
}

async fn a_credential_is_renewed_once_an_hour(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    for _ in 0..3 {
        scene.advance_minutes(59);
        assert_eq!(browser.get("/who").await.credential(), None);
        scene.advance_minutes(1);
        let before = browser.cookie.clone();
        assert!(browser.get("/who").await.credential().is_some());
        assert_ne!(browser.cookie, before);
        assert_eq!(browser.get("/who").await.credential(), None, "its first use settles it");
    }
}

/// Law 8: renewal is idempotent.
async fn the_successor_is_the_same_every_time(scene: Scene) {
    let mut browser = due(&scene).await;
    browser.keeps_cookies = false;
    let first = browser.get("/who").await.credential().unwrap();
    for _ in 0..3 {
        scene.advance_minutes(7);
        assert_eq!(browser.get("/who").await.credential().as_ref(), Some(&first));
    }
    let restarted = &mut browser.moved_to(&scene.open());
    assert_eq!(restarted.get("/who").await.credential(), Some(first));
}

/// Law 8: a dropped Set-Cookie costs nothing.
async fn a_lost_answer_is_healed_by_the_next(scene: Scene) {
    let mut browser = due(&scene).await;
    for _ in 0..20 {
        browser.keeps_cookies = false;
        scene.advance_minutes(12 * 60);
        assert_eq!(browser.who().await, "alice");
        browser.keeps_cookies = true;
        assert_eq!(browser.who().await, "alice");
        assert_eq!(browser.who().await, "alice");
    }
}

/// Law 8: however long that takes.
async fn the_parent_stays_good_until_its_successor_was_presented(scene: Scene) {
    let mut browser = due(&scene).await;
    let mut parent = browser.copy();
    browser.get("/who").await;
    for _ in 0..20 {
        scene.advance_minutes(23 * 60);
        assert_eq!(parent.who().await, "alice");
    }
    assert_eq!(browser.who().await, "alice", "and so is the successor, when it comes at last");
}

/// Law 8: requests that were under way are not lost.
async fn a_parent_is_accepted_for_a_minute_after_its_successor_was_presented(scene: Scene) {
    let mut browser = due(&scene).await;
    let mut parent = browser.copy();
    browser.who().await;
    browser.who().await;
    for _ in 0..4 {
        scene.advance(std::time::Duration::from_secs(15));
        let reply = parent.get("/who").await;
        assert_eq!(reply.body, "alice");
        assert_eq!(reply.credential(), browser.cookie, "it is told the successor once more");
    }
}

/// Law 8: theft ends the session and is in the history.
async fn a_parent_presented_after_the_grace_is_theft(scene: Scene) {
    let mut browser = due(&scene).await;
    let mut parent = browser.copy();
    browser.who().await;
    browser.who().await;
    scene.advance(std::time::Duration::from_millis(60_001));
    let reply = parent.get("/home").await;
    assert_eq!((reply.status.as_u16(), reply.code()), (401, "not-logged-in".into()));
    assert_eq!(reply.credential(), None);
    assert!(!reply.body.contains("theft"), "why is for the log");
    assert!(is_theft(&scene, &mut browser).await, "the session has ended for both");
}

/// Law 8: a successor's successor proves that the old one was given up twice.
async fn a_grandparent_is_theft_even_within_the_grace(scene: Scene) {
    let mut browser = due(&scene).await;
    let mut grandparent = browser.copy();
    browser.who().await;
    browser.who().await;
    scene.advance_minutes(61);
    browser.who().await;
    browser.who().await;
    assert!(is_theft(&scene, &mut grandparent).await);
    assert_eq!(browser.who().await, "nobody");
}

/// Law 8: however old the copy.
async fn an_ancestor_far_back_is_theft(scene: Scene) {
    let mut browser = due(&scene).await;
    let mut ancestor = browser.copy();
    for _ in 0..50 {
        browser.who().await;
        browser.who().await;
        scene.advance_minutes(61);
    }
    assert!(is_theft(&scene, &mut ancestor).await);
}

/// Law 8: the copy is worth something only until both are in use.
async fn whoever_of_thief_and_victim_comes_second_ends_the_session(scene: Scene) {
    for thief_first in [true, false] {
        let mut victim = due(&scene).await;
        let mut thief = victim.clone();
        let (first, second) =
            if thief_first { (&mut thief, &mut victim) } else { (&mut victim, &mut thief) };
        first.who().await;
        first.who().await;
        scene.advance_minutes(2);
        assert!(is_theft(&scene, second).await);
        assert_eq!(first.who().await, "nobody");
    }
}

/// Law 8: grace and theft belong to renewal only.
async fn what_was_rotated_away_is_merely_rejected(scene: Scene) {
    let mut browser = due(&scene).await;
    let mut before_renewal = browser.copy();
    browser.who().await;
    let mut offered = browser.copy();
    browser.post("/rotate").await;
    scene.advance_minutes(61);
    browser.who().await;
    browser.who().await;
    scene.advance_minutes(2);
    for old in [&mut before_renewal, &mut offered] {
        assert_eq!(old.who().await, "nobody");
    }
    assert_eq!(browser.who().await, "alice");
}

/// Law 8: whether the answer reached it before the lid was closed or not.
async fn a_sleeping_laptop_never_looks_like_theft(scene: Scene) {
    for answer_arrives in [true, false] {
        let mut laptop = due(&scene).await;
        laptop.keeps_cookies = answer_arrives;
        laptop.who().await;
        scene.advance_minutes(23 * 60);
        laptop.keeps_cookies = true;
        assert_eq!(laptop.who().await, "alice");
        assert_eq!(laptop.who().await, "alice");
    }
}

/// Law 8: all tabs of one browser share a jar, though not an order of answers.
async fn parallel_tabs_never_look_like_theft(scene: Scene) {
    let mut browser = due(&scene).await;
    let tabs: Vec<_> = (0..10)
        .map(|_| {
            let mut tab = browser.copy();
            tokio::spawn(async move { tab.get("/who").await })
        })
        .collect();
    let mut given = Vec::new();
    for tab in tabs {
        let reply: Reply = tab.await.unwrap();
        assert_eq!(reply.body, "alice");
        given.push(reply.credential().unwrap());
    }
    given.dedup();
    assert_eq!(given.len(), 1, "all are given the same successor");
    let mut late_tab = browser.copy();
    browser.cookie = given.pop();
    let settles = tokio::spawn(async move { (browser.who().await, browser) });
    assert_eq!(late_tab.who().await, "alice");
    let (name, mut browser) = settles.await.unwrap();
    assert_eq!(name, "alice");
    scene.advance(std::time::Duration::from_secs(50));
    assert_eq!(late_tab.who().await, "alice");
    assert_eq!(browser.who().await, "alice");
}

/// Law 8: an upload of minutes came in when its credential was good.
async fn a_request_that_takes_long_never_looks_like_theft(scene: Scene) {
    let mut browser = due(&scene).await;
    let (mut upload, clock, other_tab) = (browser.copy(), scene.clock.clone(), browser.clone());
    let slow = async move |session: Session| {
        let mut other_tab = other_tab.clone();
        other_tab.who().await;
        other_tab.who().await;
        clock.advance(std::time::Duration::from_secs(300));
        let user = session.user().await.unwrap();
        user.map_or("nobody".to_owned(), |user| user.name)
    };
    let reply = upload.act(slow).await;
    assert_eq!(reply.body, "alice");
    browser.cookie = reply.credential();
    assert_eq!(browser.who().await, "alice");
}

/// Laws 7 and 8: in either order.
async fn an_old_and_a_new_credential_together_do_not_save_a_stolen_session(scene: Scene) {
    for old_first in [true, false] {
        let mut browser = due(&scene).await;
        let old = browser.cookie.clone().unwrap();
        browser.who().await;
        browser.who().await;
        scene.advance_minutes(2);
        let new = browser.cookie.clone().unwrap();
        let (first, second) = if old_first { (old, new) } else { (new, old) };
        let header = format!("__Host-session={first}; __Host-session={second}");
        let reply = browser.with_cookies("/who", header.as_bytes()).await;
        assert_eq!(reply.body, "nobody");
        assert_eq!(browser.who().await, "nobody");
    }
}

/// Laws 1 and 8: the late answer of a request that saw the session alive.
async fn a_renewal_racing_a_logout_hands_out_no_credential(scene: Scene) {
    let mut browser = due(&scene).await;
    for offered_before in [false, true] {
        if offered_before {
            browser.copy().who().await;
        }
        let other_tab = browser.clone();
        let slow = async move |session: Session| {
            assert!(session.user().await.unwrap().is_some());
            other_tab.clone().post("/logout").await;
        };
        let reply = browser.act(slow).await;
        assert_eq!((reply.status.as_u16(), reply.credential()), (200, None));
        assert_eq!(browser.who().await, "nobody");
        browser = due(&scene).await;
    }
}

/// Law 1: what the handler's own tasks did counts more.
async fn a_renewal_gives_way_to_a_logout_in_the_background(scene: Scene) {
    let mut browser = due(&scene).await;
    let probe = scene.probe.clone();
    probe.fail(Operation::Renew, Fault::AnswerLate, 1);
    let leaves_a_task = async move |session: Session| {
        assert!(session.user().await.unwrap().is_some());
        tokio::spawn(async move {
            while !probe.calls().contains(&Operation::Renew) {
                tokio::task::yield_now().await;
            }
            session.log_out().await.unwrap();
            probe.repair();
        });
    };
    let reply = browser.act(leaves_a_task).await;
    assert_eq!(reply.credential().as_deref(), Some(""));
    assert!(scene.sessions_of("alice").await.is_empty());
}

async fn a_renewal_changes_neither_session_nor_data_nor_deadlines(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    browser.post("/data/x/1").await;
    let before = scene.sessions_of("alice").await[0].clone();
    scene.advance_minutes(61);
    let slow_tab = browser.clone();
    let write = async move |session: Session| {
        session.user().await?;
        let mut other_tab = slow_tab.clone();
        other_tab.who().await;
        other_tab.who().await;
        session.insert("y", "written during a renewal").await
    };
    assert_eq!(browser.act(write).await.status, 200);
    let after = scene.sessions_of("alice").await[0].clone();
    assert_eq!((before.id, before.created_at), (after.id, after.created_at));
    assert_eq!(before.absolute_deadline, after.absolute_deadline);
    assert_eq!(before.authenticated_at, after.authenticated_at);
    assert_eq!(browser.get("/data/x").await.body, "1");
}
