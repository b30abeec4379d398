//! The cookie: how it is written, and which of those that come back are looked at.

use axum::http::Method;
use cloakroom::{CookiePolicy, SameSite, SecretKey, Session, User};
use cloakroom_testkit::Operation;

use crate::support::{Browser, Reply, Scene, on_every_store};

on_every_store!(
    a_login_sets_one_cookie_with_the_strictest_attributes,
    the_cookie_is_read_back_under_exactly_its_name,
    one_live_and_one_dead_credential_are_the_live_one_in_either_order,
    two_live_credentials_of_different_sessions_are_refused,
    a_login_gets_out_of_two_live_credentials_and_a_logout_ends_both,
    more_than_four_candidates_are_refused_unseen,
    bytes_that_are_no_text_neither_hide_nor_are_a_credential,
    a_credential_that_was_never_issued_is_not_adopted,
    a_forged_credential_costs_no_read_of_the_store,
    answers_that_read_or_set_a_session_are_not_stored_by_caches,
    an_answer_that_only_renews_is_not_stored_by_caches,
    answers_that_do_not_touch_the_session_pass_untouched,
    a_bearer_token_is_a_credential_too,
    a_bearer_token_is_never_renewed_by_a_cookie,
    weaker_cookies_are_written_and_read_as_they_were_named,
    a_remembered_login_outlives_the_browser_until_its_deadline,
    several_changes_of_the_credential_set_one_cookie,
);

fn cookie(token: &str) -> String {
    format!("__Host-session={token}")
}

/// What an answer is worth that a cache may have kept.
fn is_private(reply: &Reply) -> bool {
    reply.header("cache-control") == Some("no-store") && reply.header("vary") == Some("Cookie")
}

async fn a_login_sets_one_cookie_with_the_strictest_attributes(scene: Scene) {
    let reply = scene.browser().log_in("alice").await;
    let [set] = &reply.set_cookies()[..] else { panic!("{reply:?}") };
    let token = reply.credential().unwrap();
    assert!(token.starts_with("clk_"));
    let expected = format!("{}; Path=/; Secure; HttpOnly; SameSite=Lax", cookie(&token));
    assert_eq!(*set, expected);
}

/// Law 7: names match exactly.
async fn the_cookie_is_read_back_under_exactly_its_name(scene: Scene) {
    let browser = scene.logged_in("alice").await;
    let token = browser.cookie.clone().unwrap();
    let right = browser.with_cookies("/who", cookie(&token).as_bytes()).await;
    assert_eq!(right.body, "alice");
    for wrong in [
        format!("__host-session={token}"),
        format!("__Host-session2={token}"),
        format!("__Host-sessio={token}"),
        format!("x__Host-session={token}"),
        format!("__Host-session ={token}"),
        format!("__Secure-session={token}"),
        format!("session={token}"),
        format!("a=\"; {}x", cookie(&token)),
        format!("__Host-session=={token}"),
    ] {
        let reply = browser.with_cookies("/who", wrong.as_bytes()).await;
        assert_eq!(reply.body, "nobody", "{wrong}");
    }
    for fine in [
        format!("a=b;{}", cookie(&token)),
        format!("a=b; \t{} ;c=d", cookie(&token)),
        format!("__Host-session=\"{token}\""),
    ] {
        let reply = browser.with_cookies("/who", fine.as_bytes()).await;
        assert_eq!(reply.body, "alice", "{fine}");
    }
}

/// Law 7: a dead credential beside the live one does not stand in its way.
async fn one_live_and_one_dead_credential_are_the_live_one_in_either_order(scene: Scene) {
    let mut gone = scene.logged_in("bob").await;
    let dead = gone.cookie.clone().unwrap();
    gone.post("/logout").await;
    let browser = scene.logged_in("alice").await;
    let live = browser.cookie.clone().unwrap();
    for header in [
        format!("{}; {}", cookie(&dead), cookie(&live)),
        format!("{}; {}", cookie(&live), cookie(&dead)),
        format!("{}; {}", cookie(&live), cookie("garbage")),
        format!("{}; {}", cookie(&live), cookie(&live)),
    ] {
        let reply = browser.with_cookies("/who", header.as_bytes()).await;
        assert_eq!(reply.body, "alice", "{header}");
    }
}

/// Law 7: one identity per request.
async fn two_live_credentials_of_different_sessions_are_refused(scene: Scene) {
    let alice = scene.logged_in("alice").await.cookie.unwrap();
    let bob = scene.logged_in("bob").await.cookie.unwrap();
    let browser = scene.browser();
    for (first, second) in [(&alice, &bob), (&bob, &alice)] {
        let header = format!("{}; {}", cookie(first), cookie(second));
        for path in ["/who", "/home", "/data/x"] {
            let reply = browser.with_cookies(path, header.as_bytes()).await;
            assert_eq!(reply.status, 400, "{path}");
            assert_eq!(reply.code(), "ambiguous-credentials");
            assert!(reply.set_cookies().is_empty());
        }
        let public = browser.with_cookies("/public", header.as_bytes()).await;
        assert_eq!(public.status, 200);
    }
}

