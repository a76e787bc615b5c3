-- Methods that call a function of the script's for each message.
local judge, pick, within = ...

-- Keeps actions out of the function until this goes out of scope, however that happens.
local function judging()
  judge(true)
  return setmetatable({}, { __close = function() judge(false) end })
end

local function filter(selection, query)
  if type(query) ~= "function" then return within(selection, query) end
  local kept = {}
  for message in selection:messages() do
    local _ <close> = judging()
    if query(message) then kept[#kept + 1] = message end
  end
  return pick(selection, kept)
end

local function group_by(selection, key)
  local groups = {}
  for message in selection:messages() do
    local _ <close> = judging()
    local name = key(message)
    if name ~= nil then
      groups[name] = groups[name] or {}
      table.insert(groups[name], message)
    end
  end
  for name, list in pairs(groups) do groups[name] = pick(selection, list) end
  return groups
end

return filter, group_by
