-- KEYS: meta, record. ARGV: now, generation, 'offer' or 'promote', counter, successor.
local record = redis.call('GET', KEYS[2])
if not is_live(record, KEYS[1], tonumber(ARGV[1])) then return 'gone' end
if number(record, GENERATION) ~= tonumber(ARGV[2]) then return 'gone' end
-- Redis refuses a script for lack of memory only before its first write, and this takes none.
redis.call('HDEL', KEYS[1], '')
local successor = ARGV[5]
local offered = string.sub(record, NEXT, NEXT) == '+' and string.sub(record, NEXT + 1, NEXT + 32)
local current = string.sub(record, DIGEST, DIGEST + 31)
if ARGV[3] == 'offer' then
  if number(record, COUNTER) ~= tonumber(ARGV[4]) then return 'conflict' end
  if offered and offered ~= successor then return 'conflict' end
  redis.call('SETRANGE', KEYS[2], NEXT - 1, '+' .. successor)
  return 'done'
end
if current == successor then return 'done' end
if offered ~= successor then return 'conflict' end
redis.call('SETRANGE', KEYS[2], DIGEST - 1, successor .. '-' .. string.rep('\0', 32) .. '+' .. current)
put(KEYS[2], COUNTER, padded(number(record, COUNTER) + 1))
put(KEYS[2], SINCE, ARGV[1])
return 'done'
