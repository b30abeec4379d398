//! Logins, logouts and changes of privilege.

use cloakroom::{
    Carry, CurrentUser, EndReason, Error, Login, Policy, Session, SessionId, User, UserId,
};
use cloakroom::{LimitPolicy, SessionLimit};

use crate::support::{Browser, Scene, on_every_store, opened};

on_every_store!(
    every_login_issues_a_fresh_credential_and_kills_the_one_before,
    a_login_after_a_logout_or_a_clearing_in_the_same_request_is_fresh,
    anonymous_data_is_dropped_unless_the_login_says_otherwise,
    another_users_data_is_never_carried_over,
    what_was_read_before_a_login_is_still_guarded_after_it,
    a_late_visit_does_not_overwrite_the_cookie_of_a_login,
    a_rotation_keeps_the_session_and_kills_its_old_credential_at_once,
    a_rotation_wins_over_a_renewal_that_came_in_between,
    only_proving_it_again_counts_as_a_recent_login,
    a_logout_is_for_good_and_can_be_repeated,
    only_a_logout_takes_a_cookie_away,
    at_the_limit_a_login_is_refused_where_the_policy_says_so,
    at_the_limit_the_oldest_session_ends_where_the_policy_says_so,
    at_the_limit_the_least_recently_used_ends_where_the_policy_says_so,
    logging_in_again_on_one_client_does_not_count_twice,
    a_login_begun_before_the_user_was_ended_is_refused,
    a_user_sees_and_ends_only_their_own_sessions,
    a_user_ends_all_other_sessions_or_all,
    a_change_of_groups_is_seen_by_the_next_request,
    credentials_do_not_change_on_get,
    the_callback_of_an_identity_provider_may_log_in_on_get_by_name,
);

/// Law 3: a key read before the login was changed by another tab before it was carried over.
async fn what_was_read_before_a_login_is_still_guarded_after_it(scene: Scene) {
    let mut browser = scene.browser();
    browser.post("/data/k/%22one%22").await;
    let other = browser.copy();
    let merge = async move |session: Session| {
        let read: Option<String> = session.get("k").await?;
        assert_eq!(other.copy().post("/data/k/%22two%22").await.status, 200);
        let login = Login::new(User::new("alice")?).carry(Carry::Everything);
        session.log_in(login).await?;
        session.insert("k", format!("{read:?} and more")).await
    };
    let reply = browser.act(merge).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (409, "conflict".into()));
}

/// Law 5: a request that was sent with the visitor's cookie arrives after the login.
async fn a_late_visit_does_not_overwrite_the_cookie_of_a_login(scene: Scene) {
    let mut browser = scene.browser();
    browser.post("/data/k/1").await;
    let mut late = browser.copy();
    browser.log_in("alice").await;
    scene.advance(std::time::Duration::from_millis(5));
    let reply = late.post("/data/k/2").await;
    assert_eq!((reply.status.as_u16(), reply.credential()), (401, None));
    scene.advance_minutes(2);
    assert!(late.post("/data/k/2").await.credential().is_some(), "an old cookie is a visitor's");
}

async fn every_login_issues_a_fresh_credential_and_kills_the_one_before(scene: Scene) {
    let mut browser = scene.browser();
    browser.post("/data/cart/book").await;
    let mut seen = vec![browser.cookie.clone().unwrap()];
    for user in ["alice", "bob", "bob", "alice"] {
        let id: SessionId = browser.log_in(user).await.body.parse().unwrap();
        let token = browser.cookie.clone().unwrap();
        assert!(!seen.contains(&token));
        assert_eq!(scene.end_reason(id).await, None);
        for dead in &seen {
            let mut old = scene.browser();
            old.cookie = Some(dead.clone());
            assert_eq!(old.who().await, "nobody");
        }
        assert_eq!(browser.who().await, user);
        seen.push(token);
    }
    assert_eq!(scene.rows().await, 1, "each login replaced the session before it");
}

async fn a_login_after_a_logout_or_a_clearing_in_the_same_request_is_fresh(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    let before = browser.cookie.clone();
    let relogin = async |session: Session| {
        let first = session.id().await?;
        session.log_out().await?;
        assert_eq!(session.user().await?, None);
        assert_eq!(session.get::<String>("secret").await?, None);
        let second = session.log_in(User::new("alice")?).await?;
        assert_ne!(first, Some(second));
        session.log_out().await?;
        session.insert("anonymous", true).await?;
        let third = session.log_in(User::new("bob")?).await?;
        assert_ne!(second, third);
        Ok::<_, Error>(session.user().await?.unwrap().name)
    };
    let reply = browser.act(relogin).await;
    assert_eq!(reply.body, "bob");
    assert_ne!(browser.cookie, before);
    assert_eq!((browser.who().await.as_str(), scene.rows().await), ("bob", 1));
}

