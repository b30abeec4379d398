use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// Counts what it does; each piece of work after the first (the dummy) waits for a ticket.
struct Fake {
    log: Arc<Log>,
    tickets: Mutex<Receiver<()>>,
}

#[derive(Default)]
struct Log {
    hashed: AtomicUsize,
    verified: AtomicUsize,
    against: Mutex<Vec<String>>,
}

impl Fake {
    fn pause(&self) {
        // A closed channel means that nobody wants to hold the work back.
        let _ = self.tickets.lock().unwrap().recv();
    }
}

impl Hashing for Fake {
    fn hash(&self, password: &Password) -> Result<String, HashError> {
        if self.log.hashed.fetch_add(1, Ordering::SeqCst) > 0 {
            self.pause();
        }
        Ok(format!("hash of {}", password.expose()))
    }

    fn verify(&self, password: &Password, hash: &str) -> Option<bool> {
        self.pause();
        assert_ne!(password.expose(), "panic", "as the test wants it");
        self.log.verified.fetch_add(1, Ordering::SeqCst);
        self.log.against.lock().unwrap().push(hash.to_owned());
        let hash = hash.strip_prefix("old ").unwrap_or(hash);
        hash.strip_prefix("hash of ").map(|text| text == password.expose())
    }

    fn is_outdated(&self, hash: &str) -> bool {
        hash.starts_with("old ")
    }
}

struct Rig {
    pool: Pool,
    log: Arc<Log>,
    tickets: Sender<()>,
}

/// A pool of one thread where, after the running one, nothing may wait.
fn rig() -> Rig {
    let (tickets, receiver) = channel();
    let log = Arc::new(Log::default());
    let fake = Fake { log: Arc::clone(&log), tickets: Mutex::new(receiver) };
    let options = PoolOptions { threads: NonZeroUsize::MIN, wait: Duration::ZERO };
    Rig { pool: Pool::start_with(options, fake).unwrap(), log, tickets }
}

impl Rig {
    fn tickets(&self, count: usize) {
        (0..count).for_each(|_| self.tickets.send(()).unwrap());
    }

    fn verified(&self) -> usize {
        self.log.verified.load(Ordering::SeqCst)
    }
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

fn hash_of(text: &str) -> Option<String> {
    Some(format!("hash of {text}"))
}

#[tokio::test]
async fn unknown_wrong_and_right_do_the_same_work() {
    let rig = rig();
    rig.tickets(3);
    let mut counts = Vec::new();
    for (hash, expected) in [(None, false), (hash_of("other"), false), (hash_of("right"), true)] {
        let answer = rig.pool.admit().unwrap().verify(password("right"), hash).await;
        assert_eq!(answer.is_right(), expected);
        counts.push(rig.verified());
    }
    assert_eq!(counts, [1, 2, 3]);
}

#[tokio::test]
async fn an_outdated_hash_costs_the_work_of_a_new_one_whether_right_or_wrong() {
    let rig = rig();
    rig.tickets(4);
    let old = || Some("old hash of right".to_owned());
    let wrong = rig.pool.admit().unwrap().verify(password("other"), old()).await;
    assert_eq!(wrong, Verified::Wrong);
    let against = rig.log.against.lock().unwrap().clone();
    assert_eq!(against, ["old hash of right", "hash of nobody's password"]);
    let right = rig.pool.admit().unwrap().verify(password("right"), old()).await;
    assert_eq!(right, Verified::Outdated("hash of right".to_owned()));
    assert_eq!(format!("{right:?}"), "Outdated");
    assert_eq!((rig.verified(), rig.log.hashed.load(Ordering::SeqCst)), (3, 2));
}

#[tokio::test]
async fn nobody_can_log_in_as_an_unknown_user_with_the_dummy_password() {
    let rig = rig();
    rig.tickets(1);
    assert!(
        !rig.pool.admit().unwrap().verify(password("nobody's password"), None).await.is_right()
    );
}

#[tokio::test]
async fn an_unreadable_hash_does_the_same_work_and_is_refused() {
    let rig = rig();
    rig.tickets(2);
    assert!(
        !rig.pool.admit().unwrap().verify(password("x"), Some("garbage".into())).await.is_right()
    );
    let against = rig.log.against.lock().unwrap().clone();
    assert_eq!(against, ["garbage", "hash of nobody's password"]);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_any_work() {
    let rig = rig();
    let running = rig.pool.admit().unwrap();
    let busy = rig.pool.admit().unwrap_err();
    assert_eq!(busy.to_string(), "too many sign-ins at once; try again in 1 s");
    drop(running);
    assert!(rig.pool.admit().is_ok());
    assert_eq!((rig.pool.load().refused, rig.verified()), (1, 0));
}

#[tokio::test]
async fn a_place_is_taken_until_the_thread_is_done_even_if_nobody_waits() {
    let rig = rig();
    let answer = rig.pool.admit().unwrap().verify(password("x"), None);
    drop(answer);
    // The thread holds the work back, or has found it abandoned: both free the place in the end.
    let second = tokio::task::spawn_blocking({
        let pool = rig.pool.clone();
        move || loop {
            match pool.admit() {
                Ok(permit) => break permit,
                Err(_) => std::thread::yield_now(),
            }
        }
    });
    rig.tickets(1);
    drop(second.await.unwrap());
    assert_eq!(rig.pool.load().admitted, 0);
}

#[tokio::test]
async fn a_dropped_future_does_not_free_the_place_of_running_work() {
    let rig = rig();
    let mut answer = Box::pin(rig.pool.admit().unwrap().hash(password("x")));
    // The first hash was the dummy's; the second shows that the thread is at work.
    while rig.log.hashed.load(Ordering::SeqCst) < 2 {
        assert!(poll_once(&mut answer).await.is_none());
        tokio::task::yield_now().await;
    }
    drop(answer);
    assert!(rig.pool.admit().is_err());
    rig.tickets(1);
    while rig.pool.admit().is_err() {
        tokio::task::yield_now().await;
    }
}

async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = std::future::ready(()) => None,
    }
}

#[tokio::test]
async fn a_panic_costs_an_answer_but_no_thread_and_no_place() {
    let rig = rig();
    rig.tickets(2);
    assert!(!rig.pool.admit().unwrap().verify(password("panic"), None).await.is_right());
    while rig.pool.load().admitted > 0 {
        tokio::task::yield_now().await;
    }
    assert!(rig.pool.admit().unwrap().verify(password("a"), hash_of("a")).await.is_right());
}

#[tokio::test]
async fn work_outlives_the_pool_that_took_it() {
    let Rig { pool, tickets, .. } = rig();
    let answer = pool.admit().unwrap().verify(password("a"), hash_of("a"));
    drop(pool);
    drop(tickets);
    assert!(answer.await.is_right());
}

#[tokio::test]
async fn the_real_pool_hashes_verifies_and_measures() {
    let pool = Pool::start().unwrap();
    let hash = pool.admit().unwrap().hash(password("tulip-engine-57")).await.unwrap();
    assert!(
        pool.admit()
            .unwrap()
            .verify(password("tulip-engine-57"), Some(hash.clone()))
            .await
            .is_right()
    );
    assert!(
        !pool.admit().unwrap().verify(password("tulip-engine-58"), Some(hash)).await.is_right()
    );
    assert!(!pool.admit().unwrap().verify(password("tulip-engine-57"), None).await.is_right());
    let load = pool.load();
    assert!(load.average > Duration::ZERO && load.capacity >= load.threads, "{load:?}");
    assert!(format!("{pool:?}").starts_with("Pool(Load"));
}
