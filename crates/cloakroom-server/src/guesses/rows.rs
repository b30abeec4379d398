use cloakroom::Timestamp;

use super::digest::Digest;
use super::rule::Counter;
use crate::sql::{Row, SqlError, Transaction, Value};

/// Expired rows that a new one takes away: more than it adds.
const SWEPT: u32 = 100;

/// What a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Failures of an account.
    Account,
    /// Failures of an account from a network where it signed in before; also says that it did.
    Known,
    /// Failures of a name that nobody has.
    Name,
    /// Failures from a network.
    Network,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Known => "known",
            Self::Name => "name",
            Self::Network => "network",
        }
    }
}

/// Which row. One of an account has no network, one of a network no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) account: Option<Digest>,
    pub(super) network: Option<Digest>,
}

impl Key {
    fn blobs(&self) -> (&[u8], &[u8]) {
        (blob(self.account.as_ref()), blob(self.network.as_ref()))
    }
}

fn blob(digest: Option<&Digest>) -> &[u8] {
    digest.map_or(&[], <[u8; 16]>::as_slice)
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess {
    pub(super) counter: Counter,
    pub(super) expires_at: Timestamp,
}

/// The rows that an attempt may concern: account, network, nothing, now. The account's at the
/// network, the account's, and the network's.
pub(super) const CONCERNED: &str =
    "SELECT account, network, failures, forgiven_at, waits_until, expires_at FROM cloakroom_guess
     WHERE expires_at > ?4 AND ((account = ?1 AND network = ?2) OR (account = ?1 AND network = ?3)
         OR (account = ?3 AND network = ?2))";

/// The values of [`CONCERNED`]. Without a network there is no row of a network.
pub(super) fn concerned(account: &Digest, network: Option<&Digest>, now: Timestamp) -> [Value; 4] {
    [account.into(), blob(network).into(), blob(None).into(), now.into()]
}

pub(super) fn read(row: &Row) -> Result<(Key, Guess), SqlError> {
    let digest = |bytes: Vec<u8>| Digest::try_from(bytes).ok();
    let key = Key { account: digest(row.column(0)?), network: digest(row.column(1)?) };
    Ok((key, guess(row, 2)?))
}

fn guess(row: &Row, first: usize) -> Result<Guess, SqlError> {
    let counter = Counter {
        failures: row.column(first)?,
        forgiven_at: row.column(first + 1)?,
        waits_until: row.column(first + 2)?,
    };
    Ok(Guess { counter, expires_at: row.column(first + 3)? })
}

/// The row of that key, expired or not.
pub(super) async fn load(
    transaction: &mut Transaction<'_>,
    key: &Key,
) -> Result<Option<Guess>, SqlError> {
    let (account, network) = key.blobs();
    let sql = "SELECT failures, forgiven_at, waits_until, expires_at FROM cloakroom_guess
        WHERE account = ?1 AND network = ?2";
    let found = transaction.row(sql, &[account.into(), network.into()]).await?;
    found.map(|row| guess(&row, 0)).transpose()
}

/// Writes the row of that key.
pub(super) async fn save(
    transaction: &mut Transaction<'_>,
    key: &Key,
    kind: Kind,
    guess: &Guess,
) -> Result<(), SqlError> {
    let ((account, network), counter) = (key.blobs(), &guess.counter);
    let sql = "INSERT INTO cloakroom_guess
             (account, network, kind, failures, forgiven_at, waits_until, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (account, network) DO UPDATE SET
             kind = excluded.kind, failures = excluded.failures,
             forgiven_at = excluded.forgiven_at, waits_until = excluded.waits_until,
             expires_at = excluded.expires_at";
    let values = [
        account.into(),
        network.into(),
        kind.as_str().into(),
        counter.failures.into(),
        counter.forgiven_at.into(),
        counter.waits_until.into(),
        guess.expires_at.into(),
    ];
    transaction.run(sql, &values).await.map(drop)
}

pub(super) async fn remove(transaction: &mut Transaction<'_>, key: &Key) -> Result<(), SqlError> {
    let (account, network) = key.blobs();
    let sql = "DELETE FROM cloakroom_guess WHERE account = ?1 AND network = ?2";
    transaction.run(sql, &[account.into(), network.into()]).await.map(drop)
}

/// Keeps the rows bounded after the one of `added` was written: takes expired ones away, and of
/// the kinds that strangers fill those with the fewest failures, the oldest first. So a flood of
/// new names pushes out no name that waits, and never an account.
pub(super) async fn make_room(
    transaction: &mut Transaction<'_>,
    added: &Key,
    most: u32,
    now: Timestamp,
) -> Result<(), SqlError> {
    let sql = "DELETE FROM cloakroom_guess WHERE (account, network) IN
        (SELECT account, network FROM cloakroom_guess WHERE expires_at <= ?1
         ORDER BY expires_at LIMIT ?2)";
    transaction.run(sql, &[now.into(), SWEPT.into()]).await?;
    for kind in [Kind::Name, Kind::Network] {
        let sql = "SELECT count(*) FROM cloakroom_guess WHERE kind = ?1";
        let counted = transaction.row(sql, &[kind.as_str().into()]).await?;
        let count: u32 = counted.map_or(Ok(0), |row| row.column(0))?;
        if let Some(excess @ 1..) = count.checked_sub(most) {
            drop_least(transaction, kind, added, excess).await?;
        }
    }
    Ok(())
}

async fn drop_least(
    transaction: &mut Transaction<'_>,
    kind: Kind,
    spared: &Key,
    excess: u32,
) -> Result<(), SqlError> {
    let (account, network) = spared.blobs();
    let sql = "DELETE FROM cloakroom_guess WHERE (account, network) IN
        (SELECT account, network FROM cloakroom_guess
         WHERE kind = ?1 AND NOT (account = ?2 AND network = ?3)
         ORDER BY failures, expires_at LIMIT ?4)";
    let values = [kind.as_str().into(), account.into(), network.into(), excess.into()];
    transaction.run(sql, &values).await.map(drop)
}

/// Forgets all failures of an account, wherever they came from. Returns the most that one row
/// counted.
pub(super) async fn release(
    transaction: &mut Transaction<'_>,
    account: &Digest,
    now: Timestamp,
) -> Result<u32, SqlError> {
    let sql = "SELECT coalesce(max(failures), 0) FROM cloakroom_guess
        WHERE account = ?1 AND expires_at > ?2";
    let counted = transaction.row(sql, &[account.into(), now.into()]).await?;
    let counted = counted.map_or(Ok(0), |row| row.column(0))?;
    remove(transaction, &Key { account: Some(*account), network: None }).await?;
    let sql = "UPDATE cloakroom_guess SET failures = 0, waits_until = 0 WHERE account = ?1";
    transaction.run(sql, &[account.into()]).await?;
    Ok(counted)
}

/// Forgets the known networks of an account but the `most` that it signed in from last.
pub(super) async fn keep_latest_known(
    transaction: &mut Transaction<'_>,
    account: &Digest,
    most: u32,
) -> Result<(), SqlError> {
    let sql = "DELETE FROM cloakroom_guess WHERE account = ?1 AND kind = 'known' AND network NOT IN
        (SELECT network FROM cloakroom_guess WHERE account = ?1 AND kind = 'known'
         ORDER BY expires_at DESC, network LIMIT ?2)";
    transaction.run(sql, &[account.into(), most.into()]).await.map(drop)
}

#[cfg(test)]
pub(super) const COUNT: &str = "SELECT count(*) FROM cloakroom_guess";
