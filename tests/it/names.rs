//! Mailbox names: whatever people call them, and however the server writes that.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::{on_both, on_every};
use crate::server::Server;
use imapscript::sandbox::Options;

/// Names that every server can have.
const NAMES: &str = r##"{ "Grüße", "日本語/メール", "🐚 shells 🐚", 'say "hi"', "A & B", "&", "&AOk-", "a b", "(x)", "[y]", "{5}", "{5+}",
  "#news", "a~tilde", "semi;colon", "plus+minus-", "comma,", "!", "NIL", "inbox2", "INBOX/Sub", "a'b", "$x" }"##;

on_every!(people_may_call_a_mailbox_what_they_like, |server| {
    server.seed("INBOX", &[Mail::new("a")]);
    let source = format!(
        r#"
        local account = $LOGIN
        for _, name in ipairs {NAMES} do
          account:create(name)
          local there = {{}}
          for _, mailbox in ipairs(account:list()) do there[mailbox.name] = true end
          account:mailbox("INBOX"):all():copy(name)
          local count = account:status(name).messages
          local found = account:select(name):search {{ subject = "a" }}
          account:subscribe(name)
          account:unsubscribe(name)
          account:rename(name, name .. "-2")
          if not there[name] or count ~= 1 or #found ~= 1 or found.mailbox ~= name then print("bad", name, there[name], count, #found, found.mailbox) end
          found = account:mailbox(name .. "-2"):all()
          if #found ~= 1 then print("renamed", name) end
          found:trash()
        end
        print(account:status("Trash").messages)
        "#
    );
    server.seed("Trash", &[]);
    // Where originals stay marked, that is told, and the run is only partly done.
    let status = if server.can_remove() { 0 } else { 8 };
    let output = Script::new(&source).on(server).options(&["-q"]).status(status).run();
    assert_eq!(output.stdout, "23\n");
    assert_eq!(output.stderr.lines().count(), if server.can_remove() { 0 } else { 23 });
});

on_both!(names_with_wildcards_and_backslashes_are_no_patterns, |server| {
    let output = Script::new(
        r#"
        local account = $LOGIN
        for _, name in ipairs { "a\\b", "50%", "star*", "a\\" } do
          local ok, err = pcall(account.create, account, name)
          if ok then
            print(name, account:status(name).messages)
            account:delete(name)
          else
            print(name, err.kind)
            err:ignore()
          end
        end
        "#,
    )
    .on(server)
    .options(&["-q"])
    .stderr("")
    .run();
    // A server may forbid a character; it is never asked for another name.
    assert!(output.stdout.lines().count() == 4, "{output}");
    assert!(output.stdout.contains("a\\b\t0\n"), "{output}");
});

