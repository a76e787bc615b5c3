-- The workloads with imapfilter, told by its environment which one.

options.info = false
options.certificates = false

local users = {}
for user in os.getenv("BENCH_USERS"):gmatch("%S+") do users[#users + 1] = user end
local bodies = "UID " .. os.getenv("BENCH_BODIES")

local function connect(user)
  return IMAP {
    server = "localhost",
    port = tonumber(os.getenv("BENCH_PORT")),
    username = user,
    password = os.getenv("BENCH_PASSWORD"),
    ssl = "auto",
  }
end

local function result(count, sum) print(("result %d %d"):format(count, sum)) end

local function count(results)
  local sum = 0
  for _, message in ipairs(results) do sum = sum + message[2] end
  return #results, sum
end

local function found(results) result(count(results)) end

local function compound(inbox)
  return (inbox:is_unseen() * inbox:arrived_before("01-Jan-2026") * inbox:is_larger(1000) + inbox:is_flagged())
    - inbox:contain_from("alerts@watchtower.example")
end

local function move_alerts(account)
  account.INBOX:contain_from("alerts@watchtower.example"):move_messages(account.Alerts)
end

local function search(account) found(compound(account.INBOX)) end

local function subject(account) found(account.INBOX:match_subject("^\\[ALERT\\] host[0-9]*5:")) end

-- How often a text has a word, found as the others' clients find it: without a pattern.
local function times(text, word)
  local count, at = 0, text:find(word, 1, true)
  while at do
    count, at = count + 1, text:find(word, at + #word, true)
  end
  return count
end

local workloads = {
  W1 = function(account) print("result " .. account.INBOX:check_status()) end,
  W2 = search,
  W2b = search,
  W3 = move_alerts,
  W4 = subject,
  W4h = function(account) found(account.INBOX:match_header("(?m)^X-Spam-Score: [5-9]\\.")) end,
  W5 = subject,
  W6 = function(account)
    local bytes, words = 0, 0
    for _, message in ipairs(account.INBOX:send_query(bodies)) do
      local mailbox, uid = table.unpack(message)
      local raw = mailbox[uid]:fetch_message()
      bytes = bytes + #raw
      words = words + times(raw, "kettle")
    end
    result(bytes, words)
  end,
  W7 = function(account) account.INBOX:send_query(bodies):copy_messages(connect(users[2]).INBOX) end,
  W8 = function(account)
    for n = 0, 14 do
      account.INBOX:contain_from(("person%d@people.example"):format(n)):move_messages(account["R" .. n])
    end
    local marks = { kettle = "Flagged", boiler = "Answered", harbour = "Seen", parcel = "Flagged", ledger = "Seen" }
    for word, flag in pairs(marks) do
      account.INBOX:contain_subject(word):add_flags({ "\\" .. flag })
    end
  end,
  W9 = function(account)
    local total, sum = 0, 0
    for n, user in ipairs(users) do
      local each = n == 1 and account or connect(user)
      local more, uids = count(compound(each.INBOX))
      total, sum = total + more, sum + uids
      move_alerts(each)
    end
    result(total, sum)
  end,
}

workloads[os.getenv("BENCH_WORKLOAD")](connect(users[1]))
