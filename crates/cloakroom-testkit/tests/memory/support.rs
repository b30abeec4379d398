use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use cloakroom_core::{
    End, EndReason, Inserted, MemoryFiles, MemoryOptions, MemoryStore, Restored, Selector,
    SessionId, Store, Timestamp, WhenFull,
};
use cloakroom_testkit::Subject;
use cloakroom_testkit::fixtures::{START, logout, user};
use cloakroom_testkit::servers::TempDir;

/// No snapshot comes by itself within a test.
const SELDOM: Duration = Duration::from_secs(86_400);

/// A directory with the files of a store.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new("memory") }
    }

    pub(crate) fn snapshot(&self) -> PathBuf {
        self.directory.join("sessions")
    }

    /// The one journal that is there.
    pub(crate) fn journal(&self) -> PathBuf {
        let mut journals = self.names();
        journals.retain(|name| name.starts_with("sessions.journal-"));
        assert_eq!(journals.len(), 1, "{journals:?}");
        self.directory.join(&journals[0])
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    pub(crate) fn open(&self) -> (MemoryStore, Restored) {
        self.open_at(START, None)
    }

    pub(crate) fn open_journalled(&self) -> (MemoryStore, Restored) {
        self.open_at(START, Some(SELDOM))
    }

    pub(crate) fn open_at(
        &self,
        now: Timestamp,
        every: Option<Duration>,
    ) -> (MemoryStore, Restored) {
        let files = MemoryFiles { path: self.snapshot(), every };
        MemoryStore::open(files, MemoryOptions::default(), now).unwrap()
    }

    /// With periodic snapshots, and room for so many sessions.
    pub(crate) fn open_small(&self, max_sessions: u64) -> MemoryStore {
        let files = MemoryFiles { path: self.snapshot(), every: Some(SELDOM) };
        let when_full = WhenFull::EndLeastRecentlyUsed;
        let options = MemoryOptions { max_sessions, when_full, ..MemoryOptions::default() };
        MemoryStore::open(files, options, START).unwrap().0
    }

    /// All files as they are now, as a crash would leave them.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        for name in self.names() {
            std::fs::copy(self.directory.join(&name), copy.directory.join(&name)).unwrap();
        }
        copy
    }
}

/// While this is there, a store's journal writes nothing and does nothing: its thread is held by
/// whom it tells of an end.
#[derive(Debug)]
pub(crate) struct Stalled {
    _go: mpsc::Sender<()>,
}

struct Stall {
    reached: mpsc::Sender<()>,
    go: Mutex<mpsc::Receiver<()>>,
}

impl Wake for Stall {
    fn wake(self: Arc<Self>) {
        self.reached.send(()).unwrap();
        // An error: the other half is gone, so it goes on.
        let _ = self.go.lock().unwrap().recv();
    }
}

impl Stalled {
    pub(crate) fn new(store: &MemoryStore) -> Self {
        for _ in 0..1_000 {
            let ((reached, told), (go, wait)) = (mpsc::channel(), mpsc::channel());
            let waker = Waker::from(Arc::new(Stall { reached, go: Mutex::new(wait) }));
            let end = pin!(store.end(logout(Selector::User(user("nobody")), START)));
            if end.poll(&mut Context::from_waker(&waker)).is_pending() {
                told.recv().unwrap();
                return Self { _go: go };
            }
        }
        panic!("every end was written before it was waited for")
    }
}

pub(crate) fn within(max_sessions: u64, max_bytes: u64, when_full: WhenFull) -> MemoryStore {
    MemoryStore::within(MemoryOptions { max_sessions, max_bytes, when_full })
}

pub(crate) fn subject(store: &MemoryStore) -> Subject {
    Subject::new(store.clone())
}

pub(crate) fn crowded(outcome: Inserted, pushed_out: &[SessionId]) -> Inserted {
    Inserted::Crowded { outcome: Box::new(outcome), pushed_out: pushed_out.to_vec() }
}

pub(crate) async fn end(store: &MemoryStore, id: SessionId, now: Timestamp) -> u64 {
    let (selector, reason) = (Selector::Session(id), EndReason::Logout);
    store.end(End { selector, reason, by: None, now, epoch: None }).await.unwrap().count
}
