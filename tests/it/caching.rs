//! What can't change of messages is remembered from run to run, and nothing ever goes by it that is not so.

use crate::harness::Script;
use crate::mail::Mail;
use crate::proxy::Capability;
use crate::sandbox_server::on_both;
use crate::server::{Server, Tls};
use crate::turns::Counter;
use rusqlite::Connection;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// A search that no server answers by itself.
const SEARCH: &str = "print(#$LOGIN:mailbox('INBOX'):search { subject = regex '^m1' })";

/// Rules that ask for flags in alternatives.
const RULES: &str = r#"
  local done = rules($LOGIN:mailbox "INBOX") {
    { "seen", where = { seen = true, subject = regex "^m1" }, mark = "flagged" },
    { "unseen", where = { seen = false, flagged = false, from = "someone@", subject = regex "^m2" }, mark = "seen" },
  }
  print(done.seen.matched, done.unseen.matched)
"#;

fn cache(home: &Path) -> PathBuf {
    home.join("state/imapscript/cache.db")
}

/// Of how many messages there is remembered what can't change.
fn remembered(home: &Path) -> u32 {
    let db = Connection::open(cache(home)).unwrap();
    db.query_row(
        "SELECT count(*) FROM messages JOIN shelves ON shelves.id = shelf WHERE items <> 'FLAGS'",
        [],
        |row| row.get(0),
    )
    .unwrap()
}

/// The same run twice, in one home, with its turns and the bytes that came down.
fn twice(mut server: Server, source: &str) -> [(usize, usize); 2] {
    let file = |n: u32| format!("application/pdf; name={n}.pdf");
    let mail: Vec<_> =
        (0..300).map(|n| Mail::new(&format!("m{n}")).header("Content-Type", &file(n))).collect();
    server.seed("INBOX", &mail);
    let counter = Counter::start(server.address);
    server.address = counter.address;
    let home = TempDir::new().unwrap();
    let runs = [(); 2].map(|()| {
        let output = Script::new(source).on(&server).home(home.path()).stderr("").run();
        (output.stdout, counter.take())
    });
    assert_eq!(runs[0].0, runs[1].0);
    runs.map(|(_, told)| told)
}

#[test]
fn a_search_again_fetches_nothing() {
    for (server, turns) in [(Server::dovecot(Tls::Implicit), [5, 5]), (Server::sandbox(), [4, 3])] {
        let [first, again] = twice(server, SEARCH);
        assert_eq!([first.0, again.0], turns);
        assert!(again.1 < 10_000 && again.1 * 2 < first.1, "{} and {} bytes", first.1, again.1);
    }
}

#[test]
fn a_search_for_attachments_again_fetches_nothing() {
    let source = "print(#$LOGIN:mailbox('INBOX'):search { attachment = '1.pdf' })";
    for (server, turns) in [(Server::dovecot(Tls::Implicit), [5, 5]), (Server::sandbox(), [4, 3])] {
        let [first, again] = twice(server, source);
        assert_eq!([first.0, again.0], turns);
        assert!(again.1 < 10_000 && again.1 * 2 < first.1, "{} and {} bytes", first.1, again.1);
    }
}

#[test]
fn a_loop_over_attachments_again_fetches_flags_only() {
    let source = r#"
      for m in $LOGIN:mailbox("INBOX"):all():messages { "attachments" } do
        for _, file in ipairs(m.attachments) do print(file.name, m.seen) end
      end
    "#;
    for server in [Server::dovecot(Tls::Implicit), Server::sandbox()] {
        let [first, again] = twice(server, source);
        assert_eq!(first.0, again.0);
        assert!(again.1 * 4 < first.1, "{} and {} bytes", first.1, again.1);
    }
}

#[test]
fn a_loop_again_fetches_flags_only() {
    let source = r#"
      local sum = 0
      for m in $LOGIN:mailbox("INBOX"):all():messages() do sum = sum + #m.subject + m.size + #m.flags end
      print(sum)
    "#;
    for server in [Server::dovecot_without(&[Capability::Condstore]), Server::sandbox()] {
        let [first, again] = twice(server, source);
        assert_eq!(first.0, again.0);
        assert!(again.1 * 4 < first.1 && again.1 > 10_000, "{} and {} bytes", first.1, again.1);
    }
    // What has changed is told by the mod-sequence (RFC 7162), and what is gone as well, or a search tells that.
    for server in [Server::dovecot(Tls::Implicit), Server::dovecot_without(&[Capability::Qresync])] {
        let [first, again] = twice(server, source);
        assert_eq!(first.0, again.0);
        assert!(again.1 < 3_000, "{} and {} bytes", first.1, again.1);
    }
}