#[test]
fn slashes_and_the_implied_prefix_are_mapped_to_the_servers_own() {
    let server =
        Server::sandbox_with(Options { delimiter: '.', prefix: "INBOX.".into(), ..Options::default() });
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]);
    let output = Script::new(
        r#"
        local account = $LOGIN
        local inbox = account:mailbox "INBOX"
        print(account:namespace().personal.prefix, account:namespace().personal.delimiter)
        inbox:search({ subject = "a" }):move "Work/2024/März"
        inbox:search({ subject = "b" }):move { raw = "INBOX.Raw" }
        for _, mailbox in ipairs(account:list()) do print(mailbox.name, mailbox.raw) end
        for _, mailbox in ipairs(account:list "Work/*") do print("Work/*", mailbox.name) end
        print(account:status("Work/2024/März").messages, account:status("Raw").messages, account:status({ raw = "INBOX.Work.2024.M&AOQ-rz" }).messages)
        print(account:select({ raw = "INBOX.Raw" }).name, account:select({ raw = "INBOX.Raw" }):all().mailbox)
        account:rename("Work/2024", "Done")
        print(account:status("Done/März").messages)
        local ok, err = pcall(account.create, account, "a.b")
        print(ok, err.message, err.hint)
        err:ignore()
        local ok, err = pcall(account.create, account, "INBOX.Work")
        print(ok, err.message, err.hint)
        err:ignore()
        "#,
    )
    .on(&server)
    .stderr("")
    .run();
    insta::assert_snapshot!(output.table(), @"
    INBOX. | .
    $USER@127.0.0.1: moved 1 message from INBOX to Work/2024/März
      created mailbox Work/2024/März
    $USER@127.0.0.1: moved 1 message from INBOX to Raw
      created mailbox Raw
    INBOX | INBOX
    Raw | INBOX.Raw
    Work | INBOX.Work
    Work/2024 | INBOX.Work.2024
    Work/2024/März | INBOX.Work.2024.M&AOQ-rz
    Work/* | Work/2024
    Work/* | Work/2024/März
    1 | 1 | 1
    INBOX.Raw | Raw
    $USER@127.0.0.1: renamed Work/2024 to Done
    1
    false | `a.b` can't be a mailbox's name | this server's own delimiter is `.`: write `a/b`, or `{ raw = … }` for the name as the server has it
    false | `INBOX.Work` can't be a mailbox's name | this server's own delimiter is `.`: write `INBOX/Work`, or `{ raw = … }` for the name as the server has it
    ");
    let names: Vec<_> = server.snapshot().mailboxes.into_keys().collect();
    assert_eq!(names, ["INBOX", "INBOX.Done.M&AOQ-rz", "INBOX.Raw"]);
}

on_both!(a_special_mailbox_is_found_by_its_use_or_by_a_well_known_name, |server| {
    let names = ["Archive", "Sent", "Drafts", "Junk", "Trash"];
    for name in names {
        server.seed(name, &[]);
    }
    Script::new(
        r#"
        local account = $LOGIN
        for _, name in ipairs { "@archive", "@sent", "@drafts", "@junk", "@trash", "@inbox", "@TRASH", "inbox" } do
          print(name, account:mailbox(name):all().mailbox, account:status(name).messages)
        end
        for _, name in ipairs { "@all", "@flagged", "@bin", "@" } do
          local ok, err = pcall(account.status, account, name)
          print(name, ok, err.kind, (err.message:gsub("%(.*", "(…)")), err.hint)
          err:ignore()
        end
        "#,
    )
    .on(server)
    .changes_nothing()
    .stdout(
        "@archive\tArchive\t0\n@sent\tSent\t0\n@drafts\tDrafts\t0\n@junk\tJunk\t0\n@trash\tTrash\t0\n@inbox\tINBOX\t0\n\
         @TRASH\tTrash\t0\ninbox\tINBOX\t0\n\
         @all\tfalse\trefused\tthere is no `@all` mailbox in this account (…)\tmake one, or say which it is: `special_use = { all = \"…\" }` among the account's settings\n\
         @flagged\tfalse\trefused\tthere is no `@flagged` mailbox in this account (…)\tmake one, or say which it is: `special_use = { flagged = \"…\" }` among the account's settings\n\
         @bin\tfalse\tscript\t`@bin` is no special mailbox\tthere are @inbox @all @archive @drafts @flagged @junk @sent @trash\n\
         @\tfalse\tscript\t`@` is no special mailbox\tthere are @inbox @all @archive @drafts @flagged @junk @sent @trash\n",
    )
    .stderr("")
    .run();
});

#[test]
fn a_special_use_that_the_server_states_comes_before_a_name() {
    let server = Server::dovecot(crate::server::Tls::Implicit);
    server.seed("Deleted Items", &[]).seed("INBOX", &[Mail::new("a")]);
    Script::new("$LOGIN:mailbox('INBOX'):all():trash()")
        .on(&server)
        .stdout("$USER@127.0.0.1: trashed 1 message from INBOX to Trash\n")
        .stderr("")
        .mailbox("Trash", &["a"])
        .run();
}
