//! Message data that is not as the RFCs have it.

use super::{Case, MOVES, WALK};
use crate::scripted::Scripted;

fn reading(fetched: impl AsRef<[u8]>, script: &str) -> Case {
    let scripted = Scripted::new().greet().serve().on("UID FETCH", fetched);
    let scripted = scripted.on("UID SEARCH", "* SEARCH 1\r\n{tag} OK done\r\n");
    Case::new(scripted).script(script)
}

const READ: &str = r#"
for message in $LOGIN:mailbox("INBOX"):all():messages() do
  print(message.uid, message.received, message.subject, table.concat(message.flags, " "))
end
"#;

#[test]
fn internaldate_nil() {
    for date in ["NIL", "\"\"", "\"31-Feb-2024 10:00:00 +0000\"", "\"soon\"", "()", "{0}\r\n"] {
        let fetched = format!(
            "* 1 FETCH (UID 1 INTERNALDATE {date} FLAGS (\\Seen) RFC822.SIZE 10 \
             BODY[HEADER.FIELDS (SUBJECT)] {{12}}\r\nSubject: a\r\n)\r\n{{tag}} OK done\r\n"
        );
        reading(fetched, READ).prints("1\tnil\ta\t\\Seen\n");
    }
}

#[test]
fn internaldate_nil_of_messages_to_be_moved() {
    // Without a date a copy could not be told by its look, but COPYUID says it all.
    let fetched = "* 1 FETCH (UID 1 INTERNALDATE NIL FLAGS () RFC822.SIZE 10 \
        BODY[HEADER.FIELDS (MESSAGE-ID)] {2}\r\n\r\n)\r\n{tag} OK done\r\n";
    let scripted = Scripted::new().capabilities(MOVES).greet().serve().on("UID FETCH", fetched);
    let scripted = scripted.on("UID SEARCH", "* SEARCH 1\r\n{tag} OK done\r\n");
    let script = r#"print(#$LOGIN:mailbox("INBOX"):all():move("Archive").moved)"#;
    let report = "$USER@127.0.0.1: moved 1 message from INBOX to Archive\n1\n";
    Case::new(scripted).script(script).changes().prints(report);
}