async fn anonymous_data_is_dropped_unless_the_login_says_otherwise(scene: Scene) {
    let some = Carry::Keys(vec!["cart".to_owned(), "absent".to_owned()]);
    for (carry, cart, seen) in
        [(Carry::Nothing, "", ""), (Carry::Everything, "book", "intro"), (some, "book", "")]
    {
        let mut browser = scene.browser();
        browser.post("/data/cart/book").await;
        browser.post("/data/seen/intro").await;
        let login = Login::new(User::new("alice").unwrap()).carry(carry);
        let reply =
            browser.act(async move |session: Session| session.log_in(login).await.map(drop));
        assert_eq!(reply.await.status, 200);
        assert_eq!(browser.get("/data/cart").await.body, cart);
        assert_eq!(browser.get("/data/seen").await.body, seen);
    }
}

async fn another_users_data_is_never_carried_over(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    browser.post("/data/letters/private").await;
    browser.post("/keep/alice").await;
    assert_eq!(browser.get("/data/letters").await.body, "private", "her own goes with her");
    browser.post("/keep/bob").await;
    assert_eq!(browser.get("/data/letters").await.body, "");
}

async fn a_rotation_keeps_the_session_and_kills_its_old_credential_at_once(scene: Scene) {
    let mut browser = scene.browser();
    assert_eq!(browser.post("/rotate").await.code(), "not-logged-in");
    let id = browser.log_in("alice").await.body;
    browser.post("/data/x/1").await;
    let mut old = browser.clone();
    assert_eq!(browser.post("/rotate").await.status, 200);
    assert_ne!(browser.cookie, old.cookie);
    assert_eq!(old.who().await, "nobody", "there is no grace");
    let kept = browser
        .look(async |session: Session| Ok::<_, Error>(session.id().await?.unwrap().to_string()));
    assert_eq!(kept.await.body, id);
    assert_eq!(browser.get("/data/x").await.body, "1");
    assert_eq!(scene.end_reason(id.parse().unwrap()).await, None, "nor is it theft");
}

async fn a_rotation_wins_over_a_renewal_that_came_in_between(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    scene.advance_minutes(61);
    let mut first = browser.clone();
    browser.get("/who").await;
    let other_tab = browser.clone();
    let rotate = async move |session: Session| {
        session.user().await?;
        // The other tab presents the successor while this request runs.
        assert_eq!(other_tab.clone().who().await, "alice");
        session.rotate().await
    };
    let reply = first.act(rotate).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!((first.who().await, browser.who().await), ("alice".into(), "nobody".into()));
}

async fn only_proving_it_again_counts_as_a_recent_login(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    let mut since = async |path: &str| {
        scene.advance_minutes(5);
        browser.post(path).await;
        let age = browser.look(async |session: Session, user: CurrentUser| {
            session.sessions().now().since(user.authenticated_at).as_secs().to_string()
        });
        age.await.body
    };
    assert_eq!(since("/rotate").await, "300");
    assert_eq!(since("/again").await, "0");
    assert_eq!(since("/public").await, "300");
}

/// Laws 1 and 2: an ended session never comes back, and at once.
async fn a_logout_is_for_good_and_can_be_repeated(scene: Scene) {
    let mut browser = scene.browser();
    let id: SessionId = browser.log_in("alice").await.body.parse().unwrap();
    let mut stale = browser.clone();
    stale.keeps_cookies = false;
    for _ in 0..2 {
        assert_eq!(stale.post("/logout").await.credential().as_deref(), Some(""));
        assert_eq!(stale.who().await, "nobody");
        assert_eq!(stale.post("/rotate").await.status, 401);
        assert_eq!(stale.get("/data/x").await.body, "");
    }
    browser.cookie = None;
    assert_eq!(browser.post("/logout").await.status, 200);
    assert_eq!(scene.end_reason(id).await, Some(EndReason::Logout));
}

