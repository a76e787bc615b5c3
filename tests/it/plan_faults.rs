//! Plans where something comes between: they are applied twice, something fails, files are written of what was moved.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::{
    harness::Script,
    journal::journal,
    mail::Mail,
    output::Output,
    sandbox_server::{on_both, on_every},
    server::Server,
};

/// Plans a script, and expects that this succeeds.
#[track_caller]
fn plan(server: &Server, home: &Path, source: &str) {
    let words = ["plan", "-o", "plan.json", "script.lua"];
    let output = Script::command(&words).script(source).on(server).home(home).spawn().finish();
    assert_eq!(output.status, Some(0), "{output}");
}

fn apply(server: &Server, home: &Path, options: &[&str]) -> Output {
    let words = [&["apply", "plan.json"], options].concat();
    Script::command(&words).on(server).home(home).spawn().finish()
}

on_every!(promise_19_a_plan_that_is_applied_twice_makes_no_second_copy, |server| {
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    let source = r#"
        local account = $KEYED
        account:create "Made"
        account:mailbox("INBOX"):search({ subject = "a" }):copy "Box"
        account:mailbox("Box"):search({ subject = "a" }):mark "flagged"
        account:mailbox("Box"):append("Subject: new\r\n\r\nx\r\n")
        account:mailbox("Box"):append("Subject: new\r\n\r\nx\r\n")
        account:mailbox("Box"):search({ subject = "new" }):copy "Made"
        account:subscribe "Made""#;
    plan(server, home.path(), source);
    let first = apply(server, home.path(), &[]);
    assert_eq!(first.status, Some(0), "{first}");
    let after = server.snapshot();
    assert_eq!(after.subjects("Box"), ["a", "new", "new"], "{first}");
    assert_eq!(after.subjects("Made"), ["new", "new"], "{first}");
    let second = apply(server, home.path(), &[]);
    assert_eq!(second.status, Some(0), "{second}");
    assert_eq!(server.snapshot(), after, "{second}");
});

on_both!(promise_19_what_was_taken_back_is_done_again, |server| {
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]).seed("Box", &[]).seed("Trash", &[]);
    let home = TempDir::new().unwrap();
    let source = r#"
        local account = $KEYED
        account:create "Made"
        account:mailbox("INBOX"):search({ subject = "a" }):copy "Box"
        account:mailbox("INBOX"):search({ subject = "b" }):move "Box""#;
    plan(server, home.path(), source);
    apply(server, home.path(), &[]);
    let applied = server.snapshot();
    let undone = Script::command(&["undo"]).on(server).home(home.path()).spawn().finish();
    assert_eq!(undone.status, Some(0), "{undone}");
    assert_eq!(server.snapshot().subjects("Box").len(), 0, "{undone}");
    let again = apply(server, home.path(), &[]);
    assert_eq!(again.status, Some(0), "{again}");
    let after = server.snapshot();
    assert!(after.mailboxes.contains_key("Made"), "{again}");
    assert_eq!(after.subjects("Box"), ["a"], "what was moved back has another UID: {again}");
    assert_eq!((applied.subjects("Box").len(), after.subjects("INBOX").len()), (2, 2));
});

on_both!(promise_19_each_plan_is_done_once_however_alike_they_are, |server| {
    server.seed("INBOX", &[Mail::new("a")]).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    // A plan may also say the same thing twice.
    let source = r#"
        local inbox = $KEYED:mailbox "INBOX"
        inbox:all():copy "Box"
        inbox:all():copy "Box""#;
    let [first, second] = ["first.json", "second.json"].map(|name| home.path().join(name));
    for path in [&first, &second] {
        plan(server, home.path(), source);
        fs::rename(home.path().join("plan.json"), path).unwrap();
    }
    for (path, count) in [(&first, 2), (&second, 4), (&first, 4), (&second, 4)] {
        fs::copy(path, home.path().join("plan.json")).unwrap();
        let output = apply(server, home.path(), &[]);
        assert_eq!(output.status, Some(0), "{output}");
        assert_eq!(server.snapshot().subjects("Box").len(), count, "{output}");
    }
});