async fn a_login_gets_out_of_two_live_credentials_and_a_logout_ends_both(scene: Scene) {
    let alice = scene.logged_in("alice").await.cookie.unwrap();
    let bob = scene.logged_in("bob").await.cookie.unwrap();
    let header = format!("{}; {}", cookie(&alice), cookie(&bob));
    let headers = [("cookie", header.as_bytes()), ("sec-fetch-site", b"same-origin")];
    let browser = scene.browser();
    let login = browser.raw(Method::POST, "/login/carol", &headers).await;
    assert_eq!(login.status, 200);
    let token = login.credential().unwrap();
    assert_eq!(browser.with_cookies("/who", cookie(&token).as_bytes()).await.body, "carol");

    let logout = browser.raw(Method::POST, "/logout", &headers).await;
    assert_eq!((logout.status.as_u16(), logout.credential().as_deref()), (200, Some("")));
    for user in ["alice", "bob"] {
        assert!(scene.sessions_of(user).await.is_empty(), "{user}");
    }
}

/// Law 7: at most four candidates are looked at.
async fn more_than_four_candidates_are_refused_unseen(scene: Scene) {
    let browser = scene.logged_in("alice").await;
    let live = browser.cookie.clone().unwrap();
    let others = |count| (0..count).map(|nth| cookie(&format!("other{nth}"))).collect::<Vec<_>>();
    let four = [others(3), vec![cookie(&live)]].concat().join("; ");
    assert_eq!(browser.with_cookies("/who", four.as_bytes()).await.body, "alice");
    scene.probe.calls();
    for count in [4, 1_000] {
        for many in [
            [others(count), vec![cookie(&live)]].concat(),
            [vec![cookie(&live)], others(count)].concat(),
        ] {
            let reply = browser.with_cookies("/who", many.join("; ").as_bytes()).await;
            assert_eq!(reply.code(), "ambiguous-credentials");
        }
    }
    assert!(scene.probe.calls().is_empty());
}

async fn bytes_that_are_no_text_neither_hide_nor_are_a_credential(scene: Scene) {
    let browser = scene.logged_in("alice").await;
    let live = cookie(browser.cookie.as_ref().unwrap());
    let junk = [b"name=\xff\xfe\x80; ", live.as_bytes()].concat();
    assert_eq!(browser.with_cookies("/who", &junk).await.body, "alice");
    let beside = [b"__Host-session=\xff\xfe; ", live.as_bytes()].concat();
    assert_eq!(browser.with_cookies("/who", &beside).await.body, "alice");
    let alone = browser.with_cookies("/who", b"__Host-session=\xff\xfe").await;
    assert_eq!(alone.body, "nobody");
    let huge = [b"__Host-session=".as_slice(), &[b'A'; 100_000]].concat();
    assert_eq!(browser.with_cookies("/who", &huge).await.body, "nobody");
}

/// Law 7: a credential this server did not issue is never adopted.
async fn a_credential_that_was_never_issued_is_not_adopted(scene: Scene) {
    let other_key = SecretKey::from_bytes([8; 32]);
    let mut foreign = Browser::at(&scene.builder().key(other_key).open().await.unwrap());
    foreign.log_in("mallory").await;
    for planted in [foreign.cookie.unwrap().as_str(), "chosen-by-an-attacker", "", "clk_"] {
        let mut victim = scene.browser();
        victim.cookie = Some(planted.to_owned());
        assert_eq!(victim.who().await, "nobody");
        let written = victim.post("/data/cart/book").await;
        assert_ne!(written.credential().as_deref(), Some(planted));
        victim.cookie = Some(planted.to_owned());
        let login = victim.log_in("alice").await;
        assert!(login.credential().is_some_and(|token| token != planted));
        assert_eq!(victim.who().await, "alice");
        victim.cookie = Some(planted.to_owned());
        assert_eq!(victim.who().await, "nobody", "the planted one has become somebody");
    }
}

/// Law 13: unauthenticated input costs no store reads.
async fn a_forged_credential_costs_no_read_of_the_store(scene: Scene) {
    let browser = scene.logged_in("alice").await;
    let live = browser.cookie.clone().unwrap();
    scene.probe.calls();
    let flipped = if live.ends_with('A') { "B" } else { "A" };
    let forged = format!("{}{flipped}", &live[..live.len() - 1]);
    assert_eq!(browser.with_cookies("/who", cookie(&forged).as_bytes()).await.body, "nobody");
    assert_eq!(scene.probe.calls(), []);
    assert_eq!(browser.with_cookies("/who", cookie(&live).as_bytes()).await.body, "alice");
    assert_eq!(scene.probe.calls(), [Operation::Load]);
}

