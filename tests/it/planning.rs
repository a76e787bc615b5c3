//! `plan` and `apply`: what a plan says is done, and nothing else.

use crate::{
    harness::Script,
    mail::Mail,
    output::Output,
    sandbox_server::{on_both, on_every},
    server::Server,
};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};
use tempfile::TempDir;

/// Everything that a plan can say, chained: later statements act on what earlier ones would have brought.
const CHAIN: &str = r#"
allow "purge"
limit(100)
local account = $KEYED
local inbox = account:mailbox "INBOX"
inbox:search({ subject = "a" }):move "New/One"
account:mailbox("New/One"):all():mark("flagged", "$Work")
account:mailbox("New/One"):search({ flagged = true }):copy "Two"
account:mailbox("Two"):search({ subject = "a1" }):move "Three"
rules(inbox) {
  { "b", where = { subject = "b" }, unmark = "seen", copy = "Two" },
  { "c", where = { subject = "c" }, purge = true },
  { "t", where = { subject = "t" }, mark = "answered", trash = true },
}
account:mailbox("Two"):append("Subject: new\r\n\r\nx\r\n", { flags = { "seen" }, date = "2024-02-29T10:00:00+01:00" })
account:mailbox("Two"):search({ subject = "new" }):mark "flagged"
account:create "Empty"
account:rename("Empty", "Renamed")
account:subscribe "Renamed"
inbox:search({ subject = "keep" }):export "out.mbox"
"#;

fn seed(server: &Server) {
    server
        .seed(
            "INBOX",
            &[
                Mail::new("a1"),
                Mail::new("a2").flag("\\Flagged"),
                Mail::new("b").flag("\\Seen"),
                Mail::new("c"),
                Mail::new("t"),
                Mail::new("keep"),
                Mail::new("foreign").flag("\\Deleted"),
            ],
        )
        .seed("Two", &[Mail::new("old")])
        .seed("Trash", &[]);
}

fn plan(server: &Server, home: &Path, source: &str) -> Output {
    let words = ["plan", "-o", "plan.json", "script.lua"];
    Script::command(&words).script(source).on(server).home(home).spawn().finish()
}

fn apply(server: &Server, home: &Path) -> Output {
    Script::command(&["apply", "plan.json"]).on(server).home(home).spawn().finish()
}

