//! Servers that want less at a time are waited for.

use crate::harness::Script;
use crate::scripted::Scripted;
use crate::server::{Server, Tls};

const MOVES: &str = "IMAP4rev1 UIDPLUS MOVE ESEARCH";
const COPIES: &str = "IMAP4rev1 UIDPLUS ESEARCH";

/// Runs a script against a server that refuses the first commands of a verb with these codes, and gives how often the
/// verb came.
fn refusing(capabilities: &str, verb: &str, codes: &[&str], source: &str, stdout: &str) -> usize {
    let mut scripted = Scripted::new().capabilities(capabilities).greet();
    for code in codes {
        scripted = scripted.serve_until(verb).send(format!("{{tag}} NO [{code}] slow down\r\n"));
    }
    let server = scripted.serve().start();
    Script::new(&format!("allow 'purge' local all = $LOGIN:mailbox('INBOX'):all() {source}"))
        .on(&Server::at(server.address, Tls::None))
        .stdout(stdout)
        .stderr("")
        .run();
    server.drain();
    server.finish().iter().filter(|command| command.text.contains(&format!(" {verb} "))).count()
}

#[test]
fn what_a_server_puts_off_is_tried_again() {
    let moved = "$USER@127.0.0.1: moved 3 messages from INBOX to Archive\n";
    let copied = "$USER@127.0.0.1: copied 3 messages from INBOX to Archive\n";
    let marked = "$USER@127.0.0.1: marked 3 messages in INBOX: \\Seen\n";
    let purged = "$USER@127.0.0.1: purged 3 messages from INBOX\n";
    let (a_move, a_copy) = ("all:move 'Archive'", "all:copy 'Archive'");
    assert_eq!(refusing(MOVES, "UID MOVE", &["LIMIT", "UNAVAILABLE"], a_move, moved), 3);
    assert_eq!(refusing(COPIES, "UID COPY", &["INUSE"], a_move, moved), 2);
    assert_eq!(refusing(COPIES, "UID STORE", &["LIMIT"], a_move, moved), 2);
    assert_eq!(refusing(COPIES, "UID EXPUNGE", &["UNAVAILABLE"], a_move, moved), 2);
    assert_eq!(refusing(MOVES, "UID COPY", &["INUSE"], a_copy, copied), 2);
    assert_eq!(refusing(MOVES, "UID STORE", &["LIMIT"], "all:mark 'seen'", marked), 2);
    assert_eq!(refusing(MOVES, "UID STORE", &["LIMIT"], "all:purge()", purged), 2);
}

#[test]
fn a_refusal_that_names_copies_is_not_tried_again() {
    for verb in ["UID MOVE", "UID COPY"] {
        let capabilities = if verb == "UID MOVE" { MOVES } else { COPIES };
        let server = Scripted::new()
            .capabilities(capabilities)
            .greet()
            .serve()
            .on(verb, "* OK [COPYUID 8 1 11] one\r\n{tag} NO [LIMIT] slow down\r\n")
            .start();
        Script::new("$LOGIN:mailbox('INBOX'):all():move 'Archive'")
            .on(&Server::at(server.address, Tls::None))
            .status(8)
            .run();
        server.drain();
        let commands = server.finish();
        assert_eq!(commands.iter().filter(|command| command.text.contains(verb)).count(), 1, "{commands:?}");
    }
}

/// The first message of INBOX as it looks in the target.
fn one_copy(answers: Scripted) -> Scripted {
    let id = "Message-ID: <canned-1@example.org>\r\n\r\n";
    answers.send(format!(
        "* 1 FETCH (UID 11 FLAGS () INTERNALDATE \"01-Mar-2024 10:00:00 +0000\" RFC822.SIZE 153 \
         BODY[HEADER.FIELDS (MESSAGE-ID)] {{{}}}\r\n{id})\r\n{{tag}} OK done\r\n",
        id.len()
    ))
}

#[test]
fn what_was_copied_in_spite_of_a_refusal_is_not_copied_again() {
    for action in ["copy", "move"] {
        let refused = Scripted::new()
            .capabilities(COPIES)
            .greet()
            .serve_until("UID COPY")
            .send("{tag} NO [LIMIT] no\r\n");
        let server = one_copy(refused.serve_until("UID FETCH")).serve().start();
        let output = Script::new(&format!("$LOGIN:mailbox('INBOX'):all():{action} 'Archive'"))
            .on(&Server::at(server.address, Tls::None))
            .status(8)
            .run();
        let doubt = "IN DOUBT 1 message (UID 1): the server refused to copy it, but a copy is in the target";
        assert!(output.stdout.contains(doubt), "{output}");
        server.drain();
        let commands = server.finish();
        let copies: Vec<_> =
            commands.iter().filter_map(|it| it.text.split_once(' ')).map(|(_, text)| text).collect();
        let copies: Vec<_> = copies.into_iter().filter(|text| text.starts_with("UID COPY")).collect();
        assert_eq!(copies, ["UID COPY 1:3 \"Archive\"", "UID COPY 2:3 \"Archive\""]);
    }
}

#[test]
fn what_was_moved_in_spite_of_a_refusal_is_not_moved_again() {
    let refused =
        Scripted::new().capabilities(MOVES).greet().serve_until("UID MOVE").send("{tag} NO [LIMIT] no\r\n");
    // Once to see that it is there, and once, with the source, to see what became of it.
    let seen = one_copy(refused.serve_until("UID FETCH")).serve_until("UID FETCH");
    let server = one_copy(seen.send("{tag} OK gone\r\n").serve_until("UID FETCH")).serve().start();
    Script::new("$LOGIN:mailbox('INBOX'):all():move 'Archive'")
        .on(&Server::at(server.address, Tls::None))
        .stdout("$USER@127.0.0.1: moved 3 messages from INBOX to Archive\n")
        .run();
    server.drain();
    let commands = server.finish();
    let moves: Vec<_> =
        commands.iter().filter_map(|it| it.text.split_once(' ')).map(|(_, text)| text).collect();
    let moves: Vec<_> = moves.into_iter().filter(|text| text.starts_with("UID MOVE")).collect();
    assert_eq!(moves, ["UID MOVE 1:3 \"Archive\"", "UID MOVE 2:3 \"Archive\""]);
}

#[test]
fn any_other_refusal_is_not_tried_again() {
    let server = Scripted::new()
        .capabilities(MOVES)
        .greet()
        .serve()
        .on("UID MOVE", "{tag} NO [OVERQUOTA] full\r\n")
        .start();
    Script::new("$LOGIN:mailbox('INBOX'):all():move 'Archive'")
        .on(&Server::at(server.address, Tls::None))
        .status(8)
        .run();
    server.drain();
    assert_eq!(server.finish().iter().filter(|command| command.text.contains("UID MOVE")).count(), 1);
}

#[test]
fn a_wait_for_the_server_can_be_interrupted() {
    // It never gives in, and would be waited for more than ten seconds.
    let server = Scripted::new()
        .capabilities(MOVES)
        .greet()
        .serve()
        .on("UID MOVE", "{tag} NO [UNAVAILABLE] come again\r\n")
        .start();
    let account = Server::at(server.address, Tls::None);
    let run = Script::new("$LOGIN:mailbox('INBOX'):all():move 'Archive'").on(&account).spawn();
    server.wait_for("UID MOVE");
    run.signal("INT");
    let output = run.finish();
    assert!(output.stderr.contains("interrupted"), "{output}");
    let commands = server.finish();
    let moves = commands.iter().filter(|command| command.text.contains("UID MOVE")).count();
    assert!(moves <= 2, "{commands:?}");
}
