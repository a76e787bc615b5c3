//! `imapscript status`: how scripts fared.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use crate::harness::Script;
use crate::mail::Mail;
use crate::output::Output;
use crate::server::Server;
use tempfile::TempDir;

fn status(home: &Path, arguments: &[&str], code: i32) -> Output {
    Script::command(&["status"]).home(home).args(arguments).status(code).run()
}

fn journal(home: &Path) -> Connection {
    Connection::open(home.join("state/imapscript/journal.db")).unwrap()
}

/// Makes all that is known so much older.
fn ages(home: &Path, seconds: i64) {
    let sql = "UPDATE health SET last_good = last_good - ?1, last_failure = last_failure - ?1";
    journal(home).execute(sql, [seconds]).unwrap();
}

/// Times differ from run to run.
fn steady(text: &str) -> String {
    regex::Regex::new(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\dZ)?|\$NOW")
        .unwrap()
        .replace_all(text, "$$WHEN")
        .into_owned()
}

#[test]
fn good_runs_and_failures_are_told_apart() {
    let home = tempfile::tempdir().unwrap();
    let never = status(home.path(), &[], 0);
    assert_eq!(never.stdout, "no script has been run yet\n");
    assert!(!home.path().join("state").exists(), "asking leaves nothing behind");
    let run = |source: &str, code: i32| Script::new(source).home(home.path()).status(code).run();
    run("print 'x'", 0);
    run("error 'own words'", 1);
    run("error 'own words'", 1);
    ages(home.path(), 3 * 60 * 60 + 5);
    run("print 'x'", 0);
    ages(home.path(), 60 * 60);
    insta::assert_snapshot!(steady(&status(home.path(), &[], 0).stdout), @"
    $DIR/script.lua
      last good run  $WHEN (1 h ago)
      last failure   $WHEN (4 h ago), exit code 1
                     own words
      runs           4, of which 2 failed
    ");
    let told = status(home.path(), &["--json", "$DIR/script.lua"], 0).stdout;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let script = &told["scripts"][0];
    assert!((3600..7200).contains(&script["last_good_age"].as_i64().unwrap()), "{script}");
    assert_eq!(script["last_failure_error"], "own words", "{script}");
    assert_eq!((&script["runs"], &script["failures"]), (&4.into(), &2.into()), "{script}");
    assert_eq!((&script["last_failure_exit"], &script["late"]), (&1.into(), &false.into()), "{script}");
    // Dry runs, and what comes from standard input, are nobody's health.
    Script::new("error 'x'").options(&["-n"]).home(home.path()).status(1).run();
    assert!(status(home.path(), &[], 0).stdout.contains("4, of which 2 failed"));
}

#[test]
fn monitors_hear_of_it() {
    let home = tempfile::tempdir().unwrap();
    status(home.path(), &["--max-age", "2d"], 1);
    status(home.path(), &["--max-age", "2d", "$DIR/other.lua"], 1);
    Script::new("").home(home.path()).run();
    status(home.path(), &["--max-age", "2d"], 0);
    status(home.path(), &["--max-age", "2d", "$DIR/script.lua"], 0);
    status(home.path(), &["--max-age", "2d", "$DIR/other.lua"], 1);
    status(home.path(), &["--max-age", "soon"], 2);
    ages(home.path(), 2 * 24 * 60 * 60 + 60);
    let late = status(home.path(), &["--max-age", "2d"], 1);
    assert!(late.stdout.contains(", which is too long ago\n"), "{late}");
    status(home.path(), &["--max-age", "3d"], 0);
    // A failure is not a good run.
    Script::new("error()").home(home.path()).status(1).run();
    status(home.path(), &["--max-age", "2d"], 1);
}

#[test]
fn errors_are_told_without_secrets_and_in_one_line() {
    let server = Server::sandbox();
    server.seed("INBOX", &["a"].map(Mail::new));
    let home = tempfile::tempdir().unwrap();
    Script::new("$LOGIN:mailbox('Missing'):all()").on(&server).home(home.path()).status(6).run();
    let told = status(home.path(), &[], 0).stdout;
    assert!(told.contains(", exit code 6\n") && told.contains("the server refused EXAMINE"), "{told}");
    assert!(!told.contains(&server.password), "{told}");
    Script::new("error('two\\nlines')").home(home.path()).status(1).run();
    assert!(status(home.path(), &[], 0).stdout.contains("two\\nlines\n"));
}

#[test]
fn what_keeps_a_script_from_beginning_is_a_failure_too() {
    let home = tempfile::tempdir().unwrap();
    let run = |options: &[&str], code: i32| {
        Script::new("print 'x'").home(home.path()).options(options).status(code).run()
    };
    // Nobody hears of a slip of the hand, or of what is only tried.
    let missing = || Script::command(&[]).without_script().home(home.path()).args(&["$DIR/other.lua"]);
    missing().status(1).run();
    run(&["-n", "--log", "$DIR/none/log"], 3);
    assert_eq!(status(home.path(), &[], 0).stdout, "no script has been run yet\n");
    run(&[], 0);
    run(&["--log", "$DIR/none/log"], 3);
    insta::assert_snapshot!(steady(&status(home.path(), &[], 0).stdout), @"
    $DIR/script.lua
      last good run  $WHEN (0 min ago)
      last failure   $WHEN (0 min ago), exit code 3
                     the log `$DIR/none/log` can't be written: No such file or directory (os error 2)
      runs           2, of which 1 failed
    ");
    fs::copy(home.path().join("script.lua"), home.path().join("other.lua")).unwrap();
    missing().run();
    fs::remove_file(home.path().join("other.lua")).unwrap();
    missing().status(1).run();
    insta::assert_snapshot!(steady(&status(home.path(), &["$DIR/other.lua"], 0).stdout), @"
    $DIR/other.lua
      last good run  $WHEN (0 min ago)
      last failure   $WHEN (0 min ago), exit code 1
                     the script `$DIR/other.lua` can't be read: No such file or directory (os error 2)
      runs           2, of which 1 failed
    ");
}

#[test]
fn a_broken_accounts_file_is_a_failure() {
    let server = Server::sandbox();
    server.seed("INBOX", &["a"].map(Mail::new)).seed("Box", &[]);
    let home = tempfile::tempdir().unwrap();
    let source = "account():mailbox('INBOX'):all():move 'Box'";
    let script = |text: &str, code: i32| {
        Script::new(source).on(&server).home(home.path()).accounts(text).status(code).run();
        status(home.path(), &[], 0).stdout
    };
    let told = script("[work\n", 3);
    assert!(told.contains(", exit code 3\n") && told.contains("accounts.toml:1:"), "{told}");
}

#[test]
fn an_older_journal_learns_it() {
    let server = Server::sandbox();
    server.seed("INBOX", &["a"].map(Mail::new)).seed("Box", &[]);
    let home = tempfile::tempdir().unwrap();
    let run = || Script::new("$LOGIN:mailbox('INBOX'):all():move 'Box'").on(&server).home(home.path()).run();
    run();
    journal(home.path()).execute_batch("DROP TABLE health; PRAGMA user_version = 2").unwrap();
    assert_eq!(status(home.path(), &[], 0).stdout, "no script has been run yet\n");
    run();
    assert!(status(home.path(), &[], 0).stdout.contains("1, of which 0 failed"));
    let version = journal(home.path()).query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    assert_eq!(version.unwrap(), 4);
    let history = Script::command(&["history"]).home(home.path()).run();
    assert!(history.stdout.contains("moved 1 message"), "{history}");
}

#[test]
fn a_state_that_cannot_be_written_does_not_fail_a_run_that_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("file"), "").unwrap();
    Script::new("print 'x'")
        .options(&["--state", "$DIR/file/state"])
        .home(home.path())
        .stdout("x\n")
        .stderr("")
        .run();
}

#[test]
fn a_journal_that_can_not_be_read_is_no_empty_one() {
    let home = TempDir::new().unwrap();
    let state = home.path().join("state/imapscript");
    fs::create_dir_all(&state).unwrap();
    let status = || Script::command(&["status", "--max-age", "1d"]).home(home.path()).spawn().finish();
    fs::write(state.join("journal.db"), [7; 5000]).unwrap();
    let damaged = status();
    assert_eq!(damaged.status, Some(3), "{damaged}");
    assert!(damaged.stderr.contains("can't be used"), "{damaged}");
    fs::remove_file(state.join("journal.db")).unwrap();
    let newer = Connection::open(state.join("journal.db")).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    let newer = status();
    assert_eq!(newer.status, Some(3), "{newer}");
    assert!(newer.stderr.contains("written by a newer imapscript"), "{newer}");
}
