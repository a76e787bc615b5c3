-- Saves the PDFs that shops and landlords send: each year's into a directory of its own, bills-2026 and so on. Messages
-- are marked $Saved, so that it can run every day. What is saved already is not saved again.
--
--   imapscript save-bills.lua SERVER USER      with the password in IMAP_PASSWORD

local account = login {
  host = arg[1] or "imap.example.org",
  user = arg[2] or "me@example.org",
  password = secret.env "IMAP_PASSWORD",
}

rules(account:mailbox "INBOX") {
  { "bills",
    where = { subject = { "invoice", "receipt", "bill" }, attachment = ".pdf", except = { keyword = "$Saved" } },
    save = "bills-${year}",
    mark = "$Saved" },
}
