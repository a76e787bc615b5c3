//! Whether a server is asked for texts in header fields hangs on what was measured, and changes nothing of what is found.

use crate::harness::{Running, Script};
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use crate::scripted::{Received, Scripted, ScriptedServer};
use crate::server::Server;
use rusqlite::Connection;
use std::{fmt::Write, fs, path::Path, thread, time::Duration};
use tempfile::TempDir;

const RULES: &str = r#"
  local done = rules($LOGIN:mailbox "INBOX") {
    { "first", where = { from = "someone@", subject = "m1" }, mark = "seen" },
    { "second", where = { subject = "m2", older_than = "1d", except = { from = "nobody" } }, mark = "seen" },
  }
  print(done.first.matched, done.second.matched)
"#;

fn measures(home: &Path) -> Connection {
    Connection::open(home.join("state/imapscript/cache.db")).unwrap()
}

/// Says that all searches took so many nanoseconds.
fn searches_took(home: &Path, nanoseconds: i64) {
    let sql = "UPDATE measures SET nanoseconds = ?1 WHERE kind = 'search'";
    assert_eq!(measures(home).execute(sql, [nanoseconds]).unwrap(), 1);
}

/// Runs the rules, and tells whether header fields were searched by the server, and what the trace says of the choice.
fn run(server: &Server, home: &Path, options: &[&str]) -> (bool, Vec<String>) {
    let options = [&["-q", "--trace", "$DIR/trace"], options].concat();
    Script::new(RULES).on(server).home(home).options(&options).stdout("111\t111\n").stderr("").run();
    let trace = fs::read_to_string(home.join("trace")).unwrap();
    fs::remove_file(home.join("trace")).unwrap();
    let search = trace.lines().find(|line| line.contains(" UID SEARCH ")).unwrap();
    let notes = trace.lines().filter_map(|line| line.split_once(" -: header fields are "));
    let notes = notes.map(|(_, note)| note.split(':').next().unwrap().to_owned());
    (search.contains("SUBJECT") || search.contains("HEADER"), notes.collect())
}

on_both!(what_the_server_is_slow_to_search_is_looked_at_here, |server| {
    let mail: Vec<_> = (0..300).map(|n| Mail::new(&format!("m{n}"))).collect();
    server.seed("INBOX", &mail);
    let home = TempDir::new().unwrap();
    let home = home.path();
    assert_eq!(run(server, home, &[]), (true, vec![]), "nothing was measured yet");
    searches_took(home, 1000);
    assert_eq!(run(server, home, &[]), (true, vec!["searched by the server".to_owned()]));
    searches_took(home, 20_000_000_000);
    for _ in 0..2 {
        assert_eq!(run(server, home, &[]), (false, vec!["looked at here".to_owned()]));
    }
    assert_eq!(run(server, home, &["-n"]), (true, vec![]), "a dry run has no cache");
    assert_eq!(run(server, home, &["--no-cache"]), (true, vec![]));
    searches_took(home, i64::MAX);
    assert_eq!(run(server, home, &[]), (true, vec![]), "years were no search");
});

/// What a FETCH tells of so many messages.
fn told(messages: u32) -> String {
    let mut told = String::new();
    for uid in 1..=messages {
        let item = "FLAGS () RFC822.SIZE 9 BODY[HEADER.FIELDS (SUBJECT)] {15}\r\nSubject: m1\r\n\r\n";
        write!(told, "* {uid} FETCH (UID {uid} {item})\r\n").unwrap();
    }
    told + "{tag} OK done\r\n"
}

/// What a search tells that finds so many messages.
fn found(messages: u32) -> String {
    let uids: Vec<_> = (1..=messages).map(|uid| uid.to_string()).collect();
    format!("* SEARCH {}\r\n{{tag}} OK done\r\n", uids.join(" "))
}

/// What is told of a mailbox with so many messages when it is opened.
fn opened(messages: u32) -> String {
    format!("* {messages} EXISTS\r\n* OK [UIDVALIDITY 1] fine\r\n{{tag}} OK [READ-ONLY] done\r\n")
}

/// A server with so many messages in its mailbox.
fn scripted(messages: u32) -> Scripted {
    Scripted::new().greet().on("EXAMINE", opened(messages)).on("UID FETCH", told(messages))
}

