use crate::sql::Tables;

/// The tables of users and one-time codes.
pub(super) const TABLES: Tables = Tables {
    component: "users",
    sqlite: &[V1, PREFIX],
    sqlite_begin: Some((2, V2)),
    postgres: &[POSTGRES_V1],
};

/// Before tables had a prefix.
const V1: &str = "
CREATE TABLE user (
    id            TEXT    PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    display_name  TEXT    NOT NULL,
    email         TEXT,
    groups        TEXT    NOT NULL,
    role          TEXT    NOT NULL CHECK (role IN ('user', 'admin')),
    disabled      INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    password_hash TEXT,
    epoch         INTEGER NOT NULL DEFAULT 0,
    epoch_except  BLOB,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE one_time_code (
    digest     BLOB    PRIMARY KEY,
    purpose    TEXT    NOT NULL CHECK (purpose IN ('set_up', 'password')),
    user_id    TEXT    REFERENCES user (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX one_time_code_user ON one_time_code (user_id);
";

const PREFIX: &str = "
ALTER TABLE user RENAME TO cloakroom_user;
ALTER TABLE one_time_code RENAME TO cloakroom_one_time_code;
DROP INDEX one_time_code_user;
CREATE INDEX cloakroom_one_time_code_user ON cloakroom_one_time_code (user_id);
";

const V2: &str = "
CREATE TABLE cloakroom_user (
    id            TEXT    PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    display_name  TEXT    NOT NULL,
    email         TEXT,
    groups        TEXT    NOT NULL,
    role          TEXT    NOT NULL CHECK (role IN ('user', 'admin')),
    disabled      INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    password_hash TEXT,
    epoch         INTEGER NOT NULL DEFAULT 0,
    epoch_except  BLOB,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cloakroom_one_time_code (
    digest     BLOB    PRIMARY KEY,
    purpose    TEXT    NOT NULL CHECK (purpose IN ('set_up', 'password')),
    user_id    TEXT    REFERENCES cloakroom_user (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cloakroom_one_time_code_user ON cloakroom_one_time_code (user_id);
";

const POSTGRES_V1: &str = "
CREATE TABLE {schema}.user (
    id            TEXT   COLLATE \"C\" PRIMARY KEY,
    name          TEXT   COLLATE \"C\" NOT NULL UNIQUE,
    display_name  TEXT   NOT NULL,
    email         TEXT,
    groups        TEXT   NOT NULL,
    role          TEXT   NOT NULL CHECK (role IN ('user', 'admin')),
    disabled      BIGINT NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    password_hash TEXT   COLLATE \"C\",
    epoch         BIGINT NOT NULL DEFAULT 0,
    epoch_except  BYTEA,
    created_at    BIGINT NOT NULL
);

CREATE TABLE {schema}.one_time_code (
    digest     BYTEA  PRIMARY KEY,
    purpose    TEXT   NOT NULL CHECK (purpose IN ('set_up', 'password')),
    user_id    TEXT   COLLATE \"C\" REFERENCES {schema}.user (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX one_time_code_user ON {schema}.one_time_code (user_id);
";
