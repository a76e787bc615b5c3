//! TLS that is not what it should be, and people on the line.

use super::Case;
use crate::{certificates::Certificate, scripted::Scripted, server::Tls};

fn with(certificate: Certificate) -> [Case; 2] {
    let implicit = Scripted::new().certificate(certificate).handshake().greet().serve();
    let later = Scripted::new().capabilities("IMAP4rev1 STARTTLS").certificate(certificate).greet().serve();
    [Case::new(implicit).tls(Tls::Implicit), Case::new(later).tls(Tls::Starttls)]
}

#[test]
fn a_good_certificate() {
    for case in with(Certificate::Good) {
        case.prints("3\n");
    }
}

#[test]
fn an_expired_certificate() {
    for case in with(Certificate::Expired) {
        case.fails(
            5,
            "TLS with `127.0.0.1` failed: the certificate has expired or is not yet valid (certificate has expired)",
        )
        .hinting("hint: the server's operator must renew it (or this machine's clock is wrong)\n");
    }
}

#[test]
fn a_certificate_for_another_host() {
    for case in with(Certificate::OtherHost) {
        case.fails(
            5,
            "TLS with `127.0.0.1` failed: the certificate is for another host (IP address mismatch)",
        )
        .hinting("hint: `host` must be the name that the certificate was issued for\n");
    }
}

#[test]
fn a_certificate_by_an_unknown_authority() {
    for case in with(Certificate::Stranger) {
        case.fails(
            5,
            "TLS with `127.0.0.1` failed: the certificate is signed by an unknown authority \
             (unable to get local issuer certificate)",
        )
        .hinting("hint: for a server with its own authority, name its certificate: `ca_file = ");
    }
}

#[test]
fn a_server_that_speaks_no_tls_on_its_port() {
    let ended = Case::new(Scripted::new().greet().stall()).tls(Tls::Implicit).run(5);
    ended
        .said_like("TLS with `127.0.0.1` failed: ")
        .hinting("hint: port 993 speaks TLS at once (`tls = \"implicit\"`), port 143 only after STARTTLS");
}

#[test]
fn starttls_that_is_not_offered() {
    let ended = Case::new(Scripted::new().greet().serve())
        .tls(Tls::Starttls)
        .fails(
            5,
            "the server does not offer STARTTLS, and `tls = \"starttls\"` never falls back to plain text",
        )
        .hinting("somebody on the line may be removing it");
    assert!(ended.received.is_empty(), "{:?}", ended.received);
}

#[test]
fn starttls_that_somebody_stripped() {
    // The greeting names no capabilities, and what the server answers to CAPABILITY was edited on the way.
    let scripted = Scripted::new()
        .send("* OK ready\r\n")
        .serve()
        .on("CAPABILITY", "* CAPABILITY IMAP4rev1 XSTARTTLS AUTH=PLAIN SASL-IR\r\n{tag} OK done\r\n");
    let ended = Case::new(scripted).tls(Tls::Starttls).fails(
        5,
        "the server does not offer STARTTLS, and `tls = \"starttls\"` never falls back to plain text",
    );
    assert_eq!(ended.verbs(), ["CAPABILITY"]);
}

fn starttls(reply: &str) -> Case {
    let offering = Scripted::new().capabilities("IMAP4rev1 STARTTLS").greet();
    Case::new(offering.expect("STARTTLS", reply).handshake().serve()).tls(Tls::Starttls)
}

#[test]
fn starttls_that_is_refused() {
    starttls("{tag} NO not today\r\n")
        .fails(5, "STARTTLS failed: the server refused it: `s0 NO not today`")
        .hinting("hint: somebody on the line may be tampering with it");
    starttls("{tag} BAD what?\r\n").fails(5, "STARTTLS failed: the server refused it: `s0 BAD what?`");
}

#[test]
fn bytes_injected_before_the_handshake() {
    let message = "STARTTLS failed: unencrypted data came after the server's reply, before the handshake";
    starttls("{tag} OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n").fails(5, message);
    starttls("{tag} OK begin\r\na1 OK").fails(5, message);
    starttls("{tag} OK begin\r\n\n").fails(5, message);
}

#[test]
fn something_else_than_the_reply_to_starttls() {
    let message = "STARTTLS failed: the server sent something else than the reply to it";
    starttls("* OK [CAPABILITY IMAP4rev1] x\r\n{tag} OK begin\r\n").fails(5, message);
    starttls("* PREAUTH welcome\r\n").fails(5, message);
    starttls("+ go on\r\n").fails(5, message);
    starttls("a1 OK in\r\n").fails(5, message);
}

#[test]
fn something_said_before_starttls_was_asked_for() {
    let scripted = Scripted::new()
        .send("* OK [CAPABILITY IMAP4rev1 STARTTLS] a\r\ns0 OK begin\r\n")
        .expect("STARTTLS", "")
        .handshake()
        .serve();
    let ended = Case::new(scripted).tls(Tls::Starttls).run(5);
    ended.said("STARTTLS failed: the server sent something before it was asked");
}

#[test]
fn what_was_offered_before_tls_does_not_count_after_it() {
    // An unprotected list that would choose another way to log in.
    let scripted = Scripted::new()
        .send("* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR LOGINDISABLED] x\r\n")
        .expect("STARTTLS", "{tag} OK begin\r\n")
        .handshake()
        .expect("CAPABILITY", "* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n")
        .expect("LOGIN", "{tag} OK [CAPABILITY IMAP4rev1] in\r\n")
        .serve();
    Case::new(scripted).tls(Tls::Starttls).prints("3\n");
}

#[test]
fn what_was_said_before_tls_is_not_the_servers_word() {
    let scripted = Scripted::new()
        .send("* OK [ALERT] call 0900\r\n")
        .expect(
            "CAPABILITY",
            "* CAPABILITY IMAP4rev1 STARTTLS\r\n* OK [ALERT] call 0901\r\n* BYE 0902\r\n{tag} OK [ALERT] call 0903\r\n",
        )
        .expect("STARTTLS", "{tag} OK begin\r\n")
        .handshake();
    let offered = |scripted: Scripted| scripted.capabilities("IMAP4rev1 SASL-IR");
    let served = Scripted { steps: scripted.steps, ..offered(Scripted::new()) };
    let closed = Scripted::new()
        .send("* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n* BYE 0904\r\n")
        .expect("STARTTLS", "");
    Case::new(served.serve()).tls(Tls::Starttls).prints("3\n");
    let ended = Case::new(closed).tls(Tls::Starttls).run(5);
    assert!(!ended.output.stderr.contains("0904"), "{}", ended.output);
}

#[test]
fn a_password_is_not_sent_in_the_clear() {
    let script = r#"login { host = "192.0.2.1", tls = "none", user = "me", password = "x" }:noop()"#;
    let output = crate::harness::Script::new(script).status(3).run();
    let first = output.stderr.lines().next().unwrap();
    assert_eq!(first, "error: `tls = \"none\"` with `192.0.2.1` would send the password in the clear");
}
