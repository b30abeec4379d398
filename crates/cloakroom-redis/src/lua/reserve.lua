-- KEYS: places. ARGV: id, most, the session that is replaced or '', when to look again.
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 2 end
local taken = redis.call('ZCARD', KEYS[1])
if ARGV[3] ~= '' and redis.call('ZSCORE', KEYS[1], ARGV[3]) then taken = taken - 1 end
if taken >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
return 1
