//! What actions do on Gmail, where a message is in several mailboxes at once.

use crate::harness::Script;
use crate::mail::Mail;
use crate::proxy::Capability;
use crate::scripted::Scripted;
use crate::server::{Server, Tls};

/// Every mailbox that has messages, with their subjects.
fn everything(server: &Server) -> String {
    let snapshot = server.snapshot();
    let lines =
        snapshot.mailboxes.iter().filter(|(_, messages)| !messages.is_empty()).map(|(name, messages)| {
            let mut subjects: Vec<_> = messages.iter().map(|message| message.subject.clone()).collect();
            subjects.sort();
            format!("{name}: {}\n", subjects.join(" "))
        });
    lines.collect()
}

#[test]
fn a_rule_changes_labels() {
    let server = Server::gmail();
    server.seed("INBOX", &["one", "two"].map(Mail::new));
    let source = r#"
        local account = $LOGIN
        account:mailbox("INBOX"):all():label "todo"
        rules(account:mailbox "todo") { { "done", where = { subject = "one" }, unlabel = "todo", label = "done" } }
    "#;
    Script::new(source).on(&server).stderr("").run();
    let wanted = "INBOX: one two\n[Gmail]/All Mail: one two\ndone: one\ntodo: two\n";
    assert_eq!(everything(&server), wanted);
}

