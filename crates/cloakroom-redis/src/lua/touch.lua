-- KEYS: meta, expiry, then for each touch the record and the data. ARGV: now, then for each touch
-- the id and when it was used.
local now, moved = tonumber(ARGV[1]), 0
-- Redis refuses a script for lack of memory only before its first write, and a use takes none.
redis.call('ZREM', KEYS[2], '')
for index = 1, (#ARGV - 1) / 2 do
  local id, seen_at = ARGV[2 * index], ARGV[2 * index + 1]
  local key, data = KEYS[2 * index + 1], KEYS[2 * index + 2]
  local record = redis.call('GET', key)
  if is_live(record, KEYS[1], now) and number(record, LAST_SEEN) < tonumber(seen_at) then
    put(key, LAST_SEEN, seen_at)
    local idle = tonumber(seen_at) + number(record, IDLE)
    local ends = math.min(idle, number(record, ABSOLUTE))
    keep(key, data, ends, now)
    redis.call('ZADD', KEYS[2], string.format('%.0f', ends), id)
    moved = moved + 1
  end
end
return moved
