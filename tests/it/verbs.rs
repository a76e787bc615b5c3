//! The session's verbs, in IMAP's own words.

use crate::across::without;
use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::{on_both, on_every};
use crate::scripted::Scripted;
use crate::server::{Server, Tls};
use tempfile::TempDir;

on_every!(a_session_selects_searches_fetches_and_logs_out, |server| {
    server.seed("INBOX", &[Mail::new("b").flag("\\Seen"), Mail::new("a")]);
    Script::new(
        r#"
        local account = $LOGIN
        print(account.name, tostring(account))
        local inbox = account:select "INBOX"
        print(inbox.name, tostring(inbox))
        local found = account:search { seen = false }
        print(#found, found.mailbox, tostring(found), found.uids[1], math.type(found.uid_validity))
        for _, item in ipairs(account:fetch(account:search { uid = "1:9" }, { "FLAGS", "RFC822.SIZE", "BODY[HEADER.FIELDS (SUBJECT)]", "BODY[TEXT]<0.3>" })) do
          print(item.UID, item.FLAGS[1] == "\\Seen" or item.FLAGS[2] == "\\Seen", item["RFC822.SIZE"] > 100, (item["BODY[HEADER.FIELDS (SUBJECT)]"]:gsub("%s+", " ")), item["BODY[TEXT]<0.3>"])
        end
        account:noop()
        account:logout()
        print(account:status("INBOX").messages)
        account:logout()
        account:logout()
        "#,
    )
    .on(server)
    .changes_nothing()
    .stdout(
        "$USER@127.0.0.1\taccount $USER@127.0.0.1\nINBOX\tmailbox INBOX of $USER@127.0.0.1\n\
         1\tINBOX\t1 message of INBOX\t2\tinteger\n\
         1\ttrue\ttrue\tSubject: b \tHel\n2\tfalse\ttrue\tSubject: a \tHel\n2\n",
    )
    .stderr("")
    .run();
});

on_both!(promise_10_what_was_opened_for_reading_is_not_written_to, |server| {
    server.seed("INBOX", &[Mail::new("a")]);
    Script::new(
        r#"
        local account = $LOGIN
        local seen = account:examine("INBOX"):all()
        local later = account:search { seen = false }
        for _, action in ipairs {
          function(it) it:move "Archive" end, function(it) it:trash() end, function(it) it:mark "seen" end,
          function(it) it:copy "Archive" end,
        } do
          for _, selection in ipairs { seen, later } do
            local ok, err = pcall(action, selection)
            print(ok, ok or err.kind, ok or err.message)
            if not ok then err:ignore() end
          end
        end
        "#,
    )
    .on(server)
    .changes_nothing()
    .stdout(&"false\trefused\tmailbox `INBOX` is read-only\n".repeat(8))
    .stderr("")
    .run();
});

on_both!(mailboxes_are_made_renamed_listed_and_deleted, |server| {
    let output = Script::new(
        r#"
        local account = $LOGIN
        account:create "Projects/2024"
        account:subscribe "Projects/2024"
        account:rename("Projects/2024", "Projects/2025")
        local names = {}
        for _, mailbox in ipairs(account:list()) do
          if mailbox.selectable then names[#names + 1] = mailbox.name .. (mailbox.special_use and "=" .. mailbox.special_use or "") end
        end
        print(table.concat(names, " "))
        for _, mailbox in ipairs(account:list "Projects/*") do print(mailbox.name, mailbox.raw, mailbox.selectable) end
        print(#account:list "Nothing/*", #account:list "%" > 0)
        for _, mailbox in ipairs(account:lsub "Projects/*") do print("subscribed", mailbox.name) end
        account:unsubscribe "Projects/2024"
        print(#account:lsub "Projects/*")
        local report = account:delete "Projects/2025"
        print(report.action, report.mailbox, tostring(report))
        print(#account:list "Projects/2*")
        "#,
    )
    .on(server)
    .stderr("")
    .run();
    let special =
        if server.tls == Tls::None { "INBOX" } else { "Archive=archive Drafts=drafts INBOX Junk=junk" };
    assert!(output.stdout.contains(special), "{output}");
    let rest: Vec<_> = output.stdout.lines().filter(|line| !line.contains("INBOX")).collect();
    insta::allow_duplicates! {
        insta::assert_snapshot!(rest.join("\n").replace('\t', " | "), @"
    $USER@127.0.0.1: created Projects/2024
    $USER@127.0.0.1: subscribed to Projects/2024
    $USER@127.0.0.1: renamed Projects/2024 to Projects/2025
    Projects/2025 | Projects/2025 | true
    0 | true
    subscribed | Projects/2024
    $USER@127.0.0.1: unsubscribed from Projects/2024
    0
    $USER@127.0.0.1: deleted Projects/2025
    deleted | Projects/2025 | $USER@127.0.0.1: deleted Projects/2025
    0
    ");
    }
});

/// Deletes mailboxes with what is in them, and prints what came of it.
const WHOLE: &str = r#"
local account = $KEYED
local function try(call)
  local ok, err = pcall(call)
  print(ok, ok and err.action or err.kind, ok and err.mailbox or err.message:gsub("NO .*", "NO …"))
  if not ok then err:ignore() end
end
try(function() return account:delete("Full", { nonempty = true }) end)
allow "purge"
try(function() return account:delete("INBOX", { nonempty = true }) end)
try(function() return account:delete("Many", { nonempty = true }) end)
try(function() return account:delete("Full", { nonempty = true, archive = "no/such.mbox" }) end)
try(function() return account:delete("Full", { nonempty = true, archive = "full.mbox" }) end)
try(function() return account:delete("Many", { nonempty = true, limit = 30 }) end)
try(function() return account:delete("Empty", { nonempty = true }) end)
try(function() return account:delete("Other", { archive = "x.mbox" }) end)
try(function() return account:delete "Other" end)
print(#account:list "Full", #account:list "Many", #account:list "Empty", #account:list "Other")
print(account:mailbox("New"):restore "full.mbox")
"#;

fn seed_whole(server: &Server) {
    let many: Vec<_> = (0..30).map(|number| Mail::new(&format!("m{number}"))).collect();
    server
        .seed("INBOX", &[Mail::new("stays")])
        .seed("Full", &[Mail::new("a").flag("\\Seen"), Mail::new("b").flag("\\Deleted"), Mail::new("c")])
        .seed("Many", &many)
        .seed("Empty", &[])
        .seed("Other", &[Mail::new("other")]);
}

on_every!(promise_11_a_mailbox_is_deleted_with_its_messages_as_a_purge, |server| {
    seed_whole(server);
    let full = server.snapshot().mailboxes.remove("Full");
    let home = TempDir::new().unwrap();
    let script = || Script::new(WHOLE).on(server).home(home.path()).options(&["-q"]);
    let dry = script().options(&["-n"]).changes_nothing().run();
    let real = script().run();
    let expected = "false\tscript\tthis run may not purge\nfalse\tscript\tINBOX can't be deleted\n\
        false\tlimit\tthis would remove 30 of the 30 messages of Many";
    assert!(real.stdout.starts_with(expected), "{real}");
    assert!(
        real.stdout.contains("true\tdeleted\tFull\ntrue\tdeleted\tMany\ntrue\tdeleted\tEmpty\n"),
        "{real}"
    );
    assert!(real.stdout.contains("false\trefused\tmailbox `Other` is not empty"), "{real}");
    assert!(real.stdout.contains("\n0\t0\t0\t1\n"), "{real}");
    let verdicts = |text: &str| text.lines().take(10).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(verdicts(&dry.stdout), verdicts(&real.stdout), "{dry}{real}");
    let after = server.snapshot();
    assert_eq!(after.mailboxes.get("New"), full.as_ref(), "{real}");
    assert_eq!(after.subjects("INBOX"), ["stays"]);
    let history = Script::command(&["history"]).on(server).home(home.path()).run();
    assert!(
        history.stdout.contains("deleted 3 mailboxes") && history.stdout.contains("purged 33 messages"),
        "{history}"
    );
});

on_both!(a_mailbox_with_held_messages_is_not_deleted, |server| {
    server.seed("Full", &[Mail::new("a"), Mail::new("b")]).seed("Box", &[]);
    let home = TempDir::new().unwrap();
    let run = |source: &str| Script::new(source).on(server).home(home.path()).spawn().finish();
    assert_eq!(run(r#"$LOGIN:mailbox("Full"):search({ subject = "a" }):copy "Box""#).status, Some(0));
    // As if nobody knew whether it had been copied.
    crate::journal::journal(home.path()).execute_batch("UPDATE messages SET fate = 3").unwrap();
    let before = server.snapshot();
    let output = run(r#"allow "purge"; $LOGIN:delete("Full", { nonempty = true })"#);
    assert_eq!(output.status, Some(1), "{output}");
    assert!(output.stderr.contains("mailbox `Full` is not deleted: 1 message in it: held"), "{output}");
    assert_eq!(server.snapshot(), before);
});

on_both!(promise_11_only_an_empty_mailbox_is_deleted_and_inbox_stays, |server| {
    server.seed("Full", &[Mail::new("a")]).seed("Marked", &[Mail::new("b").flag("\\Deleted")]);
    let output = Script::new(
        r#"
        local account = $LOGIN
        for _, call in ipairs {
          function() account:delete "Full" end,
          function() account:delete "Marked" end,
          function() account:delete "INBOX" end,
          function() account:delete "inbox" end,
          function() account:delete "@inbox" end,
          function() account:delete "Missing" end,
          function() account:rename("INBOX", "Old") end,
          function() account:rename("@inbox", "Old") end,
          function() account:rename("Missing", "Old") end,
          function() account:rename("Full", "Marked") end,
          function() account:create "Full" end,
          function() account:create "INBOX" end,
        } do
          local ok, err = pcall(call)
          print(ok, ok or err.kind, ok or err.message:gsub("NO .*", "NO …"), ok or err.hint)
          if not ok then err:ignore() end
        end
        "#,
    )
    .on(server)
    .changes_nothing()
    .stderr("")
    .run();
    insta::allow_duplicates! {
        insta::assert_snapshot!(output.table(), @r"
        false | refused | mailbox `Full` is not empty: it has 1 message | move its messages first; those marked \Deleted are found by `search { deleted = true }`
        false | refused | mailbox `Marked` is not empty: it has 1 message | move its messages first; those marked \Deleted are found by `search { deleted = true }`
        false | script | INBOX can't be deleted | new mail arrives there
        false | script | INBOX can't be deleted | new mail arrives there
        false | script | INBOX can't be deleted | new mail arrives there
        false | refused | the server refused STATUS: NO … | `account:list()` gives the mailboxes that there are
        false | script | INBOX can't be renamed | IMAP would move all its messages to the new mailbox; use `move` if that is meant
        false | script | INBOX can't be renamed | IMAP would move all its messages to the new mailbox; use `move` if that is meant
        false | refused | the server refused RENAME: NO … | nil
        false | refused | the server refused RENAME: NO … | nil
        false | refused | the server refused CREATE: NO … | nil
        false | refused | the server refused CREATE: NO … | nil
        ");
    }
});

on_both!(a_server_says_what_it_is, |server| {
    let output = Script::new(
        r#"
        local account = $LOGIN
        local status = account:status "INBOX"
        print(status.messages, status.unseen, status.uid_next, status.uid_validity > 0)
        print(account:mailbox("INBOX"):status().messages)
        local space = account:namespace()
        print(space.personal.prefix, space.personal.delimiter, #space.others)
        local words = {}
        for _, word in ipairs(account:capabilities()) do words[word] = true end
        print(words["IMAP4REV1"] or words.IMAP4rev1, words.MOVE, words.UIDPLUS, words.ESEARCH, words.XYZZY)
        print(account:id().name)
        "#,
    )
    .on(server)
    .changes_nothing()
    .stderr("")
    .run();
    let name = if server.tls == Tls::None { "imapscript sandbox" } else { "Dovecot" };
    assert_eq!(output.stdout, format!("0\t0\t1\ttrue\n0\n\t/\t0\ntrue\ttrue\ttrue\ttrue\tnil\n{name}\n"));
});

#[test]
fn a_server_that_can_not_say_what_it_is_says_nothing() {
    let server = without(&["ID"], &[]);
    Script::new("print(next($LOGIN:id()))").on(&server).changes_nothing().stdout("nil\n").stderr("").run();
}

on_both!(a_server_without_quotas_has_none, |server| {
    Script::new("print(#$LOGIN:quota())").on(server).changes_nothing().stdout("0\n").stderr("").run();
});

on_both!(what_a_verb_can_not_do_is_said, |server| {
    server.seed("INBOX", &[Mail::new("a")]);
    let output = Script::new(
        r#"
        local account = $LOGIN
        for _, call in ipairs {
          function() account:search { seen = true } end,
          function() account:select "Missing" end,
          function() account:status "Missing" end,
          function() account:status() end,
          function() account:status(5) end,
          function() account.status "INBOX" end,
          function() account:fetch("INBOX", { "FLAGS" }) end,
          function() account:select "INBOX"; account:fetch(account:search { seen = false }, { "EVERYTHING" }) end,
          function() account:select("INBOX", "INBOX") end,
          function() account:create "a//b" end,
          function() account:create "" end,
          function() account:create "a\nb" end,
          function() account:create { raw = "" } end,
          function() account:create { name = "x" } end,
          function() account:subscribe() end,
          function() account:purge() end,
        } do
          local ok, err = pcall(call)
          if ok or type(err) == "string" then print(ok, err) else
            print(err.kind, (err.message:gsub("NO .*", "NO …")), err.hint)
            err:ignore()
          end
        end
        "#,
    )
    .on(server)
    .changes_nothing()
    .stderr("")
    .run();
    insta::allow_duplicates! {
        insta::assert_snapshot!(output.table(), @r#"
        script | no mailbox is selected | call `select` or `examine` first, or search a `mailbox(name)`
        refused | the server refused SELECT: NO … | `account:list()` gives the mailboxes that there are
        refused | the server refused STATUS: NO … | `account:list()` gives the mailboxes that there are
        script | `status` wants a mailbox name but got nothing | nil
        script | `status` wants a mailbox name but got 5 | nil
        script | `status` was called without its object | write a colon, not a dot: `object:status(…)`
        script | `fetch` wants a selection | `account:fetch(account:search { seen = false }, { "FLAGS" })`
        script | `fetch` has no item `EVERYTHING` | there are FLAGS, INTERNALDATE, RFC822.SIZE, ENVELOPE, BODYSTRUCTURE, BODY[…], and on Gmail X-GM-MSGID, X-GM-THRID and X-GM-LABELS
        script | `select` got a string too many | nil
        script | `a//b` can't be a mailbox's name | levels are joined by `/`, and none is empty or has a control character
        script | `` can't be a mailbox's name | levels are joined by `/`, and none is empty or has a control character
        script | `a\nb` can't be a mailbox's name | levels are joined by `/`, and none is empty or has a control character
        script | a raw mailbox name is empty or has CR, LF or NUL in it | no server can have such a name
        script | `create` wants a mailbox name, or `{ raw = "…" }`, but got a table | nil
        script | `subscribe` wants a mailbox name but got nothing | nil
        script | an account has no `purge` | it has mailbox, select, examine, search, fetch, list, lsub, status, create, delete, rename, subscribe, unsubscribe, namespace, capabilities, id, quota, noop, logout, name
        "#);
    }
});

#[test]
fn quotas_are_what_the_server_says() {
    let scripted = Scripted::new()
        .capabilities("IMAP4rev1 QUOTA")
        .greet()
        .serve()
        .on(
            "GETQUOTAROOT",
            "* QUOTAROOT INBOX \"\" other\r\n* QUOTA \"\" (STORAGE 10 512 MESSAGE 3 1000)\r\n* QUOTA other ()\r\n{tag} OK\r\n",
        )
        .start();
    Script::new(
        r#"
        for _, root in ipairs($LOGIN:quota "INBOX") do
          print(root.root, root.storage and root.storage.used .. "/" .. root.storage.limit, root.message and root.message.used)
        end
        "#,
    )
    .on(&Server::at(scripted.address, Tls::None))
    .stdout("\t10/512\t3\nother\tnil\tnil\n")
    .stderr("")
    .run();
}

#[test]
fn login_says_what_it_wants() {
    let source = r#"
        for _, settings in ipairs {
          {}, { host = "h" }, { host = "h", user = "u" }, { host = "h", user = "u", password = 5 },
          { host = "", user = "u", password = "p" }, { host = "h", user = "", password = "p" },
          { host = "h\nx", user = "u", password = "p" },
          { host = "h", user = "u", password = "p", port = "x" }, { host = "h", user = "u", password = "p", port = 0 },
          { host = "h", user = "u", password = "p", port = 65536 },
          { host = "h", user = "u", password = "p", tls = true }, { host = "h", user = "u", password = "p", tls = "ssl" },
          { host = "h", user = "u", password = "p", auth = "x" },
          { host = "h", user = "u", password = "p", pasword = "p" },
          { host = "h", user = "u", password = "p", tls = "none" },
          { host = "h", user = "u", password = "p", tls = "none", allow_plaintext = "yes" },
        } do
          local ok, err = pcall(login, settings)
          print(ok, err.kind, err.message, err.hint)
          err:ignore()
        end
        print(login { host = "127.0.0.1", user = "u", password = "p", tls = "none" })
        print(login { host = "mail.example.org", user = "me@example.org", password = "p" })
        print(login { host = "192.0.2.1", user = "u", password = "p", tls = "none", allow_plaintext = true })
    "#;
    let output = Script::new(source)
        .stderr("warning: u@192.0.2.1: the password and all mail travel unencrypted to `192.0.2.1`\n")
        .run();
    insta::assert_snapshot!(output.table(), @r#"
    false | script | `login` wants a `password` but got nothing | `secret.command { "pass", "mail/work" }`, `secret.env`, `secret.file` or `secret.prompt`
    false | script | `login` wants a `password` but got nothing | `secret.command { "pass", "mail/work" }`, `secret.env`, `secret.file` or `secret.prompt`
    false | script | `login` wants a `password` but got nothing | `secret.command { "pass", "mail/work" }`, `secret.env`, `secret.file` or `secret.prompt`
    false | script | `login` wants a `password` but got an integer | `secret.command { "pass", "mail/work" }`, `secret.env`, `secret.file` or `secret.prompt`
    false | config | `host` is empty or has a control character in it | give `login` a `host`
    false | config | `user` is empty or has a control character in it | give `login` a `user`
    false | config | `host` is empty or has a control character in it | give `login` a `host`
    false | script | `login` wants `port` from 1 to 65535 but got "x" | nil
    false | script | `login` wants `port` from 1 to 65535 but got 0 | nil
    false | script | `login` wants `port` from 1 to 65535 but got 65536 | nil
    false | script | `login` wants `tls` as a string but got a boolean | nil
    false | script | `login` wants `tls` as "implicit", "starttls" or "none" but got "ssl" | nil
    false | script | `login` wants `auth` as "scram-sha-256", "scram-sha-1", "plain", "login", "oauthbearer", "xoauth2", "external" but got "x" | nil
    false | script | `login` has no setting `pasword` | it knows host, port, tls, user, password, access_token, oauth2, auth, ca_file, ca_dir, pin, client_certificate, client_key, tls_minimum, proxy, proxy_password, allow_plaintext, compress, timeout, namespace, special_use, limit, connections, cache
    false | config | `tls = "none"` with `h` would send the password in the clear | use `tls = "implicit"` or `"starttls"`; `allow_plaintext = true` sends it all the same
    false | script | `login` wants `allow_plaintext` as true or false but got "yes" | nil
    account u@127.0.0.1
    account me@example.org
    account u@192.0.2.1
    "#);
}

#[test]
fn a_session_can_be_used_after_a_wrong_password_was_put_right() {
    let server = Server::dovecot(Tls::Implicit);
    let output = Script::new(
        r#"
        local function try(password)
          local account = login { host = "$HOST", port = $PORT, ca_file = "$CA", user = "$USER", password = password }
          return account:status("INBOX").messages
        end
        local ok, err = pcall(try, "wrong")
        print(ok, err.kind, err.account, (err.message:gsub("%[.*", "…")), err.hint)
        err:ignore()
        print(pcall(try, "$PASSWORD"))
        "#,
    )
    .on(&server)
    .stderr("")
    .run();
    insta::allow_duplicates! {
        insta::assert_snapshot!(output.table(), @"
        false | auth | $USER@127.0.0.1 | the server refused the login of `$USER`: Authentication failed. | check `user` and `password`; many providers want an app password here
        true | 0
        ");
    }
}
