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
    Script::new("$LOGIN:mailbox('INBOX'):search { subject = domain 'example.org' }")
        .on(server)
        .status(1)
        .stderr_contains("`subject` has no addresses in it")
        .run();
});
