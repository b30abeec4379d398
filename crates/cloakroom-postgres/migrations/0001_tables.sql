-- Moments are milliseconds since 1970, durations milliseconds. Of credentials there are only
-- SHA-256 digests. Text compares byte by byte.

CREATE TABLE {schema}.session (
    id                uuid    NOT NULL PRIMARY KEY,
    digest            bytea   NOT NULL CHECK (octet_length(digest) = 32),
    renewal_counter   bigint  NOT NULL,
    renewal_since     bigint  NOT NULL,
    renewal_next      bytea   CHECK (octet_length(renewal_next) = 32),
    renewal_previous  bytea   CHECK (octet_length(renewal_previous) = 32),
    user_id           text    COLLATE "C",
    user_name         text    COLLATE "C",
    groups            text[]  NOT NULL,
    epoch             bigint  NOT NULL,
    generation        bigint  NOT NULL,
    created_at        bigint  NOT NULL,
    authenticated_at  bigint,
    last_seen_at      bigint  NOT NULL,
    idle_timeout      bigint  NOT NULL CHECK (idle_timeout >= 0),
    absolute_deadline bigint  NOT NULL,
    remembered        boolean NOT NULL,
    client_address    text,
    user_agent        text,
    -- The version given to the last write of any key of the session's data; only grows.
    data_version      bigint  NOT NULL DEFAULT 0,
    -- Saturates at the end of time.
    idle_deadline     bigint  NOT NULL GENERATED ALWAYS AS
        (last_seen_at + least(idle_timeout, 9223372036854775807 - greatest(last_seen_at, 0)))
        STORED,
    deadline          bigint  NOT NULL GENERATED ALWAYS AS
        (least(absolute_deadline,
            last_seen_at + least(idle_timeout, 9223372036854775807 - greatest(last_seen_at, 0))))
        STORED
)
-- Room for the next version of a row on its page, and no more dead ones than a twentieth.
WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

-- Sweeping.
CREATE INDEX session_by_deadline ON {schema}.session (deadline, id);
-- Listing everyone, newest first.
CREATE INDEX session_by_id_logged_in ON {schema}.session (id) WHERE user_id IS NOT NULL;
-- One user's sessions: limits, ends, devices.
CREATE INDEX session_by_user ON {schema}.session (user_id, id) WHERE user_id IS NOT NULL;
-- Searching by name: in order of name, then newest first.
CREATE INDEX session_by_name ON {schema}.session (coalesce(user_name, ''), id DESC)
    WHERE user_id IS NOT NULL;

-- Goes with its session by a trigger: a foreign key would look at each row by itself, and lock
-- and write the session for every new key.
CREATE TABLE {schema}.session_data (
    session_id uuid   NOT NULL,
    key        text   NOT NULL COLLATE "C",
    json       text   NOT NULL,
    version    bigint NOT NULL,
    PRIMARY KEY (session_id, key)
);

CREATE TABLE {schema}.ended_session (
    id             uuid   NOT NULL PRIMARY KEY,
    user_id        text   COLLATE "C",
    user_name      text   COLLATE "C",
    created_at     bigint NOT NULL,
    last_seen_at   bigint NOT NULL,
    ended_at       bigint NOT NULL,
    reason         text   NOT NULL,
    ended_by       text,
    client_address text,
    user_agent     text
);

CREATE INDEX ended_session_by_end ON {schema}.ended_session (ended_at, id)
    WHERE user_id IS NOT NULL;
CREATE INDEX ended_session_by_end_anonymous ON {schema}.ended_session (ended_at, id)
    WHERE user_id IS NULL;
CREATE INDEX ended_session_by_id_logged_in ON {schema}.ended_session (id) WHERE user_id IS NOT NULL;
CREATE INDEX ended_session_by_name ON {schema}.ended_session (user_name, id)
    WHERE user_id IS NOT NULL;

-- How often all sessions of a user were ended. A user's epoch is this and `everyone_epoch` added
-- up; both only grow.
CREATE TABLE {schema}.user_epoch (
    user_id text   NOT NULL COLLATE "C" PRIMARY KEY,
    epoch   bigint NOT NULL
);

CREATE TABLE {schema}.everyone_epoch (
    epoch bigint NOT NULL
);

INSERT INTO {schema}.everyone_epoch (epoch) VALUES (0);

-- How many sessions there are: the sums over all slots. A slot by itself says nothing and may be
-- negative. Each connection writes one slot only, so that logins do not wait for each other.
CREATE TABLE {schema}.counter (
    slot      bigint NOT NULL PRIMARY KEY,
    sessions  bigint NOT NULL,
    anonymous bigint NOT NULL
) WITH (fillfactor = 10);

INSERT INTO {schema}.counter (slot, sessions, anonymous)
    SELECT slot, 0, 0 FROM generate_series(0, 63) AS slot;

-- The revocation log. Numbers are dense and in the order of commits, because `log_head` is
-- written last in the transaction that adds an entry.
CREATE TABLE {schema}.log (
    number     bigint NOT NULL PRIMARY KEY,
    -- ended, rotated, user_ended, user_changed, everyone_ended
    change     text   NOT NULL,
    session_id uuid,
    user_id    text   COLLATE "C",
    -- The epoch or generation there is now.
    value      bigint NOT NULL,
    -- When no credential that it concerns can be alive any more.
    until      bigint NOT NULL
);

CREATE INDEX log_by_until ON {schema}.log (until, number);

CREATE TABLE {schema}.log_head (
    -- Another one for every database that was set up; a fail-over or a restore to an earlier
    -- moment shows in the server's timeline, which readers add.
    incarnation bigint NOT NULL,
    number      bigint NOT NULL
) WITH (fillfactor = 10);

INSERT INTO {schema}.log_head (incarnation, number)
    SELECT ('x' || left(md5(gen_random_uuid()::text), 15))::bit(60)::bigint, 0;

-- For the application: who is logged in. It holds no secret and joins to the application's own
-- users by user_id.
CREATE VIEW {schema}.active_sessions AS
    SELECT id, user_id, user_name, groups,
        to_timestamp(created_at / 1000.0) AS created_at,
        to_timestamp(authenticated_at / 1000.0) AS authenticated_at,
        to_timestamp(last_seen_at / 1000.0) AS last_seen_at,
        to_timestamp(least(idle_deadline, 253402300799999) / 1000.0) AS idle_deadline,
        to_timestamp(least(absolute_deadline, 253402300799999) / 1000.0) AS absolute_deadline,
        remembered, client_address, user_agent
    FROM {schema}.session
    WHERE deadline > (extract(epoch FROM statement_timestamp()) * 1000)::bigint;