on_both!(promise_19_a_plan_is_applied_where_its_past_is_known, |server| {
    server.seed("INBOX", &[Mail::new("a")]).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    let elsewhere = ["--state", "elsewhere"];
    // The account is known there, but not the plan.
    let run = Script::new("$KEYED:create 'Other'").options(&elsewhere).on(server).home(home.path()).spawn();
    assert_eq!(run.finish().status, Some(0));
    plan(server, home.path(), r#"$KEYED:mailbox("INBOX"):all():copy "Box""#);
    let before = server.snapshot();
    let refused = apply(server, home.path(), &elsewhere);
    assert_eq!(refused.status, Some(3), "{refused}");
    assert!(refused.stderr.contains("the journal does not know this plan"), "{refused}");
    assert_eq!(server.snapshot(), before);
});

on_both!(promise_19_a_mailbox_of_a_cut_run_is_made_once, |server| {
    server.seed("INBOX", &[Mail::new("a")]);
    let home = TempDir::new().unwrap();
    plan(server, home.path(), r#"$KEYED:create "Made"; $KEYED:mailbox("INBOX"):all():copy "Made""#);
    assert_eq!(apply(server, home.path(), &[]).status, Some(0));
    // As if the first run had been killed when the mailbox had just been made, and before that was noted.
    let journal = journal(home.path());
    let sql = "UPDATE actions SET whole = 0, ended = NULL WHERE verb = 'create';
               DELETE FROM actions WHERE verb = 'copy'";
    journal.execute_batch(sql).unwrap();
    let again = apply(server, home.path(), &[]);
    assert_eq!(again.status, Some(0), "{again}");
    assert_eq!(server.snapshot().subjects("Made"), ["a", "a"], "{again}");
});

#[test]
fn promise_19_what_may_have_been_added_is_not_added_again() {
    let server = Server::sandbox();
    server.seed("Box", &[]);
    let home = TempDir::new().unwrap();
    plan(&server, home.path(), r#"$KEYED:mailbox("Box"):append "Subject: a\r\n\r\nx\r\n""#);
    assert_eq!(apply(&server, home.path(), &[]).status, Some(0));
    let journal = journal(home.path());
    journal.execute_batch("UPDATE messages SET fate = 3, landed_uid = NULL").unwrap();
    let refused = apply(&server, home.path(), &[]);
    assert_eq!(refused.status, Some(8), "{refused}");
    assert!(refused.stderr.contains("a message may be in Box already"), "{refused}");
    assert_eq!(server.snapshot().subjects("Box"), ["a"]);
    // Whoever has looked lets go of it.
    let settled = Script::command(&["settle"]).on(&server).home(home.path()).spawn().finish();
    assert_eq!(settled.status, Some(0), "{settled}");
    let again = apply(&server, home.path(), &[]);
    assert_eq!(again.status, Some(0), "{again}");
    assert_eq!(server.snapshot().subjects("Box"), ["a"], "the settlement has found it");
}

on_both!(a_message_is_saved_once, |server| {
    server.seed("INBOX", &[Mail::new("a")]);
    let home = TempDir::new().unwrap();
    let source = r#"
        allow "purge"
        local all = $KEYED:mailbox("INBOX"):all()
        for message in all:messages() do message:save "a.eml" end
        all:mark "seen"
        all:purge()"#;
    plan(server, home.path(), source);
    for _ in 0..2 {
        let output = apply(server, home.path(), &[]);
        assert_eq!((output.status, output.stderr.as_str()), (Some(0), ""), "{output}");
        assert!(fs::read_to_string(home.path().join("a.eml")).unwrap().contains("Subject: a\r\n"));
    }
});

on_both!(promise_19_nothing_of_a_plan_is_done_after_what_failed, |server| {
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]);
    let home = TempDir::new().unwrap();
    let source = r#"
        allow "purge"
        local account = $KEYED
        account:create "Backup"
        account:mailbox("INBOX"):search({ subject = "a" }):copy "Backup"
        account:mailbox("INBOX"):search({ subject = "a" }):purge()"#;
    plan(server, home.path(), source);
    let mut observer = server.observe();
    observer.command("CREATE Backup");
    drop(observer);
    let before = server.snapshot();
    let output = apply(server, home.path(), &[]);
    assert_eq!(output.status, Some(6), "{output}");
    assert!(output.stderr.contains("mailbox `Backup` exists already"), "{output}");
    assert!(output.stderr.contains("2 actions of the plan were not done"), "{output}");
    assert_eq!(server.snapshot(), before, "{output}");
});

on_every!(promise_19_what_was_moved_is_exported_before_it_is_purged, |server| {
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]);
    let home = TempDir::new().unwrap();
    let source = r#"
        allow "purge"
        local account = $KEYED
        account:mailbox("INBOX"):search({ subject = "a" }):move "Box"
        account:mailbox("Box"):all():export "box.mbox"
        account:mailbox("Box"):all():purge()"#;
    plan(server, home.path(), source);
    let output = apply(server, home.path(), &[]);
    let text = fs::read_to_string(home.path().join("box.mbox")).unwrap_or_default();
    assert!(text.contains("Subject: a\n"), "{output}");
    assert!(output.stdout.contains("purged 1 message from Box") || !server.can_remove(), "{output}");
});

