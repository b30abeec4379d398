use std::sync::Arc;
use std::time::Duration;

use crate::{
    Bucket, ClientInfo, Guard, Happening, Inserted, Issued, Lifetime, LimitPolicy, Live, Login,
    Match, NewSession, Once, Record, Renewal, Replaces, Rotation, SessionError, SessionId,
    SessionToken, Sessions, StoreError, Timestamp, Updated, User, UserId,
};

/// Longest user agent kept, in bytes.
const MAX_USER_AGENT_BYTES: usize = 512;
/// Longest client address kept, in bytes: an IPv6 address with a zone fits.
const MAX_ADDRESS_BYTES: usize = 64;
/// Tries of an insert or rotation. A collision of random ids is a fault of the random source, and
/// a renewal in between happens once an hour, long before the third time.
const MOST_TRIES: usize = 3;
/// How long after its id was made a repeated login may still make its session: half of what an
/// ended session is remembered for at least, so that none comes back (law 1).
const ONCE_WINDOW: Duration = Duration::from_secs(300);

impl Sessions {
    /// Records a login and issues a fresh credential. The session of the same client that it
    /// takes the place of, whoever's it was, ends in the same commit.
    ///
    /// # Errors
    /// [`SessionError::LimitReached`], [`SessionError::Superseded`], [`SessionError::Full`], or a
    /// fault of the store.
    pub async fn log_in(
        &self,
        login: impl Into<Login>,
        client: ClientInfo,
        over: Option<&Live>,
    ) -> Result<Issued, SessionError> {
        let login = login.into();
        let replaces = over.map(|live| Replaces { id: live.id(), carry: login.carried_from(live) });
        let (sessions, replaced) = (self.clone(), over.map(|live| Arc::clone(&live.record)));
        Self::to_its_end(async move {
            let user = login.user.id.clone();
            let outcome = sessions.insert_login(login, client, replaces).await;
            sessions.tell_login(&user, replaced.as_deref(), &outcome);
            outcome
        })
        .await
    }

    /// As [`Sessions::log_in`], for a login that may be sent again because its answer was lost:
    /// every try with the same `once` gives the same session and credential, and only one of them
    /// makes it, within five minutes after its id was made.
    ///
    /// # Errors
    /// As [`Sessions::log_in`]; [`SessionError::Gone`] when the session that an earlier try made has
    /// ended, or none was made in time, [`SessionError::Replaced`] when its credential was renewed or rotated since.
    pub async fn log_in_once(
        &self,
        login: impl Into<Login>,
        client: ClientInfo,
        over: Option<&Live>,
        once: Once,
    ) -> Result<Issued, SessionError> {
        let login = login.into();
        let replaces = over.map(|live| Replaces { id: live.id(), carry: login.carried_from(live) });
        let (sessions, replaced) = (self.clone(), over.map(|live| Arc::clone(&live.record)));
        Self::to_its_end(async move {
            let user = login.user.id.clone();
            let outcome = match sessions.draft(login, client).await {
                Ok(draft) => sessions.insert_once(&draft, replaces, &once).await,
                Err(error) => Err(error),
            };
            sessions.tell_login(&user, replaced.as_deref(), &outcome);
            outcome
        })
        .await
    }

    /// Begins an anonymous session with its first data.
    ///
    /// # Errors
    /// [`SessionError::Full`], [`SessionError::TooLarge`], or a fault of the store.
    pub async fn begin_anonymous(
        &self,
        client: ClientInfo,
        data: Vec<(String, String)>,
    ) -> Result<Issued, SessionError> {
        self.check_size(&data)?;
        let sessions = self.clone();
        Self::to_its_end(async move {
            let lifetime = sessions.0.policy.anonymous;
            let draft = Draft { user: None, epoch: 0, remembered: false, lifetime, client };
            let issued = sessions.insert(&draft, data, None).await?;
            sessions.tell(Happening::Began { record: &issued.live.record });
            Ok(issued)
        })
        .await
    }

    /// Gives the session a fresh credential because its privileges changed. The old one is dead
    /// at once. `authenticated` says that the user has just proved who they are.
    ///
    /// # Errors
    /// [`SessionError::Gone`] when the session ended or was rotated meanwhile, or a fault.
    pub async fn rotate(&self, live: &Live, authenticated: bool) -> Result<Issued, SessionError> {
        let (sessions, record) = (self.clone(), Arc::clone(&live.record));
        Self::to_its_end(async move {
            let issued = sessions.rotate_record(&record, authenticated).await?;
            sessions.tell(Happening::Rotated { record: &issued.live.record, authenticated });
            Ok(issued)
        })
        .await
    }

