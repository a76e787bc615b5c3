-- Sets of messages. What a search gives is a promise at first: it is kept when somebody looks at the messages, or when
-- something is about to change. Promises that are combined become one.
local native, own = ...

local rawget, rawset, rawlen, rawequal = rawget, rawset, rawlen, rawequal
local next, type, pairs, ipairs, setmetatable, getmetatable = next, type, pairs, ipairs, setmetatable, getmetatable
local error, collectgarbage = error, collectgarbage
local seek, unpack = native.seek, table.unpack

Set = {}
local mt = {}
Set._mt = mt
-- Each promise: a list of parts, `{ mailbox, condition }`, each of another mailbox.
local promised = setmetatable({}, { __mode = "k" })

-- What was found last in each mailbox: configurations go through it, and ask for the same of each message.
own.found = setmetatable({}, { __mode = "k" })

-- Keeps promises: all that is asked of one mailbox travels together, and all mailboxes are asked at once.
local function keep(sets)
  local places, order = {}, {}
  for _, set in ipairs(sets) do
    for _, part in ipairs(promised[set]) do
      local mailbox = part[1]
      local place = places[mailbox]
      if not place then
        place = {}
        places[mailbox] = place
        order[#order + 1] = mailbox
      end
      place[#place + 1] = part[2]
      part.at = #place
    end
  end
  if #order == 0 then
    for _, set in ipairs(sets) do promised[set] = nil end
    return
  end
  local wishes = {}
  for at, mailbox in ipairs(order) do wishes[at] = { own.handle(mailbox), places[mailbox] } end
  local answers = seek(wishes)
  local found = {}
  for at, mailbox in ipairs(order) do
    found[mailbox] = answers[at]
    own.found[mailbox] = answers[at]
  end
  for _, set in ipairs(sets) do
    local parts, count = promised[set], 0
    promised[set] = nil
    for _, part in ipairs(parts) do
      local mailbox = part[1]
      for _, uid in ipairs(found[mailbox][part.at]) do
        count = count + 1
        rawset(set, count, { mailbox, uid })
      end
    end
  end
end

local function force(set)
  if promised[set] then keep { set } end
end

-- Keeps every promise that the configuration can still see: what it was given must be what there was then.
function own.settle()
  if next(promised) == nil then return end
  collectgarbage()
  local sets = {}
  for set in next, promised do sets[#sets + 1] = set end
  if #sets > 0 then keep(sets) end
end

-- Promises the messages of parts.
local function promise(parts)
  local set = setmetatable({}, mt)
  promised[set] = parts
  return set
end

function own.promise(mailbox, condition) return promise { { mailbox, condition } } end

local function members(list)
  local known = {}
  for _, member in ipairs(list) do known[member] = true end
  return known
end

-- Gives the messages of a list by mailbox: `{ mailbox, uids }`, in the order in which the mailboxes come.
local function groups(list)
  force(list)
  local places, order = {}, {}
  for _, message in ipairs(list) do
    local mailbox, uid = message[1], message[2]
    if mailbox == nil or uid == nil then
      error("a list of messages has something else in it than { mailbox, UID }", 0)
    end
    local place = places[mailbox]
    if not place then
      place = { mailbox, {}, last = 0 }
      places[mailbox] = place
      order[#order + 1] = place
    end
    local uids = place[2]
    if not place.seen and not (type(uid) == "number" and uid > place.last) then place.seen = members(uids) end
    if not (place.seen and place.seen[uid]) then
      uids[#uids + 1], place.last = uid, uid
      if place.seen then place.seen[uid] = true end
    end
  end
  return order
end
own.groups = groups

-- Gives the messages of a list that are in a mailbox. Some configurations have lists of UIDs already.
function own.uids_of(list, mailbox)
  if not promised[list] and type(rawget(list, 1)) == "number" then return list end
  for _, group in ipairs(groups(list)) do
    if rawequal(group[1], mailbox) then return group[2] end
  end
  return {}
end

function _extract_messages(mailbox, list) return own.uids_of(list, mailbox) end

function _extract_mailboxes(list)
  local mailboxes = {}
  for _, group in ipairs(groups(list)) do mailboxes[group[1]] = true end
  return mailboxes
end

-- Gives the same messages as far as they meet a condition, too.
function own.narrow(set, condition)
  local parts = {}
  if promised[set] then
    for at, part in ipairs(promised[set]) do parts[at] = { part[1], { "all", part[2], condition } } end
  else
    for at, group in ipairs(groups(set)) do
      parts[at] = { group[1], { "all", native.key_uids(group[2]), condition } }
    end
  end
  return promise(parts)
end

local function check(a, b)
  for _, operand in ipairs { a == nil and "nil" or a, b == nil and "nil" or b } do
    if type(operand) ~= "table" then
      local kind = operand == "nil" and "nil" or type(operand)
      error(("a set of messages can't be combined with a %s value"):format(kind), 3)
    end
  end
end

-- Adds to a combination, which is made flat: what is added to it again and again must not become deep.
local function joined(word, a, b)
  if type(a) ~= "table" or a[1] ~= word then return { word, a, b } end
  local list = { unpack(a) }
  list[#list + 1] = b
  return list
end

local function part_of(parts, mailbox)
  for _, part in ipairs(parts) do
    if rawequal(part[1], mailbox) then return part end
  end
end

local function is_empty(set) return not promised[set] and rawlen(set) == 0 end

local function union(a, b)
  check(a, b)
  local ours, theirs = promised[a], promised[b]
  if ours and is_empty(b) then return promise(ours) end
  if theirs and is_empty(a) then return promise(theirs) end
  if ours and theirs then
    local parts = {}
    for at, part in ipairs(ours) do
      local other = part_of(theirs, part[1])
      parts[at] = { part[1], other and joined("any", part[2], other[2]) or part[2] }
    end
    for _, part in ipairs(theirs) do
      if not part_of(ours, part[1]) then parts[#parts + 1] = { part[1], part[2] } end
    end
    return promise(parts)
  end
  force(a)
  force(b)
  local set, seen = setmetatable({}, mt), {}
  for _, list in ipairs { a, b } do
    for _, message in ipairs(list) do
      local mailbox, uid = message[1], message[2]
      local known = seen[mailbox] or {}
      seen[mailbox] = known
      if not known[uid] then
        known[uid] = true
        set[#set + 1] = { mailbox, uid }
      end
    end
  end
  return set
end

-- Gives those of the first that are, or are not, in the second.
local function select_by(a, b, wanted)
  local set, seen = setmetatable({}, mt), {}
  for _, group in ipairs(groups(b)) do seen[group[1]] = members(group[2]) end
  for _, group in ipairs(groups(a)) do
    local known = seen[group[1]] or {}
    for _, uid in ipairs(group[2]) do
      if (known[uid] ~= nil) == wanted then set[#set + 1] = { group[1], uid } end
    end
  end
  return set
end

local function intersection(a, b)
  check(a, b)
  local ours, theirs = promised[a], promised[b]
  if is_empty(a) or is_empty(b) then return setmetatable({}, mt) end
  if not (ours and theirs) then return select_by(a, b, true) end
  local parts = {}
  for _, part in ipairs(ours) do
    local other = part_of(theirs, part[1])
    if other then parts[#parts + 1] = { part[1], joined("all", part[2], other[2]) } end
  end
  return promise(parts)
end

local function difference(a, b)
  check(a, b)
  local ours, theirs = promised[a], promised[b]
  if ours and is_empty(b) then return promise(ours) end
  if is_empty(a) then return setmetatable({}, mt) end
  if not (ours and theirs) then return select_by(a, b, false) end
  local parts = {}
  for at, part in ipairs(ours) do
    local other = part_of(theirs, part[1])
    parts[at] = { part[1], other and joined("all", part[2], { "not", other[2] }) or part[2] }
  end
  return promise(parts)
end

Set._union, Set._intersection, Set._difference = union, intersection, difference
mt.__add, mt.__mul, mt.__sub = union, intersection, difference

function mt.__index(set, key)
  local method = Set[key]
  if method ~= nil then return method end
  if promised[set] then
    force(set)
    return rawget(set, key)
  end
end

function mt.__newindex(set, key, value)
  force(set)
  rawset(set, key, value)
end

function mt.__len(set)
  force(set)
  return rawlen(set)
end

function mt.__pairs(set)
  force(set)
  return next, set, nil
end

-- Makes a set of a list of messages, or of anything else that configurations keep in one.
function Set._new(_, list) return setmetatable(list or {}, mt) end
setmetatable(Set, { __call = Set._new })

-- What looks at a table behind its metatable's back.
function _G.next(table, key)
  force(table)
  return next(table, key)
end
function _G.rawlen(table)
  force(table)
  return rawlen(table)
end
function _G.rawget(table, key)
  force(table)
  return rawget(table, key)
end
