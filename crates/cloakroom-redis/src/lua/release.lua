-- Lets go of a session that is not replaced after all.
local id, by = take(), take()
local key = KEYS[OWN + 1]
admit()
local current = claim_of(CLAIMS, id)
if current and current ~= by then return 0 end
redis.call('HDEL', CLAIMS, id)
local record = redis.call('GET', key)
if record then redis.call('SETRANGE', key, 1, '-') end
return 1
