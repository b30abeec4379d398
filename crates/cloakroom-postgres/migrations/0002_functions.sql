-- Every write of several steps, so that it is one round trip. All run at read committed: each
-- statement in them sees what was committed before it began.
--
-- Locks are taken in this order by all, and held to the commit:
--   1. everyone: shared by whoever adds sessions or locks several; exclusive by the end of all
--   2. a user (shared by logins without a limit) or the visitors
--   3. rows of session, in the order of their ids; a sweep passes over those that are locked
--   4. the connection's row of counter
--   5. log_head

-- Commits reach the disk before they are acknowledged, even for a role that would not have it so.
CREATE FUNCTION {schema}.make_durable() RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
END $$;

-- Counted here, so that no way of adding or removing a session can forget it.
CREATE FUNCTION {schema}.count_added() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM added) THEN
        UPDATE {schema}.counter
        SET sessions = sessions + (SELECT count(user_id) FROM added),
            anonymous = anonymous + (SELECT count(*) - count(user_id) FROM added)
        WHERE slot = pg_backend_pid() & 63;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION {schema}.count_removed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM removed) THEN
        -- An array, so that the plan stays that for a few after a removal of many.
        DELETE FROM {schema}.session_data WHERE session_id = ANY (ARRAY(SELECT id FROM removed));
        UPDATE {schema}.counter
        SET sessions = sessions - (SELECT count(user_id) FROM removed),
            anonymous = anonymous - (SELECT count(*) - count(user_id) FROM removed)
        WHERE slot = pg_backend_pid() & 63;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER session_added AFTER INSERT ON {schema}.session
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION {schema}.count_added();

CREATE TRIGGER session_removed AFTER DELETE ON {schema}.session
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION {schema}.count_removed();

-- Adds an entry to the revocation log; the last thing that a transaction does.
CREATE FUNCTION {schema}.append_log(
    p_change text, p_session_id uuid, p_user_id text, p_value bigint, p_until bigint
) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH head AS (UPDATE {schema}.log_head SET number = number + 1 RETURNING number)
    INSERT INTO {schema}.log (number, change, session_id, user_id, value, until)
    SELECT number, p_change, p_session_id, p_user_id, p_value, p_until FROM head;
END $$;

-- Moves sessions into the history. One that has expired goes there as expired, or nowhere if it
-- is anonymous; the others go with the reason and who ordered it. Says how many were live and
-- how many had expired (of those, how many as idle), which were live, and the last absolute
-- deadline of those.
CREATE FUNCTION {schema}.bury(
    p_ids uuid[], p_reason text, p_by text, p_now bigint,
    OUT live bigint, OUT expired bigint, OUT idle bigint, OUT live_ids uuid[],
    OUT last_deadline bigint
) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH gone AS (
        DELETE FROM {schema}.session AS s WHERE s.id = ANY (p_ids)
        RETURNING s.id, s.user_id, s.user_name, s.created_at, s.last_seen_at, s.deadline,
            s.absolute_deadline, s.idle_deadline, s.client_address, s.user_agent
    ), kept AS (
        -- Should an id be in the history already, its first end stays.
        INSERT INTO {schema}.ended_session (id, user_id, user_name, created_at, last_seen_at,
            ended_at, reason, ended_by, client_address, user_agent)
        SELECT id, user_id, user_name, created_at, last_seen_at, least(deadline, p_now),
            CASE WHEN deadline > p_now THEN p_reason
                WHEN absolute_deadline <= idle_deadline THEN 'absolute' ELSE 'idle' END,
            CASE WHEN deadline > p_now THEN p_by END,
            client_address, user_agent
        FROM gone WHERE user_id IS NOT NULL OR deadline > p_now
        ON CONFLICT (id) DO NOTHING
    )
    SELECT count(*) FILTER (WHERE deadline > p_now),
        count(*) FILTER (WHERE deadline <= p_now),
        count(*) FILTER (WHERE deadline <= p_now AND absolute_deadline > gone.idle_deadline),
        coalesce(array_agg(id) FILTER (WHERE deadline > p_now), '{}'),
        coalesce(max(absolute_deadline) FILTER (WHERE deadline > p_now), 0)
    INTO live, expired, idle, live_ids, last_deadline
    FROM gone;
