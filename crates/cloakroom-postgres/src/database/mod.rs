//! The database: connections, statements, transactions, migrations.

mod connect;
mod connections;
mod migrations;
mod options;
mod outcome;
mod sql;
mod target;
mod tls;
mod transaction;
mod work;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{StoreAnswer, StoreError};
use tokio_postgres::Row;

use crate::{OpenError, Value};
use connections::Connections;
pub use migrations::Migrations;
use options::SEARCH;
pub use options::{Options, Password};
use sql::Schema;
pub use sql::Sql;
use target::Target;
pub use transaction::Transaction;
use work::{Work, spawn};

/// An error of a statement, or of reading its rows.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

impl Options {
    /// Connects to the database at `url`, such as
    /// `postgres://user@host:5432/database?sslmode=verify-full`, and looks whether it can be
    /// used. `sslmode` is `disable`, `prefer` (if it is not said), `require` or `verify-full`;
    /// with the last, `sslrootcert` names a file of roots, else those of the system count.
    ///
    /// It changes nothing there; [`Database::migrate`] does.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong and what to do.
    pub async fn connect(self, url: &str) -> Result<Database, OpenError> {
        let schema = Schema::new(&self.schema)?;
        let mut target = Target::parse(url)?;
        self.set_up(&mut target);
        let tls = tls::connector(&target.tls)?;
        let patience = self.connect_timeout;
        let facts = connect::first(&target, &tls, &schema, self.pooler, patience).await?;
        // Of the first connection the refusal is put in words of its own.
        target.refuse_standbys();
        Ok(Database(Arc::new(Inner {
            connections: Arc::new(Connections::new(&target, tls, &self)),
            at: target.to_string(),
            schema,
            is_durable: facts.is_durable,
            options: self,
        })))
    }

    fn set_up(&self, target: &mut Target) {
        let config = &mut target.config;
        if let Some(password) = &self.password {
            config.password(password.as_str());
        }
        config.connect_timeout(self.connect_timeout);
        config.application_name(&self.application_name);
        // A host that vanished without a word is noticed.
        config.keepalives_idle(Duration::from_secs(30));
        config.keepalives_interval(Duration::from_secs(5));
        config.tcp_user_timeout(Duration::from_secs(3));
        if !self.pooler {
            let own = config.get_options().unwrap_or_default().to_owned();
            config.options(format!("{} {own} {SEARCH}", self.of_connections()));
        }
    }
}

/// A PostgreSQL database, as one schema of it. Clones share the connections.
///
/// It must be used within a tokio runtime with time and I/O enabled. A server that goes away is
/// reached again when it is back; until then everything fails quickly, with pauses of up to a
/// second between attempts.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    connections: Arc<Connections>,
    schema: Schema,
    /// The place, without the password.
    at: String,
    is_durable: bool,
    options: Options,
}

impl Database {
    /// Connects to the database at `url` with the default [`Options`].
    ///
    /// # Errors
    /// As [`Options::connect`].
    pub async fn connect(url: &str) -> Result<Self, OpenError> {
        Options::default().connect(url).await
    }

