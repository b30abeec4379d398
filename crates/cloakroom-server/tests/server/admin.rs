//! What administrators see and end.

use std::collections::BTreeSet;
use std::thread;

use cloakroom_testkit::servers::Client;
use cloakroom_testkit::servers::http::Response;

use crate::support::{ADMIN, Site, between, endable, is_signed_in, session_of};

/// The sessions of all pages of a list, and how many pages there were.
fn all_pages(browser: &mut Client, first: &str) -> (Vec<String>, usize) {
    let (mut found, mut next, mut pages) = (Vec::new(), Some(first.to_owned()), 0);
    while let Some(path) = next {
        let page = browser.get(&path);
        assert_eq!(page.status, 200, "{page:?}");
        found.extend(rows(&page));
        next = next_page(&page);
        pages += 1;
    }
    (found, pages)
}

fn next_page(page: &Response) -> Option<String> {
    let text = page.text();
    let link = *between(&text, "href=\"", ">Next page").last()?;
    let href = link.rsplit("href=\"").next()?.split('"').next()?;
    Some(href.replace("&#38;", "&").replace("&amp;", "&"))
}

/// The ids in the rows of a list.
fn rows(page: &Response) -> Vec<String> {
    between(&page.text(), "<span class=\"id mono\">", "<").into_iter().map(str::to_owned).collect()
}

#[test]
fn the_pages_of_the_administration_are_for_administrators_alone() {
    let (site, ada) = Site::with_people("", &["bob"]);
    let (mut bob, mut visitor) = (site.browser_of("bob"), site.server.client());
    for path in ["admin", "admin/ended", "admin/users", "admin?q=a", "admin/users?after=a"] {
        let path = format!("/cloakroom/{path}");
        let refused = bob.get(&path);
        assert_eq!(refused.status, 403, "{path}");
        assert!(refused.text().contains("This page is for administrators"), "{refused:?}");
        assert_eq!(visitor.get(&path).status, 303, "{path}");
    }
    let (session, id) = (session_of(&ada), site.user_id(ADMIN));
    for path in [
        format!("sessions/{session}/end"),
        format!("users/{id}/end"),
        format!("users/{id}/disable"),
        format!("users/{id}/enable"),
        format!("users/{id}/password-link"),
        "users".to_owned(),
        "end-everyone".to_owned(),
    ] {
        let path = format!("/cloakroom/admin/{path}");
        let form = [("confirm", "everyone"), ("name", "new"), ("role", "admin")];
        assert_eq!(bob.post_form(&path, &form).status, 403, "{path}");
        assert_eq!(visitor.post_form(&path, &form).status, 303, "{path}");
    }
    assert!(is_signed_in(&mut ada.clone()) && is_signed_in(&mut bob));
    assert_eq!(site.count("SELECT count(*) FROM cloakroom_user"), 2);
}

#[test]
fn a_search_finds_a_whole_name_or_with_a_star_its_beginning() {
    let (site, mut ada) = Site::with_people("", &["ann", "anna", "bob", "a_n"]);
    let browsers = ["ann", "anna", "bob", "a_n"].map(|name| (name, site.browser_of(name)));
    let mut found = |search: &str| {
        let page = ada.get(&format!("/cloakroom/admin?q={search}"));
        let found = rows(&page);
        browsers
            .iter()
            .filter(|(_, browser)| found.contains(&session_of(browser)))
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
    };
    assert_eq!(found("ann"), ["ann"]);
    assert_eq!(found("ANN"), ["ann"]);
    assert_eq!(found("ann*"), ["ann", "anna"]);
    assert_eq!(found("a*"), ["ann", "anna", "a_n"]);
    assert_eq!(found("a_n*"), ["a_n"]);
    assert_eq!(found("%25*"), [""; 0]);
    assert_eq!(found("nobody"), [""; 0]);
    assert_eq!(found("*"), ["ann", "anna", "bob", "a_n"]);
    let page = ada.get("/cloakroom/admin?q=%3Cb%3Enobody").text();
    assert!(page.contains("matches <strong>&#60;b&#62;nobody</strong>"), "{page}");
}

#[test]
fn a_hundred_and_twenty_sessions_are_all_found_page_by_page() {
    let (site, mut ada) = Site::with_people("", &["bob", "bobby"]);
    let mut expected: BTreeSet<String> = thread::scope(|threads| {
        let sign_in = |_| {
            threads
                .spawn(|| (0..60).map(|_| session_of(&site.browser_of("bob"))).collect::<Vec<_>>())
        };
        let clients: Vec<_> = (0..2).map(sign_in).collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client ends")).collect()
    });
    assert_eq!(expected.len(), 120);
    let page = ada.get("/cloakroom/admin");
    assert!(page.text().contains("<dd>121</dd>"), "the count");
    let (found, pages) = all_pages(&mut ada, "/cloakroom/admin?q=bob");
    assert_eq!((found.len(), pages), (120, 3));
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    expected.insert(session_of(&site.browser_of("bobby")));
    let (found, _) = all_pages(&mut ada, "/cloakroom/admin?q=bob*");
    assert_eq!(found.len(), 121);
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    expected.insert(session_of(&ada));
    let (found, pages) = all_pages(&mut ada, "/cloakroom/admin");
    assert_eq!((found.len(), pages), (122, 3));
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);

    let path = format!("/cloakroom/admin/users/{}/end", site.user_id("bob"));
    let answer = ada.post_form(&path, &[]);
    assert!(ada.follow(&answer).text().contains("All sessions of that person have ended."));
    expected.retain(|id| *id != session_of(&ada));
    let (ended, _) = all_pages(&mut ada, "/cloakroom/admin/ended?q=bob");
    assert!(ended.len() >= 120, "{}", ended.len());
}

