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
