use cloakroom::sqlite::Migrations;

/// The tables of users and one-time codes.
pub(super) const MIGRATIONS: Migrations = Migrations { component: "users", steps: &[V1] };

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
