-- Begins the end of a user's sessions: raises the epoch, and sessions with a lower one are to end.
-- Says which come first.
local user, except, least, most = take(), take(), tonumber(take()), tonumber(take())
admit()
local base = everyone(META)
local before = base + tonumber(redis.call('HGET', EPOCHS, user) or 0)
local epoch = math.max(before + 1, least)
redis.call('HSET', EPOCHS, user, string.format('%.0f', epoch - base))
if except ~= '' and redis.call('ZSCORE', USERS, user .. '\0' .. except) then
  local record = redis.call('GET', KEYS[OWN + 1])
  -- One that another end has condemned is not spared.
  if record and number(record, EPOCH) >= before then put(KEYS[OWN + 1], EPOCH, padded(epoch)) end
end
local ids = ids_after(user, '', most)
if #ids == 0 then note_end_of(user, epoch, except, NOW + LOG_LEAST) end
return { string.format('%.0f', epoch), ids }
