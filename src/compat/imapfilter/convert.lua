-- Writes a configuration down as a script of ours. It is run, but no account is connected and no program is started:
-- searches become what they look for, and actions become lines. What can't be written down becomes a comment.
local _, own = ...

local type, pairs, ipairs, tostring, error, getinfo = type, pairs, ipairs, tostring, error, debug.getinfo
local setmetatable, getmetatable, rawget, print, max = setmetatable, getmetatable, rawget, print, math.max
local concat, insert, remove = table.concat, table.insert, table.remove
local pcall, sethook = pcall, debug.sethook

local lines, accounts, purges, said = {}, {}, false, {}

-- Gives the line of the configuration that is being run.
local function place()
  for level = 3, 60 do
    local info = getinfo(level, "Sl")
    if not info then return "?" end
    if not info.source:match "^=%[" and info.what ~= "C" and info.source:match "^[@=]" and info.short_src ~= "convert" then
      return ("%s:%d"):format(info.short_src, info.currentline)
    end
  end
  return "?"
end

local function comment(text)
  local line = ("-- %s: %s"):format(place(), text)
  if not said[line] then
    said[line] = true
    lines[#lines + 1] = line
  end
end

local quoted, write, all, any, except = own.query.quoted, own.query.write, own.query.all, own.query.any, own.query.except
local criteria = own.query.criteria

-- How many lines have changed something so far. What was searched before one of them was something else.
local changes = 0

local mt = {}
local function set(parts, formula)
  local made = { parts = parts, formula = formula or false, named = false, name = false, born = changes, uses = 0 }
  -- When the newest of its messages were searched, and when they were moved away.
  made.since, made.spent = changes, false
  setmetatable(made, mt)
  -- Its place, if it gets a name.
  lines[#lines + 1] = made
  return made
end

local function is_set(value) return getmetatable(value) == mt end

-- What a set is, written down: its name, or one search for each mailbox.
local function selection(of, defining)
  if of.named and not defining then return of end
  if of.formula then
    local operation = not defining and #of.formula > 2
    return operation and { "(", of.formula, ")" } or of.formula
  end
  local each = {}
  for _, part in ipairs(of.parts) do
    local mailbox = ("<%d>:mailbox(%s)"):format(part[1].account.number, quoted(part[1].name))
    if part[2].key == "everything" then
      each[#each + 1] = mailbox .. ":all()"
    else
      each[#each + 1] = ("%s:search(%s)"):format(mailbox, write(part[2]))
    end
  end
  if #each == 1 then return each[1] end
  return "(" .. concat(each, " + ") .. ")"
end

-- Takes a set for another, or for a line: whether it is from before what has changed since, and must have a name.
local function take(of)
  of.named = of.named or of.born ~= changes
  return of.named or of.formula
end

local function position(of)
  for at, line in ipairs(lines) do
    if line == of then return at end
  end
  return 0
end

local function combined(a, b, operator, both, ours_only)
  if not (is_set(a) and is_set(b)) then
    comment "combines messages with a list of its own"
    return is_set(a) and a or set {}
  end
  local none = #a.parts == 0 and a or #b.parts == 0 and b
  if none then
    local rest = none == b and operator ~= " * " and a or operator == " + " and b
    return rest or set {}
  end
  -- What was searched since has none of the messages that were moved away.
  for of, other in pairs { [a] = b, [b] = a } do
    if of.spent and other.since >= of.spent then
      comment "combines messages with some that were moved away before"
      local rest = other == a and operator ~= " * " or operator == " + "
      return rest and other or set {}
    end
  end
  local apart = take(a)
  apart = take(b) or apart
  if apart then
    a.named, b.named = true, true
    local made = set(a.parts, { a, operator, b })
    -- A script can't use again what was moved away: it combines them before.
    made.named, made.since = a.spent or b.spent, max(a.since, b.since)
    remove(lines)
    insert(lines, max(position(a), position(b)) + 1, made)
    return made
  end
  local parts, used = {}, {}
  for _, part in ipairs(a.parts) do
    local other
    for _, candidate in ipairs(b.parts) do
      if candidate[1] == part[1] then other = candidate end
    end
    if other then
      used[other] = true
      parts[#parts + 1] = { part[1], both(part[2], other[2]) }
    elseif ours_only then
      parts[#parts + 1] = { part[1], part[2] }
    end
  end
  if operator == " + " then
    for _, part in ipairs(b.parts) do
      if not used[part] then parts[#parts + 1] = part end
    end
  end
  return set(parts)
end

function mt.__add(a, b) return combined(a, b, " + ", any, true) end
function mt.__mul(a, b) return combined(a, b, " * ", all, false) end
function mt.__sub(a, b) return combined(a, b, " - ", function(x, y) return all(x, except(y)) end, true) end
function mt.__len()
  comment "counts messages: `#selection` does so"
  return 0
end

local function act(of, action)
  if not is_set(of) or #of.parts == 0 then
    comment("does this to messages that it chooses itself: " .. action)
    return true
  end
  if of.spent then
    comment("finds none of these messages any more: " .. action)
    return true
  end
  of.uses = of.uses + 1
  of.named = of.named or of.uses > 1 or of.born ~= changes
  changes = changes + 1
  of.spent = (action:match "^move%(" or action:match "^purge%(") and changes or false
  lines[#lines + 1] = { act = action, of = of }
  return true
end

local function purge(of)
  purges = true
  return act(of, "purge()")
end

local function words(flags)
  local list, deleted = {}, false
  for _, name in ipairs(flags) do
    local plain = name:gsub("^\\", "")
    if name:lower() == "\\deleted" then deleted = true else list[#list + 1] = quoted(name == plain and name or plain:lower()) end
  end
  return concat(list, ", "), deleted
end

local function target(to)
  return type(to) == "table" and to.name and ("<%d>:mailbox(%s)"):format(to.account.number, quoted(to.name)) or '"?"'
end

local actions = {
  delete_messages = purge,
  mark_deleted = purge,
  unmark_deleted = function() comment "takes \\Deleted away: scripts can't" return true end,
  move_messages = function(of, to) return act(of, ("move(%s)"):format(target(to))) end,
  copy_messages = function(of, to) return act(of, ("copy(%s)"):format(target(to))) end,
  add_flags = function(of, flags)
    local list, deleted = words(flags)
    if list ~= "" then act(of, ("mark(%s)"):format(list)) end
    return not deleted or purge(of)
  end,
  remove_flags = function(of, flags) return act(of, ("unmark(%s)"):format((words(flags)))) end,
  replace_flags = function(of, flags)
    comment "replaces flags: others than these stay here"
    return act(of, ("mark(%s)"):format((words(flags))))
  end,
}
for _, name in ipairs { "answered", "draft", "flagged", "seen" } do
  actions["mark_" .. name] = function(of) return act(of, ("mark(%s)"):format(quoted(name))) end
  actions["unmark_" .. name] = function(of) return act(of, ("unmark(%s)"):format(quoted(name))) end
end

-- Whatever else is called: it is said, and gives nothing.
local function unknown(name)
  return function()
    comment(("`%s` is not converted"):format(name))
    return nil
  end
end

function mt.__index(_, name)
  if type(name) ~= "string" then
    comment "goes through messages itself: write a loop over `selection:messages()`"
    return nil
  end
  local make, action = criteria[name], actions[name]
  if make then
    return function(self, ...)
      local condition, parts = make(...), {}
      if take(self) then
        self.named = true
        if self.spent then comment "searches among messages that were moved away: put this before" end
        return set(self.parts, { self, (":filter(%s)"):format(write(condition)) })
      end
      for at, part in ipairs(self.parts) do parts[at] = { part[1], all(part[2], condition) } end
      return set(parts)
    end
  end
  return action or unknown(name)
end

local mailbox_mt = {}
function mailbox_mt.__index(mailbox, name)
  local make, action = criteria[name], actions[name]
  if make then
    return function(self, ...) return set { { self, make(...) } } end
  elseif action then
    -- The older form: what is done stands before the messages, if it needs a word of its own.
    return function(_, a, b)
      if b == nil then return action(a) end
      return action(b, a)
    end
  elseif type(name) == "string" then
    return unknown(name)
  end
  return setmetatable({}, { __index = function(_, what) return unknown(what) end })
end

local account_mt = {}
local verbs = { create_mailbox = "create", delete_mailbox = "delete", subscribe_mailbox = "subscribe", unsubscribe_mailbox = "unsubscribe" }
function account_mt.__index(account, name)
  if verbs[name] then
    return function(self, mailbox)
      changes = changes + 1
      lines[#lines + 1] = ("<%d>:%s(%s)"):format(self.number, verbs[name], quoted(mailbox))
      return true
    end
  elseif name == "rename_mailbox" then
    return function(self, from, to)
      changes = changes + 1
      lines[#lines + 1] = ("<%d>:rename(%s, %s)"):format(self.number, quoted(from), quoted(to))
      return true
    end
  elseif name == "list_all" or name == "list_subscribed" then
    return function()
      comment(("`%s`: `account:list(pattern)` gives the mailboxes"):format(name))
      return {}, {}
    end
  end
  name = tostring(name)
  local boxes = rawget(account, "boxes")
  boxes[name] = boxes[name] or setmetatable({ account = account, name = name }, mailbox_mt)
  return boxes[name]
end

local function login(about)
  local fields = { ("host = %s"):format(quoted(about.server)) }
  if about.port then fields[#fields + 1] = ("port = %d"):format(about.port) end
  if not about.ssl then fields[#fields + 1] = 'tls = "starttls"' end
  fields[#fields + 1] = ("user = %s"):format(quoted(about.username))
  fields[#fields + 1] = about.oauth2 and 'access_token = secret.command { "…" }' or 'password = secret.prompt "Password: "'
  return ("login { %s }"):format(concat(fields, ", "))
end

-- Puts the converted configuration's own world in place, and gives what runs it and writes it down.
function own.converter()
  local function construct(_, about)
    local account = setmetatable({ about = about, number = #accounts + 1, boxes = {} }, account_mt)
    accounts[#accounts + 1] = account
    return account
  end
  IMAP = setmetatable({}, { __call = construct })
  Account = IMAP
  Set = setmetatable({}, { __call = function() return set {} end })
  options = {}
  local function stop(text) return function() comment(text) error("", 0) end end
  become_daemon = function(interval, commands)
    comment(("runs again every %s seconds: let cron or systemd start the script"):format(tostring(interval)))
    commands()
  end
  mailbox_mt.__index = (function(index)
    return function(mailbox, name)
      if name == "enter_idle" then return stop "waits for news: let cron or systemd start the script" end
      return index(mailbox, name)
    end
  end)(mailbox_mt.__index)
  sleep = stop "sleeps: what follows is not converted"
  recover = function(commands) return true, commands() end
  pipe_to = unknown "pipe_to"
  pipe_from = function() comment "`pipe_from` is not run" return 0, "" end
  get_password = function() return "" end
  -- Standard output is for the script.
  io.output(io.stderr)
  _G.print = function(...)
    local each = table.pack(...)
    for at = 1, each.n do each[at] = tostring(each[at]) end
    io.stderr:write(concat(each, "\t"), "\n")
  end
  os.execute, io.popen = unknown "os.execute", function() comment "`io.popen` is not run" return io.open "/dev/null" end
  os.exit = function() error("", 0) end
  return function(configuration)
    sethook(function() error("it runs without end", 0) end, "", 100000000)
    local ok, failure = pcall(configuration)
    sethook()
    if not ok and failure ~= "" then lines[#lines + 1] = "-- it ended here: " .. tostring(failure) end
    local names = {}
    for name, value in pairs(_G) do
      if type(value) == "table" and rawget(value, "number") and rawget(value, "about") and accounts[value.number] == value then
        names[value.number] = name
      end
    end
    local out, results = {}, 0
    local taken = {}
    for _, name in pairs(names) do taken[name] = true end
    if purges then out[#out + 1] = 'allow "purge"' end
    for number, account in ipairs(accounts) do
      names[number] = names[number] or "account" .. number
      out[#out + 1] = ("local %s = %s"):format(names[number], login(account.about))
    end
    -- Gives a set's name, or writes it down where it is.
    local function text(value)
      if type(value) == "string" then return (value:gsub("<(%d+)>", function(number) return names[tonumber(number)] end)) end
      if is_set(value) then return value.name end
      local each = {}
      for at, part in ipairs(value) do each[at] = text(part) end
      return concat(each)
    end
    for _, line in ipairs(lines) do
      if is_set(line) then
        if line.named then
          repeat
            results = results + 1
            line.name = "results" .. results
          until not taken[line.name]
          out[#out + 1] = ("local %s = %s"):format(line.name, text(selection(line, true)))
        end
      elseif type(line) == "table" then
        local of = text(selection(line.of))
        out[#out + 1] = ("%s%s:%s"):format(of:sub(1, 1) == "(" and ";" or "", of, text(line.act))
      else
        out[#out + 1] = text(line)
      end
    end
    print(concat(out, "\n"))
  end
end
