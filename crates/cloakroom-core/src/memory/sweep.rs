use std::sync::Arc;

use super::Inner;
use super::merge::Merge;
use crate::{Bucket, EndReason, SessionId, StoreError, Sweep, Swept, Timestamp};

/// Sessions that are moved before others have their turn.
const TOGETHER: usize = 32;

type Due = (Timestamp, SessionId);

impl Inner {
    /// One batch. Each shard is locked for a few sessions at a time, and between them other tasks
    /// have their turn.
    pub(super) fn sweep(
        self: &Arc<Self>,
        sweep: Sweep,
    ) -> impl Future<Output = Result<Swept, StoreError>> + Send + use<> {
        let inner = Arc::clone(self);
        async move {
            if let Some(bucket) = Bucket::all().next() {
                inner.shard(bucket).check_open("sweep")?;
            }
            let limit = sweep.limit as usize;
            inner.log().prune(sweep.now, limit);
            let mut due = Vec::new();
            let (backlog, oldest) = inner.due(&sweep, &mut due);
            let mut swept = Swept { backlog, oldest, ..Swept::default() };
            for batch in due.chunks(TOGETHER) {
                inner.expire(batch, sweep.now, &mut swept);
                tokio::task::yield_now().await;
            }
            swept.history = inner.forget(&sweep);
            Ok(swept)
        }
    }

    /// Collects what is to be swept; how many expired ones are left then, counted up to ten times
    /// the limit, and the first deadline among them.
    fn due(&self, sweep: &Sweep, due: &mut Vec<Due>) -> (u64, Option<Timestamp>) {
        let limit = sweep.limit as usize;
        let fetch = |bucket: Bucket, last: Option<&Due>, most: usize| {
            self.shard(bucket).expired(last.copied(), sweep.now, most)
        };
        let mut expired = Merge::new(fetch);
        due.extend(expired.by_ref().take(limit));
        let Some((oldest, _)) = expired.next() else { return (0, None) };
        let most = limit.saturating_mul(10);
        (expired.count_up_to(most.saturating_sub(1)) as u64 + 1, Some(oldest))
    }

    fn expire(&self, batch: &[Due], now: Timestamp, swept: &mut Swept) {
        for (_, id) in batch {
            let reason = self.shard(id.bucket()).expire_if(*id, now);
            swept.sessions += u64::from(reason.is_some());
            swept.idle += u64::from(reason == Some(EndReason::Idle));
        }
    }

    /// Drops old history: of logins first, then of visitors.
    fn forget(&self, sweep: &Sweep) -> u64 {
        let limit = sweep.limit as usize;
        let named = self.forget_before(false, sweep.history_before, limit);
        let rest = limit - named;
        (named + self.forget_before(true, sweep.anonymous_before(), rest)) as u64
    }

    fn forget_before(&self, anonymous: bool, before: Timestamp, limit: usize) -> usize {
        let fetch = |bucket: Bucket, last: Option<&Due>, most: usize| {
            let mut oldest = self.shard(bucket).history.oldest(anonymous, last.copied(), most);
            let all = oldest.len() == most;
            oldest.retain(|(ended_at, _)| *ended_at < before);
            let more = all && oldest.len() == most;
            (oldest, more)
        };
        let stale: Vec<_> = Merge::new(fetch).take(limit).collect();
        stale.into_iter().filter(|(_, id)| self.shard(id.bucket()).forget(*id)).count()
    }
}
