//! Keys in files that all nodes on one database must share.
//!
//! The database holds a fingerprint of each, not the key. The first node says what it is; a node
//! with another key does not start, because it would refuse the sessions of the others and they
//! the sessions of this one.

use std::path::Path;

use anyhow::{Context, Result, bail};
use cloakroom::{SecretKey, key_file};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::sql::{Row, Sql, SqlError, Tables, Transaction};

const TABLES: Tables = Tables {
    component: "node_key",
    sqlite: &["CREATE TABLE cloakroom_node_key (
        name        TEXT NOT NULL PRIMARY KEY,
        fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32)
    ) STRICT, WITHOUT ROWID"],
    sqlite_begin: None,
    postgres: &["CREATE TABLE {schema}.node_key (
        name        TEXT  COLLATE \"C\" PRIMARY KEY,
        fingerprint BYTEA NOT NULL CHECK (length(fingerprint) = 32)
    )"],
};

const FIND: &str = "SELECT fingerprint FROM cloakroom_node_key WHERE name = ?1";

/// The fingerprints. Clones share the database.
#[derive(Clone, Debug)]
pub struct NodeKeys {
    sql: Sql,
    has_other_nodes: bool,
}

impl NodeKeys {
    /// Opens the table, making it if needed. `has_other_nodes` is whether other servers may use
    /// the database, each with a data directory of its own; without them a key that was replaced
    /// is taken as it is.
    ///
    /// # Errors
    /// As [`Sql::migrate`].
    pub async fn open(sql: Sql, has_other_nodes: bool) -> Result<Self> {
        sql.migrate(&TABLES).await?;
        Ok(Self { sql, has_other_nodes })
    }

    /// The key in the file at `path`, made of `fresh` if there is neither a file nor another node.
    ///
    /// # Errors
    /// When the key is not that of the other nodes; says what to do. Nothing was made then.
    pub async fn key(
        &self,
        name: &'static str,
        path: &Path,
        fresh: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let known = self.sql.read_one("look up a key", FIND, &[name.into()], fingerprint).await?;
        if self.has_other_nodes && known.is_some() && !path.exists() {
            bail!(
                "this database has another node already, and {file} is missing: copy {name} from \
                 the data directory of that node (mode 0600)",
                file = path.display()
            );
        }
        let key = key_file(path, fresh)?;
        let own = digest(name, &key);
        if !self.has_other_nodes {
            self.adopt(name, &key).await?;
        } else if self.first(name, own).await? != own {
            bail!(
                "{file} is not the key of the other nodes on this database: each would refuse the \
                 sessions of the other. Copy {name} from the data directory of another node (mode \
                 0600); or, to replace the key and end all sessions, stop the other nodes, run \
                 `cloakroom key adopt` here, and copy this file to them",
                file = path.display()
            );
        }
        Ok(key)
    }

