-- What has to be Lua: functions that call a script's functions must be Lua themselves, or coroutines could not
-- yield through them.
local caught, exit = ...

local raw_pcall, raw_xpcall, raw_resume = pcall, xpcall, coroutine.resume
local raw_load, raw_loadfile = load, loadfile

local function settle(ok, ...)
  if ok then return true, ... end
  return false, caught((...))
end

function pcall(f, ...) return settle(raw_pcall(f, ...)) end

function xpcall(f, handler, ...)
  -- What can't be caught is left as it is here, and thrown again outside of the handler.
  local function handle(err)
    local ok, value = raw_pcall(caught, err)
    if ok then return handler(value) end
    return err
  end
  return settle(raw_xpcall(f, handle, ...))
end

function coroutine.resume(co, ...) return settle(raw_resume(co, ...)) end

-- Bytecode can crash the interpreter; only text is loaded.
function load(chunk, name, _, ...) return raw_load(chunk, name, "t", ...) end

function loadfile(name, _, ...) return raw_loadfile(name, "t", ...) end

package.searchers[2] = function(name)
  local path, missing = package.searchpath(name, package.path)
  if not path then return missing end
  local chunk, failure = raw_loadfile(path, "t")
  if not chunk then
    error(("error loading module '%s' from file '%s':\n\t%s"):format(name, path, failure), 0)
  end
  return chunk, path
end

function dofile(name) return assert(raw_loadfile(name, "t"))() end

function os.exit(code)
  if code == nil or code == true then code = 0 elseif code == false then code = 1 end
  exit(code)
end

-- Its lines and ours come out in the order they were written.
io.stdout:setvbuf("line")
