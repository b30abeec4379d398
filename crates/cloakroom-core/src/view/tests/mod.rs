mod apply;
mod follower;
mod log;
mod naive;
mod random;
mod store;
mod threads;
mod world;

use super::{Claimed, Mark, RevocationView};
use crate::{Bucket, Change, LogEntry, SessionId, Timestamp, UserId};

const NOW: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000);

const FAR: Timestamp = Timestamp::from_unix_millis(1_777_225_600_000);

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn entry(change: Change) -> LogEntry {
    LogEntry { change, until: FAR }
}

/// Claims that nothing was said about yet, without a mark.
fn claims(session: SessionId, user: Option<&UserId>) -> Claimed<'_> {
    Claimed { session, user, epoch: 0, generation: 0, key: "key", mark: None }
}

/// The same, made now as far as the view knows.
fn fresh<'a>(view: &RevocationView, session: SessionId, user: Option<&'a UserId>) -> Claimed<'a> {
    Claimed { mark: mark(view, session), ..claims(session, user) }
}

fn mark(view: &RevocationView, session: SessionId) -> Option<Mark> {
    view.mark(session.bucket())
}

fn id_of(user: &UserId, number: u64) -> SessionId {
    id(number).within(Bucket::of(user))
}

fn id(number: u64) -> SessionId {
    let mut bytes = [7; 16];
    bytes[4..12].copy_from_slice(&number.to_be_bytes());
    bytes[15] = bytes[11];
    SessionId::from_bytes(bytes)
}

/// Runs what is ready or only yields.
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
