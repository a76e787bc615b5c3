//! The journal and the locks: what is noted, when nothing may be done without them, and how runs keep apart.

use crate::{harness::Script, mail::Mail, sandbox_server::on_both, server::Server};
use rusqlite::Connection;
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};
use tempfile::TempDir;

const MOVE: &str = r#"$LOGIN:mailbox("INBOX"):search({ subject = "a" }):move "Box""#;

/// Opens the journal of runs that had this home.
pub(crate) fn journal(home: &Path) -> Connection {
    Connection::open(home.join("state/imapscript/journal.db")).unwrap()
}

fn table(db: &Connection, sql: &str) -> Vec<String> {
    let mut sql = db.prepare(sql).unwrap();
    let columns = sql.column_count();
    let rows = sql.query_map([], |row| {
        let text = |at| match row.get_unwrap::<_, rusqlite::types::Value>(at) {
            rusqlite::types::Value::Null => "-".to_owned(),
            rusqlite::types::Value::Integer(number) => number.to_string(),
            rusqlite::types::Value::Blob(bytes) => String::from_utf8(bytes).unwrap(),
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Real(_) => unreachable!(),
        };
        Ok((0..columns).map(text).collect::<Vec<_>>().join(" "))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

on_both!(promise_12_what_is_done_is_noted_with_what_tells_messages_apart, |server| {
    let home = TempDir::new().unwrap();
    server
        .seed("INBOX", &[Mail::new("a1").flag("\\Seen"), Mail::new("b"), Mail::new("a2").flag("$Work")])
        .seed("Box", &[Mail::new("old")]);
    let source = MOVE.replace(":move \"Box\"", ":move(\"Box\").moved:mark \"flagged\"");
    Script::new(&source).on(server).home(home.path()).mailbox("Box", &["a1", "a2", "old"]).run();
    let db = journal(home.path());
    let runs = table(&db, "SELECT id, exit, ended >= began FROM runs");
    assert_eq!(runs, ["1 0 1"]);
    let actions = "SELECT verb, shown, target_shown, object, target_next, ended IS NOT NULL FROM actions";
    assert_eq!(table(&db, actions), ["move INBOX Box - 2 1", "mark Box - \\Flagged - 1"]);
    let messages =
        "SELECT action, uid, message_id, flags, subject, fate, landed_uid, size > 50, date > 0 FROM messages";
    assert_eq!(
        table(&db, messages),
        [
            "1 1 a1@example.org \\Seen a1 1 2 1 1",
            "1 3 a2@example.org $Work a2 1 3 1 1",
            "2 2 a1@example.org \\Seen a1 1 - 1 1",
            "2 3 a2@example.org $Work a2 1 - 1 1",
        ]
    );
});

on_both!(promise_12_without_a_journal_nothing_is_changed, |server| {
    server.seed("INBOX", &[Mail::new("a")]).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("file"), "").unwrap();
    let nowhere = home.path().join("file/state");
    for options in [["--state", nowhere.to_str().unwrap()], ["--state", "/proc/none"]] {
        Script::new(MOVE)
            .on(server)
            .options(&options)
            .status(3)
            .stderr_contains("error: the journal `")
            .stderr_contains("hint: nothing is changed without it; `--state DIR` names another directory")
            .changes_nothing()
            .run();
    }
    // The same with a verb on a mailbox, and with an added message.
    for change in ["$LOGIN:create 'New'", "$LOGIN:mailbox('INBOX'):append 'Subject: x\\r\\n\\r\\n'"] {
        let script = Script::new(change).on(server).options(&["--state", "/proc/none"]);
        script.status(3).changes_nothing().run();
    }
});

on_both!(promise_12_a_disk_that_is_full_stops_before_the_first_change, |server| {
    server.seed("INBOX", &[Mail::new("a")]).seed("Box", &[]);
    let limited = "trap '' XFSZ; ulimit -f 16; exec \"$@\"";
    Script::new(MOVE)
        .on(server)
        .program("/bin/sh")
        .options(&["-c", limited, "sh", env!("CARGO_BIN_EXE_imapscript")])
        .status(3)
        .stderr_contains("can't be used")
        .changes_nothing()
        .run();
});

#[test]
fn reading_needs_no_journal() {
    let server = Server::sandbox();
    let source = r#"print(#$LOGIN:mailbox("INBOX"):all())"#;
    Script::new(source).on(&server).options(&["--state", "/proc/none"]).stdout("0\n").run();
}

#[test]
fn the_state_is_its_owners_only() {
    let server = Server::sandbox();
    let home = TempDir::new().unwrap();
    server.seed("INBOX", &[Mail::new("a")]).seed("Box", &[]);
    Script::new(MOVE).on(&server).home(home.path()).run();
    let directory = home.path().join("state/imapscript");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let files: Vec<_> = fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{file:?}");
    }
}

#[test]
fn a_journal_of_a_newer_version_is_refused() {
    let server = Server::sandbox();
    let home = TempDir::new().unwrap();
    server.seed("INBOX", &[Mail::new("a")]).seed("Box", &[]);
    Script::new("$LOGIN:create 'New'").on(&server).home(home.path()).run();
    journal(home.path()).pragma_update(None, "user_version", 5).unwrap();
    let output = Script::new(MOVE).on(&server).home(home.path()).status(3).changes_nothing().run();
    assert!(
        output.stderr.contains(
            "the journal `$DIR/state/imapscript/journal.db` was written by a newer imapscript (version 5; this one knows 4)"
        ),
        "{output}"
    );
}

#[test]
fn a_journal_of_an_older_version_is_brought_up_to_date() {
    let server = Server::sandbox();
    let home = TempDir::new().unwrap();
    server.seed("INBOX", &[Mail::new("a")]).seed("Box", &[]);
    let script = MOVE.replace("$LOGIN", "$KEYED");
    Script::new("$KEYED:create 'New'").on(&server).home(home.path()).run();
    let old =
        "DROP TABLE health; DROP TABLE plans; DROP INDEX runs_of_plan; ALTER TABLE runs DROP COLUMN plan;
               DROP INDEX messages_held;
               CREATE INDEX messages_held ON messages (action) WHERE fate IN (0, 3, 4) AND released = 0;
               PRAGMA user_version = 1";
    journal(home.path()).execute_batch(old).unwrap();
    Script::new(&script).options(&["-n"]).on(&server).home(home.path()).changes_nothing().run();
    Script::new(&script).on(&server).home(home.path()).run();
    let undone = Script::command(&["undo"]).on(&server).home(home.path()).mailbox("INBOX", &["a"]).run();
    assert!(undone.stdout.contains("is undone"), "{undone}");
    let db = journal(home.path());
    let version = db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    assert_eq!(version.unwrap(), 4);
    let held = "SELECT sql FROM sqlite_schema WHERE name = 'messages_held'";
    let held: String = db.query_row(held, [], |row| row.get(0)).unwrap();
    assert!(held.ends_with("WHERE fate NOT IN (1, 2) AND released = 0"), "{held}");
}

#[test]
fn a_damaged_journal_is_set_aside() {
    let server = Server::sandbox();
    let home = TempDir::new().unwrap();
    server.seed("INBOX", &[Mail::new("a")]).seed("Box", &[]);
    let directory = home.path().join("state/imapscript");
    fs::create_dir_all(&directory).unwrap();
    fs::write(
        directory.join("journal.db"),
        "this is no database at all, and longer than its header".repeat(20),
    )
    .unwrap();
    Script::new(MOVE)
        .on(&server)
        .home(home.path())
        .stderr_contains("warning: the journal `$DIR/state/imapscript/journal.db` was damaged and is now `")
        .mailbox("Box", &["a"])
        .run();
    let names: Vec<_> = fs::read_dir(&directory).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(names.iter().any(|name| name.to_str().unwrap().starts_with("journal.db.damaged-")), "{names:?}");
}

#[test]
fn runs_are_forgotten_after_ninety_days_unless_something_is_held() {
    let server = Server::sandbox();
    let home = TempDir::new().unwrap();
    server.seed("INBOX", &[Mail::new("a"), Mail::new("a")]).seed("Box", &[]);
    Script::new(MOVE).on(&server).home(home.path()).run();
    {
        let db = journal(home.path());
        let old = "INSERT INTO runs (name, began) VALUES ('old', unixepoch() - 91 * 86400), ('held', unixepoch() - 91 * 86400)";
        db.execute_batch(old).unwrap();
        let action = "INSERT INTO actions (run, account, verb, mailbox, shown, validity, began, ended)
                      SELECT id, 1, 'move', 'INBOX', 'INBOX', 1, began, began FROM runs WHERE name IN ('old', 'held')";
        db.execute_batch(action).unwrap();
        let message = "INSERT INTO messages (action, uid, flags, fate)
                       SELECT actions.id, 1, '', iif(runs.name = 'held', 3, 1) FROM actions
                       JOIN runs ON runs.id = actions.run WHERE runs.name <> (SELECT name FROM runs WHERE id = 1)";
        db.execute_batch(message).unwrap();
    }
    Script::new("$LOGIN:create 'New'").on(&server).home(home.path()).run();
    let names = table(&journal(home.path()), "SELECT name FROM runs WHERE began < unixepoch() - 86400");
    assert_eq!(names, ["held"]);
    assert_eq!(table(&journal(home.path()), "SELECT count(*) FROM actions WHERE shown = 'INBOX'"), ["2"]);
}

on_both!(promise_16_two_runs_do_not_change_one_account_at_once, |server| {
    let home = TempDir::new().unwrap();
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]).seed("Box", &[]);
    // Stays after its change until it is told to go on.
    let first = MOVE.to_owned()
        + r#"
        run { "sh", "-c", "touch $DIR/moved; while [ ! -e $DIR/go ]; do sleep 0.01; done" }"#;
    let running = Script::new(&first).on(server).home(home.path()).spawn().until(&home.path().join("moved"));
    let second = MOVE.replace("\"a\"", "\"b\"");
    let script = |options: &[&str]| Script::new(&second).on(server).home(home.path()).options(options);
    script(&[])
        .status(9)
        .stderr_contains("another run of imapscript is changing $USER@127.0.0.1")
        .stderr_contains("hint: `--wait` waits until it has ended")
        .changes_nothing()
        .run();
    script(&["--wait=0"]).status(9).run();
    // Reading needs no lock.
    let reads = r#"print(#$LOGIN:mailbox("INBOX"):all())"#;
    Script::new(reads).on(server).home(home.path()).stdout("1\n").run();
    let waiting = script(&["--wait"]).spawn();
    fs::write(home.path().join("go"), "").unwrap();
    assert_eq!(waiting.finish().status, Some(0));
    assert_eq!(running.finish().status, Some(0));
    assert_eq!(server.snapshot().subjects("Box"), ["a", "b"]);
});

