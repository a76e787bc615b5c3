-- Keeps mailboxes from growing for ever: what is older than its mailbox allows goes to Trash, flagged messages
-- excepted. Edit the table; a mailbox that does not exist is left out and told.
--
--   imapscript retention.lua SERVER USER      with the password in IMAP_PASSWORD

local keep = {
  ["@junk"] = "30d",
  ["Work"] = "3y",
  ["Newsletters"] = "90d",
}

local account = login {
  host = arg[1] or "imap.example.org",
  user = arg[2] or "me@example.org",
  password = secret.env "IMAP_PASSWORD",
}

local there = { ["@junk"] = true }
for _, mailbox in ipairs(account:list()) do there[mailbox.name] = mailbox.selectable end

for _, name in ipairs { "@junk", "Newsletters", "Work" } do
  if there[name] then
    account:mailbox(name):search({ older_than = keep[name], except = { flagged = true } }):trash()
  else
    log.info("there is no mailbox " .. name)
  end
end