END $$;

-- A user's epoch. Stable while the caller holds the locks of everyone and of the user.
CREATE FUNCTION {schema}.user_epoch(p_user_id text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT everyone.epoch + coalesce(
        (SELECT own.epoch FROM {schema}.user_epoch AS own WHERE own.user_id = p_user_id), 0)
    FROM {schema}.everyone_epoch AS everyone
$$;

-- Makes a user's epoch at least p_least, for a caller that holds the locks of everyone and of the
-- user.
CREATE FUNCTION {schema}.raise_user_epoch(p_user_id text, p_least bigint) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO {schema}.user_epoch AS own (user_id, epoch)
    SELECT p_user_id, p_least - everyone.epoch FROM {schema}.everyone_epoch AS everyone
    ON CONFLICT (user_id) DO UPDATE SET epoch = greatest(own.epoch, excluded.epoch)
$$;

-- Whether there is room for one more visitor under the cap; one who is replaced makes some. Far
-- below the cap, visitors do not wait for each other: no more of them can be under way unseen
-- than there are connections. Near it they come one by one.
CREATE FUNCTION {schema}.has_room_for_visitor(p_replaces uuid, p_cap bigint) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_lock CONSTANT bigint := hashtextextended('{schema} visitors', 0::bigint);
    v_unseen CONSTANT bigint := current_setting('max_connections')::bigint;
    v_count bigint;
BEGIN
    SELECT sum(c.anonymous) INTO v_count FROM {schema}.counter AS c;
    IF v_count + 2 * v_unseen < p_cap THEN
        PERFORM pg_advisory_xact_lock_shared(v_lock);
        SELECT sum(c.anonymous) INTO v_count FROM {schema}.counter AS c;
        IF v_count + v_unseen >= p_cap THEN
            RAISE serialization_failure USING MESSAGE = 'the visitors reached their cap meanwhile';
        END IF;
        RETURN true;
    END IF;
    PERFORM pg_advisory_xact_lock(v_lock);
    SELECT sum(c.anonymous) - (SELECT count(*) FROM {schema}.session AS s
        WHERE s.id = p_replaces AND s.user_id IS NULL)
    INTO v_count FROM {schema}.counter AS c;
    RETURN v_count < p_cap;
END $$;

-- The sessions of a user that have to end to make room for one more, in the order of the policy.
CREATE FUNCTION {schema}.over_limit(
    p_user_id text, p_most bigint, p_policy text, p_replaces uuid, p_now bigint
) RETURNS uuid[] LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_live uuid[];
    v_excess bigint;
BEGIN
    SELECT coalesce(array_agg(s.id ORDER BY
        CASE p_policy WHEN 'end_least_recently_used' THEN s.last_seen_at ELSE s.created_at END,
        s.id), '{}')
    INTO v_live FROM {schema}.session AS s
    WHERE s.user_id = p_user_id AND s.id IS DISTINCT FROM p_replaces AND s.deadline > p_now;
    v_excess := cardinality(v_live) + 1 - greatest(p_most, 1);
    RETURN v_live[1:greatest(v_excess, 0)];
END $$;

-- Adds a session: 'done', 'conflict', 'full', 'limit_reached' or 'superseded', and which sessions
-- the limit ended. Without a limit, p_most is null.
CREATE FUNCTION {schema}.insert_session(
    p_id uuid, p_digest bytea, p_renewal_counter bigint, p_renewal_since bigint,
    p_renewal_next bytea, p_renewal_previous bytea, p_user_id text, p_user_name text,
    p_groups text[], p_epoch bigint, p_generation bigint, p_created_at bigint,
    p_authenticated_at bigint, p_last_seen_at bigint, p_idle_timeout bigint,
    p_absolute_deadline bigint, p_remembered boolean, p_client_address text, p_user_agent text,
    p_keys text[], p_values text[], p_replaces uuid, p_carries_all boolean, p_carries text[],
    p_most bigint, p_policy text, p_anonymous_cap bigint,
    OUT outcome text, OUT ended uuid[]
) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_now CONSTANT bigint := p_created_at;
    v_user_lock CONSTANT bigint := hashtextextended('{schema} user ' || p_user_id, 0::bigint);
    v_locked uuid[];
    v_version bigint := 0;
    v_is_replacing boolean := false;
    v_buried record;
    v_id uuid;
BEGIN
    PERFORM {schema}.make_durable();
    ended := '{}';
    IF EXISTS (SELECT FROM {schema}.session AS s WHERE s.id = p_id)
        OR EXISTS (SELECT FROM {schema}.ended_session AS e WHERE e.id = p_id)
    THEN
        outcome := 'conflict';
        RETURN;
    END IF;

    PERFORM pg_advisory_xact_lock_shared(hashtextextended('{schema} everyone', 0::bigint));
    IF p_user_id IS NULL THEN
        IF NOT {schema}.has_room_for_visitor(p_replaces, p_anonymous_cap) THEN
            outcome := 'full';
            RETURN;
        END IF;
    ELSE
        IF p_most IS NULL THEN
            PERFORM pg_advisory_xact_lock_shared(v_user_lock);
        ELSE
            PERFORM pg_advisory_xact_lock(v_user_lock);
        END IF;
        IF p_epoch < {schema}.user_epoch(p_user_id) THEN
            outcome := 'superseded';
            RETURN;
        END IF;
        IF p_most IS NOT NULL THEN
            ended := {schema}.over_limit(p_user_id, p_most, p_policy, p_replaces, v_now);
            IF p_policy = 'refuse' AND cardinality(ended) > 0 THEN
                outcome := 'limit_reached';
                ended := '{}';
                RETURN;
            END IF;
        END IF;
        IF p_epoch > {schema}.user_epoch(p_user_id) THEN
            PERFORM {schema}.raise_user_epoch(p_user_id, p_epoch);
        END IF;
    END IF;

    IF p_replaces IS NOT NULL OR cardinality(ended) > 0 THEN
        SELECT array_agg(locked.id) INTO v_locked FROM (
            SELECT s.id FROM {schema}.session AS s WHERE s.id = ANY (ended || p_replaces)
            ORDER BY s.id FOR UPDATE
        ) AS locked;
    END IF;
    -- One that came into being since then is not locked, and is not replaced.
    IF p_replaces = ANY (v_locked) THEN
        SELECT s.data_version INTO v_version FROM {schema}.session AS s
        WHERE s.id = p_replaces AND s.deadline > v_now;
        v_is_replacing := FOUND;
        v_version := coalesce(v_version, 0);
    END IF;

    INSERT INTO {schema}.session (id, digest, renewal_counter, renewal_since, renewal_next,
        renewal_previous, user_id, user_name, groups, epoch, generation, created_at,
        authenticated_at, last_seen_at, idle_timeout, absolute_deadline, remembered,
        client_address, user_agent, data_version)
    VALUES (p_id, p_digest, p_renewal_counter, p_renewal_since, p_renewal_next,
        p_renewal_previous, p_user_id, p_user_name, p_groups, p_epoch, p_generation, p_created_at,
        p_authenticated_at, p_last_seen_at, p_idle_timeout, p_absolute_deadline, p_remembered,
        p_client_address, p_user_agent, v_version + cardinality(p_keys))
    ON CONFLICT (id) DO NOTHING;
    IF NOT FOUND THEN
        outcome := 'conflict';
        ended := '{}';
        RETURN;
    END IF;
    -- The id may have been inserted and ended since the first look. It cannot be again now.
    IF EXISTS (SELECT FROM {schema}.ended_session AS e WHERE e.id = p_id) THEN
        DELETE FROM {schema}.session AS s WHERE s.id = p_id;
        outcome := 'conflict';
        ended := '{}';
        RETURN;
    END IF;

    IF v_is_replacing AND (p_carries_all OR cardinality(p_carries) > 0) THEN
        -- With its versions, so that a request that has read it before the login still sees a
        -- change that came in between.
        INSERT INTO {schema}.session_data (session_id, key, json, version)
        SELECT p_id, d.key, d.json, d.version FROM {schema}.session_data AS d
        WHERE d.session_id = p_replaces AND (p_carries_all OR d.key = ANY (p_carries))
            AND d.key <> ALL (p_keys);
    END IF;
    IF cardinality(p_keys) > 0 THEN
        INSERT INTO {schema}.session_data (session_id, key, json, version)
        SELECT DISTINCT ON (new.key) p_id, new.key, new.json, v_version + new.place
        FROM unnest(p_keys, p_values) WITH ORDINALITY AS new (key, json, place)
        ORDER BY new.key, new.place DESC;
    END IF;

    IF p_replaces = ANY (v_locked) THEN
        v_buried := {schema}.bury(ARRAY[p_replaces], 'replaced', NULL, v_now);
        IF v_buried.live > 0 THEN
            PERFORM {schema}.append_log('ended', p_replaces, NULL, 0, v_buried.last_deadline);
        END IF;
    END IF;
    IF cardinality(ended) > 0 THEN
        v_buried := {schema}.bury(ended, 'limit', NULL, v_now);
        -- One that another transaction ended since it was chosen was not ended here.
        SELECT coalesce(array_agg(chosen.id ORDER BY chosen.place), '{}') INTO ended
        FROM unnest(ended) WITH ORDINALITY AS chosen (id, place)
        WHERE chosen.id = ANY (v_buried.live_ids);
        FOREACH v_id IN ARRAY ended LOOP
            PERFORM {schema}.append_log('ended', v_id, NULL, 0, v_buried.last_deadline);
        END LOOP;
    END IF;
    outcome := 'done';
END $$;

-- Writes data: 'done' and the version before the first change, 'gone', 'conflict' and the key, or
-- 'too_large' and how large it would be. Decides first and writes then.
CREATE FUNCTION {schema}.update_data(
    p_id uuid, p_now bigint, p_generation bigint, p_keys text[], p_expects bigint[],
    p_values text[], p_most_keys bigint, p_most_bytes bigint,
    OUT outcome text, OUT last_version bigint, OUT wrong_key text, OUT key_count bigint,
    OUT byte_count bigint
) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM {schema}.make_durable();
    SELECT s.data_version INTO last_version FROM {schema}.session AS s
    WHERE s.id = p_id AND s.deadline > p_now AND s.generation = p_generation
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 'gone';
        RETURN;
    END IF;

    SELECT change.key INTO wrong_key
    FROM unnest(p_keys, p_expects) WITH ORDINALITY AS change (key, expects, place)
    LEFT JOIN {schema}.session_data AS d ON d.session_id = p_id AND d.key = change.key
    WHERE change.expects IS NOT NULL AND coalesce(d.version, 0) <> change.expects
    ORDER BY change.place LIMIT 1;
    IF FOUND THEN
        outcome := 'conflict';
        RETURN;
    END IF;

    SELECT count(*), coalesce(sum(octet_length(after.key) + octet_length(after.json)), 0)
    INTO key_count, byte_count
    FROM (
        SELECT d.key, d.json FROM {schema}.session_data AS d
        WHERE d.session_id = p_id AND d.key <> ALL (p_keys)
        UNION ALL
        SELECT * FROM (
            SELECT DISTINCT ON (change.key) change.key, change.json
            FROM unnest(p_keys, p_values) WITH ORDINALITY AS change (key, json, place)
            ORDER BY change.key, change.place DESC
        ) AS last WHERE last.json IS NOT NULL
    ) AS after;
    IF key_count > p_most_keys OR byte_count > p_most_bytes THEN
        outcome := 'too_large';
        RETURN;
    END IF;

    IF array_position(p_values, NULL) IS NOT NULL THEN
        DELETE FROM {schema}.session_data AS d USING (
            SELECT change.key FROM unnest(p_keys, p_values) AS change (key, json)
            WHERE change.json IS NULL
        ) AS removed
        WHERE d.session_id = p_id AND d.key = removed.key;
    END IF;
    INSERT INTO {schema}.session_data AS d (session_id, key, json, version)
    SELECT p_id, last.key, last.json, last_version + last.place FROM (
        SELECT DISTINCT ON (change.key) change.key, change.json, change.place
        FROM unnest(p_keys, p_values) WITH ORDINALITY AS change (key, json, place)
        ORDER BY change.key, change.place DESC
    ) AS last WHERE last.json IS NOT NULL
    ON CONFLICT (session_id, key)
    DO UPDATE SET json = excluded.json, version = excluded.version;
    UPDATE {schema}.session AS s SET data_version = last_version + cardinality(p_keys)
    WHERE s.id = p_id;
    outcome := 'done';
END $$;

-- Replaces the credential: 'done', 'gone' or 'conflict'.
CREATE FUNCTION {schema}.rotate(
    p_id uuid, p_now bigint, p_generation bigint, p_counter bigint, p_digest bytea,
    p_authenticated_at bigint
) RETURNS text LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_counter bigint;
    v_deadline bigint;
BEGIN
    PERFORM {schema}.make_durable();
    SELECT s.renewal_counter, s.absolute_deadline INTO v_counter, v_deadline
    FROM {schema}.session AS s
    WHERE s.id = p_id AND s.deadline > p_now AND s.generation = p_generation
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'gone';
    ELSIF v_counter + 1 <> p_counter THEN
        RETURN 'conflict';
    END IF;
    UPDATE {schema}.session AS s
    SET digest = p_digest, renewal_counter = p_counter, renewal_since = p_now,
        renewal_next = NULL, renewal_previous = NULL, generation = s.generation + 1,
        authenticated_at = coalesce(p_authenticated_at, s.authenticated_at)
    WHERE s.id = p_id;
    PERFORM {schema}.append_log('rotated', p_id, NULL, p_generation + 1, v_deadline);
    RETURN 'done';
END $$;

-- Keeps a successor that is about to be sent: 'done', 'gone' or 'conflict'.
CREATE FUNCTION {schema}.offer(
    p_id uuid, p_now bigint, p_generation bigint, p_counter bigint, p_next bytea
) RETURNS text LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_counter bigint;
    v_next bytea;
BEGIN
    PERFORM {schema}.make_durable();
    SELECT s.renewal_counter, s.renewal_next INTO v_counter, v_next FROM {schema}.session AS s
    WHERE s.id = p_id AND s.deadline > p_now AND s.generation = p_generation
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'gone';
    ELSIF v_counter <> p_counter OR v_next <> p_next THEN
        RETURN 'conflict';
    END IF;
    IF v_next IS NULL THEN
        UPDATE {schema}.session AS s SET renewal_next = p_next WHERE s.id = p_id;
    END IF;
    RETURN 'done';
END $$;

-- Makes the successor current: 'done', 'gone' or 'conflict'.
CREATE FUNCTION {schema}.promote(p_id uuid, p_now bigint, p_generation bigint, p_next bytea)
RETURNS text LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_digest bytea;
    v_next bytea;
BEGIN
    PERFORM {schema}.make_durable();
    SELECT s.digest, s.renewal_next INTO v_digest, v_next FROM {schema}.session AS s
    WHERE s.id = p_id AND s.deadline > p_now AND s.generation = p_generation
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'gone';
    ELSIF v_digest = p_next THEN
        RETURN 'done';
    ELSIF v_next IS DISTINCT FROM p_next THEN
        RETURN 'conflict';
    END IF;
    UPDATE {schema}.session AS s
    SET renewal_previous = s.digest, digest = p_next, renewal_next = NULL,
        renewal_counter = s.renewal_counter + 1, renewal_since = p_now
    WHERE s.id = p_id;
    RETURN 'done';
END $$;

-- Moves "last seen" of live sessions forwards; how many it moved. No id comes twice.
CREATE FUNCTION {schema}.touch(p_now bigint, p_ids uuid[], p_seen_at bigint[]) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_locked uuid[];
    v_moved bigint;
BEGIN
    PERFORM {schema}.make_durable();
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('{schema} everyone', 0::bigint));
    SELECT array_agg(locked.id) INTO v_locked FROM (
        SELECT s.id FROM {schema}.session AS s WHERE s.id = ANY (p_ids)
        ORDER BY s.id FOR NO KEY UPDATE
    ) AS locked;
    -- Those that came into being since then are not locked, and in no order.
    UPDATE {schema}.session AS s SET last_seen_at = used.seen_at
    FROM unnest(p_ids, p_seen_at) AS used (id, seen_at)
    WHERE s.id = ANY (v_locked) AND s.id = used.id
        AND s.last_seen_at < used.seen_at AND s.deadline > p_now;
    GET DIAGNOSTICS v_moved = ROW_COUNT;
    RETURN v_moved;
