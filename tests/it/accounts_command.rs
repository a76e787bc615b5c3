//! `imapscript accounts`: shows, tries and adds accounts.

use crate::harness::Script;
use crate::mail::Mail;
use crate::output::Output;
use crate::server::{Server, Tls};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::{fs, thread};
use tempfile::TempDir;

const FILE: &str = "config/imapscript/accounts.toml";

/// Runs `accounts` with these words in a home of its own, answering questions with `input`.
fn accounts(server: &Server, home: &Path, words: &[&str], input: &str) -> Output {
    let words: Vec<&str> = std::iter::once("accounts").chain(words.iter().copied()).collect();
    Script::command(&words).on(server).home(home).stdin(input).spawn().finish()
}

fn file(home: &Path) -> String {
    fs::read_to_string(home.join(FILE)).unwrap()
}

/// A name server that gives one answer to each kind of question: what it is asked, and the SRV targets or mail exchange
/// that it has.
fn name_server(answer: fn(&str, u16) -> Vec<Vec<u8>>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let query = &buffer[..length];
            let (mut at, mut labels) = (12, vec![]);
            while query[at] != 0 {
                let end = at + 1 + usize::from(query[at]);
                labels.push(String::from_utf8(query[at + 1..end].to_vec()).unwrap());
                at = end;
            }
            let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
            let answers = answer(&labels.join("."), kind);
            let mut reply =
                [&query[..2], &[0x81, 0x80, 0, 1, 0, u8::try_from(answers.len()).unwrap(), 0, 0, 0, 0]]
                    .concat();
            reply.extend(&query[12..at + 5]);
            for data in answers {
                // The name of the question, for a minute.
                reply.extend([0xc0, 12]);
                reply.extend(kind.to_be_bytes());
                reply.extend([0, 1, 0, 0, 0, 60]);
                reply.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
                reply.extend(data);
            }
            socket.send_to(&reply, from).unwrap();
        }
    });
    address
}

fn name(text: &str) -> Vec<u8> {
    let label = |label: &str| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat();
    let labels = text.split('.').filter(|label| !label.is_empty()).flat_map(label);
    labels.chain([0]).collect()
}

fn srv(priority: u16, port: u16, target: &str) -> Vec<u8> {
    let numbers = [priority, 0, port].map(u16::to_be_bytes).concat();
    [numbers, name(target)].concat()
}