#[test]
fn a_cursor_that_nobody_handed_out_is_the_first_page() {
    let (site, mut ada) = Site::with_admin("");
    for path in ["admin", "admin/ended", "admin/users"] {
        let page = ada.get(&format!("/cloakroom/{path}?after=%00%27nonsense&q="));
        assert_eq!(page.status, 200, "{path}: {page:?}");
    }
    drop(site);
}

#[test]
fn an_administrator_ends_one_session_at_once_and_comes_back_to_the_same_place() {
    let (site, mut ada) = Site::with_people("", &["bob"]);
    let (mut bob, mut other) = (site.browser_of("bob"), site.browser_of("bob"));
    let path = format!("/cloakroom/admin/sessions/{}/end", session_of(&bob));
    let answer = ada.post_form(&path, &[("q", "b*"), ("after", "")]);
    let to = "/cloakroom/admin?q=b*&done=session-ended";
    assert_eq!(answer.header("Location").as_deref(), Some(to));
    let page = ada.follow(&answer);
    assert!(page.text().contains("The session has ended."), "{page:?}");
    assert_eq!(rows(&page), [session_of(&other)]);
    assert!(!is_signed_in(&mut bob) && is_signed_in(&mut other));
    let ended = ada.get(&format!("/cloakroom/admin/ended?q={}", session_of(&bob)));
    assert_eq!(rows(&ended), [session_of(&bob)]);
    assert!(ended.text().to_lowercase().contains("administrator"), "{ended:?}");
    assert_eq!(ada.post_form("/cloakroom/admin/sessions/x/end", &[]).status, 404);
}

#[test]
fn an_administrator_ends_all_sessions_of_one_person() {
    let (site, mut ada) = Site::with_people("", &["bob", "eve"]);
    let mut bobs = [site.browser_of("bob"), site.browser_of("bob")];
    let mut eve = site.browser_of("eve");
    let path = format!("/cloakroom/admin/users/{}/end", site.user_id("bob"));
    assert_eq!(ada.post_form(&path, &[]).status, 303);
    assert!(bobs.iter_mut().all(|bob| !is_signed_in(bob)));
    assert!(is_signed_in(&mut eve) && is_signed_in(&mut ada));
    assert!(is_signed_in(&mut site.browser_of("bob")));
}

#[test]
fn everyone_is_signed_out_only_when_it_is_confirmed() {
    let (site, mut ada) = Site::with_people("", &["bob"]);
    let mut bob = site.browser_of("bob");
    for form in [&[][..], &[("confirm", "")], &[("confirm", "yes")]] {
        let answer = ada.post_form("/cloakroom/admin/end-everyone", form);
        assert!(ada.follow(&answer).text().contains("Nothing ended."), "{answer:?}");
    }
    assert!(is_signed_in(&mut bob));
    let answer = ada.post_form("/cloakroom/admin/end-everyone", &[("confirm", "everyone")]);
    let page = ada.follow(&answer);
    assert!(page.text().contains("Sign in"), "{page:?}");
    assert!(!is_signed_in(&mut bob) && !is_signed_in(&mut ada));
    let mut ada = site.browser_of(ADMIN);
    assert_eq!(rows(&ada.get("/cloakroom/admin")), [session_of(&ada)]);
    assert_eq!(endable(&ada.get("/cloakroom/admin")), [session_of(&ada)]);
}

#[test]
fn the_ended_sessions_are_listed_with_their_reasons() {
    let (site, mut ada) = Site::with_people("", &["bob", "eve"]);
    let (mut bob, eve) = (site.browser_of("bob"), site.browser_of("eve"));
    let logged_out = session_of(&bob);
    bob.post_form("/cloakroom/logout", &[]);
    site.run(&["user", "disable", "eve"]);
    let page = ada.get("/cloakroom/admin/ended").text();
    let row = |id: &str| {
        let rows: Vec<_> = page.split("<tr role=\"row\"").filter(|row| row.contains(id)).collect();
        assert_eq!(rows.len(), 1, "{id}");
        rows[0].to_owned()
    };
    let row_of_bob = row(&logged_out);
    assert!(row_of_bob.contains("Signed out"), "{row_of_bob}");
    assert!(row(&session_of(&eve)).to_lowercase().contains("disabled"));
    let page = ada.get("/cloakroom/admin/ended?q=nobody").text();
    assert!(page.contains("No ended session matches <strong>nobody</strong>"), "{page}");
}
