-- What all other parts stand on. Everything of the standard library that they use is taken hold of when they are
-- loaded, so that configurations may overwrite globals as they like.
local native, own = ...

local error, type, select, tostring, rawget = error, type, select, tostring, rawget
local package, math, pairs, ipairs = package, math, pairs, ipairs
local raw_pcall, raw_xpcall, raw_resume = pcall, xpcall, coroutine.resume
local gsub = string.gsub
local caught, exit, warn = native.caught, native.exit, native.warn

-- Says something once in a run.
local said = {}
function own.note(text)
  if not said[text] then
    said[text] = true
    warn(text)
  end
end

-- Checks an argument of the function that calls it.
function own.required(value, wanted)
  if value == nil then error("required argument left out", 3) end
  if type(value) ~= wanted then
    error(("%s argument expected, got %s"):format(wanted, type(value)), 3)
  end
end

function own.optional(value, wanted)
  if value ~= nil and type(value) ~= wanted then
    error(("%s argument expected, got %s"):format(wanted, type(value)), 3)
  end
end

_check_required, _check_optional = own.required, own.optional

-- Errors are text, as configurations expect them. An interrupt is not caught.
local function plain(value)
  value = caught(value)
  if type(value) == "userdata" then return tostring(value) end
  -- Places in this program mean nothing to anybody.
  if type(value) == "string" then return (gsub(value, "^%[%l+%]:%d+: ", "")) end
  return value
end

-- Whoever protects a call wants its searches protected, too: none of them may be left for later.
local function settle(ok, ...)
  if ok then
    local settled, failure = raw_pcall(own.settle)
    if settled then return true, ... end
    return false, plain(failure)
  end
  return false, plain((...))
end

function pcall(f, ...) return settle(raw_pcall(f, ...)) end

function xpcall(f, handler, ...)
  local function handle(failure)
    local ok, value = raw_pcall(plain, failure)
    if ok then return handler(value) end
    return failure
  end
  local function settled(ok, ...)
    if ok then return true, ... end
    return false, caught((...))
  end
  return settled(raw_xpcall(f, handle, ...))
end

function coroutine.resume(co, ...)
  local function resumed(ok, ...)
    if ok then return true, ... end
    return false, plain((...))
  end
  return resumed(raw_resume(co, ...))
end

own.pcall = pcall

function os.exit(code)
  if code == nil or code == true then code = 0 elseif code == false then code = 1 end
  exit(code)
end

-- Lua in this program is none that modules in C were built for: they would bring one of their own.
local function refuse(name)
  local path, missing = package.searchpath(name, package.cpath)
  if not path then return missing end
  error(("module '%s' is written in C (%s), and such modules can't be loaded here"):format(name, path), 0)
end
package.searchers[3], package.searchers[4] = refuse, nil
function package.loadlib(path)
  return nil, ("'%s' is written in C, and such modules can't be loaded here"):format(tostring(path)), "absent"
end

-- What configurations that are older than Lua 5.4 still use.
unpack = table.unpack
loadstring = load
table.getn = function(list) return #list end
function table.maxn(list)
  local most = 0
  for key in pairs(list) do
    if type(key) == "number" and key > most then most = key end
  end
  return most
end
function table.foreach(list, f)
  for key, value in pairs(list) do
    local result = f(key, value)
    if result ~= nil then return result end
  end
end
function table.foreachi(list, f)
  for at, value in ipairs(list) do
    local result = f(at, value)
    if result ~= nil then return result end
  end
end
string.gfind = string.gmatch
math.mod = math.fmod
math.pow = function(x, y) return x ^ y end
math.log10 = function(x) return math.log(x, 10) end
math.ldexp = function(x, e) return x * 2.0 ^ e end
function math.cosh(x) return (math.exp(x) + math.exp(-x)) / 2 end
function math.sinh(x) return (math.exp(x) - math.exp(-x)) / 2 end
function math.tanh(x) return math.sinh(x) / math.cosh(x) end

local function word(x) return math.floor(x) & 0xffffffff end
local function fold(f)
  return function(first, ...)
    local sum = word(first)
    for at = 1, select("#", ...) do sum = f(sum, word((select(at, ...)))) end
    return sum
  end
end
bit32 = {
  band = fold(function(a, b) return a & b end),
  bor = fold(function(a, b) return a | b end),
  bxor = fold(function(a, b) return a ~ b end),
  bnot = function(x) return ~word(x) & 0xffffffff end,
  lshift = function(x, n) return (n < 0 and word(x) >> -n or word(x) << n) & 0xffffffff end,
  rshift = function(x, n) return (n < 0 and word(x) << -n or word(x) >> n) & 0xffffffff end,
}

-- Sets are many small tables: the memory of those that are gone is wanted soon.
collectgarbage("incremental", 130, 400)

-- Its lines and ours come out in the order they were written.
io.stdout:setvbuf("line")

-- A global as it is now: configurations may have put another in its place.
local globals = _G
function own.global(name) return rawget(globals, name) end
