//! What a view of a million ended sessions takes, beside an empty one: resident memory, the time
//! to load it, and the time of a verification. Run it in release mode on a quiet machine.

use std::hint::black_box;
use std::time::{Duration, Instant};

use cloakroom_core::{
    Answer, Bucket, Change, Claimed, LogEntry, LogPage, Position, RevocationLog, RevocationView,
    SessionId, StoreAnswer, Timestamp, UserId,
};
use sha2::{Digest, Sha256};

const ENDED: u64 = 1_000_000;

/// Verifications of one timing, and timings of each view.
const TOGETHER: usize = 256;
const ROUNDS: usize = 4_000;

/// A log that makes its entries up as it is asked.
struct MadeUp(u64);

impl RevocationLog for MadeUp {
    fn log_after(&self, after: Option<Position>, limit: u32) -> StoreAnswer<'_, LogPage> {
        let from = after.map_or(0, |at| at.parts[0]);
        let to = self.0.min(from + u64::from(limit));
        let until = Timestamp::from_unix_millis(2_000_000_000_000);
        let entry = |number| LogEntry { change: Change::Ended(id(number)), until };
        let next = Position { incarnation: 1, parts: vec![to] };
        let entries = (from..to).map(entry).collect();
        Answer::ready(Ok(LogPage { entries, next, more: to < self.0, gap: false }))
    }
}

/// Random but for the version, as a UUIDv7 is behind its time.
fn id(number: u64) -> SessionId {
    let digest = Sha256::digest(number.to_be_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[..6].copy_from_slice(&(1_767_225_600_000 + number).to_be_bytes()[2..]);
    SessionId::from_bytes(bytes)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (empty, full) = (RevocationView::new(), RevocationView::new());
    empty.load(&MadeUp(0)).await.expect("an empty log is loaded");
    let (before, start) = (resident(), Instant::now());
    for _ in MadeUpPages::of(ENDED) {}
    let making = start.elapsed();
    let start = Instant::now();
    full.load(&MadeUp(ENDED)).await.expect("a full log is loaded");
    let loading = start.elapsed();
    println!("{:?}", full.usage());
    println!("resident: {:.1} MB more", (resident() - before) as f64 / 1e6);
    println!("load: {loading:.2?}, of which {making:.2?} make up the entries");
    full.load(&MadeUp(ENDED)).await.expect("a full log is loaded");
    println!("resident after a second load: {:.1} MB more", (resident() - before) as f64 / 1e6);
    compare("signature and view", &empty, &full, &signature, 0);
    compare("view alone", &empty, &full, &|number| number, 0);
    compare("signature and view, cold caches", &empty, &full, &signature, 64);
    let start = Instant::now();
    let now = Timestamp::from_unix_millis(1_900_000_000_000);
    Bucket::all().for_each(|_| drop(black_box(full.prune(now).to_string())));
    println!("pruning once around where nothing is due: {:?}", start.elapsed());
    let (mut longest, mut steps) = (Duration::ZERO, 0);
    let now = Timestamp::from_unix_millis(2_100_000_000_000);
    while full.usage().ended > 0 {
        let start = Instant::now();
        full.prune(now);
        longest = longest.max(start.elapsed());
        steps += 1;
    }
    println!("pruning all: {steps} steps, the longest {longest:?}, left {:?}", full.usage());
}

/// The entries that are loaded, made and dropped.
struct MadeUpPages(u64, u64);

impl MadeUpPages {
    fn of(entries: u64) -> Self {
        Self(0, entries)
    }
}

impl Iterator for MadeUpPages {
    type Item = SessionId;

    fn next(&mut self) -> Option<SessionId> {
        self.0 += 1;
        (self.0 <= self.1).then(|| black_box(id(self.0)))
    }
}

/// As much hashing as HMAC-SHA-256 of a token of 300 bytes takes.
fn signature(number: u64) -> u64 {
    let mut token = [7; 300];
    token[..8].copy_from_slice(&number.to_be_bytes());
    let inner = Sha256::new().chain_update([1; 64]).chain_update(token).finalize();
    let outer = Sha256::new().chain_update([2; 64]).chain_update(inner).finalize();
    u64::from(outer[0])
}

/// The two by turns, on live sessions, after so much other memory was written; medians, and the
/// median of the ratios of neighbours.
fn compare(
    name: &str,
    empty: &RevocationView,
    full: &RevocationView,
    first: &dyn Fn(u64) -> u64,
    evict_mib: usize,
) {
    let mut times: [Vec<f64>; 2] = Default::default();
    let mut other = vec![0_u8; evict_mib << 20];
    for round in 0..if evict_mib > 0 { ROUNDS / 10 } else { ROUNDS } {
        let from = 10_000_000 + (round * TOGETHER) as u64;
        let sessions: Vec<_> = (from..).take(TOGETHER).map(|it| (it, id(it))).collect();
        for (view, times) in [empty, full].into_iter().zip(&mut times) {
            other.iter_mut().step_by(64).for_each(|byte| *byte = byte.wrapping_add(1));
            times.push(time(view, &sessions, first));
        }
    }
    let mut ratios: Vec<_> =
        times[0].iter().zip(&times[1]).map(|(one, other)| other / one).collect();
    let [empty, full] = times.map(|mut times| median(&mut times));
    let ratio = median(&mut ratios);
    println!("{name}: empty {empty:.1} ns, full {full:.1} ns, {ratio:.3} x");
}

fn time(view: &RevocationView, sessions: &[(u64, SessionId)], first: &dyn Fn(u64) -> u64) -> f64 {
    let start = Instant::now();
    for (number, session) in sessions {
        black_box(first(*number));
        let (user, key) = (None::<&UserId>, "key");
        let claimed = Claimed { session: *session, user, epoch: 0, generation: 0, key, mark: None };
        assert!(black_box(view.deny(&claimed)).is_none());
    }
    start.elapsed().as_secs_f64() * 1e9 / sessions.len() as f64
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux tells what is resident");
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("a number of pages") * 4096
}
