//! Access tokens: how they are got, kept and renewed.

use crate::{
    harness::Script,
    http::Answer,
    output::Output,
    provider::{Provider, SECRET, refusal, tokens},
    scripted::Scripted,
    server::{Server, Tls},
    socks_server::SocksServer,
};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

pub(crate) const COUNT: &str = r#"print(#account():mailbox("INBOX"):all())"#;

/// A person with an account, a browser and a home directory.
pub(crate) struct Person<'a> {
    server: &'a Server,
    provider: &'a Provider,
    pub(crate) home: TempDir,
}

/// What somebody hears who logs in.
const LOGIN_TOLD: &str =
    "your browser is asked to open it\nwaiting for you to log in there; Ctrl-C gives it up\n";

impl<'a> Person<'a> {
    pub(crate) fn new(server: &'a Server, provider: &'a Provider) -> Self {
        let home = TempDir::new().unwrap();
        let text = "import sys, urllib.request\nprint(urllib.request.urlopen(sys.argv[1]).read().decode())\n";
        fs::write(home.path().join("browser.py"), text).unwrap();
        Self { server, provider, home }
    }

    pub(crate) fn prepared(&self, script: Script<'a>, more: &str) -> Script<'a> {
        script
            .on(self.server)
            .home(self.home.path())
            .accounts(&format!("[work]\n$SERVER\n{}{more}", self.provider.settings()))
            .env("CLIENT_SECRET", SECRET)
            .env("BROWSER", "/usr/bin/python3 $DIR/browser.py %s")
    }

    pub(crate) fn script(&self, source: &str) -> Script<'a> {
        self.prepared(Script::new(source), "")
    }

    pub(crate) fn command(&self, words: &[&str]) -> Script<'a> {
        self.prepared(Script::command(words), "")
    }

    pub(crate) fn log_in(&self) {
        let output = self.command(&["oauth", "login"]).stderr(LOGIN_TOLD).run();
        no_canary(&output);
        let lines: Vec<_> = output.stdout.lines().collect();
        let page = format!("open {}?", self.provider.server.url("/authorize"));
        assert!(matches!(lines[..], [first, "logged in: work"] if first.starts_with(&page)), "{output}");
    }

    fn tokens(&self) -> PathBuf {
        let all = fs::read_dir(self.home.path().join("state/imapscript/tokens")).unwrap();
        let mut files = all.map(|entry| entry.unwrap().path());
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        files.find(|path| name(path).starts_with("tokens-")).unwrap()
    }
}

/// Checks that nothing secret is shown.
#[track_caller]
pub(crate) fn no_canary(output: &Output) {
    assert!(!output.stdout.contains("canary") && !output.stderr.contains("canary"), "{output}");
}

#[track_caller]
pub(crate) fn error(output: &Output) -> &str {
    no_canary(output);
    output.stderr.lines().find(|line| line.starts_with("error: ")).unwrap()
}

pub(crate) fn token_of(server: &Server) -> String {
    format!("token-of-{}", server.user)
}

#[test]
fn by_browser_and_then_on_dovecot() {
    for tls in [Tls::Implicit, Tls::Starttls] {
        let server = Server::dovecot_of_logins(tls);
        let access = token_of(&server);
        let provider = Provider::start(move |_, _| tokens(&access, "refresh-canary", 3600));
        let person = Person::new(&server, &provider);
        person.log_in();
        assert_eq!(fs::metadata(person.tokens()).unwrap().permissions().mode() & 0o777, 0o600);
        let directory = person.tokens().parent().unwrap().to_owned();
        assert_eq!(fs::metadata(directory).unwrap().permissions().mode() & 0o777, 0o700);
        let output = person.script(COUNT).stdout("0\n").stderr("").options(&["--trace", "$DIR/trace"]).run();
        no_canary(&output);
        let trace = fs::read_to_string(person.home.path().join("trace")).unwrap();
        assert!(!trace.contains("token-of") && trace.contains("AUTHENTICATE"), "{trace}");
        let oldest = person.prepared(Script::new(COUNT), "auth = \"xoauth2\"\n");
        oldest.stdout("0\n").run();
        assert_eq!(provider.grants(), ["authorization_code"]);
    }
}

#[test]
fn by_a_page_that_is_only_shown() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let access = token_of(&server);
    let provider = Provider::start(move |_, _| tokens(&access, "r", 3600));
    let person = Person::new(&server, &provider);
    // What a person does: reads the address, first makes a mistake, and then opens it.
    let text = r#"
