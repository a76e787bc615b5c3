//! The lower rungs of the ladder, where a copy must be proven before anything is removed.

use super::{Case, Ended};
use crate::scripted::Scripted;

const MOVE: &str = r#"print(#$LOGIN:mailbox("INBOX"):all():move("Archive").moved)"#;

/// A server with UIDPLUS but without MOVE.
fn uidplus() -> Scripted {
    Scripted::new().capabilities("IMAP4rev1 UIDPLUS").greet()
}

/// A server with neither.
fn bare() -> Scripted {
    Scripted::new().greet()
}

fn moving(scripted: Scripted) -> Case {
    Case::new(scripted).script(MOVE).changes()
}

impl Ended {
    #[track_caller]
    fn removed_nothing(self) -> Self {
        for verb in ["UID STORE", "UID EXPUNGE", "EXPUNGE", "CLOSE", "UID MOVE"] {
            assert!(!self.got(verb), "{verb} of {}", self.output);
        }
        self
    }

    /// The commands from the copy on, without their tags.
    fn since_the_copy(&self) -> Vec<String> {
        let texts = self.received.iter().map(|it| it.text.split_once(' ').unwrap().1.to_owned());
        texts.skip_while(|text| !text.starts_with("UID COPY")).collect()
    }
}

/// The messages of INBOX as they look in the target, without the last `short`.
fn copies(short: usize) -> String {
    let one = |uid: usize| {
        let id = format!("Message-ID: <canned-{uid}@example.org>\r\n\r\n");
        format!(
            "* {uid} FETCH (UID {} FLAGS () INTERNALDATE \"01-Mar-2024 10:00:00 +0000\" RFC822.SIZE 153 \
             BODY[HEADER.FIELDS (MESSAGE-ID)] {{{}}}\r\n{id})\r\n",
            uid + 10,
            id.len()
        )
    };
    let all: String = (1..=3 - short).map(one).collect();
    all + "{tag} OK done\r\n"
}

#[test]
fn a_copy_with_its_copyuid_is_removed_one_by_one() {
    let ended =
        moving(uidplus().serve()).prints("$USER@127.0.0.1: moved 3 messages from INBOX to Archive\n3\n");
    assert_eq!(
        ended.since_the_copy(),
        ["UID COPY 1:3 \"Archive\"", "UID STORE 1:3 +FLAGS.SILENT (\\Deleted)", "UID EXPUNGE 1:3", "LOGOUT"]
    );
}

#[test]
fn a_copy_without_copyuid_that_is_not_in_the_target() {
    // The target stays empty, whatever the server says.
    let ended = moving(uidplus().serve().on("UID COPY", "{tag} OK copied\r\n"))
        .fails(
            8,
            "moved 0, failed 0, in doubt 3: the server said OK, but no copy is seen in the target: nothing was removed",
        )
        .removed_nothing();
    assert!(ended.since_the_copy().contains(&"EXAMINE \"Archive\"".to_owned()), "{:?}", ended.received);
}

#[test]
fn a_copy_without_copyuid_that_is_found_in_the_target() {
    let scripted = uidplus()
        .serve_until("UID COPY")
        .send("{tag} OK copied\r\n")
        .serve_until("UID FETCH")
        .send(copies(0))
        .serve();
    let ended = moving(scripted).prints("$USER@127.0.0.1: moved 3 messages from INBOX to Archive\n3\n");
    assert_eq!(ended.verbs().iter().filter(|verb| *verb == "UID EXPUNGE").count(), 1);
}

#[test]
fn promise_2_a_copy_of_which_one_is_missing_removes_nothing() {
    let scripted = uidplus()
        .serve_until("UID COPY")
        .send("{tag} OK copied\r\n")
        .serve_until("UID FETCH")
        .send(copies(1))
        .serve();
    moving(scripted)
        .run(8)
        .printing(
            "$USER@127.0.0.1: moved 0 messages from INBOX to Archive\n  \
             IN DOUBT 1 message (UID 3): the server said OK, but no copy is seen in the target: nothing was removed\n  \
             IN DOUBT 2 messages (UID 1:2): a copy is in the target, but not of every message of the batch: nothing \
             was removed\n",
        )
        .removed_nothing();
}

#[test]
fn promise_2_a_copyuid_that_is_one_short_removes_nothing() {
    moving(uidplus().serve().on("UID COPY", "{tag} OK [COPYUID 8 1,3 11,12] copied\r\n"))
        .run(8)
        .removed_nothing();
}

#[test]
fn a_copyuid_of_lists_that_differ_in_length() {
    moving(uidplus().serve().on("UID COPY", "{tag} OK [COPYUID 8 1:3 11:12] copied\r\n"))
        .run(8)
        .removed_nothing();
}

#[test]
fn promise_2_a_copy_that_is_refused_removes_nothing() {
    for reply in
        ["{tag} NO [OVERQUOTA] full\r\n", "* OK [COPYUID 8 1:3 11:13] x\r\n{tag} NO [OVERQUOTA] full\r\n"]
    {
        moving(uidplus().serve().on("UID COPY", reply))
            .fails(8, "moved 0, failed 3, in doubt 0: the server refused UID COPY: NO full")
            .removed_nothing();
    }
}

