//! Searches that a server refuses in part: what it can't be asked is looked at here, and never taken for nothing.

use super::Case;
use crate::scripted::Scripted;

/// Answers the first searches so, and serves what comes then.
fn refusing(answers: &[&str]) -> Case {
    let mut scripted = Scripted::new().capabilities("IMAP4rev1 NAMESPACE").greet();
    for answer in answers {
        scripted = scripted.serve_until("UID SEARCH").send(*answer);
    }
    Case::new(scripted.serve())
}

/// Runs a search and gives what was printed with the searches that arrived.
#[track_caller]
fn searches(answers: &[&str], query: &str, printed: &str) -> Vec<String> {
    let script = format!(r#"print(#$LOGIN:mailbox("INBOX"):search {{ {query} }})"#);
    let ended = refusing(answers).script(&script).prints(printed);
    let searches = ended.received.iter().filter_map(|command| command.text.split_once("UID SEARCH "));
    searches.map(|(_, program)| program.to_owned()).collect()
}

const BADCHARSET: &str = "{tag} NO [BADCHARSET (US-ASCII)] no such charset\r\n";
const BAD: &str = "{tag} BAD unknown search key\r\n";

#[test]
fn a_charset_that_is_refused_is_done_without() {
    // What the server has are messages with "Canned" in their subject, and nothing in Russian.
    let asked = searches(&[BADCHARSET], "subject = { 'Привет', 'canned' }", "3\n");
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[0].starts_with("CHARSET UTF-8 ") && !asked[1].contains("CHARSET"), "{asked:?}");
    let asked = searches(&[BADCHARSET], "body = 'Привет'", "0\n");
    assert_eq!(asked, ["CHARSET UTF-8 UNDELETED BODY {12}\r\nПривет", "UNDELETED"]);
    assert_eq!(searches(&[BADCHARSET], "except = { body = 'Привет' }", "3\n").len(), 2);
}

#[test]
fn keys_that_are_refused_are_judged_here() {
    for query in [
        "keyword = '$Nothing'",
        "header = { ['X-Foo'] = 'x' }",
        "larger_than = '1GB'",
        "sent_before = '1990-01-01'",
    ] {
        let asked = searches(&[BAD], query, "0\n");
        assert_eq!(asked.len(), 2, "{asked:?}");
        assert_eq!(asked.last().map(String::as_str), Some("UNDELETED"), "{asked:?}");
    }
}

#[test]
fn what_was_refused_once_is_not_asked_again() {
    let script = r#"
        local inbox = $LOGIN:mailbox "INBOX"
        print(#inbox:search { subject = "Привет" }, #inbox:search { subject = "grüße" })
    "#;
    let ended = refusing(&[BADCHARSET]).script(script).prints("0\t0\n");
    let charsets = ended.received.iter().filter(|command| command.text.contains("CHARSET")).count();
    assert_eq!(charsets, 1, "{:?}", ended.received);
}

#[test]
fn what_only_the_server_can_answer_ends_in_its_refusal() {
    let script = r#"print(#$LOGIN:mailbox("INBOX"):search { raw = "X-SPECIAL 5" })"#;
    refusing(&[BAD, BAD, BAD, BAD])
        .script(script)
        .fails(6, "the server refused UID SEARCH: BAD unknown search key");
}

#[test]
fn what_is_not_added_to_a_mailbox_that_is_read_is_added_once_it_is_open_for_writing() {
    let shut = "{tag} NO Current box is selected READ-ONLY.\r\n";
    let scripted = Scripted::new().capabilities("IMAP4rev1 UIDPLUS NAMESPACE").greet();
    let scripted = scripted.serve_until("APPEND").send(shut).serve_until("APPEND");
    let scripted = scripted.send("{tag} OK [APPENDUID 7 9] done\r\n").serve();
    let script = r#"
        local inbox = $LOGIN:mailbox "INBOX"
        print(#inbox:all())
        print(inbox:append("Subject: x\r\n\r\nx\r\n").uids[1])
    "#;
    let ended = Case::new(scripted)
        .script(script)
        .changes()
        .prints("3\n$USER@127.0.0.1: appended 1 message to INBOX\n9\n");
    let verbs = ended.verbs();
    let at = verbs.iter().position(|verb| verb == "EXAMINE").unwrap_or_default();
    assert_eq!(verbs[at..], ["EXAMINE", "UID SEARCH", "STATUS", "APPEND", "SELECT", "APPEND", "LOGOUT"]);
}
