---@meta

---Messages that were found: UIDs pinned to account, mailbox and UIDVALIDITY. It never changes; `#selection` counts.
---@class Selection
---@field uids integer[] The messages' UIDs, lowest first.
---@field mailbox string The mailbox's name.
---@field uid_validity? integer The mailbox's UIDVALIDITY when it was searched.
---@operator len: integer
local Selection = {}

---Moves the messages to another mailbox of the account, which is created if it is missing. The selection is spent.
---@param target MailboxName
---@return Report
function Selection:move(target) end

---Copies the messages to another mailbox of the account.
---@param target MailboxName
---@return Report
function Selection:copy(target) end

---Moves the messages to Trash; on what is in Trash already it does nothing and says so. The selection is spent.
---@return Report
function Selection:trash() end

---Sets flags: `"seen" "answered" "flagged" "draft"` and keywords.
---@param ... string|string[]
---@return Report
function Selection:mark(...) end

---Takes flags away.
---@param ... string|string[]
---@return Report
function Selection:unmark(...) end

---Loops over the messages, lowest UID first: `for message in selection:messages() do`.
---@param needs? ("text"|"html"|"raw"|"headers"|"attachments")[] What the loop will use of the content: it is fetched in batches ahead.
---@return fun(): Message?
function Selection:messages(needs) end
