//! What a run tells whoever is not there: JSON, a log, a command after a failure, and a service that waits for good news.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use crate::server::Server;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use tempfile::TempDir;

const RULES: &str = r#"
local inbox = $LOGIN:mailbox "INBOX"
print "from the script"
rules(inbox) { { "tidy", where = { subject = "a" }, move = "Old" } }
log.info "half way"
inbox:search({ subject = "b" }):mark "flagged"
"#;

fn mails() -> [Mail; 3] {
    ["a", "=?utf-8?q?b=C3=A9?=", "c"].map(Mail::new)
}

on_both!(json_says_what_happened_and_nothing_else, |server| {
    server.seed("INBOX", &mails());
    let output = Script::new(RULES).on(server).options(&["--json"]).run();
    assert_eq!(output.stderr, "from the script\n");
    let whole: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(output.stdout.lines().count(), 1);
    assert_eq!(
        (&whole["version"], &whole["exit_code"], &whole["dry_run"]),
        (&1.into(), &0.into(), &false.into())
    );
    let actions = whole["actions"].as_array().unwrap();
    let told = |action: &Value| {
        let message = &action["messages"][0];
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        [&action["action"], &action["mailbox"], &action["object"], &action["rule"], &message["subject"]]
            .map(text)
    };
    assert_eq!(told(&actions[0]), ["move", "INBOX", "Old", "tidy", "a"]);
    assert_eq!(told(&actions[1]), ["mark", "INBOX", "\\Flagged", "-", "bé"]);
    assert_eq!(actions.len(), 2);
    assert!(actions[0]["messages"][0]["message_id"].as_str().unwrap().contains('@'), "{whole}");
    assert_eq!(whole["log"][0]["text"], "half way");
    assert_eq!(whole["errors"], Value::Array(vec![]));
});

#[test]
fn json_has_the_failures_and_a_dry_run_its_plan() {
    let server = Server::sandbox();
    server.seed("INBOX", &mails());
    let run = |source: &str, options: &[&str]| {
        let output = Script::new(source).on(&server).options(options).spawn().finish();
        serde_json::from_str::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{output}"))
    };
    let whole = run("$LOGIN:mailbox('None'):all()", &["--json"]);
    assert_eq!(whole["exit_code"], 6);
    let error = &whole["errors"][0];
    assert!(error["message"].as_str().unwrap().contains("refused EXAMINE"), "{whole}");
    assert_eq!(
        (&error["mailbox"], error["place"].as_str().unwrap().rsplit('/').next()),
        (&"None".into(), Some("script.lua:1"))
    );
    let whole = run(RULES, &["--json", "-n"]);
    assert_eq!((&whole["dry_run"], &whole["actions"][0]["planned"]), (&true.into(), &true.into()), "{whole}");
    assert_eq!(whole["actions"][0]["messages"][0]["subject"], "a", "{whole}");
    assert_eq!(server.snapshot().subjects("INBOX").len(), 3);
}

