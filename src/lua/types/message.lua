---@meta

---A message. What it is made of is decoded; reading it never changes it.
---@class Message
---@field uid integer Its UID.
---@field mailbox string Its mailbox's name.
---@field size integer Its size in bytes.
---@field flags string[] Its flags, as IMAP writes them.
---@field seen boolean
---@field answered boolean
---@field flagged boolean
---@field deleted boolean
---@field draft boolean
---@field recent boolean
---@field received? string When it arrived, as `2024-02-29T10:00:00+01:00`.
---@field date? string What its Date field says, in the same form.
---@field subject string Its subject; empty where it has none.
---@field from Address Its first sender; an empty address where it has none.
---@field to Address[]
---@field cc Address[]
---@field bcc Address[]
---@field reply_to Address[]
---@field message_id? string Without its brackets.
---@field in_reply_to? string Without its brackets.
---@field references string[] Without their brackets.
---@field list_id? string What stands between the brackets of List-Id.
---@field labels? string[] All its labels, that of its mailbox included; nil on servers other than Gmail.
---@field gmail_message_id? string Gmail's number for it, the same in every mailbox; nil on other servers.
---@field gmail_thread_id? string Gmail's number for its thread; nil on other servers.
---@field headers Headers All header fields; fetched when asked for.
---@field attachments Attachment[] As the server describes them, without fetching them.
local Message = {}

---@class Attachment
---@field name? string The file name, decoded.
---@field content_type string Such as `application/pdf`.
---@field size integer Bytes as they travel, encoded.
---@field part string The number for `message:part`.

---Gives the text: its plain parts, or its HTML as text where there are none.
---@return string
function Message:text() end

---Gives the HTML, if there is any.
---@return string?
function Message:html() end

---Gives the whole message, byte for byte. Throws for one of more than 64 MiB.
---@return string
function Message:raw() end

---Gives a part's content, decoded (part numbers as in RFC 3501 §6.4.5).
---@param number string Such as `"1.2"`.
---@return string
function Message:part(number) end

---Writes the whole message, byte for byte, to a new file that only you can read. What has this name already, be it a
---symbolic link, stays and is an error.
---@param path string
function Message:save(path) end

---Runs a program without a shell, which reads the whole message from its standard input, and waits for it.
---@param words string[]|{ reads?: boolean } The program and its arguments, and whether a dry run may run it.
---@return { code?: integer, ok: boolean, stdout: string, stderr: string } # `code` is nil where a signal ended it.
function Message:pipe(words) end

---All header fields of a message: `headers["x-foo"]` is the first of that name, decoded, in any case.
---@class Headers
---@field [string] string?
---@operator len: integer
local Headers = {}

---Gives all fields of a name, decoded.
---@param name string
---@return string[]
function Headers:all(name) end

---An address of a header field (RFC 5322 §3.4).
---@class Address
---@field name? string The display name, decoded.
---@field email string The address itself.
---@field domain string What is after its `@`, in lower case.
