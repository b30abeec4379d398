use cloakroom_core::{Cursor, NameMatch, Query, SessionId, Summary, Touch};

use crate::fixtures::{Draft, IDLE, START, at, sweep, user};
use crate::subject::Subject;

fn ids(summaries: &[Summary]) -> Vec<SessionId> {
    summaries.iter().map(|summary| summary.id).collect()
}

fn exact(name: &str) -> Option<NameMatch> {
    Some(NameMatch::Exact(name.to_owned()))
}

fn prefix(name: &str) -> Option<NameMatch> {
    Some(NameMatch::Prefix(name.to_owned()))
}

/// Names found, in order.
async fn found(store: &Subject, name: Option<NameMatch>, limit: u32) -> Vec<String> {
    let sessions = store.listed(name, limit, at(60)).await;
    sessions.into_iter().filter_map(|session| session.user_name).collect()
}

pub(super) async fn a_list_shows_each_live_login_on_exactly_one_page(store: Subject) {
    let mut expected = Vec::new();
    for second in 0..23 {
        let name = ["ada", "bob", "eve"][second as usize % 3];
        expected.push(store.add(Draft::of(name).at(at(second))).await);
    }
    expected.sort_unstable();
    for limit in [1, 4, 22, 23, 24, 1000] {
        let mut found = ids(&store.listed(None, limit, at(60)).await);
        found.sort_unstable();
        assert_eq!(found, expected, "pages of {limit}");
    }
}

pub(super) async fn a_list_shows_neither_visitors_nor_what_is_not_live(store: Subject) {
    store.add(Draft::anonymous()).await;
    let ended = store.add(Draft::of("ada")).await;
    store.end_session(ended, at(1)).await;
    store.add(Draft::of("ada").idle(IDLE / 2)).await;
    let now = START.after(IDLE / 2);
    let live = store.add(Draft::of("ada").at(now)).await;
    for name in [None, exact("ada"), prefix(""), prefix("a")] {
        assert_eq!(ids(&store.listed(name, 10, now).await), [live]);
    }
    assert_eq!(ids(&store.sessions_of(user("ada"), now).await), [live]);
}

pub(super) async fn a_summary_says_what_the_record_says(store: Subject) {
    let id = store.add(Draft::of("ada").with(|record| {
        record.groups = vec!["writers".to_owned()];
        record.remembered = true;
        record.client.address = Some("192.0.2.7".to_owned());
        record.client.user_agent = Some("Browser".to_owned());
    }));
    let id = id.await;
    store.touch(at(30), vec![Touch { id, seen_at: at(30) }]).await;
    let expected = Summary::from(&*store.record(id, at(60)).await);
    assert_eq!(expected.last_seen_at, at(30));
    let listed = store.listed(None, 10, at(60)).await;
    let of_user = store.sessions_of(user("ada"), at(60)).await;
    assert_eq!(format!("{listed:?}"), format!("{:?}", [&expected]));
    assert_eq!(format!("{of_user:?}"), format!("{:?}", [&expected]));
}

pub(super) async fn a_search_for_a_name_finds_exactly_it_newest_first(store: Subject) {
    let mut expected = Vec::new();
    for second in 0..7 {
        expected.insert(0, store.add(Draft::of("ada").at(at(second))).await);
        store.add(Draft::of(["adam", "Ada", "ad"][second as usize % 3]).at(at(second))).await;
    }
    for limit in [1, 3, 7, 50] {
        assert_eq!(ids(&store.listed(exact("ada"), limit, at(60)).await), expected);
    }
    assert!(store.listed(exact("a%"), 10, at(60)).await.is_empty());
    assert!(store.listed(exact(""), 10, at(60)).await.is_empty());
}

pub(super) async fn a_search_for_a_prefix_comes_by_name_then_newest_first(store: Subject) {
    let names = ["bobby", "bob", "Bob", "boa", "boba", "bob", "boc", "bo", "bobÿ"];
    for (second, name) in (0..).zip(names) {
        store.add(Draft::of("user").named(name).at(at(second))).await;
    }
    let expected = ["bob", "bob", "boba", "bobby", "bobÿ"];
    for limit in [1, 2, 3, 5, 50] {
        assert_eq!(found(&store, prefix("bob"), limit).await, expected, "pages of {limit}");
    }
    let bobs = store.listed(prefix("bob"), 1, at(60)).await;
    assert!(bobs[0].created_at > bobs[1].created_at, "newest first within a name");
    assert_eq!(found(&store, prefix(""), 2).await.len(), names.len());
}