END $$;

-- Sets the groups of all of a user's live sessions; how many there were.
CREATE FUNCTION {schema}.regroup(p_user_id text, p_groups text[], p_now bigint) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_count bigint;
    v_until bigint;
BEGIN
    PERFORM {schema}.make_durable();
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('{schema} everyone', 0::bigint));
    PERFORM pg_advisory_xact_lock(hashtextextended('{schema} user ' || p_user_id, 0::bigint));
    PERFORM FROM {schema}.session AS s WHERE s.user_id = p_user_id
    ORDER BY s.id FOR NO KEY UPDATE;
    WITH changed AS (
        UPDATE {schema}.session AS s SET groups = p_groups, generation = s.generation + 1
        WHERE s.user_id = p_user_id AND s.deadline > p_now RETURNING s.absolute_deadline
    )
    SELECT count(*), max(absolute_deadline) INTO v_count, v_until FROM changed;
    IF v_count > 0 THEN
        PERFORM {schema}.append_log('user_changed', NULL, p_user_id, 0, v_until);
    END IF;
    RETURN v_count;
END $$;

-- Ends one session; 1 if it was live.
CREATE FUNCTION {schema}.end_session(p_id uuid, p_reason text, p_by text, p_now bigint)
RETURNS bigint LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_buried record;
BEGIN
    PERFORM {schema}.make_durable();
    v_buried := {schema}.bury(ARRAY[p_id], p_reason, p_by, p_now);
    IF v_buried.live > 0 THEN
        PERFORM {schema}.append_log('ended', p_id, NULL, 0,
            greatest(v_buried.last_deadline, p_now + 600000));
    END IF;
    RETURN v_buried.live;