#[test]
fn accounts_are_listed_without_their_passwords() {
    let (server, home) = (Server::sandbox(), TempDir::new().unwrap());
    let output = accounts(&server, home.path(), &[], "");
    assert_eq!(output.status, Some(3), "{output}");
    let text = "[work]\nhost = \"imap.example.org\"\nuser = \"me@example.org\"\npassword = { command = [\"pass\", \"mail/work\"] }\n\
                [b]\nhost = \"mail.example.net\"\ntls = \"starttls\"\nuser = \"b\"\npassword = \"canary\"\n";
    let list = || Script::command(&["accounts"]).accounts(text).run();
    insta::assert_snapshot!(list().stdout, @r"
    work  me@example.org  imap.example.org:993  TLS       password from `pass mail/work`
    b     b               mail.example.net:143  STARTTLS  password in the file
    ");
}

#[test]
fn an_account_is_added_tried_and_used() {
    for server in [Server::dovecot(Tls::Implicit), Server::dovecot(Tls::Starttls), Server::sandbox()] {
        server.seed("INBOX", &[Mail::new("a")]);
        let home = TempDir::new().unwrap();
        let port = server.address.port().to_string();
        let mut words = vec!["add", "me@work.example.org", "--host", "127.0.0.1", "--port", &port];
        words.extend(["--tls", server.tls.name(), "--user", &server.user, "--password-env", "PASSWORD"]);
        let ca_file = server.ca_file.as_ref().map(|path| path.to_str().unwrap().to_owned());
        words.extend(ca_file.iter().flat_map(|path| ["--ca-file", path]));
        let output = accounts(&server, home.path(), &words, "");
        assert_eq!((output.status, output.stderr.as_str()), (Some(0), ""), "{output}");
        assert!(output.stdout.starts_with("example: logged in\n  capabilities: "), "{output}");
        assert!(output.stdout.ends_with("use it as `account \"example\"`\n"), "{output}");
        let path = home.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        Script::new(r#"print(#account("example"):mailbox("INBOX"):all())"#)
            .on(&server)
            .home(home.path())
            .stdout("1\n")
            .run();
        // Another of the same domain: what is in the file stays as it is, a comment and an end without a line break, too.
        let before = format!("{}# mine", file(home.path()));
        fs::write(&path, &before).unwrap();
        let output = accounts(&server, home.path(), &words, "");
        assert_eq!(output.status, Some(0), "{output}");
        assert!(file(home.path()).starts_with(&format!("{before}\n\n[example2]\n")), "{}", file(home.path()));
        let output = accounts(&server, home.path(), &["test"], "");
        assert_eq!(output.status, Some(0), "{output}");
        assert_eq!(output.stdout.matches(": logged in").count(), 2, "{output}");
        let output = accounts(&server, home.path(), &[&words[..], &["--name", "example2"]].concat(), "");
        assert_eq!(output.status, Some(2), "{output}");
        assert!(output.stderr.contains("there is an account `example2` already"), "{output}");
    }
}

#[test]
fn several_are_added_at_once_and_no_name_breaks_the_file() {
    let (server, home) = (Server::sandbox(), TempDir::new().unwrap());
    let port = server.address.port().to_string();
    let begin = |address: &str, name: &[&str]| {
        let words = ["accounts", "add", address, "--host", "127.0.0.1", "--port", &port, "--tls", "none"];
        let words = [&words[..], &["--user", "u", "--password-env", "PASSWORD"], name].concat();
        Script::command(&words).on(&server).home(home.path()).spawn()
    };
    let add = |address: &str, name: &[&str]| begin(address, name).finish();
    let all: Vec<_> = (0..6).map(|_| begin("me@x.example", &["--name", "x"])).collect();
    let statuses: Vec<_> = all.into_iter().map(|one| one.finish().status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == Some(0)).count(), 1, "{statuses:?}");
    let before = file(home.path());
    assert_eq!(before.matches("[x]").count(), 1, "{before}");
    for name in ["", "ping", "on_failure"] {
        let output = add("me@x.example", &["--name", name]);
        assert_eq!(output.status, Some(2), "{output}");
        assert!(output.stderr.contains("no account can be called"), "{output}");
    }
    assert_eq!(add("me@.com", &[]).status, Some(2));
    assert_eq!(file(home.path()), before);
    fs::write(home.path().join(FILE), format!("ping = 'https://example.org/1'\n{before}")).unwrap();
    assert_eq!(add("me@ping.org", &[]).status, Some(0));
    assert_eq!(add("me@x.org", &["--name", "a \"b\" ]#"]).status, Some(0));
    let list = accounts(&server, home.path(), &[], "");
    assert_eq!((list.status, list.stdout.lines().count()), (Some(0), 3), "{list}");
    assert!(list.stdout.contains("ping2") && list.stdout.contains("a \"b\" ]#"), "{list}");
}

#[test]
fn a_file_that_would_grow_too_large_stays_as_it_is() {
    let (server, home) = (Server::sandbox(), TempDir::new().unwrap());
    let port = server.address.port().to_string();
    let path = home.path().join(FILE);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let before = format!("# {}\n", "x".repeat(500));
    fs::write(&path, &before).unwrap();
    // Files may have 512 bytes.
    let command = format!(
        "trap '' XFSZ; ulimit -f 1; exec {} accounts add me@x.example --host 127.0.0.1 --port {port} --tls none --user u --password-env PASSWORD",
        env!("CARGO_BIN_EXE_imapscript")
    );
    let words = ["-c", command.as_str()];
    let output = Script::command(&words).program("/bin/sh").on(&server).home(home.path()).spawn().finish();
    assert_eq!(output.status, Some(3), "{output}");
    assert_eq!(fs::read_to_string(&path).unwrap(), before, "{output}");
}

#[test]
fn a_name_server_that_never_comes_to_an_end_is_left() {
    let (server, home) = (Server::sandbox(), TempDir::new().unwrap());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let socket = UdpSocket::bind(address).unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        // What does not fit is asked for by TCP.
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let mut reply = buffer[..length].to_vec();
            reply[2] = 0x83;
            socket.send_to(&reply, from).unwrap();
        }
    });
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                use std::io::Write;
                stream.write_all(&[0xff, 0xff]).ok();
                while stream.write_all(&[0]).is_ok() {
                    thread::sleep(std::time::Duration::from_millis(300));
                }
            });
        }
    });
    let name_server = address.to_string();
    let words = ["accounts", "add", "me@nothing.invalid", "--name-server", &name_server];
    let output = Script::command(&words).on(&server).home(home.path()).spawn().finish();
    assert_eq!(output.status, Some(2), "{output}");
    assert!(output.stderr.contains("no server was found for nothing.invalid"), "{output}");
    let running = Script::command(&words).on(&server).home(home.path()).spawn();
    thread::sleep(std::time::Duration::from_millis(500));
    running.signal("TERM");
    assert_eq!(running.finish().status, Some(130));
}

#[test]
fn what_does_not_log_in_is_not_added() {
    let (server, home) = (Server::dovecot(Tls::Implicit), TempDir::new().unwrap());
    let port = server.address.port().to_string();
    let ca_file = server.ca_file.as_ref().unwrap().to_str().unwrap();
    let add = |more: &[&str]| {
        let words = ["add", "me@example.org", "--host", "127.0.0.1", "--port", &port, "--ca-file", ca_file];
        accounts(&server, home.path(), &[&words[..], more].concat(), "")
    };
    let output = add(&["--user", &server.user, "--password-command", "echo wrong"]);
    assert_eq!(output.status, Some(4), "{output}");
    let output = add(&["--password-file", "none"]);
    assert_eq!(output.status, Some(3), "{output}");
    let output = add(&[]);
    assert_eq!(output.status, Some(2), "{output}");
    assert!(output.stderr.contains("no password could be asked for: there is no terminal"), "{output}");
    for address in ["example.org", "@example.org", "me@"] {
        let output = accounts(&server, home.path(), &["add", address], "");
        assert_eq!(output.status, Some(2), "{output}");
        assert!(output.stderr.contains("is no address"), "{output}");
    }
    assert!(!home.path().join(FILE).exists());
}

