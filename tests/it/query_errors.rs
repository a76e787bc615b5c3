//! A query that can't be meant is an error that says what to write, before any server is asked.

use crate::harness::Script;

#[test]
fn what_can_not_be_meant_says_what_to_write() {
    let source = r#"
        local inbox = login { host = "192.0.2.1", user = "me", password = "x" }:mailbox "INBOX"
        for _, query in ipairs {
          {},
          { sender = "x" }, { form = "x" }, { unseen = true }, { older = "30d" }, { wibble_wobble_wubble = 1 },
          { "seen" }, { from = 5 }, { from = "" }, { from = true }, { from = { a = "b" } }, { from = { "a", 1 } },
          { subject = "a\0b" }, { header = 5 }, { header = {} }, { header = { ["a:b"] = "x" } },
          { list = 5 }, { seen = "yes" }, { keyword = "two words" }, { keyword = "\\Seen" },
          { older_than = 30 }, { older_than = "soon" }, { newer_than = "-3d" }, { older_than = "99999999999y" },
          { before = "yesterday" }, { on = "2024-02-30" }, { since = "2024-2-3" }, { sent_on = 20240203 },
          { larger_than = "big" }, { larger_than = -1 }, { smaller_than = 1.5 }, { larger_than = "99999999999GB" },
          { uid = 0 }, { uid = "x" }, { uid = "5:" }, { uid = { "*" } },
          { any = {} }, { any = { from = "x" } }, { all = "x" }, { except = {} }, { except = { {} } },
          { any = { { from = {} } } }, { except = { from = {} } }, { all = { { uid = {} } } },
          { any = { { form = "x" } } },
          { raw = "" }, { raw = "SEEN)" }, { raw = "SEEN\r\na DELETE x" }, { raw = "FROM {3}" }, { raw = 1 },
          { from = coroutine.create(print) }, { [true] = 1 },
        } do
          local ok, err = pcall(inbox.search, inbox, query)
          print(ok, err.kind, err.message, err.hint)
          err:ignore()
        end
    "#;
    let output = Script::new(source).stderr("").run();
    insta::assert_snapshot!(output.table(), @r#"
    false | script | an empty query would match every message | write `mailbox:all()` if that is meant; a condition that is nil vanishes from a Lua table
    false | script | a query has no key `sender` | did you mean `from`?
    false | script | a query has no key `form` | did you mean `from`?
    false | script | a query has no key `unseen` | write `seen = false`
    false | script | a query has no key `older` | did you mean `older_than`?
    false | script | a query has no key `wibble_wobble_wubble` | the keys are all, answered, any, attachment, bcc, before, body, cc, deleted, draft, except, flagged, from, gmail, has_attachment, header, keyword, label, larger_than, list, message_id, newer_than, older_than, on, raw, recent, recipient, reply_to, seen, sent_before, sent_on, sent_since, since, smaller_than, subject, text, to, uid
    false | script | a query has a string without a name | conditions have names: `{ from = "a@b" }`; lists of queries go under `any`, `all` or `except`
    false | script | `from` must be text, a `regex`, a function, or a list of them but is 5 | nil
    false | script | `from` is an empty string, which every message contains | leave the key out, or give it text
    false | script | `from` must be text, a `regex`, a function, or a list of them but is true | nil
    false | script | `from` must be one value or a list of them, not a table with names, but is a table | nil
    false | script | `from` must be text, a `regex`, a function, or a list of them but is 1 | nil
    false | script | `subject` has a NUL character in it | IMAP can't carry one
    false | script | `header` must be text, a `regex`, a function, or a list of them but is 5 | nil
    false | script | `header` must be a table such as `{ ["X-Spam-Flag"] = "yes" }` but is a table | nil
    false | script | `a:b` is no name of a header field | header fields are named with ASCII letters, digits and hyphens
    false | script | `list` must be text, a `regex`, a function, or a list of them but is 5 | nil
    false | script | `seen` must be `true` or `false` but is "yes" | nil
    false | script | `two words` is no keyword | a keyword is one word of ASCII such as `$Forwarded`; system flags have keys of their own: `seen = true`
    false | script | `\\Seen` is no keyword | a keyword is one word of ASCII such as `$Forwarded`; system flags have keys of their own: `seen = true`
    false | script | `older_than` must be an age such as "90m", "36h", "30d", "2w", "6mo" or "1y" but is 30 | nil
    false | script | `older_than` must be an age such as "90m", "36h", "30d", "2w", "6mo" or "1y" but is "soon" | nil
    false | script | `newer_than` must be an age such as "90m", "36h", "30d", "2w", "6mo" or "1y" but is "-3d" | nil
    false | script | `older_than` must be an age such as "90m", "36h", "30d", "2w", "6mo" or "1y" but is "99999999999y" | nil
    false | script | `before` must be a day such as "2024-02-29" but is "yesterday" | nil
    false | script | `on` must be a day such as "2024-02-29" but is "2024-02-30" | nil
    false | script | `since` must be a day such as "2024-02-29" but is "2024-2-3" | nil
    false | script | `sent_on` must be a day such as "2024-02-29" but is 20240203 | nil
    false | script | `larger_than` must be bytes, or a size such as "10MB" or "512KiB" but is "big" | nil
    false | script | `larger_than` must be bytes, or a size such as "10MB" or "512KiB" but is -1 | nil
    false | script | `smaller_than` must be bytes, or a size such as "10MB" or "512KiB" but is 1.5 | nil
    false | script | `larger_than` must be bytes, or a size such as "10MB" or "512KiB" but is "99999999999GB" | nil
    false | script | `uid` must be a UID, a list of them, or a set such as "1:9,12" but is 0 | nil
    false | script | `uid` must be a UID, a list of them, or a set such as "1:9,12" but is "x" | nil
    false | script | `uid` must be a UID, a list of them, or a set such as "1:9,12" but is "5:" | nil
    false | script | `uid` must be a UID, a list of them, or a set such as "1:9,12" but is "*" | nil
    false | script | an empty list under `any` can't be meant | a list that came out empty would silently change which messages match
    false | script | `any` must be a list of queries: `{ { … }, { … } }`, but is a table | nil
    false | script | `all` must be a list of queries but is "x" | nil
    false | script | an empty list under `except` can't be meant | a list that came out empty would silently change which messages match
    false | script | an empty query would match every message | write `mailbox:all()` if that is meant; a condition that is nil vanishes from a Lua table
    false | script | an empty list under `any` can't be meant | a list that came out empty would silently change which messages match
    false | script | an empty list under `except` can't be meant | a list that came out empty would silently change which messages match
    false | script | an empty list under `all` can't be meant | a list that came out empty would silently change which messages match
    false | script | a query has no key `form` | did you mean `from`?
    false | script | `raw` is no IMAP SEARCH program: it is empty | write it as RFC 3501 §6.4.4 has it, for example `raw = 'OR SEEN FROM "smith"'`
    false | script | `raw` is no IMAP SEARCH program: a `)` without its `(` | write it as RFC 3501 §6.4.4 has it, for example `raw = 'OR SEEN FROM "smith"'`
    false | script | `raw` is no IMAP SEARCH program: it has a line break or another control character | write it as RFC 3501 §6.4.4 has it, for example `raw = 'OR SEEN FROM "smith"'`
    false | script | `raw` is no IMAP SEARCH program: literals (`{n}`) are made for you: use a quoted string | write it as RFC 3501 §6.4.4 has it, for example `raw = 'OR SEEN FROM "smith"'`
    false | script | `raw` must be a string with an IMAP SEARCH program but is 1 | nil
    false | script | `from` must be text, a `regex`, a function, or a list of them but is a thread | nil
    false | script | a table has a boolean as key | keys are names, or 1, 2, 3 in a list
    "#);
}

#[test]
fn what_is_no_query_at_all_says_so() {
    let source = r#"
        local inbox = login { host = "192.0.2.1", user = "me", password = "x" }:mailbox "INBOX"
        for _, value in ipairs { "seen", 5, false, print } do
          local ok, err = pcall(inbox.search, inbox, value)
          print(err.message, err.hint)
          err:ignore()
        end
        local list = { from = "a" }
        list.any = { list }
        local ok, err = pcall(inbox.search, inbox, list)
        print(err.message, err.hint)
        err:ignore()
        local ok, err = pcall(inbox.search, inbox)
        print(err.message, err.hint)
        err:ignore()
        local ok, err = pcall(inbox.search, inbox, { from = { "a", nil, "b" } })
        print(err.message, err.hint)
        err:ignore()
    "#;
    let output = Script::new(source).stderr("").run();
    insta::assert_snapshot!(output.table(), @r#"
    a query must be a table such as `{ from = "ci@example.org" }` but is "seen" | nil
    a query must be a table such as `{ from = "ci@example.org" }` but is 5 | nil
    a query must be a table such as `{ from = "ci@example.org" }` but is false | nil
    a query must be a table but is a function | put it into a table: `search { function(message) … end }`
    a table is nested too deep | does it contain itself?
    a query must be a table such as `{ from = "ci@example.org" }` but is nil | nil
    a list has a nil in it | check where its values come from
    "#);
}