/// Law 5: only the answer to a logout clears a cookie.
async fn only_a_logout_takes_a_cookie_away(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    browser.keeps_cookies = false;
    browser.post("/logout").await;
    for path in ["/who", "/home", "/data/x", "/public"] {
        assert_eq!(browser.get(path).await.credential(), None, "{path}");
    }
    assert_eq!(browser.post("/rotate").await.credential(), None);
}

fn limited(scene: &Scene, most: u32, policy: LimitPolicy) -> cloakroom::Cloakroom {
    let limit = Some(SessionLimit { most, policy });
    opened(scene.builder().policy(Policy { limit, ..Policy::default() }))
}

/// Browsers in which alice logs in one after the other, a minute apart.
async fn devices(scene: &Scene, cloakroom: &cloakroom::Cloakroom, count: usize) -> Vec<Browser> {
    let mut devices = Vec::new();
    for _ in 0..count {
        let mut device = Browser::at(cloakroom);
        device.log_in("alice").await;
        scene.advance_minutes(1);
        devices.push(device);
    }
    devices
}

async fn who_is_left(devices: &mut [Browser]) -> Vec<bool> {
    let mut left = Vec::new();
    for device in devices {
        left.push(device.who().await == "alice");
    }
    left
}

async fn at_the_limit_a_login_is_refused_where_the_policy_says_so(scene: Scene) {
    let cloakroom = limited(&scene, 2, LimitPolicy::Refuse);
    let mut old = devices(&scene, &cloakroom, 2).await;
    let mut third = Browser::at(&cloakroom);
    let reply = third.post("/login/alice").await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (409, "session-limit"));
    assert_eq!(reply.credential(), None);
    assert_eq!(who_is_left(&mut old).await, [true, true]);
    third.log_in("bob").await;
    old[0].post("/logout").await;
    third.log_in("alice").await;
}

async fn at_the_limit_the_oldest_session_ends_where_the_policy_says_so(scene: Scene) {
    let cloakroom = limited(&scene, 2, LimitPolicy::EndOldest);
    let mut all = devices(&scene, &cloakroom, 2).await;
    let oldest = all[0].look(async |user: CurrentUser| user.session.to_string()).await.body;
    all.extend(devices(&scene, &cloakroom, 1).await);
    assert_eq!(who_is_left(&mut all).await, [false, true, true]);
    assert_eq!(scene.end_reason(oldest.parse().unwrap()).await, Some(EndReason::Limit));
}

async fn at_the_limit_the_least_recently_used_ends_where_the_policy_says_so(scene: Scene) {
    let cloakroom = limited(&scene, 2, LimitPolicy::EndLeastRecentlyUsed);
    let mut all = devices(&scene, &cloakroom, 2).await;
    scene.advance_minutes(5);
    assert_eq!(all[0].who().await, "alice");
    all.extend(devices(&scene, &cloakroom, 1).await);
    assert_eq!(who_is_left(&mut all).await, [true, false, true]);
}

async fn logging_in_again_on_one_client_does_not_count_twice(scene: Scene) {
    let cloakroom = limited(&scene, 1, LimitPolicy::Refuse);
    let mut device = Browser::at(&cloakroom);
    for _ in 0..3 {
        device.log_in("alice").await;
    }
    assert_eq!(scene.sessions_of("alice").await.len(), 1);
}

/// Laws 2 and 11: a change of password between the check and the login wins.
async fn a_login_begun_before_the_user_was_ended_is_refused(scene: Scene) {
    let mut browser = scene.browser();
    let slow_login = |everyone: bool| {
        async move |session: Session| {
            let (sessions, alice) = (session.sessions(), UserId::new("alice")?);
            let epoch = sessions.epoch(&alice).await?;
            if everyone {
                sessions.end_everyone(EndReason::Admin, None).await?;
            } else {
                sessions.end_user(&alice, EndReason::PasswordChange, Some("alice")).await?;
            }
            session.log_in(Login::new(User::new("alice")?).as_of(epoch)).await?;
            Ok::<_, Error>(())
        }
    };
    for everyone in [false, true] {
        let reply = browser.act(slow_login(everyone)).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (401, "login-superseded"));
        assert_eq!(reply.credential(), None);
    }
    assert_eq!(scene.rows().await, 0);
    browser.log_in("alice").await;
    assert_eq!(browser.who().await, "alice");
}

