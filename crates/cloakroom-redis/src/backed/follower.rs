//! Applies the log of the backing store to the cache, so that what Redis was not told of in time
//! (a crash, a lost connection) is mended.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{Bucket, Change, LogPage, Position, SessionId, SessionStore, StoreError};
use tracing::{debug, warn};

use super::cache::Cache;
use crate::connection::{Fault, Link};
use crate::reply::optional_bytes;

/// The pause between two rounds.
const INTERVAL: Duration = Duration::from_millis(500);

/// Entries of one page.
const PAGE: u32 = 1_000;

/// How long the position is kept in Redis: longer than a node would be down for.
const POSITION_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// Why a round came to nothing.
#[derive(Debug, thiserror::Error)]
enum Stuck {
    #[error("Redis: {0}")]
    Redis(String),
    #[error("the backing store: {0}")]
    Backing(#[from] StoreError),
    #[error("nodes on another database use it")]
    OtherBacking,
}

impl From<Fault> for Stuck {
    fn from(fault: Fault) -> Self {
        Self::Redis(fault.text().to_string())
    }
}

pub(super) async fn follow(cache: Arc<Cache>, backing: Arc<dyn SessionStore>) {
    let mut follower = Follower { cache, backing, is_stuck: false };
    loop {
        let outcome = follower.round().await;
        follower.tell(&outcome);
        tokio::time::sleep(INTERVAL).await;
    }
}

struct Follower {
    cache: Arc<Cache>,
    backing: Arc<dyn SessionStore>,
    is_stuck: bool,
}

impl Follower {
    async fn round(&self) -> Result<(), Stuck> {
        let began = self.cache.trust.now();
        let link = self.cache.calls.keeper.link().await?;
        if !self.cache.is_ours(&link).await? {
            return Err(Stuck::OtherBacking);
        }
        self.tell_untold().await?;
        // Not as remembered here: the same process may have followed another server meanwhile, and
        // the position was set back with all else.
        let next = match self.kept_position(&link).await? {
            Some(at) => self.apply(at).await?,
            None => self.begin().await?,
        };
        self.keep_position(&link, &next).await?;
        self.cache.trust.followed(&link.facts.run_id, began);
        Ok(())
    }

    /// Tells Redis what it could not be told before.
    async fn tell_untold(&self) -> Result<(), Fault> {
        let Some(untold) = self.cache.trust.untold() else { return Ok(()) };
        let ids: Vec<SessionId> = untold.sessions.iter().copied().collect();
        self.cache.drop_all(&ids).await?;
        if untold.all {
            self.cache.change_marks(Bucket::all()).await?;
        }
        self.cache.trust.told(&untold);
        Ok(())
    }

    /// Nobody knows how far this cache has come: what is in it is dropped, and the log is followed
    /// from its end.
    async fn begin(&self) -> Result<Position, Stuck> {
        let mut page = self.backing.log_after(None, PAGE).await?;
        while page.more {
            page = self.backing.log_after(Some(page.next), PAGE).await?;
        }
        self.cache.change_marks(Bucket::all()).await?;
        Ok(page.next)
    }

    async fn apply(&self, mut at: Position) -> Result<Position, Stuck> {
        loop {
            let page = self.backing.log_after(Some(at), PAGE).await?;
            if page.gap {
                return self.begin().await;
            }
            self.apply_page(&page).await?;
            if !page.more {
                return Ok(page.next);
            }
            at = page.next;
        }
    }

    async fn apply_page(&self, page: &LogPage) -> Result<(), Fault> {
        let (mut sessions, mut buckets) = (Vec::new(), Vec::new());
        for entry in &page.entries {
            match &entry.change {
                Change::Ended(id) | Change::Rotated(id, _) => sessions.push(*id),
                Change::UserEnded { user, .. } | Change::UserChanged(user) => {
                    buckets.push(Bucket::of(user));
                }
                // Also those that a later version adds.
                _ => buckets.extend(Bucket::all()),
            }
        }
        buckets.sort_unstable();
        buckets.dedup();
        if !sessions.is_empty() {
            self.cache.drop_all(&sessions).await?;
        }
        match buckets.is_empty() {
            true => Ok(()),
            false => self.cache.change_marks(buckets.into_iter()).await,
        }
    }

    async fn kept_position(&self, link: &Arc<Link>) -> Result<Option<Position>, Fault> {
        let mut question = redis::pipe();
        question.cmd("GET").arg(self.cache.calls.keys.position(&link.facts.run_id));
        let answer = self.cache.calls.send_all_on(link, &question).await?.pop();
        let text = answer.map(optional_bytes).transpose()?.flatten();
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(text.and_then(|text| text.parse().ok()))
    }

    async fn keep_position(&self, link: &Arc<Link>, at: &Position) -> Result<(), Fault> {
        let mut command = redis::pipe();
        command.cmd("SET").arg(self.cache.calls.keys.position(&link.facts.run_id));
        command.arg(at.to_string()).arg("PX").arg(POSITION_KEPT.as_millis() as u64);
        self.cache.calls.send_all_on(link, &command).await.map(drop)
    }

    /// Says once that the cache is not used, and once that it is again.
    fn tell(&mut self, outcome: &Result<(), Stuck>) {
        match outcome {
            Ok(()) if self.is_stuck => {
                self.is_stuck = false;
                debug!("the cache in Redis is used again");
            }
            Err(stuck) if !self.is_stuck => {
                self.is_stuck = true;
                warn!("the cache in Redis is not used for now: {stuck}");
            }
            _ => {}
        }
    }
}
