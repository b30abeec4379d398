-- Ends all sessions of the bucket at once: those with a lower epoch are dead from here on.
local target, why, elsewhere = tonumber(take()), take(), tonumber(take())
local before = everyone(META)
if before >= target then return { 'behind', string.format('%.0f', before) } end
admit()
local waiting = tonumber(redis.call('HGET', META, 'doomed') or 0)
local live = redis.call('ZCOUNT', EXPIRY, string.format('(%.0f', NOW), '+inf')
local there = redis.call('ZCARD', IDS) + redis.call('ZCARD', VISITORS)
local latest = tonumber(redis.call('HGET', META, 'latest') or 0)
redis.call('HSET', META, 'everyone', string.format('%.0f', target), 'sessions', 0, 'anonymous', 0,
  'doomed', there, 'doom_at', NOW_TEXT, 'doom_why', why, 'doom_ids', '-', 'doom_visitors', '-')
note('a' .. padded(target), math.max(latest, elsewhere, NOW + LOG_LEAST))
return { 'done', math.max(live - waiting, 0) }