END $$;

-- Ends a user's sessions, but one if it is named, and raises the user's epoch, at least to
-- p_least.
CREATE FUNCTION {schema}.end_user(
    p_user_id text, p_kept uuid, p_least bigint, p_reason text, p_by text, p_now bigint,
    OUT live bigint, OUT epoch bigint
) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_ids uuid[];
    v_buried record;
BEGIN
    PERFORM {schema}.make_durable();
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('{schema} everyone', 0::bigint));
    -- Logins of the user that are under way commit first, and are ended; later ones see the epoch.
    PERFORM pg_advisory_xact_lock(hashtextextended('{schema} user ' || p_user_id, 0::bigint));
    epoch := greatest({schema}.user_epoch(p_user_id) + 1, p_least);
    PERFORM {schema}.raise_user_epoch(p_user_id, epoch);

    SELECT coalesce(array_agg(locked.id), '{}') INTO v_ids FROM (
        SELECT s.id FROM {schema}.session AS s WHERE s.user_id = p_user_id
        ORDER BY s.id FOR UPDATE
    ) AS locked WHERE locked.id IS DISTINCT FROM p_kept;
    UPDATE {schema}.session AS s SET epoch = end_user.epoch
    WHERE s.id = p_kept AND s.user_id = p_user_id;
    v_buried := {schema}.bury(v_ids, p_reason, p_by, p_now);
    live := v_buried.live;
    PERFORM {schema}.append_log('user_ended', p_kept, p_user_id, epoch,
        greatest(v_buried.last_deadline, p_now + 600000));
