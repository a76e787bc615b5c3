---@meta

---A rule: a name first, then which messages it is for and what is done to them.
---Within a rule the order is save, export, pipe, call, mark, unmark, label, unlabel, copy, and then move, trash or purge.
---@class Rule
---@field [1] string The name, by which reports and errors call it.
---@field where Query|fun(message: Message): any Which messages it is for: a query, or a function that tells.
---@field move? Target|Mailbox Moves them to a mailbox of the account, or of another account. Later rules do not see them.
---@field trash? boolean Moves them to Trash. Later rules do not see them.
---@field purge? boolean|{ archive: Target } Removes them for good, after they were put into an mbox file if one is named. The script must `allow "purge"`.
---@field copy? Target|Mailbox Copies them to a mailbox of the account, or of another account.
---@field accept_rewritten? boolean Copies that another account's server has written anew count if they say the same.
---@field mark? string|string[] Sets flags.
---@field unmark? string|string[] Takes flags away.
---@field label? string|string[] Adds labels, on Gmail.
---@field unlabel? string|string[] Takes labels off, on Gmail.
---@field save? Target Saves their attachments into a directory.
---@field export? Target Adds them to an mbox file or a Maildir.
---@field pipe? string[] Runs a program once for each of them, with the message on its standard input.
---@field call? fun(selection: Selection) Calls a function with them. It may act.
---@field limit? integer How many messages it may move, trash or purge, in place of the limits of all rules together.
---@field stop? boolean Later rules do not see them.

---A mailbox or path. `${year} ${month} ${day} ${list} ${from.name} ${from.email} ${from.domain}` are filled from each message,
---each as one harmless component. A function gives it for a message, or nil to leave the message alone.
---@alias Target string|fun(message: Message): string?

---What became of a rule.
---@class RuleResult
---@field matched integer How many messages it was for.
---@field reports Report[] What was done for it on the server.

---Judges every message of the mailboxes once, as it is when the call begins, and acts on all of them in as few flights as can
---be: `rules(inbox) { { "name", where = …, move = "…" }, … }`. The first rule that moves or trashes a message, or has `stop`, ends
---its way; what one rule moved is not seen again. It gives a table with a `RuleResult` for each rule's name.
---@param mailboxes Mailbox|Mailbox[]
---@return fun(list: Rule[]): table<string, RuleResult>
function rules(mailboxes) end
