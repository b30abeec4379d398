-- Freezes the data of a session that another one in another bucket is about to replace.
local id, by, lease, carry, wanted_keys = take(), take(), tonumber(take()), take(), take_list()
local key, data = KEYS[OWN + 1], KEYS[OWN + 2]
local record = redis.call('GET', key)
if not is_live(record, META, NOW) then return { 'none' } end
if is_claimed(record) then
  local other, expired = claimed_by(CLAIMS, id)
  if other ~= by then return { 'busy', other, expired } end
end
redis.call('HSET', CLAIMS, id, by .. string.format('%.0f', server_millis() + lease))
redis.call('SETRANGE', key, 1, 'c')
local wanted, carried = {}, {}
for _, wish in ipairs(wanted_keys) do wanted[wish] = true end
local there = carry == 'nothing' and {} or redis.call('HGETALL', data)
for index = 1, #there, 2 do
  if carry == 'everything' or wanted[there[index]] then
    table.insert(carried, there[index])
    table.insert(carried, there[index + 1])
  end
end
return { 'claimed', string.format('%.0f', number(record, LAST_VERSION)), carried }