/// Another client flags and removes messages between two loops over the same ones, which are long after one another.
#[test]
fn a_loop_is_told_what_has_changed_and_what_is_gone() {
    let source = r#"
      local chosen = $LOGIN:mailbox("INBOX"):search { subject = "s" }
      for round = 1, 2 do
        local told = {}
        for m in chosen:messages() do table.insert(told, m.uid .. (m.flagged and "!" or "")) end
        print(table.concat(told, " "))
        if round == 1 then run { "sh", "-c", "touch $DIR/told; while [ -e $DIR/told ]; do sleep 0.01; done" } end
      end
    "#;
    for (hidden, said) in [
        (None, ["ENABLE QRESYNC", " VANISHED)", "* VANISHED (EARLIER) 2"]),
        (
            Some(Capability::Qresync),
            ["ENABLE CONDSTORE", "(CHANGEDSINCE ", "UID SEARCH RETURN (ALL) UID 1:5"],
        ),
    ] {
        let server = Server::dovecot_without(hidden.as_slice());
        server.seed("INBOX", &["s1", "s2", "s3", "s4", "s5", "x"].map(Mail::new));
        let home = TempDir::new().unwrap();
        let script = Script::new(source).on(&server).home(home.path()).options(&["--trace", "$DIR/trace"]);
        let running = script.spawn().until(&home.path().join("told"));
        thread::sleep(Duration::from_millis(5_100));
        let mut other = server.observe();
        other.ok("SELECT INBOX");
        for change in ["STORE 2 +FLAGS.SILENT (\\Deleted)", "EXPUNGE", "STORE 2 +FLAGS.SILENT (\\Flagged)"] {
            other.ok(change);
        }
        fs::remove_file(home.path().join("told")).unwrap();
        let output = running.finish();
        assert_eq!(
            (&*output.stdout, output.status),
            ("1 2 3 4 5\n1 3! 4 5\n", Some(0)),
            "{hidden:?}: {output}"
        );
        let trace = fs::read_to_string(home.path().join("trace")).unwrap();
        assert!(said.iter().all(|said| trace.contains(said)), "{hidden:?}: {trace}");
    }
}

#[test]
fn a_server_that_refuses_to_tell_what_is_gone_is_asked_without_that() {
    let server = Server::dovecot_without(&[Capability::Vanished]);
    server.seed("INBOX", &["s1", "s2"].map(Mail::new));
    let source = r#"
      local inbox = $LOGIN:mailbox "INBOX"
      for _ = 1, 3 do
        for m in inbox:all():messages() do print(m.uid, m.flagged) end
      end
    "#;
    let home = TempDir::new().unwrap();
    let script = Script::new(source).on(&server).home(home.path()).options(&["--trace", "$DIR/trace"]);
    script.stdout(&"1\tfalse\n2\tfalse\n".repeat(3)).stderr("").run();
    let trace = fs::read_to_string(home.path().join("trace")).unwrap();
    let count = |word: &str| trace.matches(word).count();
    assert_eq!(
        [count(" VANISHED)"), count("BAD Vanished was not offered"), count("(CHANGEDSINCE ")],
        [1, 1, 2]
    );
}

on_both!(a_loop_meets_what_is_there, |server| {
    let home = TempDir::new().unwrap();
    let source = r#"
      for m in $LOGIN:mailbox("INBOX"):all():messages() do
        print(m.uid, m.subject, m.seen, m.flagged)
      end
    "#;
    let run = |stdout: &str| {
        Script::new(source).on(server).home(home.path()).stdout(stdout).stderr("").run();
    };
    server.seed("INBOX", &["a", "b", "c"].map(Mail::new));
    run("1\ta\tfalse\tfalse\n2\tb\tfalse\tfalse\n3\tc\tfalse\tfalse\n");
    assert_eq!(remembered(home.path()), 3);
    let mut other = server.observe();
    other.ok("SELECT INBOX");
    other.ok("STORE 1 FLAGS.SILENT (\\Deleted)");
    other.ok("EXPUNGE");
    other.ok("STORE 2 FLAGS.SILENT (\\Flagged)");
    server.seed("INBOX", &[Mail::new("d").flag("\\Seen")]);
    run("2\tb\tfalse\tfalse\n3\tc\tfalse\ttrue\n4\td\ttrue\tfalse\n");
    assert_eq!(remembered(home.path()), 4);
});

