//! What a person is asked for at a terminal, and how often.

use crate::scripted::Scripted;
use crate::socks_server::SocksServer;
use crate::terminal::Terminal;
use std::fs;
use std::net::SocketAddr;
use tempfile::TempDir;

/// Runs a script that says two times that its account does nothing, at a terminal.
fn twice(address: SocketAddr, settings: &str) -> (Terminal, TempDir) {
    let home = TempDir::new().unwrap();
    let source = format!(
        "local account = login {{ host = '127.0.0.1', port = {}, tls = 'none', user = 'me', password = secret.prompt 'PIN: '{settings} }}\n\
         for turn = 1, 2 do\n\
           local ok, err = pcall(account.noop, account)\n\
           print(turn, ok or err.message)\n\
           if not ok then err:ignore() end\n\
         end\n\
         print 'the end'",
        address.port()
    );
    fs::write(home.path().join("script.lua"), source).unwrap();
    let terminal = Terminal::start(&["--state", home.path().to_str().unwrap(), "script.lua"], home.path());
    (terminal, home)
}

#[test]
fn a_line_that_is_lost_is_no_reason_to_ask_again() {
    let server = Scripted::new().greet().expect("LOGIN", "").start();
    let (mut terminal, _home) = twice(server.address, "");
    terminal.shows("PIN: ").types("geheim\n");
    // Another question would be waited for.
    terminal.shows("1\tthe connection was lost").shows("2\tthe connection was lost").shows("the end").ends();
    assert_eq!(server.verbs(), ["LOGIN"; 2]);
}

#[test]
fn a_password_that_is_refused_is_asked_for_again() {
    let server = Scripted::new().greet().expect("LOGIN", "{tag} NO no\r\n").start();
    let (mut terminal, _home) = twice(server.address, "");
    terminal.shows("PIN: ").types("geheim\n").shows("1\tthe server refused the login of `me`: no");
    terminal.shows("PIN: ").types("geheim\n").shows("2\tthe server refused the login of `me`: no");
    terminal.shows("the end").ends();
}

#[test]
fn a_proxys_password_is_asked_for_again_once_it_was_refused() {
    let server = Scripted::new().greet().expect("LOGIN", "").start();
    let proxy = SocksServer::start(server.address, Some(("me", "right")));
    let settings = format!(", proxy = 'socks5://me@{}', allow_plaintext = true", proxy.address);
    let question = format!("Password of socks5://me@{}: ", proxy.address);
    let (mut terminal, _home) = twice(server.address, &settings);
    terminal.shows("PIN: ").types("geheim\n").shows(&question).types("wrong\n");
    terminal.shows("1\tthe proxy").shows("it refused the name and password");
    terminal.shows(&question).types("right\n").shows("2\tthe connection was lost").shows("the end").ends();
    let (mut terminal, _home) = twice(server.address, &settings);
    terminal.shows("PIN: ").types("geheim\n").shows(&question).types("right\n");
    terminal.shows("1\tthe connection was lost").shows("2\tthe connection was lost").shows("the end").ends();
}
