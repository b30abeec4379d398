-- Gets a right to fill the cache with what is read next, unless somebody else has it. KEYS: record,
-- mark. ARGV: nonce, a mark if there is none, how long the right holds, how long a mark is kept.
local there = redis.call('GET', KEYS[1])
if there and string.sub(there, 1, 1) == 'P' then return false end
local mark = redis.call('GET', KEYS[2])
if not mark then
  mark = ARGV[2]
  redis.call('SET', KEYS[2], mark, 'PX', ARGV[4])
end
redis.call('SET', KEYS[1], 'P' .. ARGV[1], 'PX', ARGV[3])
return mark
