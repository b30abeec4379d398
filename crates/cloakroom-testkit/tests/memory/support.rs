use std::path::PathBuf;
use std::time::Duration;

use cloakroom_core::{
    End, EndReason, MemoryFiles, MemoryOptions, MemoryStore, Restored, Selector, SessionId, Store,
    Timestamp, WhenFull,
};
use cloakroom_testkit::Subject;
use cloakroom_testkit::fixtures::START;
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

    /// All files as they are now, as a crash would leave them.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        for name in self.names() {
            std::fs::copy(self.directory.join(&name), copy.directory.join(&name)).unwrap();
        }
        copy
    }
}

pub(crate) fn within(max_sessions: u64, max_bytes: u64, when_full: WhenFull) -> MemoryStore {
    MemoryStore::within(MemoryOptions { max_sessions, max_bytes, when_full })
}

pub(crate) fn subject(store: &MemoryStore) -> Subject {
    Subject::new(store.clone())
}

pub(crate) async fn end(store: &MemoryStore, id: SessionId, now: Timestamp) -> u64 {
    let (selector, reason) = (Selector::Session(id), EndReason::Logout);
    store.end(End { selector, reason, by: None, now, epoch: None }).await.unwrap().count
}
