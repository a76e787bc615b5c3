-- Prints who fills the INBOX: the ten senders with the most bytes. Changes nothing.
--
--   imapscript top-senders.lua SERVER USER      with the password in IMAP_PASSWORD

local account = login {
  host = arg[1] or "imap.example.org",
  user = arg[2] or "me@example.org",
  password = secret.env "IMAP_PASSWORD",
}

local senders = {}
for message in account:examine("INBOX"):all():messages() do
  local email = message.from.email:lower()
  local sender = senders[email] or { email = email, count = 0, bytes = 0 }
  sender.count = sender.count + 1
  sender.bytes = sender.bytes + message.size
  senders[email] = sender
end

local order = {}
for _, sender in pairs(senders) do order[#order + 1] = sender end
table.sort(order, function(a, b)
  if a.bytes ~= b.bytes then return a.bytes > b.bytes end
  return a.email < b.email
end)

for i = 1, math.min(10, #order) do
  local sender = order[i]
  print(("%9.1f kB  %4d messages  %s"):format(sender.bytes / 1000, sender.count, sender.email))
end
