-- Fills the cache if nothing happened to the session since the right was got. KEYS: record, mark.
-- ARGV: nonce, the mark of that time, the record, how long it is kept, how long a mark is kept.
if redis.call('GET', KEYS[1]) ~= 'P' .. ARGV[1] then return 0 end
if redis.call('GET', KEYS[2]) ~= ARGV[2] then
  -- Nobody gets another right while this one stays.
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('SET', KEYS[1], 'R' .. ARGV[2] .. ARGV[3], 'PX', ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 1
