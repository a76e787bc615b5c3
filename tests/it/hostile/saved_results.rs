//! Servers that offer to keep the results of searches (RFC 5182): what they fetch by them is never more, and never less,
//! than what they said they found.

use super::{Case, Ended};
use crate::scripted::Scripted;

const SUBJECT: &str = r#"print(#$LOGIN:mailbox("INBOX"):search { subject = "canned" })"#;

/// Two searches that fetch different things.
const TWICE: &str = r#"
    local inbox = $LOGIN:mailbox "INBOX"
    print(#inbox:search { subject = "canned" }, #inbox:search { from = "ann@" })
"#;

fn keeping() -> Scripted {
    Scripted::new().capabilities("IMAP4rev1 ESEARCH SEARCHRES UIDPLUS MOVE").greet()
}

/// What is asked for the messages: of each FETCH its set, of each SEARCH what it returns.
fn asked(ended: &Ended) -> Vec<String> {
    let word = |text: &str| {
        let (_, rest) = text.split_once(" UID ")?;
        let fetched = rest.strip_prefix("FETCH ").and_then(|rest| rest.split(' ').next());
        let returned = rest.strip_prefix("SEARCH RETURN ").and_then(|rest| rest.split_inclusive(')').next());
        fetched.or(returned).map(str::to_owned)
    };
    ended.received.iter().filter_map(|command| word(&command.text)).collect()
}

/// One FETCH response.
fn told(uid: u32) -> String {
    let subject = "Subject: Canned\r\n\r\n";
    format!(
        "* {uid} FETCH (UID {uid} FLAGS () RFC822.SIZE 9 BODY[HEADER.FIELDS (SUBJECT)] {{{}}}\r\n{subject})\r\n",
        subject.len()
    )
}

#[test]
fn what_is_found_comes_along_with_the_answer() {
    let ended = Case::new(keeping().serve()).script(TWICE).prints("3\t3\n");
    assert_eq!(asked(&ended), ["(SAVE ALL)", "$", "(SAVE ALL)", "$"]);
}

#[test]
fn what_is_refused_is_asked_for_by_uids_and_not_tried_again() {
    for answer in ["{tag} NO what is that?\r\n", "{tag} BAD what is that?\r\n"] {
        let fetch = keeping().serve_until("UID FETCH").send(told(2) + answer).serve();
        let ended = Case::new(fetch).script(TWICE).prints("3\t3\n");
        assert_eq!(asked(&ended), ["(SAVE ALL)", "$", "1,3", "(ALL)", "1:3"]);
        let search = keeping().serve_until("UID SEARCH").send(answer).serve();
        let ended = Case::new(search).script(TWICE).prints("3\t3\n");
        assert_eq!(asked(&ended), ["(SAVE ALL)", "$", "(ALL)", "1:3", "(ALL)", "1:3"]);
    }
}

#[test]
fn a_search_that_can_not_be_done_is_no_empty_one() {
    let refused = "{tag} NO [NOTSAVED] no room\r\n";
    let scripted =
        keeping().serve_until("UID SEARCH").send(refused).serve_until("UID SEARCH").send(refused).serve();
    let raw = r#"print(#$LOGIN:mailbox("INBOX"):search { raw = "SEEN", subject = "canned" })"#;
    Case::new(scripted.on("UID SEARCH", refused))
        .script(raw)
        .fails(6, "the server refused UID SEARCH: NO no room");
}

#[test]
fn what_the_search_did_not_name_is_passed_over() {
    let found = "* ESEARCH (TAG \"{tag}\") UID ALL 1:2\r\n{tag} OK done\r\n";
    let ended = Case::new(keeping().serve().on("UID SEARCH", found)).script(SUBJECT).prints("2\n");
    assert_eq!(asked(&ended), ["(SAVE ALL)", "$"]);
    let nothing = "* ESEARCH (TAG \"{tag}\") UID\r\n{tag} OK done\r\n";
    let ended = Case::new(keeping().serve().on("UID SEARCH", nothing)).script(SUBJECT).prints("0\n");
    assert_eq!(asked(&ended), ["(SAVE ALL)", "$"]);
}

#[test]
fn what_is_not_told_is_asked_for_again() {
    let partly = || keeping().serve_until("UID FETCH").send(told(2) + "{tag} OK done\r\n");
    let ended = Case::new(partly().serve()).script(SUBJECT).prints("3\n");
    assert_eq!(asked(&ended), ["(SAVE ALL)", "$", "1,3"]);
    // It is gone.
    let gone = partly().serve_until("UID FETCH").send("{tag} OK done\r\n").serve();
    let ended = Case::new(gone).script(SUBJECT).prints("1\n");
    assert_eq!(asked(&ended), ["(SAVE ALL)", "$", "1,3"]);
}

#[test]
fn what_comes_before_the_answer_is_not_taken_for_what_was_found() {
    let early = format!("{}* ESEARCH (TAG \"{{tag}}\") UID ALL 1:3\r\n{{tag}} OK done\r\n", told(1));
    let scripted = keeping().serve_until("UID SEARCH").send(early).serve_until("UID FETCH");
    let scripted = scripted.send(told(2) + &told(3) + "{tag} OK done\r\n").serve();
    let ended = Case::new(scripted).script(SUBJECT).prints("3\n");
    assert_eq!(asked(&ended), ["(SAVE ALL)", "$", "1"]);
}

#[test]
fn an_answer_after_what_was_fetched_by_it_ends_the_search() {
    let late = told(1) + "* ESEARCH UID ALL 1:9\r\n{tag} OK done\r\n";
    Case::new(keeping().serve_until("UID FETCH").send(late).serve())
        .script(SUBJECT)
        .fails(5, "the server sent what can't be right: a search result after what was fetched by it");
}

#[test]
fn nothing_is_changed_by_a_result_that_the_server_keeps() {
    let script = r#"$LOGIN:mailbox("INBOX"):search({ subject = "canned" }):move "Archive""#;
    let ended = Case::new(keeping().serve()).script(script).changes().run(0);
    let by_result: Vec<_> = ended.received.iter().filter(|it| it.text.contains(" $")).collect();
    assert_eq!(by_result.len(), 1, "{by_result:?}");
    assert!(by_result[0].text.contains(" UID FETCH $ (UID FLAGS "), "{by_result:?}");
    assert!(ended.received.iter().any(|it| it.text.contains(" UID MOVE 1:3 ")), "{:?}", ended.received);
}
