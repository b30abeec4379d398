-- Drops entries of the history.
local dropped = 0
admit()
for _, id in ipairs(take_list()) do
  local text = redis.call('HGET', HISTORY, id)
  redis.call('ZREM', HISTORY_DUE, id)
  redis.call('ZREM', HISTORY_VISITORS, id)
  redis.call('ZREM', HISTORY_IDS, id)
  if text then
    local why = tonumber(string.sub(text, 41, 48))
    local name = text_of(cjson.decode(string.sub(text, 49 + why)).name)
    if name then redis.call('ZREM', HISTORY_NAMES, name .. '\0' .. inverted(id)) end
    redis.call('HDEL', HISTORY, id)
    dropped = dropped + 1
  end
end
return dropped
