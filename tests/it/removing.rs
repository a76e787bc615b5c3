//! How many messages may be removed, at once and in a run; and how many mailboxes created for them.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use crate::server::{Server, Tls};

fn fill(server: &Server, mailbox: &str, count: usize) {
    let mails: Vec<_> = (1..=count).map(|n| Mail::new(&format!("{mailbox} {n}"))).collect();
    let mut observer = server.observe();
    observer.ensure(mailbox);
    observer.append_many(mailbox, &mails);
}

/// Runs a script that is stopped by a limit before it does anything.
#[track_caller]
fn stopped(server: &Server, source: &str, message: &str, hint: &str) {
    stops(Script::new(source).on(server).changes_nothing(), message, hint);
}

#[track_caller]
fn stops(script: Script<'_>, message: &str, hint: &str) {
    script
        .status(7)
        .stdout("")
        .stderr_contains(&format!("error: {message}"))
        .stderr_contains(&format!("hint: {hint}"))
        .run();
}

on_both!(promise_18_more_than_half_of_a_mailbox_is_not_removed_at_once, |server| {
    fill(server, "INBOX", 30);
    fill(server, "Trash", 0);
    let most = "local account = $LOGIN local most = account:mailbox('INBOX'):search { uid = '1:16' } ";
    let message = "this would remove 16 of the 30 messages of INBOX of $USER@127.0.0.1, which is more than half of them";
    let hint = "nothing of it was done; if it is meant, say how many: `{ limit = 16 }` as the action's last argument, \
                `limit(16)` in the script, or `--limit 16`";
    for action in ["most:move 'Box'", "most:trash()", "allow 'purge' most:purge()"] {
        stopped(server, &format!("{most}{action}"), message, hint);
    }
    stopped(
        server,
        &format!("{most}most:move('Box', {{ limit = 15 }})"),
        "this would remove 16 of the 30 messages of INBOX of $USER@127.0.0.1, and its `limit` is 15",
        "nothing of it was done; if it is meant, say how many: `{ limit = 16 }` as the action's last argument",
    );
    // What removes nothing has no limit.
    Script::new(&format!("{most}most:copy 'Copies' most:mark 'seen'")).on(server).run();
    // Half is not more than half; and what was said is done.
    Script::new(
        "allow 'purge' local inbox = $LOGIN:mailbox 'INBOX' inbox:search({ uid = '1:15' }):move 'Box' \
         inbox:all():purge { limit = 15 } print(#inbox:all())",
    )
    .on(server)
    .stdout(
        "$USER@127.0.0.1: moved 15 messages from INBOX to Box\n  created mailbox Box\n\
         $USER@127.0.0.1: purged 15 messages from INBOX\n0\n",
    )
    .run();
});

on_both!(promise_18_a_small_mailbox_trash_and_junk_may_be_emptied, |server| {
    fill(server, "INBOX", 19);
    fill(server, "Trash", 25);
    fill(server, "Junk", 60);
    Script::new("$LOGIN:mailbox('INBOX'):all():move 'Box'").on(server).mailbox("INBOX", &[]).run();
    // By their use, and by their name.
    Script::new("$LOGIN:mailbox('@junk'):search({ uid = '1:31' }):trash()").on(server).run();
    Script::new("$LOGIN:mailbox('Junk'):all():trash()").on(server).run();
    // What is in Trash is not thrown away again, whatever its number.
    Script::new("limit(10) $LOGIN:mailbox('Trash'):all():trash()")
        .on(server)
        .changes_nothing()
        .stdout("$USER@127.0.0.1: trashed 0 messages from Trash to Trash\n  skipped 85 messages (UID 1:85): already in Trash; `trash` never removes for good\n")
        .run();
    Script::new("allow 'purge' $LOGIN:mailbox('Trash'):all():purge()").on(server).mailbox("Trash", &[]).run();
});

on_both!(promise_18_rules_are_limited_together_and_stop_before_anything, |server| {
    fill(server, "INBOX", 30);
    fill(server, "Other", 30);
    fill(server, "Trash", 0);
    let rules = |limits: &str| {
        format!(
            "local account = $LOGIN \
             rules {{ account:mailbox 'INBOX', account:mailbox 'Other' }} {{ \
               {{ 'saved', where = {{ subject = 'other' }}, export = 'other.mbox', mark = 'seen' }}, \
               {{ 'first', where = {{ uid = '1:10' }}, move = 'Box'{limits} }}, \
               {{ 'second', where = {{ uid = '11:16', subject = 'other' }}, trash = true }} }} \
             print(io.open 'other.mbox')"
        )
    };
    stopped(
        server,
        &rules(""),
        "this would remove 16 of the 30 messages of Other of $USER@127.0.0.1, which is more than half of them (by rule: \
         `first` 10, `second` 6)",
        "nothing of it was done; if it is meant, say how many: a `limit` in each rule, `limit(26)` in the script, or \
         `--limit 26`",
    );
    stopped(
        server,
        &rules(", limit = 19"),
        "rule `first` would remove 20 messages (10 of the 30 messages of INBOX of $USER@127.0.0.1, 10 of the 30 messages \
         of Other of $USER@127.0.0.1), and its `limit` is 19",
        "nothing of it was done; if it is meant, say how many: `limit = 20` in the rule\n",
    );
    let output = Script::new(&rules(", limit = 20")).on(server).run();
    assert!(output.stdout.contains("moved 10 messages from Other to Box (first)"), "{output}");
    assert!(output.stdout.contains("trashed 6 messages from Other to Trash (second)"), "{output}");
});

