-- What the server made before its tables had a prefix, with a user, a key and a session.
PRAGMA application_id = 0x434C4B52;
PRAGMA journal_mode = wal;

CREATE TABLE schema_version (
    component TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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

CREATE TABLE api_key (
    id           TEXT    PRIMARY KEY,
    digest       BLOB    NOT NULL CHECK (length(digest) = 32),
    name         TEXT    NOT NULL UNIQUE,
    scopes       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;

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

CREATE TABLE reservation (
    digest     BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    body       BLOB    NOT NULL CHECK (length(body) = 32),
    session_id BLOB    NOT NULL CHECK (length(session_id) = 16),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reservation_expires_at ON reservation (expires_at);

INSERT INTO schema_version (component, version) VALUES
    ('session', 2), ('users', 1), ('api_key', 1), ('guesses', 1), ('reservation', 1);

INSERT INTO user (id, name, display_name, email, groups, role, created_at)
VALUES ('u1', 'ann', 'Ann', 'ann@example.org', '["staff"]', 'admin', 1767225600000);

INSERT INTO one_time_code (digest, purpose, user_id, expires_at)
VALUES (randomblob(32), 'password', 'u1', 1767225600000);

INSERT INTO api_key (id, digest, name, scopes, created_at)
VALUES ('key1', randomblob(32), 'records', '["sessions:read"]', 1767225600000);

INSERT INTO guess (account, network, kind, failures, forgiven_at, waits_until, expires_at)
VALUES (randomblob(16), x'', 'account', 3, 1767225600000, 0, 9223372036854775807);

INSERT INTO reservation (digest, body, session_id, expires_at)
VALUES (randomblob(32), randomblob(32), randomblob(16), 9223372036854775807);

INSERT INTO session (id, digest, renewal_counter, renewal_since, user_id, user_name, groups, epoch,
    generation, created_at, authenticated_at, last_seen_at, idle_timeout, absolute_deadline,
    remembered)
VALUES (randomblob(16), randomblob(32), 0, 0, 'u1', 'ann', '["staff"]', 0, 0, 1767225600000,
    1767225600000, 1767225600000, 9223372036854775807, 9223372036854775807, 0);
