-- Methods that call a function of the script's for each message.
local ask, pick, within = ...

local function filter(selection, query)
  if type(query) ~= "function" then return within(selection, query) end
  local kept = {}
  for message in selection:messages() do
    if ask(query, message, message) then kept[#kept + 1] = message end
  end
  return pick(selection, kept)
end

local function group_by(selection, key)
  local groups = {}
  for message in selection:messages() do
    local name = ask(key, message, message)
    if name ~= nil then
      groups[name] = groups[name] or {}
      table.insert(groups[name], message)
    end
  end
  for name, list in pairs(groups) do groups[name] = pick(selection, list) end
  return groups
end

return filter, group_by
