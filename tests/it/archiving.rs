//! Messages are put into a file and read back before they are removed for good, and can be restored from it exactly.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::{on_both, on_every};
use crate::server::Server;
use tempfile::TempDir;

fn mails() -> Vec<Mail> {
    vec![
        Mail::new("one").flag("\\Seen").flag("$Work").date("29-Feb-2020 23:59:58 +0000"),
        Mail::new("two")
            .date("15-Mar-2024 10:00:00 +0000")
            .body("From here\r\n>From there\r\n\r\nFrom x\r\n\r\n"),
        Mail::new("twice").date("15-Mar-2024 10:00:00 +0000"),
        Mail::new("twice").date("15-Mar-2024 10:00:00 +0000"),
        Mail::new("no end").date("15-Mar-2024 10:00:00 +0000").body("a last line without an end"),
    ]
}

on_every!(what_is_purged_with_an_archive_can_be_restored_exactly, |server| {
    let mails = mails();
    let known = !server.hidden.contains(&Capability::Uidplus);
    server.seed("Old", &mails).seed("Old", &[Mail::new("stays").flag("\\Deleted")]);
    let before = server.snapshot();
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("old.mbox");
    let script = |source: &str| source.replace("ARCHIVE", path.to_str().unwrap());
    let purge = script(
        r#"
        allow "purge"
        print(#$LOGIN:mailbox("Old"):all():purge { archive = "ARCHIVE" })
        "#,
    );
    let held = !known;
    let script_run = Script::new(&purge).on(server).options(&["-q"]).stdout("5\n");
    if held {
        script_run.status(8).run()
    } else {
        script_run.stderr("").run()
    };
    let restore = script(
        r#"
        local box = $LOGIN:mailbox "New/Box"
        local report = box:restore "ARCHIVE"
        print(report.action, report.target == "ARCHIVE", report.mailbox, #report, report.moved == nil or #report.moved)
        local again = box:restore "ARCHIVE"
        print(#again, #again.skipped, again.skipped[1].reason, #again.skipped[1].uids)
        "#,
    );
    let output = Script::new(&restore).on(server).options(&["-q"]).stderr("").run();
    assert_eq!(output.stdout, "restored\ttrue\tNew/Box\t5\t5\n0\t1\tin the mailbox already\t5\n");
    let after = server.snapshot();
    let expected: Vec<_> = before.mailboxes["Old"].iter().filter(|seen| seen.subject != "stays").collect();
    assert_eq!(after.mailboxes["New/Box"].iter().collect::<Vec<_>>(), expected);
});

on_both!(rules_archive_before_they_purge, |server| {
    server.seed("INBOX", &mails());
    let output = Script::new(
        r#"
        allow "purge"
        local inbox = $LOGIN:mailbox "INBOX"
        rules(inbox) {
          { "old", where = { older_than = "30d", subject = { "one", "twice" } }, purge = { archive = "old-${year}.mbox" } },
        }
        for _, year in ipairs { 2020, 2024 } do
          local file = io.open("old-" .. year .. ".mbox")
          local _, count = file:read("a"):gsub("\nSubject: ", "")
          print(year, count)
        end
        "#,
    )
    .on(server)
    .stderr("")
    .mailbox("INBOX", &["no end", "two"])
    .run();
    let mut lines: Vec<_> = output.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "  archived in old-2020.mbox",
            "  archived in old-2024.mbox",
            "$USER@127.0.0.1: purged 1 message from INBOX (old)",
            "$USER@127.0.0.1: purged 2 messages from INBOX (old)",
            "2020\t1",
            "2024\t2"
        ]
    );
});

#[test]
fn any_bytes_are_archived_and_restored_as_they_were() {
    let server = Server::sandbox();
    let raws: [&[u8]; 4] = [
        b"Subject: lf\n\nonly\nline feeds\n",
        b"Subject: mixed\r\n\r\none\ntwo\r\nthree\rfour\r\r\nFrom \n>From\n",
        b"Subject: open\n\nno end",
        b"Subject: eight\r\n\r\nlatin \xe4 and \xff\r\n",
    ];
    let mut observer = server.observe();
    for raw in raws {
        observer.append_raw("INBOX", raw, "\\Answered $x:y", "15-Mar-2024 10:00:00 +0530");
    }
    let before = server.snapshot();
    Script::new(
        r#"
        allow "purge"
        local inbox = $LOGIN:mailbox "INBOX"
        inbox:all():purge { archive = "a.mbox" }
        print(#inbox:all())
        print(#inbox:restore "a.mbox")
        "#,
    )
    .on(&server)
    .options(&["-q"])
    .stdout("0\n4\n")
    .stderr("")
    .run();
    assert_eq!(server.snapshot(), before);
}

#[test]
fn an_archive_of_another_program_is_restored_too() {
    let server = Server::sandbox();
    let source = r#"
        local file = io.open("a.mbox", "w")
        file:write("From x@example.org Fri Mar 15 10:00:00 2024\nSubject: a\nMessage-ID: <a@x>\n\n>From here\n\n",
          "From y  Fri Mar 15 11:00:00 2024\nSubject: b\n\nb\n\nFrom z\n\n")
        file:close()
        local report
        local ok, err = pcall(function() $LOGIN:mailbox("Box"):restore "a.mbox" end)
        print(err.message, #err.report, err.report.failed[1].uids[1])
        err:ignore()
        for message in $LOGIN:mailbox("Box"):all():messages { "text" } do
          print(message.subject, message.received, (message:raw():gsub("\r\n", "|")))
        end
    "#;
    let output = Script::new(source).on(&server).options(&["-q"]).stderr("").run();
    assert_eq!(
        output.stdout,
        "$USER@127.0.0.1: restored 2 messages from a.mbox to Box\n  created mailbox Box\n  \
         FAILED 1 message (number 3): it has no header\n\
         restored 2, failed 1, in doubt 0: it has no header\t2\t3\n\
         a\t2024-03-15T10:00:00+00:00\tSubject: a|Message-ID: <a@x>||From here|\n\
         b\t2024-03-15T11:00:00+00:00\tSubject: b||b|\n"
    );
}

#[test]
fn what_was_changed_in_an_archive_is_not_restored() {
    let server = Server::sandbox();
    server.seed("INBOX", &mails()[..2]);
    Script::new(
        r#"
        allow "purge"
        local inbox = $LOGIN:mailbox "INBOX"
        inbox:all():purge { archive = "a.mbox" }
        local file = io.open("a.mbox"); local text = file:read("a"); file:close()
        file = io.open("a.mbox", "w"); file:write((text:gsub("Hello", "Hullo"))); file:close()
        inbox:restore "a.mbox"
        "#,
    )
    .on(&server)
    .status(8)
    .stderr_contains(
        "restored 1, failed 1, in doubt 0: it was changed since it was archived: its digest is another",
    )
    .mailbox("INBOX", &["two"])
    .run();
}

#[test]
fn nothing_is_purged_that_can_not_be_archived() {
    let server = Server::sandbox();
    server.seed("INBOX", &mails());
    for (path, status, reason) in [
        ("no/such/directory.mbox", 3, "`no/such/directory.mbox` is in a directory that does not exist"),
        ("script.lua", 3, "`script.lua` exists already and is no mbox"),
        (".", 3, "`.`"),
        ("/dev/full", 3, "`/dev/full`"),
    ] {
        let source = r#"allow "purge"; $LOGIN:mailbox("INBOX"):all():purge { archive = "PATH" }"#;
        Script::new(&source.replace("PATH", path))
            .on(&server)
            .status(status)
            .stderr_contains(reason)
            .changes_nothing()
            .run();
    }
}

#[test]
fn purging_with_an_archive_needs_both_permissions() {
    let server = Server::sandbox();
    server.seed("INBOX", &mails());
    let source = r#"allow "purge"; $LOGIN:mailbox("INBOX"):all():purge { archive = "a.mbox" }"#;
    for (allowed, refused) in [("read,write", "purge"), ("read,purge", "write")] {
        Script::new(source)
            .on(&server)
            .options(&["--allow", allowed])
            .status(1)
            .stderr_contains(&format!("this run may not {refused}"))
            .changes_nothing()
            .run();
    }
    Script::new(r#"$LOGIN:mailbox("INBOX"):restore "a.mbox""#)
        .on(&server)
        .options(&["--allow", "read"])
        .status(1)
        .stderr_contains("this run may not copy")
        .run();
}

#[test]
fn archives_that_make_no_sense_are_refused() {
    let server = Server::sandbox();
    server.seed("INBOX", &mails());
    let output = Script::new(
        r#"
        allow "purge"
        local inbox = $LOGIN:mailbox "INBOX"
        local found = inbox:all()
        local function try(f, ...)
          local ok, err = pcall(f, ...)
          print(ok, err.kind, err.message, err.hint)
          err:ignore()
        end
        try(found.purge, found, { archiv = "a" })
        try(found.purge, found, { archive = 5 })
        try(found.purge, found, { archive = "" })
        try(found.purge, found, {})
        try(found.purge, found, true)
        try(inbox.restore, inbox)
        try(inbox.restore, inbox, "missing.mbox")
        try(inbox.restore, inbox, "script.lua")
        for _, purge in ipairs { { archiv = "a" }, { archive = 5 }, {} } do
          try(function() rules(inbox) { { "x", where = { seen = false }, purge = purge } } end)
        end
        try(function() rules(inbox) { { "x", where = { seen = false }, trash = true, purge = { archive = "a" } } } end)
        "#,
    )
    .on(&server)
    .changes_nothing()
    .stderr("")
    .run();
    insta::assert_snapshot!(output.table(), @r#"
    false | script | `purge` has no option `archiv` | `purge { archive = "old.mbox" }`
    false | script | `purge` wants `archive` as the name of an mbox file but got 5 | nil
    false | script | a path is empty or has a NUL character in it | it wants the name of an mbox file
    false | script | `purge` wants `archive` as the name of an mbox file but got nothing | nil
    false | script | `purge` wants options such as `{ archive = "old.mbox" }` but got a boolean | nil
    false | script | `restore` wants the name of an mbox file but got nothing | nil
    false | config | `missing.mbox` does not exist | name an mbox file, such as `purge { archive = "old.mbox" }` writes
    false | config | `script.lua` is no mbox file | name an mbox file, such as `purge { archive = "old.mbox" }` writes
    false | script | rule `x`: `purge` has no option `archiv` | `purge = { archive = "old.mbox" }`
    false | script | rule `x`: `archive` must be a name, or a function that gives one, but is an integer | nil
    false | script | rule `x`: `archive` must be the name of a file but is nothing | nil
    false | script | rule `x`: both `trash` and `purge` | a message can go one way only
    "#);
}

#[test]
fn an_archive_is_restored_without_a_script() {
    let servers = [Server::sandbox(), Server::sandbox()];
    let home = TempDir::new().unwrap();
    let purge = r#"allow "purge"; $KEYED:mailbox("INBOX"):all():purge { archive = "a.mbox" }"#;
    let restore = |more: &[&str], on: &Server| {
        let words = [&["restore", "a.mbox", "Back"], more].concat();
        Script::command(&words).on(on).home(home.path()).spawn().finish()
    };
    let unknown = restore(&[], &servers[0]);
    assert_eq!(unknown.status, Some(2), "{unknown}");
    assert_eq!(
        unknown.stderr,
        "error: no script has changed an account yet\n\
         hint: run a script once that changes the account: how it is reached is known then\n"
    );
    for server in &servers {
        server.seed("INBOX", &mails());
    }
    let before = servers[0].snapshot().mailboxes["INBOX"].clone();
    Script::new(purge).on(&servers[0]).home(home.path()).run();
    let restored = restore(&[], &servers[0]);
    assert_eq!((restored.status, restored.stderr.as_str()), (Some(0), ""), "{restored}");
    assert_eq!(servers[0].snapshot().mailboxes["Back"], before, "{restored}");
    // Twice doubles nothing.
    let again = restore(&[], &servers[0]);
    assert_eq!(again.status, Some(0), "{again}");
    assert_eq!(servers[0].snapshot().mailboxes["Back"], before, "{again}");
    Script::new("$KEYED:create 'New'").on(&servers[1]).home(home.path()).run();
    let unsaid = restore(&[], &servers[1]);
    assert_eq!(unsaid.status, Some(2), "{unsaid}");
    assert!(unsaid.stderr.contains("error: it must be said which account is meant"), "{unsaid}");
    assert_eq!(unsaid.stderr.matches("`--account ").count(), 2, "{unsaid}");
    let (user, address) = (&servers[1].user, servers[1].address);
    let named = restore(&["--account", &format!("{user} {address}")], &servers[1]);
    assert_eq!(named.status, Some(0), "{named}");
    assert_eq!(servers[1].snapshot().mailboxes["Back"], before, "{named}");
    let forbidden = restore(&["--account", &format!("{user} {address}"), "--allow", "read"], &servers[1]);
    assert_eq!(forbidden.status, Some(1), "{forbidden}");
}