on_both!(promise_19_nothing_is_purged_that_could_not_be_exported, |server| {
    server.seed("INBOX", &[Mail::new("a")]);
    let home = TempDir::new().unwrap();
    let source = r#"
        allow "purge"
        local all = $KEYED:mailbox("INBOX"):all()
        all:export "box.mbox"
        all:purge()"#;
    plan(server, home.path(), source);
    fs::write(home.path().join("box.mbox"), "no mbox at all\n").unwrap();
    let before = server.snapshot();
    let output = apply(server, home.path(), &[]);
    assert_eq!(output.status, Some(3), "{output}");
    assert_eq!(server.snapshot(), before);
});

on_both!(what_was_moved_to_a_new_mailbox_counts_there, |server| {
    let many: Vec<_> = (0..30).map(|number| Mail::new(&format!("m{number}"))).collect();
    server.seed("INBOX", &many).seed("Trash", &[]);
    let home = TempDir::new().unwrap();
    let source = r#"
        limit(100)
        local account = $KEYED
        account:mailbox("INBOX"):all():move "New"
        account:mailbox("New"):all():trash()"#;
    plan(server, home.path(), source);
    let output = apply(server, home.path(), &["--limit", "100"]);
    assert_eq!(output.status, Some(0), "{output}");
    assert_eq!(server.snapshot().subjects("Trash").len(), 30);
});

#[test]
fn gmail_knows_messages_wherever_they_are() {
    let server = Server::gmail();
    server.seed("INBOX", &["one", "two", "three"].map(Mail::new)).seed("Work", &[]);
    let home = TempDir::new().unwrap();
    let source = r#"
        local account = $KEYED
        local inbox, work = account:mailbox "INBOX", account:mailbox "Work"
        inbox:search({ subject = "one" }):mark "flagged"
        inbox:search({ subject = "one" }):move "Work"
        work:search({ subject = "one" }):mark "seen"
        inbox:search({ subject = "two" }):label "Work"
        work:search({ subject = "two" }):mark "answered"
        work:append("Subject: new\r\n\r\nx\r\n", { date = "2024-02-29T10:00:00+00:00" })
        account:mailbox("@all"):search({ subject = "new" }):mark "flagged""#;
    plan(&server, home.path(), source);
    let output = apply(&server, home.path(), &[]);
    assert_eq!((output.status, output.stderr.as_str()), (Some(0), ""), "{output}");
    let flags = |subject: &str| {
        let snapshot = server.snapshot();
        let found = snapshot.mailboxes["Work"].iter().find(|message| message.subject == subject);
        found.unwrap_or_else(|| panic!("no {subject}: {output}")).flags.clone()
    };
    assert_eq!(flags("one"), ["\\Flagged", "\\Seen"]);
    assert_eq!(flags("two"), ["\\Answered"]);
    assert_eq!(flags("new"), ["\\Flagged"]);
}

#[test]
fn files_are_written_where_the_script_would_have_written_them() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a")]);
    let home = TempDir::new().unwrap();
    plan(&server, home.path(), r#"$KEYED:mailbox("INBOX"):all():export "all.mbox""#);
    let text = fs::read_to_string(home.path().join("plan.json")).unwrap();
    let whole = home.path().join("all.mbox").canonicalize().unwrap_or(home.path().join("all.mbox"));
    assert!(text.contains(&format!("\"path\": \"{}\"", whole.display())), "{text}");
}

#[test]
fn a_plan_of_a_newer_version_is_called_so() {
    let server = Server::sandbox();
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("plan.json"), r#"{ "version": 2, "steps": [] }"#).unwrap();
    let output = apply(&server, home.path(), &[]);
    assert_eq!(output.status, Some(3), "{output}");
    assert!(
        output.stderr.contains("the plan is of version 2, and this imapscript knows version 1"),
        "{output}"
    );
}

#[test]
fn a_limit_that_stops_a_plan_half_way_says_that_some_was_done() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a")]);
    let home = TempDir::new().unwrap();
    plan(&server, home.path(), r#"$KEYED:create "One"; $KEYED:mailbox("INBOX"):all():copy "Two""#);
    let output = apply(&server, home.path(), &["--no-create"]);
    assert_eq!(output.status, Some(8), "{output}");
}

