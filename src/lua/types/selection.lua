---@meta

---Messages that were found: UIDs pinned to account, mailbox and UIDVALIDITY. It never changes; `#selection` counts.
---`a + b` has the messages of either, `a * b` those in both, and `a - b` those of `a` that are not in `b`, across
---mailboxes and accounts.
---@class Selection
---@field uids integer[] The messages' UIDs, in its order: lowest first, unless it was sorted.
---@field mailbox string The (first) mailbox's name.
---@field mailboxes string[] The names of all its mailboxes.
---@field uid_validity? integer The (first) mailbox's UIDVALIDITY when it was searched.
---@operator len: integer
---@operator add(Selection): Selection
---@operator mul(Selection): Selection
---@operator sub(Selection): Selection
local Selection = {}

---What an action that removes messages from their mailbox may be told.
---@class RemovalOptions
---@field limit? integer How many messages it may remove, in place of 1,000 and half of a mailbox.

---@class CopyOptions
---@field accept_rewritten? boolean Only for another account: a copy that its server has written anew, or put together with a message that it had, counts if it has the same Message-ID and parts.

---@class PurgeOptions: RemovalOptions
---@field archive? string An mbox file.

---@class MoveOptions: RemovalOptions, CopyOptions

---Moves the messages to another mailbox of the account, or of another account (`other:mailbox "Archive"`). It is created if it
---is missing. The selection is spent.
---@param target MailboxName|Mailbox
---@param options? MoveOptions
---@return Report
function Selection:move(target, options) end

---Copies the messages to another mailbox of the account, or of another account.
---@param target MailboxName|Mailbox
---@param options? CopyOptions
---@return Report
function Selection:copy(target, options) end

---Moves the messages to Trash; on what is in Trash already it does nothing and says so. The selection is spent.
---@param options? RemovalOptions
---@return Report
function Selection:trash(options) end

---Removes the messages for good: these and no others. The script must `allow "purge"`. The selection is spent.
---With an archive, each message is first added to that mbox file, made durable, and read back as it was.
---@param options? PurgeOptions
---@return Report
function Selection:purge(options) end

---Sets flags: `"seen" "answered" "flagged" "draft"` and keywords.
---@param ... string|string[]
---@return Report
function Selection:mark(...) end

---Takes flags away.
---@param ... string|string[]
---@return Report
function Selection:unmark(...) end

---Adds labels, only on Gmail: a user's, or those of its own such as `"\\Starred"`.
---@param ... string|string[]
---@return Report
function Selection:label(...) end

---Takes labels off, only on Gmail. Without the label of its mailbox, a message is not in it any more.
---@param ... string|string[]
---@return Report
function Selection:unlabel(...) end
---Saves all attachments into a directory, which is created where only its last component is missing. File names are
---made harmless, and nothing is replaced: where a name is taken, the next is `name (2)`. An attachment that is there
---already, byte for byte, is skipped.
---@param directory string
---@return Report # `saved` has the paths.
function Selection:save(directory) end

---Adds the messages to an mbox file (mboxrd, without flags), or to a Maildir where the path is a directory or ends
---with `/`. Either is created if it is missing. Line ends become LF. If it fails, nothing is added.
---@param path string
---@return Report
function Selection:export(path) end

---Runs a program without a shell once for each message, which it reads whole from its standard input. A message for
---which it does not end with code 0 has failed. What it prints is not kept.
---@param words string[] The program and its arguments.
---@return Report
function Selection:pipe(words) end

---Loops over the messages in the selection's order: `for message in selection:messages() do`.
---@param needs? ("text"|"html"|"raw"|"headers"|"attachments")[] What the loop will use: it is fetched in batches ahead.
---@return fun(): Message?
function Selection:messages(needs) end

---Gives those of its messages that match: by a query, which the server is asked, or by a function. The function may
---look at a message and anything else, but not change mail.
---@param query Query|fun(message: Message): any
---@return Selection
function Selection:filter(query) end

---Gives the messages that arrived last, the newest first.
---@param count integer
---@return Selection
function Selection:newest(count) end

---Gives the messages that arrived first, the oldest first.
---@param count integer
---@return Selection
function Selection:oldest(count) end

---Puts the messages in order for `messages` and `uids`. Only what is compared is fetched.
---@param key "received"|"date"|"size"|"subject"|"from"|"-received"|"-date"|"-size"|"-subject"|"-from" A leading `-` turns the order round.
---@return Selection
function Selection:sort(key) end

---Groups the messages by what a function gives for each; those for which it gives nil are in no group.
---@param key fun(message: Message): any
---@return table<any, Selection>
function Selection:group_by(key) end