#[test]
fn labels_are_added_and_taken_off() {
    let server = Server::gmail();
    server.seed("INBOX", &["one", "two", "three"].map(Mail::new));
    let source = r#"
        local account = $LOGIN
        local inbox = account:mailbox "INBOX"
        local one = inbox:search { subject = "one" }
        local report = one:label("é", { 'a"b', "with space" }, "a/b", "\\Starred", "(x) [y]", "R&D")
        print(report.action, report.target, #report)
        one:unlabel("with space", "never had")
        print(#inbox:search { subject = "two" }:label "a/b")
        inbox:search { subject = "three" }:unlabel "\\Inbox"
        print(#account:mailbox("a/b"):search { flagged = true, label = { "é" } })
        print(#account:mailbox("a/b"):search { subject = "two" }:unlabel "a/b")
        inbox:search { subject = "nothing" }:label "x"
        for _, name in ipairs { "\\Nonsense", "\\Trash", "\\spam", "\\AllMail" } do
          local _, err = pcall(one.label, one, name)
          print(err.kind, err.message, err.hint)
          err:ignore()
        end
        for _, call in ipairs {
          function() one:label() end, function() one:unlabel "" end, function() one:label(5) end,
          function() one:label { "a", true } end, function() one:label "a\r\nb" end,
          function() account:examine("INBOX"):all():label "x" end,
        } do
          local _, err = pcall(call)
          print(err.kind, err.message, err.hint)
          err:ignore()
        end
    "#;
    let output = Script::new(source).on(&server).stderr("").run();
    insta::assert_snapshot!(output.table(), @r#"
    $USER@127.0.0.1: labelled 1 message in INBOX: é, a"b, with space, a/b, \Starred, (x) [y], R&D
    labelled | é, a"b, with space, a/b, \Starred, (x) [y], R&D | 1
    $USER@127.0.0.1: unlabelled 1 message in INBOX: with space, never had
    $USER@127.0.0.1: labelled 1 message in INBOX: a/b
    1
    $USER@127.0.0.1: unlabelled 1 message in INBOX: \Inbox
    1
    $USER@127.0.0.1: unlabelled 1 message in a/b: a/b
    1
    $USER@127.0.0.1: labelled 0 messages in INBOX: \Nonsense
      FAILED 1 message (UID 1): the server refused UID STORE: BAD That is no label
    partial | labelled 0, failed 1, in doubt 0: the server refused UID STORE: BAD That is no label | nil
    script | `\Trash` is a place and no label: a message there is in no other mailbox | use `trash()` or `move "@junk"`, and `move` to get it back
    script | `\spam` is a place and no label: a message there is in no other mailbox | use `trash()` or `move "@junk"`, and `move` to get it back
    script | `\AllMail` is a place and no label: a message there is in no other mailbox | use `trash()` or `move "@junk"`, and `move` to get it back
    script | no labels were given | name them: `label("Work")`, `label("Bills", "\\Starred")`
    script | `` is no label | a label is text in one line; those of Gmail's own are "\\Inbox", "\\Starred" and the like
    script | `label` wants a label such as "Work" but got 5 | nil
    script | `label` wants a label such as "Work" but got a boolean | nil
    script | `a\r\nb` is no label | a label is text in one line; those of Gmail's own are "\\Inbox", "\\Starred" and the like
    refused | mailbox `INBOX` is read-only | it may be a shared mailbox without write permission; open it with `select`, not `examine`
    "#);
    insta::assert_snapshot!(everything(&server), @r#"
    &AOk-: one
    (x) [y]: one
    INBOX: one two
    R&-D: one
    [Gmail]/All Mail: one three two
    [Gmail]/Starred: one
    a"b: one
    a/b: one
    "#);
}

#[test]
fn other_servers_have_no_labels() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a")]);
    Script::new(r#"$LOGIN:mailbox("INBOX"):all():label "x""#)
        .on(&server)
        .changes_nothing()
        .status(1)
        .stderr_contains("error: labels can be changed only with Gmail, and this server is another one\n")
        .run();
}

#[test]
fn promise_7_trash_is_gmails_trash_and_all_labels_go() {
    let server = Server::gmail();
    server.seed("INBOX", &["one", "two", "stays"].map(Mail::new)).seed("Work", &[Mail::new("one")]);
    let source = r#"
        local account = $LOGIN
        account:mailbox("INBOX"):search({ subject = { "one" } }):trash()
        account:mailbox("@all"):search({ subject = "two" }):trash()
        local trash = account:mailbox("@trash"):all()
        print(#trash, trash.mailbox)
        print(trash:trash())
        account:mailbox("@trash"):search({ subject = "two" }):move "Work"
    "#;
    let output = Script::new(source).on(&server).stderr("").run();
    insta::assert_snapshot!(output.stdout, @"
    $USER@127.0.0.1: trashed 1 message from INBOX to [Gmail]/Trash
    $USER@127.0.0.1: trashed 1 message from [Gmail]/All Mail to [Gmail]/Trash
    2	[Gmail]/Trash
    $USER@127.0.0.1: trashed 0 messages from [Gmail]/Trash to [Gmail]/Trash
      skipped 2 messages (UID 1:2): already in Trash; `trash` never removes for good
    $USER@127.0.0.1: trashed 0 messages from [Gmail]/Trash to [Gmail]/Trash
      skipped 2 messages (UID 1:2): already in Trash; `trash` never removes for good
    $USER@127.0.0.1: moved 1 message from [Gmail]/Trash to Work
    ");
    insta::assert_snapshot!(everything(&server), @"
    INBOX: stays
    Work: two
    [Gmail]/All Mail: stays two
    [Gmail]/Trash: one
    ");
}

#[test]
fn promise_7_what_is_copied_stays_where_it_is() {
    let server = Server::gmail();
    server.seed("INBOX", &[Mail::new("one")]);
    let source = r#"
        local all = $LOGIN:mailbox("INBOX"):all()
        for _, target in ipairs { "@trash", "@junk", { raw = "[Gmail]/Trash" }, "[gmail]/spam" } do
          local _, err = pcall(all.copy, all, target)
          print(err.kind, err.message, err.hint)
          err:ignore()
        end
    "#;
    let output = Script::new(source).on(&server).changes_nothing().stderr("").run();
    insta::assert_snapshot!(output.table(), @r#"
    script | on Gmail a message in Trash or Spam is in no other mailbox: it can be moved there, not copied | use `trash()`, or `move "@junk"`
    script | on Gmail a message in Trash or Spam is in no other mailbox: it can be moved there, not copied | use `trash()`, or `move "@junk"`
    script | on Gmail a message in Trash or Spam is in no other mailbox: it can be moved there, not copied | use `trash()`, or `move "@junk"`
    script | on Gmail a message in Trash or Spam is in no other mailbox: it can be moved there, not copied | use `trash()`, or `move "@junk"`
    "#);
}

#[test]
fn promise_7_nothing_is_moved_out_of_all_mail() {
    let server = Server::gmail();
    server.seed("INBOX", &[Mail::new("one")]);
    let source = r#"
        local account = $LOGIN
        for _, name in ipairs { "@all", "[Gmail]/All Mail", { raw = "[Gmail]/All Mail" } } do
          for _, target in ipairs { "INBOX", "New", "@junk" } do
            local all = account:mailbox(name):all()
            local _, err = pcall(all.move, all, target)
            print(#all, err.kind, err.message)
            err:ignore()
          end
        end
        print(account:mailbox("@all"):all():copy "New")
    "#;
    let output = Script::new(source).on(&server).options(&["-q"]).stderr("").run();
    insta::assert_snapshot!(output.table(), @"
    1 | script | messages can't be moved out of Gmail's All Mail: it holds every message, whatever its labels
    1 | script | messages can't be moved out of Gmail's All Mail: it holds every message, whatever its labels
    1 | script | messages can't be moved out of Gmail's All Mail: it holds every message, whatever its labels
    1 | script | messages can't be moved out of Gmail's All Mail: it holds every message, whatever its labels
    1 | script | messages can't be moved out of Gmail's All Mail: it holds every message, whatever its labels
    1 | script | messages can't be moved out of Gmail's All Mail: it holds every message, whatever its labels
    1 | script | messages can't be moved out of Gmail's All Mail: it holds every message, whatever its labels
    1 | script | messages can't be moved out of Gmail's All Mail: it holds every message, whatever its labels
    1 | script | messages can't be moved out of Gmail's All Mail: it holds every message, whatever its labels
    $USER@127.0.0.1: copied 1 message from [Gmail]/All Mail to New
      created mailbox New
    ");
    insta::assert_snapshot!(everything(&server), @"
    INBOX: one
    New: one
    [Gmail]/All Mail: one
    ");
}

/// Messages go where they are already, and to All Mail, where all are.
fn moves_to_where_they_are(server: &Server) -> String {
    server
        .seed("Box", &["both", "filler"].map(Mail::new))
        .seed("INBOX", &["new", "both", "old"].map(Mail::new));
    let source = r#"
        local account = $LOGIN
        local inbox = account:mailbox "INBOX"
        inbox:search({ subject = "both" }):copy "Box"
        inbox:search({ subject = { "new", "both" } }):move "Box"
        inbox:search({ subject = "old" }):move "@archive"
        print(#inbox:all(), #account:mailbox("Box"):all(), #account:mailbox("@all"):all())
    "#;
    let output = Script::new(source).on(server).stderr("").run();
    format!("{}{}", output.stdout, everything(server))
}

#[test]
fn promise_7_copies_are_known_by_gmails_identifier() {
    let whole = moves_to_where_they_are(&Server::gmail());
    insta::assert_snapshot!(whole, @"
    $USER@127.0.0.1: copied 1 message from INBOX to Box
    $USER@127.0.0.1: moved 2 messages from INBOX to Box
    $USER@127.0.0.1: moved 1 message from INBOX to [Gmail]/All Mail
    0	3	4
    Box: both filler new
    [Gmail]/All Mail: both filler new old
    ");
    // Without COPYUID they are looked for, at whatever UID.
    assert_eq!(moves_to_where_they_are(&Server::gmail_without(&[Capability::Uidplus])), whole);
}

#[test]
fn promise_7_a_copy_that_is_not_named_is_looked_for() {
    let each = |uid: u32| {
        format!(
            "* {uid} FETCH (UID {uid} FLAGS () INTERNALDATE \"01-Mar-2024 10:00:00 +0000\" RFC822.SIZE 100 \
             X-GM-MSGID {} BODY[HEADER.FIELDS (MESSAGE-ID)] {{2}}\r\n\r\n)\r\n",
            1_278_455_344_230_334_860 + u64::from(uid)
        )
    };
    let fetched: String = (1..4).map(each).collect();
    // All three are found where they are; of the target, the server names the first only, and finds it and the second.
    let scripted = Scripted::new()
        .capabilities("IMAP4rev1 UIDPLUS MOVE X-GM-EXT-1")
        .greet()
        .serve_until("UID SEARCH")
        .send("* SEARCH 1 2 3\r\n{tag} OK found\r\n")
        .serve_until("UID SEARCH")
        .send("* SEARCH 1 2\r\n{tag} OK found\r\n")
        .serve()
        .on("UID COPY", "{tag} OK [COPYUID 8 1 11] copied\r\n")
        .on("UID FETCH", format!("{fetched}{{tag}} OK done\r\n"))
        .start();
    let source = r#"$LOGIN:mailbox("INBOX"):all():copy "Archive""#;
    let server = Server::at(scripted.address, Tls::None);
    let output = Script::new(source).on(&server).status(8).run();
    insta::assert_snapshot!(output.stdout, @"
    $USER@127.0.0.1: copied 2 messages from INBOX to Archive
      IN DOUBT 1 message (UID 3): the server said OK but named no copy of it
    ");
    let searches =
        scripted.finish().into_iter().filter_map(|it| Some(it.text.split_once("UID SEARCH ")?.1.to_owned()));
    assert_eq!(
        searches.collect::<Vec<_>>(),
        ["UNDELETED", "OR X-GM-MSGID 1278455344230334862 X-GM-MSGID 1278455344230334863"]
    );
}

#[test]
fn promise_7_without_move_nothing_is_marked_deleted() {
    let server = Server::gmail_without(&[Capability::Move]);
    server.seed("INBOX", &[Mail::new("one")]);
    let source = r#"
        local inbox = $LOGIN:mailbox "INBOX"
        for _, method in ipairs { "move", "trash" } do
          local all = inbox:all()
          local _, err = pcall(all[method], all, method == "move" and "Work" or nil)
          print(err.kind, err.message, err.hint)
          err:ignore()
        end
    "#;
    let output = Script::new(source).on(&server).changes_nothing().stderr("").run();
    insta::assert_snapshot!(output.table(), @"
    script | messages can't be moved on Gmail without the server's MOVE command | `label` and `unlabel` need none
    script | messages can't be moved on Gmail without the server's MOVE command | `label` and `unlabel` need none
    ");
}

#[test]
fn promise_7_nothing_is_added_as_deleted() {
    let server = Server::gmail();
    let source = r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local raw = "Subject: new\r\n\r\nbody\r\n"
        local _, err = pcall(inbox.append, inbox, raw, { flags = { "seen", "deleted" } })
        print(err.kind, err.message, err.hint)
        err:ignore()
        print(#inbox:append(raw, { flags = "flagged" }))
    "#;
    let output = Script::new(source).on(&server).options(&["-q"]).stderr("").run();
    insta::assert_snapshot!(output.table(), @r"
    script | no message is added to Gmail with the flag \Deleted | Gmail takes the label of such a message away at once; leave the flag out
    1
    ");
    insta::assert_snapshot!(everything(&server), @"
    INBOX: new
    [Gmail]/All Mail: new
    [Gmail]/Starred: new
    ");
}

#[test]
fn a_label_is_not_deleted_with_its_messages() {
    let server = Server::gmail();
    server.seed("Work", &["three", "four"].map(Mail::new));
    let source = r#"allow "purge"; $LOGIN:delete("Work", { nonempty = true })"#;
    for options in [&["-n"][..], &[]] {
        let script = Script::new(source).on(&server).options(options).status(1).changes_nothing();
        script.stderr_contains("on Gmail messages lose a label with its mailbox").run();
    }
}
