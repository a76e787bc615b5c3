//! A run has clean surroundings and is checked. A shell stands in for the program.

use crate::{
    harness::Script,
    mail::Mail,
    scripted::Scripted,
    server::{Server, Tls},
};

#[test]
fn a_run_has_clean_surroundings() {
    let server = Server::dovecot(Tls::Implicit);
    Script::new("echo $HOST:$PORT $TLS $USER $PASSWORD; head -c1 $CA; echo; echo $LOGIN | cut -c-8; pwd; cat; env >&2")
        .program("/bin/sh")
        .on(&server)
        .env("EXTRA", "$DIR/x")
        .stdin("from standard input\n")
        .stdout("127.0.0.1:$PORT implicit $USER pass\n-\nlogin { \n$DIR\nfrom standard input\n")
        .stderr_contains("EXTRA=$DIR/x\n")
        .stderr_contains("HOME=$DIR\n")
        .stderr_contains("XDG_RUNTIME_DIR=$DIR/run\n")
        .changes_nothing()
        .run();
}

#[test]
fn a_run_is_checked() {
    let server = Server::dovecot(Tls::None);
    server.seed("INBOX", &[Mail::new("b"), Mail::new("a")]);
    let output =
        Script::new("date +%F >&2; date +%FT%H:%M:%SZ >&2; echo 'uidvalidity = 123' >&2; exit $(( $# + 2 ))")
            .program("/bin/sh")
            .options(&["-u"])
            .args(&["x"])
            .on(&server)
            .status(3)
            .stderr("$NOW\n$NOW\nuidvalidity = $VALIDITY\n")
            .mailbox("INBOX", &["a", "b"])
            .loses_nothing()
            .run();
    assert_eq!(output.stdout, "");
}

#[test]
#[should_panic(expected = "INBOX after the run")]
fn a_run_with_other_mailboxes_than_expected_fails() {
    let server = Server::dovecot(Tls::None);
    Script::new("").program("/bin/sh").on(&server).mailbox("INBOX", &["a"]).run();
}

#[test]
fn a_run_can_be_interrupted() {
    let server = Scripted::new().greet().stall().start();
    // The shell's own client: it says something and waits for ever. No shell traps SIGINT where it was started to ignore
    // it, as all is that another shell starts in the background.
    let source = "exec 3<>/dev/tcp/$HOST/$PORT; trap 'exit 130' TERM; printf 'a NOOP\\r\\n' >&3; read -r x <&3; read -r x <&3";
    let account = Server::at(server.address, Tls::None);
    let run = Script::new(source).program("/bin/bash").on(&account).spawn();
    server.wait_for("NOOP");
    run.signal("TERM");
    assert_eq!(run.finish().status, Some(130));
}
