use std::task::{Context, Poll, Waker};

use cloakroom_core::{HistoryQuery, Keys, Query, SessionStore, StoreAnswer};

use crate::fixtures::{START, portrait};

/// All that a store in memory shows of its logins, digests included, and its `Debug` text.
pub(crate) fn of(store: &dyn SessionStore) -> Vec<u8> {
    let mut seen = format!("{store:?}").into_bytes();
    let query = Query { name: None, after: None, limit: 10_000, now: START };
    for summary in at_once(store.sessions(query)).items {
        seen.extend(format!("{summary:?}").into_bytes());
        if let Some(record) = at_once(store.load(summary.id, START)) {
            seen.extend(portrait(&record).into_bytes());
            seen.extend(record.digest.as_bytes());
        }
        let data = at_once(store.read(summary.id, START, Keys::All));
        seen.extend(format!("{data:?}").into_bytes());
    }
    let history = HistoryQuery { name: None, after: None, limit: 10_000 };
    seen.extend(format!("{:?}", at_once(store.history(history))).into_bytes());
    seen
}

fn at_once<T: Unpin>(mut answer: StoreAnswer<'_, T>) -> T {
    match std::pin::Pin::new(&mut answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(value)) => value,
        Poll::Ready(Err(error)) => panic!("the store failed: {error}"),
        Poll::Pending => panic!("a store in memory answers at once"),
    }
}
