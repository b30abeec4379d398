use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use cloakroom_core::{SessionStore, StoreAnswer};

use crate::random::Random;
use crate::wrap::{Call, Operation, SharedStore, Wrap, Wrapped};

/// One of the tasks that race each other.
pub type Actor = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs `actors` on this thread to their end. At each yield point the seeded `random` chooses
/// which goes on, so a seed names an interleaving: exactly where the store answers at once, and
/// as far as the store's own threads allow elsewhere.
pub fn interleave(actors: Vec<Actor>, random: Random) -> impl Future<Output = ()> + Send {
    Interleaving { lanes: actors.into_iter().map(Lane::new).collect(), random }
}

/// Lets the scheduler choose who goes on.
pub async fn yield_point() {
    let mut passed = false;
    std::future::poll_fn(|context| {
        if passed {
            return Poll::Ready(());
        }
        passed = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A store with a yield point before and after each operation.
#[derive(Debug)]
pub struct Yielding(SharedStore);

impl Yielding {
    /// Yield points around `store`.
    pub fn around(store: SharedStore) -> SharedStore {
        Wrapped::shared(Self(store))
    }
}

impl Wrap for Yielding {
    fn inner(&self) -> &dyn SessionStore {
        &*self.0
    }

    fn around<'a, T: Send + Unpin + 'a>(
        &'a self,
        _operation: Operation,
        call: Call<'a, T>,
    ) -> StoreAnswer<'a, T> {
        StoreAnswer::pending(async move {
            yield_point().await;
            let answer = call(self.inner()).await;
            yield_point().await;
            answer
        })
    }
}

struct Interleaving {
    lanes: Vec<Lane>,
    random: Random,
}

struct Lane {
    actor: Actor,
    signal: Arc<Signal>,
}

/// Whether a lane can go on, and whom to wake when it can.
struct Signal {
    ready: AtomicBool,
    parent: Mutex<Waker>,
}

impl Lane {
    fn new(actor: Actor) -> Self {
        let parent = Mutex::new(Waker::noop().clone());
        Self { actor, signal: Arc::new(Signal { ready: AtomicBool::new(true), parent }) }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.ready.store(true, Ordering::SeqCst);
        self.parent.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
    }
}

impl Interleaving {
    fn ready_lane(&mut self) -> Option<usize> {
        let is_ready = |lane: &Lane| lane.signal.ready.load(Ordering::SeqCst);
        let lanes = self.lanes.iter().enumerate();
        let ready: Vec<usize> =
            lanes.filter(|(_, lane)| is_ready(lane)).map(|(index, _)| index).collect();
        (!ready.is_empty()).then(|| *self.random.pick(&ready))
    }

    fn step(&mut self, index: usize) {
        let lane = &mut self.lanes[index];
        lane.signal.ready.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&lane.signal));
        if lane.actor.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            self.lanes.swap_remove(index);
        }
    }
}

impl Future for Interleaving {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Before the flags are looked at, or a wake-up in between would be lost.
        for lane in &self.lanes {
            let mut parent = lane.signal.parent.lock().unwrap_or_else(PoisonError::into_inner);
            parent.clone_from(context.waker());
        }
        while let Some(index) = self.ready_lane() {
            self.step(index);
        }
        if self.lanes.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl fmt::Debug for Interleaving {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Interleaving").field("lanes", &self.lanes.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(seed: u64) -> Vec<usize> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let actors = (0..3).map(|name| {
            let seen = Arc::clone(&seen);
            Box::pin(async move {
                for _ in 0..4 {
                    yield_point().await;
                    seen.lock().unwrap().push(name);
                }
            }) as Actor
        });
        let race = std::pin::pin!(interleave(actors.collect(), Random::new(seed)));
        assert!(race.poll(&mut Context::from_waker(Waker::noop())).is_ready());
        let seen = seen.lock().unwrap();
        seen.clone()
    }

    #[test]
    fn a_seed_names_an_interleaving() {
        assert_eq!(order(5), order(5));
        assert!((0..20).any(|seed| order(seed) != order(5)));
    }

    #[tokio::test]
    async fn an_actor_woken_from_another_thread_goes_on() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || sender.send(()));
        let waiting: Actor = Box::pin(async { receiver.await.expect("the thread sends") });
        interleave(vec![waiting], Random::new(1)).await;
    }
}
