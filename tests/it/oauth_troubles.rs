//! Providers of access tokens that are in trouble, or say too much.

use crate::{
    harness::Script,
    http::Answer,
    oauth::{COUNT, Person, error, no_canary, token_of},
    provider::{Provider, SECRET, refusal, tokens},
    server::{Server, Tls},
};
use std::fs;

/// What a run says that must renew a token and is answered so, and its exit code.
#[track_caller]
fn renewing(refresh: &'static str, status: i32, answer: Answer) -> String {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let provider = Provider::start(move |_, count| match count {
        0 => tokens("access-canary", refresh, 1),
        _ => answer.clone(),
    });
    let person = Person::new(&server, &provider);
    person.log_in();
    let output = person.script(COUNT).status(status).run();
    let hint = output.stderr.lines().find(|line| line.contains("hint: ")).unwrap_or_default();
    let hint = hint.trim_start_matches([' ', '=']);
    format!("{}\n{hint}", error(&output))
}

#[test]
fn a_provider_in_trouble_is_no_reason_to_log_in_again() {
    let broken = |status: u16| Answer::json("<html>").status(status);
    for (answer, cause) in [
        (broken(500), "it is in trouble (HTTP status 500)"),
        (broken(503), "it is in trouble (HTTP status 503)"),
        (broken(429), "it is in trouble (HTTP status 429)"),
        (refusal("invalid_grant", "x").status(502), "it is in trouble (HTTP status 502)"),
        (refusal("temporarily_unavailable", "too busy"), "temporarily_unavailable: too busy"),
        (refusal("server_error", "refresh-canary"), "server_error: <secret>"),
    ] {
        assert_eq!(
            renewing("refresh-canary", 5, answer),
            format!(
                "error: the provider `127.0.0.1` can't be asked for a token: {cause}\n\
                 hint: it may be better in a while; else check the network, and the addresses of `oauth2`"
            )
        );
    }
}

#[test]
fn a_provider_that_says_back_what_it_was_asked() {
    let refresh = "1//refresh canary+x";
    for said in ["1//refresh canary+x", "1%2F%2Frefresh+canary%2Bx", "1%2f%2frefresh%20canary%2bx"] {
        let answer = refusal("invalid_grant", &format!("refresh_token={said}&client_secret=client%2Dcanary"));
        assert!(renewing(refresh, 4, answer).starts_with(
            "error: the provider says: invalid_grant: refresh_token=<secret>&client_secret=<secret>\n"
        ));
    }
}

#[test]
fn a_provider_that_says_much() {
    let said = renewing("refresh-canary", 4, refusal("invalid_grant", &"x".repeat(100_000)));
    assert!(said.starts_with("error: the provider says: invalid_grant: xxxxx"), "{said}");
    assert!(said.lines().next().unwrap().len() < 600, "{said}");
}

#[test]
fn an_empty_refresh_token_is_none() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let access = token_of(&server);
    let provider = Provider::start(move |asked, count| {
        if count > 0 {
            assert_eq!(asked.field("refresh_token").as_deref(), Some("first"));
        }
        tokens(&access, if count == 0 { "first" } else { "" }, 1)
    });
    let person = Person::new(&server, &provider);
    person.log_in();
    for _ in 0..2 {
        person.script(COUNT).stdout("0\n").stderr("").run();
    }
    assert_eq!(provider.grants(), ["authorization_code", "refresh_token", "refresh_token"]);

    let provider = Provider::start(|_, _| tokens("access-canary", "", 1));
    let person = Person::new(&server, &provider);
    person.log_in();
    let output = person.script(COUNT).status(4).run();
    assert!(
        error(&output).starts_with("error: nobody has logged in to `work` with its provider"),
        "{output}"
    );
    assert_eq!(provider.grants(), ["authorization_code"]);
}

#[test]
fn a_login_reads_the_clients_secret_once() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let provider = Provider::start(|_, _| tokens("access-canary", "refresh-canary", 3600));
    for words in [&["oauth", "login"][..], &["oauth", "login", "--device"]] {
        let person = Person::new(&server, &provider);
        let settings = provider.settings().replace(
            r#"{ env = "CLIENT_SECRET" }"#,
            r#"{ command = ["sh", "-c", "echo x >> $DIR/asked; printenv CLIENT_SECRET"] }"#,
        );
        let script = person.prepared(Script::command(words), "");
        script.accounts(&format!("[work]\n$SERVER\n{settings}")).run();
        assert_eq!(fs::read_to_string(person.home.path().join("asked")).unwrap(), "x\n", "{words:?}");
    }
}

