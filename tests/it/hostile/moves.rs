//! Moves that a server does in part, refuses, or leaves in doubt (UID MOVE).

use super::{Case, Ended, MOVES};
use crate::scripted::Scripted;

/// Moves all three messages of INBOX.
const MOVE: &str = r#"print(#$LOGIN:mailbox("INBOX"):all():move("Archive").moved)"#;

/// A server up to its first UID MOVE, which the next step answers.
fn up_to_move() -> Scripted {
    Scripted::new().capabilities(MOVES).greet().serve_until("UID MOVE")
}

fn moving(scripted: Scripted) -> Case {
    Case::new(scripted).script(MOVE).changes()
}

impl Ended {
    fn count(&self, verb: &str) -> usize {
        self.verbs().iter().filter(|got| *got == verb).count()
    }

    /// Checks that the move was not followed by anything that removes or copies.
    #[track_caller]
    fn removed_nothing_else(self) -> Self {
        for verb in ["UID STORE", "UID EXPUNGE", "UID COPY", "EXPUNGE", "CLOSE"] {
            assert!(!self.got(verb), "{verb} of {}", self.output);
        }
        self
    }
}

#[test]
fn promise_3_a_move_that_is_refused_after_some_is_told_message_by_message() {
    let scripted = up_to_move()
        .send("* OK [COPYUID 8 1 11] moved\r\n* 1 EXPUNGE\r\n{tag} NO [OVERQUOTA] the mailbox is full\r\n")
        // What is left.
        .serve_until("UID FETCH")
        .send("* 1 FETCH (UID 2)\r\n* 2 FETCH (UID 3)\r\n{tag} OK done\r\n")
        .serve();
    let ended = moving(scripted)
        .fails(8, "moved 1, failed 2, in doubt 0: the server refused UID MOVE: NO the mailbox is full")
        .printing(
            "$USER@127.0.0.1: moved 1 message from INBOX to Archive\n  \
             FAILED 2 messages (UID 2:3): the server refused UID MOVE: NO the mailbox is full\n",
        )
        .removed_nothing_else();
    assert_eq!(ended.count("UID MOVE"), 1);
}

#[test]
fn a_move_that_is_refused_wholly() {
    for (reply, text) in [
        ("{tag} NO [OVERQUOTA] full\r\n", "NO full"),
        ("{tag} NO [CANNOT] no\r\n", "NO no"),
        ("{tag} BAD what?\r\n", "BAD what?"),
        // A server's own error codes are no reason to try again.
        ("{tag} NO [X-TRYCREATE] x\r\n", "NO x"),
    ] {
        let ended = moving(up_to_move().send(reply).serve())
            .fails(8, &format!("moved 0, failed 3, in doubt 0: the server refused UID MOVE: {text}"))
            .removed_nothing_else();
        assert_eq!(ended.count("UID MOVE"), 1);
    }
}

#[test]
fn promise_2_a_move_whose_copyuid_is_one_short_is_looked_after() {
    // OK, but only two of three are accounted for: the third is looked for and is still there.
    let scripted = up_to_move()
        .send("* OK [COPYUID 8 1,3 11,12] moved\r\n* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n{tag} OK done\r\n")
        .serve_until("UID FETCH")
        .send("* 1 FETCH (UID 2)\r\n{tag} OK done\r\n")
        .serve();
    moving(scripted)
        .fails(8, "moved 2, failed 1, in doubt 0: the server said OK but left it where it was")
        .printing(
            "$USER@127.0.0.1: moved 2 messages from INBOX to Archive\n  \
             FAILED 1 message (UID 2): the server said OK but left it where it was\n",
        )
        .removed_nothing_else();
}

#[test]
fn a_move_whose_copyuid_is_one_short_and_the_message_is_gone() {
    // Neither in the source nor in the target.
    let scripted = up_to_move()
        .send("* OK [COPYUID 8 1,3 11,12] moved\r\n{tag} OK done\r\n")
        .serve_until("UID FETCH")
        .send("{tag} OK nothing\r\n")
        .serve();
    let reason = "no longer in the mailbox and not seen in the target; another client may have taken it";
    moving(scripted)
        .fails(8, &format!("moved 2, failed 0, in doubt 1: {reason}"))
        .printing(&format!(
            "$USER@127.0.0.1: moved 2 messages from INBOX to Archive\n  IN DOUBT 1 message (UID 2): {reason}\n"
        ))
        .removed_nothing_else();
}

#[test]
fn a_move_whose_copyuid_proves_nothing() {
    for code in [
        // Lists of different length, other messages' UIDs, UIDVALIDITY 0, no numbers, too many.
        "* OK [COPYUID 8 1:3 11:12] x\r\n",
        "* OK [COPYUID 8 801:803 11:13] x\r\n",
        "* OK [COPYUID 0 1:3 11:13] x\r\n",
        "* OK [COPYUID 8 1:* 11:*] x\r\n",
        "* OK [COPYUID 8 1:4294967295 1:4294967295] x\r\n",
        "* OK [COPYUID] x\r\n",
        "* OK [COPYUID 8 1:3] x\r\n",
    ] {
        // The responder says that all three are still in INBOX.
        moving(up_to_move().send(code).send("{tag} OK done\r\n").serve())
            .fails(8, "moved 0, failed 3, in doubt 0: the server said OK but left it where it was")
            .removed_nothing_else();
    }
}

