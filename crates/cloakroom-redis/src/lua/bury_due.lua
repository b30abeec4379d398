-- Moves expired sessions into the history.
local known = take_known(OWN + 1)
admit()
local sessions, idle, freed = 0, 0, {}
for id, keys in pairs(known) do
  local record = redis.call('GET', keys[1])
  local ends = record and deadline(record)
  if record and ends > NOW and not is_doomed(record, META) then
    redis.call('ZADD', EXPIRY, string.format('%.0f', ends), id)
  else
    local state, _, visitor = bury(id, keys, NOW, '')
    if state == 'idle' or state == 'absolute' then sessions = sessions + 1 end
    if state == 'idle' then idle = idle + 1 end
    if visitor or not state then table.insert(freed, id) end
  end
end
return { sessions, idle, freed }
