local user, groups = take(), take()
local known = take_known(OWN + 1)
local ids = ids_of(user)
local missing = undeclared(ids, known)
if missing then return { 'need', missing } end
admit()
local changed, last = 0, 0
for _, id in ipairs(ids) do
  local record = redis.call('GET', known[id][1])
  if not record then
    lose(user, id)
  elseif is_live(record, META, NOW) then
    local head = string.sub(record, 1, 2 + 20 * GENERATION)
      .. padded(number(record, GENERATION) + 1)
      .. string.sub(record, 3 + 20 * COUNTER, GROUPS - 1)
    local text = head .. string.format('%08d', #groups) .. groups .. fixed_text(record)
    redis.call('SET', known[id][1], text, 'KEEPTTL')
    changed, last = changed + 1, math.max(last, number(record, ABSOLUTE))
  end
end
if changed > 0 then note('c' .. user, last) end
return { 'done', changed }
