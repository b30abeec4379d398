//! Idempotency keys: which session a creation that may be sent again is to make.
//!
//! The first try with a key reserves the session's id, before the session is made; every later
//! try finds the reservation. The session's credential is derived from the id and the key, so
//! nothing secret is kept here.

use std::time::Duration;

use anyhow::Result;
use cloakroom::{Once, SessionId, StoreError, Timestamp, UserId};
use sha2::{Digest, Sha256};

use crate::sql::{Sql, SqlError, Tables, Transaction};

const TABLES: Tables = Tables {
    component: "reservation",
    sqlite: &[V1, PREFIX],
    sqlite_begin: Some((2, V2)),
    postgres: &[POSTGRES_V1],
};

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

const POSTGRES_V1: &str = "
CREATE TABLE {schema}.reservation (
    digest     BYTEA  PRIMARY KEY CHECK (length(digest) = 32),
    body       BYTEA  NOT NULL CHECK (length(body) = 32),
    session_id BYTEA  NOT NULL CHECK (length(session_id) = 16),
    expires_at BIGINT NOT NULL
);
CREATE INDEX reservation_expires_at ON {schema}.reservation (expires_at);
";

/// How long a key is remembered.
pub const LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// Most expired rows that one reservation clears away: more than it adds.
const CLEARED: i64 = 100;

/// All reservations. Clones share the database.
#[derive(Clone, Debug)]
pub struct Reservations {
    sql: Sql,
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
    /// Opens the table, making it if needed.
    ///
    /// # Errors
    /// As [`Sql::migrate`].
    pub async fn open(sql: Sql) -> Result<Self> {
        sql.migrate(&TABLES).await?;
        Ok(Self { sql })
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
        let state = (digest, body, SessionId::new(Some(user), now), now);
        let write = self.sql.write("reserve a session", state, |state, transaction| {
            Box::pin(async move {
                let (digest, body, fresh, now) = state;
                clear(transaction, *now).await?;
                insert(transaction, digest, body, *fresh, *now).await?;
                find(transaction, digest).await
            })
        });
        let (id, first_body) = write.await?;
        Ok((first_body == body).then(|| Once::new(id, creation.seed())))
    }
}

async fn clear(transaction: &mut Transaction<'_>, now: Timestamp) -> Result<(), SqlError> {
    let sql = "DELETE FROM cloakroom_reservation WHERE digest IN
        (SELECT digest FROM cloakroom_reservation WHERE expires_at <= ?1
         ORDER BY expires_at LIMIT ?2)";
    transaction.run(sql, &[now.into(), CLEARED.into()]).await.map(drop)
}

/// An expired row that was not cleared away yet gives way.
async fn insert(
    transaction: &mut Transaction<'_>,
    digest: &[u8; 32],
    body: &[u8; 32],
    id: SessionId,
    now: Timestamp,
) -> Result<(), SqlError> {
    let sql = "INSERT INTO cloakroom_reservation AS kept (digest, body, session_id, expires_at)
        VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (digest) DO UPDATE SET
            body = excluded.body, session_id = excluded.session_id, expires_at = excluded.expires_at
        WHERE kept.expires_at <= ?5";
    let expires_at = now.after(LIFETIME);
    let values = [digest.into(), body.into(), id.into(), expires_at.into(), now.into()];
    transaction.run(sql, &values).await.map(drop)
}

async fn find(
    transaction: &mut Transaction<'_>,
    digest: &[u8; 32],
) -> Result<(SessionId, [u8; 32]), SqlError> {
    let sql = "SELECT session_id, body FROM cloakroom_reservation WHERE digest = ?1";
    match transaction.row(sql, &[digest.into()]).await? {
        Some(row) => Ok((row.column(0)?, row.column(1)?)),
        // It was written in this transaction.
        None => Err(SqlError::Missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::{TestDatabase, on_every_database};

    const NOW: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000);

    async fn node(database: &TestDatabase) -> Reservations {
        let patience = Duration::from_secs(60);
        Reservations::open(database.node().await.patience(patience)).await.unwrap()
    }

    fn creation(key: &'static str, body: &'static [u8]) -> Creation<'static> {
        Creation { caller: "app", key, body }
    }

    async fn tries_of_one_key_at_two_nodes_reserve_one_id(database: &TestDatabase) {
        let nodes = [node(database).await, node(database).await];
        let user = UserId::new("u1").unwrap();
        let begun: Vec<_> = (0..20)
            .map(|number| {
                let (reservations, user) = (nodes[number % 2].clone(), user.clone());
                tokio::spawn(async move {
                    let once = reservations.reserve(creation("key", b"{}"), &user, NOW).await;
                    once.unwrap().unwrap().id
                })
            })
            .collect();
        let mut ids = std::collections::HashSet::new();
        for task in begun {
            ids.insert(task.await.unwrap());
        }
        assert_eq!(ids.len(), 1);
    }

    async fn another_body_is_refused_until_the_key_has_expired(database: &TestDatabase) {
        let (reservations, user) = (node(database).await, UserId::new("u1").unwrap());
        let first = reservations.reserve(creation("key", b"1"), &user, NOW).await.unwrap();
        assert!(reservations.reserve(creation("key", b"2"), &user, NOW).await.unwrap().is_none());
        let later = NOW.after(LIFETIME);
        let second = reservations.reserve(creation("key", b"2"), &user, later).await.unwrap();
        assert_ne!(first.unwrap().id, second.unwrap().id);
    }

    on_every_database!(
        another_body_is_refused_until_the_key_has_expired,
        tries_of_one_key_at_two_nodes_reserve_one_id,
    );

    #[test]
    fn callers_and_keys_do_not_run_into_each_other() {
        let creation = |caller, key| Creation { caller, key, body: b"" };
        assert_ne!(creation("a", "bc").digest(), creation("ab", "c").digest());
        assert_ne!(creation("a", "b").digest(), creation("b", "a").digest());
        assert_ne!(creation("a", "b").seed(), creation("a", "b").digest());
    }
}
