-- What a configuration looks for, written down as a query of a script of ours.
local _, own = ...

local ipairs, tostring, tonumber, concat = ipairs, tostring, tonumber, table.concat

local function quoted(text) return (("%q"):format(tostring(text)):gsub("\\\n", "\\n"):gsub("\r", "\\r")) end

-- A query: its key and value, or `all`, `any` and `except` of others.
local function is(key, value) return { key = key, value = value } end
local function flag(name, set) return is(name, tostring(set)) end

local function write(query)
  -- An empty query is an error, as it may be a mistake.
  if query.key == "everything" then return "{ any = { { seen = true }, { seen = false } } }" end
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
local function any(a, b)
  local list = { op = "any" }
  for _, query in ipairs { a, b } do
    for _, part in ipairs(query.op == "any" and query or { query }) do list[#list + 1] = part end
  end
  return list
end
local function except(a) return { op = "except", a } end

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

own.query = { quoted = quoted, write = write, all = all, any = any, except = except, criteria = criteria }
