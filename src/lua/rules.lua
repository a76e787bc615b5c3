-- `rules`: what calls a script's functions must be Lua.
local promised, begin, open_messages, matches_of, assign, within, set_aside, portions, leave_out, carry_out, drop, also, holds, ask = ...

-- What a rule does beside the server, in this order.
local outside = {
  { "save", function(selection, target) return selection:save(target) end },
  { "export", function(selection, target) return selection:export(target) end },
  { "pipe", function(selection, command) return selection:pipe(command) end },
}

-- Finds the rules that are for a message where functions have a say: up to the first that ends its way. Where a
-- function fails, nothing is done for its rule, and later rules leave the message alone: it might have been the rule's.
local function judge(running, message, dropped)
  local assigned, thrown = {}, nil
  for _, match in ipairs(matches_of(running, message)) do
    local function try()
      if match.ask and not holds(match.ask, message, match.name) then return false end
      local targets = {}
      for number, f in pairs(match.functions) do
        -- `false` says that the message is to be left where it is.
        targets[number] = ask(f, message, message, match.name) or false
      end
      assigned[#assigned + 1] = { rule = match.rule, targets = targets }
      return true
    end
    if dropped[match.rule] then break end
    local ok, matched = pcall(try)
    if not ok then
      thrown = matched
      drop(running, match.rule)
      dropped[match.rule] = true
      break
    end
    if matched and match.ends then break end
  end
  assign(running, message, assigned)
  return thrown
end

local function act_outside(running)
  local first
  local function try(portion, f, ...)
    local ok, thrown = pcall(f, ...)
    if ok then return end
    if first then also(thrown) end
    first = first or thrown
    leave_out(running, portion.number, type(thrown) == "userdata" and thrown.report or nil)
  end
  for _, portion in ipairs(portions(running)) do
    for _, action in ipairs(outside) do
      local name, act = action[1], action[2]
      if portion[name] then try(portion, act, portion.selection, portion[name]) end
    end
    if portion.call then try(portion, portion.call, portion.selection) end
  end
  return first
end

local function run(mailboxes, list)
  local running = begin(mailboxes, list)
  local failed, dropped = nil, {}
  for message in open_messages(running) do
    local thrown = judge(running, message, dropped)
    failed = failed or thrown
  end
  -- Before anything is done.
  local let_through, limit = pcall(within, running)
  if not let_through then
    if failed then also(failed) end
    set_aside(running)
    error(limit, 0)
  end
  local thrown = act_outside(running)
  local ok, result = pcall(carry_out, running)
  if failed or thrown then error(failed or thrown, 0) end
  if not ok then error(result, 0) end
  return result
end

return function(mailboxes)
  local given = promised(mailboxes)
  return function(list)
    given()
    return run(mailboxes, list)
  end
end
