-- Makes functions of the halves of calls: the first starts a job and gives a promise, the second keeps it.
local keep, tasks, may_sleep = ...
local running, is_yieldable, yield = coroutine.running, coroutine.isyieldable, coroutine.yield

local finish

local function settle(next, ...)
  if next then return finish(next) end
  return ...
end

-- Within a task of `parallel`, others go on while a server answers. Where a task can't be put to sleep, as in a function
-- that `table.sort` calls, it is waited for.
function finish(promise)
  if tasks[running()] and is_yieldable() and may_sleep() then yield(promise) end
  return settle(keep(promise))
end

return function(start)
  return function(...) return finish(start(...)) end
end
