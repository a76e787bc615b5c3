//! First words that are not a greeting, and replies that come too early.

use super::{Case, MOVES, WALK};
use crate::{scripted::Scripted, server::Tls};

fn greeted(bytes: impl AsRef<[u8]>) -> Case {
    Case::new(Scripted::new().send(bytes).serve())
}

#[test]
fn preauth() {
    let ended = greeted("* PREAUTH [CAPABILITY IMAP4rev1] welcome, whoever you are\r\n")
        .fails(
            5,
            "the server's greeting is not an IMAP `* OK`: \
             * PREAUTH [CAPABILITY IMAP4rev1] welcome, whoever you are",
        )
        .hinting("hint: check `port`: 993 is IMAP over TLS, 143 is IMAP\n");
    assert!(ended.received.is_empty());
    // Under STARTTLS it would skip the encryption.
    let ended = greeted("* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] in\r\n")
        .tls(Tls::Starttls)
        .run(5)
        .said("the server's greeting is not an IMAP `* OK`: * PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] in");
    assert!(ended.received.is_empty());
}

#[test]
fn bye() {
    let ended = greeted("* BYE [UNAVAILABLE] too many connections\r\n")
        .fails(5, "the server closed the session: too many connections");
    assert!(ended.received.is_empty());
}

#[test]
fn other_protocols() {
    for (line, shown) in [
        ("HTTP/1.1 400 Bad Request", "HTTP/1.1 400 Bad Request"),
        ("220 mail.example.org ESMTP Postfix", "220 mail.example.org ESMTP Postfix"),
        ("+OK POP3 ready", "+OK POP3 ready"),
        ("SSH-2.0-OpenSSH_9.2", "SSH-2.0-OpenSSH_9.2"),
        ("* NO", "* NO"),
        ("* BAD go away", "* BAD go away"),
        ("* CAPABILITY IMAP4rev1", "* CAPABILITY IMAP4rev1"),
        ("a1 OK in", "a1 OK in"),
        ("*OK", "*OK"),
        ("", ""),
        ("\x1b[2J\x07", "\\u{1b}[2J\\u{7}"),
    ] {
        let message = format!("the server's greeting is not an IMAP `* OK`: {shown}");
        let ended = greeted(format!("{line}\r\nContent-Length: 0\r\n\r\n")).fails(5, &message);
        assert!(ended.received.is_empty(), "{line}");
    }
}

#[test]
fn bytes_that_are_no_text() {
    let ended = greeted(b"\x16\x03\x03\x00\x02\x80\xff\r\n").run(5);
    ended
        .said("the server's greeting is not an IMAP `* OK`: \\u{16}\\u{3}\\u{3}\\u{0}\\u{2}\u{fffd}\u{fffd}");
}

#[test]
fn a_greeting_without_a_space_or_text_is_good_enough() {
    greeted("* OK\r\n").prints("3\n");
    greeted("* ok \r\n").prints("3\n");
}

#[test]
fn logindisabled() {
    let ended = Case::new(Scripted::new().capabilities("IMAP4rev1 LOGINDISABLED").greet().serve())
        .fails(4, "the server offers no way to log in here (it offers: LOGINDISABLED)");
    assert!(ended.received.is_empty(), "{:?}", ended.received);
    let both = "IMAP4rev1 LOGINDISABLED AUTH=CRAM-MD5 AUTH=\x1b[31m";
    Case::new(Scripted::new().capabilities(both).greet().serve()).fails(
        4,
        "the server offers no way to log in here (it offers: AUTH=\\u{1b}[31M AUTH=CRAM-MD5 LOGINDISABLED)",
    );
}

#[test]
fn logindisabled_leaves_what_else_is_offered() {
    let scripted = Scripted::new().capabilities("IMAP4rev1 LOGINDISABLED AUTH=PLAIN").greet().serve();
    assert!(Case::new(scripted).prints("3\n").got("AUTHENTICATE"));
}

#[test]
fn a_tagged_reply_before_its_command() {
    // The tags that the next commands will have, sent ahead: nothing may be taken for their success.
    for early in ["a1 OK in\r\n", "a1 OK in\r\na2 OK done\r\n", "a1 NO no\r\n", "* OK x\r\na2 OK\r\n"] {
        let scripted = Scripted::new().send(format!("* OK [CAPABILITY IMAP4rev1] x\r\n{early}")).serve();
        let line = early.lines().find(|line| line.starts_with('a')).unwrap();
        let ended = Case::new(scripted).run(5);
        ended.said(&format!("the server sent what can't be right: a reply to no command of ours: `{line}`"));
    }
}

#[test]
fn a_tagged_reply_ahead_of_its_time() {
    for verb in ["LOGIN", "SELECT", "UID SEARCH", "UID FETCH"] {
        let scripted = Scripted::new().capabilities(MOVES).greet().serve();
        let scripted = scripted.interject_in(verb, "a99 OK done\r\n");
        Case::new(scripted)
            .script(WALK)
            .fails(5, "the server sent what can't be right: a reply to no command of ours: `a99 OK done`");
    }
}

#[test]
fn the_next_commands_replies_with_this_ones() {
    // The tags that a flight will have are easily told; what is answered before it leaves did not happen.
    let ahead = |verb: &str, reply: &str| {
        let scripted = Scripted::new().capabilities(MOVES).greet().serve().on(verb, reply);
        Case::new(scripted).script(r#"$LOGIN:mailbox("INBOX"):all():move("Archive")"#)
    };
    ahead("LOGIN", "{tag} OK in\r\na2 OK [CAPABILITY IMAP4rev1 MOVE] x\r\na3 OK [READ-WRITE] x\r\n")
        .fails(5, "the server sent what can't be right: a reply to no command of ours: `a2 OK [CAPABILITY IMAP4rev1 MOVE] x`");
    // The move would be `a8`; it must not leave any more.
    let early = "* 0 EXISTS\r\n{tag} OK done\r\na8 OK [COPYUID 8 1:3 11:13] moved\r\n";
    let ended = ahead("STATUS", early).run(5);
    ended.said_like(
        "the server sent what can't be right: a reply to no command of ours: `a8 OK [COPYUID 8 1:3",
    );
}

#[test]
fn a_continuation_that_nothing_asked_for() {
    let scripted = Scripted::new().greet().serve().interject_in("UID SEARCH", "+ go on\r\n");
    Case::new(scripted)
        .fails(5, "the server sent what can't be right: a continuation request that nothing asked for");
}