    /// How often all sessions of `user` were ended. Read it before checking a password and hand
    /// it to [`Login::as_of`], so that a change of password in between wins.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn epoch(&self, user: &UserId) -> Result<u64, StoreError> {
        self.0.store.epoch(user.clone()).await
    }

    /// Sets the groups in all live sessions of `user` (law 11). Returns how many there were.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn regroup(&self, user: &User) -> Result<u64, StoreError> {
        let now = self.now();
        self.0.store.regroup(user.id.clone(), user.groups.clone(), now).await
    }

    async fn insert_login(
        &self,
        login: Login,
        client: ClientInfo,
        replaces: Option<Replaces>,
    ) -> Result<Issued, SessionError> {
        let draft = self.draft(login, client).await?;
        self.insert(&draft, Vec::new(), replaces).await
    }

    async fn draft(&self, login: Login, client: ClientInfo) -> Result<Draft, SessionError> {
        let epoch = match login.epoch {
            Some(epoch) => epoch,
            None => self.epoch(&login.user.id).await?,
        };
        if self.ends_by_last_use() {
            let bucket = Bucket::of(&login.user.id);
            self.0.flush_those(|it| it.bucket() == bucket).await?;
        }
        let lifetime = self.0.policy.login_lifetime(login.remember);
        let remembered = login.remember;
        Ok(Draft { user: Some(login.user), epoch, remembered, lifetime, client })
    }

    /// Whether a login needs to know which session was used last.
    fn ends_by_last_use(&self) -> bool {
        let limit = self.0.policy.limit;
        limit.is_some_and(|limit| limit.policy == LimitPolicy::EndLeastRecentlyUsed)
    }

    async fn insert(
        &self,
        draft: &Draft,
        data: Vec<(String, String)>,
        replaces: Option<Replaces>,
    ) -> Result<Issued, SessionError> {
        for _ in 0..MOST_TRIES {
            let now = self.now();
            let id = SessionId::new(draft.user.as_ref().map(|user| &user.id), now);
            let (token, digest) = self.0.codec.issue(id, 0)?;
            let record = draft.record(id, digest, now);
            if let Some(ended) = self.try_insert(&record, data.clone(), replaces.clone()).await? {
                return Ok(self.issued(record, token, ended)?);
            }
        }
        Err(StoreError::failed("insert a session", "its fresh id was in use three times").into())
    }

    async fn insert_once(
        &self,
        draft: &Draft,
        replaces: Option<Replaces>,
        once: &Once,
    ) -> Result<Issued, SessionError> {
        let (token, digest) = self.0.codec.derive(once.id, &once.seed);
        let now = self.now();
        let record = draft.record(once.id, digest, now);
        if now.since(once.id.made_at()) < ONCE_WINDOW
            && let Some(ended) = self.try_insert(&record, Vec::new(), replaces).await?
        {
            return Ok(self.issued(record, token, ended)?);
        }
        match self.0.store.load(once.id, self.now()).await? {
            Some(made) if made.digest == digest => {
                let made = self.issued((*made).clone(), token, Vec::new())?;
                Ok(Issued { repeated: true, ..made })
            }
            Some(_) => Err(SessionError::Replaced),
            None => Err(SessionError::Gone),
        }
    }

    /// The sessions that the limit ended; `None` when the id is in use or was.
    async fn try_insert(
        &self,
        record: &Record,
        data: Vec<(String, String)>,
        replaces: Option<Replaces>,
    ) -> Result<Option<Vec<SessionId>>, SessionError> {
        let new = NewSession {
            record: record.clone(),
            data,
            replaces,
            limit: self.0.policy.limit,
            anonymous_cap: self.0.policy.anonymous_cap,
        };
        let mut inserted = self.0.store.insert(new).await?;
        loop {
            inserted = match inserted {
                Inserted::Crowded { outcome, pushed_out } => {
                    self.tell_pushed_out(&pushed_out).await;
                    *outcome
                }
                Inserted::Done { ended } => return Ok(Some(ended)),
                Inserted::Conflict => return Ok(None),
                Inserted::Full => return Err(SessionError::Full),
                Inserted::LimitReached => return Err(SessionError::LimitReached),
                Inserted::Superseded => return Err(SessionError::Superseded),
            };
        }
    }

    async fn rotate_record(
        &self,
        record: &Record,
        authenticated: bool,
    ) -> Result<Issued, SessionError> {
        let mut record = record.clone();
        for _ in 0..MOST_TRIES {
            let now = self.now();
            if let Some(issued) = self.try_rotate(&record, authenticated, now).await? {
                return Ok(issued);
            }
            // A renewal came in between, which changes the credential and not the session.
            match self.0.store.load(record.id, now).await? {
                Some(next) if next.generation == record.generation => record = (*next).clone(),
                _ => break,
            }
        }
        Err(SessionError::Gone)
    }

    /// `None` when the credential is no longer the one in `record`.
    async fn try_rotate(
        &self,
        record: &Record,
        authenticated: bool,
        now: Timestamp,
    ) -> Result<Option<Issued>, SessionError> {
        let counter = record.renewal.counter.saturating_add(1);
        let (token, digest) = self.0.codec.issue(record.id, counter)?;
        let authenticated_at = authenticated.then_some(now);
        let guard = Guard { id: record.id, generation: record.generation, now };
        let rotation = Rotation { digest, counter, authenticated_at };
        match self.0.store.rotate(guard, rotation).await? {
            Updated::Done { .. } => {}
            Updated::Conflict { .. } => return Ok(None),
            _ => return Err(SessionError::Gone),
        }
        let mut rotated = record.clone();
        rotated.digest = digest;
        rotated.renewal = Renewal::fresh(counter, now);
        rotated.generation += 1;
        rotated.authenticated_at = authenticated_at.or(record.authenticated_at);
        Ok(Some(self.issued(rotated, token, Vec::new())?))
    }

    fn issued(
        &self,
        record: Record,
        token: SessionToken,
        ended: Vec<SessionId>,
    ) -> Result<Issued, StoreError> {
        let presented = self.0.codec.read(token.reveal()).ok_or_else(|| {
            StoreError::failed("issue a credential", "the codec does not read what it issued")
        })?;
        let (id, presented) = (record.id, Arc::new(presented));
        let live = Live { record: Arc::new(record), matched: Match::Current, presented };
        Ok(Issued { id, token, ended, repeated: false, live })
    }

    fn check_size(&self, data: &[(String, String)]) -> Result<(), SessionError> {
        let limits = self.0.policy.data;
        let (keys, bytes) =
            (data.len(), data.iter().map(|(key, json)| key.len() + json.len()).sum());
        if keys > limits.keys || bytes > limits.bytes {
            return Err(SessionError::TooLarge { keys, bytes, limits });
        }
        Ok(())
    }
}

