---@meta

---A mailbox: an account and a name.
---@class Mailbox
---@field name string The name as the script gave it.
local Mailbox = {}

---What a text must be like: text that it contains, decoded and whatever its case, a pattern, or a function that is
---called with the text; a list means any of them.
---@alias Condition string|Pattern|fun(value: string): any|(string|Pattern|fun(value: string): any)[]

---A question about messages. All keys must hold; a list as value means any of them. An empty query is an error.
---Functions without a name, `{ from = "a@example.org", function(message) … end }`, are asked last, about messages for
---which all the rest holds. A function may look at anything, but not change mail.
---@class Query
---@field [integer] fun(message: Message): any
---@field from? Condition Text that the From field contains, decoded and whatever its case.
---@field to? Condition The same of the To field.
---@field cc? Condition The same of the Cc field.
---@field bcc? Condition The same of the Bcc field.
---@field reply_to? Condition The same of the Reply-To field.
---@field recipient? Condition The same of To, Cc or Bcc.
---@field subject? Condition The same of the Subject field.
---@field body? Condition Text that the body contains, as the server searches it; a `regex` is matched here, on the decoded text.
---@field text? Condition Text that header or body contains, as the server searches them.
---@field header? table<string, Condition|boolean>|Condition What header fields by their names contain, `true`: the field is there; or what any field contains, written as `Name: value`.
---@field list? boolean|string|string[] The message has a List-Id, or one that contains the text.
---@field has_attachment? boolean Whether it has an attachment.
---@field attachment? Condition The file name of one of its attachments.
---@field message_id? Condition The Message-ID, with or without its brackets.
---@field seen? boolean Whether it has the flag `\Seen`.
---@field answered? boolean Whether it has the flag `\Answered`.
---@field flagged? boolean Whether it has the flag `\Flagged`.
---@field deleted? boolean Whether it has the flag `\Deleted`. Without this key such messages are not found.
---@field draft? boolean Whether it has the flag `\Draft`.
---@field recent? boolean Whether it has the flag `\Recent`.
---@field keyword? string|string[] A keyword that it has, such as `$Forwarded`.
---@field older_than? string It arrived before this long ago, to the second: `90m 36h 30d 2w 6mo 1y`.
---@field newer_than? string It arrived since this long ago.
---@field before? string It arrived before this day, `2024-02-29`, in the script's time zone.
---@field on? string It arrived on this day.
---@field since? string It arrived on this day or later.
---@field sent_before? string Its Date field is before this day.
---@field sent_on? string Its Date field is on this day.
---@field sent_since? string Its Date field is on this day or later.
---@field larger_than? integer|string More bytes than this: a number, `"10MB"` (decimal) or `"10MiB"` (binary).
---@field smaller_than? integer|string Fewer bytes than this.
---@field uid? integer|string|(integer|string)[] UIDs, or sets of them such as `"1:9,12"`.
---@field any? Query[] One of these must hold.
---@field all? Query[] All of these must hold.
---@field except? Query|Query[] None of these may hold: each key of a query is an exception by itself.
---@field label? string|string[] A label that it has, only on Gmail: `"Work"`, or one of Gmail's own such as `"\\Important"`.
---@field gmail? string What Gmail's own search box takes, only on Gmail: `"has:attachment larger:5M -label:keep"`.
---@field raw? string An IMAP SEARCH program (RFC 3501 §6.4.4), checked before it travels.

---Finds messages (UID SEARCH). Those marked `\Deleted` are found only if the query has `deleted`.
---@param query Query
---@return Selection
function Mailbox:search(query) end

---Finds all messages that are not marked `\Deleted`.
---@return Selection
function Mailbox:all() end

---Adds a message, byte for byte (APPEND, RFC 3501 §6.3.11). A missing mailbox is created, and that is reported.
---@param raw string The whole message, header and body.
---@param options? { flags?: string|string[], date?: string } Flags to set, and the date of arrival as messages give it.
---@return Selection? # The new message, where the server says its UID.
function Mailbox:append(raw, options) end

---Puts the messages of an mbox file into the mailbox, with their dates of arrival and, from an archive of `purge`, their flags.
---What is there already, byte for byte and from the same time, is skipped. A missing mailbox is created.
---@param path string
---@return Report # Its numbers are those of the messages in the file; `moved` has the new messages.
function Mailbox:restore(path) end

---Asks for the mailbox's numbers, as `account:status` does.
---@return MailboxStatus
function Mailbox:status() end

---Waits for messages that have come since the last wait for this mailbox; the first wait gives all messages, at once.
---A lost connection is opened again; one that is still down when the time is over is an error.
---@param seconds? number When it ends, with an empty selection; never without it.
---@return Selection
function Mailbox:wait(seconds) end

---What a header field or a text must be like, for queries.
---@class Pattern
---@field pattern string The expression, address or domain.

---Makes a pattern of a regular expression (the syntax of Rust's `regex`: no look-around and no back-references). It is
---matched on decoded text, and case counts unless the flags have `i`.
---@param expression string
---@param flags? string `i` any case, `m` `^` and `$` at lines, `s` `.` matches a line break, `x` space is left out.
---@return Pattern
function regex(expression, flags) end

---Makes a pattern of one address, compared whole and whatever its case. It does not look at display names.
---@param email string
---@return Pattern
function address(email) end

---Makes a pattern of all addresses in a domain, and not below it.
---@param name string
---@return Pattern
function domain(name) end
