use std::sync::Arc;

use crate::{
    Chain, End, EndReason, Guard, Happening, Live, Match, Presented, Record, Rejection,
    RenewalStep, RevocationBound, SecretDigest, Selector, SessionId, SessionToken, Sessions,
    StoreError, Timestamp, Updated, Verdict, granularity,
};

/// Most credentials looked at per request (law 7).
const MOST_CANDIDATES: usize = 4;

impl Sessions {
    /// What one credential is worth now. Input may be hostile and of any length; a forgery costs
    /// no read of the store.
    ///
    /// # Errors
    /// A fault of the store, which says nothing about the credential.
    pub async fn verify(&self, credential: &str) -> Result<Verdict, StoreError> {
        self.verify_arrived(credential, self.now()).await
    }

    /// As [`Sessions::verify`], for a request that arrived at `arrived_at`: one that took long to be
    /// read is not taken for theft because its credential was renewed meanwhile.
    ///
    /// # Errors
    /// As [`Sessions::verify`].
    pub async fn verify_arrived(
        &self,
        credential: &str,
        arrived_at: Timestamp,
    ) -> Result<Verdict, StoreError> {
        let start = self.0.meters.verification();
        let verdict = self.verify_one(credential, arrived_at).await;
        self.0.meters.verified(&verdict, start);
        verdict
    }

    /// What the credentials of one request are worth together: the one live session they name,
    /// or [`Rejection::Ambiguous`] when they name several or there are more than four (law 7).
    /// `arrived_at` is when the request came in: one that took long to be read is not taken for
    /// theft because its credential was renewed meanwhile.
    ///
    /// # Errors
    /// As [`Sessions::verify`].
    pub async fn verify_any(
        &self,
        credentials: &[String],
        arrived_at: Timestamp,
    ) -> Result<Verdict, StoreError> {
        if credentials.is_empty() {
            self.0.meters.absent();
            return Ok(Verdict::Absent);
        }
        let start = self.0.meters.verification();
        let verdict = self.verify_all(credentials, arrived_at).await;
        self.0.meters.verified(&verdict, start);
        verdict
    }

    async fn verify_all(
        &self,
        credentials: &[String],
        arrived_at: Timestamp,
    ) -> Result<Verdict, StoreError> {
        if credentials.len() > MOST_CANDIDATES {
            return Ok(self.reject(Rejection::Ambiguous, None));
        }
        let mut verdict = Verdict::Absent;
        for credential in credentials {
            verdict = match (verdict, self.verify_one(credential, arrived_at).await?) {
                (Verdict::Valid(first), Verdict::Valid(second)) if first.id() != second.id() => {
                    return Ok(self.reject(Rejection::Ambiguous, None));
                }
                // The second look ended the very session that the first one found.
                (Verdict::Valid(first), theft @ Verdict::Rejected(Rejection::Theft))
                    if self.named_by(credential) == Some(first.id()) =>
                {
                    theft
                }
                (Verdict::Valid(first), _) => Verdict::Valid(first),
                (_, next) => next,
            };
        }
        Ok(verdict)
    }

    async fn verify_one(
        &self,
        credential: &str,
        arrived_at: Timestamp,
    ) -> Result<Verdict, StoreError> {
        let Some(presented) = self.0.codec.read(credential) else {
            return Ok(self.reject(Rejection::Forged, None));
        };
        let now = self.now();
        let Some(record) = self.load(presented.id, now).await? else {
            return Ok(self.reject(Rejection::Unknown, Some(presented.id)));
        };
        if record.digest == presented.digest {
            self.note(&record, now).await;
            return Ok(valid(record, Match::Current, presented));
        }
        // Boxed, as it is rare: every handler's future has room for all that may happen here.
        Box::pin(self.verify_other(record, presented, arrived_at, now)).await
    }

    /// The credential is not the current one of the record, which may be an old copy of it.
    async fn verify_other(
        &self,
        record: Arc<Record>,
        presented: Presented,
        arrived_at: Timestamp,
        now: Timestamp,
    ) -> Result<Verdict, StoreError> {
        if self.0.store.revocation_bound() == RevocationBound::Immediate {
            return self.verify_renewed(record, presented, arrived_at, now).await;
        }
        match self.0.store.reload(record.id, now).await? {
            None => Ok(self.reject(Rejection::Unknown, Some(record.id))),
            Some(record) if record.digest == presented.digest => {
                Ok(self.valid(record, Match::Current, presented, now).await)
            }
            Some(record) => self.verify_renewed(record, presented, arrived_at, now).await,
        }
    }

    /// A session that looks unused is read again after its pending uses are written.
    async fn load(&self, id: SessionId, now: Timestamp) -> Result<Option<Arc<Record>>, StoreError> {
        let found = self.0.store.load(id, now).await?;
        if found.is_some() || !self.0.touches.has(id) {
            return Ok(found);
        }
        Box::pin(self.0.flush_those(|it| it == id)).await?;
        self.0.store.load(id, now).await
    }

    /// The session that a credential names, if this server issued it; whether it is live or not.
    pub fn named_by(&self, credential: &str) -> Option<SessionId> {
        self.0.codec.read(credential).map(|presented| presented.id)
    }

