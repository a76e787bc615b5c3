-- `watch { [mailbox] = function(new) … end }`: calls the functions as messages come, until the user wants an end.
local raw, read, wait, look, has_begun, selection_of, done, put_off, finish, note, ends_run, passes, tell = ...
local try, run = raw.pcall, raw.xpcall

return function(list)
  local watching, functions = read(list)
  local _ <close> = setmetatable({}, { __close = function() finish(watching) end })

  local function see_to(number)
    local looked, news = try(look, watching, number)
    if not looked then
      -- Nobody hears of a mailbox that never was.
      if ends_run(news) or not has_begun(watching, number) then error(news, 0) end
      tell(watching, number, news, true)
      put_off(watching, number)
      return
    end
    local new = selection_of(news)
    if #new == 0 then return done(watching, number, news, true) end
    local well, thrown = run(functions[number], note, new)
    if well then return done(watching, number, news, true) end
    if ends_run(thrown) then error(thrown, 0) end
    local again = passes(watching, number, thrown)
    tell(watching, number, thrown, again)
    if again then put_off(watching, number) else done(watching, number, news, false) end
  end

  for number in wait, watching do see_to(number) end
end
