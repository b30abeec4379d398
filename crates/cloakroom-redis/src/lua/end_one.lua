local id, why, least = take(), take(), tonumber(take())
admit()
local state, absolute, visitor = bury(id, { KEYS[OWN + 1], KEYS[OWN + 2] }, NOW, why)
if state == 'live' then note('e' .. id, math.max(absolute, NOW + least)) end
return { state == 'live' and 1 or 0, visitor and 1 or 0 }
