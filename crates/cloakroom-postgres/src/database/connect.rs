//! The first connection: what is checked, and what a refusal says.

use std::error::Error as _;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::sql::Schema;
use super::target::Target;
use crate::OpenError;

const OLDEST: i32 = 130_000;

const FACTS: &str = "SELECT current_setting('server_version_num')::int,
    current_setting('server_version'), current_setting('server_encoding'),
    current_setting('transaction_isolation'),
    pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on',
    current_setting('fsync'), current_setting('statement_timeout'), current_user::text,
    current_database()::text,
    has_database_privilege(current_database(), 'CREATE'),
    (SELECT has_schema_privilege(oid, 'USAGE') AND has_schema_privilege(oid, 'CREATE')
        FROM pg_namespace WHERE nspname = $1)";

/// What a server says of itself.
pub(super) struct Facts {
    /// Whether what it acknowledges reaches the disk.
    pub(super) is_durable: bool,
}

/// Connects once and looks whether everything is there.
pub(super) async fn first(
    target: &Target,
    tls: &MakeRustlsConnect,
    schema: &Schema,
    is_pooled: bool,
    patience: Duration,
) -> Result<Facts, OpenError> {
    let connecting = target.config.connect(tls.clone());
    let (client, connection) = match timeout(patience, connecting).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) => return Err(explain(target, error).await),
        Err(late) => return Err(unreachable(target, late)),
    };
    let connection = tokio::spawn(connection);
    let facts = timeout(patience, facts(&client, schema)).await;
    drop(client);
    connection.abort();
    let row = match facts {
        Ok(Ok(row)) => row,
        Ok(Err(error)) => return Err(explain(target, error).await),
        Err(late) => return Err(unreachable(target, late)),
    };
    check(target, schema, is_pooled, &row)
}

async fn facts(client: &Client, schema: &Schema) -> Result<Row, Error> {
    let name = schema.name();
    client.query_typed_one(FACTS, &[(&name, tokio_postgres::types::Type::TEXT)]).await
}

fn check(target: &Target, schema: &Schema, is_pooled: bool, row: &Row) -> Result<Facts, OpenError> {
    let at = target.to_string();
    let text = |index| row.get::<_, String>(index);
    let user = text(7);
    if row.get::<_, i32>(0) < OLDEST {
        return Err(OpenError::TooOld { at, found: text(1) });
    }
    if text(2) != "UTF8" {
        return Err(OpenError::Encoding { at, found: text(2) });
    }
    if text(3) != "read committed" {
        return Err(OpenError::Isolation { at, user, found: text(3) });
    }
    if row.get(4) {
        return Err(OpenError::ReadOnly { at });
    }
    check_rights(at, &user, schema, row)?;
    let is_durable = text(5) == "on";
    if !is_durable {
        tracing::warn!(database = %target, "the server runs with fsync off: a crash of its \
            machine can lose or damage everything, whatever was acknowledged");
    }
    if is_pooled && text(6) == "0" {
        tracing::warn!(database = %target, "behind a pooler the server's time limits are those \
            of the role, and there is none: ALTER ROLE {user} SET statement_timeout = '10s'");
    }
    Ok(Facts { is_durable })
}

fn check_rights(at: String, user: &str, schema: &Schema, row: &Row) -> Result<(), OpenError> {
    let (may_create, schema_is_ours): (bool, Option<bool>) = (row.get(9), row.get(10));
    let (name, database) = (schema.name(), row.get::<_, String>(8));
    let (what, remedy) = match schema_is_ours {
        Some(true) => return Ok(()),
        None if may_create => return Ok(()),
        None => (
            format!("make the schema {name}"),
            format!("CREATE SCHEMA {name} AUTHORIZATION {user} in the database {database}"),
        ),
        Some(false) => (
            format!("make tables in the schema {name}"),
            format!("GRANT USAGE, CREATE ON SCHEMA {name} TO {user}"),
        ),
    };
    Err(OpenError::NoRight { at, user: user.to_owned(), what, remedy })
}

fn unreachable(
    target: &Target,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> OpenError {
    OpenError::Unreachable { at: target.to_string(), source: source.into() }
}

/// Says plainly what the driver's error means for somebody who wanted to open a database.
pub(super) async fn explain(target: &Target, error: Error) -> OpenError {
    let at = target.to_string();
    if let Some(said) = error.as_db_error() {
        let (code, detail) = (said.code().clone(), said.message().to_owned());
        return said_by_server(target, &code, detail, error);
    }
    let detail = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    // The driver has no names for these two.
    if error.to_string().contains("TLS") {
        return OpenError::Tls { at, detail };
    }
    if detail.contains("password missing") {
        let detail = "it asks for a password, and none was given".to_owned();
        return OpenError::Refused { at, user: target.user(), detail };
    }
    if error.to_string().contains("authentication") {
        return OpenError::Refused { at, user: target.user(), detail };
    }
    for place in target.hosts() {
        if let Err(source) = tokio::net::lookup_host(place).await {
            return OpenError::NoHost { at, source: source.into() };
        }
    }
    unreachable(target, error)
}

fn said_by_server(target: &Target, code: &SqlState, detail: String, error: Error) -> OpenError {
    let (at, user) = (target.to_string(), target.user());
    match *code {
        SqlState::INVALID_CATALOG_NAME => OpenError::NoDatabase { at },
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            OpenError::Refused { at, user, detail }
        }
        SqlState::READ_ONLY_SQL_TRANSACTION => OpenError::ReadOnly { at },
        SqlState::CANNOT_CONNECT_NOW => unreachable(target, error),
        SqlState::PROTOCOL_VIOLATION if detail.contains("startup parameter") => {
            let detail = format!("{detail}. Behind a pooler, say so in the options (`pooler`)");
            OpenError::Postgres { at, detail, source: error.into() }
        }
        _ => OpenError::Postgres { at, detail, source: error.into() },
    }
}