on_both!(promise_18_an_action_in_many_mailboxes_stops_before_the_first, |server| {
    fill(server, "INBOX", 30);
    fill(server, "Other", 20);
    stopped(
        server,
        "local account = $LOGIN \
         local both = account:mailbox('INBOX'):search { uid = '1:3' } + account:mailbox('Other'):all() both:move 'Box'",
        "this would remove 20 of the 20 messages of Other of $USER@127.0.0.1, which is more than half of them",
        "nothing of it was done",
    );
});

on_both!(promise_18_the_size_of_an_unknown_mailbox_is_asked, |server| {
    fill(server, "INBOX", 25);
    fill(server, "Trash", 0);
    if !server.can_remove() {
        return;
    }
    let source = "local inbox = $LOGIN:mailbox 'INBOX' inbox:all():move('Box', { limit = 25 }).moved:trash()";
    Script::new(source)
        .on(server)
        .loses_nothing()
        // Something was done before it.
        .status(8)
        .stderr_contains(
            "this would remove 25 of the 25 messages of Box of $USER@127.0.0.1, which is more than half of them",
        )
        .run();
    fill(server, "Box", 30);
    let source =
        "local box = $LOGIN:mailbox 'Box' box:search({ uid = '1:25' }):move('INBOX').moved:move 'Box'";
    Script::new(source).on(server).status(8).stderr_contains("25 of the 25 messages of INBOX").run();
});

#[test]
fn promise_18_a_thousand_messages_at_once_and_five_thousand_in_a_run() {
    let server = Server::sandbox();
    fill(&server, "INBOX", 6_000);
    let inbox = "local inbox = $LOGIN:mailbox 'INBOX' ";
    stops(
        Script::new(&format!("{inbox}inbox:search({{ uid = '1:1001' }}):move 'Box'")).on(&server),
        "this would remove 1001 of the 6000 messages of INBOX of $USER@127.0.0.1, and at once 1000 are the most",
        "nothing of it was done; if it is meant, say how many: `{ limit = 1001 }` as the action's last argument, \
         `limit(1001)` in the script, or `--limit 1001`",
    );
    stops(
        Script::new(&format!("{inbox}inbox:search({{ uid = '1:5001' }}):move('Box', {{ limit = 6000 }})"))
            .on(&server),
        "this would remove 5001 of the 6000 messages of INBOX of $USER@127.0.0.1, and 5000 are the most in a run",
        "nothing of it was done; if it is meant, say how many: `limit(5001)` in the script, or `--limit 5001`",
    );
    let there = server.observe().messages("INBOX").len();
    assert_eq!(there, 6_000);
}

#[test]
fn promise_18_a_number_for_the_run_replaces_all_others() {
    for (options, say) in [(&["--limit", "20"][..], ""), (&[], "limit(20)"), (&["--limit", "20"], "limit(3)")]
    {
        let server = Server::sandbox();
        fill(&server, "INBOX", 24);
        Script::new(&format!(
            "{say} local inbox = $LOGIN:mailbox 'INBOX' inbox:search({{ uid = '1:20' }}):move 'Box' \
             local ok, err = pcall(function() inbox:search({{ uid = 21 }}):move('Box', {{ limit = 30 }}) end) \
             print(err.kind, err.mailbox) error(err)"
        ))
        .on(&server)
        .options(options)
        .status(8)
        .stdout("$USER@127.0.0.1: moved 20 messages from INBOX to Box\n  created mailbox Box\nlimit\tINBOX\n")
        .stderr_contains(
            "this would remove 1 of the 4 messages of INBOX of $USER@127.0.0.1, after 20 before, and 20 are the most in a run",
        )
        .stderr_contains("say how many: `limit(21)` in the script, or `--limit 21`")
        .run();
    }
}