async fn a_user_sees_and_ends_only_their_own_sessions(scene: Scene) {
    let mut phone = scene.logged_in("alice").await;
    scene.advance_minutes(1);
    let mut laptop = scene.logged_in("alice").await;
    let mut bob = scene.logged_in("bob").await;
    let listed = async |session: Session| {
        let own = session.own_sessions().await?;
        Ok::<_, Error>(own.iter().map(|own| own.id.to_string()).collect::<Vec<_>>().join(" "))
    };
    let ids = laptop.look(listed).await.body;
    let (newest, oldest) = ids.split_once(' ').unwrap();
    assert!(!ids.contains(&bob.look(listed).await.body));
    let end = |id: &str| {
        let id: SessionId = id.parse().unwrap();
        async move |session: Session| session.end_own(id).await.map(|ended| ended.to_string())
    };
    assert_eq!(bob.act(end(newest)).await.body, "false");
    assert_eq!(laptop.who().await, "alice");
    assert_eq!(laptop.look(end(oldest)).await.status, 500, "never on GET");
    assert_eq!(laptop.act(end(oldest)).await.body, "true");
    assert_eq!(laptop.act(end(oldest)).await.body, "false");
    assert_eq!((phone.who().await.as_str(), laptop.who().await.as_str()), ("nobody", "alice"));
    assert_eq!(scene.browser().look(listed).await.code(), "not-logged-in");
    let mut visitor = scene.browser();
    visitor.post("/data/x/1").await;
    assert_eq!(visitor.look(listed).await.code(), "not-logged-in");
}

async fn a_user_ends_all_other_sessions_or_all(scene: Scene) {
    let mut all = devices(&scene, &scene.open(), 3).await;
    let mut bob = scene.logged_in("bob").await;
    let others = async |session: Session| session.end_others().await.map(|count| count.to_string());
    assert_eq!(all[1].act(others).await.body, "2");
    assert_eq!(who_is_left(&mut all).await, [false, true, false]);
    all[1].post("/rotate").await;
    assert_eq!(all[1].who().await, "alice", "the one that stays goes on as before");
    all.extend(devices(&scene, &scene.open(), 1).await);
    let reply = all[1].post("/end-all").await;
    assert_eq!((reply.body.as_str(), reply.credential().as_deref()), ("2", Some("")));
    assert_eq!(who_is_left(&mut all).await, [false; 4]);
    assert_eq!(bob.who().await, "bob");
}

/// Law 11: changes of privilege bite at once.
async fn a_change_of_groups_is_seen_by_the_next_request(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    let is_admin = async |user: CurrentUser| user.is_in("admin").to_string();
    assert_eq!(browser.look(is_admin).await.body, "false");
    let admin = User::new("alice").unwrap().groups(["admin"]).unwrap();
    browser.cloakroom.sessions().regroup(&admin).await.unwrap();
    assert_eq!(browser.look(is_admin).await.body, "true");
    let demoted = async |session: Session| {
        session.user().await?;
        session.sessions().regroup(&User::new("alice")?).await?;
        session.insert("written-as", "admin").await
    };
    assert_eq!(browser.act(demoted).await.code(), "session-ended");
    assert_eq!(browser.look(is_admin).await.body, "false");
    assert_eq!(browser.get("/data/written-as").await.body, "");
}

async fn credentials_do_not_change_on_get(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    let log_in = async |session: Session| session.log_in(User::new("bob")?).await.map(drop);
    let log_out = async |session: Session| session.log_out().await;
    let rotate = async |session: Session| session.rotate().await;
    let end_all = async |session: Session| session.end_all_own().await.map(drop);
    for reply in [
        browser.look(log_in).await,
        browser.look(log_out).await,
        browser.look(rotate).await,
        browser.look(end_all).await,
    ] {
        assert_eq!((reply.status.as_u16(), reply.credential()), (500, None));
    }
    assert_eq!(browser.who().await, "alice");
    let refused =
        browser.look(async |session: Session| session.log_out().await.unwrap_err().to_string());
    assert!(refused.await.body.contains("need a POST"));
}

async fn the_callback_of_an_identity_provider_may_log_in_on_get_by_name(scene: Scene) {
    let cloakroom = scene.builder().weaker_credential_changes_on_get().open().await.unwrap();
    let mut browser = Browser::at(&cloakroom);
    let log_in = async |session: Session| session.log_in(User::new("alice")?).await.map(drop);
    assert_eq!(browser.look(log_in).await.status, 200);
    assert_eq!(browser.who().await, "alice");
    assert_eq!(browser.look(async |session: Session| session.log_out().await).await.status, 200);
    assert_eq!(browser.who().await, "nobody");
}
