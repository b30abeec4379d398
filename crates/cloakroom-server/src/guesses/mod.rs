//! Guesses at passwords: counted before each is checked, delayed once there are many.
//!
//! There is one counter for each account (each name that was tried, whether or not somebody has
//! it) and one for each network. An account's guesses from a network where it has signed in
//! before are counted on a third, of that account at that network, and on no other: so strangers
//! delay nobody at home. `docs/adr/0012-guesses.md` says why.

mod digest;
mod network;
mod rows;
mod rule;
mod schema;
#[cfg(test)]
mod tests;
mod turns;

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use cloakroom::{StoreError, Timestamp};

use digest::{Digest, Digests};
pub use network::Network;
use rows::{Guess, Key, Kind};
pub use rule::Wait;
use rule::{Counter, Rule};
pub use turns::Turn;
use turns::Turns;

use crate::config::Login;
use crate::passwords::Busy;
use crate::sql::{Sql, SqlError, Transaction};

/// An account forgets one failure after so long.
const ACCOUNT_FORGIVES_EVERY: Duration = Duration::from_secs(6 * 3_600);
/// A network forgets one failure after so long.
const NETWORK_FORGIVES_EVERY: Duration = Duration::from_secs(60);
/// A network is known for so long after the last sign-in there.
const KNOWN_FOR: Duration = Duration::from_secs(90 * 86_400);
/// Longest wait for other attempts at the same account.
const LONGEST_TURN: Duration = Duration::from_secs(2);
/// Most known networks of an account.
const MOST_KNOWN: u32 = 10;
/// Most rows of names that nobody has, and most of networks.
const MOST_ROWS: u32 = 20_000;

/// The counters. Clones share the database.
#[derive(Clone, Debug)]
pub struct Guesses {
    sql: Sql,
    digests: Digests,
    rules: Rules,
    turns: Turns,
}

/// What counters of each kind lead to.
#[derive(Clone, Copy, Debug)]
struct Rules {
    account: Rule,
    network: Rule,
    most_rows: u32,
}

impl Rules {
    fn of(login: &Login) -> Self {
        let rule = |free, forgives_every, stops| Rule {
            free,
            longest: login.longest_delay,
            forgives_every,
            stops,
        };
        Self {
            account: rule(login.account_failures, ACCOUNT_FORGIVES_EVERY, true),
            network: rule(login.network_failures, NETWORK_FORGIVES_EVERY, false),
            most_rows: MOST_ROWS,
        }
    }

    fn for_kind(&self, kind: Kind) -> &Rule {
        if kind == Kind::Network { &self.network } else { &self.account }
    }
}

/// Whose password is guessed, and from where. `Debug` shows only the name of the type.
#[derive(Clone, Copy)]
pub struct Target {
    account: Digest,
    network: Option<Digest>,
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Target")
    }
}

/// An attempt that is counted as failed until it is known to be right. Dropped, it stays so.
#[derive(Debug)]
#[must_use = "an attempt that is not settled stays counted"]
pub struct Attempt {
    target: Target,
    counted: Vec<Counted>,
}

impl Attempt {
    /// The wait that this attempt, unless it is right, is the first to cause, and whether it is
    /// one of the account or of the network: for the log.
    pub fn begins(&self) -> Option<(&'static str, Wait)> {
        let waits = self.counted.iter().filter_map(|counted| Some((counted.of(), counted.wait?)));
        waits.max_by_key(|(_, wait)| *wait)
    }
}

/// One counter that an attempt has raised.
#[derive(Clone, Copy, Debug)]
struct Counted {
    key: Key,
    kind: Kind,
    before: Counter,
    after: Counter,
    wait: Option<Wait>,
}

impl Counted {
    fn of(&self) -> &'static str {
        if self.kind == Kind::Network { "network" } else { "account" }
    }
}

/// Counters as they are now, or the longest wait.
type Looked = Result<Vec<(Key, Kind, Option<Guess>)>, Wait>;

impl Guesses {
    /// Opens the table, making it if needed. `key` keeps what is in it from being found by trying.
    ///
    /// # Errors
    /// As [`Sql::migrate`].
    pub async fn open(sql: Sql, key: &[u8], login: &Login) -> Result<Self> {
        sql.migrate(&schema::TABLES).await?;
        let (digests, rules) = (Digests::new(key), Rules::of(login));
        Ok(Self { sql, digests, rules, turns: Turns::default() })
    }