END $$;

-- Ends every session and raises everyone's epoch; how many were live.
CREATE FUNCTION {schema}.end_everyone(p_reason text, p_by text, p_now bigint) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_epoch bigint;
    v_buried record;
BEGIN
    PERFORM {schema}.make_durable();
    -- Logins under way commit first, and are ended; later ones wait, and see the epoch.
    PERFORM pg_advisory_xact_lock(hashtextextended('{schema} everyone', 0::bigint));
    UPDATE {schema}.everyone_epoch AS everyone SET epoch = everyone.epoch + 1
    RETURNING everyone.epoch INTO v_epoch;
    v_buried := {schema}.bury(ARRAY(SELECT s.id FROM {schema}.session AS s), p_reason, p_by, p_now);
    PERFORM {schema}.append_log('everyone_ended', NULL, NULL, v_epoch,
        greatest(v_buried.last_deadline, p_now + 600000));
    RETURN v_buried.live;
END $$;

-- Moves expired sessions into the history and drops what is old. Rows that another transaction
-- holds are passed over: any number of nodes may sweep.
CREATE FUNCTION {schema}.sweep(
    p_now bigint, p_history_before bigint, p_anonymous_before bigint, p_limit bigint,
    OUT sessions bigint, OUT idle bigint, OUT history bigint, OUT backlog bigint,
    OUT oldest bigint
) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_buried record;
    v_anonymous bigint;
