local id, generation, counter, digest, authenticated = take(), tonumber(take()), take(), take(), take()
local key = KEYS[OWN + 1]
local record = redis.call('GET', key)
if not is_live(record, META, NOW) or number(record, GENERATION) ~= generation then return 'gone' end
if number(record, COUNTER) + 1 ~= tonumber(counter) then return 'conflict' end
admit()
redis.call('SETRANGE', key, DIGEST - 1, digest .. '-' .. string.rep('\0', 32)
  .. '-' .. string.rep('\0', 32))
put(key, GENERATION, padded(generation + 1))
put(key, COUNTER, counter)
put(key, SINCE, NOW_TEXT)
if authenticated ~= '' then put(key, AUTHENTICATED, authenticated) end
note('r' .. id .. padded(generation + 1), number(record, ABSOLUTE))
return 'done'
