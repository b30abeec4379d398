-- KEYS: meta, record, data. ARGV: now, 'all' or 'these', keys.
local record = redis.call('GET', KEYS[2])
if not is_live(record, KEYS[1], tonumber(ARGV[1])) then return false end
if ARGV[2] == 'all' then return redis.call('HGETALL', KEYS[3]) end
if #ARGV == 2 then return {} end
return redis.call('HMGET', KEYS[3], unpack(ARGV, 3))
