use cloakroom::sqlite::Migrations;

/// The table of failed attempts and of the networks that accounts are known to sign in from.
pub(super) const MIGRATIONS: Migrations =
    Migrations { component: "guesses", steps: &[V1, PREFIX], begin: Some((2, V2)) };

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
