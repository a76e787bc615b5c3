-- Finds the largest messages with attachments, saves what is attached into a directory, and marks them $Saved, so
-- that the next run goes on with others. Nothing is moved or removed: that is for you to decide.
--
--   imapscript big-attachments.lua SERVER USER [DIRECTORY]      with the password in IMAP_PASSWORD

local account = login {
  host = arg[1] or "imap.example.org",
  user = arg[2] or "me@example.org",
  password = secret.env "IMAP_PASSWORD",
}

local found = account:mailbox("INBOX"):search {
  has_attachment = true,
  larger_than = "50KB",
  except = { keyword = "$Saved" },
}
local largest = found:sort "-size"
for message in largest:messages { "attachments" } do
  for _, attachment in ipairs(message.attachments) do
    print(("%8.1f kB  %s  %s"):format(message.size / 1000, message.from.email, attachment.name or "(no name)"))
  end
end
if #found > 0 then
  found:save(rawget(arg, 3) or "attachments")
  found:mark "$Saved"
end
