local declared = {}
for _, key in ipairs(KEYS) do declared[key] = true end
local server = redis
local redis = { pcall = server.pcall }
redis.call = function(command, ...)
  local keys = command == 'TIME' and {} or command == 'DEL' and { ... }
    or { (select(command == 'XINFO' and 2 or 1, ...)) }
  for _, key in ipairs(keys) do
    assert(declared[key], command .. ' on a key that was not declared: ' .. tostring(key))
  end
  return server.call(command, ...)
end