BEGIN
    PERFORM {schema}.make_durable();
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('{schema} everyone', 0::bigint));
    DELETE FROM {schema}.log AS l WHERE l.number = ANY (ARRAY(
        SELECT stale.number FROM {schema}.log AS stale WHERE stale.until <= p_now
        ORDER BY stale.until, stale.number LIMIT p_limit FOR UPDATE SKIP LOCKED));

    v_buried := {schema}.bury(ARRAY(
        SELECT due.id FROM {schema}.session AS due WHERE due.deadline <= p_now
        ORDER BY due.deadline, due.id LIMIT p_limit FOR UPDATE SKIP LOCKED), 'idle', NULL, p_now);
    sessions := v_buried.expired;
    idle := v_buried.idle;

    DELETE FROM {schema}.ended_session AS e WHERE e.id = ANY (ARRAY(
        SELECT old.id FROM {schema}.ended_session AS old
        WHERE old.user_id IS NOT NULL AND old.ended_at < p_history_before
        ORDER BY old.ended_at, old.id LIMIT p_limit FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS history = ROW_COUNT;
    DELETE FROM {schema}.ended_session AS e WHERE e.id = ANY (ARRAY(
        SELECT old.id FROM {schema}.ended_session AS old
        WHERE old.user_id IS NULL AND old.ended_at < p_anonymous_before
        ORDER BY old.ended_at, old.id LIMIT p_limit - history FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_anonymous = ROW_COUNT;
    history := history + v_anonymous;

    SELECT count(*) INTO backlog FROM (SELECT FROM {schema}.session AS s
        WHERE s.deadline <= p_now ORDER BY s.deadline LIMIT 10 * p_limit) AS waiting;
    SELECT s.deadline INTO oldest FROM {schema}.session AS s WHERE s.deadline <= p_now
    ORDER BY s.deadline LIMIT 1;
END $$;