/// Searches that server, in a mailbox that is open already if something was searched before.
fn search(server: &ScriptedServer, home: &Path, before: &str, subject: &str) -> Running {
    let port = server.address.port();
    let source = format!(
        "local server = login {{ host = '127.0.0.1', port = {port}, tls = 'none', user = 'u', password = 'p' }}\n\
         local inbox = server:mailbox('INBOX')\n\
         {before}\n\
         print(#inbox:search {{ subject = {subject} }})"
    );
    Script::new(&source).home(home).spawn()
}

/// What was searched for.
fn searches(server: ScriptedServer) -> Vec<String> {
    let search = |command: Received| Some(command.text.split_once(" UID SEARCH ")?.1.to_owned());
    server.finish().into_iter().filter_map(search).collect()
}

const TEXTS: &str = r#"UNDELETED OR SUBJECT "m1" SUBJECT "=?""#;

#[test]
fn a_search_is_as_slow_as_the_server_makes_it() {
    let server = scripted(120).serve_until("UID SEARCH").pause().send(found(120)).serve().start();
    check_slow(server, "", &[TEXTS, "UNDELETED"]);
}

#[test]
fn a_search_in_an_open_mailbox_is_as_slow_as_the_server_makes_it() {
    let server = scripted(120).serve_until("UID SEARCH").send(found(120));
    let server = server.serve_until("UID SEARCH").pause().send(found(120)).serve().start();
    check_slow(
        server,
        "inbox:search { flagged = true }",
        &["UNDELETED FLAGGED", TEXTS, "UNDELETED FLAGGED", "UNDELETED"],
    );
}

/// Runs a search twice, of which the server takes its time for the first.
fn check_slow(server: ScriptedServer, before: &str, searched: &[&str]) {
    let home = TempDir::new().unwrap();
    let first = search(&server, home.path(), before, "'m1'");
    server.wait_for("UID SEARCH");
    thread::sleep(Duration::from_secs(1));
    server.go_on();
    for output in [first.finish(), search(&server, home.path(), before, "'m1'").finish()] {
        assert_eq!(output.stdout, "120\n", "{output}");
    }
    assert_eq!(searches(server), searched);
}

#[test]
fn a_mailbox_that_takes_long_to_open_is_no_slow_search() {
    let server = scripted(120).on("UID SEARCH", found(120));
    let server = server.serve_until("EXAMINE").pause().send(opened(120)).serve().start();
    let home = TempDir::new().unwrap();
    let run = search(&server, home.path(), "", "'m1'");
    server.wait_for("EXAMINE");
    let pause = Duration::from_secs(2);
    thread::sleep(pause);
    server.go_on();
    let output = run.finish();
    assert_eq!(output.stdout, "120\n", "{output}");
    let sql = "SELECT nanoseconds FROM measures WHERE kind = 'search'";
    let took: i64 = measures(home.path()).query_row(sql, [], |row| row.get(0)).unwrap();
    assert!(u128::try_from(took).unwrap() < pause.as_nanos(), "{took}");
}

#[test]
fn a_message_that_the_server_can_not_give_is_not_asked_for_in_vain() {
    let server = scripted(1).on("UID SEARCH", found(1));
    let server = server.serve_until("UID FETCH").send("{tag} NO it is broken\r\n").serve().start();
    let home = TempDir::new().unwrap();
    let output = search(&server, home.path(), "", "regex '^m1'").finish();
    assert!(output.stderr.starts_with("error: the server refused UID FETCH: NO it is broken"), "{output}");
    let sql = "
        INSERT INTO measures SELECT account, 'fetch', CAST(items AS BLOB), 1, 1000, 0 FROM shelves;
        INSERT INTO measures
        SELECT account, 'search', mailbox || x'00' || 'UNDELETED OR SUBJECT SUBJECT', 1000000000000, 1, 0
        FROM shelves;
        UPDATE measures SET task = CAST(task AS BLOB);
    ";
    measures(home.path()).execute_batch(sql).unwrap();
    let output = search(&server, home.path(), "", "'m1'").finish();
    assert_eq!(output.stdout, "1\n", "{output}");
    assert_eq!(searches(server), [r#"UNDELETED HEADER "subject" """#, "UNDELETED", TEXTS]);
}