    /// Brings a component's tables up to date, each step in a transaction of its own, and makes
    /// the schema first if it is not there. Several nodes may do so at once: one takes a step,
    /// the others wait for it.
    ///
    /// # Errors
    /// [`OpenError::Newer`] when a newer program has been here; nothing was changed then.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<(), OpenError> {
        migrations.apply(&self.0).await
    }

    /// Makes a statement of `template`, in which `{schema}` stands for the schema, as in
    /// `SELECT name FROM {schema}.user WHERE id = $1`. Do so once, not for each use. Names without
    /// a schema are looked for among PostgreSQL's own alone.
    pub fn sql(&self, template: &str) -> Sql {
        self.0.schema.expand(template)
    }

    /// Reads with one statement, outside any transaction: one round trip. `decode` makes the
    /// answer of the rows; its error becomes a [`StoreError::Failed`].
    ///
    /// # Errors
    /// In the answer: [`StoreError::Failed`], also when it takes longer than
    /// [`Options::read_timeout`].
    pub fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        sql: &Sql,
        values: Vec<Value>,
        decode: impl FnOnce(Vec<Row>) -> Result<T, Fault> + Send + 'static,
    ) -> StoreAnswer<'static, T> {
        let reading = self.work(operation, self.0.options.read_timeout).read(sql.clone(), values);
        spawn(operation, async move {
            decode(reading.await?).map_err(|fault| StoreError::failed(operation, fault))
        })
    }

    /// Writes with one statement, which is a transaction by itself: one round trip. It runs to
    /// its end even if the answer is dropped, and is durable when it answers. It is tried again
    /// when another transaction was in its way (40001, 40P01). Isolation is read committed.
    ///
    /// # Errors
    /// In the answer: [`StoreError::Failed`] when nothing was written, [`StoreError::Unknown`]
    /// when it may or may not have been, as the connection was lost. An error of `decode` comes
    /// after the commit, so it is `Unknown` too.
    pub fn call<T: Send + 'static>(
        &self,
        operation: &'static str,
        sql: &Sql,
        values: Vec<Value>,
        decode: impl FnOnce(Vec<Row>) -> Result<T, Fault> + Send + 'static,
    ) -> StoreAnswer<'static, T> {
        let calling =
            self.work(operation, self.0.options.statement_timeout).call(sql.clone(), values);
        spawn(operation, async move {
            decode(calling.await?).map_err(|fault| StoreError::unknown(operation, fault))
        })
    }

    /// As [`Database::call`], for a statement that touches everything there is: it may take a
    /// quarter of an hour, and two round trips more.
    pub(crate) fn call_long<T: Send + 'static>(
        &self,
        operation: &'static str,
        sql: &Sql,
        values: Vec<Value>,
        decode: impl FnOnce(Vec<Row>) -> Result<T, Fault> + Send + 'static,
    ) -> StoreAnswer<'static, T> {
        let calling = self.work(operation, work::LONG).long(sql.clone(), values);
        spawn(operation, async move {
            decode(calling.await?).map_err(|fault| StoreError::unknown(operation, fault))
        })
    }

    /// Writes with several statements in one serializable transaction: a round trip for each,
    /// one for the beginning and one for the commit. It runs to its end even if the answer is
    /// dropped. `act` may run several times, each time from the beginning, as others may be in
    /// its way; so it must do nothing but use the [`Transaction`]. What it returns is given back
    /// after the commit; its error rolls back.
    ///
    /// ```no_run
    /// # async fn example(database: cloakroom_postgres::Database)
    /// #     -> Result<(), Box<dyn std::error::Error>> {
    /// let take = database.sql("DELETE FROM {schema}.code WHERE digest = $1 RETURNING user_id");
    /// let log = database.sql("INSERT INTO {schema}.used (user_id) VALUES ($1)");
    /// let user = database.write("use a code", move |transaction| {
    ///     let (take, log) = (take.clone(), log.clone());
    ///     async move {
    ///         let rows = transaction.query(&take, &[vec![1_u8, 2].into()]).await?;
    ///         let Some(row) = rows.first() else { return Ok(None) };
    ///         let user: String = row.try_get(0)?;
    ///         transaction.execute(&log, &[user.clone().into()]).await?;
    ///         Ok(Some(user))
    ///     }
    /// });
    /// let user = user.await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// In the answer: [`StoreError::Failed`] when nothing was written; [`StoreError::Unknown`]
    /// when the connection was lost at the commit.
    pub fn write<T, F, W>(&self, operation: &'static str, act: F) -> StoreAnswer<'static, T>
    where
        T: Send + 'static,
        F: Fn(Transaction) -> W + Send + Sync + 'static,
        W: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        spawn(operation, self.work(operation, self.0.options.statement_timeout).write(act))
    }

    /// Whether the server says that what it acknowledges reaches the disk (`fsync`).
    pub fn is_durable(&self) -> bool {
        self.0.is_durable
    }

    /// The name of the schema.
    pub fn schema(&self) -> &str {
        self.0.schema.name()
    }

    fn work(&self, operation: &'static str, patience: Duration) -> Work {
        Work { operation, connections: Arc::clone(&self.0.connections), patience }
    }
}

/// Where it is, without the password.
impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Database")
            .field("at", &self.0.at)
            .field("schema", &self.schema())
            .finish_non_exhaustive()
    }
}