#[test]
fn a_connection_that_is_cut_during_the_copy() {
    moving(uidplus().serve_until("UID COPY"))
        .run(8)
        .printing(
            "$USER@127.0.0.1: moved 0 messages from INBOX to Archive\n  IN DOUBT 3 messages (UID 1:3): the connection \
             broke before the server answered (the connection was lost: the server hung up); nothing was removed, a \
             copy may be in the target\n",
        )
        .removed_nothing();
}

#[test]
fn promise_3_a_mark_that_is_refused_is_told_message_by_message() {
    let ended = moving(uidplus().serve().on("UID STORE", "{tag} NO read-only now\r\n")).run(8).printing(
        "$USER@127.0.0.1: moved 0 messages from INBOX to Archive\n  IN DOUBT 3 messages (UID 1:3): copied, but not \
         removed here: the server refused UID STORE: NO read-only now\n",
    );
    assert!(!ended.got("UID EXPUNGE"), "what is not marked is not expunged");
}

#[test]
fn an_expunge_that_is_refused_or_cut() {
    let ended = moving(uidplus().serve().on("UID EXPUNGE", "{tag} NO not now\r\n")).run(8);
    ended.printing(
        "$USER@127.0.0.1: moved 0 messages from INBOX to Archive\n  IN DOUBT 3 messages (UID 1:3): copied; the \
         original stays marked \\Deleted: the server refused UID EXPUNGE: NO not now\n",
    );
    moving(uidplus().serve_until("UID EXPUNGE")).run(8).printing(
        "$USER@127.0.0.1: moved 0 messages from INBOX to Archive\n  IN DOUBT 3 messages (UID 1:3): copied; the \
         original is marked \\Deleted: the connection broke before the server answered (the connection was lost: the \
         server hung up)\n",
    );
}

#[test]
fn promise_2_a_target_that_must_be_made_first() {
    let scripted = uidplus().serve_until("UID COPY").send("{tag} NO [TRYCREATE] none\r\n").serve();
    let ended = moving(scripted)
        .prints("$USER@127.0.0.1: moved 3 messages from INBOX to Archive\n  created mailbox Archive\n3\n");
    let order: Vec<_> = ended.verbs().into_iter().skip_while(|verb| verb != "UID COPY").collect();
    assert_eq!(order, ["UID COPY", "CREATE", "UID COPY", "UID STORE", "UID EXPUNGE", "LOGOUT"]);
}

#[test]
fn without_uidplus_nothing_is_expunged() {
    let scripted = bare()
        .serve_until("UID COPY")
        .send("{tag} OK copied\r\n")
        .serve_until("UID FETCH")
        .send(copies(0))
        .serve();
    let ended = moving(scripted)
        .fails(8, "3 messages of INBOX could only be copied and marked \\Deleted")
        .printing(
            "$USER@127.0.0.1: moved 3 messages from INBOX to Archive\n  the originals (UID 1:3) stay in INBOX, \
             marked \\Deleted: this server can't remove single messages\n3\n",
        );
    assert!(!ended.got("UID EXPUNGE") && !ended.got("EXPUNGE") && !ended.got("CLOSE"));
}

#[test]
fn a_source_that_was_rebuilt_while_the_target_was_looked_at() {
    // The second SELECT finds other UIDs than the first: the proven messages can't be named any more.
    let scripted = uidplus()
        .serve_until("UID COPY")
        .send("{tag} OK copied\r\n")
        .serve_until("UID FETCH")
        .send(copies(0))
        .serve_until("SELECT")
        .send("* 3 EXISTS\r\n* OK [UIDVALIDITY 99] x\r\n{tag} OK [READ-WRITE] x\r\n")
        .serve();
    let ended = moving(scripted).run(8).removed_nothing();
    let doubt = "  IN DOUBT 3 messages (UID 1:3): copied, but not removed here: mailbox `INBOX` was rebuilt on the server";
    assert!(ended.output.stdout.contains(doubt), "{}", ended.output);
}

#[test]
fn a_copy_to_another_mailbox_is_proven_or_doubted() {
    let copy = MOVE.replace(":move(", ":copy(");
    let copying = |reply: &str| {
        let scripted = uidplus().serve().on("UID COPY", reply);
        Case::new(scripted).script(&copy.replace(".moved", ".copied or 0")).changes()
    };
    copying("{tag} NO [OVERQUOTA] full\r\n")
        .fails(8, "copied 0, failed 3, in doubt 0: the server refused UID COPY: NO full");
    Case::new(uidplus().serve_until("UID COPY"))
        .script(&copy)
        .changes()
        .fails(
            8,
            "copied 0, failed 0, in doubt 3: the connection broke before the server answered (the connection was \
             lost: the server hung up)",
        )
        .removed_nothing();
}