/// What a new record is made of, apart from its id and credential.
struct Draft {
    user: Option<User>,
    epoch: u64,
    remembered: bool,
    lifetime: Lifetime,
    client: ClientInfo,
}

impl Draft {
    fn record(&self, id: SessionId, digest: crate::SecretDigest, now: Timestamp) -> Record {
        let user = self.user.as_ref();
        Record {
            id,
            digest,
            renewal: Renewal::fresh(0, now),
            user: user.map(|user| user.id.clone()),
            user_name: user.map(|user| user.name.clone()),
            groups: user.map_or_else(Vec::new, |user| user.groups.clone()),
            epoch: self.epoch,
            generation: 0,
            created_at: now,
            authenticated_at: user.map(|_| now),
            last_seen_at: now,
            idle_timeout: self.lifetime.idle,
            absolute_deadline: now.after(self.lifetime.absolute),
            remembered: self.remembered,
            client: bounded(&self.client),
        }
    }
}

fn bounded(client: &ClientInfo) -> ClientInfo {
    let cut = |text: &Option<String>, most| text.as_deref().map(|text| cut(text, most));
    ClientInfo {
        address: cut(&client.address, MAX_ADDRESS_BYTES),
        user_agent: cut(&client.user_agent, MAX_USER_AGENT_BYTES),
    }
}

/// At most `most` bytes of the text, whole characters, control characters left out.
fn cut(text: &str, most: usize) -> String {
    let mut kept = String::with_capacity(text.len().min(most));
    for character in text.chars().filter(|character| !character.is_control()) {
        if kept.len() + character.len_utf8() > most {
            break;
        }
        kept.push(character);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_cut_at_a_character_and_loses_control_characters() {
        assert_eq!(cut("a\r\nbé", 3), "ab");
        assert_eq!(cut("a\u{1b}[31mb", 64), "a[31mb");
    }
}
