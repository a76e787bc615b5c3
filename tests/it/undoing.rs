//! `undo`, `history`, `why` and `settle`: what the journal is good for afterwards.

use crate::{
    harness::Script,
    mail::Mail,
    output::Output,
    proxy::Capability::{Move, Uidplus},
    sandbox_server::{on_both, on_every},
    server::Server,
};
use imapscript::sandbox::{Options, Sandbox};
use std::{collections::BTreeMap, path::Path};
use tempfile::TempDir;

fn command(server: &Server, home: &Path, words: &[&str]) -> Output {
    Script::command(words).on(server).home(home).spawn().finish()
}

/// Runs a script, and takes it back.
fn run_and_undo(server: &Server, home: &Path, source: &str) -> Output {
    Script::new(source).on(server).home(home).spawn().finish();
    command(server, home, &["undo"])
}

const EVERYTHING: &str = r#"
local account = $KEYED
local inbox = account:mailbox "INBOX"
inbox:search({ subject = "a" }):mark("flagged", "$Work")
-- From mailbox to mailbox, and marked on the way.
local moved = inbox:search({ subject = "a" }):move("New/One").moved
if moved then moved:mark("seen"); moved:move "Two" else account:mailbox("New/One"):all():move "Two" end
inbox:search({ subject = "b" }):unmark("seen")
inbox:search({ subject = "b" }):copy "Two"
inbox:search({ subject = "c" }):trash()
account:create "Empty"
account:rename("Empty", "Renamed")
account:subscribe "Renamed"
"#;

on_both!(promise_15_undo_puts_everything_back, |server| {
    server
        .seed(
            "INBOX",
            &[
                Mail::new("a1"),
                Mail::new("a2").flag("\\Flagged").flag("$Mine"),
                Mail::new("b").flag("\\Seen"),
                Mail::new("c"),
                Mail::new("a1"),
                Mail::new("d").flag("\\Deleted"),
            ],
        )
        .seed("Two", &[Mail::new("old"), Mail::new("gone").flag("\\Deleted")])
        .seed("Trash", &[]);
    let before = server.snapshot();
    let home = TempDir::new().unwrap();
    let output = run_and_undo(server, home.path(), EVERYTHING);
    assert_eq!(output.status, Some(0), "{output}");
    let undone = server.snapshot();
    let mut after = undone.clone();
    // The copy is in Trash: that is no place to be for ever, but a copy is never removed for good.
    let copy = after.mailboxes.get_mut("Trash").unwrap().pop();
    assert_eq!(copy.unwrap().subject, "b");
    assert_eq!(before, after, "{output}");
    // A second one does nothing.
    let again = command(server, home.path(), &["undo"]);
    assert_eq!((again.status, again.stderr.as_str()), (Some(0), ""), "{again}");
    assert_eq!(again.stdout, "run 1 ($DIR/script.lua): nothing is left to undo\n");
    assert_eq!(server.snapshot(), undone);
});

on_every!(promise_15_what_was_moved_comes_back_on_every_rung, |server| {
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b"), Mail::new("a")]).seed("Box", &[Mail::new("old")]);
    server.seed("Trash", &[]);
    let home = TempDir::new().unwrap();
    let output =
        run_and_undo(server, home.path(), r#"$KEYED:mailbox("INBOX"):search({ subject = "a" }):move "Box""#);
    let after = server.snapshot();
    let alive = |mailbox: &str| {
        let messages = after.mailboxes[mailbox].iter();
        let alive = messages.filter(|message| !message.flags.contains(&"\\Deleted".to_owned()));
        alive.map(|message| message.subject.as_str()).collect::<Vec<_>>()
    };
    let mut inbox = alive("INBOX");
    inbox.sort_unstable();
    assert_eq!((inbox, alive("Box")), (vec!["a", "a", "b"], vec!["old"]), "{output}");
});

// The originals could only be marked, and another client has removed them since: what is in Box is all there is.
#[test]
fn promise_15_undo_leaves_copies_where_they_are_that_are_all_there_is() {
    for server in [Server::sandbox_without, Server::dovecot_without].map(|make| make(&[Move, Uidplus])) {
        server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]).seed("Box", &[]).seed("Trash", &[]);
        let home = TempDir::new().unwrap();
        let source = r#"$KEYED:mailbox("INBOX"):search({ subject = "a" }):move "Box""#;
        Script::new(source).on(&server).home(home.path()).status(8).run();
        let mut other = server.observe();
        other.ok("SELECT INBOX");
        other.ok("EXPUNGE");
        let output = command(&server, home.path(), &["undo"]);
        assert_eq!(output.status, Some(8), "{output}");
        assert_eq!(
            output.stderr,
            "error: not undone: 1 message in INBOX: no longer in the mailbox\n\
             error: not undone: 1 message in Box: the original is not as it was\n"
        );
        let after = server.snapshot();
        assert_eq!((after.subjects("Box"), after.subjects("Trash")), (vec!["a"], vec![]), "{output}");
    }
}

