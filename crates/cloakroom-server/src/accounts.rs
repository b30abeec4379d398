//! Acts on users that concern their sessions too.
//!
//! Each first changes the user, which refuses the sessions concerned from that commit on, and
//! then ends them in the session store, so that they leave the lists and enter the history.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::{
    EndReason, Ended, Live, Login, Selector, SessionId, Sessions, StoreError, User, UserId,
};

use tokio::time::timeout;
use tracing::Instrument;

use crate::app::App;
use crate::events;
use crate::guesses::{Attempt, Network, Target, Turn, Wait};
use crate::passwords::{Busy, Password, Permit, Verified};
use crate::serve::SET_UP_FILE;
use crate::users::{
    Code, NewUser, PasswordChange, Profile, Redeemed, Role, SetUp, UserRow, typed_name,
};

/// How long a sign-in may take to come to its password: turns at one account and a store that is
/// slow add up.
const LONGEST_ADMISSION: Duration = Duration::from_millis(2_500);
/// When to try again after that.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Why nobody was signed in. Wrong, unknown and disabled are one (ASVS 5.0 6.3.8).
#[derive(Debug)]
pub enum SignInError {
    /// The name or the password is wrong, or the user is disabled.
    Refused,
    /// Too many passwords are waiting to be checked.
    Busy(Busy),
    /// Too many were wrong; this one was not checked.
    TooManyTries(Wait),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Somebody says who they are.
#[derive(Debug)]
pub struct Claim<'a> {
    /// The login name as typed.
    pub name: &'a str,
    /// What is to prove it.
    pub password: Password,
    /// The network it comes from, if that is known.
    pub from: Option<Network>,
}

/// A password was right: the user, and the epoch read before it was checked.
#[derive(Debug)]
pub struct Proven {
    /// The user.
    pub user: UserRow,
    /// What [`Login::as_of`] takes.
    pub epoch: u64,
}

impl Proven {
    /// The login to record.
    ///
    /// # Errors
    /// When the user's names cannot be those of a session, which the database does not hold.
    pub fn login(&self) -> Result<Login, cloakroom::UserError> {
        let user = &self.user;
        let who = User::new(user.id.as_str())?.name(user.name.as_str())?;
        Ok(Login::new(who.groups(user.groups.clone())?).as_of(self.epoch))
    }
}

/// May have a password checked.
struct Admitted {
    /// Whose it is.
    id: Option<UserId>,
    permit: Permit,
    turn: Turn,
}

