use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::Durability;
use redis::Client;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tracing::{info, warn};

use super::backoff::Backoff;
use super::{Fault, Link};
use crate::reply::text;
use crate::server::ServerFacts;

/// Keeps one connection. While there is none everybody is refused at once, and a task tries again
/// with pauses; only the first try after a loss is waited for.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Clone)]
enum State {
    Up(Arc<Link>),
    /// Under way for the first time since the loss.
    Connecting,
    Down(Fault),
}

/// What is connected to.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) client: Client,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) durable: Durable,
}

/// What to do with a server that could lose sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durable {
    /// Nothing is lost with it.
    Needless,
    /// Say it in the log.
    Told,
    /// Do not use it.
    Required,
}

impl Target {
    async fn connect(&self) -> Result<Link, Fault> {
        Link::connect(&self.client, self.connect_timeout, self.response_timeout).await
    }
}

struct Shared {
    target: Target,
    state: watch::Sender<State>,
    lost: Notify,
}

/// How often the server is asked whether it still is what it was.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

impl Keeper {
    /// Connects for the first time, so that a wrong address is told at once.
    pub(crate) async fn connect(target: Target) -> Result<Self, Fault> {
        let link = target.connect().await?;
        Ok(Self::starting(target, State::Up(Arc::new(link))))
    }

    /// Goes on from a connection that did not come about.
    pub(crate) fn down(target: Target, fault: Fault) -> Self {
        Self::starting(target, State::Down(fault))
    }

    fn starting(target: Target, state: State) -> Self {
        let (state, lost) = (watch::Sender::new(state), Notify::new());
        let shared = Arc::new(Shared { target, state, lost });
        let task = tokio::spawn(keep(Arc::clone(&shared))).abort_handle();
        Self { shared, task }
    }

    /// The connection there is.
    pub(crate) async fn link(&self) -> Result<Arc<Link>, Fault> {
        let mut states = self.shared.state.subscribe();
        let settled = states.wait_for(|state| !matches!(state, State::Connecting));
        let most = self.shared.target.connect_timeout;
        match tokio::time::timeout(most, settled).await {
            Ok(Ok(state)) => match &*state {
                State::Up(link) => Ok(Arc::clone(link)),
                State::Down(fault) => Err(Fault::not_done(fault.text())),
                State::Connecting => Err(Fault::not_done("Redis is being connected to")),
            },
            // The sender lives as long as this does.
            Ok(Err(_)) | Err(_) => Err(Fault::not_done("Redis is being connected to")),
        }
    }

    /// What was found of the server last.
    pub(crate) fn last_link(&self) -> Option<Arc<Link>> {
        match &*self.shared.state.borrow() {
            State::Up(link) => Some(Arc::clone(link)),
            State::Connecting | State::Down(_) => None,
        }
    }

    /// This connection has failed somebody.
    pub(crate) fn lost(&self, link: &Arc<Link>, why: &Fault) {
        self.shared.lose(link, why);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn lose(&self, link: &Arc<Link>, why: &Fault) {
        let changed = self.state.send_if_modified(|state| {
            let current = matches!(state, State::Up(current) if Arc::ptr_eq(current, link));
            if current {
                // One that does not answer has been waited for; it will hardly answer the next.
                *state = match why.is_late() {
                    true => State::Down(why.clone()),
                    false => State::Connecting,
                };
            }
            current
        });
        if changed {
            self.lost.notify_one();
        }
    }

    /// What is wrong, if the server does not answer, has become a replica, whose answers may be
    /// old, or was one meanwhile, which may have set it back.
    async fn look(&self, link: &Link) -> Result<(), Fault> {
        let info = match link.send(redis::cmd("INFO").arg("replication")).await {
            Ok(info) => info,
            Err(error) => {
                let fault = Fault::from(error);
                // It answers, though it may not tell this user.
                return if fault.ends_connection() { Err(fault) } else { Ok(()) };
            }
        };
        let found = ServerFacts::of(&text(info)?, &None);
        match found.replication_id == link.facts.replication_id {
            _ if found.is_replica => Err(is_replica()),
            true => Ok(()),
            false => Err(Fault::not_done("this Redis may have followed another server meanwhile")),
        }
    }

    async fn connect(&self) -> Result<Link, Fault> {
        let link = self.target.connect().await?;
        if link.facts.is_replica {
            return Err(is_replica());
        }
        let warnings = &link.facts.warnings;
        if self.target.durable == Durable::Required && !warnings.is_empty() {
            let reasons = warnings.join("; ");
            return Err(Fault::not_done(format!("Redis does not keep sessions safely: {reasons}")));
        }
        Ok(link)
    }
}

impl Shared {
    fn warn_of_loss(&self, facts: &ServerFacts, life: &str) {
        let keeps_all = facts.durability == Durability::Lossless;
        if self.target.durable != Durable::Needless && facts.run_id != life && !keeps_all {
            warn!(
                durability = %facts.durability,
                "this is another Redis process: sessions and ends that were not on its disk are lost"
            );
        }
    }
}

fn is_replica() -> Fault {
    Fault::not_done("this Redis has become a replica and takes no writes")
}

async fn keep(shared: Arc<Shared>) {
    let first = match &*shared.state.borrow() {
        State::Up(link) => Some(Arc::clone(link)),
        State::Connecting | State::Down(_) => None,
    };
    let (mut told, mut life) = match first {
        Some(link) => (link.facts.warnings.clone(), link.facts.run_id.clone()),
        None => Default::default(),
    };
    loop {
        watch_over(&shared).await;
        warn!("the connection to Redis was lost; connecting again");
        let mut backoff = Backoff::default();
        loop {
            match shared.connect().await {
                Ok(link) => {
                    info!(run_id = link.facts.run_id, "connected to Redis again");
                    shared.warn_of_loss(&link.facts, &life);
                    life.clone_from(&link.facts.run_id);
                    if shared.target.durable == Durable::Told && link.facts.warnings != told {
                        told.clone_from(&link.facts.warnings);
                        told.iter().for_each(|warning| warn!("{warning}"));
                    }
                    shared.state.send_replace(State::Up(Arc::new(link)));
                    break;
                }
                Err(fault) => {
                    shared.state.send_replace(State::Down(fault));
                }
            }
            tokio::time::sleep(backoff.next()).await;
        }
    }
}

/// Until the connection is lost; finds that out also when nobody uses it.
async fn watch_over(shared: &Arc<Shared>) {
    loop {
        let current = match &*shared.state.borrow() {
            State::Up(link) => Arc::clone(link),
            State::Connecting | State::Down(_) => return,
        };
        tokio::select! {
            () = shared.lost.notified() => {}
            () = tokio::time::sleep(LOOK_INTERVAL) => {
                if let Err(fault) = shared.look(&current).await {
                    shared.lose(&current, &fault);
                }
            }
        }
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keeper")
    }
}