#[test]
fn json_of_an_undo() {
    let server = Server::sandbox();
    server.seed("INBOX", &mails());
    let home = TempDir::new().unwrap();
    Script::new(r#"$KEYED:mailbox("INBOX"):search({ subject = "a" }):move "Old""#)
        .on(&server)
        .home(home.path())
        .run();
    let output = Script::command(&["undo", "--json"]).on(&server).home(home.path()).spawn().finish();
    let whole: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(
        (&whole["name"], &whole["actions"][0]["action"]),
        (&"undo".into(), &"move".into()),
        "{output}"
    );
}

on_both!(a_log_names_every_message, |server| {
    server.seed("INBOX", &mails());
    let home = TempDir::new().unwrap();
    let run = |format: &str| {
        let options = ["--log", "my.log", "--log-format", format];
        Script::new(RULES).on(server).home(home.path()).options(&options).run();
        let path = home.path().join("my.log");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::read_to_string(path).unwrap()
    };
    let text = run("text");
    let told: Vec<_> = text.lines().map(|line| line.split_once('Z').unwrap().1).collect();
    let has = |part: &str| assert!(told.iter().any(|line| line.contains(part)), "{part}: {text}");
    has(" INFO  ");
    has("begins");
    has(": moved 1 message from INBOX to Old (tidy)");
    has("“a” of INBOX (tidy)");
    has("“bé” of INBOX");
    has("half way");
    has("ends with exit code 0");
    server.seed("INBOX", &mails());
    let both = run("json");
    let added: Vec<Value> =
        both[text.len()..].lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let message = added.iter().find(|line| line["subject"] == "a").unwrap();
    assert_eq!(
        (&message["outcome"], &message["rule"], &message["level"]),
        (&"moved".into(), &"tidy".into(), &"info".into())
    );
    assert!(message["message_id"].as_str().unwrap().contains('@'));
});

#[test]
fn a_log_has_failures_and_no_secrets() {
    let server = Server::sandbox();
    let home = TempDir::new().unwrap();
    Script::new(r#"login { host = "$HOST", port = $PORT, tls = "none", user = "x", password = "canary-1" }:mailbox("No\nne"):all()"#)
        .on(&server)
        .home(home.path())
        .options(&["--log", "my.log"])
        .spawn()
        .finish();
    let text = fs::read_to_string(home.path().join("my.log")).unwrap();
    assert!(text.contains(" ERROR "), "{text}");
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(!text.contains("canary"), "{text}");
    let output = Script::new("x()").home(home.path()).options(&["--log", "no/such/my.log"]).status(3).run();
    assert!(output.stderr.contains("the log `no/such/my.log` can't be written"), "{output}");
}

on_both!(a_log_names_the_messages_that_were_left_alone, |server| {
    server.seed("INBOX", &mails());
    let home = TempDir::new().unwrap();
    let source = r#"
    local inbox = $LOGIN:mailbox "INBOX"
    local found = inbox:search { seen = false }
    inbox:search({ subject = "a" }):mark "seen"
    found:move("Old", { limit = 9 })
    "#;
    let output =
        Script::new(source).on(server).home(home.path()).options(&["--log", "my.log", "--json"]).run();
    let text = fs::read_to_string(home.path().join("my.log")).unwrap();
    assert!(text.contains(": skipped <a@example.org> “a” of INBOX"), "{text}");
    let whole: Value = serde_json::from_str(&output.stdout).unwrap();
    let messages = whole["actions"][1]["messages"].as_array().unwrap();
    let outcomes: Vec<_> = messages.iter().map(|message| message["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["skipped", "moved", "moved"]);
});

#[test]
fn what_keeps_a_script_from_beginning_is_told_too() {
    let home = TempDir::new().unwrap();
    let told = || fs::read_to_string(home.path().join("told")).unwrap_or_default();
    let run = |options: &[&str], script: &str| {
        let words = [&["--on-failure", "cat > told"], options, &[script]].concat();
        let text = "ping = 'http://127.0.0.1:1/never'\n";
        Script::command(&words).home(home.path()).accounts(text).spawn().finish()
    };
    assert_eq!(run(&[], "none.lua").status, Some(1));
    assert!(told().contains("the script `none.lua` can't be read"), "{}", told());
    assert_eq!(run(&["--log", "no/such/log"], "script.lua").status, Some(3));
    assert!(told().contains("the log `no/such/log` can't be written"), "{}", told());
    fs::remove_file(home.path().join("told")).unwrap();
    // What is only tried is no news.
    assert_eq!(run(&["-n"], "none.lua").status, Some(1));
    assert_eq!(run(&["--sandbox"], "none.lua").status, Some(1));
    assert_eq!(run(&["--sandbox"], "script.lua").stderr.matches("warning").count(), 0);
    assert_eq!(told(), "");
}

#[test]
fn a_ping_that_is_no_url_is_not_shown() {
    for url in ["canary canary", "canary:", "http://ca nary/", "canary"] {
        let output = Script::new("print(1)").options(&["--ping", url]).run();
        assert!(output.stderr.starts_with("warning: ") && !output.stderr.contains("nary"), "{output}");
    }
}

#[test]
fn what_fails_in_a_line_is_in_the_json() {
    let output = Script::command(&["repl", "--json"]).stdin("error 'x'\nno_such()\n").spawn().finish();
    let whole: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(whole["errors"].as_array().unwrap().len(), 2, "{whole}");
    assert_eq!(whole["errors"][0]["message"], "x");
}

on_both!(what_moves_text_about_is_written_by_its_number, |server| {
    server.seed("INBOX", &[Mail::new("=?utf-8?q?a=E2=80=AEb=C2=9Bc=E2=80=A8d?=")]);
    let home = TempDir::new().unwrap();
    let options = ["--json", "--log", "my.log", "--log-format", "json"];
    let source = r#"$LOGIN:mailbox("INBOX"):all():mark "flagged""#;
    let output = Script::new(source).on(server).home(home.path()).options(&options).run();
    for text in [output.stdout, fs::read_to_string(home.path().join("my.log")).unwrap()] {
        assert!(text.contains("a\\u202eb\\u009bc\\u2028d"), "{text}");
        assert!(!text.contains(['\u{202e}', '\u{9b}', '\u{2028}']), "{text}");
        let line = text.lines().find(|line| line.contains("u202e")).unwrap();
        assert!(serde_json::from_str::<Value>(line).is_ok());
    }
});

#[test]
fn json_that_can_not_be_written_is_said() {
    let server = Server::sandbox();
    server.seed("INBOX", &mails());
    let run = |source: &str| {
        let command = format!("exec {} --json script.lua > /dev/full", env!("CARGO_BIN_EXE_imapscript"));
        let words = ["-c", command.as_str()];
        Script::command(&words).program("/bin/sh").script(source).on(&server).spawn().finish()
    };
    let output = run("print(1)");
    assert_eq!(output.status, Some(3), "{output}");
    assert!(output.stderr.contains("what happened can't be written: "), "{output}");
    assert_eq!(run(r#"$LOGIN:mailbox("INBOX"):all():mark "flagged""#).status, Some(8));
}

#[test]
fn a_log_goes_through_no_link_and_waits_for_no_pipe() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("target"), "mine").unwrap();
    std::os::unix::fs::symlink("target", home.path().join("link")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(home.path().join("pipe")).status().unwrap().success());
    for log in ["link", "pipe"] {
        let output = Script::new("print(1)").home(home.path()).options(&["--log", log]).status(3).run();
        assert!(output.stderr.contains("can't be written"), "{output}");
    }
    assert_eq!(fs::read_to_string(home.path().join("target")).unwrap(), "mine");
}

#[test]
fn a_failure_is_told_by_a_command() {
    let home = TempDir::new().unwrap();
    let told = || fs::read_to_string(home.path().join("told")).unwrap_or_default();
    let command = r#"{ echo "$IMAPSCRIPT_SCRIPT $IMAPSCRIPT_EXIT_CODE"; cat; } > told"#;
    Script::new("error 'it is broken'").home(home.path()).options(&["--on-failure", command]).status(1).run();
    let lines = told().replace(home.path().to_str().unwrap(), "$DIR");
    assert_eq!(lines, "$DIR/script.lua 1\nimapscript $DIR/script.lua: exit code 1\nit is broken\n");
    fs::remove_file(home.path().join("told")).unwrap();
    Script::new("print(1)").home(home.path()).options(&["--on-failure", command]).run();
    assert_eq!(told(), "");
    // The accounts file says it for all scripts; a dry run is no failure to tell of.
    let text = "on_failure = 'cat > told; exit 3'\n";
    Script::new("error 'again'").home(home.path()).accounts(text).options(&["-n"]).status(1).run();
    assert_eq!(told(), "");
    let output = Script::new("error 'again'").home(home.path()).accounts(text).status(1).run();
    assert!(told().contains("again"));
    assert!(
        output.stderr.contains("warning: the command of `on_failure` ended with exit status: 3"),
        "{output}"
    );
}

/// A server that says which paths it was asked for.
fn listener(answer: &'static str) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ping-me", listener.local_addr().unwrap());
    let (sender, asked) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 2048];
            let length = stream.read(&mut buffer).unwrap();
            let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
            sender.send(request.lines().next().unwrap_or_default().to_owned()).ok();
            write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        }
    });
    (url, asked)
}

#[test]
fn success_is_told_to_a_service_and_failure_is_not() {
    let (url, asked) = listener("200 OK");
    let text = format!("ping = \"{url}\"\n");
    Script::new("print(1)").accounts(&text).stderr("").run();
    assert_eq!(asked.try_recv().unwrap(), "GET /ping-me HTTP/1.1");
    Script::new("error 'x'").accounts(&text).status(1).run();
    Script::new("print(1)").accounts(&text).options(&["-n", "-q"]).run();
    assert!(asked.try_recv().is_err());
    Script::new("print(1)").options(&["--ping", &url]).run();
    assert!(asked.try_recv().is_ok());
}

#[test]
fn a_service_that_can_not_be_told_is_a_warning_without_its_address() {
    let (url, asked) = listener("500 Broken");
    let output = Script::new("print(1)").options(&["--ping", &url]).run();
    assert!(output.stderr.contains("warning: the service of `ping` could not be told: "), "{output}");
    assert!(!output.stderr.contains("ping-me"), "{output}");
    assert_eq!(asked.try_iter().count(), 3);
}
