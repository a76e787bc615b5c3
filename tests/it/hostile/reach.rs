//! Servers that can't be reached, say nothing, or don't let anybody in.

use super::{Case, MOVES, WALK};
use crate::{
    harness::Script,
    scripted::Scripted,
    server::{Server, Tls},
};
use std::net::{Ipv4Addr, TcpListener};

#[test]
fn an_unknown_host() {
    let script = r#"login { host = "no-such-host.invalid", user = "me", password = "x" }:noop()"#;
    let output = Script::new(script).options(&["--timeout", "20"]).status(5).run();
    let first = output.stderr.lines().next().unwrap();
    assert!(first.starts_with("error: host `no-such-host.invalid` can't be found: "), "{output}");
    assert!(output.stderr.contains("hint: check `host`, and the network's name service\n"), "{output}");
    assert!(!output.stderr.contains("panicked"), "{output}");
}

#[test]
fn a_refused_connection() {
    // Bound and closed again: nobody listens there.
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let server = Server::at(address, Tls::Implicit);
    Script::new("$LOGIN:noop()")
        .on(&server)
        .status(5)
        .stderr_contains(
            "error: can't connect to `127.0.0.1` port $PORT: 127.0.0.1:$PORT: Connection refused",
        )
        .stderr_contains(
            "hint: check `host` and `port`, and that the server is up and no firewall is between\n",
        )
        .run();
}

#[test]
fn a_server_that_hangs_up_at_once() {
    Case::new(Scripted::new()).fails(5, "the connection was lost: the server hung up");
}

#[test]
fn a_server_without_a_greeting() {
    let ended = Case::new(Scripted::new().stall())
        .silent()
        .fails(5, "the server did not greet within 1 second")
        .hinting("`--timeout SECONDS` waits longer");
    assert!(ended.received.is_empty());
}

#[test]
fn a_server_that_never_begins_tls() {
    for tls in [Tls::Implicit, Tls::Starttls] {
        let capabilities = "IMAP4rev1 STARTTLS";
        let scripted = match tls {
            Tls::Starttls => Scripted::new()
                .capabilities(capabilities)
                .greet()
                .expect("STARTTLS", "{tag} OK begin\r\n")
                .stall(),
            _ => Scripted::new().stall(),
        };
        Case::new(scripted).tls(tls).silent().fails(5, "the server did not answer within 1 second");
    }
}

#[test]
fn silence_in_the_middle_of_a_command() {
    for verb in ["LOGIN", "SELECT", "UID SEARCH", "UID FETCH"] {
        let scripted = Scripted::new().capabilities(MOVES).greet().serve_until(verb).stall();
        Case::new(scripted)
            .script(WALK)
            .silent()
            .fails(5, "the server did not answer within 1 second")
            .hinting(&format!("command {verb}\n"));
    }
}

#[test]
fn silence_in_the_middle_of_a_response() {
    for half in ["* SEARCH 1 2", "* 1 FETCH (BODY[] {100}\r\nabc", "* OK still", "{tag} O"] {
        let scripted = Scripted::new().greet().serve_until("UID SEARCH").send(half).stall();
        Case::new(scripted).silent().fails(5, "the server did not answer within 1 second");
    }
}

#[test]
fn silence_after_a_move_was_sent() {
    let scripted = Scripted::new().capabilities(MOVES).greet().serve_until("UID MOVE").stall();
    let ended = Case::new(scripted).script(WALK).silent().changes().run(8);
    let doubt = "IN DOUBT 3 messages (UID 1:3): the connection broke before the server answered \
        (the server did not answer within 1 second)\n";
    assert!(ended.output.stdout.contains(doubt), "{}", ended.output);
}

#[test]
fn silence_after_logout_is_no_failure() {
    let scripted = Scripted::new().greet().serve_until("LOGOUT").stall();
    Case::new(scripted).silent().prints("3\n");
}

#[test]
fn a_connection_that_is_cut() {
    for verb in ["CAPABILITY", "LOGIN", "SELECT", "UID SEARCH", "UID FETCH"] {
        // Without capabilities in the greeting the client asks for them.
        let scripted = Scripted::new().send("* OK ready\r\n").serve_until(verb);
        Case::new(scripted)
            .script(WALK)
            .fails(5, "the connection was lost: the server hung up")
            .hinting(&format!("command {verb}\n"));
    }
}

#[test]
fn a_wrong_password_is_told_from_a_server_in_trouble() {
    let refused = |reply: &str| Case::new(Scripted::new().greet().serve().on("LOGIN", reply));
    refused("{tag} NO [AUTHENTICATIONFAILED] Authentication failed.\r\n")
        .fails(4, "the server refused the login of `$USER`: Authentication failed.")
        .hinting("hint: check `user` and `password`");
    refused("{tag} NO bad luck\r\n").fails(4, "the server refused the login of `$USER`: bad luck");
    refused("{tag} BAD no\r\n").fails(4, "the server refused the login of `$USER`: no");
    for code in ["UNAVAILABLE", "LIMIT", "INUSE"] {
        refused(&format!("{{tag}} NO [{code}] come again\r\n"))
            .fails(6, "the server refused LOGIN: NO come again");
    }
    refused("* BYE too many connections\r\n{tag} NO go\r\n")
        .fails(4, "the server refused the login of `$USER`: go");
    Case::new(Scripted::new().greet().serve_until("LOGIN").send("* BYE shutting down\r\n"))
        .fails(5, "the server closed the session: shutting down");
}

#[test]
fn a_login_is_tried_once() {
    let scripted = Scripted::new().greet().serve().on("LOGIN", "{tag} NO [AUTHENTICATIONFAILED] no\r\n");
    let ended = Case::new(scripted).fails(4, "the server refused the login of `$USER`: no");
    assert_eq!(ended.verbs(), ["LOGIN"]);
}
