//! What the cache in Redis holds, and who may fill it.
//!
//! Who finds nothing puts a placeholder with a nonce in its place, reads the backing store, and
//! fills in what it read only if the placeholder is still there. A change drops whatever is there,
//! so a fill that read the state before the change comes to nothing. Changes to many sessions
//! change the mark of their buckets instead, which every entry has to bear.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_core::{Bucket, Record, SessionId};
use redis::Value;
use tracing::debug;

use super::CacheCounts;
use super::trust::Trust;
use crate::calls::{Arguments, Calls};
use crate::connection::{Fault, Link};
use crate::record::{Strange, decode, encode};
use crate::reply::optional_bytes;
use crate::script::{FILL, LEASE, NAME};

/// How long Redis is waited for before the backing store is asked.
pub(super) const PATIENCE: Duration = Duration::from_millis(250);

/// How long a record stays, should nothing drop it.
const KEPT: Duration = Duration::from_secs(60);

/// How long a placeholder stays: longer than a read of the backing store may take.
const PLACEHOLDER: Duration = Duration::from_secs(5);

/// How long a mark stays unused. Nothing is relied upon without one.
const MARK: Duration = Duration::from_secs(3_600);

const MARK_LENGTH: usize = 16;

pub(super) struct Cache {
    pub(super) calls: Calls,
    pub(super) trust: Trust,
    backing_name: Option<String>,
    hits: AtomicU64,
    misses: AtomicU64,
    bypassed: AtomicU64,
}

/// What a look into the cache came to.
pub(super) enum Look {
    Found(Arc<Record>),
    /// Not there; what is read next may be filled in, unless somebody else is about to.
    Missed(Option<Right>),
    /// The cache cannot be used.
    Bypassed,
}

/// The right to fill in one record.
pub(super) struct Right {
    link: Arc<Link>,
    id: SessionId,
    nonce: [u8; 16],
    mark: Vec<u8>,
}

impl Cache {
    pub(super) fn new(calls: Calls, backing_name: Option<String>) -> Self {
        let zero = || AtomicU64::new(0);
        let trust = Trust::default();
        Self { calls, trust, backing_name, hits: zero(), misses: zero(), bypassed: zero() }
    }

    /// Whether no nodes on another database use this cache; says that this database is cached.
    pub(super) async fn is_ours(&self, link: &Arc<Link>) -> Result<bool, Fault> {
        let Some(name) = &self.backing_name else { return Ok(true) };
        let mut arguments = Arguments::default();
        // What others cached is gone when their name is.
        arguments.push(name.as_str()).number(KEPT.as_millis());
        let keys = [self.calls.keys.backing()];
        let answer = self.calls.run_on(link, &NAME, &keys, &arguments).await?;
        Ok(answer == Value::Int(1))
    }

