-- Moves sessions that ended with everyone into the history: those whose keys are declared. Says
-- which come next.
local most = tonumber(take())
local known = take_known(OWN + 1)
local cursors = redis.call('HMGET', META, 'doom_ids', 'doom_visitors')
if not cursors[1] and not cursors[2] then return { 0, {}, {} } end
admit()
local buried, freed = 0, {}
for id, keys in pairs(known) do
  local record = redis.call('GET', keys[1])
  if not record then
    drop_traces(id)
  elseif is_doomed(record, META) then
    local _, _, visitor = bury(id, keys, NOW, '')
    if visitor then table.insert(freed, id) end
    buried = buried + 1
  end
end

local function next_of(field, index, cursor)
  if not cursor then return {} end
  while true do
    local ids = redis.call('ZRANGEBYLEX', index, cursor, '+', 'LIMIT', 0, most)
    if #ids == 0 then
      redis.call('HDEL', META, field)
      return {}
    end
    if not known[ids[1]] then
      redis.call('HSET', META, field, cursor)
      return ids
    end
    -- One that began later, or the page looked at before.
    cursor = '(' .. ids[#ids]
    for position, id in ipairs(ids) do
      if not known[id] then
        cursor = '(' .. ids[position - 1]
        break
      end
    end
  end
end

local ids = next_of('doom_ids', IDS, cursors[1])
if #ids == 0 then ids = next_of('doom_visitors', VISITORS, cursors[2]) end
if #ids == 0 then redis.call('HSET', META, 'doomed', 0) end
return { buried, freed, ids }
