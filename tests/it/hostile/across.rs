//! Another account's server that says too little, refuses, or is gone: the originals stay.

use crate::{
    harness::Script,
    mail::Mail,
    output::Output,
    scripted::{Scripted, ScriptedServer},
    server::{Server, Tls},
};

const OFFERS: &str = "IMAP4rev1 UIDPLUS LITERAL+ MULTIAPPEND";

/// Moves three messages from the embedded server to a scripted one.
fn moving(to: &ScriptedServer) -> Output {
    let (from, other) = (Server::sandbox(), Server::at(to.address, Tls::None));
    from.seed("INBOX", &["a", "b", "c"].map(Mail::new));
    Script::new(r#"$LOGIN:mailbox("INBOX"):all():move($OTHER:mailbox "Archive")"#)
        .on(&from)
        .and(&other)
        .status(8)
        .changes_nothing()
        .run()
}

fn count(server: &ScriptedServer, verb: &str) -> usize {
    server.verbs().iter().filter(|seen| *seen == verb).count()
}

#[test]
fn an_append_of_which_no_copy_is_seen() {
    for reply in [
        // As many UIDs as messages, one too few, two the same, another mailbox's, and none.
        "{tag} OK [APPENDUID 8 11:13] done\r\n",
        "{tag} OK [APPENDUID 8 11:12] done\r\n",
        "{tag} OK [APPENDUID 8 11,11,12] done\r\n",
        "{tag} OK [APPENDUID 9 1:3] done\r\n",
        "{tag} OK done\r\n",
    ] {
        let server = Scripted::new().capabilities(OFFERS).greet().serve().on("APPEND", reply).start();
        let output = moving(&server);
        assert!(
            output.stdout.contains(
                "moved 0 messages from INBOX to $OTHER_USER@127.0.0.1: Archive\n  IN DOUBT 3 messages (UID 1:3): \
                 the server said OK, but no copy is seen in the target; nothing was removed\n"
            ),
            "{output}"
        );
        assert_eq!(count(&server, "APPEND"), 1);
    }
}

#[test]
fn a_copy_with_another_size_date_or_identifier() {
    let item = |size: &str, date: &str, id: &str| {
        let header = format!("Message-ID: <{id}@example.org>\r\n\r\n");
        format!(
            "UID 11 FLAGS () INTERNALDATE \"{date}\" RFC822.SIZE {size} BODY[HEADER.FIELDS (MESSAGE-ID)] {{{}}}\r\n{header}",
            header.len()
        )
    };
    let date = "01-Mar-2024 10:00:00 +0000";
    let right = Mail::new("a").raw().len().to_string();
    for (found, reason) in [
        (item("7", date, "a"), "the server changed it: 7 bytes, not 137"),
        (item(&right, "01-Mar-2024 10:00:01 +0000", "a"), "the server gave it another date of arrival"),
        (item(&right, date, "z"), "the server gives it another Message-ID"),
    ] {
        let server = Scripted::new()
            .capabilities(OFFERS)
            .greet()
            .serve()
            .on("APPEND", "{tag} OK [APPENDUID 8 11] done\r\n")
            .on("UID FETCH", format!("* 1 FETCH ({found})\r\n{{tag}} OK done\r\n"))
            .start();
        let (from, other) = (Server::sandbox(), Server::at(server.address, Tls::None));
        from.seed("INBOX", &[Mail::new("a")]);
        Script::new(r#"$LOGIN:mailbox("INBOX"):all():move($OTHER:mailbox "Archive")"#)
            .on(&from)
            .and(&other)
            .status(8)
            .changes_nothing()
            .stderr_contains(&format!("there is a copy, but {reason}: the original stays"))
            .run();
    }
}

#[test]
fn an_append_that_is_refused_is_tried_message_by_message() {
    let server = Scripted::new()
        .capabilities(OFFERS)
        .greet()
        .serve()
        .on("APPEND", "{tag} NO [OVERQUOTA] the mailbox is full\r\n")
        .start();
    let output = moving(&server);
    assert!(
        output
            .stdout
            .contains("FAILED 3 messages (UID 1:3): the server refused APPEND: NO the mailbox is full\n"),
        "{output}"
    );
    assert_eq!(count(&server, "APPEND"), 4);
}

#[test]
fn a_connection_that_is_cut_at_the_append_is_looked_after_on_a_new_one() {
    let server = Scripted::new().capabilities(OFFERS).greet().serve_until("APPEND").start();
    let output = moving(&server);
    assert!(
        output.stdout.contains(
            "IN DOUBT 3 messages (UID 1:3): the connection broke before the server answered (the connection was \
             lost: the server hung up), but no copy is seen in the target; nothing was removed\n"
        ),
        "{output}"
    );
    assert_eq!(count(&server, "APPEND"), 1);
    assert_eq!(count(&server, "LOGIN"), 2);
}

#[test]
fn a_target_that_cant_be_reached_changes_nothing() {
    let server = Scripted::new().capabilities(OFFERS).greet().serve().on("LOGIN", "{tag} NO no\r\n").start();
    let (from, other) = (Server::sandbox(), Server::at(server.address, Tls::None));
    from.seed("INBOX", &[Mail::new("a")]);
    Script::new(r#"$LOGIN:mailbox("INBOX"):all():move($OTHER:mailbox "Archive")"#)
        .on(&from)
        .and(&other)
        .status(4)
        .changes_nothing()
        .stdout("")
        .run();
}

#[test]
fn a_message_larger_than_the_other_server_takes_is_not_sent() {
    let offers = format!("{OFFERS} APPENDLIMIT=100");
    let server = Scripted::new().capabilities(&offers).greet().serve().start();
    let output = moving(&server);
    assert!(
        output.stdout.contains("FAILED 3 messages (UID 1:3): 137 bytes, more than the other server takes\n")
    );
    assert_eq!(count(&server, "APPEND"), 0);
}
