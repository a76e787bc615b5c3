//! What no server can search is looked at here, and finds the same on every server.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;

const BUILD: &str = "=?utf-8?q?=5Bbuild=5D_Gr=C3=BCn?=";

/// Messages 1 to 4.
fn mail() -> [Mail; 4] {
    [
        Mail::new(BUILD).from("\"chef@corp.example\" <ci@example.org>"),
        Mail::new("Re: [build] rot").from("Chef@Corp.example"),
        Mail::new("nothing").from("x@sub.corp.example").body("one\r\ntwo  words\r\n"),
        Mail::new("last").from("x@corp.example.net").body("two"),
    ]
}

on_both!(patterns_are_matched_on_decoded_text, |server| {
    server.seed("INBOX", &mail());
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local function ids(query) print(table.concat(inbox:search(query).uids, " ")) end
        ids { subject = regex "^\\[build\\]" }
        ids { subject = { regex("GRÜN$", "i"), "rot" } }
        ids { except = { subject = regex "build" } }
        ids { from = address "chef@corp.example" }
        ids { from = domain "corp.example" }
        ids { except = { from = domain "corp.example" } }
        ids { any = { { from = domain "sub.corp.example" }, { subject = regex "Grün" } } }
        ids { body = regex "two\\s+words" }
        ids { text = regex("^(two|nothing)$", "m"), except = { from = domain "sub.corp.example" } }
        ids { has_attachment = true }
        ids { any = { { subject = regex "^Re:" }, { body = "words" } } }
        ids { any = { { newer_than = "1d" }, { body = "words" } }, except = { text = "rot" } }
        ids { except = { body = "words", subject = regex "build" } }
        "#,
    )
    .on(server)
    .changes_nothing()
    .stdout("1\n1 2\n3 4\n2\n2\n1 3 4\n1 3\n3\n4\n\n2 3\n3\n4\n")
    .stderr("")
    .run();
});

on_both!(what_a_pattern_found_is_moved, |server| {
    server.seed("INBOX", &mail());
    Script::new(r#"$LOGIN:mailbox("INBOX"):search({ subject = regex "^\\[build\\]" }):move "CI""#)
        .on(server)
        .loses_nothing()
        .mailbox("INBOX", &["Re: [build] rot", "nothing", "last"])
        .mailbox("CI", &[BUILD])
        .run();
});

on_both!(a_pattern_that_is_none_is_an_error, |server| {
    server.seed("INBOX", &[]);
    Script::new("$LOGIN:mailbox('INBOX'):search { subject = regex '[' }")
        .on(server)
        .status(1)
        .stderr_contains("`[` is no regular expression: unclosed character class")
        .run();
    Script::new("$LOGIN:mailbox('INBOX'):search { subject = regex '((a{1000}){1000}){1000}' }")
        .on(server)
        .status(1)
        .stderr_contains("is no regular expression: Compiled regex exceeds size limit")
        .stderr_contains("hint: repetitions such as `{1000}` multiply")
        .run();
    Script::new("$LOGIN:mailbox('INBOX'):search { subject = domain 'example.org' }")
        .on(server)
        .status(1)
        .stderr_contains("`subject` has no addresses in it")
        .run();
});

/// A message whose parts are nested, the innermost being an attachment beside the others.
fn nested(depth: usize) -> String {
    let begin = |n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n");
    let begins: String = (1..=depth).map(begin).collect();
    let end = |n| format!("--b{n}--\r\n");
    let ends: String = (2..=depth).rev().map(end).collect();
    format!(
        "Subject: nested\r\nMIME-Version: 1.0\r\n{begins}Content-Type: text/plain\r\n\r\nbottom\r\n{ends}--b1\r\n\
         Content-Disposition: attachment; filename=deep.txt\r\n\r\nfound\r\n--b1--\r\n"
    )
}

on_both!(a_message_nested_a_thousand_deep_hides_no_other, |server| {
    let mut observer = server.observe();
    observer.append_raw("INBOX", nested(1000).as_bytes(), "", "29-Feb-2020 23:59:58 +0000");
    observer.append_raw("INBOX", nested(2).as_bytes(), "", "29-Feb-2020 23:59:58 +0000");
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local found = inbox:search { attachment = "deep" }
        print(#found, #inbox:search { has_attachment = false }, #inbox:search { attachment = "other" })
        for message in inbox:all():messages { "attachments" } do
          for _, attachment in ipairs(message.attachments) do print(message.uid, attachment.name) end
        end
        print(#found:save("out").saved)
        "#,
    )
    .on(server)
    .options(&["-q"])
    .changes_nothing()
    .stdout("2\t0\t0\n1\tnil\n1\tdeep.txt\n2\tdeep.txt\n2\n")
    .stderr("")
    .run();
});
