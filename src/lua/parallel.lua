-- `parallel { f, g }`: each function is a coroutine, a task, that sleeps while its servers answer.
local raw, read, tasks, is_ready, keep, count, wait, hide, note, ends_run, worst, set_aside = ...
local create, status, close = coroutine.create, coroutine.status, coroutine.close
-- Lua's own, which leave what was thrown as it is.
local try, run, resume = raw.pcall, raw.xpcall, raw.resume

-- Waits for what a task has begun and tells of it; nothing of the task comes after.
local function drain(task)
  local promise = task.promise
  while type(promise) == "userdata" do
    local ok, next = try(keep, promise)
    if not ok then set_aside(next) end
    promise = ok and next
  end
  tasks[task.thread] = nil
  close(task.thread)
end

return function(list)
  local functions, most = read(list)
  local results, failed, live, next_one, last = {}, {}, {}, 1, nil

  local function begin(number)
    local task = { number = number }
    task.thread = create(function() return run(functions[number], note) end)
    tasks[task.thread] = true
    return task
  end

  -- Lets a task go on until it sleeps again or ends. Tells whether it sleeps.
  local function go_on(task)
    hide()
    local alive, ok, value = resume(task.thread)
    if not alive then ok, value = false, ok end
    if status(task.thread) ~= "dead" then
      task.promise = ok
      return true
    end
    tasks[task.thread] = nil
    if ok then
      results[task.number] = value
    elseif ends_run(value) then
      if last then set_aside(value) end
      last = last or value
    else
      failed[#failed + 1] = { number = task.number, thrown = value }
    end
    return false
  end

  while not last do
    local rung, still, moved = count(), {}, false
    for _, task in ipairs(live) do
      if last or not is_ready(task.promise) then
        still[#still + 1] = task
      else
        moved = true
        if go_on(task) then still[#still + 1] = task end
      end
    end
    while not last and #still < most and next_one <= #functions do
      local task = begin(next_one)
      next_one, moved = next_one + 1, true
      if go_on(task) then still[#still + 1] = task end
    end
    live = still
    if #live == 0 then break end
    if not moved and not last then
      local ok, interrupt = try(wait, rung)
      if not ok then last = interrupt end
    end
  end
  for _, task in ipairs(live) do drain(task) end

  if last then error(last, 0) end
  if #failed > 0 then
    -- Of two that are as bad, that of the function that comes first.
    table.sort(failed, function(one, two) return one.number < two.number end)
    local thrown = {}
    for number, failure in ipairs(failed) do thrown[number] = failure.thrown end
    local chosen = worst(thrown)
    for number, value in ipairs(thrown) do
      if number ~= chosen then set_aside(value) end
    end
    error(thrown[chosen], 0)
  end
  return results
end
