-- Sorts by sender with two files: who is in allow.txt is left alone, who is in block.txt goes to Junk. Each line is an
-- address, or a domain with an @ before it; `#` begins a comment. A file that does not exist is an error.
--
--   imapscript senders.lua SERVER USER [ALLOW_FILE [BLOCK_FILE]]      with the password in IMAP_PASSWORD

local account = login {
  host = arg[1] or "imap.example.org",
  user = arg[2] or "me@example.org",
  password = secret.env "IMAP_PASSWORD",
}

local function senders(path)
  local list = {}
  for line in io.lines(path) do
    local entry = line:gsub("#.*", ""):match "^%s*(%S+)"
    if entry then list[#list + 1] = entry:sub(1, 1) == "@" and domain(entry) or address(entry) end
  end
  return list
end

rules(account:mailbox "INBOX") {
  { "allowed", where = { from = senders(rawget(arg, 3) or "allow.txt") }, stop = true },
  { "blocked", where = { from = senders(rawget(arg, 4) or "block.txt") }, move = "@junk" },
}
