use cloakroom_core::{HistoryQuery, SessionId};

use crate::fixtures::{Draft, IDLE, START, at, sweep};
use crate::subject::Subject;

async fn pages(store: &Subject, name: Option<&str>, limit: u32) -> Vec<SessionId> {
    let mut query = HistoryQuery { name: name.map(str::to_owned), after: None, limit };
    let mut found = Vec::new();
    loop {
        let page = store.history(query.clone()).await;
        assert!(page.items.len() <= limit as usize, "a page of more than {limit} rows");
        found.extend(page.items.iter().map(|ended| ended.id));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return found,
        }
        assert!(found.len() < 1000, "the pages of the history never end");
    }
}

pub(super) async fn a_live_or_unknown_session_has_not_ended(store: Subject) {
    let live = store.add(Draft::of("ada")).await;
    assert!(store.ended(live).await.is_none());
    assert!(store.ended(SessionId::new(None, START)).await.is_none());
    assert!(pages(&store, None, 10).await.is_empty());
}

pub(super) async fn an_expired_session_is_in_the_history_once_it_is_swept(store: Subject) {
    let id = store.add(Draft::of("ada")).await;
    assert!(store.ended(id).await.is_none());
    store.sweep(sweep(START.after(IDLE), 10)).await;
    assert!(store.ended(id).await.is_some());
    assert_eq!(pages(&store, None, 10).await, [id]);
}

pub(super) async fn the_history_comes_newest_session_first_page_by_page(store: Subject) {
    let mut expected = Vec::new();
    for second in 0..11 {
        expected.insert(0, store.add(Draft::of("ada").at(at(second))).await);
    }
    // Ended in another order than they began.
    for (index, _) in expected.iter().enumerate() {
        store.end_session(expected[index * 4 % 11], at(60)).await;
    }
    for limit in [1, 4, 11, 50] {
        assert_eq!(pages(&store, None, limit).await, expected, "pages of {limit}");
    }
}

pub(super) async fn the_history_of_a_name_shows_exactly_it(store: Subject) {
    let mut expected = Vec::new();
    for (second, name) in (0..).zip(["ada", "adam", "Ada", "ada", "a%", "ada"]) {
        let id = store.add(Draft::of("user").named(name).at(at(second))).await;
        store.end_session(id, at(60)).await;
        if name == "ada" {
            expected.insert(0, id);
        }
    }
    for limit in [1, 2, 3, 50] {
        assert_eq!(pages(&store, Some("ada"), limit).await, expected, "pages of {limit}");
    }
    assert!(pages(&store, Some("%"), 10).await.is_empty());
}

pub(super) async fn the_history_lists_logins_only(store: Subject) {
    let visitor = store.add(Draft::anonymous()).await;
    store.end_session(visitor, at(1)).await;
    assert!(store.ended(visitor).await.is_some());
    assert!(pages(&store, None, 10).await.is_empty());
}
