-- Mutes threads: answers to a message with the keyword $Muted are marked read, muted too, and go to the archive. Mute with
-- your mail program, or by a subject on the command line.
--
--   imapscript mute-thread.lua SERVER USER [SUBJECT]      with the password in IMAP_PASSWORD

local account = login {
  host = arg[1] or "imap.example.org",
  user = arg[2] or "me@example.org",
  password = secret.env "IMAP_PASSWORD",
}
local inbox, archive = account:mailbox "INBOX", account:mailbox "@archive"

local subject = rawget(arg, 3)
if subject then inbox:search({ subject = subject }):mark "$Muted" end

local ids = {}
for message in (inbox:search { keyword = "$Muted" } + archive:search { keyword = "$Muted", newer_than = "180d" }):messages() do
  ids[#ids + 1] = message.message_id
end

if #ids == 0 then
  log.info "nothing is muted"
else
  rules(inbox) {
    { "muted",
      where = { any = {
        { keyword = "$Muted" },
        { header = { ["In-Reply-To"] = ids } },
        { header = { References = ids } },
      } },
      mark = { "seen", "$Muted" },
      move = "@archive" },
  }
end
