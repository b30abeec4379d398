local declared = {}
for _, key in ipairs(KEYS) do declared[key] = true end
local server = redis
local redis = { pcall = server.pcall }
redis.call = function(command, key, ...)
  if command ~= 'TIME' then
    assert(declared[key], command .. ' on a key that was not declared: ' .. tostring(key))
    if command == 'DEL' then
      for _, other in ipairs({ ... }) do assert(declared[other], 'DEL of a key not declared') end
    end
  end
  return server.call(command, key, ...)
end
