//! Idempotency keys: which session a creation that may be sent again is to make.
//!
//! The first try with a key reserves the session's id, before the session is made; every later
//! try finds the reservation. The session's credential is derived from the id and the key, so
//! nothing secret is kept here.

use cloakroom::sqlite::rusqlite::{Connection, params};
use cloakroom::sqlite::{Database, Migrations, OpenError};
use cloakroom::{Once, SessionId, StoreError, Timestamp, UserId};
use sha2::{Digest, Sha256};
use std::time::Duration;

const MIGRATIONS: Migrations =
    Migrations { component: "reservation", steps: &[V1, PREFIX], begin: Some((2, V2)) };

/// Before tables had a prefix.
const V1: &str = "
CREATE TABLE reservation (
    digest     BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    body       BLOB    NOT NULL CHECK (length(body) = 32),
    session_id BLOB    NOT NULL CHECK (length(session_id) = 16),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reservation_expires_at ON reservation (expires_at);
";

const PREFIX: &str = "
ALTER TABLE reservation RENAME TO cloakroom_reservation;
DROP INDEX reservation_expires_at;
CREATE INDEX cloakroom_reservation_expires_at ON cloakroom_reservation (expires_at);
";

const V2: &str = "
CREATE TABLE cloakroom_reservation (
    digest     BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    body       BLOB    NOT NULL CHECK (length(body) = 32),
    session_id BLOB    NOT NULL CHECK (length(session_id) = 16),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cloakroom_reservation_expires_at ON cloakroom_reservation (expires_at);
";

/// How long a key is remembered.
pub const LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// Most expired rows that one reservation clears away: more than it adds.
const CLEARED: i64 = 100;

/// All reservations. Clones share the database.
#[derive(Clone, Debug)]
pub struct Reservations {
    database: Database,
}

/// A creation that was sent with an idempotency key.
#[derive(Clone, Copy, Debug)]
pub struct Creation<'a> {
    /// The API key's id: the keys of two applications do not meet.
    pub caller: &'a str,
    /// What the application sent as `Idempotency-Key`.
    pub key: &'a str,
    /// The whole body.
    pub body: &'a [u8],
}

impl Creation<'_> {
    fn digest(&self) -> [u8; 32] {
        digest(b"key", &[self.caller.as_bytes(), self.key.as_bytes()])
    }

    fn body(&self) -> [u8; 32] {
        digest(b"body", &[self.body])
    }

    fn seed(&self) -> [u8; 32] {
        let parts = [self.caller.as_bytes(), self.key.as_bytes(), self.body];
        digest(b"seed", &parts)
    }
}

fn digest(purpose: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [purpose].iter().chain(parts) {
        // With its length before each part, no two lists of parts hash the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

impl Reservations {
    /// Opens the table in `database`, making it if needed.
    ///
    /// # Errors
    /// As [`Database::migrate`].
    pub fn open(database: Database) -> Result<Self, OpenError> {
        database.migrate(&MIGRATIONS)?;
        Ok(Self { database })
    }

    /// What session this creation is to make; the same for every try. `None` when the key was
    /// used with another body. Durable before it answers.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn reserve(
        &self,
        creation: Creation<'_>,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Option<Once>, StoreError> {
        let (digest, body) = (creation.digest(), creation.body());
        let fresh = SessionId::new(Some(user), now);
        let write = self.database.write("reserve a session", move |connection| {
            clear(connection, now)?;
            insert(connection, &digest, &body, fresh, now)?;
            find(connection, &digest)
        });
        let (id, first_body) = write.await?;
        Ok((first_body == body).then(|| Once::new(id, creation.seed())))
    }
}

fn clear(
    connection: &Connection,
    now: Timestamp,
) -> Result<(), cloakroom::sqlite::rusqlite::Error> {
    let sql = "DELETE FROM cloakroom_reservation WHERE digest IN
        (SELECT digest FROM cloakroom_reservation WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    connection.prepare_cached(sql)?.execute(params![now.unix_millis(), CLEARED]).map(drop)
}

/// An expired row that was not cleared away yet gives way.
fn insert(
    connection: &Connection,
    digest: &[u8; 32],
    body: &[u8; 32],
    id: SessionId,
    now: Timestamp,
) -> Result<(), cloakroom::sqlite::rusqlite::Error> {
    let sql = "INSERT INTO cloakroom_reservation (digest, body, session_id, expires_at)
        VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (digest) DO UPDATE SET
            body = excluded.body, session_id = excluded.session_id, expires_at = excluded.expires_at
        WHERE expires_at <= ?5";
    let expires_at = now.after(LIFETIME).unix_millis();
    let values = params![digest, body, id.as_bytes(), expires_at, now.unix_millis()];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

fn find(
    connection: &Connection,
    digest: &[u8; 32],
) -> Result<(SessionId, [u8; 32]), cloakroom::sqlite::rusqlite::Error> {
    let sql = "SELECT session_id, body FROM cloakroom_reservation WHERE digest = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([digest], |row| Ok((SessionId::from_bytes(row.get(0)?), row.get(1)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_and_keys_do_not_run_into_each_other() {
        let creation = |caller, key| Creation { caller, key, body: b"" };
        assert_ne!(creation("a", "bc").digest(), creation("ab", "c").digest());
        assert_ne!(creation("a", "b").digest(), creation("b", "a").digest());
        assert_ne!(creation("a", "b").seed(), creation("a", "b").digest());
    }
}
