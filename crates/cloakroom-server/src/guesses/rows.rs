use cloakroom::Timestamp;
use cloakroom::sqlite::rusqlite::{self, Connection, OptionalExtension, Row, params};

use super::digest::Digest;
use super::rule::Counter;

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

fn read(row: &Row<'_>) -> rusqlite::Result<Guess> {
    let moment = |column| Ok::<_, rusqlite::Error>(Timestamp::from_unix_millis(row.get(column)?));
    let (failures, forgiven_at, waits_until) = (row.get(0)?, moment(1)?, moment(2)?);
    let counter = Counter { failures, forgiven_at, waits_until };
    Ok(Guess { counter, expires_at: moment(3)? })
}

/// The row of that key; `None` when there is none or it has expired.
pub(super) fn load(
    connection: &Connection,
    key: &Key,
    now: Timestamp,
) -> rusqlite::Result<Option<Guess>> {
    let (account, network) = key.blobs();
    let mut statement = connection.prepare_cached(
        "SELECT failures, forgiven_at, waits_until, expires_at FROM cloakroom_guess
         WHERE account = ?1 AND network = ?2 AND expires_at > ?3",
    )?;
    statement.query_row(params![account, network, now.unix_millis()], read).optional()
}

/// Writes the row of that key.
pub(super) fn save(
    connection: &Connection,
    key: &Key,
    kind: Kind,
    guess: &Guess,
) -> rusqlite::Result<()> {
    let ((account, network), counter) = (key.blobs(), &guess.counter);
    let mut statement = connection.prepare_cached(
        "INSERT INTO cloakroom_guess
             (account, network, kind, failures, forgiven_at, waits_until, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET
             kind = excluded.kind, failures = excluded.failures,
             forgiven_at = excluded.forgiven_at, waits_until = excluded.waits_until,
             expires_at = excluded.expires_at",
    )?;
    let row = params![
        account,
        network,
        kind.as_str(),
        counter.failures,
        counter.forgiven_at.unix_millis(),
        counter.waits_until.unix_millis(),
        guess.expires_at.unix_millis()
    ];
    statement.execute(row).map(drop)
}

pub(super) fn remove(connection: &Connection, key: &Key) -> rusqlite::Result<()> {
    let (account, network) = key.blobs();
    let sql = "DELETE FROM cloakroom_guess WHERE account = ?1 AND network = ?2";
    connection.prepare_cached(sql)?.execute(params![account, network]).map(drop)
}

/// Keeps the rows bounded after the one of `added` was written: takes expired ones away, and of
/// the kinds that strangers fill those with the fewest failures, the oldest first. So a flood of
/// new names pushes out no name that waits, and never an account.
pub(super) fn make_room(
    connection: &Connection,
    added: &Key,
    most: u32,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM cloakroom_guess WHERE (account, network) IN
             (SELECT account, network FROM cloakroom_guess WHERE expires_at <= ?1
              ORDER BY expires_at LIMIT ?2)",
    )?;
    statement.execute(params![now.unix_millis(), SWEPT])?;
    for kind in [Kind::Name, Kind::Network] {
        let sql = "SELECT count(*) FROM cloakroom_guess WHERE kind = ?1";
        let mut statement = connection.prepare_cached(sql)?;
        let count: u32 = statement.query_row([kind.as_str()], |row| row.get(0))?;
        if let Some(excess @ 1..) = count.checked_sub(most) {
            drop_least(connection, kind, added, excess)?;
        }
    }
    Ok(())
}

fn drop_least(
    connection: &Connection,
    kind: Kind,
    spared: &Key,
    excess: u32,
) -> rusqlite::Result<()> {
    let (account, network) = spared.blobs();
    let mut statement = connection.prepare_cached(
        "DELETE FROM cloakroom_guess WHERE (account, network) IN
             (SELECT account, network FROM cloakroom_guess
              WHERE kind = ?1 AND NOT (account = ?2 AND network = ?3)
              ORDER BY failures, expires_at LIMIT ?4)",
    )?;
    statement.execute(params![kind.as_str(), account, network, excess]).map(drop)
}

/// Forgets all failures of an account, wherever they came from. Returns the most that one row
/// counted.
pub(super) fn release(
    connection: &Connection,
    account: &Digest,
    now: Timestamp,
) -> rusqlite::Result<u32> {
    let counted = connection.query_row(
        "SELECT coalesce(max(failures), 0) FROM cloakroom_guess WHERE account = ?1 AND expires_at > ?2",
        params![account, now.unix_millis()],
        |row| row.get(0),
    )?;
    connection
        .execute("DELETE FROM cloakroom_guess WHERE account = ?1 AND network = x''", [account])?;
    connection.execute(
        "UPDATE cloakroom_guess SET failures = 0, waits_until = 0 WHERE account = ?1",
        [account],
    )?;
    Ok(counted)
}

/// Forgets the known networks of an account but the `most` that it signed in from last.
pub(super) fn keep_latest_known(
    connection: &Connection,
    account: &Digest,
    most: u32,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM cloakroom_guess WHERE account = ?1 AND kind = 'known' AND network NOT IN
             (SELECT network FROM cloakroom_guess WHERE account = ?1 AND kind = 'known'
              ORDER BY expires_at DESC, network LIMIT ?2)",
    )?;
    statement.execute(params![account, most]).map(drop)
}

#[cfg(test)]
pub(super) fn count(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("SELECT count(*) FROM cloakroom_guess", [], |row| row.get(0))
}
