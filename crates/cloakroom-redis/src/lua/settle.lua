-- Whether a session was made; if it was not, it never will be.
local id = take()
if redis.call('EXISTS', KEYS[OWN + 1]) == 1 or redis.call('HEXISTS', HISTORY, id) == 1 then
  return 1
end
admit()
local time = server_millis()
redis.call('ZADD', FENCES, time, id)
redis.call('ZREMRANGEBYSCORE', FENCES, '-inf', time - LOG_LEAST)
return 0
