-- Ends a user's sessions, but one, and raises the epoch. Says which it lacks the keys of, and does
-- nothing then.
local user, except, least, why = take(), take(), tonumber(take()), take()
local known = take_known(OWN + 1)
local ids = ids_of(user)
local missing = undeclared(ids, known)
if missing then return { 'need', missing } end
admit()
local base = everyone(META)
local own = tonumber(redis.call('HGET', EPOCHS, user) or 0)
local epoch = math.max(base + own + 1, least)
redis.call('HSET', EPOCHS, user, string.format('%.0f', epoch - base))
local ended, last = 0, NOW + LOG_LEAST
for _, id in ipairs(ids) do
  if id == except then
    if redis.call('EXISTS', known[id][1]) == 1 then put(known[id][1], EPOCH, padded(epoch)) end
  else
    local state, absolute = bury(id, known[id], NOW, why)
    if not state then lose(user, id) end
    if state == 'live' then ended, last = ended + 1, math.max(last, absolute) end
  end
end
note_end_of(user, epoch, except, last)
return { 'done', ended, string.format('%.0f', epoch) }
