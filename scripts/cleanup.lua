-- Tidies a mailbox by rules: what machines wrote goes to a mailbox of its own, newsletters that were read to the archive,
-- large old mail is marked to be looked at, and what has been in Trash for a month is removed for good.
--
--   imapscript cleanup.lua SERVER USER [PORT [CA_FILE]]      with the password in IMAP_PASSWORD
--   imapscript -n cleanup.lua SERVER USER                    to see what it would do
--   imapscript --sandbox cleanup.lua                         to see it work first

-- The one thing a script may not do unless it says so.
allow "purge"

local work = login {
  host = arg[1] or "imap.example.org",
  user = arg[2] or "me@example.org",
  port = math.tointeger(arg[3]),
  ca_file = arg[4],
  password = secret.env "IMAP_PASSWORD",
}

rules(work:mailbox "INBOX") {
  { "build noise", where = { from = "ci@example.org", subject = regex "^\\[build\\]", older_than = "7d" }, move = "CI" },
  { "newsletters", where = { list = true, seen = true, older_than = "30d", except = { flagged = true } },
    move = "@archive" },
  { "big and old", where = { larger_than = "100KB", older_than = "1y" }, mark = "review" },
}

work:mailbox("@trash"):search({ older_than = "30d" }):purge()
