---@meta

---An account: a name for a mail store. It connects when it is first needed and logs out at the end of the run.
---@class Account
---@field name string What people call it: `user@host`.
local Account = {}

---How an account is reached.
---@class LoginSettings
---@field host string The server's name; also what its certificate must be for.
---@field user string Who logs in.
---@field password? Secret|string Where the password comes from. It, `access_token` or `client_certificate` must be there.
---@field access_token? Secret|string Where an access token comes from (OAuth 2.0), in place of a password.
---@field port? integer 1 to 65535; by default 993 for implicit TLS, else 143.
---@field tls? "implicit"|"starttls"|"none" TLS from the first byte (default), STARTTLS (never falls back), or none (only to this machine).
---@field oauth2? OAuth2Settings Who gives access tokens, in place of a password. `imapscript oauth login` logs in.
---@field auth? "scram-sha-256"|"scram-sha-1"|"plain"|"login"|"xoauth2"|"oauthbearer"|"external" The only mechanism to use, in place of the strongest.
---@field ca_file? string A PEM file with the authorities to trust, in place of the system's.
---@field ca_dir? string A directory of such files.
---@field pin? string|string[] The public key that the server must have: `sha256:` and its digest in base64.
---@field client_certificate? string A PEM file with the certificate that is shown to the server.
---@field client_key? string A PEM file with its key (PKCS #8); by default the same file.
---@field tls_minimum? "1.2"|"1.3" The oldest version of TLS to speak; by default 1.2.
---@field proxy? string A SOCKS5 proxy: `socks5://host:port` or `socks5://user:password@host:port`.
---@field proxy_password? Secret|string Where the proxy's password comes from, unless its address has it.
---@field timeout? integer How many seconds to wait for the server, each time, unless `--timeout` says it.
---@field namespace? string What the names of the user's own mailboxes begin with on the server, such as `INBOX.`, where it does not say that itself.
---@field special_use? table<string, string> What mailboxes are for, whatever the server says: `{ trash = "Deleted Items" }`.
---@field limit? integer How many messages a run may remove from the account, in place of the usual limits.
---@field connections? integer By how many connections a watch may wait in mailboxes of the account, 8 by default.
---@field cache? boolean `false` remembers nothing of the account's messages from run to run.
---@field allow_plaintext? boolean Lets `tls = "none"` leave this machine; every run warns of it.
---@field compress? boolean Whether what is said after the login is compressed, where the server can do it; by default unless it is this machine.

---Who gives access tokens (OAuth 2.0), and the client that you have registered there.
---@class OAuth2Settings
---@field provider? "google"|"microsoft" A provider whose addresses are known.
---@field client_id string The client's name with the provider.
---@field client_secret? Secret|string Its secret, where the provider gave one.
---@field tenant? string Whose users may log in, with Microsoft; by default anybody's.
---@field scope? string What is asked for: words with spaces between them.
---@field authorization_url? string Where a person logs in.
---@field token_url? string Where tokens are given.
---@field device_url? string Where codes for other devices are given.

---A mailbox's name: levels joined by `/` with the personal prefix implied, `@trash` and its like for special uses
---(RFC 6154), or the name as the server has it.
---@alias MailboxName string|{ raw: string }

---Gives an account. Nothing is connected yet, and no secret is read.
---@param settings LoginSettings
---@return Account
function login(settings) end

---Gives an account that the accounts file describes: the named one, or the one that `--account` names, or the only one.
---@param name? string
---@return Account
function account(name) end

---Names a mailbox. It binds no connection: the mailbox is opened when it is used.
---@param name MailboxName
---@return Mailbox
function Account:mailbox(name) end

---Opens a mailbox for writing (SELECT, RFC 3501 §6.3.1).
---@param name MailboxName
---@return Mailbox
function Account:select(name) end

---Opens a mailbox for reading only (EXAMINE, RFC 3501 §6.3.2): actions on what is found in it are errors.
---@param name MailboxName
---@return Mailbox
function Account:examine(name) end

---Searches the mailbox that was selected or examined last.
---@param query Query
---@return Selection
function Account:search(query) end

---Fetches items by IMAP's own names (FETCH, RFC 3501 §6.4.5): `FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE`
---and `BODY[…]`, which never marks as seen; on Gmail also `X-GM-MSGID X-GM-THRID X-GM-LABELS`. Gives a table for each
---message, with the items by their names and `UID`.
---@param selection Selection
---@param items string[]
---@return table[]
function Account:fetch(selection, items) end

---Lists mailboxes (LIST, RFC 3501 §6.3.8), in the order of their names.
---@param pattern? string `*` matches anything, `%` one level; all mailboxes without it.
---@return ListedMailbox[]
function Account:list(pattern) end

---Lists subscribed mailboxes (LSUB, RFC 3501 §6.3.9).
---@param pattern? string As in `list`.
---@return ListedMailbox[]
function Account:lsub(pattern) end

---@class ListedMailbox
---@field name string The name that scripts use.
---@field raw string The bytes of its name on the wire.
---@field attributes string[] The server's own, such as `\HasChildren`.
---@field special_use? "all"|"archive"|"drafts"|"flagged"|"junk"|"sent"|"trash" What the server says it is for.
---@field selectable boolean It can be opened.

---Asks for a mailbox's numbers (STATUS, RFC 3501 §6.3.10).
---@param name MailboxName
---@return MailboxStatus
function Account:status(name) end

---@class MailboxStatus
---@field messages? integer How many messages there are.
---@field recent? integer How many arrived since somebody last looked.
---@field unseen? integer How many are not seen.
---@field uid_next? integer The next message's UID.
---@field uid_validity? integer Whether UIDs still mean what they did.

---Makes a mailbox (CREATE, RFC 3501 §6.3.3). Throws if it exists.
---@param name MailboxName
---@return Report
function Account:create(name) end

---Deletes an empty mailbox (DELETE, RFC 3501 §6.3.4). Throws if it has messages. With `nonempty` they are purged with it:
---the script must `allow "purge"`, the limits count, and `archive` puts them into an mbox file first.
---@param name MailboxName
---@param options? { nonempty?: boolean, archive?: string, limit?: integer }
---@return Report
function Account:delete(name, options) end

---Renames a mailbox (RENAME, RFC 3501 §6.3.5). INBOX is refused.
---@param from MailboxName
---@param to MailboxName
---@return Report
function Account:rename(from, to) end

---Subscribes to a mailbox (SUBSCRIBE, RFC 3501 §6.3.6).
---@param name MailboxName
---@return Report
function Account:subscribe(name) end

---Ends a subscription (UNSUBSCRIBE, RFC 3501 §6.3.7).
---@param name MailboxName
---@return Report
function Account:unsubscribe(name) end

---Gives the namespaces (NAMESPACE, RFC 2342).
---@return { personal: { prefix: string, delimiter?: string }, others: { prefix: string, delimiter?: string }[] }
function Account:namespace() end

---Gives the names of what the server can do (CAPABILITY, RFC 3501 §6.1.1), sorted.
---@return string[]
function Account:capabilities() end

---Gives what the server says of itself (ID, RFC 2971).
---@return table<string, string>
function Account:id() end

---Gives the quota roots of a mailbox, of INBOX by default (GETQUOTAROOT, RFC 2087): `root`, and `used` and `limit` of
---each resource, such as `storage` in units of 1,024 bytes.
---@param name? MailboxName
---@return table[]
function Account:quota(name) end

---Asks for nothing, to keep the session open (NOOP, RFC 3501 §6.1.2).
function Account:noop() end

---Finishes what is under way and logs out (LOGOUT, RFC 3501 §6.1.3). The next use connects again.
function Account:logout() end