async fn answers_that_read_or_set_a_session_are_not_stored_by_caches(scene: Scene) {
    let mut browser = scene.browser();
    assert!(is_private(&browser.get("/who").await), "looking for a cookie is reading it");
    assert!(is_private(&browser.get("/home").await), "so is being refused");
    assert!(is_private(&browser.log_in("alice").await));
    assert!(is_private(&browser.get("/who").await));
    assert!(is_private(&browser.get("/data/x").await));
    assert!(is_private(&browser.post("/data/x/1").await));
    assert!(is_private(&browser.post("/logout").await));
    browser.cookie = Some("garbage".to_owned());
    assert!(is_private(&browser.get("/who").await));
}

async fn an_answer_that_only_renews_is_not_stored_by_caches(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    scene.advance_minutes(61);
    let reply = browser.get("/who").await;
    assert!(reply.credential().is_some());
    assert!(is_private(&reply));
}

async fn answers_that_do_not_touch_the_session_pass_untouched(scene: Scene) {
    let mut browser = scene.logged_in("alice").await;
    scene.advance_minutes(61);
    let reply = browser.get("/public").await;
    assert_eq!(reply.status, 200);
    for header in ["cache-control", "vary", "set-cookie"] {
        assert_eq!(reply.header(header), None);
    }
}

async fn a_bearer_token_is_a_credential_too(scene: Scene) {
    let browser = scene.logged_in("alice").await;
    let token = browser.cookie.clone().unwrap();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_bytes())];
    let read = browser.raw(Method::GET, "/home", &headers).await;
    assert_eq!(read.body, "alice");
    assert!(is_private(&read));
    let write = browser.raw(Method::POST, "/data/x/1", &headers).await;
    assert_eq!(write.status, 200, "no browser sends it by itself, so no Origin is asked for");
    for other in [format!("Basic {token}"), token.clone(), format!("Bearer{token}")] {
        let headers = [("authorization", other.as_bytes())];
        assert_eq!(browser.raw(Method::GET, "/who", &headers).await.body, "nobody", "{other}");
    }
}

/// Law 8: a client that cannot take the successor is not made to look like a thief.
async fn a_bearer_token_is_never_renewed_by_a_cookie(scene: Scene) {
    let browser = scene.logged_in("alice").await;
    let token = browser.cookie.clone().unwrap();
    let bearer = format!("Bearer {token}");
    scene.advance_minutes(61);
    for beside in [cookie("garbage"), cookie(&token), "other=1".to_owned()] {
        let headers = [("authorization", bearer.as_bytes()), ("cookie", beside.as_bytes())];
        let reply = browser.raw(Method::GET, "/home", &headers).await;
        assert_eq!((reply.status.as_u16(), reply.credential()), (200, None), "{beside}");
    }
}

async fn weaker_cookies_are_written_and_read_as_they_were_named(scene: Scene) {
    let strict = CookiePolicy::host("__Host-shop").unwrap().same_site(SameSite::Strict);
    let wide = CookiePolicy::weaker_for_domain("sid", "example.org", SameSite::None).unwrap();
    for (policy, name, attributes) in [
        (strict, "__Host-shop", "; Path=/; Secure; HttpOnly; SameSite=Strict"),
        (wide, "sid", "; Path=/; Domain=example.org; Secure; HttpOnly; SameSite=None"),
    ] {
        let browser = Browser::at(&scene.builder().cookie(policy).open().await.unwrap());
        let reply = browser.raw(Method::POST, "/login/alice", &[]).await;
        let set = reply.header("set-cookie").unwrap();
        let (pair, rest) = set.split_at(set.find(';').unwrap());
        assert!(pair.starts_with(&format!("{name}=clk_")), "{set}");
        assert_eq!(rest, attributes);
        assert_eq!(browser.with_cookies("/who", pair.as_bytes()).await.body, "alice");
        let default = pair.replacen(name, "__Host-session", 1);
        assert_eq!(browser.with_cookies("/who", default.as_bytes()).await.body, "nobody");
    }
}

async fn a_remembered_login_outlives_the_browser_until_its_deadline(scene: Scene) {
    let day = 24 * 60;
    let mut browser = scene.browser();
    let login = browser.post("/remember/alice").await;
    assert!(login.set_cookies()[0].ends_with("; Max-Age=7776000"), "{login:?}");
    scene.advance_minutes(20 * day);
    let renewed = browser.get("/who").await;
    assert!(renewed.set_cookies()[0].ends_with("; Max-Age=6048000"), "{renewed:?}");
    let rotated = browser.post("/rotate").await;
    assert!(rotated.set_cookies()[0].ends_with("; Max-Age=6048000"), "{rotated:?}");
}

async fn several_changes_of_the_credential_set_one_cookie(scene: Scene) {
    let mut browser = scene.browser();
    let busy = async |session: Session| {
        session.insert("a", 1).await?;
        session.log_in(User::new("alice")?).await?;
        session.log_out().await?;
        session.log_in(User::new("bob")?).await?;
        session.rotate().await?;
        session.reauthenticated().await
    };
    let reply = browser.act(busy).await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (200, 1));
    assert_eq!(browser.who().await, "bob");
    assert_eq!(scene.rows().await, 1);
}
