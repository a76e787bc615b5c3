//! More than anybody can want: sizes, depths and numbers that would break a careless reader.

use super::{Case, MOVES, WALK};
use crate::scripted::Scripted;

fn searching(bytes: impl AsRef<[u8]>, times: usize) -> Case {
    Case::new(Scripted::new().greet().serve_until("UID SEARCH").flood(bytes, times).serve())
}

fn fetching(bytes: impl AsRef<[u8]>, times: usize) -> Case {
    let scripted = Scripted::new().capabilities(MOVES).greet().serve_until("UID FETCH");
    Case::new(scripted.flood(bytes, times).serve()).script(WALK)
}

const WRONG: &str = "the server sent what can't be right: ";

#[test]
fn a_literal_of_four_gigabytes() {
    for size in ["4294967295", "18446744073709551616", "99999999999999999999999999"] {
        let shown = if size == "4294967295" { size } else { "18446744073709551615" };
        let message = format!("{WRONG}{shown} bytes in one response, where at most 67108864 are read");
        fetching(format!("* 1 FETCH (UID 1 BODY[HEADER] {{{size}}}\r\nabc"), 1).fails(5, &message);
        searching(format!("* XYZZY {{{size}}}\r\nabc"), 1).fails(5, &message);
    }
}

#[test]
fn a_literal_of_four_gigabytes_where_none_can_be() {
    // In a greeting's text and a tagged reply it is only text.
    let scripted = Scripted::new().send("* OK [CAPABILITY IMAP4rev1] hi {4294967295}\r\n").serve();
    Case::new(scripted).prints("3\n");
    searching("* SEARCH 1\r\n{tag} OK done {4294967295}\r\n", 1).prints("1\n");
}

#[test]
fn a_line_without_end() {
    for (start, unit, cap) in [
        ("* OK ", "x", 65_536),
        ("* XYZZY ", "x", 65_536),
        ("* LIST () NIL ", "x", 65_536),
        ("a1 OK ", "x", 65_536),
        ("", "x", 65_536),
    ] {
        let flood = unit.repeat(16 << 10);
        let scripted = Scripted::new().greet().serve_until("UID SEARCH").send(start).flood(flood, 1 << 14);
        Case::new(scripted).fails(5, &format!("{WRONG}a line of more than {cap} bytes"));
    }
}

#[test]
fn a_greeting_without_end() {
    let scripted = Scripted::new().send("* OK ").flood("x".repeat(16 << 10), 1 << 14);
    Case::new(scripted).fails(5, &format!("{WRONG}a line of more than 65536 bytes"));
}

#[test]
fn a_fetch_line_without_end() {
    let scripted = Scripted::new().capabilities(MOVES).greet().serve_until("UID FETCH");
    let scripted = scripted.send("* 1 FETCH (UID 1 FLAGS (").flood("flag ".repeat(4 << 10), 1 << 12);
    Case::new(scripted).script(WALK).fails(5, &format!("{WRONG}a line of more than 8388608 bytes"));
}

#[test]
fn a_list_of_numbers_without_end() {
    let scripted = Scripted::new().greet().serve_until("UID SEARCH").send("* SEARCH");
    let scripted = scripted.flood(" 1 2 3 4 5 6 7 8".repeat(1 << 12), 1 << 12);
    Case::new(scripted).fails(5, &format!("{WRONG}a list of more than 5000000 numbers"));
}

#[test]
fn a_hundred_thousand_nested_parentheses() {
    let deep = "(".repeat(60_000);
    let nested = ["(", ")"].map(|each| each.repeat(100_000)).concat();
    fetching(format!("* 1 FETCH (UID 1 FLAGS {nested})\r\n"), 1)
        .fails(5, &format!("{WRONG}lists nested more than 100 deep"));
    // A message may be nested as deep as its sender liked, and its parts are not described then.
    fetching(format!("* 1 FETCH (UID 1 BODYSTRUCTURE {nested})\r\n{{tag}} OK done\r\n"), 1).changes().run(0);
    // A code that can't be understood is none.
    searching(format!("* OK [PERMANENTFLAGS {deep}] x\r\n* SEARCH 2\r\n{{tag}} OK done\r\n"), 1)
        .prints("1\n");
    for line in ["* FLAGS ", "* LIST ", "* STATUS INBOX ", "* NAMESPACE ", "* ESEARCH "] {
        let ended = searching(format!("{line}{deep}\r\n"), 1).run(5);
        ended.said(&format!("{WRONG}lists nested more than 100 deep"));
    }
    // What nobody reads is not read deep.
    searching(format!("* XYZZY {deep}\r\n* SEARCH 2\r\n{{tag}} OK done\r\n"), 1).prints("1\n");
}

#[test]
fn a_hundred_thousand_closing_parentheses() {
    fetching(format!("* 1 FETCH {}\r\n", ")".repeat(100_000)), 1)
        .fails(5, &format!("{WRONG}a `)` without its `(`"));
}

#[test]
fn responses_without_end() {
    let flood = "* OK still here\r\n".repeat(1 << 10);
    for verb in ["LOGIN", "UID SEARCH", "LOGOUT"] {
        let scripted = Scripted::new().greet().serve_until(verb).flood(&flood, 1 << 20);
        let case = Case::new(scripted);
        if verb == "LOGOUT" {
            // All was done and answered before.
            case.prints("3\n");
        } else {
            let what = match verb {
                "LOGIN" => "more than 1048576 bytes where a short reply was waited for",
                _ => "responses without end to one command",
            };
            case.fails(5, &format!("{WRONG}{what}")).hinting(&format!("command {verb}\n"));
        }
    }
}

#[test]
fn an_answer_byte_by_byte() {
    let scripted = Scripted::new()
        .trickle("* OK [CAPABILITY IMAP4rev1] slow\r\n")
        .serve_until("UID SEARCH")
        .trickle("* SEARCH 1 3\r\n{tag} OK done\r\n")
        .serve();
    Case::new(scripted).prints("2\n");
}

#[test]
fn numbers_that_are_too_large() {
    for line in ["* SEARCH 4294967296", "* SEARCH -1", "* SEARCH 0", "* SEARCH 1.5", "* SEARCH 1,2"] {
        let ended = searching(format!("{line}\r\n{{tag}} OK done\r\n"), 1).run(5);
        ended.said(&format!("{WRONG}a SEARCH result that is no list of UIDs"));
    }
    searching("* 99999999999999999999 EXISTS\r\n* SEARCH 4294967295\r\n{tag} OK done\r\n", 1).prints("1\n");
}