    pub(super) fn counts(&self) -> CacheCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CacheCounts {
            hits: read(&self.hits),
            misses: read(&self.misses),
            bypassed: read(&self.bypassed),
        }
    }

    /// The life of the server whose cache can be relied upon now.
    pub(super) fn life(&self) -> Option<Arc<Link>> {
        self.calls.keeper.last_link().filter(|link| self.trust.covers(&link.facts.run_id))
    }

    pub(super) async fn look(&self, id: SessionId) -> Look {
        let looked = match self.life() {
            None => Look::Bypassed,
            Some(link) => self.look_on(&link, id).await.unwrap_or_else(|fault| {
                debug!(fault = %fault.text(), "reading the backing store instead of Redis");
                Look::Bypassed
            }),
        };
        let count = match looked {
            Look::Found(_) => &self.hits,
            Look::Missed(_) => &self.misses,
            Look::Bypassed => &self.bypassed,
        };
        count.fetch_add(1, Ordering::Relaxed);
        looked
    }

    async fn look_on(&self, link: &Arc<Link>, id: SessionId) -> Result<Look, Fault> {
        let life = &link.facts.run_id;
        let keys = self.keys(life, id);
        let mut question = redis::pipe();
        question.cmd("MGET").arg(&keys);
        let answer = self.calls.send_all_on(link, &question).await?.pop();
        if let Some(record) = entry(id, answer.unwrap_or(Value::Nil))? {
            // Not before the look: what was missed since then may be in it.
            return Ok(match self.trust.covers(life) {
                true => Look::Found(Arc::new(record)),
                false => Look::Bypassed,
            });
        }
        let (nonce, mark) = (random()?, random()?);
        let mut arguments = Arguments::default();
        arguments.push(nonce).push(mark);
        arguments.number(PLACEHOLDER.as_millis()).number(MARK.as_millis());
        let mark = optional_bytes(self.calls.run_on(link, &LEASE, &keys, &arguments).await?)?;
        let right = mark.map(|mark| Right { link: Arc::clone(link), id, nonce, mark });
        Ok(Look::Missed(right))
    }

    /// Fills in what was read from the backing store after the right was got.
    pub(super) async fn fill(&self, right: Right, record: &Record) {
        let Right { link, id, nonce, mark } = right;
        let mut arguments = Arguments::default();
        arguments.push(nonce).push(mark).push(encode(record));
        arguments.number(KEPT.as_millis()).number(MARK.as_millis());
        let keys = self.keys(&link.facts.run_id, id);
        if let Err(fault) = self.calls.run_on(&link, &FILL, &keys, &arguments).await {
            debug!(fault = %fault.text(), "a record was not cached");
        }
    }

    /// Drops what the cache holds of these sessions. While Redis cannot be told, the cache is not
    /// used here.
    pub(super) async fn forget(&self, ids: &[SessionId]) {
        if !ids.is_empty() && self.drop_all(ids).await.is_err() {
            self.trust.note_untold(Some(ids));
        }
    }

    /// Drops all that the cache holds of a bucket.
    pub(super) async fn forget_bucket(&self, bucket: Bucket) {
        if self.change_marks([bucket].into_iter()).await.is_err() {
            self.trust.note_untold(None);
        }
    }

    /// Drops all.
    pub(super) async fn forget_all(&self) {
        if self.change_marks(Bucket::all()).await.is_err() {
            self.trust.note_untold(None);
        }
    }

    pub(super) async fn drop_all(&self, ids: &[SessionId]) -> Result<(), Fault> {
        let link = self.calls.keeper.link().await?;
        let mut commands = redis::pipe();
        for id in ids {
            commands.cmd("DEL").arg(self.calls.keys.cached(&link.facts.run_id, *id));
        }
        self.calls.send_all_on(&link, &commands).await.map(drop)
    }

    pub(super) async fn change_marks(
        &self,
        buckets: impl Iterator<Item = Bucket>,
    ) -> Result<(), Fault> {
        let link = self.calls.keeper.link().await?;
        let mut commands = redis::pipe();
        for bucket in buckets {
            let key = self.calls.keys.mark(&link.facts.run_id, bucket);
            commands.cmd("SET").arg(key).arg(&random()?).arg("PX").arg(MARK.as_millis() as u64);
        }
        self.calls.send_all_on(&link, &commands).await.map(drop)
    }

    fn keys(&self, life: &str, id: SessionId) -> [String; 2] {
        [self.calls.keys.cached(life, id), self.calls.keys.mark(life, id.bucket())]
    }
}

/// The record of an entry that bears the mark of its bucket.
fn entry(id: SessionId, answer: Value) -> Result<Option<Record>, Strange> {
    let mut answers = crate::reply::list(answer)?.into_iter();
    let mut next = || optional_bytes(answers.next().unwrap_or(Value::Nil));
    let (Some(entry), Some(mark)) = (next()?, next()?) else { return Ok(None) };
    let Some((b'R', rest)) = entry.split_first() else { return Ok(None) };
    match rest.split_at_checked(MARK_LENGTH) {
        Some((own, record)) if own == mark => Ok(Some(decode(id, record)?.record)),
        _ => Ok(None),
    }
}

fn random() -> Result<[u8; MARK_LENGTH], Fault> {
    let mut bytes = [0; MARK_LENGTH];
    getrandom::fill(&mut bytes).map_err(Fault::not_done)?;
    Ok(bytes)
}
