//! State-changing requests of other sites are refused before any handler runs.

use axum::http::Method;
use cloakroom_testkit::Operation;

use crate::support::{Browser, Reply, Scene, on_every_store};

on_every_store!(
    another_site_can_neither_log_in_nor_out_nor_write,
    a_page_of_this_origin_can,
    an_old_browser_is_told_by_its_origin,
    a_request_with_cookies_must_say_where_it_comes_from,
    a_trusted_origin_may_send_requests_across_sites,
    links_from_other_sites_are_followed,
);

const STATE_CHANGES: [(Method, &str); 5] = [
    (Method::POST, "/login/mallory"),
    (Method::POST, "/logout"),
    (Method::POST, "/rotate"),
    (Method::POST, "/data/x/1"),
    (Method::DELETE, "/who"),
];

fn assert_refused(reply: &Reply, what: &str) {
    assert_eq!((reply.status.as_u16(), reply.code()), (403, "cross-site-request".into()), "{what}");
    assert_eq!(reply.credential(), None);
}

async fn another_site_can_neither_log_in_nor_out_nor_write(scene: Scene) {
    let mut alice = scene.logged_in("alice").await;
    scene.probe.calls();
    let evil = ("origin", "https://evil.example");
    let own = ("origin", "https://shop.example");
    let host = ("host", "shop.example");
    let sibling = ("origin", "https://blog.shop.example");
    for headers in [
        &[("sec-fetch-site", "cross-site"), evil, host][..],
        &[("sec-fetch-site", "cross-site"), own, host],
        &[("sec-fetch-site", "same-site"), sibling, host],
        &[("sec-fetch-site", "cross-site")],
        &[evil, host],
        &[sibling, host],
        &[("origin", "null"), host],
        &[("origin", "http://shop.example"), host],
        &[("origin", "https://shop.example:444"), host],
    ] {
        for (method, path) in &STATE_CHANGES {
            let reply = alice.with(method.clone(), path, headers).await;
            assert_refused(&reply, &format!("{method} {path} {headers:?}"));
        }
        let login = scene.browser().with(Method::POST, "/login/mallory", headers).await;
        assert_refused(&login, "a login form needs no cookie to be forged");
    }
    assert_eq!(scene.probe.calls(), [], "no handler ran");
    assert_eq!(alice.who().await, "alice");
    assert_eq!(alice.get("/data/x").await.body, "");
}

async fn a_page_of_this_origin_can(scene: Scene) {
    let alice = scene.logged_in("alice").await;
    for site in ["same-origin", "none"] {
        let headers = [("sec-fetch-site", site), ("origin", "https://shop.example")];
        assert_eq!(alice.with(Method::POST, "/data/x/1", &headers).await.status, 200, "{site}");
    }
    let headers = [("sec-fetch-site", "same-origin")];
    assert_eq!(alice.with(Method::POST, "/logout", &headers).await.status, 200);
}

async fn an_old_browser_is_told_by_its_origin(scene: Scene) {
    let alice = scene.logged_in("alice").await;
    for (origin, host) in [
        ("https://shop.example", "shop.example"),
        ("https://Shop.Example", "shop.example"),
        ("https://shop.example:8443", "shop.example:8443"),
        ("http://localhost:7070", "localhost:7070"),
        ("http://127.0.0.1:3000", "127.0.0.1:3000"),
        ("http://[::1]:3000", "[::1]:3000"),
    ] {
        let headers = [("origin", origin), ("host", host)];
        let reply = alice.with(Method::POST, "/data/x/1", &headers).await;
        assert_eq!(reply.status, 200, "{origin} {host}");
    }
}

async fn a_request_with_cookies_must_say_where_it_comes_from(scene: Scene) {
    let alice = scene.logged_in("alice").await;
    let reply = alice.with(Method::POST, "/logout", &[]).await;
    assert_refused(&reply, "silent");
    assert!(reply.body.contains("Origin"), "{}", reply.body);
    let silent = alice.raw(Method::POST, "/login/bob", &[]).await;
    assert_eq!(silent.status, 200, "a program without cookies has nothing to be abused");
}

async fn a_trusted_origin_may_send_requests_across_sites(scene: Scene) {
    let cloakroom = scene.builder().trust_origin("https://admin.example").open().await.unwrap();
    let mut alice = Browser::at(&cloakroom);
    alice.log_in("alice").await;
    for (origin, status) in [
        ("https://admin.example", 200),
        ("https://admin.example.evil", 403),
        ("https://admin.example:444", 403),
        ("http://admin.example", 403),
    ] {
        let headers = [("sec-fetch-site", "cross-site"), ("origin", origin)];
        let reply = alice.with(Method::POST, "/data/x/1", &headers).await;
        assert_eq!(reply.status, status, "{origin}");
    }
}

async fn links_from_other_sites_are_followed(scene: Scene) {
    let alice = scene.logged_in("alice").await;
    let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    assert_eq!(alice.with(Method::GET, "/home", &link).await.body, "alice");
    assert_eq!(alice.with(Method::HEAD, "/home", &link).await.status, 200);
    scene.probe.calls();
    assert_eq!(alice.with(Method::OPTIONS, "/home", &link).await.status, 405);
    assert!(!scene.probe.calls().contains(&Operation::Insert));
}
