-- For applications that have their tables in this file: who is logged in, and nothing secret.
CREATE VIEW cloakroom_active_sessions AS
SELECT
    lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4)
        || '-' || substr(hex(id), 17, 4) || '-' || substr(hex(id), 21)) AS id,
    user_id,
    user_name,
    groups,
    created_at,
    authenticated_at,
    last_seen_at,
    idle_deadline,
    absolute_deadline,
    remembered,
    client_address,
    user_agent
FROM cloakroom_session
-- The time now, also in a version of SQLite without unixepoch().
WHERE deadline > CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER);