import re, subprocess, sys, urllib.error, urllib.parse, urllib.request
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
line = child.stdout.readline()
page = line.removeprefix("open ").strip()
back = urllib.parse.parse_qs(urllib.parse.urlparse(page).query)["redirect_uri"][0]
for wrong in ["favicon.ico", "?code=x&state=wrong", "?state=", "?error=access_denied", "x?code=x"]:
    try:
        urllib.request.urlopen(back + wrong)
        print("taken:", wrong)
    except urllib.error.HTTPError as error:
        print(error.code)
print(urllib.request.urlopen(page).read().decode())
print(child.stdout.read(), end="")
sys.exit(child.wait())
"#;
    fs::write(person.home.path().join("person.py"), text).unwrap();
    let driver = person.home.path().join("person.py");
    let program = env!("CARGO_BIN_EXE_imapscript");
    let words = [driver.to_str().unwrap(), program, "oauth", "login", "--no-browser", "work"];
    let script = Script::command(&words).program("/usr/bin/python3");
    person
        .prepared(script, "")
        .stdout("404\n404\n404\n404\n404\nYou have logged in. This page can be closed.\nlogged in: work\n")
        .run();
    person.script(COUNT).stdout("0\n").run();
}

#[test]
fn by_browser_and_refused() {
    let mut server = Server::dovecot_of_logins(Tls::Implicit);
    server.user = "nobody".to_owned();
    let provider = Provider::start(|_, _| tokens("a", "r", 3600));
    let person = Person::new(&server, &provider);
    let output = person.command(&["oauth", "login"]).status(4).run();
    assert_eq!(error(&output), "error: the provider says: access_denied");
    assert!(provider.grants().is_empty());
}

#[test]
fn by_another_device() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let access = token_of(&server);
    let provider = Provider::start(move |asked, count| {
        assert_eq!(asked.field("device_code").as_deref(), Some("device-canary"));
        match count {
            0 | 1 => refusal("authorization_pending", "wait"),
            2 => refusal("slow_down", "wait more"),
            _ => tokens(&access, "refresh-canary", 3600),
        }
    });
    let person = Person::new(&server, &provider);
    let output = person.command(&["oauth", "login", "--device", "work"]).run();
    no_canary(&output);
    assert_eq!(output.stdout, "open https://login.example/device and type ABCD-EFGH\nlogged in: work\n");
    assert_eq!(provider.grants().len(), 4);
    person.script(COUNT).stdout("0\n").run();
}

#[test]
fn by_another_device_and_interrupted() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let provider = Provider::start(|_, _| refusal("authorization_pending", ""));
    let person = Person::new(&server, &provider);
    let running = person.command(&["oauth", "login", "--device"]).spawn();
    while provider.grants().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    running.signal("INT");
    let output = running.finish();
    assert_eq!(output.status, Some(130), "{output}");
}

#[test]
fn by_another_device_and_refused() {
    for (why, message) in [
        ("access_denied", "the provider says: access_denied: device-code <secret>"),
        ("expired_token", "nobody logged in while the code was good"),
        ("strange", "the provider says: strange: device-code <secret>"),
    ] {
        let server = Server::dovecot_of_logins(Tls::Implicit);
        let provider = Provider::start(move |_, count| match count {
            0 => refusal("authorization_pending", ""),
            _ => refusal(why, "device-code device-canary"),
        });
        let person = Person::new(&server, &provider);
        let output = person.command(&["oauth", "login", "--device"]).status(4).run();
        assert_eq!(error(&output), format!("error: {message}"));
    }
}

#[test]
fn a_provider_without_the_wanted_way() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let oauth2 = |more: &str| format!("[work]\n$SERVER\noauth2 = {{ client_id = \"x\", {more} }}\n");
    for (settings, words, message, hint) in [
        (
            "provider = \"google\"",
            &["--device"][..],
            "the provider gives no codes for other devices",
            "without `--device`",
        ),
        (
            "token_url = \"https://login.example/\"",
            &["--no-browser"],
            "`oauth2` does not say where a person logs in",
            "give `authorization_url`, or use `--device`",
        ),
    ] {
        let output = Script::command(&[&["oauth", "login"], words].concat())
            .on(&server)
            .accounts(&oauth2(settings))
            .status(3)
            .run();
        assert_eq!(error(&output), format!("error: {message}"));
        assert!(output.stderr.contains(hint), "{output}");
    }
}

