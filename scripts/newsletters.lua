-- Keeps newsletters out of the INBOX: those that were read go to a mailbox of their own, and those that nobody read
-- in two months go to Trash. Flagged ones stay.
--
--   imapscript newsletters.lua SERVER USER      with the password in IMAP_PASSWORD

local account = login {
  host = arg[1] or "imap.example.org",
  user = arg[2] or "me@example.org",
  password = secret.env "IMAP_PASSWORD",
}

rules(account:mailbox "INBOX") {
  { "flagged", where = { list = true, flagged = true }, stop = true },
  { "read newsletters", where = { list = true, seen = true }, move = "Newsletters" },
  { "unread newsletters", where = { list = true, older_than = "60d" }, trash = true },
}
