//! Servers that cheat, or fail, while somebody logs in.

use super::{Case, Ended};
use crate::{
    harness::Script,
    scripted::Scripted,
    server::{Server, Tls},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    thread,
};

const SOURCE: &str = r#"
print(#login { host = "$HOST", port = $PORT, tls = "none", user = "me", $PROOF }:mailbox("INBOX"):all())"#;

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// A server that offers one way to log in. `answers` are what it says to each line of the exchange.
fn case(offered: &str, proof: &str, answers: &[&str]) -> Case {
    let capabilities = format!("IMAP4rev1 LOGINDISABLED SASL-IR AUTH={offered}");
    let mut scripted = Scripted::new().capabilities(&capabilities).greet();
    for (at, answer) in answers.iter().enumerate() {
        scripted = scripted.expect(if at == 0 { "^a1 AUTHENTICATE" } else { "" }, answer);
    }
    Case::new(scripted.stall()).script(&SOURCE.replace("$PROOF", proof))
}

fn scram(answers: &[&str]) -> Case {
    case("SCRAM-SHA-256", r#"password = "geheim""#, answers)
}

/// Checks that the exchange ended with `*`, and that nothing was said after it.
#[track_caller]
fn cancelled(ended: &Ended) {
    assert_eq!(ended.received.last().map(|line| line.text.as_str()), Some("*"), "{:?}", ended.received);
}

#[test]
fn too_many_iterations_and_too_few() {
    for count in ["1000000000", "18446744073709551616", "1", "0", "-5", "x"] {
        let first = format!("+ {}\r\n", base64(&format!("r=abc,s=c2FsdA==,i={count}")));
        let ended = scram(&[&first]).fails(
            4,
            &format!(
                "SCRAM-SHA-256 failed: the server asks for {count} iterations, and 4096 to 1000000 are sound"
            ),
        );
        cancelled(&ended.hinting("hint: the server does not do it as it should, or somebody poses as it"));
    }
}

#[test]
fn challenges_that_make_no_sense() {
    for challenge in [
        "",
        "r=",
        "s=c2FsdA==,i=4096",
        // Not our nonce.
        "r=abc,s=c2FsdA==,i=4096",
        "r=abc,s=???,i=4096",
        "m=extension,r=abc,s=c2FsdA==,i=4096",
        "\u{0}\u{1}\u{ff}",
        "v=c2lnbmF0dXJl",
    ] {
        let first = format!("+ {}\r\n", base64(challenge));
        let ended =
            scram(&[&first]).fails(4, "SCRAM-SHA-256 failed: the server's challenge can't be understood");
        cancelled(&ended);
    }
}

#[test]
fn a_challenge_that_is_cut_short() {
    let ended = scram(&["+ cj1hYmM\r\n"]).run(5);
    ended.said_like("the server sent what can't be right: ");
}

#[test]
fn a_server_that_lets_in_without_proof() {
    for answer in ["a1 OK [CAPABILITY IMAP4rev1] in\r\n", "a1 OK in\r\n"] {
        scram(&[answer])
            .fails(4, "the server did not show that it knows the password of `me`")
            .hinting("hint: somebody may be posing as the server");
    }
}

#[test]
fn a_refusal_within_the_exchange() {
    scram(&[&format!("+ {}\r\n", base64("e=unknown-user"))])
        .fails(4, "the server refused the login of `me`: unknown-user")
        .hinting("hint: check `user` and `password`;");
}

#[test]
fn challenges_without_end() {
    for (offered, proof) in [
        ("PLAIN", r#"password = "geheim""#),
        ("XOAUTH2", r#"access_token = "geheim""#),
        ("OAUTHBEARER", r#"access_token = "geheim""#),
    ] {
        let ended = case(offered, proof, &["+ e30=\r\n"; 6]).run(4);
        let last = ended.received.last().map(|line| line.text.clone());
        assert_eq!(last.as_deref(), Some("*"), "{offered}: {:?}", ended.received);
        ended.said_like(&format!("{offered} failed: the server asks "));
    }
}

#[test]
fn a_refused_token_in_words() {
    let json = r#"{"status":"401","schemes":"bearer","scope":"https://mail.example/ \u001b[2J"}"#;
    let challenge = format!("+ {}\r\n", base64(json));
    for (offered, answer) in [("XOAUTH2", ""), ("OAUTHBEARER", "AQ==")] {
        let proof = r#"access_token = "geheim""#;
        let ended = case(offered, proof, &[&challenge, "a1 NO [AUTHENTICATIONFAILED] no\r\n"]).fails(
            4,
            "the server refused the login of `me` with an access token: no \
             (status 401, schemes bearer, scope https://mail.example/ \\u{1b}[2J)",
        );
        assert_eq!(ended.received[1].text, answer, "{offered}");
    }
}

#[test]
fn a_token_that_the_server_says_back() {
    let challenge = format!("+ {}\r\n", base64(r#"{"status":"400","token":"geheim-token"}"#));
    let ended =
        case("XOAUTH2", r#"access_token = secret.env "TOKEN""#, &[&challenge, "a1 NO geheim-token\r\n"])
            .env("TOKEN", "geheim-token")
            .run(4);
    assert!(!ended.output.stderr.contains("geheim-token"), "{}", ended.output);
    ended.said_like(
        "the server refused the login of `me` with an access token: <secret> (status 400, token <secret>",
    );
}

/// A server that does all of SCRAM right but knows another password, and gives the lines that it read.
fn impostor() -> (Server, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let server = Server::at(listener.local_addr().unwrap(), Tls::None);
    let playing = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        stream.write_all(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256] hi\r\n").unwrap();
        let opening = lines.next().unwrap().unwrap();
        let first = STANDARD.decode(opening.rsplit(' ').next().unwrap()).unwrap();
        let first = String::from_utf8(first).unwrap();
        assert!(first.starts_with("n,,n=me,r="), "{first}");
        let nonce = first.rsplit("r=").next().unwrap();
        let answer = format!("r={nonce}xyz,s=c2FsdA==,i=4096");
        stream.write_all(format!("+ {}\r\n", base64(&answer)).as_bytes()).unwrap();
        let last = lines.next().unwrap().unwrap();
        let signature = format!("v={}", STANDARD.encode([7; 32]));
        stream.write_all(format!("+ {}\r\n", base64(&signature)).as_bytes()).unwrap();
        let rest = lines.map_while(Result::ok);
        [opening, last].into_iter().chain(rest).collect()
    });
    (server, playing)
}

#[test]
fn a_server_that_does_not_know_the_password() {
    let (server, playing) = impostor();
    let script = SOURCE.replace("$PROOF", r#"password = "geheim""#);
    let output = Script::new(&script).on(&server).status(4).run();
    let first = output.stderr.lines().next().unwrap();
    assert_eq!(first, "error: the server did not show that it knows the password of `me`", "{output}");
    let lines = playing.join().unwrap();
    assert_eq!(lines[2..], ["*"], "{lines:?}");
}
