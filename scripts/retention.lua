-- Keeps mailboxes from growing for ever: what is older, or older and larger, than its mailbox allows goes to Trash,
-- flagged messages excepted. Edit the list; a mailbox that does not exist is left out and told.
--
--   imapscript retention.lua SERVER USER      with the password in IMAP_PASSWORD

local keep = {
  { "@junk", { older_than = "30d" } },
  { "Newsletters", { older_than = "90d" } },
  { "Archive", { older_than = "4y" } },
  { "@sent", { older_than = "1y", larger_than = "1MB" } },
}

local account = login {
  host = arg[1] or "imap.example.org",
  user = arg[2] or "me@example.org",
  password = secret.env "IMAP_PASSWORD",
}

local there = {}
for _, mailbox in ipairs(account:list()) do
  there[mailbox.name] = mailbox.selectable
  if mailbox.special_use then there["@" .. mailbox.special_use] = true end
end

for _, rule in ipairs(keep) do
  local name, query = rule[1], rule[2]
  query.except = { flagged = true }
  if there[name] then
    account:mailbox(name):search(query):trash()
  else
    log.info("there is no mailbox " .. name)
  end
end