on_both!(promise_19_a_planned_deletion_takes_what_the_plan_names, |server| {
    server.seed("INBOX", &[Mail::new("moved")]).seed("Full", &[Mail::new("a"), Mail::new("b")]);
    let home = TempDir::new().unwrap();
    let source = r#"
        allow "purge"
        local account = $KEYED
        account:mailbox("INBOX"):all():move "Full"
        account:delete("Full", { nonempty = true, archive = "full.mbox" })
        account:mailbox("New"):restore "full.mbox""#;
    plan(server, home.path(), source);
    server.seed("Full", &[Mail::new("late")]);
    let refused = apply(server, home.path(), &[]);
    assert_eq!(refused.status, Some(8), "{refused}");
    assert!(refused.stderr.contains("mailbox `Full` is not empty: it has 1 message"), "{refused}");
    assert_eq!(server.snapshot().subjects("Full"), ["a", "b", "late", "moved"], "{refused}");
    let script = r#"$KEYED:mailbox("Full"):search({ subject = "late" }):move "INBOX""#;
    assert_eq!(Script::new(script).on(server).home(home.path()).spawn().finish().status, Some(0));
    for _ in 0..2 {
        let applied = apply(server, home.path(), &[]);
        assert_eq!(applied.status, Some(0), "{applied}");
        let after = server.snapshot();
        assert!(!after.mailboxes.contains_key("Full"), "{applied}");
        assert_eq!(after.subjects("New"), ["a", "b", "moved"], "{applied}");
        assert_eq!(after.subjects("INBOX"), ["late"]);
    }
});

on_both!(promise_19_a_mailbox_is_not_deleted_with_messages_that_the_plan_does_not_name, |server| {
    server.seed("INBOX", &["a", "b", "c"].map(Mail::new)).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    let source = r#"
        allow "purge"
        local account = $KEYED
        account:mailbox("INBOX"):search({ subject = "a" }):copy "Box"
        account:delete("Box", { nonempty = true })"#;
    plan(server, home.path(), source);
    // What was to come does not, and other messages do.
    let mut other = server.observe();
    for command in ["SELECT INBOX", "STORE 1:* +FLAGS (\\Deleted)", "EXPUNGE"] {
        other.ok(command);
    }
    server.seed("Box", &["precious", "too"].map(Mail::new));
    let applied = apply(server, home.path(), &[]);
    assert_ne!(applied.status, Some(0), "{applied}");
    assert!(applied.stderr.contains("2 messages"), "{applied}");
    assert_eq!(server.snapshot().subjects("Box"), ["precious", "too"], "{applied}");
});

on_both!(promise_19_some_of_a_mailbox_to_be_deleted_are_not_all, |server| {
    server.seed("INBOX", &["a", "b"].map(Mail::new)).seed("Box", &[Mail::new("old")]);
    let home = TempDir::new().unwrap();
    let source = r#"
        allow "purge"
        local account = $KEYED
        account:mailbox("INBOX"):all():copy "Box"
        account:delete("Box", { nonempty = true })"#;
    plan(server, home.path(), source);
    server.seed("Box", &[Mail::new("precious")]);
    let applied = apply(server, home.path(), &[]);
    assert_eq!(applied.status, Some(8), "{applied}");
    assert!(server.snapshot().subjects("Box").contains(&"precious"), "{applied}");
    assert_eq!(server.snapshot().subjects("Box").len(), 4, "{applied}");
});

on_both!(promise_18_a_plan_that_deletes_too_much_does_not_begin, |server| {
    let many: Vec<_> = (0..25).map(|number| Mail::new(&format!("m{number}"))).collect();
    server.seed("INBOX", &["a", "b", "c"].map(Mail::new)).seed("Box", &many);
    let home = TempDir::new().unwrap();
    let source = r#"
        allow "purge"
        local account = $KEYED
        account:mailbox("INBOX"):all():move "Old"
        account:delete("Box", { nonempty = true, limit = 30 })"#;
    plan(server, home.path(), source);
    let before = server.snapshot();
    let applied = apply(server, home.path(), &[]);
    assert_eq!(applied.status, Some(7), "{applied}");
    assert_eq!(server.snapshot(), before, "{applied}");
    let applied = apply(server, home.path(), &["--limit", "28"]);
    assert_eq!(applied.status, Some(0), "{applied}");
    assert!(!server.snapshot().mailboxes.contains_key("Box"), "{applied}");
});
