-- Files messages by the tag that begins their subject: "[build] it failed" goes to Tags/build, once it was read.
--
--   imapscript subject-tags.lua SERVER USER      with the password in IMAP_PASSWORD

local account = login {
  host = arg[1] or "imap.example.org",
  user = arg[2] or "me@example.org",
  password = secret.env "IMAP_PASSWORD",
}

rules(account:mailbox "INBOX") {
  { "tags",
    where = { subject = regex "^\\[[\\w -]+\\]", seen = true, older_than = "7d" },
    move = function(message) return "Tags/" .. message.subject:match "^%[([%w_ -]+)%]" end },
}
