---@meta

---Where a password comes from. It is read at the first login and never enters Lua.
---@class Secret

secret = {}

---Takes an environment variable.
---@param name string
---@return Secret
function secret.env(name) end

---Takes a file that nobody else can read; line breaks at its end are not part of the secret.
---@param path string
---@return Secret
function secret.file(path) end

---Takes what the system keyring has for the service `imapscript` and this user name.
---@param name string
---@return Secret
function secret.keyring(name) end

---Takes a credential that systemd gives to a service (`LoadCredential=`).
---@param name string
---@return Secret
function secret.credential(name) end

---Takes the first line that a program prints. No shell is involved.
---@param words string[] The program and its arguments.
---@return Secret
function secret.command(words) end

---Asks on the terminal, without echo.
---@param text? string What to ask; `Password: ` by default.
---@return Secret
function secret.prompt(text) end

json = {}

---JSON's null.
json.null = nil

---Writes a value as JSON.
---@param value any
---@return string
function json.encode(value) end

---Reads JSON. Reading a key that a decoded table does not have is an error.
---@param text string
---@return any
function json.decode(text) end

log = {}

---Writes a line to standard error, unless the run is quiet.
---@param text any
function log.info(text) end

---Writes a line to standard error.
---@param text any
function log.warn(text) end

---Writes a line to standard error.
---@param text any
function log.error(text) end

---Waits.
---@param seconds number
function sleep(seconds) end

---Calls functions that go on while others wait for their servers, such as one for each account, and gives what each gave
---first, in their order. All are seen to their ends; where some fail, the worst failure is thrown and the others are told
---with it. Functions that Lua can't put to sleep, such as those of `table.sort`, wait as they do elsewhere.
---@param functions (fun(): any)[]|{ at_once?: integer } The functions; `at_once` are under way at once, 16 by default.
---@return any[]
function parallel(functions) end

---Calls each mailbox's function with what is new in it: at first with all its messages, then with those that have come, for
---as long as the script runs. Each call is a run of its own for `undo`, the limits and the locks. Returns when the run is to
---end (SIGTERM, Ctrl-C); SIGHUP calls all functions with all messages. `renew` and `poll` are seconds: before a silent server is
---asked for a sign of life, and between two looks where it tells nothing by itself. `connections` of an account wait in a
---mailbox each, where the server has no NOTIFY.
---@param functions table<Mailbox, fun(new: Selection)>|{ renew?: number, poll?: number, connections?: integer }
function watch(functions) end

---Gives the day that long ago, as `2024-02-29`.
---@param age string Such as `30d`, `6mo` or `1y`.
---@return string
function ago(age) end

---Counts days in this time zone from now on, in place of that of `TZ`.
---@param name string Such as `Europe/Vienna`.
function timezone(name) end

---Runs a program without a shell and waits for it.
---@param words string[]|{ stdin?: string, reads?: boolean } The program, its arguments, its input; a dry run wants `reads`.
---@return { code?: integer, ok: boolean, stdout: string, stderr: string } # `code` is nil where a signal ended it.
function run(words) end

---Makes reading a key that a table does not have an error, in the tables within it too.
---@generic T: table
---@param table T
---@return T
function strict(table) end

---Lets the run move away, trash and purge this many messages, in one action or several, in place of 1,000 and half of a mailbox
---at once and 5,000 in all. `--limit` on the command line has the last word; an action's or rule's own `limit` holds all the same.
---@param messages integer
function limit(messages) end

---Allows the script what it may not do by itself: `allow "purge"`. The words are `read mark copy move trash purge mailboxes
---write exec`; all but `purge` are allowed from the beginning. `--allow` on the command line has the last word.
---@param ... string
function allow(...) end