#[test]
fn promise_17_an_account_is_its_host_port_and_user_and_where_its_secret_comes_from() {
    let server =
        Server { user: "Me@Example.ORG".into(), password: "canary-4712".into(), ..Server::sandbox() };
    let home = TempDir::new().unwrap();
    let secret = home.path().join("secret");
    fs::write(&secret, "canary-4712\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let sources = [
        ("secret.file \"secret\"", "\"file\":\"$DIR/secret\""),
        ("secret.env \"PASSWORD\"", "\"env\":\"PASSWORD\""),
        ("secret.command { \"cat\", \"secret\" }", "\"command\":[\"cat\",\"secret\"]"),
        ("\"canary-4712\"", "\"password\":{\"prompt\":\"Password: \"}"),
    ];
    for (at, (source, noted)) in sources.into_iter().enumerate() {
        let login = format!(
            "login {{ host = \"LocalHost\", port = $PORT, tls = \"none\", user = \"$USER\", password = {source} }}"
        );
        Script::new(&format!("{login}:create 'New{at}'")).on(&server).home(home.path()).run();
        let db = journal(home.path());
        let rows = table(&db, "SELECT identity, connection FROM accounts");
        assert_eq!(rows.len(), 1, "{rows:?}");
        let identity = format!("Me@Example.ORG localhost:{} ", server.address.port());
        assert!(rows[0].starts_with(&identity), "{rows:?}");
        assert!(rows[0].contains(&noted.replace("$DIR", home.path().to_str().unwrap())), "{rows:?}");
    }
    let state = home.path().join("state/imapscript");
    for file in fs::read_dir(state).unwrap().map(|file| file.unwrap().path()) {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        assert!(!text.contains("canary"), "{file:?} knows the password");
    }
}