on_every!(promise_19_a_plan_that_is_applied_does_what_the_script_does, |server| {
    seed(server);
    let before = server.snapshot();
    let home = TempDir::new().unwrap();
    let planned = plan(server, home.path(), CHAIN);
    assert_eq!(planned.status, Some(0), "{planned}");
    assert!(planned.stdout.ends_with("the plan is in plan.json\n"), "{planned}");
    assert_eq!(server.snapshot(), before, "planning changes nothing");
    let mode = fs::metadata(home.path().join("plan.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let applied = apply(server, home.path());
    let by_plan = server.snapshot();
    let archived = fs::read(home.path().join("out.mbox")).unwrap();
    assert!(archived.windows(14).any(|window| window == b"Subject: keep\n"), "{archived:?}");
    // The same again by the script itself, from the same beginning.
    let mut observer = server.observe();
    for mailbox in by_plan.mailboxes.keys() {
        observer.command(&format!("SELECT \"{mailbox}\""));
        observer.command("STORE 1:* +FLAGS (\\Deleted)");
        observer.command("EXPUNGE");
        if !before.mailboxes.contains_key(mailbox) {
            observer.command("SELECT INBOX");
            observer.command(&format!("DELETE \"{mailbox}\""));
        }
    }
    observer.command("UNSUBSCRIBE Renamed");
    observer.command("DELETE New");
    drop(observer);
    seed(server);
    let other = TempDir::new().unwrap();
    let ran = Script::new(CHAIN).on(server).home(other.path()).spawn().finish();
    assert_eq!(ran.status, applied.status, "{ran}\n{applied}");
    assert_eq!(server.snapshot(), by_plan, "planned: {planned}\napplied: {applied}\nrun: {ran}");
});

on_both!(promise_19_what_changed_since_is_left_alone, |server| {
    server.seed("INBOX", &[Mail::new("a"), Mail::new("a"), Mail::new("a")]).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    plan(server, home.path(), r#"$KEYED:mailbox("INBOX"):all():move "Box""#);
    let mut observer = server.observe();
    observer.command("SELECT INBOX");
    observer.command("STORE 2 +FLAGS (\\Deleted)");
    observer.command("EXPUNGE");
    drop(observer);
    // The plan takes the third for another message than it is.
    let path = home.path().join("plan.json");
    let text = fs::read_to_string(&path).unwrap();
    let at = text.rfind("a@example.org").unwrap();
    fs::write(&path, format!("{}b{}", &text[..at], &text[at + 1..])).unwrap();
    let applied = apply(server, home.path());
    assert_eq!(applied.status, Some(0), "{applied}");
    assert_eq!(
        applied.stdout,
        "$USER@127.0.0.1: moved 1 message from INBOX to Box\n  \
         skipped 1 message (UID 2): no longer in the mailbox\n  \
         skipped 1 message (UID 3): left alone: what is seen now does not match what was searched for\n"
    );
    let after = server.snapshot();
    assert_eq!((after.subjects("INBOX").len(), after.subjects("Box").len()), (1, 1));
    // A second time there is nothing left of it, and undo takes back the first.
    let again = apply(server, home.path());
    assert_eq!(again.status, Some(0), "{again}");
    assert_eq!(server.snapshot(), after);
    let undone = Script::command(&["undo"]).on(server).home(home.path()).spawn().finish();
    assert_eq!(undone.status, Some(0), "{undone}");
    assert_eq!(server.snapshot().subjects("INBOX").len(), 2);
});

#[test]
fn a_plan_keeps_to_limits_and_permissions() {
    let server = Server::sandbox();
    let many: Vec<_> = (0..30).map(|number| Mail::new(&format!("m{number}"))).collect();
    server.seed("INBOX", &many).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    plan(&server, home.path(), r#"limit(30); $KEYED:mailbox("INBOX"):all():move "Box""#);
    let before = server.snapshot();
    let script = |options: &[&str]| {
        let words = [&["apply", "plan.json"], options].concat();
        Script::command(&words).on(&server).home(home.path()).spawn().finish()
    };
    let stopped = script(&[]);
    assert_eq!(stopped.status, Some(7), "{stopped}");
    // There is no script to say it in.
    assert!(stopped.stderr.contains("if it is meant, say how many: `--limit 30`\n"), "{stopped}");
    let refused = script(&["--limit", "30", "--allow", "read,mark"]);
    assert_eq!(refused.status, Some(1), "{refused}");
    assert_eq!(server.snapshot(), before);
    assert_eq!(script(&["--limit", "30"]).status, Some(0));
}

#[test]
fn promise_14_a_plan_that_names_a_message_twice_is_refused() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    plan(&server, home.path(), r#"$KEYED:mailbox("INBOX"):all():copy "Box""#);
    let path = home.path().join("plan.json");
    let mut edited: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let messages = edited["actions"][0]["messages"].as_array_mut().unwrap();
    messages.push(messages[0].clone());
    fs::write(&path, edited.to_string()).unwrap();
    let applied = apply(&server, home.path());
    assert_eq!(applied.status, Some(3), "{applied}");
    assert!(applied.stderr.contains("action 1 of the plan (copy): a message twice"), "{applied}");
    assert_eq!(server.snapshot().subjects("Box"), [""; 0]);
}

#[test]
fn what_is_no_plan_is_refused_before_anything_is_done() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    let source = r#"
        local inbox = $KEYED:mailbox "INBOX"
        inbox:search({ subject = "a" }):mark "seen"
        inbox:search({ subject = "b" }):move "Box""#;
    plan(&server, home.path(), source);
    let path = home.path().join("plan.json");
    let good = fs::read_to_string(&path).unwrap();
    let before = server.snapshot();
    for (from, to, said) in [
        ("\"version\": 1", "\"version\": 2", "the plan is of version 2, and this imapscript knows version 1"),
        ("\"verb\": \"move\"", "\"verb\": \"burn\"", "action 2 of the plan (burn): there is no such action"),
        ("\"uid\": 2", "\"uid\": 0", "action 2 of the plan (move): a message with the UID 0"),
        ("\"uid\": 2", "\"uid\": -2", "this is no plan: invalid value"),
        ("\"uid\": 2", "\"uid\": 2, \"brought_by\": 7", "a message that a later action brings"),
        ("\"target_raw\": \"Box\"", "\"target_raw\": \"B\\u0000x\"", "no mailbox has this name"),
        ("\"target_raw\": \"Box\"", "\"target_raw\": \"B\\u2603x\"", "no mailbox has this name"),
        ("\\\\Seen", "\\\\Se en", "a flag that is none"),
        ("\"account_key\"", "\"account_kex\"", "this is no plan: unknown field `account_kex`"),
        ("\"account_key\": \"", "\"account_key\": \"x", "the journal does not know how to reach the account"),
        ("{", "", "this is no plan"),
    ] {
        assert!(good.contains(from), "{from} is not in {good}");
        let at = good.rfind(from).unwrap();
        fs::write(&path, format!("{}{to}{}", &good[..at], &good[at + from.len()..])).unwrap();
        let output = apply(&server, home.path());
        assert_eq!(output.status, Some(3), "{from} -> {to}: {output}");
        assert!(output.stderr.contains(said), "{from} -> {to}: {output}");
        assert_eq!(server.snapshot(), before, "{from} -> {to}");
    }
    // Cut anywhere, or with any byte another, it does no more than it named, and never panics.
    for at in (0..good.len()).step_by(37) {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = bytes[at].wrapping_add(1);
        for text in [&good.as_bytes()[..at], &bytes] {
            fs::write(&path, text).unwrap();
            let output = apply(&server, home.path());
            assert!(matches!(output.status, Some(0 | 3 | 6 | 8)), "{output}");
            assert!(!output.stderr.contains("panicked"), "{output}");
            assert_eq!(server.snapshot().digests(), before.digests());
        }
    }
}

#[test]
fn a_plan_is_written_over_nothing_but_a_plan() {
    let server = Server::sandbox();
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("plan.json"), "my letters").unwrap();
    let output = plan(&server, home.path(), "$KEYED:create 'New'");
    assert_eq!(output.status, Some(3), "{output}");
    assert!(output.stderr.contains("`plan.json` exists already and is no plan"), "{output}");
    assert_eq!(fs::read_to_string(home.path().join("plan.json")).unwrap(), "my letters");
    fs::remove_file(home.path().join("plan.json")).unwrap();
    for _ in 0..2 {
        assert_eq!(plan(&server, home.path(), "$KEYED:create 'New'").status, Some(0));
    }
    // A script that fails leaves none.
    fs::remove_file(home.path().join("plan.json")).unwrap();
    let output = plan(&server, home.path(), "$KEYED:create 'New'; error 'no'");
    assert_eq!(output.status, Some(1), "{output}");
    assert!(!home.path().join("plan.json").exists());
}

#[test]
fn a_plan_takes_the_place_of_another_wholly_or_not_at_all() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a")]).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    let source = r#"$KEYED:mailbox("INBOX"):all():move "Box""#;
    assert_eq!(plan(&server, home.path(), source).status, Some(0));
    let good = fs::read(home.path().join("plan.json")).unwrap();
    // No file may be larger than nothing.
    let command =
        format!("ulimit -f 0; exec {} plan -q -o plan.json script.lua", env!("CARGO_BIN_EXE_imapscript"));
    let words = ["-c", command.as_str()];
    let cut = Script::command(&words).program("/bin/sh").script(source).on(&server).home(home.path());
    assert_ne!(cut.spawn().finish().status, Some(0));
    assert_eq!(fs::read(home.path().join("plan.json")).unwrap(), good);
    assert_eq!(plan(&server, home.path(), source).status, Some(0));
    // What is no file, or a link to one, stays what it is.
    std::os::unix::fs::symlink("plan.json", home.path().join("link.json")).unwrap();
    let words = ["plan", "-o", "link.json", "script.lua"];
    let refused = Script::command(&words).script(source).on(&server).home(home.path()).spawn().finish();
    assert_eq!(refused.status, Some(3), "{refused}");
    assert!(fs::symlink_metadata(home.path().join("link.json")).unwrap().is_symlink());
}
