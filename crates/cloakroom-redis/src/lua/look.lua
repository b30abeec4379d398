-- Gives places back, and notes when to look at others again. KEYS: places. ARGV: by turns that
-- moment, or '' for a place that is free, and the id.
-- Redis refuses a script for lack of memory only before its first write, and this takes none.
redis.call('ZREM', KEYS[1], '')
for index = 1, #ARGV, 2 do
  if ARGV[index] == '' then
    redis.call('ZREM', KEYS[1], ARGV[index + 1])
  else
    redis.call('ZADD', KEYS[1], 'XX', ARGV[index], ARGV[index + 1])
  end
end
return 0
