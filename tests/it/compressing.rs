//! COMPRESS=DEFLATE (RFC 4978), on both servers.

use crate::harness::Script;
use crate::mail::Mail;
use crate::scripted::Scripted;
use crate::server::{Server, Tls};
use std::fs;
use tempfile::TempDir;

/// What a trace tells: the first words of our commands, and where compression begins.
fn told(trace: &str) -> Vec<&str> {
    let lines = trace.lines().filter_map(|line| line.strip_prefix("0 C: a").or(line.strip_prefix("0 -: ")));
    lines.filter_map(|line| line.split(' ').nth(1).filter(|_| !line.starts_with("connected"))).collect()
}

/// Reads and writes much, so that both directions must be in step to the end.
fn begins_behind_the_first_flight(server: &Server, rest: &[&str]) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("trace");
    server.seed("INBOX", &[Mail::new("a").body(&"0123456789abcdef\r\n".repeat(100_000)), Mail::new("b")]);
    Script::new(
        r#"
        local account = $LOGIN
        for message in account:mailbox("INBOX"):all():messages { "text" } do print(#message:text()) end
        account:mailbox("INBOX"):append("Subject: c\r\n\r\n" .. ("x"):rep(200000) .. "\r\n")
        "#,
    )
    .on(server)
    .options(&["-q", "--trace", path.to_str().unwrap()])
    .stdout("1700000\n7\n")
    .stderr("")
    .run();
    let trace = fs::read_to_string(&path).unwrap();
    let first = ["AUTHENTICATE", "NAMESPACE", "EXAMINE", "UID", "COMPRESS"];
    let wanted = [&first[..], &["is"], rest, &["UID", "UID", "STATUS", "APPEND", "LOGOUT"]].concat();
    assert_eq!(told(&trace), wanted, "{trace}");
}

#[test]
fn it_begins_behind_the_first_flight_on_dovecot() {
    begins_behind_the_first_flight(&Server::dovecot(Tls::Implicit).compressed(), &["ENABLE"]);
}

#[test]
fn it_begins_behind_the_first_flight_on_the_sandbox() {
    begins_behind_the_first_flight(&Server::sandbox().compressed(), &[]);
}

#[test]
fn it_is_on_by_itself_beyond_this_machine() {
    let server =
        Scripted::new().capabilities("IMAP4rev1 COMPRESS=DEFLATE").greet().on("COMPRESS", "{tag} NO no\r\n");
    let server = server.serve().start();
    let login = format!(
        "login {{ host = '0.0.0.0', port = {}, tls = 'none', allow_plaintext = true, user = 'u', password = 'p'",
        server.address.port()
    );
    for more in ["", ", compress = false"] {
        Script::new(&format!("print(#{login}{more} }}:mailbox('INBOX'):all())"))
            .options(&["-q"])
            .stdout("3\n")
            .run();
    }
    assert_eq!(
        server.verbs(),
        ["LOGIN", "EXAMINE", "UID SEARCH", "COMPRESS", "LOGOUT", "LOGIN", "EXAMINE", "UID SEARCH", "LOGOUT"]
    );
}