#[test]
fn a_server_outside_the_domain_sees_no_password_unless_a_person_says_so() {
    static PORT: std::sync::OnceLock<u16> = std::sync::OnceLock::new();
    let (server, home) = (Server::dovecot(Tls::Implicit), TempDir::new().unwrap());
    server.seed("INBOX", &[Mail::new("a")]);
    PORT.set(server.address.port()).unwrap();
    let names = name_server(|asked, kind| match (asked, kind) {
        ("_imaps._tcp.example.test", 33) => {
            vec![srv(20, 1, "unreachable.example.test"), srv(10, *PORT.get().unwrap(), "localhost")]
        }
        _ => vec![],
    });
    let names = names.to_string();
    let ca_file = server.ca_file.as_ref().unwrap().to_str().unwrap();
    let words =
        ["add", "me@Example.test", "--name-server", &names, "--user", &server.user, "--ca-file", ca_file];
    let words = [&words[..], &["--password-env", "PASSWORD"]].concat();
    for (answer, code) in [("", 2), ("no\n", 2), ("\n", 2)] {
        let output = accounts(&server, home.path(), &words, answer);
        assert_eq!(output.status, Some(code), "{output}");
        assert!(output.stderr.contains("found localhost:$PORT (TLS): the domain says so (SRV)"), "{output}");
        assert!(
            output.stderr.contains("It is not within Example.test. Send the password there? [no]"),
            "{output}"
        );
        assert!(!home.path().join(FILE).exists());
    }
    let output = accounts(&server, home.path(), &words, "yes\n");
    assert_eq!(output.status, Some(0), "{output}");
    assert!(file(home.path()).contains("host = \"localhost\"\n"), "{}", file(home.path()));
}

#[test]
fn who_takes_the_mail_of_a_domain_tells_its_provider() {
    let (server, home) = (Server::sandbox(), TempDir::new().unwrap());
    let names = name_server(|asked, kind| match (asked, kind) {
        ("_imaps._tcp.example.test" | "_imap._tcp.example.test", 33) => vec![srv(0, 0, ".")],
        ("example.test", 15) => vec![[vec![0, 10], name("aspmx.l.google.com")].concat()],
        _ => vec![],
    });
    let words = ["add", "me@example.test", "--name-server", &names.to_string(), "--password-env", "PASSWORD"];
    let output = accounts(&server, home.path(), &words, "no\n");
    assert_eq!(output.status, Some(2), "{output}");
    assert!(
        output.stderr.contains("found imap.gmail.com:993 (TLS): it takes the domain's mail (MX)"),
        "{output}"
    );
}

#[test]
fn a_domain_of_which_nothing_is_known_is_said() {
    let (server, home) = (Server::sandbox(), TempDir::new().unwrap());
    let names = name_server(|_, _| vec![]);
    let words = ["add", "me@nothing.invalid", "--name-server", &names.to_string()];
    let output = accounts(&server, home.path(), &words, "");
    assert_eq!(output.status, Some(2), "{output}");
    assert!(output.stderr.contains("no server was found for nothing.invalid"), "{output}");
    assert!(output.stderr.contains("--host imap.example.org"), "{output}");
}

/// Runs a script in a session with a system keyring of its own.
const SESSION: &str = r#"
mkdir -p "$XDG_RUNTIME_DIR"
printf unlock | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
printf '%s' "$PASSWORD" | secret-tool store --label=mail service imapscript username work
"$0" script.lua
"#;

#[test]
fn a_password_comes_from_the_system_keyring() {
    let server = Server::sandbox_with(imapscript::sandbox::Options {
        password: Some("pass".into()),
        ..Default::default()
    });
    server.seed("INBOX", &[Mail::new("a")]);
    let run = |name: &str| {
        let text = format!("[work]\n$SERVER\npassword = {{ keyring = {name:?} }}\n");
        Script::command(&["--", "/bin/sh", "-c", SESSION, env!("CARGO_BIN_EXE_imapscript")])
            .program("dbus-run-session")
            .script(r#"print(#account():mailbox("INBOX"):all())"#)
            .on(&server)
            .accounts(&text)
            .spawn()
            .finish()
    };
    let output = run("work");
    assert_eq!((output.status, output.stdout.as_str()), (Some(0), "1\n"), "{output}");
    let output = run("other");
    assert_eq!(output.status, Some(3), "{output}");
    assert!(output.stderr.contains("the system keyring has no `other`"), "{output}");
}

#[test]
fn without_a_session_there_is_no_keyring_and_that_is_said() {
    Script::new("account():noop()")
        .accounts("[work]\nhost = \"127.0.0.1\"\nuser = \"a\"\npassword = { keyring = \"work\" }\n")
        .status(3)
        .stderr_contains("the system keyring can't be read: ")
        .run();
}