pub(super) async fn names_match_byte_by_byte(store: Subject) {
    let names = ["a%b", "axb", "a_b", "a*c", "a?c", "a[b]c", "A%b", "é", "e\u{301}", "\u{10ffff}x"];
    for name in names {
        store.add(Draft::of("user").named(name)).await;
    }
    for name in names {
        assert_eq!(found(&store, exact(name), 10).await, [name]);
        assert_eq!(found(&store, prefix(name), 10).await, [name]);
    }
    assert_eq!(found(&store, prefix("a%"), 10).await, ["a%b"]);
    assert_eq!(found(&store, prefix("a["), 10).await, ["a[b]c"]);
    assert_eq!(found(&store, prefix("\u{10ffff}"), 10).await, ["\u{10ffff}x"]);
    assert_eq!(found(&store, prefix("e"), 10).await, ["e\u{301}"]);
}

pub(super) async fn the_last_page_has_no_next(store: Subject) {
    for second in 0..4 {
        store.add(Draft::of("ada").at(at(second))).await;
    }
    for name in [None, exact("ada"), prefix("a")] {
        let query = Query { name, after: None, limit: 4, now: at(60) };
        let page = store.sessions(query).await;
        assert_eq!((page.items.len(), page.next), (4, None));
    }
}

pub(super) async fn a_cursor_survives_its_text(store: Subject) {
    for (second, name) in (0..).zip(["a~b", "a b", "a~"]) {
        store.add(Draft::of("user").named(name).at(at(second))).await;
    }
    let mut query = Query { name: prefix("a"), after: None, limit: 1, now: at(60) };
    let mut seen = 0;
    loop {
        let page = store.sessions(query.clone()).await;
        seen += page.items.len();
        let Some(next) = page.next else { break };
        query.after = Some(next.to_string().parse().expect("a cursor reads its own text"));
    }
    assert_eq!(seen, 3);
}

pub(super) async fn a_made_up_cursor_reaches_nothing_else(store: Subject) {
    for name in ["ada", "bob", "eve"] {
        store.add(Draft::of(name)).await;
    }
    let first = SessionId::from_bytes([0; 16]);
    let last = SessionId::from_bytes([0xff; 16]);
    let names = [None, Some(""), Some("ada"), Some("bob"), Some("zzz~%"), Some("\u{10ffff}")];
    for search in [exact("bob"), prefix("b")] {
        for (id, name) in [first, last].into_iter().flat_map(|id| names.map(|name| (id, name))) {
            let after = Some(Cursor { id, name: name.map(str::to_owned) });
            let query = Query { name: search.clone(), after, limit: 10, now: at(60) };
            let page = store.sessions(query).await;
            let names = page.items.iter().filter_map(|session| session.user_name.as_deref());
            assert!(names.into_iter().all(|name| name == "bob"), "{search:?} behind {name:?}");
        }
    }
}

pub(super) async fn what_is_live_throughout_is_listed_once_under_change(store: Subject) {
    for name in [None, exact("ada"), prefix("a")] {
        let mut stay = Vec::new();
        let mut leave = Vec::new();
        for second in 0..30 {
            let id = store.add(Draft::of("ada").at(at(second))).await;
            if second % 3 == 0 { leave.push(id) } else { stay.push(id) }
        }
        let mut found = page_through_change(&store, name, leave).await;
        found.retain(|id| stay.contains(id));
        found.sort_unstable();
        assert_eq!(found, stay);
        store.sweep(sweep(START.after(IDLE * 2), 1000)).await;
    }
}

/// Between two pages, a session begins and another ends; also the one the page ended with.
async fn page_through_change(
    store: &Subject,
    name: Option<NameMatch>,
    mut leave: Vec<SessionId>,
) -> Vec<SessionId> {
    let mut query = Query { name, after: None, limit: 4, now: at(60) };
    let mut found = Vec::new();
    loop {
        let page = store.sessions(query.clone()).await;
        found.extend(ids(&page.items));
        store.add(Draft::of("ada").at(at(found.len() as u64))).await;
        let at_cursor = page.next.as_ref().map(|next| next.id);
        let leaving = leave.iter().position(|id| Some(*id) == at_cursor).unwrap_or(0);
        if !leave.is_empty() {
            store.end_session(leave.remove(leaving), at(60)).await;
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return found,
        }
    }
}

pub(super) async fn the_sessions_of_a_user_come_newest_first(store: Subject) {
    let mut expected = Vec::new();
    for second in 0..5 {
        expected.insert(0, store.add(Draft::of("ada").at(at(second))).await);
        store.add(Draft::of("bob").at(at(second))).await;
    }
    assert_eq!(ids(&store.sessions_of(user("ada"), at(60)).await), expected);
    assert!(store.sessions_of(user("nobody"), at(60)).await.is_empty());
}

pub(super) async fn the_sessions_of_a_user_are_at_most_a_thousand(store: Subject) {
    let inserts = (0..1001).map(|second| {
        let (store, draft) = (store.clone(), Draft::of("ada").at(at(second)));
        tokio::spawn(async move { store.add(draft).await })
    });
    for insert in inserts.collect::<Vec<_>>() {
        insert.await.expect("the insert does not panic");
    }
    let sessions = store.sessions_of(user("ada"), at(1001)).await;
    assert_eq!(sessions.len(), 1000);
    assert_eq!(sessions[0].created_at, at(1000));
}