    /// Whom a guess is aimed at: a login name in its one spelling, and where it comes from.
    /// Without a network only the account counts.
    pub fn target(&self, name: &str, from: Option<Network>) -> Target {
        Target {
            account: self.digests.account(name),
            network: from.map(|network| self.digests.network(network)),
        }
    }

    /// How long an attempt would have to wait. Costs one read and writes nothing, so that what is
    /// refused costs next to nothing.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn wait(&self, target: &Target, now: Timestamp) -> Result<Option<Wait>, StoreError> {
        let values = rows::concerned(&target.account, target.network.as_ref(), now);
        let found = self.sql.read("look up failed sign-ins", rows::CONCERNED, &values, rows::read);
        Ok(self.rules.look(&found.await?, target, Kind::Account, now).err())
    }

    /// Waits until other attempts at the same account are settled, so that right passwords at once
    /// do not refuse each other. Gives up after two seconds, and says so in the error.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn turn(&self, target: &Target) -> Result<Turn, Busy> {
        let turn = tokio::time::timeout(LONGEST_TURN, self.turns.take(target.account)).await;
        turn.map_err(|_| Busy { retry_after: LONGEST_TURN })
    }

    /// Counts an attempt as failed, before its password is checked, so that parallel guesses
    /// cannot outrun the counter; or says how long to wait. `is_user` is whether somebody has
    /// that name.
    ///
    /// # Errors
    /// A fault of the database; the attempt must not be made then.
    pub async fn begin(
        &self,
        target: Target,
        is_user: bool,
        now: Timestamp,
    ) -> Result<Result<Attempt, Wait>, StoreError> {
        let kind = if is_user { Kind::Account } else { Kind::Name };
        let state = (self.rules, target, kind, now);
        let write = self.sql.write("count a sign-in", state, |state, transaction| {
            let (rules, target, kind, now) = *state;
            Box::pin(async move { rules.count(transaction, target, kind, now).await })
        });
        write.await
    }

    /// The password was right: the account's failures are forgotten, the network gets this one
    /// back, and is known from now on.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn right(&self, attempt: Attempt, now: Timestamp) -> Result<(), StoreError> {
        let state = (self.rules, attempt, now);
        let write = self.sql.write("forget failed sign-ins", state, |state, transaction| {
            Box::pin(async move {
                let (rules, attempt, now) = state;
                rules.give_back(transaction, attempt).await?;
                let Target { account, network } = attempt.target;
                rows::remove(transaction, &Key { account: Some(account), network: None }).await?;
                know(transaction, &account, network, *now).await
            })
        });
        write.await
    }

    /// The password was not checked: the attempt is as if it had not been made.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn give_back(&self, attempt: Attempt) -> Result<(), StoreError> {
        let state = (self.rules, attempt);
        let write = self.sql.write("uncount a sign-in", state, |(rules, attempt), transaction| {
            Box::pin(rules.give_back(transaction, attempt))
        });
        write.await
    }

    /// Forgets all failures of an account. Returns how many were counted.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn release(&self, name: &str, now: Timestamp) -> Result<u32, StoreError> {
        let state = (self.digests.account(name), now);
        let write =
            self.sql.write("forget failed sign-ins", state, |(account, now), transaction| {
                Box::pin(rows::release(transaction, account, *now))
            });
        write.await
    }

    /// Somebody proved to be the owner of an account in another way than by its password: all
    /// its failures are forgotten, and the network is known.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn proven(&self, target: Target, now: Timestamp) -> Result<(), StoreError> {
        let state = (target, now);
        let write =
            self.sql.write("forget failed sign-ins", state, |(target, now), transaction| {
                Box::pin(async move {
                    rows::release(transaction, &target.account, *now).await?;
                    know(transaction, &target.account, target.network, *now).await
                })
            });
        write.await
    }
}

