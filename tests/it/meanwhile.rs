//! What another client does while a script has a mailbox open counts: a server need not tell of it before it answers.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use crate::scripted::Scripted;
use crate::server::{Server, Tls};
use imapscript::error::ErrorKind;
use imapscript::imap::{Access, Context, Credentials, Proof, SearchKey, Security, ServerAddress, Session};
use imapscript::mail::{MailboxName, Secret};
use std::{fs, thread, time::Duration};
use tempfile::TempDir;

/// Moves a message, so that INBOX is open for writing, and waits there until another client is done.
const BEGIN: &str = r#"
  local inbox = $LOGIN:mailbox "INBOX"
  local unflagged = inbox:search { flagged = false, subject = "b" }
  inbox:search { subject = "a" }:move "Box"
  run { "sh", "-c", "touch $DIR/begun; while [ -e $DIR/begun ]; do sleep 0.01; done" }
"#;

/// Runs a script that begins so, and has another client give commands in INBOX a while after its last word to the server.
fn run(server: &Server, source: &str, commands: &[&str], stdout: &str) {
    server.seed("INBOX", &["a", "b1", "b2", "b3"].map(Mail::new)).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    let script = Script::new(&(BEGIN.to_owned() + source)).on(server).home(home.path()).options(&["-q"]);
    let running = script.spawn().until(&home.path().join("begun"));
    thread::sleep(Duration::from_millis(5_100));
    let mut other = server.observe();
    other.ok("SELECT INBOX");
    for command in commands {
        other.ok(command);
    }
    server.seed("INBOX", &[Mail::new("b4")]);
    fs::remove_file(home.path().join("begun")).unwrap();
    let output = running.finish();
    assert_eq!((&*output.stdout, output.status), (stdout, Some(0)), "{output}");
}

on_both!(a_message_that_was_flagged_meanwhile_is_not_moved_as_one_that_is_not, |server| {
    let changes = ["STORE 2 +FLAGS.SILENT (\\Flagged)"];
    run(server, "print(#unflagged:move('Box'))", &changes, "2\n");
    assert_eq!(server.snapshot().subjects("INBOX"), ["b2", "b4"]);
});

on_both!(a_search_finds_what_came_meanwhile_and_not_what_went, |server| {
    let changes = ["STORE 1 +FLAGS.SILENT (\\Deleted)", "EXPUNGE", "STORE 1 +FLAGS.SILENT (\\Flagged)"];
    run(
        server,
        "print(#inbox:search { subject = 'b' }, #inbox:search { flagged = true })",
        &changes,
        "3\t1\n",
    );
});

on_both!(a_loop_shows_the_flags_of_now, |server| {
    let changes = ["STORE 1 +FLAGS.SILENT (\\Deleted)", "EXPUNGE", "STORE 1 +FLAGS.SILENT (\\Flagged)"];
    run(
        server,
        "for m in unflagged:messages() do print(m.subject, m.flagged) end",
        &changes,
        "b2\ttrue\nb3\tfalse\n",
    );
});

fn session(server: &Server) -> Session {
    let address = ServerAddress {
        host: server.address.ip().to_string(),
        port: server.address.port(),
        security: Security::None,
        proxy: None,
        compress: false,
    };
    let proof = Proof::Password(Secret::new(server.password.clone()));
    let credentials = Credentials { user: server.user.clone(), proof };
    Session::open(&address, &credentials, None, &Context::default()).unwrap()
}

#[test]
fn an_open_mailbox_that_was_made_again_is_another_one() {
    let server = Server::sandbox();
    server.seed("Box", &["a", "b"].map(Mail::new));
    let mut session = session(&server);
    let name = MailboxName::new("Box").unwrap();
    let mut search = || session.uid_search(&name, Access::Read, &SearchKey::All);
    assert_eq!(search().unwrap().len(), 2);
    thread::sleep(Duration::from_millis(5_100));
    server.observe().ok("DELETE Box");
    server.seed("Box", &[Mail::new("c")]);
    let error = search().unwrap_err();
    assert!(matches!(*error.kind, ErrorKind::UidValidityChanged { .. }), "{error}");
    assert_eq!(search().unwrap().len(), 1);
}

#[test]
fn an_open_mailbox_without_uidvalidity_any_more_is_refused() {
    let opening = |validity: &str| format!("* 3 EXISTS\r\n{validity}{{tag}} OK [READ-ONLY] open\r\n");
    let scripted = Scripted::new()
        .greet()
        .serve_until("EXAMINE")
        .send(opening("* OK [UIDVALIDITY 7] valid\r\n"))
        .serve_until("EXAMINE")
        .send(opening(""))
        .serve()
        .on("UID SEARCH", "* SEARCH 1 2 3\r\n{tag} OK found\r\n")
        .start();
    let mut session = session(&Server::at(scripted.address, Tls::None));
    let mut search = || session.uid_search(&MailboxName::inbox(), Access::Read, &SearchKey::All);
    assert_eq!(search().unwrap().len(), 3);
    thread::sleep(Duration::from_millis(5_100));
    let error = search().unwrap_err();
    assert!(matches!(*error.kind, ErrorKind::NoUidValidity { .. }), "{error}");
}
