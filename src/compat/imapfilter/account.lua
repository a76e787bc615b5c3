-- Accounts and their mailboxes.
local native, own = ...

local type, rawget, rawset, setmetatable, pairs, ipairs = type, rawget, rawset, setmetatable, pairs, ipairs
local tonumber, tostring, error, math, utf8, io = tonumber, tostring, error, math, utf8, io
local option, required, optional, note = own.option, own.required, own.optional, own.note

Account = {}
Account._mt = {}
Mailbox._mt = {}

-- Every account of the run, in their order.
local accounts = {}
-- What reaches each.
local sessions = setmetatable({}, { __mode = "k" })

-- Gives what reaches an account, which is made at first use, with the options as they are then.
local function session(account)
  local known = sessions[account]
  if known then return known end
  local about = account._account
  for name, wanted in pairs { server = "string", username = "string" } do
    if type(about[name]) ~= wanted then
      error(("%s argument expected, got %s"):format(wanted, type(about[name])), 0)
    end
  end
  local port = math.tointeger(tonumber(about.port))
  if not port or port < 1 or port > 65535 then
    error(("`port` is %s: it must be a whole number from 1 to 65535"):format(tostring(about.port)), 0)
  end
  local password = about.password
  if password == nil and about.oauth2 == nil then
    password = own.ask(("Enter password for %s@%s: "):format(about.username, about.server))
    if not password then error("there is no password: standard input has ended", 0) end
    about.password = password
  end
  known = native.connect {
    server = about.server,
    username = about.username,
    password = password,
    oauth2 = about.oauth2,
    port = port,
    implicit = about.ssl ~= nil,
    plain = not option "starttls",
    any_host = not option "hostnames",
    -- Either alone leaves the certificate to be checked.
    unchecked = not (option "hostnames" or option "certificates"),
    timeout = option "timeout",
  }
  sessions[account] = known
  return known
end

-- Gives what reaches a mailbox.
local handles = setmetatable({}, { __mode = "k" })
function own.handle(mailbox)
  local known = handles[mailbox]
  local raw = not option "namespace"
  if not known or known.raw ~= raw then
    local name, charset = mailbox._mailbox, option "charset"
    -- The option is for searches as well: names are often in UTF-8 all the same.
    if utf8.len(name) then charset = "" end
    known = { raw = raw, native.mailbox(session(mailbox._account), name, raw, charset) }
    handles[mailbox] = known
  end
  return known[1]
end

function own.is_mailbox(value) return type(value) == "table" and rawget(value, "_type") == "mailbox" end

function Mailbox._mt.__index(mailbox, key)
  local method = Mailbox[key]
  if method ~= nil then return method end
  local uid = tonumber(key)
  if uid then return own.message(mailbox, math.tointeger(uid) or uid) end
end

function Account._mt.__index(account, name)
  local method = Account[name]
  if method ~= nil then return method end
  if name == nil then return nil end
  name = tostring(name)
  local known = rawget(account, name)
  if known then return known end
  local mailbox = setmetatable({
    _type = "mailbox",
    _account = account,
    _mailbox = name,
    _string = account._string .. "/" .. name,
  }, Mailbox._mt)
  rawset(account, name, mailbox)
  return mailbox
end

local function new(_, about)
  if about == nil then error("required argument left out", 3) end
  if type(about) ~= "table" then error(("table argument expected, got %s"):format(type(about)), 3) end
  for _, name in ipairs { "server", "username" } do
    if about[name] == nil then error("required argument left out", 3) end
    if type(about[name]) ~= "string" then
      error(("string argument expected, got %s"):format(type(about[name])), 3)
    end
  end
  for name, wanted in pairs { password = "string", oauth2 = "string", port = "number", ssl = "string" } do
    if about[name] ~= nil and type(about[name]) ~= wanted then
      error(("%s argument expected, got %s"):format(wanted, type(about[name])), 3)
    end
  end
  local copy = {}
  for name, value in pairs(about) do copy[name] = value end
  local port = about.port or (about.ssl and 993 or 143)
  copy.port = tostring(math.tointeger(port) or port)
  if copy.ssl ~= nil and copy.ssl ~= "" and copy.ssl ~= "auto" then
    note(("`ssl = '%s'`: the highest version is used that both sides know, and none below TLS 1.2"):format(
      tostring(copy.ssl)
    ))
  end
  local account = setmetatable({
    _type = "account",
    _account = copy,
    _string = ("%s@%s"):format(copy.username, copy.server),
  }, Account._mt)
  accounts[#accounts + 1] = account
  return account
end

setmetatable(Account, { __call = new })
IMAP = Account

-- Logs in to the accounts that were not used, as imapfilter does at its end.
function own.finish()
  for _, account in ipairs(accounts) do
    if not sessions[account] then
      local ok, failure = own.pcall(function() native.login(session(account)) end)
      if not ok then native.warn(tostring(failure)) end
    end
  end
end

local function mailbox(account, name) return own.handle(account[name]) end

for method, change in pairs {
  create_mailbox = native.create,
  subscribe_mailbox = native.subscribe,
  unsubscribe_mailbox = native.unsubscribe,
} do
  Account[method] = function(self, name)
    required(name, "string")
    own.settle()
    return change(mailbox(self, name), option "info")
  end
end

function Account.delete_mailbox(self, name)
  required(name, "string")
  own.settle()
  -- Its messages go with it, whatever the options say of those that are deleted one by one.
  if not own.purge(own.promise(self[name], native.key_all())) then return false end
  return native.delete(mailbox(self, name), option "info")
end

function Account.rename_mailbox(self, from, to)
  required(from, "string")
  required(to, "string")
  own.settle()
  return native.rename(mailbox(self, from), mailbox(self, to), option "info")
end

local function lister(subscribed, every)
  return function(self, folder, name)
    optional(folder, "string")
    optional(name, "string")
    folder = folder or ""
    if option "namespace" then
      if folder == "/" then folder = "" end
      if folder ~= "" then folder = folder .. "/" end
    end
    local mailboxes, folders = native.list(session(self), folder .. (name or every), subscribed)
    local beneath = {}
    for _, found in ipairs(folders) do
      if found ~= folder and found ~= folder .. "/" then beneath[#beneath + 1] = found end
    end
    return mailboxes, beneath
  end
end
Account.list_all = lister(false, "%")
Account.list_subscribed = lister(true, "*")

function Account.login(self)
  native.login(session(self))
  return true
end
Account._login_user = Account.login

function Account.logout(self)
  if sessions[self] then native.logout(sessions[self]) end
  return true
end
Account._logout_user = Account.logout

-- Waits for news of a mailbox. Gives whether there was any, and what it was.
function Mailbox.enter_idle(self)
  own.settle()
  native.rest()
  return native.idle(own.handle(self), option "keepalive" * 60, option "wakeonany")
end

-- What some configurations call before they talk to a server themselves: it is always ready here.
function Account._check_connection() end
function Mailbox._check_connection() end
function Mailbox._cached_select() return true end

-- Gives four numbers, all -1 where there is no such mailbox.
function Mailbox.check_status(self)
  own.settle()
  local exist, recent, unseen, next = native.status(own.handle(self))
  if not exist then return -1, -1, -1, -1 end
  if option "info" then
    io.write(("%d messages, %d recent, %d unseen, in %s.\n"):format(exist, recent, unseen, self._string))
  end
  return exist, recent, unseen, next
end