on_both!(promise_18_a_dry_run_stops_where_the_run_would, |server| {
    fill(server, "INBOX", 30);
    let inbox = "local account = $LOGIN local inbox = account:mailbox 'INBOX' ";
    for (source, message) in [
        (
            "inbox:search({ uid = '1:16' }):move 'Box'",
            "this would remove 16 of the 30 messages of INBOX of $USER@127.0.0.1",
        ),
        (
            "inbox:all():move('Box', { limit = 30 }) account:mailbox('Box'):all():trash()",
            "this would remove 30 of the 30 messages of Box of $USER@127.0.0.1",
        ),
        ("inbox:search({ uid = '1:15' }):move 'Box' inbox:search({ uid = '16:25' }):move 'Box'", ""),
    ] {
        let script = Script::new(&format!("{inbox}{source}"));
        let script = script.on(server).options(&["-n"]).changes_nothing().stderr_contains(message);
        match message {
            "" => script.run(),
            message => script.status(if message.contains("INBOX") { 7 } else { 8 }).run(),
        };
    }
    for action in ["inbox:all():copy 'Box'", "account:mailbox('Box'):append 'Subject: x'"] {
        Script::new(&format!("{inbox}{action}"))
            .on(server)
            .options(&["-n", "--no-create"])
            .changes_nothing()
            .status(7)
            .stderr_contains("error: mailbox `Box` does not exist, and `--no-create` was given")
            .run();
    }
});

#[test]
fn what_was_not_removed_is_not_counted() {
    let server = Server::sandbox();
    fill(&server, "INBOX", 3);
    // The mailbox can't be made, so nothing is moved.
    let source = "limit(3) local inbox = $LOGIN:mailbox 'INBOX' local all = inbox:all() \
                  local ok, err = pcall(all.move, all, 'a\\nb') print(ok) err:ignore() all:move 'Box'";
    Script::new(source)
        .on(&server)
        .stdout("false\n$USER@127.0.0.1: moved 3 messages from INBOX to Box\n  created mailbox Box\n")
        .run();
}

#[test]
fn a_limit_that_is_none_is_an_error() {
    let server = Server::sandbox();
    fill(&server, "INBOX", 1);
    for (source, message) in [
        ("limit(0)", "a limit must be a positive whole number but is 0"),
        ("limit(-1)", "a limit must be a positive whole number but is -1"),
        ("limit(1.5)", "a limit must be a positive whole number but is 1.5"),
        ("limit()", "a limit must be a positive whole number but is nothing"),
        ("all:trash { limit = '5' }", "a limit must be a positive whole number but is \"5\""),
        ("all:purge { limit = 0 }", "a limit must be a positive whole number but is 0"),
        ("all:move('Box', { limits = 5 })", "there is no option `limits`"),
        ("all:move('Box', 5)", "`move` wants options such as `{ limit = 2000 }` but got 5"),
        ("all:copy('Box', { limit = 5 })", "there is no option `limit`"),
        ("all:purge { 'old.mbox' }", "`purge` takes its options by their names"),
        ("all:purge { limits = 5 }", "`purge` has no option `limits`"),
        (
            "rules(inbox) { { 'a', where = { uid = 1 }, trash = true, limit = true } }",
            "rule `a`: a limit must be a positive whole number but is a boolean",
        ),
        (
            "rules(inbox) { { 'a', where = { uid = 1 }, mark = 'seen', limit = 5 } }",
            "rule `a`: it has a `limit` but removes nothing",
        ),
    ] {
        Script::new(&format!(
            "allow 'purge' local inbox = $LOGIN:mailbox 'INBOX' local all = inbox:all() {source}"
        ))
        .on(&server)
        .changes_nothing()
        .status(1)
        .stderr_contains(&format!("error: {message}"))
        .run();
    }
    for bad in ["0", "-1", "many", ""] {
        let option = format!("--limit={bad}");
        Script::new("")
            .options(&[&option])
            .status(2)
            .stderr_contains("it must be a positive whole number")
            .run();
    }
}

on_both!(promise_20_no_mailbox_is_created_where_that_is_forbidden, |server| {
    fill(server, "INBOX", 2);
    fill(server, "There", 0);
    for action in
        ["inbox:all():move 'Box'", "inbox:all():copy 'Box'", "account:mailbox('Box'):append 'Subject: x'"]
    {
        Script::new(&format!("local account = $LOGIN local inbox = account:mailbox 'INBOX' {action}"))
            .on(server)
            .options(&["--no-create"])
            .changes_nothing()
            .status(7)
            .stderr_contains("error: mailbox `Box` does not exist, and `--no-create` was given")
            .stderr_contains("hint: create it first, or leave `--no-create` away")
            .run();
    }
    Script::new("$LOGIN:mailbox('INBOX'):all():move 'There'")
        .on(server)
        .options(&["--no-create"])
        .loses_nothing()
        .mailbox("INBOX", &[])
        .run();
});

#[test]
fn promise_20_where_a_server_does_not_tell_before_nothing_is_created_either() {
    use crate::scripted::Scripted;
    let server = Scripted::new()
        .capabilities("IMAP4rev1 UIDPLUS MOVE")
        .greet()
        .serve()
        .on("UID MOVE", "{tag} NO [TRYCREATE] no such mailbox\r\n")
        .start();
    Script::new("$LOGIN:mailbox('INBOX'):all():move 'Archive'")
        .on(&Server::at(server.address, Tls::None))
        .options(&["--no-create"])
        .status(8)
        .stderr_contains("mailbox `Archive` does not exist, and `--no-create` was given")
        .run();
    let commands = server.finish();
    assert!(!commands.iter().any(|command| command.text.contains("CREATE")), "{commands:?}");
}
