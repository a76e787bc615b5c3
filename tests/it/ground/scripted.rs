//! A scripted server says what it is told to.

use super::tls::{connector, handshake};
use crate::{
    certificates::Certificate,
    observer::Observer,
    scripted::Scripted,
    server::{Server, Tls},
};
use std::{
    io::{Read, Write},
    net::TcpStream,
};

#[test]
fn bad_certificates_are_bad_each_for_its_own_reason() {
    for certificate in Certificate::ALL {
        let scripted = Scripted::new().certificate(certificate).handshake().greet().serve().start();
        let server = Server::at(scripted.address, Tls::Implicit);
        let result = handshake(server.address, server.ca_file.as_deref());
        let text = result.err().map(|error| error.to_string()).unwrap_or_default();
        let reason = match certificate {
            Certificate::Good => "",
            Certificate::Expired => "certificate has expired",
            Certificate::OtherHost => "mismatch",
            Certificate::Stranger => "unable to get local issuer certificate",
            Certificate::Client => "certificate purpose",
        };
        assert!(text.contains(reason) && text.is_empty() == reason.is_empty(), "{certificate:?}: {text}");
    }
}

#[test]
fn a_scripted_server_plays_a_conversation() {
    let server = Scripted::new()
        .trickle("* OK ready\r\n")
        .expect("(?i)^\\S+ login", "{tag} OK in\r\n")
        .expect("(?s)^\\S+ CREATE \\{3\\}\r\na b$", "* 1 EXISTS\r\n{tag} NO [ALERT] full\r\n")
        .stall()
        .start();
    let mut observer = Observer::login(server.address, "me", "secret");
    assert_eq!(observer.greeting, "* OK ready");
    assert!(observer.command("CREATE {3}").pop().unwrap().text.starts_with('+'));
    let replies: Vec<String> =
        observer.command_after_literal("a b").into_iter().map(|reply| reply.text).collect();
    assert_eq!(replies, ["* 1 EXISTS", "o2 NO [ALERT] full"]);
    let received = server.finish();
    assert_eq!(received[0].text, "o1 LOGIN \"me\" \"secret\"");
    assert!(!received[0].secure);
}

#[test]
#[should_panic(expected = "expected a command like NOOP, got o1 LOGIN")]
fn a_scripted_server_complains_of_another_command() {
    let server = Scripted::new().send("* OK ready\r\n").expect("NOOP", "{tag} OK\r\n").start();
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(b"o1 LOGIN a b\r\n").unwrap();
    stream.read_to_end(&mut vec![]).ok();
    server.finish();
}

#[test]
fn a_scripted_server_answers_the_usual_commands() {
    let server = Scripted::new()
        .capabilities("IMAP4rev1 UIDPLUS MOVE")
        .greet()
        .serve_until("UID MOVE")
        .send("* BYE going down\r\n{tag} NO moved nothing\r\n")
        .flood("* OK again\r\n", 3)
        .serve()
        .on("UID STORE", "{tag} NO never\r\n")
        .start();
    let address = server.address;
    let mut observer = Observer::login(address, "me", "pass");
    let snapshot = observer.snapshot();
    assert_eq!(snapshot.subjects("INBOX"), ["Canned 1", "Canned 2", "Canned 3"]);
    assert!(snapshot.subjects("Archive").is_empty());
    observer.ok("SELECT INBOX");
    let mut texts = |command: &str| {
        observer.command(command).into_iter().map(|reply| reply.text).collect::<Vec<_>>().join(" | ")
    };
    let tagged = |text: String| text.split(" | ").last().unwrap().split_once(' ').unwrap().1.to_owned();
    assert!(texts("UID SEARCH UNSEEN").starts_with("* SEARCH 1 2 3 | "));
    assert!(
        texts("STATUS Archive (MESSAGES UIDNEXT)").starts_with("* STATUS Archive (MESSAGES 0 UIDNEXT 1) | ")
    );
    assert!(
        texts("UID FETCH 3 (UID ENVELOPE BODY.PEEK[HEADER.FIELDS (subject)])")
            .contains("\"Canned 3\" ((\"Ann\" NIL")
    );
    assert_eq!(tagged(texts("UID COPY 1:2 Archive")), "OK [COPYUID 8 1,2 11,12] copied");
    assert!(tagged(texts("UID MOVE 1 Archive")).starts_with("NO moved nothing"));
    let after_the_flood = texts("UID STORE 1 FLAGS (x)");
    assert!(after_the_flood.starts_with("* OK again | * OK again | * OK again | "), "{after_the_flood}");
    assert_eq!(tagged(after_the_flood), "NO never");
    assert!(texts("LOGOUT").starts_with("* BYE see you | "));
    server.wait_for("LOGOUT");
    assert!(!server.verbs().contains(&"EXPUNGE".to_owned()));
}

#[test]
fn a_scripted_server_starts_tls_when_asked() {
    let server = Scripted::new().capabilities("IMAP4rev1 STARTTLS LOGINDISABLED").greet().serve().start();
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(b"a STARTTLS\r\n").unwrap();
    let mut text = vec![];
    while !text.ends_with(b"a OK done\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        text.extend(byte);
    }
    let mut stream = connector(Server::at(server.address, Tls::Starttls).ca_file.as_deref())
        .connect("localhost", stream)
        .unwrap();
    stream.write_all(b"b CAPABILITY\r\nc LOGOUT\r\n").unwrap();
    server.wait_for("LOGOUT");
    let secure: Vec<bool> = server.finish().iter().map(|command| command.secure).collect();
    assert_eq!(secure, [false, true, true]);
}