    /// A name of this database, the same for every node on it and for no other database.
    ///
    /// # Errors
    /// A fault of the database, or of the system's random source.
    pub async fn database_name(&self) -> Result<String> {
        let fresh = SecretKey::generate()?;
        let name = self.first("database", digest("database", fresh.reveal())).await?;
        Ok(name[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Says that this key is the one of all nodes from now on. Others refuse to start until they
    /// have it too; those that run go on with theirs.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn adopt(&self, name: &'static str, key: &[u8]) -> Result<()> {
        let set = "INSERT INTO cloakroom_node_key (name, fingerprint) VALUES (?1, ?2)
            ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint";
        let own = digest(name, key);
        let known = self.sql.read_one("look up a key", FIND, &[name.into()], fingerprint).await?;
        if known != Some(own) {
            let values = vec![name.into(), (&own).into()];
            self.sql.write_one("note a key", set, values).await?;
        }
        Ok(())
    }

    /// The fingerprint of the first node, which this one is if there was none.
    async fn first(&self, name: &'static str, own: [u8; 32]) -> Result<[u8; 32]> {
        let first = self.sql.write("note a key", (name, own), |(name, own), transaction| {
            Box::pin(note(transaction, name, own))
        });
        first.await.context("the fingerprint of a key cannot be noted")
    }
}

async fn note(
    transaction: &mut Transaction<'_>,
    name: &str,
    own: &[u8; 32],
) -> Result<[u8; 32], SqlError> {
    let add = "INSERT INTO cloakroom_node_key (name, fingerprint) VALUES (?1, ?2)
        ON CONFLICT (name) DO NOTHING";
    transaction.run(add, &[name.into(), own.into()]).await?;
    let found = transaction.row(FIND, &[name.into()]).await?;
    fingerprint(&found.ok_or(SqlError::Missing)?)
}

fn fingerprint(row: &Row) -> Result<[u8; 32], SqlError> {
    row.column(0)
}

/// The key is random and as long as the digest, so nobody finds it by trying.
fn digest(name: &str, key: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"cloakroom/v1/fingerprint/");
    hash.update(name);
    hash.update([0]);
    hash.update(key);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use cloakroom_testkit::servers::TempDir;

    use super::*;
    use crate::sql::testing::{TestDatabase, on_every_database};

    const NAME: &str = "session.key";

    async fn node(database: &TestDatabase, has_other_nodes: bool) -> NodeKeys {
        NodeKeys::open(database.node().await, has_other_nodes).await.unwrap()
    }

    async fn a_second_node_starts_with_the_key_of_the_first_and_with_no_other(
        database: &TestDatabase,
    ) {
        let (one, other) = (TempDir::new("one"), TempDir::new("other"));
        let (first, second) = (node(database, true).await, node(database, true).await);
        let path = other.join(NAME);
        let key = first.key(NAME, &one.join(NAME), &[1; 32]).await.unwrap();
        let missing = second.key(NAME, &path, &[2; 32]).await.unwrap_err().to_string();
        assert!(missing.contains("copy session.key from the data directory"), "{missing}");
        assert!(!path.exists(), "no wrong key is left behind");
        key_file(&path, &[2; 32]).unwrap();
        let wrong = second.key(NAME, &path, &[3; 32]).await.unwrap_err().to_string();
        assert!(wrong.contains("cloakroom key adopt"), "{wrong}");
        std::fs::remove_file(&path).unwrap();
        key_file(&path, &key).unwrap();
        assert_eq!(second.key(NAME, &path, &[3; 32]).await.unwrap(), key);
        assert_eq!(first.key(NAME, &one.join(NAME), &[4; 32]).await.unwrap(), key);
    }

    async fn a_key_that_is_adopted_is_the_one_of_all_from_then_on(database: &TestDatabase) {
        let (one, other) = (TempDir::new("one"), TempDir::new("other"));
        let keys = node(database, true).await;
        keys.key(NAME, &one.join(NAME), &[1; 32]).await.unwrap();
        key_file(&other.join(NAME), &[2; 32]).unwrap();
        keys.adopt(NAME, &[2; 32]).await.unwrap();
        keys.key(NAME, &other.join(NAME), &[3; 32]).await.unwrap();
        assert!(keys.key(NAME, &one.join(NAME), &[3; 32]).await.is_err());
    }

    async fn of_two_first_nodes_at_once_one_starts(database: &TestDatabase) {
        let (one, other) = (TempDir::new("one"), TempDir::new("other"));
        let (first, second) = (node(database, true).await, node(database, true).await);
        let (one, other) = (one.join(NAME), other.join(NAME));
        let (first, second) =
            tokio::join!(first.key(NAME, &one, &[1; 32]), second.key(NAME, &other, &[2; 32]));
        assert!(first.is_ok() != second.is_ok());
    }

    async fn without_other_nodes_a_replaced_key_is_taken(database: &TestDatabase) {
        let dir = TempDir::new("one");
        let keys = node(database, false).await;
        keys.key(NAME, &dir.join(NAME), &[1; 32]).await.unwrap();
        std::fs::remove_file(dir.join(NAME)).unwrap();
        let key = keys.key(NAME, &dir.join(NAME), &[2; 32]).await.unwrap();
        assert_eq!(**key, [2; 32]);
    }

    on_every_database!(
        a_key_that_is_adopted_is_the_one_of_all_from_then_on,
        a_second_node_starts_with_the_key_of_the_first_and_with_no_other,
        of_two_first_nodes_at_once_one_starts,
        without_other_nodes_a_replaced_key_is_taken,
    );

    #[test]
    fn a_fingerprint_is_of_one_name_and_key() {
        assert_ne!(digest("a", &[1]), digest("a", &[2]));
        assert_ne!(digest("a", &[1]), digest("b", &[1]));
    }
}
