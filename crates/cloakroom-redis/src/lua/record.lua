-- A record is one string: fixed columns, then JSON (src/record.rs).
local LAST_SEEN, IDLE, ABSOLUTE, EPOCH, EVERYONE, GENERATION = 0, 1, 2, 3, 4, 5
local COUNTER, SINCE, AUTHENTICATED, LAST_VERSION, BYTES = 6, 7, 8, 9, 10
local DIGEST, NEXT, PREVIOUS, GROUPS = 223, 255, 288, 321

-- How long keys outlive their session, for the sweeper to move it into the history.
local MARGIN = 7 * 24 * 3600 * 1000
local LONGEST = 100 * 365 * 24 * 3600 * 1000

local function number(record, column)
  return tonumber(string.sub(record, 3 + 20 * column, 22 + 20 * column))
end

local function padded(value)
  return string.format('%020.0f', value)
end

local function put(key, column, text)
  redis.call('SETRANGE', key, 2 + 20 * column, text)
end

local function is_claimed(record)
  return string.sub(record, 2, 2) == 'c'
end

-- When it ends, and why.
local function deadline(record)
  local idle, absolute = number(record, LAST_SEEN) + number(record, IDLE), number(record, ABSOLUTE)
  if absolute <= idle then return absolute, 'absolute' end
  return idle, 'idle'
end

local function everyone(meta)
  return tonumber(redis.call('HGET', meta, 'everyone') or 0)
end

-- Whether it ended with everyone and waits to be moved into the history.
local function is_doomed(record, meta)
  return number(record, EVERYONE) < everyone(meta)
end

local function is_live(record, meta, now)
  return record and now < deadline(record) and not is_doomed(record, meta)
end

local function keep(key, data, at, now)
  local time = string.format('%.0f', math.min(math.max(at - now, 0) + MARGIN, LONGEST))
  redis.call('PEXPIRE', key, time)
  redis.call('PEXPIRE', data, time)
end

-- What follows the fixed columns: the groups, and what never changes.
local function groups_end(record)
  return GROUPS + 8 + tonumber(string.sub(record, GROUPS, GROUPS + 7))
end

local function fixed_text(record)
  return string.sub(record, groups_end(record))
end

local function claim_of(claims, id)
  local claim = redis.call('HGET', claims, id)
  if not claim then return nil end
  return string.sub(claim, 1, 16), tonumber(string.sub(claim, 17))
end

local function server_millis()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Who replaces the session, and whether it is time that somebody else settles it.
local function claimed_by(claims, id)
  local by, expires = claim_of(claims, id)
  if not by then return '', 1 end
  return by, server_millis() >= expires and 1 or 0
end
