-- Every table, index and trigger gets a prefix, so that the file may be an application's own.

ALTER TABLE session RENAME TO cloakroom_session;
ALTER TABLE session_data RENAME TO cloakroom_session_data;
ALTER TABLE ended_session RENAME TO cloakroom_ended_session;
ALTER TABLE user_epoch RENAME TO cloakroom_user_epoch;
ALTER TABLE counter RENAME TO cloakroom_counter;

DROP INDEX session_deadline;
DROP INDEX session_logged_in;
DROP INDEX session_user;
DROP INDEX session_name;
DROP INDEX ended_session_ended_at;
DROP INDEX ended_session_anonymous;
DROP INDEX ended_session_logged_in;
DROP INDEX ended_session_name;

CREATE INDEX cloakroom_session_deadline ON cloakroom_session (deadline, id);
CREATE INDEX cloakroom_session_logged_in ON cloakroom_session (id)
    WHERE user_id IS NOT NULL;
CREATE INDEX cloakroom_session_user ON cloakroom_session (user_id, id)
    WHERE user_id IS NOT NULL;
CREATE INDEX cloakroom_session_name ON cloakroom_session (ifnull(user_name, ''), id DESC)
    WHERE user_id IS NOT NULL;
CREATE INDEX cloakroom_ended_session_ended_at ON cloakroom_ended_session (ended_at, id)
    WHERE user_id IS NOT NULL;
CREATE INDEX cloakroom_ended_session_anonymous ON cloakroom_ended_session (ended_at, id)
    WHERE user_id IS NULL;
CREATE INDEX cloakroom_ended_session_logged_in ON cloakroom_ended_session (id)
    WHERE user_id IS NOT NULL;
CREATE INDEX cloakroom_ended_session_name ON cloakroom_ended_session (user_name, id)
    WHERE user_id IS NOT NULL;

DROP TRIGGER session_added;
DROP TRIGGER session_removed;

-- Counted here, so that no way of adding or removing a session can forget it.
CREATE TRIGGER cloakroom_session_added AFTER INSERT ON cloakroom_session BEGIN
    UPDATE cloakroom_counter SET value = value + 1
    WHERE name = iif(NEW.user_id IS NULL, 'anonymous', 'sessions');
END;

CREATE TRIGGER cloakroom_session_removed AFTER DELETE ON cloakroom_session BEGIN
    UPDATE cloakroom_counter SET value = value - 1
    WHERE name = iif(OLD.user_id IS NULL, 'anonymous', 'sessions');
END;