/// Does what a person does in a session with a system keyring of its own.
const SESSION: &str = r#"
mkdir -p "$XDG_RUNTIME_DIR"
printf unlock | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
"$0" oauth login --keyring 2>&1 | grep -v "^open\|^waiting"
"$0" script.lua
secret-tool search --all service imapscript 2>/dev/null | grep -c canary
cat state/imapscript/tokens/tokens-*
echo
env -u DBUS_SESSION_BUS_ADDRESS "$0" script.lua
"$0" oauth logout
secret-tool search --all service imapscript 2>/dev/null | grep -c canary
"$0" oauth login --keyring >/dev/null 2>&1
"$0" oauth login >/dev/null 2>&1
secret-tool search --all service imapscript 2>/dev/null | grep -c canary
env -u DBUS_SESSION_BUS_ADDRESS "$0" script.lua
"$0" oauth login --keyring >/dev/null 2>&1
env -u DBUS_SESSION_BUS_ADDRESS "$0" oauth login 2>&1 | grep -o 'older tokens stay in the system keyring'
env -u DBUS_SESSION_BUS_ADDRESS "$0" script.lua
"#;

#[test]
fn tokens_in_the_system_keyring() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let access = format!("{}--canary", token_of(&server));
    // The first is due, so that it is renewed where it is.
    let provider =
        Provider::start(move |_, count| tokens(&access, "refresh-canary", if count == 0 { 1 } else { 3600 }));
    let person = Person::new(&server, &provider);
    let words = ["--", "/bin/sh", "-c", SESSION, env!("CARGO_BIN_EXE_imapscript")];
    let script = person.prepared(Script::command(&words), "").program("dbus-run-session").script(COUNT);
    let output = script.spawn().finish();
    no_canary(&output);
    let lines: Vec<_> = output.stdout.lines().collect();
    assert_eq!(lines[..4], ["your browser is asked to open it", "logged in: work", "0", "1"], "{output}");
    assert!(
        lines[4].contains("\"access_token\":\"\"") && lines[4].contains("\"keyring\":\"oauth2 "),
        "{output}"
    );
    assert_eq!(
        lines[5..],
        ["forgotten: the tokens of work", "0", "0", "0", "older tokens stay in the system keyring", "0"],
        "{output}"
    );
    assert!(
        output.stderr.contains("error: the system keyring can't be used, which has the tokens: "),
        "{output}"
    );
    assert_eq!(provider.grants()[..2], ["authorization_code", "refresh_token"]);
}

#[test]
fn nobody_logs_in_for_a_keyring_that_is_not_there() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let provider = Provider::start(|_, _| tokens("a", "r", 3600));
    let person = Person::new(&server, &provider);
    let output = person.command(&["oauth", "login", "--keyring"]).status(2).stdout("").run();
    assert!(error(&output).starts_with("error: the system keyring can't be used: "), "{output}");
    assert!(provider.grants().is_empty());
}

#[test]
fn undo_asks_for_a_clients_secret_by_that_name() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let access = token_of(&server);
    let provider = Provider::start(move |_, _| tokens(&access, "r", 61));
    server.seed("INBOX", &[crate::mail::Mail::new("a")]);
    let person = Person::new(&server, &provider);
    person.log_in();
    let settings = provider.settings().replace(r#"{ env = "CLIENT_SECRET" }"#, &format!("{SECRET:?}"));
    let source = format!(
        r#"login {{ host = "$HOST", port = $PORT, ca_file = "$CA", user = "$USER", {settings} }}
        :mailbox("INBOX"):all():move "Done""#
    );
    person.script(&source).mailbox("INBOX", &[]).run();
    std::thread::sleep(std::time::Duration::from_secs(2));
    fs::remove_file(person.home.path().join("config/imapscript/accounts.toml")).unwrap();
    Script::command(&["undo"])
        .on(&server)
        .home(person.home.path())
        .status(3)
        .stderr_contains("no client secret could be asked for: there is no terminal")
        .run();
}
