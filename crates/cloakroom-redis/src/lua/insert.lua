local id, user, name, record = take(), take(), take(), take()
local epoch, most, policy = tonumber(take()), take(), take()
local replaced, carry, carry_keys = take(), take(), take_list()
local last_version, carried, own = tonumber(take()), take_list(), take_list()
local key, data = KEYS[OWN + 1], KEYS[OWN + 2]
local known = take_known(OWN + 3)

if redis.call('EXISTS', key) == 1 or redis.call('HEXISTS', HISTORY, id) == 1
  or redis.call('ZSCORE', FENCES, id) then
  return { 'conflict' }
end

local everyone_epoch, raised, own_epoch = everyone(META), 0, 0
if user ~= '' then
  raised = tonumber(redis.call('HGET', EPOCHS, user) or 0)
  if epoch < everyone_epoch + raised then return { 'superseded' } end
  own_epoch = math.max(epoch - everyone_epoch, raised)
end

-- More sessions of one user would make scripts long, which hold up everybody.
local MOST_OF_USER = 1000

-- The user's sessions that have to end to make room, and those whose records are gone.
local function over_limit(most)
  local ids = ids_of(user)
  local missing = undeclared(ids, known)
  if missing then return { 'need', missing } end
  local live, dead, lost = {}, {}, {}
  for _, other in ipairs(ids) do
    local found = redis.call('GET', known[other][1])
    if not found then
      table.insert(lost, other)
    elseif not is_live(found, META, NOW) then
      table.insert(dead, other)
    elseif other ~= replaced then
      local moment = number(found, LAST_SEEN)
      if policy ~= 'lru' then moment = cjson.decode(fixed_text(found)).created_at end
      table.insert(live, { other, moment })
    end
  end
  local excess = #live + 1 - most
  if excess > 0 and policy == 'refuse' then return { 'limit' } end
  table.sort(live, function(one, two)
    if one[2] ~= two[2] then return one[2] < two[2] end
    return one[1] < two[1]
  end)
  local over = {}
  -- A sweep is late. They leave faster than others come.
  if #ids >= MOST_OF_USER then over = { unpack(dead, 1, 100) } end
  for index = 1, math.min(excess, #live) do table.insert(over, live[index][1]) end
  return nil, over, lost
end

-- Where there is no limit: the expired ones of the oldest go first, then the others of them. Of
-- more than needed the keys are asked for, so that logins at once do not wait for each other.
local function over_most()
  local first, last = '[' .. user .. '\0', '(' .. user .. '\1'
  local excess = redis.call('ZLEXCOUNT', USERS, first, last) + 1 - MOST_OF_USER
  if replaced ~= '' and redis.call('ZSCORE', USERS, user .. '\0' .. replaced) then
    excess = excess - 1
  end
  if excess <= 0 then return nil, {}, {} end
  excess = math.min(excess, 100)
  local oldest, over, live = ids_after(user, '', excess + 100), {}, {}
  for _, other in ipairs(oldest) do
    if other ~= replaced and known[other] then
      local dead = not is_live(redis.call('GET', known[other][1]), META, NOW)
      table.insert(dead and over or live, other)
    end
  end
  if #over + #live < excess then return { 'need', oldest } end
  for index = 1, math.min(excess - #over, #live) do table.insert(over, live[index]) end
  return nil, over, {}
end

local over, lost = {}, {}
if user ~= '' then
  local refusal
  if most == '' then
    refusal, over, lost = over_most()
  else
    refusal, over, lost = over_limit(math.min(tonumber(most), MOST_OF_USER))
  end
  if refusal then return refusal end
end

-- What comes over from a session of the same bucket.
if replaced ~= '' then
  local found = redis.call('GET', known[replaced][1])
  if is_live(found, META, NOW) then
    if is_claimed(found) then
      local by, expired = claimed_by(CLAIMS, replaced)
      return { 'busy', by, expired }
    end
    last_version = number(found, LAST_VERSION)
    local wanted = {}
    for _, wish in ipairs(carry_keys) do wanted[wish] = true end
    local pairs_there = carry == 'nothing' and {} or redis.call('HGETALL', known[replaced][2])
    for index = 1, #pairs_there, 2 do
      if carry == 'everything' or wanted[pairs_there[index]] then
        table.insert(carried, pairs_there[index])
        table.insert(carried, pairs_there[index + 1])
      end
    end
  end
end

local values, bytes = {}, 0
for index = 1, #carried, 2 do values[carried[index]] = carried[index + 1] end
for index = 1, #own, 2 do
  last_version = last_version + 1
  values[own[index]] = string.format('%.0f:', last_version) .. own[index + 1]
end
for field, value in pairs(values) do
  bytes = bytes + #field + #value - string.find(value, ':', 1, true)
end

record = string.sub(record, 1, 2 + 20 * EVERYONE) .. padded(everyone_epoch)
  .. string.sub(record, 3 + 20 * GENERATION, 2 + 20 * LAST_VERSION)
  .. padded(last_version) .. padded(bytes) .. string.sub(record, DIGEST)
redis.call('SET', key, record)
for field, value in pairs(values) do redis.call('HSET', data, field, value) end
local ends = deadline(record)
keep(key, data, ends, NOW)
redis.call('ZADD', EXPIRY, string.format('%.0f', ends), id)
if user ~= '' then
  -- No session has a higher epoch than its user, or the log would not deny its claims.
  if own_epoch > raised then redis.call('HSET', EPOCHS, user, string.format('%.0f', own_epoch)) end
  redis.call('ZADD', IDS, 0, id)
  redis.call('ZADD', USERS, 0, user .. '\0' .. id)
  redis.call('ZADD', NAMES, 0, name .. '\0' .. inverted(id))
  count('sessions', 1)
else
  redis.call('ZADD', VISITORS, 0, id)
  count('anonymous', 1)
end
local latest = number(record, ABSOLUTE)
if latest > tonumber(redis.call('HGET', META, 'latest') or 0) then
  redis.call('HSET', META, 'latest', string.format('%.0f', latest))
end

local ended, freed = {}, {}
local function end_within(other, reason)
  local state, absolute, visitor = bury(other, known[other], NOW, '{"reason":"' .. reason .. '"}')
  if state == 'live' then note('e' .. other, absolute) end
  if state and visitor then table.insert(freed, other) end
  return state
end
if replaced ~= '' then end_within(replaced, 'replaced') end
for _, other in ipairs(over) do
  local state = end_within(other, 'limit')
  if state == 'live' then table.insert(ended, other) end
  if not state then lose(user, other) end
end
for _, other in ipairs(lost) do lose(user, other) end
return { 'done', ended, freed }
