//! What a person at a terminal sees while something is done, and at its end.

use crate::scripted::{Scripted, ScriptedServer};
use crate::terminal::Terminal;
use std::fs;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// A script that searches, at a terminal, and a server that takes its time.
fn searching(options: &[&str]) -> (Terminal, ScriptedServer, TempDir) {
    let home = TempDir::new().unwrap();
    let server = Scripted::new()
        .greet()
        .serve_until("UID SEARCH")
        .pause()
        .send("* SEARCH 1\r\n{tag} OK done\r\n")
        .serve()
        .start();
    let source = format!(
        "local account = login {{ host = '127.0.0.1', port = {}, tls = 'none', user = 'me', password = 'x' }}\n\
         print('found ' .. #account:mailbox('INBOX'):search {{ seen = false }})",
        server.address.port()
    );
    fs::write(home.path().join("script.lua"), source).unwrap();
    let state = home.path().to_str().unwrap().to_owned();
    let words: Vec<&str> =
        ["--state", &state].iter().chain(options).chain(&["script.lua"]).copied().collect();
    (Terminal::start(&words, home.path()), server, home)
}

#[test]
fn who_waits_sees_for_what() {
    let (mut terminal, server, _home) = searching(&[]);
    terminal.shows("me@127.0.0.1: searching INBOX");
    server.go_on();
    terminal.shows("found 1\n").shows("done, nothing was changed\n").ends();
}

#[test]
fn nothing_is_shown_to_who_wants_it_quiet() {
    for options in [&["-q"][..], &["--json"]] {
        let (mut terminal, server, _home) = searching(options);
        server.wait_for("UID SEARCH");
        thread::sleep(Duration::from_millis(1500));
        server.go_on();
        let whole = terminal.whole();
        assert!(whole.contains("found 1") && !whole.contains("searching"), "{whole}");
    }
}

#[test]
fn rules_are_summed_up_at_the_end() {
    let home = TempDir::new().unwrap();
    let source = "for _, name in ipairs { 'INBOX', 'Archive' } do\n\
                  rules(account():mailbox(name)) {\n\
                    { 'old ones', where = { uid = '1:3' }, mark = 'flagged', copy = 'Kept' },\n\
                    { 'new ones', where = { uid = '4:5' }, mark = 'seen' },\n\
                    { 'none', where = { subject = 'no such' }, trash = true },\n\
                  } end";
    fs::write(home.path().join("script.lua"), source).unwrap();
    let mut terminal = Terminal::start(&["--sandbox", "script.lua"], home.path());
    let whole = terminal.whole();
    let end = whole.split_once("by rule:\n").map(|(_, end)| end);
    assert_eq!(end, Some("  old ones  6 marked, 6 copied\n  new ones  4 marked\n"), "{whole}");
}
