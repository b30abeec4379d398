-- KEYS: meta, record, data, claims. ARGV: id, now, generation, most keys, most bytes; then for each
-- change its key, the version expected or '*', '=' or '-', and the JSON.
local now = tonumber(ARGV[2])
local record = redis.call('GET', KEYS[2])
if not is_live(record, KEYS[1], now) then return { 'gone' } end
if number(record, GENERATION) ~= tonumber(ARGV[3]) then return { 'gone' } end
if is_claimed(record) then
  local by, expired = claimed_by(KEYS[4], ARGV[1])
  return { 'busy', by, expired }
end

local function size(field, value)
  return #field + #value - string.find(value, ':', 1, true)
end

local function version(value)
  return value and string.sub(value, 1, string.find(value, ':', 1, true) - 1) or '0'
end

local before, after = {}, {}
for at = 6, #ARGV, 4 do
  local field = ARGV[at]
  if before[field] == nil then before[field] = redis.call('HGET', KEYS[3], field) end
  if ARGV[at + 1] ~= '*' and ARGV[at + 1] ~= version(before[field]) then
    return { 'conflict', field }
  end
end
local last, versions = number(record, LAST_VERSION), {}
for at = 6, #ARGV, 4 do
  last = last + 1
  local text = string.format('%.0f', last)
  local written = ARGV[at + 2] == '='
  after[ARGV[at]] = written and text .. ':' .. ARGV[at + 3]
  table.insert(versions, written and text or '0')
end
local keys, bytes = redis.call('HLEN', KEYS[3]), number(record, BYTES)
for field, value in pairs(after) do
  local old = before[field]
  if old then keys, bytes = keys - 1, bytes - size(field, old) end
  if value then keys, bytes = keys + 1, bytes + size(field, value) end
end
if keys > tonumber(ARGV[4]) or bytes > tonumber(ARGV[5]) then return { 'large', keys, bytes } end
redis.call('SETRANGE', KEYS[2], 2 + 20 * LAST_VERSION, padded(last) .. padded(bytes))
for field, value in pairs(after) do
  if value then redis.call('HSET', KEYS[3], field, value) else redis.call('HDEL', KEYS[3], field) end
end
keep(KEYS[2], KEYS[3], deadline(record), now)
return { 'done', versions }