#[test]
fn a_token_is_renewed_when_it_is_due() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let access = token_of(&server);
    let provider = Provider::start(move |asked, count| match count {
        0 => tokens("never-used-canary", "first-canary", 30),
        1 => {
            assert_eq!(asked.field("refresh_token").as_deref(), Some("first-canary"));
            // Nothing new to renew it with: the old one stays good.
            Answer::json(&format!(r#"{{"access_token":"{access}","token_type":"bearer","expires_in":59}}"#))
        }
        _ => {
            assert_eq!(asked.field("refresh_token").as_deref(), Some("first-canary"));
            tokens(&access, "second-canary", 3600)
        }
    });
    let person = Person::new(&server, &provider);
    person.log_in();
    for _ in 0..4 {
        no_canary(&person.script(COUNT).stdout("0\n").stderr("").run());
    }
    assert_eq!(provider.grants(), ["authorization_code", "refresh_token", "refresh_token"]);
}

#[test]
fn a_token_that_the_server_refuses_is_renewed_once() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let access = token_of(&server);
    let provider = Provider::start(move |_, count| match count {
        0 => tokens("stale-canary", "refresh-canary", 3600),
        _ => tokens(&access, "refresh-canary", 3600),
    });
    let person = Person::new(&server, &provider);
    person.log_in();
    no_canary(&person.script(COUNT).stdout("0\n").stderr("").run());
    assert_eq!(provider.grants(), ["authorization_code", "refresh_token"]);

    let provider =
        Provider::start(|_, count| tokens(&format!("stale{count}-canary"), "refresh-canary", 3600));
    let person = Person::new(&server, &provider);
    person.log_in();
    let output = person.script(COUNT).status(4).run();
    let message =
        "error: the server refused the login of `$USER` with an access token: Authentication failed.";
    assert!(error(&output).starts_with(message), "{output}");
    assert_eq!(provider.grants(), ["authorization_code", "refresh_token"]);
}