#[test]
fn a_move_to_a_mailbox_that_is_not_there() {
    let scripted =
        Scripted::new().capabilities(MOVES).greet().serve().on("STATUS", "{tag} NO no such mailbox\r\n");
    let ended = moving(scripted)
        .prints("$USER@127.0.0.1: moved 3 messages from INBOX to Archive\n  created mailbox Archive\n3\n");
    let tail: Vec<_> = ended.verbs().into_iter().skip_while(|verb| verb != "STATUS").collect();
    assert_eq!(tail, ["STATUS", "CREATE", "UID MOVE", "LOGOUT"]);
}

#[test]
fn a_move_to_a_mailbox_that_went_away_meanwhile() {
    for code in ["TRYCREATE", "NONEXISTENT"] {
        let scripted = up_to_move().send(format!("{{tag}} NO [{code}] no such mailbox\r\n")).serve();
        let report =
            "$USER@127.0.0.1: moved 3 messages from INBOX to Archive\n  created mailbox Archive\n3\n";
        let ended = moving(scripted).prints(report);
        let tail: Vec<_> = ended.verbs().into_iter().skip_while(|verb| verb != "UID MOVE").collect();
        assert_eq!(tail, ["UID MOVE", "CREATE", "UID MOVE", "LOGOUT"]);
    }
}

#[test]
fn a_mailbox_that_cant_be_made() {
    let scripted = up_to_move()
        .send("{tag} NO [TRYCREATE] no such mailbox\r\n")
        .serve()
        .on("CREATE", "{tag} NO [NOPERM] not yours\r\n");
    let reason = "the target does not exist and can't be created: the server refused CREATE: NO not yours";
    let ended =
        moving(scripted).fails(8, &format!("moved 0, failed 3, in doubt 0: {reason}")).removed_nothing_else();
    assert_eq!(ended.count("UID MOVE"), 1);
}

#[test]
fn a_mailbox_that_is_missing_even_when_it_was_made() {
    let scripted = up_to_move()
        .send("{tag} NO [TRYCREATE] no such mailbox\r\n")
        .serve()
        .on("UID MOVE", "{tag} NO [TRYCREATE] still no such mailbox\r\n");
    let ended = moving(scripted)
        .fails(8, "moved 0, failed 3, in doubt 0: the server refused UID MOVE: NO still no such mailbox");
    assert_eq!((ended.count("CREATE"), ended.count("UID MOVE")), (1, 2));
}

#[test]
fn a_connection_that_is_cut_after_the_move_was_sent() {
    let reason =
        "the connection broke before the server answered (the connection was lost: the server hung up)";
    for heard in ["", "{tag} O", "* 1 EXPUNGE\r\n", "* OK [COPYUID 8 1:3 11:13", "* OK still moving\r\n"] {
        let ended = moving(up_to_move().send(heard))
            .fails(8, &format!("moved 0, failed 0, in doubt 3: {reason}"))
            .printing(&format!(
                "$USER@127.0.0.1: moved 0 messages from INBOX to Archive\n  IN DOUBT 3 messages (UID 1:3): {reason}\n"
            ));
        assert_eq!(ended.verbs().last().unwrap(), "UID MOVE", "nothing may follow");
    }
}

#[test]
fn a_connection_that_is_cut_after_the_server_said_what_it_moved() {
    let scripted = up_to_move().send("* OK [COPYUID 8 1:2 11:12] moved\r\n* 1 EXPUNGE\r\n");
    moving(scripted).run(8).printing(
        "$USER@127.0.0.1: moved 0 messages from INBOX to Archive\n  \
         IN DOUBT 2 messages (UID 1:2): it is in the target, and may still be in the mailbox: the connection broke \
         before the server answered (the connection was lost: the server hung up)\n  \
         IN DOUBT 1 message (UID 3): the connection broke before the server answered (the connection was lost: the \
         server hung up)\n",
    );
}

#[test]
fn nonsense_after_the_move_was_sent() {
    let scripted = up_to_move().send("* SEARCH x\r\n{tag} OK done\r\n").serve();
    moving(scripted).run(8).printing(
        "$USER@127.0.0.1: moved 0 messages from INBOX to Archive\n  IN DOUBT 3 messages (UID 1:3): the connection \
         broke before the server answered (the server sent what can't be right: a SEARCH result that is no list of \
         UIDs)\n",
    );
}

#[test]
fn a_failure_that_the_script_caught_still_shows() {
    let script = r#"
        local account = $LOGIN
        local ok, err = pcall(function() return account:mailbox("INBOX"):all():move("Archive") end)
        print(ok, err.kind, #err.report.failed, err.message)
    "#;
    let scripted = up_to_move().send("{tag} NO [OVERQUOTA] full\r\n").serve();
    let ended = Case::new(scripted).script(script).changes().run(8);
    let said = "moved 0, failed 3, in doubt 0: the server refused UID MOVE: NO full";
    assert!(ended.output.stdout.ends_with(&format!("false\tpartial\t1\t{said}\n")), "{}", ended.output);
    assert_eq!(ended.output.stderr, format!("error: caught by the script: {said}\n"));
}
