-- The keys that every bucket has (src/keys.rs).
local META, EXPIRY, USERS, IDS, NAMES, VISITORS = unpack(KEYS, 1, 6)
local EPOCHS, LOG, LOG_DUE, HISTORY, HISTORY_IDS, HISTORY_NAMES = unpack(KEYS, 7, 12)
local HISTORY_DUE, HISTORY_VISITORS, CLAIMS, FENCES = unpack(KEYS, 13, 16)
local OWN = 16
local CHANNEL, INCARNATION, NOW_TEXT = ARGV[1], ARGV[2], ARGV[3]
local NOW = tonumber(NOW_TEXT)
local LOG_LEAST = 600 * 1000

local at = 3
local function take()
  at = at + 1
  return ARGV[at]
end

local function take_list()
  local list = {}
  for index = 1, tonumber(take()) do list[index] = take() end
  return list
end

-- The sessions whose keys were declared: id to its two keys.
local function take_known(first)
  local known = {}
  for index, id in ipairs(take_list()) do
    known[id] = { KEYS[first + 2 * index - 2], KEYS[first + 2 * index - 1] }
  end
  return known
end

-- Lets the script go on where memory is full: Redis refuses only a script that has written
-- nothing yet, and an end frees more than it takes.
local function admit()
  redis.call('HDEL', CLAIMS, '')
end

-- So that an id sorts backwards.
local function inverted(id)
  return (string.gsub(id, '.', function(byte) return string.char(255 - string.byte(byte)) end))
end

-- A user's sessions behind one of them, the oldest first, at most so many; all behind ''.
local function ids_after(user, id, most)
  local from = (id == '' and '[' or '(') .. user .. '\0' .. id
  local members = redis.call('ZRANGEBYLEX', USERS, from, '(' .. user .. '\1', 'LIMIT', 0, most)
  for index, member in ipairs(members) do members[index] = string.sub(member, -16) end
  return members
end

-- All of a user, of whom insert.lua sees to it that they are not too many.
local function ids_of(user)
  return ids_after(user, '', -1)
end

-- The ids if the keys of one of them were not declared.
local function undeclared(ids, known)
  for _, id in ipairs(ids) do
    if not known[id] then return ids end
  end
  return nil
end

-- The head of the log, from the stream where eviction took it.
local function head_of_log()
  local head = redis.call('HGET', META, 'head')
  if head then return tonumber(head) end
  if redis.call('EXISTS', LOG) == 0 then return 0 end
  local facts = redis.call('XINFO', 'STREAM', LOG)
  for index = 1, #facts, 2 do
    if facts[index] == 'last-generated-id' then
      return tonumber(string.match(facts[index + 1], '^%d+'))
    end
  end
end

local function note(change, last)
  local head = head_of_log() + 1
  redis.call('HSET', META, 'head', string.format('%.0f', head))
  redis.call('HSETNX', META, 'incarnation', INCARNATION)
  redis.call('XADD', LOG, string.format('%.0f-0', head), 'c', change, 'u', padded(last))
  redis.call('ZADD', LOG_DUE, string.format('%.0f', last), string.format('%.0f', head))
  -- The bell is a hint: that it may not be rung is no fault.
  redis.pcall('PUBLISH', CHANNEL, string.format('%.0f', head))
end

local function note_end_of(user, epoch, except, last)
  note('u' .. padded(epoch) .. (except ~= '' and '+' .. except or '-') .. user, last)
end

local function count(name, by)
  redis.call('HINCRBY', META, name, by)
end

-- Of a session whose record is gone, taken by its time to live or by eviction.
local function drop_traces(id)
  redis.call('ZREM', EXPIRY, id)
  redis.call('HDEL', CLAIMS, id)
  local named = redis.call('ZREM', IDS, id)
  local visitor = redis.call('ZREM', VISITORS, id)
  if named + visitor == 0 then return end
  if tonumber(redis.call('HGET', META, 'doomed') or 0) > 0 then
    count('doomed', -1)
  elseif named == 1 then
    count('sessions', -1)
  else
    count('anonymous', -1)
  end
end

-- The same, where its user is known.
local function lose(user, id)
  drop_traces(id)
  redis.call('ZREM', USERS, user .. '\0' .. id)
end

-- Takes a session out of everything; what it said stays in the caller's hands.
local function take_out(id, keys, record, user, name)
  redis.call('DEL', keys[1], keys[2])
  local doomed = is_doomed(record, META)
  redis.call('ZREM', EXPIRY, id)
  if is_claimed(record) then redis.call('HDEL', CLAIMS, id) end
  if user then
    redis.call('ZREM', IDS, id)
    redis.call('ZREM', USERS, user .. '\0' .. id)
    redis.call('ZREM', NAMES, name .. '\0' .. inverted(id))
  else
    redis.call('ZREM', VISITORS, id)
  end
  count(doomed and 'doomed' or user and 'sessions' or 'anonymous', -1)
end

local function text_of(value)
  if value == nil or value == cjson.null then return nil end
  return value
end

local function remember(id, record, user, name, ended_at, why)
  if redis.call('HEXISTS', HISTORY, id) == 1 then return end
  local last_seen = string.sub(record, 3, 22)
  local text = padded(ended_at) .. last_seen .. string.format('%08d', #why) .. why
  redis.call('HSET', HISTORY, id, text .. fixed_text(record))
  if not user then
    redis.call('ZADD', HISTORY_VISITORS, string.format('%.0f', ended_at), id)
    return
  end
  redis.call('ZADD', HISTORY_DUE, string.format('%.0f', ended_at), id)
  redis.call('ZADD', HISTORY_IDS, 0, id)
  if name then redis.call('ZADD', HISTORY_NAMES, 0, name .. '\0' .. inverted(id)) end
end

-- Ends a session, at `when` and for the reason in `why` unless it ended before by itself.
-- Returns 'live', 'doomed', 'idle' or 'absolute' for what it was, or nil; its absolute deadline;
-- and whether it was a visitor's.
local function bury(id, keys, when, why)
  local record = redis.call('GET', keys[1])
  if not record then
    drop_traces(id)
    return nil, 0, false
  end
  local state = 'live'
  if is_doomed(record, META) then
    local doom = redis.call('HMGET', META, 'doom_at', 'doom_why')
    state, when, why = 'doomed', tonumber(doom[1]), doom[2]
  end
  local ends, reason = deadline(record)
  if when >= ends then
    if state == 'live' then state = reason end
    when, why = ends, '{"reason":"' .. reason .. '"}'
  end
  local fixed = cjson.decode(fixed_text(record))
  local user, name = text_of(fixed.user), text_of(fixed.name)
  take_out(id, keys, record, user, name or '')
  if user or state == 'live' or (state == 'doomed' and when < ends) then
    remember(id, record, user, name, when, why)
  end
  return state, number(record, ABSOLUTE), not user
end
