-- Moments are milliseconds since 1970, durations milliseconds, ids the 16 bytes of a UUIDv7.
-- Of credentials there are only SHA-256 digests.

CREATE TABLE session (
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
CREATE INDEX session_deadline ON session (deadline, id);
-- Listing everyone, newest first.
CREATE INDEX session_logged_in ON session (id) WHERE user_id IS NOT NULL;
-- One user's sessions: limits, ends, devices.
CREATE INDEX session_user ON session (user_id, id) WHERE user_id IS NOT NULL;
-- Searching by name: in order of name, then newest first.
CREATE INDEX session_name ON session (ifnull(user_name, ''), id DESC) WHERE user_id IS NOT NULL;

CREATE TABLE session_data (
    session_id BLOB    NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    key        TEXT    NOT NULL,
    json       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (session_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE ended_session (
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

CREATE INDEX ended_session_ended_at ON ended_session (ended_at, id) WHERE user_id IS NOT NULL;
CREATE INDEX ended_session_anonymous ON ended_session (ended_at, id) WHERE user_id IS NULL;
CREATE INDEX ended_session_logged_in ON ended_session (id) WHERE user_id IS NOT NULL;
CREATE INDEX ended_session_name ON ended_session (user_name, id) WHERE user_id IS NOT NULL;

-- How often all sessions of a user were ended. A user's epoch is this and `everyone_epoch` added
-- up; both only grow.
CREATE TABLE user_epoch (
    user_id TEXT    NOT NULL PRIMARY KEY,
    epoch   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counter (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counter (name, value) VALUES ('sessions', 0), ('anonymous', 0), ('everyone_epoch', 0);

-- Counted here, so that no way of adding or removing a session can forget it.
CREATE TRIGGER session_added AFTER INSERT ON session BEGIN
    UPDATE counter SET value = value + 1
    WHERE name = iif(NEW.user_id IS NULL, 'anonymous', 'sessions');
END;

CREATE TRIGGER session_removed AFTER DELETE ON session BEGIN
    UPDATE counter SET value = value - 1
    WHERE name = iif(OLD.user_id IS NULL, 'anonymous', 'sessions');
END;
