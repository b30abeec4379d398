-- Says which database is cached, unless it is another one. KEYS: backing. ARGV: its name, how long
-- it is kept.
local found = redis.call('GET', KEYS[1])
if found and found ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