on_both!(undo_follows_a_message_that_a_later_run_moved_on, |server| {
    server.seed("INBOX", &[Mail::new("a")]).seed("One", &[]).seed("Two", &[]);
    let home = TempDir::new().unwrap();
    let script = |from: &str, to: &str| format!(r#"$KEYED:mailbox("{from}"):all():move "{to}""#);
    Script::new(&script("INBOX", "One")).on(server).home(home.path()).run();
    Script::new(&script("One", "Two")).on(server).home(home.path()).run();
    let output = command(server, home.path(), &["undo", "1"]);
    assert_eq!(output.status, Some(0), "{output}");
    assert_eq!(
        output.stdout,
        "$USER@127.0.0.1: moved 1 message from Two to INBOX\nrun 1 ($DIR/script.lua) is undone: 1 put back\n"
    );
    // What the second run did is taken back with it: the message is where it came from before both.
    let output = command(server, home.path(), &["undo", "2"]);
    assert_eq!(output.status, Some(0), "{output}");
    assert_eq!(server.snapshot().subjects("One"), ["a"]);
});

on_both!(undo_leaves_alone_what_was_changed_since, |server| {
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    let source = r#"$KEYED:mailbox("INBOX"):all():mark "flagged"; $KEYED:mailbox("INBOX"):search({ subject = "a" }):move "Box""#;
    Script::new(source).on(server).home(home.path()).run();
    // Another client takes a flag away, and removes a message.
    let mut observer = server.observe();
    observer.command("SELECT INBOX");
    observer.command("UID STORE 2 -FLAGS (\\Flagged)");
    observer.command("SELECT Box");
    observer.command("UID STORE 1 +FLAGS (\\Deleted)");
    observer.command("EXPUNGE");
    let output = command(server, home.path(), &["undo"]);
    assert_eq!(output.status, Some(8), "{output}");
    assert!(output.stderr.contains("not undone: 1 message in Box: no longer in the mailbox"), "{output}");
    assert_eq!(server.snapshot().subjects("INBOX"), ["b"]);
});

on_both!(what_was_purged_is_listed_as_gone, |server| {
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]);
    let home = TempDir::new().unwrap();
    let source = r#"allow "purge"; $KEYED:mailbox("INBOX"):search({ subject = "a" }):purge()"#;
    let output = run_and_undo(server, home.path(), source);
    assert_eq!(output.status, Some(8), "{output}");
    assert_eq!(
        output.stderr,
        "error: not undone: purged 1 message in INBOX: what was removed for good is gone\n"
    );
});

