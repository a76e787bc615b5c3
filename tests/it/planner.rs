//! Whether a server is asked for texts in header fields hangs on what was measured, and changes nothing of what is found.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use crate::scripted::Scripted;
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

#[test]
fn a_search_is_as_slow_as_the_server_makes_it() {
    let uids: Vec<_> = (1..=120).map(|uid| uid.to_string()).collect();
    let mut fetched = String::new();
    for uid in &uids {
        let item = "FLAGS () RFC822.SIZE 9 BODY[HEADER.FIELDS (SUBJECT)] {15}\r\nSubject: m1\r\n\r\n";
        write!(fetched, "* {uid} FETCH (UID {uid} {item})\r\n").unwrap();
    }
    let server = Scripted::new()
        .greet()
        .on("EXAMINE", "* 120 EXISTS\r\n* OK [UIDVALIDITY 1] fine\r\n{tag} OK [READ-ONLY] done\r\n")
        .on("UID FETCH", fetched + "{tag} OK done\r\n")
        .serve_until("UID SEARCH")
        .pause()
        .send(format!("* SEARCH {}\r\n{{tag}} OK done\r\n", uids.join(" ")))
        .serve()
        .start();
    let home = TempDir::new().unwrap();
    let port = server.address.port();
    let source = format!(
        "print(#login {{ host = '127.0.0.1', port = {port}, tls = 'none', user = 'u', password = 'p' }}\
         :mailbox('INBOX'):search {{ subject = 'm1' }})"
    );
    let script = || Script::new(&source).home(home.path()).spawn();
    let first = script();
    server.wait_for("UID SEARCH");
    thread::sleep(Duration::from_millis(500));
    server.go_on();
    for output in [first.finish(), script().finish()] {
        assert_eq!(output.stdout, "120\n", "{output}");
    }
    let searches =
        server.finish().into_iter().filter_map(|it| Some(it.text.split_once(" UID SEARCH ")?.1.to_owned()));
    let searches: Vec<_> = searches.collect();
    assert_eq!(searches, [r#"UNDELETED OR SUBJECT "m1" SUBJECT "=?""#, "UNDELETED"]);
}
