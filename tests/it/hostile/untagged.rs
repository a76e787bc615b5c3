//! Responses that nobody asked for, in the middle of everything.

use super::{Case, MOVES, WALK, WALKED};
use crate::scripted::Scripted;

/// The commands that `WALK` sends.
const PHASES: [&str; 7] = ["LOGIN", "NAMESPACE", "SELECT", "UID SEARCH", "UID FETCH", "UID MOVE", "LOGOUT"];

fn walking() -> Scripted {
    Scripted::new().capabilities(MOVES).greet().serve()
}

/// Says this in each phase by itself, then in all of them: the result must be the same as without.
#[track_caller]
fn goes_unheard(said: &[u8]) {
    let everywhere = Scripted::new().capabilities("IMAP4rev1 UIDPLUS MOVE NAMESPACE ESEARCH");
    Case::new(everywhere.greet().serve().interject(said)).script(WALK).changes().prints(WALKED);
    for verb in PHASES {
        let scripted = walking().interject_in(verb, said);
        Case::new(scripted).script(WALK).changes().prints(WALKED);
    }
}

#[test]
fn no_in_the_middle_of_anything() {
    goes_unheard(b"* NO the disk is getting full\r\n");
}

#[test]
fn bad_in_the_middle_of_anything() {
    goes_unheard(b"* BAD what was that?\r\n");
}

#[test]
fn preauth_in_the_middle_of_anything() {
    goes_unheard(b"* PREAUTH welcome\r\n");
}

#[test]
fn bye_in_the_middle_of_anything() {
    for verb in PHASES {
        if verb == "NAMESPACE" {
            continue;
        }
        let scripted = Scripted::new().capabilities(MOVES).greet().serve_until(verb);
        let case = Case::new(scripted.send("* BYE going down\r\n")).script(WALK);
        match verb {
            "LOGOUT" => {
                case.changes().prints(WALKED);
            }
            "UID MOVE" => {
                let ended = case.changes().run(8);
                let doubt = "IN DOUBT 3 messages (UID 1:3): the connection broke before the server answered \
                    (the server closed the session: going down)\n";
                assert!(ended.output.stdout.contains(doubt), "{}", ended.output);
            }
            _ => {
                case.fails(5, "the server closed the session: going down")
                    .hinting(&format!("command {verb}\n"));
            }
        }
    }
}

#[test]
fn bye_and_then_the_answer() {
    // A server that says goodbye while it still answers; the next command finds the line cut.
    let scripted = Scripted::new().greet().serve_until("UID SEARCH");
    let scripted = scripted.send("* SEARCH 1 2\r\n* BYE maintenance\r\n{tag} OK done\r\n");
    Case::new(scripted).prints("2\n");
}

#[test]
fn unknown_untagged_responses() {
    goes_unheard(
        b"* XYZZY (a b \"c\r\n* 7 XYZZY\r\n* \r\n* XLITERAL {3}\r\nabc (x)\r\n* GENURLAUTH \"x\" y\r\n\
        * VANISHED (EARLIER) 300:310\r\n* OK [X-CODE (a \"]\" b)] text\r\n* OK [] x\r\n* OK [\r\n* 1 RECENT\r\n",
    );
}

#[test]
fn unsolicited_expunge_and_exists() {
    goes_unheard(b"* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n* 0 EXPUNGE\r\n* 4294967295 EXPUNGE\r\n* 7 EXISTS\r\n");
}

#[test]
fn unsolicited_fetch() {
    goes_unheard(b"* 2 FETCH (FLAGS (\\Flagged \\Recent $x))\r\n* 2 FETCH (MODSEQ (12121231000))\r\n");
    // With the UID, as QRESYNC and some servers have it.
    goes_unheard(b"* 2 FETCH (UID 2 FLAGS (\\Flagged))\r\n* 9 FETCH (UID 900 MODSEQ (7) FLAGS ())\r\n");
}

#[test]
fn unsolicited_flags_are_the_last_word() {
    // A message that another client marks between the search and the move does not match any more.
    let scripted = walking().interject_in("UID FETCH", "* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n");
    let ended = Case::new(scripted).script(WALK).changes().run(0);
    let report = "moved 2 messages from INBOX to Archive\n  skipped 1 message (UID 2): left alone: what is seen \
        now does not match what was searched for\n";
    assert!(ended.output.stdout.contains(report), "{}", ended.output);
}

#[test]
fn fetches_of_messages_nobody_asked_for() {
    let strangers = "* 8 FETCH (UID 800 FLAGS () RFC822.SIZE 10 INTERNALDATE \"01-Mar-2024 10:00:00 +0000\" \
        BODY[HEADER.FIELDS (SUBJECT)] {17}\r\nSubject: secret\r\n)\r\n";
    goes_unheard(strangers.as_bytes());
}

#[test]
fn a_search_that_finds_strangers_moves_only_what_exists() {
    let scripted = walking().on("UID SEARCH", "* SEARCH 2 800 4294967295\r\n{tag} OK done\r\n");
    let ended = Case::new(scripted).script(WALK).changes().run(0);
    let report = "moved 1 message from INBOX to Archive\n  skipped 2 messages (UID 800,4294967295): no longer in \
        the mailbox\n";
    assert!(ended.output.stdout.contains(report), "{}", ended.output);
    let moved = ended.received.iter().find(|it| it.text.contains("UID MOVE")).unwrap();
    assert!(moved.text.ends_with("UID MOVE 2 \"Archive\""), "{moved:?}");
}

#[test]
fn an_alert_is_shown_once() {
    let scripted = Scripted::new().greet().serve();
    let scripted = scripted.on("LOGIN", "* OK [ALERT] \x1b[31mquota\x07 at 99%\r\n{tag} OK in\r\n");
    let ended = Case::new(scripted).run(0).printing("3\n");
    assert_eq!(ended.output.stderr, "alert: $USER@127.0.0.1: \\u{1b}[31mquota\\u{7} at 99%\n");
}

#[test]
fn a_tagged_reply_that_is_none_of_the_three() {
    for end in ["{tag} BYE\r\n", "{tag} PREAUTH x\r\n", "{tag} FINE\r\n", "{tag}\r\n", "{tag} \r\n"] {
        let scripted = Scripted::new().greet().serve().on("UID SEARCH", end);
        Case::new(scripted)
            .fails(5, "the server sent what can't be right: a tagged reply without OK, NO or BAD");
    }
}

/// It is told of messages that are there, by a server that was not asked to tell it.
#[test]
fn vanished_in_the_middle_of_anything() {
    goes_unheard(b"* VANISHED 1:4294967295\r\n");
    goes_unheard(b"* VANISHED (EARLIER) 1:3\r\n");
}