impl App {
    /// Checks a password; every way to sign in comes through here, and is counted here. The same
    /// work is done whether the user exists, is disabled or neither; more while the hash of an
    /// imported user has not been replaced by ours (`docs/adr/0013`); none for what has to wait or
    /// is in excess of what the pool takes.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn prove(&self, claim: Claim<'_>) -> Result<Proven, SignInError> {
        let (name, sessions) = (typed_name(claim.name), self.cloakroom.sessions());
        let target = self.guesses.target(&name, claim.from);
        let admitted = timeout(LONGEST_ADMISSION, self.admit(&name, &target)).await;
        let busy = |_| SignInError::Busy(Busy { retry_after: RETRY_AFTER });
        let Admitted { id, permit, turn } = admitted.map_err(busy)??;
        let begun = self.guesses.begin(target, id.is_some(), sessions.now()).await?;
        let attempt = begun.map_err(SignInError::TooManyTries)?;
        match self.check(&name, id.as_ref(), claim.password, permit).await {
            Ok(Some(proven)) => {
                self.guesses.right(attempt, sessions.now()).await?;
                Ok(proven)
            }
            Ok(None) => {
                tell_of_wait(id.as_ref(), &attempt);
                Err(SignInError::Refused)
            }
            Err(error) => {
                // It failed: if this does too, the attempt stays counted. Whoever asked does not
                // wait for it, as it may take as long again; the next one at the account does.
                let guesses = self.guesses.clone();
                tokio::spawn(async move {
                    drop(guesses.give_back(attempt).await);
                    drop(turn);
                });
                Err(error.into())
            }
        }
    }

    /// Waits for a turn, and writes nothing.
    async fn admit(&self, name: &str, target: &Target) -> Result<Admitted, SignInError> {
        // Asked first without writing: a flood of guesses that must wait costs a read or two each.
        self.check_wait(target).await?;
        let turn = self.guesses.turn(target).await.map_err(SignInError::Busy)?;
        self.check_wait(target).await?;
        let permit = self.passwords.admit().map_err(SignInError::Busy)?;
        let id = self.users.by_name(name).await?.map(|user| user.id);
        Ok(Admitted { id, permit, turn })
    }

    async fn check_wait(&self, target: &Target) -> Result<(), SignInError> {
        let wait = self.guesses.wait(target, self.cloakroom.sessions().now()).await?;
        wait.map_or(Ok(()), |wait| Err(SignInError::TooManyTries(wait)))
    }

    /// The user, if the password is theirs and they may sign in.
    async fn check(
        &self,
        name: &str,
        id: Option<&UserId>,
        password: Password,
        permit: Permit,
    ) -> Result<Option<Proven>, StoreError> {
        // The epoch must be older than the hash: a change of password in between then wins.
        let mut epoch = match id {
            Some(id) => self.cloakroom.sessions().epoch(id).await?,
            None => 0,
        };
        let mut account = self.users.account(name).await?;
        if let Some(behind) = account.as_ref().filter(|account| account.row.epoch > epoch) {
            epoch = self.finish_end(&behind.row).await?;
            account = self.users.account(name).await?;
        }
        let hash = account.as_ref().and_then(|account| account.password_hash.clone());
        let verified = permit.verify(password, hash.clone()).await;
        match account {
            Some(account) if verified.is_right() && !account.row.disabled => {
                self.renew_hash(&account.row, hash, verified).await;
                Ok(Some(Proven { user: account.row, epoch }))
            }
            _ => Ok(None),
        }
    }

    /// The user, if they are kept here, and the epoch of a login that begins now.
    ///
    /// # Errors
    /// A fault of a store.
    pub async fn begin_login(&self, id: &UserId) -> Result<(Option<UserRow>, u64), StoreError> {
        // The epoch must be older: who is disabled after it was read has a higher one.
        let epoch = self.cloakroom.sessions().epoch(id).await?;
        let user = self.users.by_id(id).await?;
        match user {
            Some(behind) if behind.epoch > epoch => {
                let epoch = self.finish_end(&behind).await?;
                Ok((self.users.by_id(id).await?, epoch))
            }
            user => Ok((user, epoch)),
        }
    }

    /// Ends what a change of the user was to end. The users' database is one step ahead of the
    /// sessions' after a crash between the two, and where the store has lost its epochs. A login
    /// as of the user's own epoch could not be told from one that began before the next end.
    async fn finish_end(&self, user: &UserRow) -> Result<u64, StoreError> {
        let (sessions, user) = (self.cloakroom.sessions().clone(), user.clone());
        let finishing = Arc::clone(&self.finishing);
        to_its_end(async move {
            // A second one would end what began after the first, also if its client has hung up.
            let _turn = finishing.lock().await;
            let epoch = sessions.epoch(&user.id).await?;
            if epoch >= user.epoch {
                return Ok(epoch);
            }
            let disabled = user.disabled;
            let why = if disabled { EndReason::UserDisabled } else { EndReason::PasswordChange };
            let ended = end_since(&sessions, &user, user.epoch_except, why, &user.name).await?;
            Ok(ended.epoch)
        })
        .await
    }

    /// Replaces the outdated hash that a right password was checked against. No session ends by
    /// it, and no sign-in fails by it: the next one tries again.
    async fn renew_hash(&self, user: &UserRow, old: Option<String>, verified: Verified) {
        let (Some(old), Verified::Outdated(new)) = (old, verified) else { return };
        match self.users.renew_hash(&user.id, old, new).await {
            Ok(true) => tracing::info!(user = user.id.as_str(), "a password was hashed anew"),
            // Whoever changed the password meanwhile has won.
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "a password hash could not be replaced; the next sign-in tries again");
            }
        }
    }

    /// Hashes a password to be stored.
    ///
    /// # Errors
    /// [`SignInError::Busy`], or a fault.
    pub async fn hash(&self, password: Password) -> Result<String, SignInError> {
        let permit = self.passwords.admit().map_err(SignInError::Busy)?;
        let hash = permit.hash(password).await;
        Ok(hash.map_err(|error| StoreError::failed("hash a password", error))?)
    }

    /// Stores a new password and ends the user's other sessions. False, and nothing is changed,
    /// when this session has ended or the password has changed since `proven`: who changed it
    /// first wins, also against somebody who still knew the old one.
    ///
    /// # Errors
    /// A fault of the store; the password may then have changed, and if it has, the other
    /// sessions are refused.
    pub async fn change_password(
        &self,
        live: &Live,
        proven: &Proven,
        hash: String,
    ) -> Result<bool, StoreError> {
        let (id, sessions) = (proven.user.id.clone(), self.cloakroom.sessions());
        let store_epoch = sessions.epoch(&id).await?;
        let is_live = sessions.store().load(live.id(), sessions.now()).await?.is_some();
        if !is_live || live.user() != Some(&id) || store_epoch > proven.epoch {
            return Ok(false);
        }
        let (kept, as_of) = (live.id(), proven.user.epoch);
        let change = PasswordChange { hash, kept, as_of, store_epoch };
        let (users, sessions) = (self.users.clone(), sessions.clone());
        to_its_end(async move {
            let Some(user) = users.set_password(&id, change).await? else { return Ok(false) };
            let why = EndReason::PasswordChange;
            events::password_changed(&user.id);
            end_since(&sessions, &user, Some(kept), why, &user.name).await?;
            Ok(true)
        })
        .await
    }

    /// Stores the password that a one-time link was for, ends all sessions of its user and
    /// forgets wrong passwords. `None` when the code is not good.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn redeem_code(
        &self,
        code: &str,
        hash: String,
        from: Option<Network>,
    ) -> Result<Option<Proven>, StoreError> {
        let sessions = self.cloakroom.sessions();
        let Some(owner) = self.users.code_owner(code, sessions.now()).await? else {
            return Ok(None);
        };
        // From the very commit that changes the password, sessions from before it are refused.
        let store_epoch = sessions.epoch(&owner.id).await?;
        let (users, sessions, code) = (self.users.clone(), sessions.clone(), code.to_owned());
        let (guesses, target) = (self.guesses.clone(), self.guesses.target(&owner.name, from));
        to_its_end(async move {
            let redeemed = users.redeem(&code, hash, store_epoch, sessions.now()).await?;
            let Redeemed::Done(user) = redeemed else { return Ok(None) };
            let why = EndReason::PasswordChange;
            events::password_changed(&user.id);
            let ended = end_since(&sessions, &user, None, why, &user.name).await?;
            guesses.proven(target, sessions.now()).await?;
            Ok(Some(Proven { epoch: ended.epoch.max(user.epoch), user }))
        })
        .await
    }

    /// Adds the first administrator, on the condition that there is nobody yet.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn set_up(
        &self,
        code: &str,
        admin: NewUser,
        hash: String,
    ) -> Result<Result<Proven, SetUp>, StoreError> {
        let sessions = self.cloakroom.sessions();
        let epoch = sessions.epoch(&admin.id).await?;
        Ok(match self.users.set_up(code, admin, hash, sessions.now()).await? {
            SetUp::Done(user) => {
                events::user_created(&user.id);
                Ok(Proven { epoch: epoch.max(user.epoch), user })
            }
            refusal => Err(refusal),
        })
    }

    /// Refuses a user's sign-in and ends all their sessions. `None` when there is none.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn disable(&self, id: &UserId, by: &str) -> Result<Option<UserRow>, StoreError> {
        let store_epoch = self.cloakroom.sessions().epoch(id).await?;
        let (users, sessions) = (self.users.clone(), self.cloakroom.sessions().clone());
        let (id, by) = (id.clone(), by.to_owned());
        to_its_end(async move {
            let disabled = users.set_disabled(&id, true, store_epoch).await?;
            if let Some(user) = &disabled {
                events::user_updated(&user.id, "disabled");
                end_since(&sessions, user, None, EndReason::UserDisabled, &by).await?;
            }
            Ok(disabled)
        })
        .await
    }

    /// Changes a user; groups reach live sessions too (law 11). `None` when there is none.
    ///
    /// # Errors
    /// A fault of the store; the user may then have changed, and the groups counted are the user's.
    pub async fn change_profile(
        &self,
        id: &UserId,
        profile: Profile,
    ) -> Result<Option<UserRow>, StoreError> {
        let (users, sessions, id) =
            (self.users.clone(), self.cloakroom.sessions().clone(), id.clone());
        to_its_end(async move {
            let regroups = profile.groups.is_some();
            let mut changed = users.set_profile(&id, profile).await?;
            if changed.is_some() {
                events::user_updated(&id, "profile");
            }
            while let Some(user) = changed.as_ref().filter(|_| regroups) {
                regroup(&sessions, user).await?;
                // Of two changes at once, the sessions have to end up with the user's groups.
                let current = users.by_id(&id).await?;
                if current.as_ref().is_some_and(|current| current.groups == user.groups) {
                    break;
                }
                changed = current;
            }
            Ok(changed)
        })
        .await
    }

    /// Lets a user sign in again. `None` when there is none.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn enable(&self, id: &UserId) -> Result<Option<UserRow>, StoreError> {
        let enabled = self.users.set_disabled(id, false, 0).await?;
        if let Some(user) = &enabled {
            events::user_updated(&user.id, "enabled");
        }
        Ok(enabled)
    }

    /// Adds a user and returns the address of a page for choosing a password; nobody else ever
    /// knows it (ASVS 5.0 6.4.6). `None` when the name or id is taken.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn add_user(&self, new: NewUser) -> Result<Option<(UserRow, String)>, StoreError> {
        let code = self.fresh_code()?;
        let added = self.users.add(new, &code).await?;
        if let Some(user) = &added {
            events::user_created(&user.id);
        }
        Ok(added.map(|user| (user, self.link("password-link", &code))))
    }

    /// The address of a page for choosing a new password. Earlier ones are void.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn password_link(&self, id: &UserId) -> Result<String, StoreError> {
        let code = self.fresh_code()?;
        self.users.offer_password(id, &code).await?;
        events::token_created(Some(id), "password_link");
        Ok(self.link("password-link", &code))
    }

    /// The address of the page for setting up the first administrator, and its code. `None` when
    /// there is somebody already.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn set_up_link(&self) -> Result<Option<(String, Code)>, StoreError> {
        let code = self.fresh_code()?;
        let offered = self.users.offer_set_up(&code).await?;
        if offered {
            events::token_created(None, "set_up_link");
        }
        // What an earlier start wrote there is void now.
        let _ = std::fs::remove_file(self.config.server.data.join(SET_UP_FILE));
        Ok(offered.then(|| (self.link("setup", &code), code)))
    }

    /// A user to be added now under a fresh id.
    ///
    /// # Errors
    /// When the id cannot be used, which a fresh one can.
    pub fn new_user(&self, name: String, role: Role) -> Result<NewUser, cloakroom::UserError> {
        let created_at = self.cloakroom.sessions().now();
        Ok(NewUser {
            id: UserId::new(SessionId::new(None, created_at).to_string())?,
            display_name: name.clone(),
            name,
            email: None,
            groups: Vec::new(),
            role,
            created_at,
        })
    }

    fn fresh_code(&self) -> Result<Code, StoreError> {
        Code::generate(self.cloakroom.sessions().now())
    }

    /// The code stands behind `#`, so no server or proxy ever logs it.
    fn link(&self, page: &str, code: &Code) -> String {
        format!("{}#{}", self.config.server.page_url(page), code.reveal())
    }
}

