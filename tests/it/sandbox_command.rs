//! `--sandbox` and `imapscript sandbox`: a server to play with, away from everything real.

use crate::harness::Script;
use crate::observer::Observer;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const NOTE: &str =
    "sandbox: every account of the script is served by sample mail; no real server is contacted\n";

/// `imapscript sandbox` at work; it is killed when its value is dropped.
struct Served {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    /// All it said about itself.
    said: String,
    address: SocketAddr,
}

impl Served {
    fn start(options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_imapscript"))
            .arg("sandbox")
            .args(["--port", "0"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("Ctrl-C") {
            assert_ne!(stdout.read_line(&mut said).unwrap(), 0, "it ended: {said}");
        }
        let port =
            said.lines().find_map(|line| line.trim().strip_prefix("port")).unwrap().trim().parse().unwrap();
        Self { child, stdout, said, address: (Ipv4Addr::LOCALHOST, port).into() }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn a_kept_sandbox_says_how_to_connect_and_ends_with_ctrl_c() {
    let mut served = Served::start(&[]);
    let port = served.address.port().to_string();
    insta::assert_snapshot!(served.said.replace(&port, "$PORT"), @"
    An IMAP server with sample mail is listening.

      server    127.0.0.1
      port      $PORT
      security  none (it is only reachable from this machine)
      user      any name; each has mail of its own
      password  anything

    Run a script on it:  imapscript --sandbox=127.0.0.1:$PORT SCRIPT
    Ctrl-C ends it, and its mail is gone.
    ");
    let mut observer = Observer::login(served.address, "anybody", "anything");
    assert!(observer.messages("INBOX").len() > 50);
    let signalled =
        Command::new("kill").args(["-s", "INT", &served.child.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    let mut rest = String::new();
    served.stdout.read_to_string(&mut rest).unwrap();
    assert_eq!((served.child.wait().unwrap().code(), rest.as_str()), (Some(0), ""));
    assert!(TcpStream::connect(served.address).is_err());
}

#[test]
fn a_kept_sandbox_can_be_empty_and_without_capabilities() {
    let served = Served::start(&["--empty", "--without", "MOVE", "--without", "uidplus"]);
    assert!(
        served.said.starts_with("An IMAP server with empty mailboxes is listening.\n"),
        "{}",
        served.said
    );
    let mut observer = Observer::login(served.address, "anybody", "anything");
    assert!(observer.messages("INBOX").is_empty());
    let offered = observer.ok("CAPABILITY").remove(0).text;
    assert!(
        !offered.contains("MOVE") && !offered.contains("UIDPLUS") && offered.contains("ESEARCH"),
        "{offered}"
    );
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output =
        Command::new(env!("CARGO_BIN_EXE_imapscript")).args(["sandbox", "--port", &port]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!(
            "error: the sandbox can't listen on 127.0.0.1:{port}: Address already in use (os error 98)\n\
             hint: `--port 0` takes a free one\n"
        )
        .replace("a free one", "a free port")
    );
}

#[test]
fn what_a_run_changes_in_a_kept_sandbox_is_there_in_the_next() {
    let served = Served::start(&[]);
    let option = format!("--sandbox={}", served.address);
    let source = r#"
        local account = login { host = "imap.example.org", user = "me@example.org", password = secret.env "UNSET" }
        account:mailbox("INBOX"):search({ from = "ci@example.org" }):move "CI"
        print(account:status("CI").messages)
    "#;
    let moved = "me@example.org: moved 21 messages from INBOX to CI\n  created mailbox CI\n21\n";
    Script::new(source).options(&[&option]).stdout(moved).stderr(NOTE).run();
    Script::new(source).options(&[&option]).stdout("21\n").stderr(NOTE).run();
}

#[test]
fn an_embedded_sandbox_is_new_in_each_run() {
    let source = "local inbox = login { host = 'h', user = 'u', password = 'p' }:mailbox 'INBOX'\n\
                  local count = #inbox:all()\ninbox:search({ from = 'ci@' }):trash()\nprint(count - #inbox:all())";
    for _ in 0..2 {
        Script::new(source).options(&["--sandbox", "-q"]).stdout("21\n").stderr("").run();
    }
}

#[test]
fn accounts_on_different_servers_have_stores_of_their_own() {
    let source = r#"
        local function open(host, port) return login { host = host, port = port, user = "me@example.org", password = "p" } end
        local one, two, three = open "imap.one.example", open "imap.two.example", open("imap.one.example", 1993)
        local same = open "IMAP.one.example"
        one:mailbox("INBOX"):search({ from = "ci@example.org" }):move "CI"
        for _, account in ipairs { one, two, three, same } do
          print(#account:list "CI", #account:mailbox("INBOX"):search { from = "ci@example.org" })
        end
        print(one:mailbox("INBOX"):all().uid_validity == two:mailbox("INBOX"):all().uid_validity)
    "#;
    Script::new(source)
        .options(&["--sandbox", "-q"])
        .stdout("1\t0\n0\t21\n0\t21\n1\t0\nfalse\n")
        .stderr("")
        .run();
}

#[test]
fn an_account_on_gmails_host_is_one_of_gmails() {
    let source = r#"
        for _, host in ipairs { "imap.gmail.com", "imap.example.org" } do
          local account = login { host = host, user = "me@example.org", password = "p" }
          local gmail = 0
          for _, name in ipairs(account:capabilities()) do gmail = gmail + (name == "X-GM-EXT-1" and 1 or 0) end
          local trash, inbox = account:status "@trash", account:mailbox "INBOX"
          print(gmail, #account:list "[Gmail]/*", trash.messages > 0, #inbox:all() > 50)
        end
    "#;
    Script::new(source)
        .options(&["--sandbox", "-q"])
        .stdout("1\t7\ttrue\ttrue\n0\t0\ttrue\ttrue\n")
        .stderr("")
        .run();
}

#[test]
fn a_sandbox_run_reads_no_secret_and_contacts_no_server() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let source = format!(
        r#"
        for _, secret in ipairs {{ secret.env "UNSET", secret.command {{ "touch", "$DIR/evaluated" }}, secret.file "/no/such", secret.prompt() }} do
          local account = login {{ host = "127.0.0.1", port = {port}, tls = "none", user = "me", password = secret }}
          print(account:status("INBOX").messages > 50)
        end
        print(login({{ host = "192.0.2.1", tls = "none", user = "me", password = "p" }}):status("INBOX").messages > 50)
        print(login({{ host = "192.0.2.1", user = "me", password = "p", ca_file = "/no/such" }}):status("INBOX").messages > 50)
        print(io.open "$DIR/evaluated")
        "#
    );
    let output = Script::new(&source).options(&["--sandbox"]).stderr(NOTE).run();
    assert_eq!(
        output.stdout,
        format!("{}nil\t$DIR/evaluated: No such file or directory\t2\n", "true\n".repeat(6))
    );
    assert!(listener.accept().is_err(), "nobody came");
}

#[test]
fn a_run_leaves_nothing_in_the_home() {
    let home = TempDir::new().unwrap();
    let script = home.path().join("script.lua");
    fs::write(&script, include_str!("../../scripts/cleanup.lua")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_imapscript"))
        .args(["--sandbox", "script.lua"])
        .env_clear()
        .env("HOME", home.path())
        .current_dir(home.path())
        .output()
        .unwrap();
    assert!(output.status.success());
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["script.lua"]);
}
