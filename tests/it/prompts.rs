//! What a person is asked for at a terminal, and how often.

use crate::scripted::Scripted;
use crate::server::{Server, Tls};
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

/// Adds an account at a terminal.
fn adding(server: &Server, home: &TempDir) -> Terminal {
    let port = server.address.port().to_string();
    let words = ["accounts", "add", "me@example.org", "--host", "127.0.0.1", "--port", &port];
    let ca_file = server.ca_file.as_ref().unwrap().to_str().unwrap();
    let state = home.path().to_str().unwrap();
    let more = ["--user", &server.user, "--ca-file", ca_file, "--state", state];
    Terminal::start(&[&words[..], &more].concat(), home.path())
}

#[test]
fn a_slip_of_the_fingers_is_no_end_of_adding_an_account() {
    let (server, home) = (Server::dovecot(Tls::Implicit), TempDir::new().unwrap());
    let mut terminal = adding(&server, &home);
    let question = format!("Password of {}: ", server.user);
    terminal.shows(&question).types("wrong\n").shows("error: example: the server refused the login of");
    terminal.shows(&question).types(&format!("{}\n", server.password)).shows("example: logged in");
    terminal.shows("Write the password into").types("\n").shows("added to ");
    assert_eq!(terminal.ends(), Some(0));
    let file = fs::read_to_string(home.path().join(".config/imapscript/accounts.toml")).unwrap();
    assert!(file.contains(&format!("password = {:?}", server.password)), "{file}");
}

#[test]
fn a_password_is_asked_for_three_times_at_most() {
    let (server, home) = (Server::dovecot(Tls::Implicit), TempDir::new().unwrap());
    let mut terminal = adding(&server, &home);
    for _ in 0..3 {
        terminal.shows(&format!("Password of {}: ", server.user)).types("wrong\n");
        terminal.shows("error: example: the server refused the login of");
    }
    assert_eq!(terminal.ends(), Some(4));
    assert!(!home.path().join(".config/imapscript/accounts.toml").exists());
}
