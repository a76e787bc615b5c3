-- What calls a script's functions with messages: they must be called from Lua, or they could not yield.
local judge, blame, values, open_messages, ask_of, finish = ...

local run = xpcall

-- Keeps actions out of a function until this goes out of scope, however that happens.
local function judging()
  judge(true)
  return setmetatable({}, { __close = function() judge(false) end })
end

-- Calls `f` with a value of the message; what it throws names the message, and the rule if there is one.
local function ask(f, value, message, rule)
  local _ <close> = judging()
  local ok, answer = run(f, function(thrown) return blame(thrown, message, rule) end, value)
  if ok then return answer end
  error(answer, 0)
end

local function says(f, about, message, rule)
  if about == "message" then return ask(f, message, message, rule) end
  for _, value in ipairs(values(message, about)) do
    if ask(f, value, message, rule) then return true end
  end
  return false
end

-- Tells whether what was left open of a query holds: lists of which all or any must, and functions at the leaves.
local function holds(node, message, rule)
  if node.call then
    local yes = says(node.call, node.about, message, rule)
    return (yes and true or false) == node.holds
  end
  local all = node.all ~= nil
  for _, inner in ipairs(node.all or node.any) do
    if holds(inner, message, rule) ~= all then return not all end
  end
  return all
end

-- Makes a search of one that leaves some messages to the script's functions.
local function searching(start)
  return function(...)
    local found = start(...)
    local kept = {}
    for message in open_messages(found) do
      if holds(ask_of(found, message), message) then kept[#kept + 1] = message end
    end
    return finish(found, kept)
  end
end

return ask, holds, searching
