-- The processing methods, of sets and, as configurations of older versions have them, of mailboxes.
local native, own = ...

local ipairs, pairs, type, error = ipairs, pairs, type, error
local act = native.act
local option, required, note = own.option, own.required, own.note

-- Does something to messages, and says whether it was done to all of them.
local function each(messages, action)
  local groups = own.groups(messages)
  own.settle()
  local done = true
  for _, group in ipairs(groups) do
    local handle = own.handle(group[1])
    done = act(handle, group[2], action, option "info") and done
  end
  return done
end

function own.purge(messages) return each(messages, { verb = "purge" }) end

-- Marks messages as deleted: with `expunge` they are removed at once, as the manual says. Those that others have marked
-- stay.
local function delete(messages)
  if option "expunge" or option "close" then return own.purge(messages) end
  return each(messages, { verb = "mark", flags = { "\\Deleted" } })
end

-- Takes `\Deleted` out of a list of flags, and says whether it was in it.
local function without_deleted(flags)
  local rest, deleted = {}, false
  for _, flag in ipairs(flags) do
    if type(flag) == "string" and flag:lower() == "\\deleted" then
      deleted = true
    else
      rest[#rest + 1] = flag
    end
  end
  return rest, deleted
end

local function add(messages, flags)
  local rest, deleted = without_deleted(flags)
  local done = true
  if #rest > 0 then done = each(messages, { verb = "mark", flags = rest }) end
  if deleted then done = delete(messages) and done end
  return done
end

local function remove(messages, flags)
  if #flags == 0 then return true end
  return each(messages, { verb = "unmark", flags = flags })
end

-- Gives messages these flags and no others: what they have now is asked for first.
local function replace(messages, flags)
  local wanted, done = {}, true
  for _, flag in ipairs(flags) do wanted[flag:lower()] = true end
  for _, group in ipairs(own.groups(messages)) do
    own.settle()
    local by_rest, order = {}, {}
    for _, uid in ipairs(group[2]) do order[#order + 1] = uid end
    local found = native.fetch(own.handle(group[1]), order, "flags")
    for _, uid in ipairs(order) do
      for _, flag in ipairs(found[uid] or {}) do
        if not wanted[flag:lower()] and flag ~= "\\Recent" then
          by_rest[flag] = by_rest[flag] or {}
          by_rest[flag][#by_rest[flag] + 1] = { group[1], uid }
        end
      end
    end
    for flag, of in pairs(by_rest) do done = remove(of, { flag }) and done end
  end
  if #flags > 0 then done = add(messages, flags) and done end
  return done
end

-- Checks a destination at the place where the method was called.
local function destination(to)
  if to == nil then error("required argument left out", 3) end
  if type(to) ~= "table" then error(("table argument expected, got %s"):format(type(to)), 3) end
  if not own.is_mailbox(to) then error("the destination is no mailbox", 3) end
end

local function transfer(verb, messages, to)
  return each(messages, { verb = verb, to = own.handle(to), subscribe = option "subscribe" })
end

local actions = {
  delete_messages = delete,
  mark_deleted = delete,
}
for _, flag in ipairs { "answered", "draft", "flagged", "seen" } do
  local flags = { "\\" .. flag:sub(1, 1):upper() .. flag:sub(2) }
  actions["mark_" .. flag] = function(messages) return add(messages, flags) end
  actions["unmark_" .. flag] = function(messages) return remove(messages, flags) end
end
actions.unmark_deleted = function(messages) return remove(messages, { "\\Deleted" }) end

-- Where there is nothing to do, the older forms give nothing, or false where messages were to be moved.
local function only_of(mailbox, messages)
  local uids = own.uids_of(messages, mailbox)
  local list = {}
  for at, uid in ipairs(uids) do list[at] = { mailbox, uid } end
  return list
end

for name, action in pairs(actions) do
  Set[name] = function(self) return action(self) end
  Mailbox[name] = function(self, messages)
    required(messages, "table")
    local list = only_of(self, messages)
    if #list > 0 then return action(list) end
    return nil
  end
end

function Mailbox._flag_messages(self, mode, flags, uids)
  local list = only_of(self, uids)
  if mode == "remove" then return remove(list, flags) end
  if mode == "replace" then return replace(list, flags) end
  return add(list, flags)
end

for name, change in pairs { add_flags = add, remove_flags = remove, replace_flags = replace } do
  Set[name] = function(self, flags)
    required(flags, "table")
    return change(self, flags)
  end
  Mailbox[name] = function(self, flags, messages)
    required(flags, "table")
    required(messages, "table")
    local list = only_of(self, messages)
    if #list > 0 then return change(list, flags) end
    return nil
  end
end

for name, verb in pairs { copy_messages = "copy", move_messages = "move" } do
  Set[name] = function(self, to)
    destination(to)
    return transfer(verb, self, to)
  end
  Mailbox[name] = function(self, to, messages)
    destination(to)
    required(messages, "table")
    local list = only_of(self, messages)
    if #list > 0 then return transfer(verb, list, to) end
    if verb == "move" then return false end
    return nil
  end
end

function Mailbox._copy_messages(self, to, uids)
  destination(to)
  return transfer("copy", only_of(self, uids), to)
end

function Mailbox.append_message(self, message, flags, date)
  required(message, "string")
  own.optional(flags, "table")
  own.optional(date, "string")
  own.settle()
  return native.append(own.handle(self), message, flags, date, option "info", option "subscribe")
end
