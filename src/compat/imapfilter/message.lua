-- Messages, and what is fetched of them.
local native, own = ...

local ipairs, pairs, type, setmetatable, rawget = ipairs, pairs, type, setmetatable, rawget
local option, required, min = own.option, own.required, math.min
local tostring, concat, unpack = tostring, table.concat, table.unpack
local fetch, load = native.fetch, native.load

Message = {}
Message._mt = {}

-- What was fetched in this run, by mailbox, thing and UID.
local cache = setmetatable({}, { __mode = "k" })

-- How much of one thing is kept of a mailbox: whole headers of a large one would fill the memory.
local KEPT = 2000

local function shelf(mailbox, what, more)
  local all = cache[mailbox]
  if not all then
    all = {}
    cache[mailbox] = all
  end
  local found = all[what]
  if not found or found.count + (more or 0) > KEPT and found.count > 0 then
    found = { count = 0 }
    all[what] = found
  end
  return found
end

-- Gives one thing of several messages, by UID; what is fetched is fetched of all at once.
local function several(mailbox, what, uids)
  -- Flags change; all else of a message stays as it is.
  if what == "flags" or not option "cache" then return fetch(own.handle(mailbox), uids, what) end
  local known, missing, found = shelf(mailbox, what), {}, {}
  for _, uid in ipairs(uids) do
    found[uid] = known[uid]
    if known[uid] == nil then missing[#missing + 1] = uid end
  end
  if #missing > 0 then
    known = shelf(mailbox, what, #missing)
    for uid, value in pairs(fetch(own.handle(mailbox), missing, what)) do
      found[uid], known[uid] = value, value
      known.count = known.count + 1
    end
  end
  return found
end

-- How many messages are looked ahead to where a configuration goes through what it has found.
local AHEAD = 500
local walks = setmetatable({}, { __mode = "k" })

-- Gives where a UID is in a list of them, which is in their order.
local function place(list, uid)
  local low, high = 1, #list
  while low <= high do
    local middle = (low + high) // 2
    if list[middle] == uid then return middle end
    if list[middle] < uid then low = middle + 1 else high = middle - 1 end
  end
end

-- Gives the messages to fetch something of when one is asked for: those after it, if the one before it was asked for
-- last. What was searched last is looked at first.
local function ahead(mailbox, what, uid)
  local lists = own.found[mailbox]
  if not lists then return { uid } end
  local walk = walks[lists]
  if not walk then
    walk = {}
    walks[lists] = walk
  end
  for number = #lists, 1, -1 do
    local list = lists[number]
    local at = place(list, uid)
    if at then
      local before = walk[what]
      local last = min(at + AHEAD - 1, #list)
      if not before or before[1] ~= list or before[2] ~= at - 1 then last = at end
      walk[what] = { list, last }
      return { unpack(list, at, last) }
    end
  end
  return { uid }
end

local function one(mailbox, what, uid)
  if what == "flags" or not option "cache" then return several(mailbox, what, { uid })[uid] end
  local known = shelf(mailbox, what)[uid]
  if known ~= nil then return known end
  return several(mailbox, what, ahead(mailbox, what, uid))[uid]
end

-- Gives contents of one message. The last few are kept: configurations ask for parts of one after the other.
local recent, last = {}, 0
local function content(mailbox, what, uid)
  if option "cache" then
    for _, entry in pairs(recent) do
      if entry[1] == mailbox and entry[2] == what and entry[3] == uid then return entry[4] end
    end
  end
  local size = one(mailbox, "size", uid)
  local text = size and load(own.handle(mailbox), { uid }, size, what)
  if text and #text < 1 << 20 then
    last = last % 4 + 1
    recent[last] = { mailbox, what, uid, text }
  end
  return text
end

local function uids_of(mailbox, messages)
  if type(messages) ~= "table" then return {} end
  return own.uids_of(messages, mailbox)
end

-- Each thing: how it is fetched of one message, and of several by UID.
local things = {}
for _, what in ipairs { "header", "flags", "date", "size", "structure" } do
  things[what] = {
    function(mailbox, uid) return one(mailbox, what, uid) end,
    function(mailbox, uids) return several(mailbox, what, uids) end,
  }
end
for _, what in ipairs { "body", "message" } do
  things[what] = {
    function(mailbox, uid) return content(mailbox, what, uid) end,
    function(mailbox, uids)
      local found = {}
      for _, uid in ipairs(uids) do found[uid] = content(mailbox, what, uid) end
      return found
    end,
  }
end

for what, ways in pairs(things) do
  local of_one, of_several = ways[1], ways[2]
  Message["fetch_" .. what] = function(self)
    local value = of_one(self._mailbox, self._uid)
    -- Of a message that is gone nothing is given, not even nil.
    if value ~= nil then return value end
  end
  Mailbox["fetch_" .. what] = function(self, messages)
    required(messages, "table")
    return of_several(self, uids_of(self, messages))
  end
  Mailbox["_fetch_" .. what] = Mailbox["fetch_" .. what]
end

local function field(mailbox, name, uid) return one(mailbox, name:lower() .. ":", uid) end

-- Gives several fields, or an empty text if the message is gone.
local function fields(mailbox, names, uid)
  local all = {}
  for _, name in ipairs(names) do all[#all + 1] = field(mailbox, name, uid) end
  return concat(all, "\n")
end

function Message.fetch_field(self, name)
  required(name, "string")
  return field(self._mailbox, name, self._uid) or ""
end

function Message.fetch_fields(self, names)
  required(names, "table")
  return fields(self._mailbox, names, self._uid)
end

function Mailbox.fetch_fields(self, names, messages)
  required(names, "table")
  required(messages, "table")
  local uids, found = uids_of(self, messages), {}
  for _, name in ipairs(names) do several(self, name:lower() .. ":", uids) end
  for _, uid in ipairs(uids) do found[uid] = fields(self, names, uid) end
  return found
end
Mailbox._fetch_fields = Mailbox.fetch_fields

function Message.fetch_part(self, part)
  required(part, "string")
  if not part:match "^[0-9.]+$" then return "" end
  return content(self._mailbox, part, self._uid) or ""
end

-- Makes the message with a UID of a mailbox.
local mt = Message._mt
function mt.__index(_, key) return Message[key] end

function own.message(mailbox, uid)
  return setmetatable({
    _type = "message",
    _mailbox = mailbox,
    _account = mailbox._account,
    _uid = uid,
    _string = ("%s[%s]"):format(mailbox._string, tostring(uid)),
  }, mt)
end
