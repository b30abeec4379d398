//! SQLite keeps the contract of stores and the laws.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use cloakroom_core::SessionStore;
use cloakroom_sqlite::SqliteStore;
use cloakroom_testkit::Kept;
use cloakroom_testkit::suite::a_dump_holds_no_presented_secret;

struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("cloakroom-sqlite-contract-{}-{count}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("tests may write to the temporary directory");
        Self(directory)
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(self.0.join("sessions.db")).expect("a new file opens")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn fresh() -> impl SessionStore {
    let directory = Directory::new();
    let store = directory.open();
    Kept::with(directory, store)
}

cloakroom_testkit::contract!(fresh);
cloakroom_testkit::laws!(fresh);

#[tokio::test]
async fn law_4_the_files_hold_no_presented_secret() {
    let directory = Directory::new();
    let path = directory.0.clone();
    a_dump_holds_no_presented_secret(directory.open(), move || every_file(&path)).await;
}

/// The bytes of all files. Another process reads them: this one would drop SQLite's locks when
/// it closed them.
fn every_file(directory: &Path) -> Vec<u8> {
    let output = Command::new("sh").args(["-c", "cat -- *"]).current_dir(directory).output();
    output.expect("every machine has sh and cat").stdout
}

#[test]
fn random_acts_come_to_what_they_come_to_in_the_reference_store() {
    cloakroom_testkit::model::run(fresh);
}
