-- Tidies an INBOX: robots and newsletters that have been read go to mailboxes of their own, old mail to the
-- archive. Nothing is removed for good.
--
--   imapscript cleanup.lua SERVER USER [PORT [CA_FILE]]      with the password in IMAP_PASSWORD
--   imapscript --sandbox cleanup.lua                         to see it work first

local account = login {
  host = arg[1] or "imap.example.org",
  user = arg[2] or "me@example.org",
  port = math.tointeger(arg[3]),
  ca_file = arg[4],
  password = secret.env "IMAP_PASSWORD",
}
local inbox = account:mailbox "INBOX"

-- What machines wrote is of no use after a week.
inbox:search({ from = "ci@example.org", subject = "[build]", older_than = "7d" }):move "CI"
inbox:search({ subject = "[alert]", older_than = "7d", except = { flagged = true } }):trash()

-- Newsletters stay for a month, and the flagged ones for ever.
inbox:search({ list = true, seen = true, older_than = "30d", except = { flagged = true } }):move "Newsletters"

-- Large mail is worth a look before it is archived.
inbox:search({ larger_than = "100KB", older_than = "1y" }):mark "$Review"
inbox:search({ seen = true, older_than = "1y" }):move "@archive"
