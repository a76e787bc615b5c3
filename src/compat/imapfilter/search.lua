-- The searching methods, of mailboxes and of sets.
local native, own = ...

local ipairs, pairs, type, error, floor, concat = ipairs, pairs, type, error, math.floor, table.concat
local time, date = os.time, os.date
local key_flag, key_text, key_header = native.key_flag, native.key_text, native.key_header
local key_date, key_size = native.key_date, native.key_size
local option, optional = own.option, own.optional

-- Gives the day so many days ago.
local function day(days) return date("%d-%b-%Y", time() - floor(days * 86400)) end
own.day = day

local function charset() return option "charset" end
-- Patterns see what is on the wire, or with `options.decode`, which imapfilter does not have, decoded text.
local function key_match(part, pattern) return native.key_match(part, pattern, option "decode") end
local function both(a, b) return { "all", a, b } end

-- Each method: the types of its arguments, and what makes a condition of them.
local methods = {
  select_all = { {}, native.key_all },
  has_keyword = { { "string" }, function(flag) return key_flag(flag, true) end },
  has_unkeyword = { { "string" }, function(flag) return key_flag(flag, false) end },
  is_new = { {}, function() return both(key_flag("\\Recent", true), key_flag("\\Seen", false)) end },
  is_old = { {}, function() return key_flag("\\Recent", false) end },
  is_recent = { {}, function() return key_flag("\\Recent", true) end },
  is_larger = { { "number" }, function(size) return key_size(true, size) end },
  is_smaller = { { "number" }, function(size) return key_size(false, size) end },
  is_newer = { { "number" }, function(days) return key_date("SINCE", day(days)) end },
  is_older = { { "number" }, function(days) return key_date("BEFORE", day(days)) end },
  contain_field = { { "string", "string" }, function(name, text) return key_header(name, text, charset()) end },
  contain_header = { { "string" }, function(text)
    return both(key_text("TEXT", text, charset()), { "not", key_text("BODY", text, charset()) })
  end },
  match_field = { { "string", "string" }, function(name, pattern) return key_match(name .. ":", pattern) end },
  send_query = { { "string" }, function(query) return native.key_raw(query, charset()) end },
}
methods.has_flag = methods.has_keyword
for _, flag in ipairs { "Answered", "Deleted", "Draft", "Flagged", "Seen" } do
  methods["is_" .. flag:lower()] = { {}, function() return key_flag("\\" .. flag, true) end }
  methods["is_un" .. flag:lower()] = { {}, function() return key_flag("\\" .. flag, false) end }
end
for _, name in ipairs { "before", "on", "since" } do
  methods["arrived_" .. name] = { { "string" }, function(text) return key_date(name:upper(), text) end }
  methods["sent_" .. name] = { { "string" }, function(text) return key_date("SENT" .. name:upper(), text) end }
end
for _, name in ipairs { "bcc", "cc", "from", "subject", "to" } do
  methods["contain_" .. name] = { { "string" }, function(text) return key_text(name:upper(), text, charset()) end }
  methods["match_" .. name] = { { "string" }, function(pattern) return key_match(name .. ":", pattern) end }
end
for name, key in pairs { body = "BODY", message = "TEXT" } do
  methods["contain_" .. name] = { { "string" }, function(text) return key_text(key, text, charset()) end }
end
for _, part in ipairs { "header", "body", "message" } do
  methods["match_" .. part] = { { "string" }, function(pattern) return key_match(part, pattern) end }
end

Mailbox = {}

-- Says of an argument what is wrong with it, at the place where the method was called.
local function checked(wanted, a, b)
  for at, kind in ipairs(wanted) do
    local value = at == 1 and a or b
    if at == 1 then value = a end
    if value == nil then error("required argument left out", 3) end
    if type(value) ~= kind then error(("%s argument expected, got %s"):format(kind, type(value)), 3) end
  end
end

-- Searches a mailbox, or those of the given messages that are in it.
local function search(mailbox, condition, messages)
  if messages == nil then return own.promise(mailbox, condition) end
  local uids = own.uids_of(messages, mailbox)
  if #uids == 0 then
    own.note("a search among no messages finds none; imapfilter would search the whole mailbox")
  end
  return own.promise(mailbox, { "all", native.key_uids(uids), condition })
end

for name, method in pairs(methods) do
  local wanted, make = method[1], method[2]
  local count = #wanted
  Mailbox[name] = function(self, a, b, c)
    checked(wanted, a, b)
    local messages = a
    if count == 1 then messages = b elseif count == 2 then messages = c end
    optional(messages, "table")
    return search(self, make(a, b), messages)
  end
  Set[name] = function(self, a, b)
    checked(wanted, a, b)
    return own.narrow(self, make(a, b))
  end
end

-- This one has always meant the whole mailbox, whatever else it was given.
function Mailbox.select_all(self) return own.promise(self, native.key_all()) end

-- Asks for messages in IMAP's own words, and gives their UIDs; some configurations call it as it is.
function Mailbox._send_query(self, criteria, messages)
  local query = criteria
  if type(criteria) == "table" then
    local words = {}
    for at, word in ipairs(criteria) do words[at] = word end
    query = concat(words, " ")
  end
  return own.uids_of(search(self, native.key_raw(query, charset()), messages), self)
end
