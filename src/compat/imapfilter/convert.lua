-- Writes a configuration down as a script of ours. It is run, but no account is connected and no program is started:
-- searches become what they look for, and actions become lines. What can't be written down becomes a comment.
local _, own = ...

local type, pairs, ipairs, tostring, error, getinfo = type, pairs, ipairs, tostring, error, debug.getinfo
local setmetatable, rawget, concat, sort = setmetatable, rawget, table.concat, table.sort
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

local function quoted(text) return (("%q"):format(tostring(text)):gsub("\\\n", "\\n"):gsub("\r", "\\r")) end

-- A query: its key and value, or `all`, `any` and `except` of others.
local function is(key, value) return { key = key, value = value } end
local function flag(name, set) return is(name, tostring(set)) end

local function write(query)
  if query.key then return ("{ %s = %s }"):format(query.key, query.value) end
  if query.op == "except" then
    return ("{ except = { %s } }"):format(write(query[1]))
  end
  local each, simple, seen = {}, {}, {}
  for _, part in ipairs(query) do
    if query.op == "all" and part.key and not seen[part.key] then
      seen[part.key] = true
      simple[#simple + 1] = ("%s = %s"):format(part.key, part.value)
    elseif query.op == "all" and part.op == "except" and not seen.except then
      seen.except = true
      simple[#simple + 1] = ("except = { %s }"):format(write(part[1]))
    else
      each[#each + 1] = write(part)
    end
  end
  if #each == 0 then return ("{ %s }"):format(concat(simple, ", ")) end
  if #simple > 0 then each[#each + 1] = ("{ %s }"):format(concat(simple, ", ")) end
  return ("{ %s = { %s } }"):format(query.op, concat(each, ", "))
end

local function all(a, b)
  local list = { op = "all" }
  for _, query in ipairs { a, b } do
    if query.op == "all" then
      for _, part in ipairs(query) do list[#list + 1] = part end
    elseif query.key ~= "everything" then
      list[#list + 1] = query
    end
  end
  if #list == 0 then return a end
  return #list == 1 and list[1] or list
end
local function any(a, b) return { op = "any", a, b } end
local function except(a) return { op = "except", a } end

local mt = {}
local function set(parts) return setmetatable({ parts = parts }, mt) end

-- What a set is, written down: one search for each mailbox.
local function selection(of)
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
  return ";(" .. concat(each, " + ") .. ")"
end

local function combined(a, b, both, ours_only)
  if not (type(a) == "table" and a.parts and type(b) == "table" and b.parts) then
    comment "combines messages with a list of its own"
    return type(a) == "table" and a.parts and a or set {}
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
  return set(parts), used
end

function mt.__add(a, b)
  local sum, used = combined(a, b, any, true)
  for _, part in ipairs(type(b) == "table" and b.parts or {}) do
    if used and not used[part] then sum.parts[#sum.parts + 1] = part end
  end
  return sum
end
function mt.__mul(a, b) return (combined(a, b, all, false)) end
function mt.__sub(a, b) return (combined(a, b, function(x, y) return all(x, except(y)) end, true)) end
function mt.__len()
  comment "counts messages: `#selection` does so"
  return 0
end

local function day(text)
  local months = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }
  local d, m, y = tostring(text):match "^%s*(%d+)-(%a%a%a)-(%d%d%d%d)$"
  return quoted(m and months[m] and ("%s-%02d-%02d"):format(y, months[m], tonumber(d)) or text)
end

local criteria = {
  select_all = function() return is("everything") end,
  is_new = function() return all(flag("recent", true), flag("seen", false)) end,
  is_old = function() return flag("recent", false) end,
  is_recent = function() return flag("recent", true) end,
  has_keyword = function(name) return is("keyword", quoted(name)) end,
  has_flag = function(name) return is("keyword", quoted(name)) end,
  has_unkeyword = function(name) return except(is("keyword", quoted(name))) end,
  is_larger = function(size) return is("larger_than", tostring(size)) end,
  is_smaller = function(size) return is("smaller_than", tostring(size)) end,
  is_older = function(days) return is("older_than", quoted(("%sd"):format(days))) end,
  is_newer = function(days) return is("newer_than", quoted(("%sd"):format(days))) end,
  arrived_before = function(text) return is("before", day(text)) end,
  arrived_on = function(text) return is("on", day(text)) end,
  arrived_since = function(text) return is("since", day(text)) end,
  contain_field = function(name, text) return is("header", ("{ [%s] = %s }"):format(quoted(name), quoted(text))) end,
  match_field = function(name, text) return is("header", ("{ [%s] = regex(%s) }"):format(quoted(name), quoted(text))) end,
  contain_body = function(text) return is("body", quoted(text)) end,
  contain_message = function(text) return is("text", quoted(text)) end,
  contain_header = function(text) return is("header", quoted(text)) end,
  match_header = function(text) return is("header", ("regex(%s)"):format(quoted(text))) end,
  match_body = function(text) return is("body", ("regex(%s)"):format(quoted(text))) end,
  match_message = function(text) return is("text", ("regex(%s)"):format(quoted(text))) end,
  send_query = function(text) return is("raw", quoted(text)) end,
}
for _, name in ipairs { "answered", "deleted", "draft", "flagged", "seen" } do
  criteria["is_" .. name] = function() return flag(name, true) end
  criteria["is_un" .. name] = function() return flag(name, false) end
end
for _, name in ipairs { "before", "on", "since" } do
  criteria["sent_" .. name] = function(text) return is("sent_" .. name, day(text)) end
end
for _, name in ipairs { "bcc", "cc", "from", "subject", "to" } do
  criteria["contain_" .. name] = function(text) return is(name, quoted(text)) end
  criteria["match_" .. name] = function(text) return is(name, ("regex(%s)"):format(quoted(text))) end
end

local function act(of, action)
  if type(of) ~= "table" or not of.parts or #of.parts == 0 then
    comment("does this to messages that it chooses itself: " .. action)
    return true
  end
  lines[#lines + 1] = ("%s:%s"):format(selection(of), action)
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
      lines[#lines + 1] = ("<%d>:%s(%s)"):format(self.number, verbs[name], quoted(mailbox))
      return true
    end
  elseif name == "rename_mailbox" then
    return function(self, from, to)
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
    local out = {}
    if purges then out[#out + 1] = 'allow "purge"' end
    for number, account in ipairs(accounts) do
      names[number] = names[number] or "account" .. number
      out[#out + 1] = ("local %s = %s"):format(names[number], login(account.about))
    end
    for _, line in ipairs(lines) do
      out[#out + 1] = (line:gsub("<(%d+)>", function(number) return names[tonumber(number)] end))
    end
    print(concat(out, "\n"))
  end
end
