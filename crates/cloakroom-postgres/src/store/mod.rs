//! The store: each duty in a file of its own, and the functions of the schema in `migrations/`.

mod credentials;
mod data;
mod end;
mod insert;
mod load;
mod statements;
mod sweep;
mod touch;

use std::sync::Arc;

use cloakroom_core::{
    Answer, DataChange, DataLimits, Durability, End, Ended, Guard, Inserted, Keys, NewSession,
    Record, RenewalStep, Rotation, Selector, SessionId, Store, StoreAnswer, Sweep, Swept,
    Timestamp, Touch, Updated, UserId,
};

use crate::row::{only, unsigned};
use crate::text::stored;
use crate::{Database, Migrations, OpenError, Value};
use statements::Statements;

const MIGRATIONS: Migrations = Migrations {
    component: "session",
    steps: &[
        include_str!("../../migrations/0001_tables.sql"),
        include_str!("../../migrations/0002_functions.sql"),
    ],
};

/// Sessions in a schema of a PostgreSQL database. Clones share it.
///
/// Reads and writes are one round trip each. Any number of processes may use the schema at once.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pub(crate) database: Database,
    pub(crate) sql: Arc<Statements>,
}

impl PostgresStore {
    /// Connects to the database at `url`, such as `postgres://user@host/database`, and makes the
    /// schema `cloakroom` and what belongs in it if it is not there.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong and what to do.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Self::within(Database::connect(url).await?).await
    }

    /// Keeps sessions in `database`, beside whatever else is in its schema.
    ///
    /// # Errors
    /// [`OpenError`] when the tables cannot be made or a newer program has made them.
    pub async fn within(database: Database) -> Result<Self, OpenError> {
        database.migrate(&MIGRATIONS).await?;
        let sql = Arc::new(Statements::of(&database));
        Ok(Self { database, sql })
    }

    /// The database underneath.
    pub fn database(&self) -> &Database {
        &self.database
    }
}

impl Store for PostgresStore {
    fn durability(&self) -> Durability {
        if self.database.is_durable() { Durability::Lossless } else { Durability::LostOnRestart }
    }

    fn insert(&self, new: NewSession) -> StoreAnswer<'_, Inserted> {
        let values = insert::values(&new);
        self.database
            .call("insert a session", &self.sql.insert, values, |rows| insert::inserted(&rows))
    }

    fn load(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        let values = vec![id.into(), now.into()];
        self.database.read("load a session", &self.sql.load, values, |rows| load::loaded(&rows))
    }

    fn read(
        &self,
        id: SessionId,
        now: Timestamp,
        keys: Keys,
    ) -> StoreAnswer<'_, Option<Vec<cloakroom_core::Entry>>> {
        let mut values = vec![id.into(), now.into()];
        let sql = match keys {
            Keys::All => &self.sql.read_all,
            Keys::These(keys) => {
                let keys = keys.iter().map(|key| Some(stored(key).into_owned()));
                values.push(Value::Texts(keys.collect()));
                &self.sql.read_these
            }
        };
        self.database.read("read session data", sql, values, |rows| data::entries(&rows))
    }

    fn update(
        &self,
        guard: Guard,
        changes: Vec<DataChange>,
        limits: DataLimits,
    ) -> StoreAnswer<'_, Updated> {
        let written: Vec<bool> = changes.iter().map(|change| change.json.is_some()).collect();
        let values = data::update(guard, &changes, limits);
        self.database.call("write session data", &self.sql.update, values, move |rows| {
            data::updated(&rows, &written)
        })
    }

    fn rotate(&self, guard: Guard, rotation: Rotation) -> StoreAnswer<'_, Updated> {
        let values = credentials::rotation(guard, rotation);
        self.database.call("rotate a credential", &self.sql.rotate, values, |rows| {
            credentials::updated(&rows)
        })
    }

    fn renew(&self, guard: Guard, step: RenewalStep) -> StoreAnswer<'_, Updated> {
        let (sql, values) = credentials::renewal(&self.sql, guard, step);
        self.database.call("renew a credential", sql, values, |rows| credentials::updated(&rows))
    }

    fn touch(&self, now: Timestamp, touches: Vec<Touch>) -> StoreAnswer<'_, u64> {
        if touches.is_empty() {
            return Answer::ready(Ok(0));
        }
        let values = touch::touches(now, &touches);
        self.database
            .call("touch sessions", &self.sql.touch, values, |rows| unsigned(only(&rows)?, 0))
    }

    fn regroup(&self, user: UserId, groups: Vec<String>, now: Timestamp) -> StoreAnswer<'_, u64> {
        let values = touch::regroup(&user, &groups, now);
        self.database.call(
            "change the groups of a user's sessions",
            &self.sql.regroup,
            values,
            |rows| unsigned(only(&rows)?, 0),
        )
    }

    fn end(&self, end: End) -> StoreAnswer<'_, Ended> {
        let (sql, values) = end::order(&self.sql, &end);
        if end.selector == Selector::Everyone {
            return self.database.call_long("end everyone", sql, values, |rows| end::ended(&rows));
        }
        self.database.call("end sessions", sql, values, |rows| end::ended(&rows))
    }

    fn epoch(&self, user: UserId) -> StoreAnswer<'_, u64> {
        self.database.read("read a user's epoch", &self.sql.epoch, vec![(&user).into()], |rows| {
            unsigned(only(&rows)?, 0)
        })
    }

    fn sweep(&self, sweep: Sweep) -> StoreAnswer<'_, Swept> {
        let values = sweep::order(sweep);
        self.database
            .call("sweep expired sessions", &self.sql.sweep, values, |rows| sweep::swept(&rows))
    }
}
