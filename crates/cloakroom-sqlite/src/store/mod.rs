//! The store: each duty in a file of its own.

mod credentials;
mod data;
mod end;
mod insert;
mod load;
mod sweep;
mod touch;

use std::path::Path;
use std::sync::Arc;

use cloakroom_core::{
    Answer, DataChange, DataLimits, Durability, End, Ended, Entry, Guard, Inserted, Keys,
    NewSession, Record, RenewalStep, Rotation, SessionId, Store, StoreAnswer, Sweep, Swept,
    Timestamp, Touch, Updated, UserId,
};

use crate::{Database, Migrations, OpenError};

const MIGRATIONS: Migrations = Migrations {
    component: "session",
    steps: &[
        include_str!("../../migrations/0001_sessions.sql"),
        include_str!("../../migrations/0002_log.sql"),
        include_str!("../../migrations/0003_prefix.sql"),
        include_str!("../../migrations/0004_active_sessions.sql"),
    ],
    begin: Some((3, include_str!("../../migrations/0003_new_file.sql"))),
};

/// Sessions in an SQLite file. Clones share it.
///
/// Reads take microseconds and are answered inline, on the calling thread. Writes are queued for
/// the writer thread and answered after their commit; writes that wait together share one. When
/// too many wait, further ones fail at once.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pub(crate) database: Database,
}

impl SqliteStore {
    /// Opens the file at `path` and makes it, with mode 0600, if it is not there.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong; nothing was overwritten then.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::within(Database::open(path)?)
    }

    /// Keeps sessions in `database`, beside whatever else is there.
    ///
    /// # Errors
    /// [`OpenError`] when the tables cannot be made or a newer program has made them.
    pub fn within(database: Database) -> Result<Self, OpenError> {
        database.migrate(&MIGRATIONS)?;
        Ok(Self { database })
    }

    /// The file underneath.
    pub fn database(&self) -> &Database {
        &self.database
    }
}

impl Store for SqliteStore {
    fn durability(&self) -> Durability {
        Durability::Lossless
    }

    fn insert(&self, new: NewSession) -> StoreAnswer<'_, Inserted> {
        self.database.write("insert a session", move |database| insert::insert(database, &new))
    }

    fn load(&self, id: SessionId, now: Timestamp) -> StoreAnswer<'_, Option<Arc<Record>>> {
        Answer::ready(
            self.database.read("load a session", |database| load::load(database, id, now)),
        )
    }

    fn read(
        &self,
        id: SessionId,
        now: Timestamp,
        keys: Keys,
    ) -> StoreAnswer<'_, Option<Vec<Entry>>> {
        Answer::ready(
            self.database.read("read session data", |database| data::read(database, id, now, keys)),
        )
    }

    fn update(
        &self,
        guard: Guard,
        changes: Vec<DataChange>,
        limits: DataLimits,
    ) -> StoreAnswer<'_, Updated> {
        self.database.attempt("write session data", move |database| {
            data::update(database, guard, &changes, limits)
        })
    }

    fn rotate(&self, guard: Guard, rotation: Rotation) -> StoreAnswer<'_, Updated> {
        self.database.write("rotate a credential", move |database| {
            credentials::rotate(database, guard, rotation)
        })
    }

    fn renew(&self, guard: Guard, step: RenewalStep) -> StoreAnswer<'_, Updated> {
        self.database
            .write("renew a credential", move |database| credentials::renew(database, guard, step))
    }

    fn touch(&self, now: Timestamp, mut touches: Vec<Touch>) -> StoreAnswer<'_, u64> {
        if touches.is_empty() {
            return Answer::ready(Ok(0));
        }
        // Neighbours in the table are written together.
        touches.sort_unstable_by_key(|touch| touch.id);
        self.database.write("touch sessions", move |database| touch::touch(database, now, &touches))
    }

    fn regroup(&self, user: UserId, groups: Vec<String>, now: Timestamp) -> StoreAnswer<'_, u64> {
        self.database.write("change the groups of a user's sessions", move |database| {
            touch::regroup(database, &user, &groups, now)
        })
    }

    fn end(&self, end: End) -> StoreAnswer<'_, Ended> {
        self.database.write("end sessions", move |database| end::end(database, &end))
    }

    fn epoch(&self, user: UserId) -> StoreAnswer<'_, u64> {
        Answer::ready(
            self.database.read("read a user's epoch", |database| end::epoch(database, &user)),
        )
    }

    fn sweep(&self, sweep: Sweep) -> StoreAnswer<'_, Swept> {
        self.database.write("sweep expired sessions", move |database| sweep::sweep(database, sweep))
    }
}

/// Every statement of the store that may not read a whole table, for the test of their plans.
#[cfg(test)]
pub(crate) fn statements() -> Vec<String> {
    let fixed = [
        credentials::STATEMENTS,
        data::STATEMENTS,
        insert::STATEMENTS,
        load::STATEMENTS,
        sweep::STATEMENTS,
        touch::STATEMENTS,
    ];
    let fixed = fixed.into_iter().flatten().map(|sql| (*sql).to_owned());
    fixed.chain(end::statements()).collect()
}
