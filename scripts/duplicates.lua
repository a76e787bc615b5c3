-- Moves second copies to Trash. Messages with the same Message-ID are compared by what they say: sender, subject, text and
-- every attachment, byte for byte. Only where all of it is the same is one a copy; the one that came first stays.
--
--   imapscript duplicates.lua SERVER USER [MAILBOX]      with the password in IMAP_PASSWORD

local account = login {
  host = arg[1] or "imap.example.org",
  user = arg[2] or "me@example.org",
  password = secret.env "IMAP_PASSWORD",
}
local mailbox = account:mailbox(rawget(arg, 3) or "INBOX")

-- Everything that makes a message what it is, but for how it came here.
local function content(message)
  local parts = { message.from.email, message.subject, message:text(), message:html() or "" }
  for _, attachment in ipairs(message.attachments) do
    parts[#parts + 1] = attachment.name or ""
    parts[#parts + 1] = message:part(attachment.part)
  end
  for at, part in ipairs(parts) do parts[at] = #part .. ":" .. part end
  return table.concat(parts)
end

local uids = {}
for message in mailbox:all():messages() do
  local id = message.message_id
  if id then
    uids[id] = uids[id] or {}
    table.insert(uids[id], message.uid)
  end
end

local copies = {}
for id, list in pairs(uids) do
  if #list > 1 then
    local first = {}
    for message in mailbox:search({ uid = list }):sort("received"):messages { "text" } do
      local text = content(message)
      if first[text] then
        print(("%s: %d is a copy of %d"):format(message.subject, message.uid, first[text]))
        copies[#copies + 1] = message.uid
      end
      first[text] = first[text] or message.uid
    end
  end
end

if #copies > 0 then mailbox:search({ uid = copies }):trash() end
