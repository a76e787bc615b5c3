-- The workloads with imapscript. `bench/run` names one, and tells the rest by its environment.

local users = {}
for user in os.getenv("BENCH_USERS"):gmatch "%S+" do users[#users + 1] = user end
local bodies = { uid = os.getenv "BENCH_BODIES" }

local function connect(user)
  return login {
    host = "localhost",
    port = math.tointeger(os.getenv "BENCH_PORT"),
    ca_file = os.getenv "BENCH_CA",
    user = user,
    password = secret.env "BENCH_PASSWORD",
    compress = os.getenv "BENCH_COMPRESS" == "yes",
  }
end

local account = connect(users[1])
local inbox = account:mailbox "INBOX"

local function result(count, sum) print(("result %d %d"):format(count, sum)) end

local function sum(uids)
  local total = 0
  for _, uid in ipairs(uids) do total = total + uid end
  return total
end

local function found(selection) result(#selection, sum(selection.uids)) end

local compound = {
  any = { { seen = false, before = "2026-01-01", larger_than = 1000 }, { flagged = true } },
  except = { from = "alerts@watchtower.example" },
}
local alerts = { from = "alerts@watchtower.example" }

-- How often a text has a word, found as the others' clients find it: without a pattern.
local function times(text, word)
  local count, at = 0, text:find(word, 1, true)
  while at do
    count, at = count + 1, text:find(word, at + #word, true)
  end
  return count
end

local function search() found(inbox:search(compound)) end

local function subject() found(inbox:search { subject = regex "^\\[ALERT\\] host[0-9]*5:" }) end

local workloads = {
  W1 = function() print("result " .. account:status("INBOX").messages) end,
  W2 = search,
  W2b = search,
  W3 = function() inbox:search(alerts):move("Alerts", { limit = 100000 }) end,
  W4 = subject,
  W4h = function() found(inbox:search { header = regex "^X-Spam-Score: [5-9]\\." }) end,
  W5 = subject,
  W6 = function()
    local bytes, words = 0, 0
    for message in inbox:search(bodies):messages { "raw" } do
      local raw = message:raw()
      bytes = bytes + #raw
      words = words + times(raw, "kettle")
    end
    result(bytes, words)
  end,
  W7 = function() inbox:search(bodies):copy(connect(users[2]):mailbox "INBOX") end,
  W8 = function()
    local list = {}
    for n = 0, 14 do
      local from = ("person%d@people.example"):format(n)
      list[#list + 1] = { from, where = { from = from }, move = "R" .. n }
    end
    local marks = { kettle = "flagged", boiler = "answered", harbour = "seen", parcel = "flagged", ledger = "seen" }
    for word, flag in pairs(marks) do
      list[#list + 1] = { word, where = { subject = word }, mark = flag }
    end
    limit(100000)
    rules(inbox)(list)
  end,
  W9 = function()
    local jobs, count, total = {}, 0, 0
    for number, user in ipairs(users) do
      jobs[number] = function()
        local box = connect(user):mailbox "INBOX"
        local selection = box:search(compound)
        box:search(alerts):move("Alerts", { limit = 100000 })
        return selection
      end
    end
    for _, selection in ipairs(parallel(jobs)) do
      count, total = count + #selection, total + sum(selection.uids)
    end
    result(count, total)
  end,
}

workloads[arg[1]]()
