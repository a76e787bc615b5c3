//! A password is shown to nobody, whatever the server does with it.

use super::Ended;
use crate::{
    harness::Script,
    scripted::Scripted,
    server::{Server, Tls},
};

const PASSWORD: &str = "hunter2-geheim";
/// `\0user\0password` can't be told in advance, but the password's own part of it in base64 can.
const SCRIPT: &str =
    r#"login { host = "$HOST", port = $PORT, tls = "none", user = "me", password = "$PASSWORD" }:noop()"#;
const BASE64: &str = "AG1lAGh1bnRlcjItZ2VoZWlt";

/// Runs it with a trace, which must not have the secret either.
#[track_caller]
fn keeps_the_secret(capabilities: &str, verb: &str, answer: &str, status: i32) -> Ended {
    let server = Scripted::new().capabilities(capabilities).greet().serve().on(verb, answer).start();
    let mut account = Server::at(server.address, Tls::None);
    account.password = PASSWORD.into();
    let directory = tempfile::TempDir::new().unwrap();
    let trace = directory.path().join("trace");
    let options = ["--timeout", "20", "--trace", trace.to_str().unwrap()];
    let output = Script::new(SCRIPT).on(&account).options(&options).status(status).run();
    let trace = std::fs::read_to_string(trace).unwrap();
    assert!(trace.contains(&format!(" {verb}")), "{trace}");
    for text in [&output.stdout, &output.stderr, &trace] {
        // The source line is the user's own script and shows what is in it.
        let shown: String = text.lines().filter(|line| !line.contains("| login {")).collect();
        assert!(!shown.contains(PASSWORD) && !shown.contains(BASE64), "{output}\n--- trace\n{trace}");
    }
    server.drain();
    let ended = Ended { output, received: server.finish() };
    ended.check_decency();
    ended
}

#[test]
fn a_refusal_that_echoes_the_password() {
    for reply in [
        "{tag} NO no user me with hunter2-geheim\r\n",
        "{tag} BAD unknown: LOGIN \"me\" \"hunter2-geheim\"\r\n",
        "* NO I got hunter2-geheim\r\n{tag} NO hunter2-geheim?\r\n",
        "* OK [ALERT] change hunter2-geheim soon\r\n{tag} NO no\r\n",
        "{tag} NO [ALERT] change hunter2-geheim soon\r\n",
    ] {
        let ended = keeps_the_secret("IMAP4rev1", "LOGIN", reply, 4);
        assert!(ended.output.stderr.contains("<secret>") || reply.ends_with("NO no\r\n"), "{}", ended.output);
    }
}

#[test]
fn a_goodbye_that_echoes_the_password() {
    for end in [
        "* BYE hunter2-geheim\r\n",
        "hunter2-geheim OK\r\n",
        "* LIST hunter2-geheim\r\n",
        "x hunter2-geheim\r\n",
    ] {
        keeps_the_secret(
            "IMAP4rev1",
            "LOGIN",
            &format!("{end}{{tag}} NO\r\n"),
            if end.contains("BYE") { 4 } else { 5 },
        );
    }
}

#[test]
fn a_refusal_that_echoes_the_base64() {
    let reply = format!("{{tag}} NO AUTHENTICATE PLAIN {BASE64} hunter2-geheim\r\n");
    let ended = keeps_the_secret("IMAP4rev1 AUTH=PLAIN SASL-IR", "AUTHENTICATE", &reply, 4);
    assert!(ended.output.stderr.contains("<secret>"), "{}", ended.output);
}

#[test]
fn a_success_that_echoes_the_password() {
    let reply = "* OK [ALERT] hunter2-geheim is weak\r\n{tag} OK [CAPABILITY IMAP4rev1] hunter2-geheim\r\n";
    keeps_the_secret("IMAP4rev1", "LOGIN", reply, 0);
}

#[test]
fn a_later_answer_that_echoes_the_password() {
    keeps_the_secret(
        "IMAP4rev1",
        "NOOP",
        "* OK [ALERT] hunter2-geheim is weak\r\n{tag} NO hunter2-geheim\r\n",
        6,
    );
}

#[test]
fn a_challenge_that_echoes_the_password() {
    for challenge in
        ["+ hunter2-geheim\r\n", "+ aHVudGVyMi1nZWhlaW0=\r\n", "+ not base64: hunter2-geheim\r\n"]
    {
        keeps_the_secret("IMAP4rev1 AUTH=PLAIN LOGINDISABLED", "AUTHENTICATE", challenge, 5);
    }
}
