use cloakroom::sqlite::Migrations;

/// The tables of users and one-time codes.
pub(super) const MIGRATIONS: Migrations =
    Migrations { component: "users", steps: &[V1, PREFIX], begin: Some((2, V2)) };

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
