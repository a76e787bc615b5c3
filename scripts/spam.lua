-- Asks a program about each new message and moves to Junk what it calls spam. The program reads the message and ends with
-- code 0 for good mail and 1 for spam, as `spamc -c` does; any other code is an error and leaves the message alone. Messages
-- are asked about once: they are marked $Judged.
--
--   imapscript spam.lua SERVER USER [PROGRAM [ARGUMENTS]]      with the password in IMAP_PASSWORD

local account = login {
  host = arg[1] or "imap.example.org",
  user = arg[2] or "me@example.org",
  password = secret.env "IMAP_PASSWORD",
}

local program = { table.unpack(arg, 3) }
if #program == 0 then program = { "spamc", "-c" } end
program.reads = true -- it changes nothing: a dry run may run it too

local function is_spam(message)
  local ended = message:pipe(program)
  if ended.code == 0 or ended.code == 1 then return ended.code == 1 end
  error(("%s ended with code %s: %s"):format(program[1], ended.code, ended.stderr))
end

local new = { newer_than = "7d", except = { keyword = "$Judged" } }
rules(account:mailbox "INBOX") {
  { "spam", where = { all = { new }, is_spam }, mark = "$Judged", move = "@junk" },
  { "judged", where = new, mark = "$Judged" },
}
