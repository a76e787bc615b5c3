---@meta

---What an action did, message by message. `#report` counts the messages it was done to.
---@class Report
---@field action string What was done: `moved copied trashed marked unmarked labelled unlabelled saved exported piped restored created …`
---@field account string
---@field mailbox string The mailbox it was done in.
---@field target? string The target mailbox (of another account: `user@host: mailbox`), the flags or labels, the new name, the path or the program.
---@field count integer How many messages it was done to.
---@field uids integer[] Their UIDs in `mailbox`.
---@field moved? Selection The messages in the target, where the server said all their UIDs.
---@field saved string[] The paths of the attachments that were saved.
---@field skipped Remark[] Messages to which it did not apply.
---@field failed Remark[] Messages with which it failed: they are where they were.
---@field in_doubt Remark[] Messages of which it can't be told: they may be in both mailboxes.
---@field notes string[] What else happened, such as a mailbox that was created.
---@operator len: integer

---@class Remark
---@field uids integer[]
---@field reason string

---An error, as `pcall` gives it. One that is caught and not ignored ends the run with exit code 8.
---@class Error
---@field kind "script"|"usage"|"config"|"auth"|"connection"|"refused"|"limit"|"partial"|"interrupted"
---@field message string What happened.
---@field hint? string What to do about it.
---@field account? string
---@field mailbox? string
---@field command? string The IMAP command.
---@field report? Report What was done before it failed.
local Error = {}

---Says that the failure is none: the run may end with exit code 0.
function Error:ignore() end