async fn regroup(sessions: &Sessions, user: &UserRow) -> Result<(), StoreError> {
    let grouped = User::new(user.id.as_str()).and_then(|who| who.groups(user.groups.clone()));
    let grouped = grouped.map_err(|error| StoreError::failed("change a user's groups", error))?;
    sessions.regroup(&grouped).await.map(drop)
}

/// One line for each wait that begins, none for what is refused during it.
fn tell_of_wait(user: Option<&UserId>, attempt: &Attempt) {
    if let Some((of, _)) = attempt.begins() {
        events::sign_in_locked(user, of);
    }
}

async fn end_since(
    sessions: &Sessions,
    user: &UserRow,
    kept: Option<SessionId>,
    reason: EndReason,
    by: &str,
) -> Result<Ended, StoreError> {
    let selector = match kept {
        Some(kept) => Selector::UserExcept(user.id.clone(), kept),
        None => Selector::User(user.id.clone()),
    };
    sessions.end_all(selector, reason, Some(by), Some(user.epoch)).await
}

/// Runs an act to its end even if the client hangs up, so that a password is never changed with
/// the sessions left in the lists (law 9).
async fn to_its_end<T: Send + 'static>(
    act: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::spawn(act.in_current_span()).await {
        Ok(outcome) => outcome,
        Err(stopped) => Err(StoreError::unknown("finish a change of a user", stopped)),
    }
}