#[test]
fn promise_17_the_journal_knows_no_password_and_undo_asks_for_it() {
    let server = Server { password: "canary-4711".into(), ..Server::sandbox() };
    server.seed("INBOX", &[Mail::new("a")]).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    let output = run_and_undo(&server, home.path(), r#"$LOGIN:mailbox("INBOX"):all():move "Box""#);
    assert_eq!(output.status, Some(3), "{output}");
    assert!(output.stderr.contains("no password could be asked for: there is no terminal"), "{output}");
    let raw = std::fs::read(home.path().join("state/imapscript/journal.db")).unwrap();
    let wal = std::fs::read(home.path().join("state/imapscript/journal.db-wal")).unwrap_or_default();
    for bytes in [raw, wal] {
        let found = bytes.windows(server.password.len()).any(|window| window == server.password.as_bytes());
        assert!(!found, "the journal knows the password");
    }
}

#[test]
fn there_is_nothing_to_undo_before_the_first_run() {
    let server = Server::sandbox();
    let home = TempDir::new().unwrap();
    let output = command(&server, home.path(), &["undo"]);
    assert_eq!(output.status, Some(2), "{output}");
    assert_eq!(output.stderr, "error: there is no run to undo\nhint: `imapscript history` lists the runs\n");
    let output = command(&server, home.path(), &["undo", "7"]);
    assert_eq!((output.status, output.stderr.lines().next()), (Some(2), Some("error: there is no run 7")));
    assert_eq!(command(&server, home.path(), &["undo", "--sandbox"]).status, Some(2));
}

#[test]
fn history_and_why_say_what_was_done() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    let none = command(&server, home.path(), &["history"]);
    assert_eq!(none.stdout, "no run has changed anything yet\n");
    let source = r#"rules($KEYED:mailbox "INBOX") { { "filing", where = { subject = "a" }, mark = "seen", move = "Box" } }"#;
    Script::new(source).on(&server).home(home.path()).run();
    let list = command(&server, home.path(), &["history"]);
    let words: Vec<_> = list.stdout.lines().nth(1).unwrap().split_whitespace().collect();
    // The time is one word here.
    assert_eq!(words[0], "1");
    assert_eq!(words[2..].join(" "), "$DIR/script.lua 0 marked 1 message, moved 1 message", "{list}");
    let one = command(&server, home.path(), &["history", "1"]);
    insta::assert_snapshot!(one.stdout, @"
    $USER@127.0.0.1: mark INBOX UID 1 \\Seen (filing) “a” <a@example.org>: done
    $USER@127.0.0.1: move INBOX UID 1 to Box (filing) “a” <a@example.org>: done
    ");
    let why = command(&server, home.path(), &["why", "<a@example.org>"]);
    let told: Vec<_> = why.stdout.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(told.len(), 2, "{why}");
    assert!(told[1].contains("move INBOX UID 1 to Box (filing)"), "{why}");
    let none = command(&server, home.path(), &["why", "b@example.org"]);
    assert_eq!(none.stdout, "no run of the last 90 days touched <b@example.org>\n");
    assert_eq!(command(&server, home.path(), &["history", "5"]).status, Some(2));
}

#[test]
fn promise_9_what_could_only_be_marked_is_held_until_it_is_settled() {
    let server = Server::sandbox_without(&[Move, Uidplus]);
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    let source = r#"
        local inbox = $KEYED:mailbox "INBOX"
        local report = inbox:search({ subject = "a", deleted = DELETED }):move "Box"
        print(report.count, #report.skipped, report.skipped[1] and report.skipped[1].reason)"#;
    let first =
        Script::new(&source.replace("DELETED", "false")).on(&server).home(home.path()).status(8).run();
    assert!(first.stdout.ends_with("1\t0\tnil\n"), "{first}");
    // Only who asks for marked messages finds it, and even so it is not moved a second time.
    let again = Script::new(&source.replace("DELETED", "true")).on(&server).home(home.path()).run();
    assert!(
        again.stdout.ends_with(
            "0\t1\theld since an earlier run left them in doubt: `imapscript settle` looks after them\n"
        ),
        "{again}"
    );
    assert_eq!(server.snapshot().subjects("Box"), ["a"]);
    let settled = command(&server, home.path(), &["settle"]);
    assert_eq!(settled.status, Some(8), "{settled}");
    assert!(settled.stdout.contains("stay in INBOX, marked \\Deleted"), "{settled}");
    let none = command(&server, home.path(), &["settle"]);
    assert_eq!((none.status, none.stdout.as_str()), (Some(0), "nothing is open or in doubt\n"), "{none}");
}

on_both!(promise_18_undo_keeps_to_limits, |server| {
    let many: Vec<_> = (0..30).map(|number| Mail::new(&format!("m{number}"))).collect();
    server.seed("INBOX", &many).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    let source = r#"$KEYED:mailbox("INBOX"):all():move "Box""#;
    Script::new(source).on(server).home(home.path()).options(&["--limit", "30"]).run();
    let before = server.snapshot();
    let output = command(server, home.path(), &["undo"]);
    assert_eq!(output.status, Some(7), "{output}");
    assert!(
        output.stderr.contains("this would remove 30 of the 30 messages of Box of $USER@127.0.0.1"),
        "{output}"
    );
    assert_eq!(server.snapshot(), before);
    assert_eq!(command(server, home.path(), &["undo", "--limit", "30"]).status, Some(0));
    assert_eq!(server.snapshot().subjects("INBOX").len(), 30);
});

on_both!(why_says_which_rule_takes_a_message_and_what_speaks_against_the_others, |server| {
    server.seed(
        "INBOX",
        &[
            Mail::new("Invoice").flag("\\Flagged").header("List-Id", "<x.example.org>"),
            Mail::new("other").body("Nothing to pay.\r\n"),
        ],
    );
    let home = TempDir::new().unwrap();
    let script = r#"
        local account = $KEYED
        rules(account:mailbox "INBOX") {
          { "shops", where = { from = "shop.example", subject = regex "^Order" }, move = "Shops" },
          { "unread", where = { seen = true, larger_than = "1MB" }, mark = "answered" },
          { "lists", where = { list = true, except = { flagged = true } }, move = "Lists/${list}" },
          { "asked", where = { subject = "Invoice", function(message) return message.size > 1 end }, mark = "$Bill" },
          { "bills", where = { subject = { "invoice", "bill" }, newer_than = "90y" }, mark = "seen", move = "Bills" },
          { "late", where = { subject = "invoice" }, trash = true },
          { "bodies", where = { body = "pay" }, mark = "$Pay" },
        }"#;
    let why = |id: &str| {
        let words = ["why", id, "script.lua"];
        let output = Script::command(&words).script(script).on(server).home(home.path()).spawn().finish();
        assert_eq!((output.status, output.stderr.as_str()), (Some(0), ""), "{output}");
        output.stdout
    };
    let before = server.snapshot();
    insta::allow_duplicates! {
        insta::assert_snapshot!(why("<Invoice@example.org>"), @r"
        $USER@127.0.0.1: INBOX UID 1 “Invoice”
          rule `shops` does not: `from` does not contain “shop.example”: it is “someone@example.org”; `subject` does not match “^Order”: it is “Invoice”
          rule `unread` does not: `larger_than` = “1MB”: it has 175 bytes; `seen` = true: its flags are \Flagged
          rule `lists` does not: `except.flagged` = true: its flags are \Flagged
          rule `asked` takes it if its functions say so: nothing else speaks against it
          rule `bills` takes it: mark \Seen, move to Bills
          rule `late` is not asked: `bills` ends its way
          rule `bodies` is not asked: `bills` ends its way
        ");
        insta::assert_snapshot!(why("other@example.org"), @"
        $USER@127.0.0.1: INBOX UID 2 “other”
          rule `shops` does not: `from` does not contain “shop.example”: it is “someone@example.org”; `subject` does not match “^Order”: it is “other”
          rule `unread` does not: `larger_than` = “1MB”: it has 154 bytes; `seen` = true: it has no flags
          rule `lists` does not: `list` = true: there is none
          rule `asked` does not: `subject` does not contain “Invoice”: it is “other”
          rule `bills` does not: `subject` has none of “invoice”, “bill”: it is “other”
          rule `late` does not: `subject` does not contain “invoice”: it is “other”
          rule `bodies` takes it: mark $Pay
        ");
    }
    assert_eq!(why("nobody@example.org"), "no `rules` of the script came upon <nobody@example.org>\n");
    assert_eq!(server.snapshot(), before);
});

/// As a person would try it: a sandbox that is kept running, a script run on it, and that taken back.
#[test]
fn promise_15_undo_restores_a_sandbox_exactly() {
    let sandbox = Sandbox::start(Options { sample: true, ..Options::default() }).unwrap();
    let option = format!("--sandbox={}", sandbox.address());
    let store = "me@example.org imap.example.org:993";
    let contents = || -> BTreeMap<String, Vec<String>> {
        let each = sandbox.mailboxes(store).into_iter().map(|(name, messages)| {
            let mut seen: Vec<_> = messages
                .iter()
                .map(|message| {
                    let (flags, date) = (&message.flags, &message.internal_date);
                    format!("{flags:?} {date} {:?}", String::from_utf8_lossy(message.raw()))
                })
                .collect();
            seen.sort();
            (name.text().to_owned(), seen)
        });
        each.collect()
    };
    let script = r#"
        local account = login { host = "imap.example.org", user = "me@example.org", password = "any" }
        rules(account:mailbox "INBOX") {
          { "noise", where = { from = "ci@example.org" }, mark = "seen", move = "CI" },
          { "lists", where = { list = true }, move = "Lists/${list}" },
          { "old", where = { older_than = "1y" }, mark = { "flagged", "$Old" }, trash = true },
        }
        account:mailbox("CI"):all():move "Machines"
        account:create "Empty""#;
    let home = TempDir::new().unwrap();
    let run =
        |script: Script| script.home(home.path()).options(&[&option, "--limit", "500"]).spawn().finish();
    // The first visit makes the store.
    run(Script::new(
        r#"login({ host = "imap.example.org", user = "me@example.org", password = "any" }):noop()"#,
    ));
    let before = contents();
    assert!(before.values().map(Vec::len).sum::<usize>() > 50);
    let done = run(Script::new(script));
    assert_eq!(done.status, Some(0), "{done}");
    assert_ne!(contents(), before);
    let undone = run(Script::command(&["undo"]));
    assert_eq!(undone.status, Some(0), "{undone}");
    let after = contents();
    // What is above the mailboxes that the run made is made by the server with them.
    let added: Vec<_> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    assert_eq!(added, Vec::<&String>::new(), "{undone}");
    assert_eq!(after, before, "{undone}");
}
