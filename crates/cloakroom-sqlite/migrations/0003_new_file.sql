-- What a file without any of these tables begins with: what 0001, 0002 and 0003 come to.
--
-- Moments are milliseconds since 1970, durations milliseconds, ids the 16 bytes of a UUIDv7.
-- Of credentials there are only SHA-256 digests.

CREATE TABLE cloakroom_session (
    id                BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    digest            BLOB    NOT NULL CHECK (length(digest) = 32),
    renewal_counter   INTEGER NOT NULL,
    renewal_since     INTEGER NOT NULL,
    renewal_next      BLOB    CHECK (length(renewal_next) = 32),
    renewal_previous  BLOB    CHECK (length(renewal_previous) = 32),
    user_id           TEXT,
    user_name         TEXT,
    groups            TEXT    NOT NULL,
    epoch             INTEGER NOT NULL,
    generation        INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    authenticated_at  INTEGER,
    last_seen_at      INTEGER NOT NULL,
    idle_timeout      INTEGER NOT NULL CHECK (idle_timeout >= 0),
    absolute_deadline INTEGER NOT NULL,
    remembered        INTEGER NOT NULL,
    client_address    TEXT,
    user_agent        TEXT,
    -- The version given to the last write of any key of the session's data; only grows.
    data_version      INTEGER NOT NULL DEFAULT 0,
    -- Saturates at the end of time.
    idle_deadline     INTEGER NOT NULL GENERATED ALWAYS AS
        (last_seen_at + min(idle_timeout, 9223372036854775807 - last_seen_at)) STORED,
    deadline          INTEGER NOT NULL GENERATED ALWAYS AS
        (min(idle_deadline, absolute_deadline)) STORED
) STRICT, WITHOUT ROWID;

-- Sweeping.
CREATE INDEX cloakroom_session_deadline ON cloakroom_session (deadline, id);
-- Listing everyone, newest first.
CREATE INDEX cloakroom_session_logged_in ON cloakroom_session (id)
    WHERE user_id IS NOT NULL;
-- One user's sessions: limits, ends, devices.
CREATE INDEX cloakroom_session_user ON cloakroom_session (user_id, id)
    WHERE user_id IS NOT NULL;
-- Searching by name: in order of name, then newest first.
CREATE INDEX cloakroom_session_name ON cloakroom_session (ifnull(user_name, ''), id DESC)
    WHERE user_id IS NOT NULL;

CREATE TABLE cloakroom_session_data (
    session_id BLOB    NOT NULL REFERENCES cloakroom_session (id) ON DELETE CASCADE,
    key        TEXT    NOT NULL,
    json       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (session_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE cloakroom_ended_session (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id        TEXT,
    user_name      TEXT,
    created_at     INTEGER NOT NULL,
    last_seen_at   INTEGER NOT NULL,
    ended_at       INTEGER NOT NULL,
    reason         TEXT    NOT NULL,
    ended_by       TEXT,
    client_address TEXT,
    user_agent     TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX cloakroom_ended_session_ended_at ON cloakroom_ended_session (ended_at, id)
    WHERE user_id IS NOT NULL;
CREATE INDEX cloakroom_ended_session_anonymous ON cloakroom_ended_session (ended_at, id)
    WHERE user_id IS NULL;
CREATE INDEX cloakroom_ended_session_logged_in ON cloakroom_ended_session (id)
    WHERE user_id IS NOT NULL;
CREATE INDEX cloakroom_ended_session_name ON cloakroom_ended_session (user_name, id)
    WHERE user_id IS NOT NULL;

-- How often all sessions of a user were ended. A user's epoch is this and `everyone_epoch` added
-- up; both only grow.
CREATE TABLE cloakroom_user_epoch (
    user_id TEXT    NOT NULL PRIMARY KEY,
    epoch   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cloakroom_counter (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO cloakroom_counter (name, value)
VALUES ('sessions', 0), ('anonymous', 0), ('everyone_epoch', 0);

-- Counted here, so that no way of adding or removing a session can forget it.
CREATE TRIGGER cloakroom_session_added AFTER INSERT ON cloakroom_session BEGIN
    UPDATE cloakroom_counter SET value = value + 1
    WHERE name = iif(NEW.user_id IS NULL, 'anonymous', 'sessions');
END;

CREATE TRIGGER cloakroom_session_removed AFTER DELETE ON cloakroom_session BEGIN
    UPDATE cloakroom_counter SET value = value - 1
    WHERE name = iif(OLD.user_id IS NULL, 'anonymous', 'sessions');
END;

-- The revocation log. Numbers are dense and in the order of commits, because `cloakroom_log_head`
-- is written in the transaction that adds an entry.
CREATE TABLE cloakroom_log (
    number     INTEGER NOT NULL PRIMARY KEY,
    -- ended, rotated, user_ended, user_changed, everyone_ended
    change     TEXT    NOT NULL,
    session_id BLOB    CHECK (length(session_id) = 16),
    user_id    TEXT,
    -- The epoch or generation there is now.
    value      INTEGER NOT NULL DEFAULT 0,
    -- When no credential that it concerns can be alive any more.
    until      INTEGER NOT NULL
) STRICT;

CREATE INDEX cloakroom_log_until ON cloakroom_log (until);

CREATE TABLE cloakroom_log_head (
    -- Another one for every file; a copy of a file has the same, so compare the number too.
    incarnation INTEGER NOT NULL,
    number      INTEGER NOT NULL
) STRICT;

INSERT INTO cloakroom_log_head (incarnation, number) VALUES (random() & 0x7fffffffffffffff, 0);