on_both!(rules_are_judged_by_the_flags_of_today, |server| {
    let home = TempDir::new().unwrap();
    let mail = [Mail::new("m1 a").flag("\\Seen"), Mail::new("m1 b"), Mail::new("m2 c"), Mail::new("m2 d")];
    server.seed("INBOX", &mail);
    let run = |stdout: &str| {
        let output = Script::new(RULES).on(server).home(home.path()).stderr("").run();
        assert!(output.stdout.ends_with(stdout), "{output}");
    };
    run("\n1\t2\n");
    assert_eq!(remembered(home.path()), 4);
    let mut other = server.observe();
    other.ok("SELECT INBOX");
    other.ok("STORE 2:3 FLAGS.SILENT (\\Seen)");
    other.ok("STORE 4 FLAGS.SILENT ()");
    run("\n2\t1\n");
    other.ok("STORE 1:3 FLAGS.SILENT (\\Deleted)");
    other.ok("EXPUNGE");
    server.seed("INBOX", &[Mail::new("m1 e").flag("\\Seen")]);
    run("\n1\t0\n");
    assert_eq!(remembered(home.path()), 5);
});

on_both!(a_mailbox_that_was_made_again_is_another_one, |server| {
    let home = TempDir::new().unwrap();
    let search = "print(#$LOGIN:mailbox('Box'):search { subject = regex '^m1' })";
    let run = |stdout: &str| Script::new(search).on(server).home(home.path()).stdout(stdout).stderr("").run();
    server.seed("Box", &[Mail::new("m1"), Mail::new("m1"), Mail::new("x")]);
    run("2\n");
    server.observe().ok("DELETE Box");
    server.seed("Box", &[Mail::new("x"), Mail::new("m1"), Mail::new("x")]);
    run("1\n");
    assert_eq!(remembered(home.path()), 3);
});

#[test]
fn what_cant_be_used_is_as_if_it_were_not_there() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("m1"), Mail::new("x")]);
    let home = TempDir::new().unwrap();
    let run = || {
        Script::new(SEARCH).on(&server).home(home.path()).stdout("1\n").stderr("").run();
    };
    run();
    let path = cache(home.path());
    let pristine = fs::read(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!pristine.windows(server.password.len()).any(|it| it == server.password.as_bytes()));
    // Another version, no database, a truncated one, an empty file.
    let db = Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA user_version = 99; DROP TABLE messages").unwrap();
    drop(db);
    for damage in [None, Some(vec![7; 5000]), Some(pristine[..pristine.len() / 2].to_vec()), Some(vec![])] {
        if let Some(bytes) = damage {
            fs::write(&path, bytes).unwrap();
        }
        run();
        run();
        assert_eq!(remembered(home.path()), 2);
    }
    // An entry that is not what it says: as after a crash.
    let db = Connection::open(&path).unwrap();
    db.execute_batch("UPDATE messages SET told = (SELECT told FROM messages WHERE uid = 1)").unwrap();
    run();
    // Held by another program.
    db.execute_batch("BEGIN EXCLUSIVE").unwrap();
    run();
    drop(db);
    // A directory in its place.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    run();
}

#[test]
fn it_may_be_deleted_while_a_run_goes_on() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("m1"), Mail::new("x")]);
    let source = r#"
      local inbox = $LOGIN:mailbox "INBOX"
      for round = 1, 3 do
        print(#inbox:search { subject = regex "^m1" })
        os.remove("$DIR/state/imapscript/cache.db")
      end
    "#;
    let home = TempDir::new().unwrap();
    for _ in 0..2 {
        Script::new(source).on(&server).home(home.path()).stdout("1\n1\n1\n").stderr("").run();
    }
}

#[test]
fn it_can_be_switched_off() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("m1")]);
    let home = TempDir::new().unwrap();
    let run = |source: &str, options: &[&str]| {
        Script::new(source).on(&server).home(home.path()).options(options).stdout("1\n").stderr("").run();
    };
    run(SEARCH, &["--no-cache"]);
    let own = "local s = { host = '$HOST', port = $PORT, tls = 'none', user = '$USER', password = '$PASSWORD', cache = false }\n\
               print(#login(s):mailbox('INBOX'):search { subject = regex '^m1' })";
    run(own, &[]);
    assert!(!cache(home.path()).exists());
    run(SEARCH, &[]);
    assert_eq!(remembered(home.path()), 1);
}