    /// The successor to send to the client, if its credential is due to be renewed (law 8).
    /// A lost answer is healed by the next call, which gives the same successor.
    ///
    /// # Errors
    /// A fault of the store; the client keeps a credential that is still good.
    pub async fn renew(&self, live: &Live) -> Result<Option<SessionToken>, StoreError> {
        let (record, now) = (&live.record, self.now());
        if !self.is_renewal_due(live, now) {
            return Ok(None);
        }
        let (token, next) = self.0.codec.successor(&live.presented);
        let still_good = if live.matched == Match::Current && record.renewal.next.is_none() {
            self.offer(record, next, now).await?
        } else {
            self.is_offered(record, next, now).await?
        };
        Ok(still_good.then_some(token))
    }

    /// Whether [`Sessions::renew`] would give a successor: the credential is old enough, an
    /// earlier answer with the successor may have been lost, or another tab got it.
    pub fn is_renewal_due(&self, live: &Live, now: Timestamp) -> bool {
        let renewal = &live.record.renewal;
        live.matched == Match::Parent
            || renewal.next.is_some()
            || now >= renewal.since.after(self.0.policy.renew_after)
    }

    /// Whether the successor made earlier still is what the client should have: a session that
    /// ended meanwhile must not be sent a credential (law 1).
    async fn is_offered(
        &self,
        record: &Record,
        next: SecretDigest,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let current = self.0.store.load(record.id, now).await?;
        Ok(current
            .is_some_and(|current| current.digest == next || current.renewal.next == Some(next)))
    }

    /// Records the offer before it is sent, on the condition that the session is live (law 1).
    async fn offer(
        &self,
        record: &Record,
        next: SecretDigest,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let guard = Guard { id: record.id, generation: record.generation, now };
        let offer = RenewalStep::Offer { counter: record.renewal.counter, next };
        let store = Arc::clone(&self.0.store);
        let offered = Self::to_its_end(async move { store.renew(guard, offer).await }).await?;
        Ok(matches!(offered, Updated::Done { .. }))
    }

    async fn verify_renewed(
        &self,
        record: Arc<Record>,
        presented: Presented,
        arrived_at: Timestamp,
        now: Timestamp,
    ) -> Result<Verdict, StoreError> {
        if record.renewal.next == Some(presented.digest) {
            return self.promote(record, presented, now).await;
        }
        if record.renewal.previous == Some(presented.digest) {
            if arrived_at <= record.renewal.since.after(self.0.policy.renew_grace) {
                return Ok(self.valid(record, Match::Parent, presented, now).await);
            }
            return self.end_stolen(&record, now).await;
        }
        if self.0.codec.descends(&presented, &record) {
            return self.end_stolen(&record, now).await;
        }
        Ok(self.reject(Rejection::Mismatch, Some(record.id)))
    }

    /// The successor came back, so the client has it: it becomes the current credential.
    async fn promote(
        &self,
        record: Arc<Record>,
        presented: Presented,
        now: Timestamp,
    ) -> Result<Verdict, StoreError> {
        let guard = Guard { id: record.id, generation: record.generation, now };
        let step = RenewalStep::Promote { next: presented.digest };
        let store = Arc::clone(&self.0.store);
        let promoted = Self::to_its_end(async move { store.renew(guard, step).await }).await;
        if matches!(promoted, Ok(Updated::Done { .. })) {
            self.tell(Happening::Renewed { record: &record });
        }
        match promoted {
            // Whether this step was taken or another one overtook it, what is there now counts.
            Ok(_) => Ok(match self.0.store.load(record.id, now).await? {
                Some(record) if holds(&record, &presented) => {
                    self.valid(record, Match::Current, presented, now).await
                }
                _ => self.reject(Rejection::Unknown, Some(presented.id)),
            }),
            // A store that can be read but not written must not log anybody out; the next
            // presentation promotes it.
            Err(error) => {
                tracing::warn!(session = %record.id, error = %Chain(&error), "renewal not recorded yet");
                Ok(self.valid(record, Match::Current, presented, now).await)
            }
        }
    }

    async fn end_stolen(&self, record: &Record, now: Timestamp) -> Result<Verdict, StoreError> {
        tracing::warn!(
            session = %record.id,
            user = record.user.as_ref().map(tracing::field::display),
            "an old credential was presented after its successor; the session ends"
        );
        let end = End {
            selector: Selector::Session(record.id),
            reason: EndReason::Theft,
            by: None,
            now,
            epoch: None,
        };
        self.end_definitely(end, record.user.clone()).await?;
        Ok(self.reject(Rejection::Theft, Some(record.id)))
    }

    /// Notes the use of a session, where that is not noted already.
    async fn note(&self, record: &Record, now: Timestamp) {
        let exact_to = granularity(record.idle_timeout);
        if now.since(record.last_seen_at) < exact_to {
            return;
        }
        self.0.touches.note(record.id, now);
        // Another process could refuse it before the next flush.
        if record.idle_deadline().since(now) <= exact_to
            && let Err(error) = Box::pin(self.0.flush_those(|it| it == record.id)).await
        {
            tracing::warn!(error = %Chain(&error), "a use shortly before the deadline is not written yet");
        }
    }

    async fn valid(
        &self,
        record: Arc<Record>,
        matched: Match,
        presented: Presented,
        now: Timestamp,
    ) -> Verdict {
        self.note(&record, now).await;
        valid(record, matched, presented)
    }
}

fn valid(record: Arc<Record>, matched: Match, presented: Presented) -> Verdict {
    Verdict::Valid(Live { record, matched, presented: Arc::new(presented) })
}

/// Whether the credential is the current one, or the successor on offer.
fn holds(record: &Record, presented: &Presented) -> bool {
    record.digest == presented.digest || record.renewal.next == Some(presented.digest)
}
