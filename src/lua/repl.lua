-- Shows what an expression gave: lines of text.
local class_of, call = ...

local DEPTH, ENTRIES, MESSAGES, WIDTH = 4, 50, 10, 76

local describe

local function quoted(text) return '"' .. text:gsub('[\\"]', "\\%0"):gsub("\n", "\\n"):gsub("\r", "\\r") .. '"' end

local function key_of(key)
  if type(key) ~= "string" then return "[" .. tostring(key) .. "]" end
  if key:match "^[%a_][%w_]*$" then return key end
  return "[" .. quoted(key) .. "]"
end

local function by_kind(a, b)
  if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
  return type(a) < type(b)
end

-- A table on one line where it fits, and else on several.
local function of_table(value, depth, above)
  if above[value] then return { "{ … the same again }" } end
  if depth > DEPTH then return { "{ … }" } end
  above[value] = true
  local keys, length = {}, rawlen(value)
  for key in next, value do
    if math.type(key) ~= "integer" or key < 1 or key > length then keys[#keys + 1] = key end
  end
  table.sort(keys, by_kind)
  local entries, left, plain = {}, 0, true
  local function add(name, entry)
    if #entries == ENTRIES then left = left + 1 return end
    local lines = describe(entry, depth + 1, above)
    plain = plain and #lines == 1
    lines[1] = name .. lines[1]
    entries[#entries + 1] = lines
  end
  for at = 1, length do add("", rawget(value, at)) end
  for _, key in ipairs(keys) do add(key_of(key) .. " = ", rawget(value, key)) end
  above[value] = nil
  if left > 0 then entries[#entries + 1] = { ("… and %d more"):format(left) } end
  if #entries == 0 then return { "{}" } end
  if plain then
    local parts = {}
    for at, lines in ipairs(entries) do parts[at] = lines[1] end
    local line = "{ " .. table.concat(parts, ", ") .. " }"
    if #line <= WIDTH - 2 * depth then return { line } end
  end
  local all = { "{" }
  for _, lines in ipairs(entries) do
    for at, line in ipairs(lines) do all[#all + 1] = "  " .. line .. (at == #lines and "," or "") end
  end
  all[#all + 1] = "}"
  return all
end

local function line_of(message)
  local from = message.from.email
  return ("%10d  %s  %s  %s"):format(message.uid, (message.received or ""):sub(1, 10), from, message.subject)
end

local function of_selection(selection)
  local lines = { tostring(selection) }
  for message in selection:messages() do
    if #lines > MESSAGES then
      lines[#lines + 1] = ("%10s and %d more"):format("…", #selection - MESSAGES)
      break
    end
    lines[#lines + 1] = line_of(message)
  end
  return lines
end

local function of_message(message)
  local lines = { tostring(message) }
  local function add(name, value)
    if value ~= nil and value ~= "" then lines[#lines + 1] = ("  %-12s%s"):format(name, value) end
  end
  local function addresses(list)
    local all = {}
    for at, address in ipairs(list) do all[at] = tostring(address) end
    return table.concat(all, ", ")
  end
  add("from", tostring(message.from))
  add("to", addresses(message.to))
  add("cc", addresses(message.cc))
  add("date", message.date)
  add("received", message.received)
  add("size", message.size)
  add("flags", table.concat(message.flags, " "))
  add("labels", message.labels and table.concat(message.labels, ", "))
  add("message_id", message.message_id)
  add("list_id", message.list_id)
  return lines
end

local function split(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do lines[#lines + 1] = line end
  return lines
end

function describe(value, depth, above)
  local kind = type(value)
  if kind == "string" then return { quoted(value) } end
  if kind == "table" then return of_table(value, depth, above) end
  if kind == "function" then return { "a function" } end
  if kind == "userdata" and depth > 0 then return { (tostring(value):gsub("\n.*", " …")) } end
  if kind == "userdata" then
    local class = class_of(value)
    if class == "Selection" then
      local ok, lines = pcall(of_selection, value)
      if ok then return lines end
      -- It was moved away: it is still what it was.
      lines:ignore()
      return { tostring(value) }
    end
    if class == "Message" then return of_message(value) end
    return split(tostring(value))
  end
  return { tostring(value) }
end

local function show(...)
  local all, reports = {}, select("#", ...) > 0
  for at = 1, select("#", ...) do
    local value = select(at, ...)
    reports = reports and class_of(value) == "Report"
    -- A text of several lines is shown as it reads.
    local lines = type(value) == "string" and value:find "\n" and split(value) or describe(value, 0, {})
    table.move(lines, 1, #lines, #all + 1, all)
  end
  return reports, all
end

return function(main) return function() return show(main()) end end
