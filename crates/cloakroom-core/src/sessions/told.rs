use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use crate::meters::{live_sessions, sweeper};
use crate::{
    End, EndReason, Ended, Family, Happening, Issued, LoginOutcome, Meters, Observer, Record,
    Rejection, Selector, SessionError, SessionId, Sessions, UserId, Verdict,
};

/// Longest wait for the store's counters.
const LONGEST_COUNT: Duration = Duration::from_secs(1);

impl Sessions {
    /// Tells `observer` of all that happens from now on. There is one: false when there was one
    /// already, which stays.
    pub fn observe(&self, observer: Arc<dyn Observer>) -> bool {
        self.0.observer.set(observer).is_ok()
    }

    /// What was counted since the start.
    pub fn meters(&self) -> &Meters {
        &self.0.meters
    }

    /// Everything that is measured. Each family's `Display` is the Prometheus text format, so the
    /// page of an application's own is all of them, one after the other.
    ///
    /// Costs one look at the store's counters; while the store is down, the families of live
    /// sessions have no samples.
    pub async fn metrics(&self) -> Vec<Family> {
        let now = self.now();
        // A store that hangs must not take the other numbers with it.
        let counts = tokio::time::timeout(LONGEST_COUNT, self.0.store.counts(now)).await;
        let counts = counts.ok().and_then(Result::ok);
        let mut families: Vec<_> = live_sessions(counts).into();
        families.extend(self.0.meters.families());
        families.extend(sweeper(&self.sweep_report(), now));
        families
    }

    pub(super) fn tell(&self, happening: Happening<'_>) {
        self.0.tell(happening);
    }

    /// A rejected credential, told on the way.
    pub(super) fn reject(&self, rejection: Rejection, session: Option<SessionId>) -> Verdict {
        self.tell(Happening::Rejected { rejection, session });
        Verdict::Rejected(rejection)
    }

    /// What a login came to, and whom it ended.
    pub(super) fn tell_login(
        &self,
        user: &UserId,
        replaced: Option<&Record>,
        outcome: &Result<Issued, SessionError>,
    ) {
        let issued = match outcome {
            // It was told when an earlier try made it.
            Ok(issued) if issued.repeated => return,
            Err(SessionError::Gone | SessionError::Replaced) => return,
            Ok(issued) => issued,
            Err(error) => {
                let outcome = match error {
                    SessionError::LimitReached => LoginOutcome::SessionLimit,
                    SessionError::Superseded => LoginOutcome::Superseded,
                    SessionError::Full => LoginOutcome::Full,
                    _ => LoginOutcome::Error,
                };
                return self.tell(Happening::LoginRefused { user, outcome });
            }
        };
        self.tell(Happening::Began { record: &issued.live.record });
        for id in &issued.ended {
            self.tell_one_end(*id, Some(user), EndReason::Limit);
        }
        if let Some(record) = replaced {
            self.tell_one_end(record.id, record.user.as_ref(), EndReason::Replaced);
        }
    }

    pub(super) async fn tell_end(&self, end: &End, user: Option<UserId>, ended: Ended) {
        let user = match &end.selector {
            Selector::User(user) | Selector::UserExcept(user, _) => Some(user.clone()),
            Selector::Session(_) if ended.count == 0 => return,
            Selector::Session(id) if user.is_none() => self.whose(*id).await,
            Selector::Session(_) | Selector::Everyone => user,
        };
        self.tell(Happening::Ended {
            selector: &end.selector,
            user: user.as_ref(),
            reason: end.reason,
            by: end.by.as_deref(),
            count: ended.count,
        });
    }

    /// Sessions that ended because the store had no room for all.
    pub(super) async fn tell_pushed_out(&self, pushed_out: &[SessionId]) {
        for id in pushed_out {
            let user = self.whose(*id).await;
            self.tell_one_end(*id, user.as_ref(), EndReason::Capacity);
        }
    }

    /// Whose session it was that has just ended; not asked when nobody wants to know.
    async fn whose(&self, id: SessionId) -> Option<UserId> {
        self.0.observer.get()?;
        self.0.store.ended(id).await.ok().flatten()?.user
    }

    fn tell_one_end(&self, id: SessionId, user: Option<&UserId>, reason: EndReason) {
        let selector = &Selector::Session(id);
        self.tell(Happening::Ended { selector, user, reason, by: None, count: 1 });
    }
}

impl Inner {
    pub(super) fn tell(&self, happening: Happening<'_>) {
        self.meters.note(&happening);
        if let Some(observer) = self.observer.get() {
            observer.happened(happening);
        }
    }
}
