//! What a script may do, and removing for good.

use crate::harness::Script;
use crate::mail::Mail;
use crate::proxy::Capability;
use crate::sandbox_server::on_both;
use crate::scripted::Scripted;
use crate::server::{Server, Tls};

on_both!(purging_removes_the_named_messages_and_no_others, |server| {
    server
        .seed("INBOX", &["gone 1", "gone 2", "stays"].map(Mail::new))
        .seed("INBOX", &[Mail::new("foreign").flag("\\Deleted")]);
    Script::new(
        r#"
        allow "purge"
        local inbox = $LOGIN:mailbox "INBOX"
        local report = inbox:search({ subject = "gone" }):purge()
        print(report.action, report.count, #inbox:all())
        "#,
    )
    .on(server)
    .stdout("$USER@127.0.0.1: purged 2 messages from INBOX\npurged\t2\t1\n")
    .mailbox("INBOX", &["stays", "foreign"])
    .run();
});

#[test]
fn where_single_messages_can_not_be_removed_they_stay_marked() {
    let server = Server::sandbox_without(&[Capability::Uidplus]);
    server.seed("INBOX", &["gone 1", "gone 2", "stays"].map(Mail::new));
    Script::new("allow 'purge' $LOGIN:mailbox('INBOX'):search({ subject = 'gone' }):purge()")
        .on(&server)
        .status(8)
        .stdout(
            "$USER@127.0.0.1: purged 2 messages from INBOX\n  the messages (UID 1:2) stay in INBOX, marked \\Deleted: \
             this server can't remove single messages\n",
        )
        .loses_nothing()
        .run();
}

on_both!(nothing_is_purged_without_permission, |server| {
    server.seed("INBOX", &["a", "b"].map(Mail::new));
    for source in [
        "$LOGIN:mailbox('INBOX'):all():purge()",
        "$LOGIN:mailbox('INBOX'):all():mark 'deleted'",
        "rules($LOGIN:mailbox 'INBOX') { { 'all', where = { larger_than = 1 }, purge = true } }",
        "rules($LOGIN:mailbox 'INBOX') { { 'all', where = { larger_than = 1 }, mark = 'seen' },
           { 'mark', where = { larger_than = 1 }, mark = 'deleted' } }",
    ] {
        Script::new(source)
            .on(server)
            .changes_nothing()
            .status(1)
            .stdout("")
            .stderr_contains("error: this run may not purge")
            .stderr_contains("hint: what removes mail for good must be allowed: `allow \"purge\"`")
            .run();
    }
});

#[test]
fn a_message_is_not_purged_if_something_before_failed() {
    for copy in ["Box", "a\\nb"] {
        // The copy is refused; or its target can't even be a name.
        let server = Scripted::new()
            .capabilities("IMAP4rev1 UIDPLUS MOVE ESEARCH")
            .greet()
            .serve()
            .on("UID COPY", "{tag} NO [OVERQUOTA] full\r\n")
            .start();
        Script::new(&format!(
            r#"
            allow "purge"
            rules($LOGIN:mailbox "INBOX") {{
              {{ "keep a copy", where = {{ larger_than = 1 }}, copy = "{copy}" }},
              {{ "remove", where = {{ larger_than = 1 }}, purge = true }},
            }}
            "#
        ))
        .on(&Server::at(server.address, Tls::None))
        .status(if copy == "Box" { 8 } else { 1 })
        .run();
        let commands: Vec<String> = server.finish().into_iter().map(|command| command.text).collect();
        assert!(
            !commands.iter().any(|text| text.contains("UID STORE") || text.contains("EXPUNGE")),
            "{commands:?}"
        );
    }
}

on_both!(the_command_line_has_the_last_word, |server| {
    server.seed("INBOX", &["a", "b"].map(Mail::new));
    let refused = |allowed: &str, source: &str, what: &str| {
        Script::new(&format!(
            "allow \"purge\" local account = $LOGIN local inbox = account:mailbox \"INBOX\" {source}"
        ))
        .on(server)
        .options(&["--allow", allowed])
        .changes_nothing()
        .status(1)
        .stderr_contains(&format!("this run may not {what}"))
        .stderr_contains("hint: `--allow` was given without it")
        .run();
    };
    refused("read", "inbox:all():mark 'seen'", "mark");
    refused("read,mark", "inbox:all():move 'Box'", "move");
    refused("read,mark", "inbox:all():copy 'Box'", "copy");
    refused("read,mark", "inbox:all():trash()", "trash");
    refused("read,mark", "inbox:all():purge()", "purge");
    refused("read,mark", "account:create 'Box'", "mailboxes");
    refused("read,mark", "inbox:append 'Subject: x'", "copy");
    refused("read,mark", "inbox:all():export 'all.mbox'", "write");
    refused("read,mark", "inbox:all():save '.'", "write");
    refused("read,mark", "for m in inbox:all():messages() do m:save 'x.eml' end", "write");
    refused("read,mark", "inbox:all():pipe { 'cat' }", "exec");
    refused("read,mark", "for m in inbox:all():messages() do m:pipe { 'cat' } end", "exec");
    refused("read,mark", "run { 'true' }", "exec");
    refused("mark", "print(#inbox:all())", "read");
    Script::new("$LOGIN:mailbox('INBOX'):all():mark 'seen'")
        .on(server)
        .options(&["--allow", "read, mark"])
        .stdout("$USER@127.0.0.1: marked 2 messages in INBOX: \\Seen\n")
        .run();
});

#[test]
fn a_permission_that_does_not_exist_is_an_error() {
    Script::new("")
        .options(&["--allow", "read,everything"])
        .status(2)
        .stderr_contains("`--allow`: there is no permission `everything`")
        .run();
    Script::new("allow 'all'")
        .status(1)
        .stderr_contains("there are read, mark, copy, move, trash, purge, mailboxes, write, exec")
        .run();
}
