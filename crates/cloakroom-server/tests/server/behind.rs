//! What tests do behind the server's back, on whatever store it runs: look into its SQL database,
//! let time pass, take its store away.

use std::fs;
use std::time::Duration;

use cloakroom::sqlite::rusqlite::Connection;
use cloakroom::{CAPABILITIES, Keeping, Support};
use cloakroom_testkit::servers::{PostgresConnection, Proxy, StoreKind, StoreServers, wait_until};

use crate::support::{SOON, Site};

/// How long a server may take to find its store again.
const RECOVERY: Duration = Duration::from_secs(5);

/// Where the sessions are kept, in the words of the table of capabilities.
pub(crate) fn keeping() -> Keeping {
    match StoreKind::chosen() {
        StoreKind::Memory => Keeping::Memory,
        StoreKind::Sqlite => Keeping::Sqlite,
        StoreKind::Postgres => Keeping::Postgres,
        StoreKind::Redis(_) => Keeping::Redis,
        StoreKind::Backed(_) => Keeping::RedisBacked,
    }
}

/// Whether something applies to this store, which only the server's own table decides; a condition
/// is taken to hold, as the tests see to it.
#[track_caller]
pub(crate) fn applies(capability: &str) -> bool {
    let found = CAPABILITIES.iter().find(|it| it.name == capability);
    let support = found.expect("it is in the table").of(keeping());
    if let Support::No(why) = support {
        println!("does not apply to {}: {why}", keeping().title());
    }
    !matches!(support, Support::No(_))
}

/// Keeps everybody from writing to the database until it is dropped.
pub(crate) enum Held {
    /// By the write lock.
    Sqlite(Connection),
    /// By locks on the tables.
    Postgres(PostgresConnection),
}

impl Held {
    /// Lets them write again, as the drop does.
    pub(crate) fn let_go(self) {
        drop(self);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        match self {
            Self::Sqlite(database) => database.execute_batch("ROLLBACK").expect("it is let go"),
            Self::Postgres(database) => drop(database.query("ROLLBACK").expect("it is let go")),
        }
    }
}

impl Site {
    pub(crate) fn stores(&self) -> &StoreServers {
        self.server.stores()
    }

    /// Changes rows, in SQL that both engines understand with the names of SQLite.
    #[track_caller]
    pub(crate) fn sql(&self, statement: &str) {
        let changed = if self.stores().kind().uses_postgres() {
            let counted =
                format!("WITH changed AS ({statement} RETURNING 1) SELECT count(*) FROM changed");
            self.count(&counted)
        } else {
            i64::try_from(self.sqlite().execute(statement, []).expect(statement)).expect("few")
        };
        assert!(changed > 0, "changed nothing: {statement}");
    }

    /// A number from the database.
    #[track_caller]
    pub(crate) fn count(&self, query: &str) -> i64 {
        self.text(query).parse().unwrap_or_else(|_| panic!("no number: {query}"))
    }

    /// A text from the database.
    #[track_caller]
    pub(crate) fn text(&self, query: &str) -> String {
        let Some(rows) = self.stores().sql(&query.replace("cloakroom_", "cloakroom.")) else {
            // Of any type, as PostgreSQL tells it.
            let query = format!("SELECT CAST(({query}) AS TEXT)");
            return self.sqlite().query_row(&query, [], |row| row.get(0)).expect(&query);
        };
        rows.first().and_then(|row| row.first()).expect("there is a row").clone()
    }

    /// The id of a user.
    #[track_caller]
    pub(crate) fn user_id(&self, name: &str) -> String {
        self.text(&format!("SELECT id FROM cloakroom_user WHERE name = '{name}'"))
    }

    /// Bytes in SQL.
    pub(crate) fn blob(&self, hex: &str) -> String {
        if self.stores().kind().uses_postgres() {
            format!("'\\x{hex}'::bytea")
        } else {
            format!("X'{hex}'")
        }
    }

    /// The database in the data directory, beside the server.
    #[track_caller]
    pub(crate) fn sqlite(&self) -> Connection {
        let open = Connection::open(self.server.data_dir().join("cloakroom.db"));
        let database = open.expect("the database opens");
        database.busy_timeout(SOON).expect("a timeout can be set");
        database
    }

    /// All that is kept of sessions and users, in files and servers, by place; not the key files.
    #[track_caller]
    pub(crate) fn at_rest(&self) -> Vec<(String, Vec<u8>)> {
        let mut places = Vec::new();
        for entry in fs::read_dir(self.server.data_dir()).expect("there is a directory").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_file && !name.ends_with(".key") {
                places.push((name, fs::read(entry.path()).expect("a file is read")));
            }
        }
        for bytes in ["hex", "base64"] {
            let tables = "SELECT schema_to_xml('cloakroom', true, false, '')";
            let Some(dump) = self.stores().sql(&format!("SET xmlbinary = {bytes}; {tables}"))
            else {
                break;
            };
            places.push((format!("PostgreSQL in {bytes}"), dump.concat().concat().into()));
        }
        if let Some(postgres) = self.stores().postgres() {
            places.push(("the log of PostgreSQL".to_owned(), postgres.log().into()));
        }
        if let Some(redis) = self.stores().redis() {
            redis.run(&["CONFIG", "SET", "rdbcompression", "no"]);
            redis.run(&["SAVE"]);
            let dump = fs::read(redis.dir().join("dump.rdb")).expect("it was saved");
            places.push(("Redis".to_owned(), dump));
            places.push(("the log of Redis".to_owned(), redis.log().into()));
        }
        places
    }

    /// Starts the server again, which believes that so much time has passed. `None` where that
    /// cannot be done (a visible skip).
    #[track_caller]
    pub(crate) fn later(&mut self, time: Duration) -> Option<()> {
        self.server.restart_later(time)
    }

    /// Takes what keeps the sessions away from the server.
    #[track_caller]
    pub(crate) fn cut_store(&self) {
        self.stores().proxies().for_each(Proxy::cut);
        if self.is_in_sqlite() {
            self.rename("session", "away");
        }
    }

    /// Gives it back and waits until the server has noticed.
    #[track_caller]
    pub(crate) fn heal_store(&self) {
        if self.is_in_sqlite() {
            self.rename("away", "session");
        }
        self.stores().proxies().for_each(Proxy::heal);
        wait_until("the server is ready again", RECOVERY, || self.server.is_ready());
    }

    fn is_in_sqlite(&self) -> bool {
        applies("sql_view") && !self.stores().kind().uses_postgres()
    }

    /// Renames a table of the database: to the server it is not there. Names have no prefix.
    #[track_caller]
    pub(crate) fn rename(&self, from: &str, to: &str) {
        let renamed = format!("ALTER TABLE cloakroom.{from} RENAME TO {to}");
        if self.stores().sql(&renamed).is_none() {
            let sql = format!("ALTER TABLE cloakroom_{from} RENAME TO cloakroom_{to}");
            self.sqlite().execute(&sql, []).expect("it is renamed");
        }
    }

    /// Keeps the server from writing sessions where they are in SQL, as another process would.
    #[track_caller]
    pub(crate) fn hold_writes(&self) -> Held {
        let Some(mut database) = self.stores().connect() else {
            let database = self.sqlite();
            database.execute_batch("BEGIN IMMEDIATE").expect("the lock is taken");
            return Held::Sqlite(database);
        };
        let tables = "cloakroom.session, cloakroom.ended_session, cloakroom.log";
        let lock = format!("BEGIN; LOCK TABLE {tables} IN EXCLUSIVE MODE");
        database.query(&lock).expect("the tables are locked");
        Held::Postgres(database)
    }
}
