-- `options`, which configurations set, or replace as a whole.
local native, own = ...

local type, rawset, setmetatable, pairs, tostring = type, rawset, setmetatable, pairs, tostring
local huge = math.huge

local defaults = {
  cache = true,
  certificates = true,
  charset = "",
  close = false,
  create = false,
  decode = false,
  expunge = true,
  hostnames = true,
  info = true,
  keepalive = 29,
  limit = 0,
  namespace = true,
  range = huge,
  starttls = true,
  subscribe = false,
  timeout = 60,
  wakeonany = false,
}
-- Of earlier versions, whose configurations are still in use. They have nothing to say any more.
local former = { recover = true, reenter = true, persist = true, crammd5 = true, dryrun = true }

options = {}
for name, value in pairs(defaults) do options[name] = value end
options.dryrun = native.dryrun
setmetatable(options, {
  __newindex = function(table, name, value)
    if defaults[name] == nil and not former[name] then
      own.note(("there is no option `%s`: it is passed over"):format(tostring(name)))
    end
    rawset(table, name, value)
  end,
})

local given = options
-- What a table of the configuration's own may leave out without giving up what protects the connection.
local kept = { cache = true, certificates = true, hostnames = true, starttls = true }

-- Gives an option as it is now; one of a wrong type is as if it had not been set.
function own.option(name)
  local all = own.global("options")
  local value = type(all) == "table" and all[name]
  local wanted = type(defaults[name])
  if type(value) == wanted then return value end
  -- In a table of the configuration's own, what is left out is off: what is deleted is only marked then.
  if value == nil and all ~= given and wanted == "boolean" and not kept[name] then return false end
  if value ~= nil and value ~= false then
    own.note(("the option `%s` must be a %s but is a %s"):format(name, wanted, type(value)))
  end
  return defaults[name]
end
