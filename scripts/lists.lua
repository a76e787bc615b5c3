-- Gives each mailing list a mailbox of its own, named by its List-Id: Lists/weekly.example.org and so on.
-- Flagged messages, and what came in the last two days, stay in the INBOX.
--
--   imapscript lists.lua SERVER USER      with the password in IMAP_PASSWORD

local account = login {
  host = arg[1] or "imap.example.org",
  user = arg[2] or "me@example.org",
  password = secret.env "IMAP_PASSWORD",
}

rules(account:mailbox "INBOX") {
  { "lists", where = { list = true, older_than = "2d", except = { flagged = true } }, move = "Lists/${list}" },
}
