use crate::sql::Tables;

/// The table of failed attempts and of the networks that accounts are known to sign in from.
pub(super) const TABLES: Tables = Tables {
    component: "guesses",
    sqlite: &[V1, PREFIX],
    sqlite_begin: Some((2, V2)),
    postgres: &[POSTGRES_V1],
};

/// Before tables had a prefix.
const V1: &str = "
CREATE TABLE guess (
    account     BLOB    NOT NULL,
    network     BLOB    NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('account', 'known', 'name', 'network')),
    failures    INTEGER NOT NULL,
    forgiven_at INTEGER NOT NULL,
    waits_until INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (account, network)
) STRICT, WITHOUT ROWID;
CREATE INDEX guess_expiry ON guess (expires_at);
CREATE INDEX guess_least ON guess (kind, failures, expires_at);
";

const PREFIX: &str = "
ALTER TABLE guess RENAME TO cloakroom_guess;
DROP INDEX guess_expiry;
DROP INDEX guess_least;
CREATE INDEX cloakroom_guess_expiry ON cloakroom_guess (expires_at);
CREATE INDEX cloakroom_guess_least ON cloakroom_guess (kind, failures, expires_at);
";

const V2: &str = "
CREATE TABLE cloakroom_guess (
    account     BLOB    NOT NULL,
    network     BLOB    NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('account', 'known', 'name', 'network')),
    failures    INTEGER NOT NULL,
    forgiven_at INTEGER NOT NULL,
    waits_until INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (account, network)
) STRICT, WITHOUT ROWID;
CREATE INDEX cloakroom_guess_expiry ON cloakroom_guess (expires_at);
CREATE INDEX cloakroom_guess_least ON cloakroom_guess (kind, failures, expires_at);
";

const POSTGRES_V1: &str = "
CREATE TABLE {schema}.guess (
    account     BYTEA  NOT NULL,
    network     BYTEA  NOT NULL,
    kind        TEXT   COLLATE \"C\" NOT NULL
        CHECK (kind IN ('account', 'known', 'name', 'network')),
    failures    BIGINT NOT NULL,
    forgiven_at BIGINT NOT NULL,
    waits_until BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (account, network)
);
CREATE INDEX guess_expiry ON {schema}.guess (expires_at);
CREATE INDEX guess_least ON {schema}.guess (kind, failures, expires_at);
";