#[test]
fn what_is_not_renewed() {
    for (answer, status, message) in [
        (
            refusal("invalid_grant", "Token has been revoked: refresh-canary client-canary \\u001b[2J"),
            4,
            "the provider says: invalid_grant: Token has been revoked: <secret> <secret> \\u{1b}[2J",
        ),
        (Answer::json("{}"), 4, "the provider's answer can't be understood"),
        (Answer::json("[[[[").status(400), 4, "the provider's answer can't be understood"),
        (Answer::json(&"[".repeat(100_000)), 4, "the provider's answer can't be understood"),
        (Answer::json(r#"{"access_token":"x"}"#), 4, "the provider's answer can't be understood"),
        (
            Answer::json(r#"{"access_token":7,"token_type":"bearer"}"#),
            4,
            "the provider's answer can't be understood",
        ),
        (
            Answer::json(r#"{"access_token":"a\r\nb","token_type":"bearer"}"#),
            4,
            "the provider gave a token that can't be one",
        ),
        (
            Answer::json(r#"{"access_token":"","token_type":"bearer"}"#),
            4,
            "the provider gave a token that can't be one",
        ),
        (Answer::redirect("/elsewhere"), 4, "the provider's answer can't be understood"),
        (
            Answer::json(&" ".repeat(2 << 20)),
            5,
            "the provider `127.0.0.1` can't be asked for a token: the response body is larger than request limit: 1048576",
        ),
    ] {
        let server = Server::dovecot_of_logins(Tls::Implicit);
        let provider = Provider::start(move |_, count| match count {
            0 => tokens("access-canary", "refresh-canary", 1),
            _ => answer.clone(),
        });
        let person = Person::new(&server, &provider);
        person.log_in();
        let before = fs::read(person.tokens()).unwrap();
        let output = person.script(COUNT).status(status).run();
        assert_eq!(error(&output), format!("error: {message}"), "{output}");
        // What was there is kept: the provider may come to its senses.
        assert_eq!(fs::read(person.tokens()).unwrap(), before);
        assert_eq!(provider.grants(), ["authorization_code", "refresh_token"]);
    }
}

#[test]
fn a_token_without_end() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    for seconds in [Some(u64::MAX), None] {
        let access = token_of(&server);
        let provider = Provider::start(move |_, _| match seconds {
            Some(seconds) => tokens(&access, "r", seconds),
            None => Answer::json(&format!(r#"{{"access_token":"{access}","token_type":"Bearer"}}"#)),
        });
        let person = Person::new(&server, &provider);
        person.log_in();
        person.script(COUNT).stdout("0\n").run();
        assert_eq!(provider.grants().len(), 1);
    }
}

#[test]
fn runs_at_once_renew_a_token_once() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    // Dovecot now and then hangs up on one of several that make a new user's mailbox at the same time.
    server.seed("INBOX", &[]);
    let access = token_of(&server);
    // Each refresh token is good for one use.
    let provider = Provider::start(move |asked, count| match (count, asked.field("refresh_token")) {
        (0, _) => tokens("old-canary", "refresh-0", 1),
        (count, Some(token)) if token == format!("refresh-{}", count - 1) => {
            tokens(&access, &format!("refresh-{count}"), 3600)
        }
        _ => refusal("invalid_grant", "used before"),
    });
    let person = Person::new(&server, &provider);
    person.log_in();
    let state = person.home.path().join("state/imapscript");
    let others: Vec<_> = (0..6).map(|_| Person::new(&server, &provider)).collect();
    let options = ["--state", state.to_str().unwrap()];
    let running: Vec<_> = others.iter().map(|other| other.script(COUNT).options(&options).spawn()).collect();
    for run in running {
        let output = run.finish();
        assert_eq!((output.status, output.stdout.as_str()), (Some(0), "0\n"), "{output}");
    }
    assert_eq!(provider.grants(), ["authorization_code", "refresh_token"]);
}

#[test]
fn who_has_not_logged_in_is_told_how() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let access = token_of(&server);
    let provider = Provider::start(move |_, _| tokens(&access, "r", 3600));
    let person = Person::new(&server, &provider);
    let refused = || {
        let output = person.script(COUNT).status(4).run();
        let message = "error: nobody has logged in to `work` with its provider, or it was too long ago";
        assert_eq!(error(&output), message);
        assert!(output.stderr.contains("hint: `imapscript oauth login work`"), "{output}");
    };
    let listed = |end: &str| {
        let output = person.command(&["accounts"]).run();
        assert!(output.stdout.ends_with(&format!("  OAuth 2.0, {end}\n")), "{output}");
    };
    listed("not logged in");
    assert!(!person.home.path().join("state").exists(), "looking leaves nothing behind");
    refused();
    person.log_in();
    listed("logged in");
    person.script(COUNT).stdout("0\n").run();
    person.command(&["oauth", "logout"]).stdout("forgotten: the tokens of work\n").run();
    refused();
    person.command(&["oauth", "logout", "work"]).stdout("there are no tokens of work\n").run();
}

#[test]
fn tokens_of_another_client_are_of_no_use() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let (one, two) =
        (Provider::start(|_, _| tokens("a", "r", 3600)), Provider::start(|_, _| tokens("b", "r", 9)));
    let person = Person::new(&server, &one);
    person.log_in();
    let moved = Person { server: &server, provider: &two, home: person.home };
    let output = moved.script(COUNT).status(4).run();
    assert!(error(&output).starts_with("error: nobody has logged in to `work`"), "{output}");
    assert!(two.grants().is_empty());
}

#[test]
fn tokens_that_others_can_read_are_refused() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let provider = Provider::start(|_, _| tokens("access-canary", "refresh-canary", 3600));
    let person = Person::new(&server, &provider);
    person.log_in();
    fs::set_permissions(person.tokens(), Permissions::from_mode(0o640)).unwrap();
    let output = person.script(COUNT).status(3).run();
    assert!(error(&output).ends_with("can be read by others (mode 640)"), "{output}");
    fs::set_permissions(person.tokens(), Permissions::from_mode(0o600)).unwrap();
    fs::write(person.tokens(), "{\"refresh-canary").unwrap();
    let output = person.script(COUNT).status(3).run();
    assert!(error(&output).ends_with("can't be understood"), "{output}");
}

#[test]
fn a_sandbox_needs_no_tokens() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let provider = Provider::start(|_, _| tokens("a", "r", 3600));
    let person = Person::new(&server, &provider);
    person.script(r#"assert(#account("work"):mailbox("INBOX"):all() > 10)"#).options(&["--sandbox"]).run();
    assert!(provider.grants().is_empty());
}

#[test]
fn a_script_may_say_it_all_itself() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let access = token_of(&server);
    let provider = Provider::start(move |_, _| tokens(&access, "r", 3600));
    let person = Person::new(&server, &provider);
    person.log_in();
    let source = |oauth2: &str| {
        format!(
            r#"print(#login {{ host = "$HOST", port = $PORT, ca_file = "$CA", user = "$USER", oauth2 = {oauth2} }}
                :mailbox("INBOX"):all())"#
        )
    };
    let token_url = provider.server.url("/token");
    let good = format!(r#"{{ client_id = "the-client", token_url = "{token_url}" }}"#);
    person.script(&source(&good)).stdout("0\n").run();
    for (oauth2, status, message) in [
        ("7", 1, "`login` wants `oauth2` as a table"),
        ("{}", 1, "`oauth2` has no `client_id`"),
        (r#"{ client_id = "x", provider = "yahoo" }"#, 1, "`oauth2` knows no provider `yahoo`"),
        (r#"{ client_id = "x", token = "y" }"#, 1, "`oauth2` has no setting `token`"),
        (r#"{ client_id = "x" }"#, 3, "`oauth2` does not say where tokens are given"),
        (
            r#"{ client_id = "x", token_url = "http://example.org/" }"#,
            3,
            "`token_url` `http://example.org/` is no address",
        ),
    ] {
        person.script(&source(oauth2)).status(status).stderr_contains(message).run();
    }
}

#[test]
fn undo_gets_a_token_too() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let access = token_of(&server);
    let provider = Provider::start(move |_, count| match count {
        0 => tokens("stale-canary", "r", 3600),
        _ => tokens(&access, "r", 3600),
    });
    server.seed("INBOX", &[crate::mail::Mail::new("a")]);
    let person = Person::new(&server, &provider);
    person.log_in();
    person.script(r#"account():mailbox("INBOX"):all():move("Done")"#).mailbox("INBOX", &[]).run();
    fs::remove_file(person.home.path().join("config/imapscript/accounts.toml")).unwrap();
    Script::command(&["undo"])
        .on(&server)
        .home(person.home.path())
        .env("CLIENT_SECRET", SECRET)
        .mailbox("INBOX", &["a"])
        .run();
}

#[test]
fn the_provider_is_asked_by_the_accounts_proxy() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let provider = Provider::start(|_, _| tokens("a", "r", 3600));
    let upstream = provider.server.url("");
    let upstream = upstream.trim_start_matches("http://").parse().unwrap();
    let proxy = SocksServer::start(upstream, Some(("me", "proxy-canary")));
    let person = Person::new(&server, &provider);
    let more = format!("proxy = \"socks5://me:proxy-canary@{}\"\n", proxy.address);
    let output = person.prepared(Script::command(&["oauth", "login"]), &more).run();
    no_canary(&output);
    assert!(output.stdout.ends_with("\nlogged in: work\n"), "{output}");
    assert_eq!(proxy.asked().len(), 1);
}

#[test]
fn a_provider_that_is_not_there() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let provider = Provider::start(|_, _| tokens("access-canary", "refresh-canary", 1));
    let mut person = Person::new(&server, &provider);
    person.log_in();
    let text = person.provider.settings();
    let gone = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.local_addr().unwrap()
    };
    let old = provider.server.url("");
    let moved = text.replace(&old, &format!("http://{gone}"));
    let tokens = person.tokens();
    let kept = fs::read_to_string(&tokens).unwrap().replace(&old, &format!("http://{gone}"));
    fs::write(&tokens, kept).unwrap();
    let script = Script::new(COUNT)
        .on(person.server)
        .home(person.home.path())
        .accounts(&format!("[work]\n$SERVER\n{moved}"))
        .env("CLIENT_SECRET", SECRET);
    let output = script.status(5).run();
    let message = "error: the provider `127.0.0.1` can't be asked for a token: ";
    assert!(error(&output).starts_with(message), "{output}");
    person.home = TempDir::new().unwrap();
}

#[test]
fn an_account_without_oauth2() {
    let server = Server::at(Scripted::new().start().address, Tls::None);
    for words in [["oauth", "login"], ["oauth", "logout"]] {
        Script::command(&words)
            .on(&server)
            .accounts("[work]\n$SERVER\npassword = { env = \"X\" }\n")
            .status(3)
            .stderr_contains("error: the account work has no `oauth2`")
            .run();
    }
}
