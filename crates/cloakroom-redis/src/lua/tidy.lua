-- Drops what the indexes still say of sessions whose records are gone: taken by their time to
-- live, or by eviction.
local users, names = take_list(), take_list()
local known = take_known(OWN + 1)
local gone = {}
for id, keys in pairs(known) do
  if redis.call('EXISTS', keys[1]) == 0 then
    gone[id] = true
    drop_traces(id)
  end
end
for _, member in ipairs(users) do
  if gone[string.sub(member, -16)] then redis.call('ZREM', USERS, member) end
end
for _, member in ipairs(names) do
  if gone[inverted(string.sub(member, -16))] then redis.call('ZREM', NAMES, member) end
end
return 0
