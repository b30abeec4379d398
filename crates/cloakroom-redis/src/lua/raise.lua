-- Counts ends of everyone. KEYS: the count. ARGV: how many more.
-- Redis refuses a script for lack of memory only before its first write.
redis.call('PERSIST', KEYS[1])
return redis.call('INCRBY', KEYS[1], ARGV[1])
