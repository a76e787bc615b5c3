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

rules(account:mailbox "INBOX") {
  -- What machines wrote is of no use after a week.
  { "build noise", where = { from = "ci@example.org", subject = "[build]", older_than = "7d" }, move = "CI" },
  { "alerts", where = { subject = "[alert]", older_than = "7d", except = { flagged = true } }, trash = true },

  -- Newsletters stay for a month, and the flagged ones for ever.
  { "newsletters", where = { list = true, seen = true, older_than = "30d", except = { flagged = true } },
    move = "Newsletters" },

  -- Large mail is worth a look before it is archived.
  { "large", where = { larger_than = "100KB", older_than = "1y" }, mark = "$Review" },
  { "old", where = { seen = true, older_than = "1y" }, move = "@archive" },
}
