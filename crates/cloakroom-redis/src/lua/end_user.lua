-- A step of the end of a user's sessions: moves those that are declared and condemned into the
-- history. Says which come next, behind the last of them.
local user, except, epoch, why, most = take(), take(), tonumber(take()), take(), tonumber(take())
local behind = take()
local known = take_known(OWN + 1)
admit()
local buried, ended, last = 0, 0, NOW + LOG_LEAST
for id, keys in pairs(known) do
  local record = redis.call('GET', keys[1])
  if not record then
    lose(user, id)
  elseif number(record, EPOCH) < epoch or is_doomed(record, META) then
    local state, absolute = bury(id, keys, NOW, why)
    buried = buried + 1
    if state == 'live' then ended, last = ended + 1, math.max(last, absolute) end
  end
end
local ids = ids_after(user, behind, most)
-- Whoever has read one of these before has to hear of it, whether or not there is another step.
if buried > 0 or #ids == 0 then note_end_of(user, epoch, except, last) end
return { ended, ids }
