//! `append` adds a message byte for byte.

use crate::harness::Script;
use crate::sandbox_server::{on_both, on_every};
use crate::server::Server;

on_every!(append_stores_a_message_as_it_is, |server| {
    let output = Script::new(
        r#"
        local account = $LOGIN
        local raw = "From: a@example.org\r\nSubject: new\r\n\r\nAn ä and " .. ("x"):rep(9000) .. "\r\n"
        local kept = account:mailbox("New/Box"):append(raw, { flags = { "seen", "$Work" }, date = "2020-02-29T23:59:58+00:00" })
        account:mailbox("INBOX"):append(raw)
        if kept then kept:mark "flagged" end
        for message in account:mailbox("New/Box"):all():messages { "raw" } do
          print(message:raw() == raw, message.received, message.seen)
        end
        for message in account:mailbox("INBOX"):all():messages { "raw" } do print(message:raw() == raw, message.seen) end
        "#,
    )
    .on(server)
    .stderr("")
    .options(&["-q"])
    .run();
    assert_eq!(output.stdout, "true\t2020-02-29T23:59:58+00:00\ttrue\ntrue\tfalse\n");
    let snapshot = server.snapshot();
    let message = &snapshot.mailboxes["New/Box"][0];
    let known = !server.hidden.contains(&Capability::Uidplus);
    let flags = if known { vec!["$Work", "\\Flagged", "\\Seen"] } else { vec!["$Work", "\\Seen"] };
    assert_eq!(message.flags, flags);
    assert_eq!(message.date, "29-Feb-2020 23:59:58 +0000");
});

on_both!(append_refuses_what_can_not_be_stored, |server| {
    let output = Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local raw = "Subject: x\r\n\r\n"
        for _, arguments in ipairs {
          { "" }, { 5 }, { "a\0b" }, { raw, "seen" }, { raw, { flag = "seen" } }, { raw, { flags = { "recent" } } },
          { raw, { flags = { "two words" } } }, { raw, { date = "yesterday" } }, { raw, { date = 5 } }, { raw, {}, 1 },
        } do
          local ok, err = pcall(inbox.append, inbox, table.unpack(arguments))
          print(ok, ok or err.kind, ok or err.message, ok or err.hint)
          if not ok then err:ignore() end
        end
        "#,
    )
    .on(server)
    .changes_nothing()
    .stderr("")
    .run();
    insta::allow_duplicates! {
        insta::assert_snapshot!(output.table(), @r#"
        false | script | `append` got an empty message | it wants a whole one, header and body
        false | script | `append` wants a message as a string but got 5 | nil
        false | script | the message has a NUL character in it, which IMAP can't carry | encode binary content (base64) before it becomes a message
        false | script | `append` wants options such as `{ flags = { "seen" } }` but got "seen" | nil
        false | script | `append` has no option `flag` | it has `flags` and `date`
        false | script | only a server can set \Recent | leave it out
        false | script | `append` wants a flag such as "seen" or a keyword such as "$Forwarded" but got "two words" | nil
        false | script | `append` wants `date` as "2024-02-29T10:00:00+01:00" but got "yesterday" | nil
        false | script | `append` wants `date` as "2024-02-29T10:00:00+01:00" but got 5 | nil
        false | script | `append` got an integer too many | nil
        "#);
    }
});

#[test]
fn append_alters_no_byte() {
    // Dovecot ends every line with CRLF when it gives a message; the embedded server keeps what it got.
    let server = Server::sandbox();
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local raw = "Subject: x\r\n\r\nbare \r and \n, latin \xe4, {5}\r\n.\r\n* BYE\r\n\127\27[0m no end of line"
        inbox:append(raw, { date = "2020-02-29T23:59:58+05:30" })
        for message in inbox:all():messages { "raw" } do print(message:raw() == raw, message.received) end
        "#,
    )
    .on(&server)
    .options(&["-q"])
    .stdout("true\t2020-02-29T23:59:58+05:30\n")
    .stderr("")
    .run();
}
