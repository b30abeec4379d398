-- Drops what the indexes still say of sessions whose records are gone.
-- ARGV: members of the index of users, then of names.
local users, names = take_list(), take_list()
local known = take_known(OWN + 1)
for _, member in ipairs(users) do
  local keys = known[string.sub(member, -16)]
  if keys and redis.call('EXISTS', keys[1]) == 0 then redis.call('ZREM', USERS, member) end
end
for _, member in ipairs(names) do
  local id = inverted(string.sub(member, -16))
  local keys = known[id]
  if keys and redis.call('EXISTS', keys[1]) == 0 then
    redis.call('ZREM', NAMES, member)
    drop_traces(id)
  end
end
return 0
