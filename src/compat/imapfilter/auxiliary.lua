-- The auxiliary functions, and how a configuration is run.
local native, own = ...

local type, select, tostring, error, load, pairs, ipairs = type, select, tostring, error, load, pairs, ipairs
local required, optional = own.required, own.optional
local protected = own.pcall
local read, write, print = io.read, io.write, print
local min, pack, unpack, stdout = math.min, table.pack, table.unpack, io.stdout

function form_date(days)
  required(days, "number")
  return own.day(days)
end

-- Asks for a password: on the terminal, where there is one, and else on standard input, as imapfilter does.
function own.ask(prompt)
  local typed = native.password(prompt)
  if typed then return typed end
  write(prompt)
  stdout:flush()
  return read "l"
end

function get_password(prompt)
  optional(prompt, "string")
  return own.ask(prompt or "Enter password: ")
end

function pipe_to(command, data)
  required(command, "string")
  required(data, "string")
  own.settle()
  return native.pipe_to(command, data)
end

function pipe_from(command)
  required(command, "string")
  own.settle()
  return native.pipe_from(command)
end

-- Other programs may look at mail, and change it: what was searched for before them is what there was then.
for of, name in pairs { [os] = "execute", [io] = "popen" } do
  local run = of[name]
  of[name] = function(...)
    own.settle()
    return run(...)
  end
end

function regex_search(pattern, text)
  required(pattern, "string")
  required(text, "string")
  return native.search(pattern, text)
end

function sleep(interval)
  required(interval, "number")
  own.settle()
  native.rest()
  native.sleep(interval)
  -- The seconds that were left.
  return 0
end
local wait = sleep

-- Goes on in the background, and runs a function again and again.
function become_daemon(interval, commands, nochdir, noclose)
  required(interval, "number")
  required(commands, "function")
  optional(nochdir, "boolean")
  optional(noclose, "boolean")
  own.settle()
  stdout:flush()
  native.daemon(nochdir or false, noclose or false)
  while true do
    commands()
    own.settle()
    wait(interval)
  end
end

-- Runs a function again until it ends without an error, waiting longer each time.
function recover(commands, retries)
  required(commands, "function")
  optional(retries, "number")
  local delay, failures = 1, 0
  while true do
    local results = pack(protected(commands))
    if results[1] or (retries and failures >= retries) then return unpack(results, 1, results.n) end
    failures = failures + 1
    native.warn(("%s; trying again in %d seconds"):format(tostring(results[2]), delay))
    wait(delay)
    delay = min(delay * 2, 1024)
  end
end

-- Runs lines as they are typed.
local function interact()
  while true do
    write "> "
    stdout:flush()
    local line = read "l"
    if not line then
      write "\n"
      return
    end
    local chunk, failure = load("return " .. line, "=stdin")
    if not chunk then chunk, failure = load(line, "=stdin") end
    if chunk then
      local results = pack(protected(chunk))
      if not results[1] then
        native.warn(tostring(results[2]))
      elseif results.n > 1 then
        print(unpack(results, 2, results.n))
      end
    else
      native.warn(failure)
    end
  end
end

function own.main(configuration, interactive, convert)
  if convert then
    local write = own.converter()
    return function() write(configuration) end
  end
  return function()
    configuration()
    if interactive then interact() end
    own.finish()
  end
end
