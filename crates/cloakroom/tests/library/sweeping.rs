//! The pace of the sweeper in the background, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom::{
    ClientInfo, Cloakroom, MemoryStore, Policy, SecretKey, SessionStore, StoreError, User,
};
use cloakroom_core::{Answer, StoreAnswer};
use cloakroom_testkit::{Call, Operation, Wrap, Wrapped, eventually};
use tokio::time::{Instant, advance};

/// What each sweep takes.
const TAKES: Duration = Duration::from_millis(40);

/// A store whose sweeps take their time, and every third of which fails.
#[derive(Debug, Default)]
struct Slow {
    store: MemoryStore,
    sweeps: Arc<Mutex<Vec<(Instant, Instant)>>>,
}

impl Wrap for Slow {
    fn inner(&self) -> &dyn SessionStore {
        &self.store
    }

    fn around<'a, T: Send + Unpin + 'a>(
        &'a self,
        operation: Operation,
        call: Call<'a, T>,
    ) -> StoreAnswer<'a, T> {
        if operation != Operation::Sweep {
            return call(self.inner());
        }
        Answer::pending(async move {
            let begun = Instant::now();
            advance(TAKES).await;
            let nth = {
                let mut sweeps = self.sweeps.lock().unwrap();
                sweeps.push((begun, Instant::now()));
                sweeps.len()
            };
            match nth % 3 {
                0 => Err(StoreError::failed("sweep", "ordered by a test")),
                _ => call(self.inner()).await,
            }
        })
    }
}

/// Ten expired sessions, which are swept one by one; and when the sweeps begin and end.
async fn ten_expired() -> (Cloakroom, Arc<Mutex<Vec<(Instant, Instant)>>>) {
    let slow = Slow::default();
    let sweeps = Arc::clone(&slow.sweeps);
    let clock = cloakroom::testing::clock();
    let sweep_interval = Duration::from_millis(500);
    let policy = Policy { sweep_interval, sweep_batch: 1, ..Policy::default() };
    let cloakroom = Cloakroom::store(Wrapped::shared(slow))
        .key(SecretKey::from_bytes([7; 32]))
        .clock(clock.clone())
        .policy(policy)
        .open()
        .await
        .unwrap();
    for _ in 0..10 {
        let user = User::new("alice").unwrap();
        cloakroom.sessions().log_in(user, ClientInfo::default(), None).await.unwrap();
    }
    clock.advance(Duration::from_secs(25 * 3_600));
    (cloakroom, sweeps)
}

#[tokio::test(start_paused = true)]
async fn the_sweeper_rests_after_a_batch_for_as_long_as_it_took_and_survives_errors() {
    let (cloakroom, sweeps) = ten_expired().await;
    let swept = || async { cloakroom.sessions().sweep_report().sessions == 10 };
    eventually("all are swept", swept).await;
    let sweeps = sweeps.lock().unwrap();
    let rests: Vec<_> = sweeps.windows(2).map(|pair| pair[1].0 - pair[0].1).collect();
    assert!(rests.iter().all(|rest| *rest >= TAKES), "{rests:?}");
    assert!(rests.iter().any(|rest| *rest < TAKES * 2), "{rests:?}");
    assert!(cloakroom.sessions().sweep_report().errors >= 4);
}

/// Counts how often uses are written.
#[derive(Debug, Default)]
struct Counted {
    store: MemoryStore,
    touches: Arc<Mutex<u32>>,
}

impl Wrap for Counted {
    fn inner(&self) -> &dyn SessionStore {
        &self.store
    }

    fn around<'a, T: Send + Unpin + 'a>(
        &'a self,
        operation: Operation,
        call: Call<'a, T>,
    ) -> StoreAnswer<'a, T> {
        *self.touches.lock().unwrap() += u32::from(operation == Operation::Touch);
        call(self.inner())
    }
}

#[tokio::test]
async fn many_uses_are_written_a_thousand_at_a_time() {
    let counted = Counted::default();
    let touches = Arc::clone(&counted.touches);
    let clock = cloakroom::testing::clock();
    let cloakroom = Cloakroom::store(Wrapped::shared(counted))
        .key(SecretKey::from_bytes([7; 32]))
        .clock(clock.clone())
        .open()
        .await
        .unwrap();
    let sessions = cloakroom.sessions();
    let mut tokens = Vec::new();
    for _ in 0..2_001 {
        let user = User::new("alice").unwrap();
        tokens.push(sessions.log_in(user, ClientInfo::default(), None).await.unwrap());
    }
    clock.advance(Duration::from_secs(3_600));
    for issued in &tokens {
        sessions.verify(issued.token.reveal()).await.unwrap();
    }
    assert_eq!(sessions.flush().await.unwrap(), 2_001);
    assert_eq!(*touches.lock().unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_ends_with_the_last_handle_even_in_a_rest() {
    let (cloakroom, sweeps) = ten_expired().await;
    eventually("the first batch is done", || async { !sweeps.lock().unwrap().is_empty() }).await;
    drop(cloakroom);
    // The store holds one of them, and goes with the last handle.
    eventually("the store is dropped", || async { Arc::strong_count(&sweeps) == 1 }).await;
    assert!(sweeps.lock().unwrap().len() < 4);
}
