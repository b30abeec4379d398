//! A second process: this program again, told by its environment what to do.

use std::env;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cloakroom_core::{MemoryFiles, MemoryOptions, MemoryStore, Selector, Store};
use cloakroom_testkit::fixtures::{ABSOLUTE, Draft, START, digest, guard, logout, rotation, user};

use crate::support::subject;

const FILE: &str = "CLOAKROOM_MEMORY_FILE";
const WORKERS: usize = 6;

/// A process that makes and ends sessions, and says so once each end is acknowledged.
pub(crate) fn start(file: &Path) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "child::makes_and_ends_sessions_until_it_is_killed", "--nocapture"]);
    command.env(FILE, file).stdout(Stdio::piped()).spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn makes_and_ends_sessions_until_it_is_killed() {
    let Some(file) = env::var_os(FILE) else { return };
    let files = MemoryFiles { path: file.into(), every: Some(Duration::from_millis(15)) };
    let store = MemoryStore::open(files, MemoryOptions::default(), START).unwrap().0;
    say("ready");
    let workers = (0..WORKERS).map(|worker| tokio::spawn(work(store.clone(), worker)));
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
}

/// Whole lines, so that none is cut by the kill.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody listens any more once the parent has what it wants.
    let _ = out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush());
}

async fn work(store: MemoryStore, worker: usize) {
    let kept = subject(&store);
    // More rounds than there is time for.
    for round in 0_u64..1_000_000 {
        let name = format!("user-{worker}-{}", round % 5);
        let epoch = kept.epoch(user(&name)).await;
        let draft = || Draft::of(&name).epoch(epoch).idle(ABSOLUTE);
        let (one, two) = (kept.add(draft()).await, kept.add(draft()).await);
        match round % 4 {
            0 => {
                let end = logout(Selector::User(user(&name)), START);
                let epoch = store.end(end).await.unwrap().epoch;
                say(&format!("ended {one} {two}\nepoch {name} {epoch}"));
            }
            1 => {
                let end = logout(Selector::UserExcept(user(&name), two), START);
                let epoch = store.end(end).await.unwrap().epoch;
                say(&format!("ended {one}\nepoch {name} {epoch}"));
            }
            2 => {
                let word = format!("{worker} {round}");
                store.rotate(guard(two, START), rotation(1, &word)).await.unwrap();
                let new = digest(&word);
                say(&format!("rotated {two} {}", hexadecimal(new.as_bytes())));
                store.end(logout(Selector::Session(one), START)).await.unwrap();
                say(&format!("ended {one}"));
            }
            _ => {
                store.end(logout(Selector::Session(two), START)).await.unwrap();
                say(&format!("ended {two}"));
            }
        }
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