/// Ends with the journal as a run leaves it that was killed after its copy and before its marks: on a server without
/// MOVE, whose every message is in both mailboxes.
#[test]
fn promise_13_a_cut_move_is_finished_before_anything_is_searched() {
    let server = Server::sandbox_without(&[crate::proxy::Capability::Move]);
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]).seed("Box", &[Mail::new("a")]);
    let home = TempDir::new().unwrap();
    Script::new(MOVE).on(&server).home(home.path()).run();
    let db = journal(home.path());
    // What was moved is put back beside its copy, and the journal forgets the end.
    let mut observer = server.observe();
    observer.command("SELECT Box");
    observer.command("UID COPY 2 INBOX");
    db.execute_batch(
        "UPDATE actions SET ended = NULL; UPDATE runs SET ended = NULL, exit = NULL;
         UPDATE messages SET uid = 3, fate = 0, landed_uid = NULL, landed_validity = NULL",
    )
    .unwrap();
    drop(db);
    let source = r#"print(#$LOGIN:mailbox("INBOX"):all())"#;
    let output = Script::new(source).on(&server).home(home.path()).run();
    assert_eq!(
        output.stdout,
        "$USER@127.0.0.1: moved 1 message from INBOX to Box\n  begun by run 1 ($DIR/script.lua)\n1\n"
    );
    let after = server.snapshot();
    assert_eq!((after.subjects("INBOX"), after.subjects("Box")), (vec!["b"], vec!["a", "a"]));
}