#[test]
fn nul_and_eight_bit_bytes() {
    // In a literal, in a quoted string, in flags, and in OK text.
    let fetched = b"* OK caf\xe9 \x00 \xff\r\n* 1 FETCH (UID 1 FLAGS (\\Seen \xe9t\xe9 a\x00b) RFC822.SIZE 10 \
        INTERNALDATE \"01-Mar-2024 10:00:00 +0000\" BODY[HEADER.FIELDS (SUBJECT)] {23}\r\nSubject: a\x00b \xe9 \xff\xfe \
        c\r\n\r\n)\r\n{tag} OK caf\xe9 \x00\r\n";
    let script = r#"
        for message in $LOGIN:mailbox("INBOX"):all():messages() do
          print(message.uid, #message.flags, message.flags[1], (message.subject:gsub("%c", "?")))
        end
    "#;
    reading(fetched, script).prints("1\t1\t\\Seen\ta?b \u{e9} \u{ff}\u{fe} c\n");
    let quoted = b"* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10 INTERNALDATE NIL \
        BODY[HEADER.FIELDS (SUBJECT)] \"Subject: \xe9\x00\\\"x\")\r\n{tag} OK\r\n";
    let script = r#"
        for message in $LOGIN:mailbox("INBOX"):all():messages() do
          print((message.subject:gsub("%c", "?")))
        end
    "#;
    reading(quoted, script).prints("\u{e9}?\"x\n");
}

#[test]
fn eight_bit_and_control_bytes_in_a_refusal_reach_no_terminal() {
    let scripted = Scripted::new().greet().serve();
    let scripted = scripted.on("UID SEARCH", b"{tag} NO caf\xe9 \x00\x1b]0;title\x07 \xe2\x80\xaetxt\r\n");
    Case::new(scripted)
        .fails(6, "the server refused UID SEARCH: NO caf\u{fffd} \\u{0}\\u{1b}]0;title\\u{7} \\u{202e}txt");
}

#[test]
fn a_body_of_all_bytes_comes_whole() {
    let bytes: Vec<u8> = (0..=255).collect();
    let fetched = [
        b"* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 258 INTERNALDATE NIL BODY[HEADER.FIELDS (SUBJECT)] {2}\r\n\r\n BODY[] {258}\r\n\r\n",
        &bytes[..],
        b")\r\n{tag} OK done\r\n",
    ]
    .concat();
    let script = r#"
        for message in $LOGIN:mailbox("INBOX"):all():messages() do
          local raw = message:raw()
          print(#raw, raw:byte(3), raw:byte(258), raw:byte(12))
        end
    "#;
    reading(fetched, script).prints("258\t0\t255\t9\n");
}

#[test]
fn a_fetch_without_what_was_asked_for() {
    // No UID: about nobody that can be named.
    reading("* 1 FETCH (FLAGS (\\Seen))\r\n{tag} OK done\r\n", READ).prints("");
    // No flags: a message of which nothing may be done.
    let scripted = Scripted::new().capabilities(MOVES).greet().serve();
    let scripted = scripted.on("UID FETCH", "* 1 FETCH (UID 1)\r\n{tag} OK done\r\n");
    Case::new(scripted)
        .script(r#"$LOGIN:mailbox("INBOX"):all():move("Archive")"#)
        .fails(5, "the server sent what can't be right: FETCH answers without the flags that were asked for");
}

#[test]
fn a_fetch_that_is_malformed() {
    for (line, what) in [
        ("* 1 FETCH (UID 0)", "a FETCH response with an impossible UID"),
        ("* 1 FETCH (UID 4294967296)", "a FETCH response with an impossible UID"),
        ("* 1 FETCH (UID)", "a FETCH response whose items are no pairs"),
        ("* 1 FETCH (\"UID\" 1)", "a FETCH response whose items are no pairs"),
        ("* 1 FETCH", "a FETCH response without its list"),
        ("* 1 FETCH NIL", "a FETCH response without its list"),
        ("* 1 FETCH (UID 1 FLAGS (", "a list without an end"),
        ("* 1 FETCH (UID 1 ENVELOPE \"x)", "a quoted string without an end"),
        ("* 1 FETCH (UID 1 ENVELOPE \"x\\", "a quoted string without an end"),
    ] {
        reading(format!("{line}\r\n{{tag}} OK done\r\n"), READ)
            .fails(5, &format!("the server sent what can't be right: {what}"));
    }
}

#[test]
fn an_envelope_and_structure_of_nonsense() {
    let script = r#"
        local account = $LOGIN
        account:examine("INBOX")
        local found = account:fetch(account:search { uid = 1 }, { "ENVELOPE", "BODYSTRUCTURE", "INTERNALDATE" })
        print(#found, found[1].UID, found[1].ENVELOPE.subject, found[1].INTERNALDATE)
    "#;
    let answer = |envelope: &str, structure: &str| {
        format!(
            "* 1 FETCH (UID 1 ENVELOPE {envelope} BODYSTRUCTURE {structure} INTERNALDATE NIL)\r\n{{tag}} OK\r\n"
        )
    };
    for (envelope, structure) in
        [("NIL", "NIL"), ("()", "()"), ("x", "y"), ("(1 2)", "(\"a\" \"b\" NIL NIL NIL NIL NIL)")]
    {
        let subject = if envelope == "(1 2)" { "2" } else { "nil" };
        reading(answer(envelope, structure), script).prints(&format!("1\t1\t{subject}\tnil\n"));
    }
    let wrong = |envelope: &str, structure: &str, what: &str| {
        reading(answer(envelope, structure), script)
            .fails(5, &format!("the server sent what can't be right: {what}"));
    };
    wrong("((((", "NIL", "a list without an end");
    wrong("NIL", "(((())))", "a BODYSTRUCTURE without a type");
    wrong("NIL", "(\"text\")", "a BODYSTRUCTURE with too few fields");
}

#[test]
fn a_message_that_is_larger_than_it_said() {
    // 65 MiB where 10 bytes were announced: the connection is given up, the message is not half read.
    let head = "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10 INTERNALDATE NIL BODY[HEADER.FIELDS (SUBJECT)] {2}\r\n\r\n)\r\n{tag} OK\r\n";
    let scripted = Scripted::new()
        .greet()
        .serve_until("UID FETCH")
        .send(head)
        .serve_until("UID FETCH")
        .send("* 1 FETCH (UID 1 BODY[] {68157440}\r\n")
        .flood(vec![b'x'; 1 << 20], 65)
        .serve();
    let script = r#"for message in $LOGIN:mailbox("INBOX"):search { uid = 1 }:messages() do print(#message:raw()) end"#;
    Case::new(scripted).script(script).fails(
        5,
        "the server sent what can't be right: 68157440 bytes in one response, where at most 67108864 are read",
    );
}

#[test]
fn a_message_that_says_it_is_too_large_is_not_asked_for() {
    let head = "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 68157440 INTERNALDATE NIL BODY[HEADER.FIELDS (SUBJECT)] {2}\r\n\r\n)\r\n{tag} OK\r\n";
    let script = r#"for message in $LOGIN:mailbox("INBOX"):search { uid = 1 }:messages() do print(#message:raw()) end"#;
    let ended = reading(head, script)
        .fails(6, "message 1 has 68157440 bytes, more than the 67108864 that are loaded at most");
    assert_eq!(ended.verbs().iter().filter(|verb| *verb == "UID FETCH").count(), 1);
}

#[test]
fn a_message_that_is_gone_when_its_body_is_asked_for() {
    let scripted = Scripted::new().greet().serve_until("UID FETCH").send(
        "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 10 INTERNALDATE NIL BODY[HEADER.FIELDS (SUBJECT)] {2}\r\n\r\n)\r\n{tag} OK\r\n",
    );
    let scripted = scripted.serve().on("UID FETCH", "{tag} OK nothing there\r\n");
    let script = r#"for message in $LOGIN:mailbox("INBOX"):search { uid = 1 }:messages() do print(#message:raw()) end"#;
    Case::new(scripted)
        .script(script)
        .fails(6, "message 1 is no longer in the mailbox")
        .hinting("hint: another program moved or removed it meanwhile");
}

#[test]
fn a_search_that_is_refused() {
    let scripted = Scripted::new().capabilities(MOVES).greet().serve();
    Case::new(scripted.on("UID SEARCH", "* SEARCH 1 2\r\n{tag} NO too busy\r\n"))
        .script(WALK)
        .fails(6, "the server refused UID SEARCH: NO too busy")
        .hinting("mailbox INBOX, command UID SEARCH\n");
    let scripted = Scripted::new().capabilities(MOVES).greet().serve();
    Case::new(scripted.on("SELECT", "{tag} NO [NONEXISTENT] no such mailbox\r\n"))
        .script(WALK)
        .fails(6, "the server refused SELECT: NO no such mailbox");
}

#[test]
fn a_message_of_a_hundred_megabytes_is_not_looked_into_and_that_is_said() {
    let fetched = "* 1 FETCH (UID 1 FLAGS () INTERNALDATE \"01-Mar-2024 10:00:00 +0000\" RFC822.SIZE 104857600 \
        BODY[HEADER.FIELDS (MESSAGE-ID)] {2}\r\n\r\n)\r\n{tag} OK done\r\n";
    let scripted = Scripted::new().greet().serve().on("UID FETCH", fetched);
    let scripted = scripted.on("UID SEARCH", "* SEARCH 1\r\n{tag} OK done\r\n");
    let script = r#"print(#$LOGIN:mailbox("INBOX"):search { body = regex "x" })"#;
    let ended = Case::new(scripted).script(script).run(0).printing("0\n");
    assert!(
        ended.output.stderr.contains(
            "1 message (UID 1) of INBOX of $USER@127.0.0.1 were not looked into: they are larger than 64 MiB"
        ),
        "{}",
        ended.output
    );
    assert_eq!(ended.verbs().iter().filter(|verb| *verb == "UID FETCH").count(), 1);
}

#[test]
fn what_a_search_found_and_contradicts_it_is_left_alone_and_said() {
    // Whatever it is asked for, the server finds all three messages, which have no flags and 153 bytes.
    for (query, asked) in [
        ("seen = true", "SEEN"),
        ("keyword = '$Work'", "KEYWORD $Work"),
        ("larger_than = 200", "LARGER 200"),
        ("any = { { flagged = true }, { larger_than = '1MB' } }", "OR FLAGGED LARGER 1000000"),
        ("except = { smaller_than = 200 }", "NOT SMALLER 200"),
        ("uid = 9", "UID 9"),
    ] {
        let search = format!("{{ from = 'ann', subject = 'canned', {query} }}");
        for source in [
            format!("print(#$LOGIN:mailbox('INBOX'):search {search})"),
            format!(
                "print(rules($LOGIN:mailbox 'INBOX') {{ {{ 'all', where = {search}, trash = true }} }}.all.matched)"
            ),
        ] {
            let scripted = Scripted::new().capabilities(MOVES).greet().serve();
            let ended = Case::new(scripted).script(&source).run(0).printing("0\n");
            assert_eq!(
                ended.output.stderr,
                format!(
                    "warning: 3 messages (UID 1:3) of INBOX of $USER@127.0.0.1 left alone: the server found them for \
                     `{asked}`, and what it says of them is otherwise (or it changed meanwhile)\n"
                ),
            );
            assert_eq!(ended.verbs().iter().filter(|verb| *verb == "UID FETCH").count(), 1);
        }
    }
}

#[test]
fn what_a_search_found_by_text_contradicts_nothing() {
    let scripted = Scripted::new().greet().serve();
    let script =
        r#"print(#$LOGIN:mailbox("INBOX"):search { from = "bob", on = "2001-01-01", seen = false })"#;
    Case::new(scripted).script(script).prints("0\n");
}