impl Rules {
    /// Counts an attempt, unless it has to wait. `kind` is that of the account's counter.
    async fn count(
        &self,
        transaction: &mut Transaction<'_>,
        target: Target,
        kind: Kind,
        now: Timestamp,
    ) -> Result<Result<Attempt, Wait>, SqlError> {
        let values = rows::concerned(&target.account, target.network.as_ref(), now);
        let found = transaction.rows(rows::CONCERNED, &values).await?;
        let found = found.iter().map(rows::read).collect::<Result<Vec<_>, _>>()?;
        let looked = match self.look(&found, &target, kind, now) {
            Ok(looked) => looked,
            Err(wait) => return Ok(Err(wait)),
        };
        let mut counted = Vec::with_capacity(looked.len());
        for (key, kind, found) in looked {
            counted.push(self.raise(transaction, key, kind, found, now).await?);
        }
        Ok(Ok(Attempt { target, counted }))
    }

    /// The counters that an attempt concerns, of the rows it may concern. `kind` is that of the
    /// account's.
    fn look(&self, rows: &[(Key, Guess)], target: &Target, kind: Kind, now: Timestamp) -> Looked {
        let (account, network) = (Some(target.account), target.network);
        let of = |key: Key| rows.iter().find(|(found, _)| *found == key).map(|(_, guess)| *guess);
        let counter = |key: Key, kind| (key, kind, of(key));
        let mut looked = Vec::with_capacity(2);
        let known = counter(Key { account, network }, Kind::Known);
        if network.is_some() && known.2.is_some() {
            looked.push(known);
        } else {
            looked.push(counter(Key { account, network: None }, kind));
            if network.is_some() {
                looked.push(counter(Key { account: None, network }, Kind::Network));
            }
        }
        let waits = looked.iter().filter_map(|(_, kind, found)| self.wait(*kind, *found, now));
        waits.max().map_or(Ok(looked), Err)
    }

    fn wait(&self, kind: Kind, found: Option<Guess>, now: Timestamp) -> Option<Wait> {
        self.for_kind(kind).wait(&found?.counter, now)
    }

    async fn raise(
        &self,
        transaction: &mut Transaction<'_>,
        key: Key,
        kind: Kind,
        found: Option<Guess>,
        now: Timestamp,
    ) -> Result<Counted, SqlError> {
        let rule = self.for_kind(kind);
        let before = found.map_or_else(Counter::default, |guess| guess.counter);
        let before = rule.aged(before, now);
        let after = rule.count(before, now);
        self.save(transaction, &key, kind, after, found).await?;
        if found.is_none() {
            rows::make_room(transaction, &key, self.most_rows, now).await?;
        }
        Ok(Counted { key, kind, before, after, wait: rule.wait(&after, now) })
    }

    /// A known network stays known for as long as it was; other rows for as long as they matter.
    async fn save(
        &self,
        transaction: &mut Transaction<'_>,
        key: &Key,
        kind: Kind,
        counter: Counter,
        found: Option<Guess>,
    ) -> Result<(), SqlError> {
        let expires_at = match found {
            Some(guess) if kind == Kind::Known => guess.expires_at,
            _ => self.for_kind(kind).forgotten_at(&counter),
        };
        rows::save(transaction, key, kind, &Guess { counter, expires_at }).await
    }

    async fn give_back(
        &self,
        transaction: &mut Transaction<'_>,
        attempt: &Attempt,
    ) -> Result<(), SqlError> {
        for Counted { key, kind, before, after, .. } in &attempt.counted {
            let found = rows::load(transaction, key).await?;
            let Some(guess) = found else { continue };
            let mut counter = guess.counter;
            counter.failures = counter.failures.saturating_sub(1);
            // Unless another attempt has made it longer meanwhile.
            if counter.waits_until == after.waits_until {
                counter.waits_until = before.waits_until;
            }
            if counter.failures == 0 && *kind != Kind::Known {
                rows::remove(transaction, key).await?;
            } else {
                self.save(transaction, key, *kind, counter, found).await?;
            }
        }
        Ok(())
    }
}

/// Notes that an account signed in from a network; its failures there are forgotten.
async fn know(
    transaction: &mut Transaction<'_>,
    account: &Digest,
    network: Option<Digest>,
    now: Timestamp,
) -> Result<(), SqlError> {
    let Some(network) = network else { return Ok(()) };
    let key = Key { account: Some(*account), network: Some(network) };
    let counter = Counter { failures: 0, forgiven_at: now, waits_until: Timestamp::default() };
    let guess = Guess { counter, expires_at: now.after(KNOWN_FOR) };
    rows::save(transaction, &key, Kind::Known, &guess).await?;
    rows::keep_latest_known(transaction, account, MOST_KNOWN).await
}
