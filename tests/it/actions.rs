//! What actions do to mail, on every server and with every way it has to move a message.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::{on_both, on_every};
use crate::server::Server;
use crate::snapshot::Seen;

/// The subjects in a mailbox, those of messages marked `\Deleted` with a `!`.
fn listing(server: &Server, mailbox: &str) -> Vec<String> {
    let snapshot = server.snapshot();
    let shown = |message: &Seen| {
        let marked = message.flags.iter().any(|flag| flag == "\\Deleted");
        format!("{}{}", message.subject, if marked { "!" } else { "" })
    };
    let mut all: Vec<_> = snapshot.mailboxes[mailbox].iter().map(shown).collect();
    all.sort();
    all
}

/// What stays of messages that were moved away: nothing, or their marked originals.
fn remains<'a>(server: &Server, stays: &[&'a str], marked: &[&'a str]) -> Vec<&'a str> {
    let mut all = stays.to_vec();
    if !server.can_remove() {
        all.extend(marked);
    }
    all.sort_unstable();
    all
}

on_every!(promise_1_only_named_messages_are_removed, |server| {
    server
        .seed("INBOX", &["b1", "b2", "t1", "stays"].map(Mail::new))
        .seed("INBOX", &[Mail::new("foreign").flag("\\Deleted"), Mail::new("c1").flag("\\Seen")])
        .seed("Box", &[])
        .seed("Trash", &[Mail::new("old foreign").flag("\\Deleted")]);
    let output = Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        print(#inbox:search({ subject = { "b1", "b2" } }):move "Box")
        print(#inbox:search({ subject = "t1" }):trash())
        print(#inbox:search({ subject = "c1" }):copy "Box")
        print(#inbox:search({ subject = "stays" }):mark("flagged", "$Work"))
        print(#inbox:search({ subject = "stays" }):unmark "$Work")
        "#,
    )
    .on(server)
    .options(&["-q"])
    .holding(&[("2 messages", "INBOX"), ("1 message", "INBOX")])
    .run();
    assert_eq!(output.stdout, "2\n1\n1\n1\n1\n");
    assert_eq!(
        listing(server, "INBOX"),
        remains(server, &["c1", "foreign!", "stays"], &["b1!", "b2!", "t1!"])
    );
    assert_eq!(listing(server, "Box"), ["b1", "b2", "c1"]);
    assert_eq!(listing(server, "Trash"), ["old foreign!", "t1"]);
    let snapshot = server.snapshot();
    let stays = snapshot.mailboxes["INBOX"].iter().find(|message| message.subject == "stays").unwrap();
    assert_eq!(stays.flags, ["\\Flagged"]);
});

on_every!(what_is_moved_or_copied_keeps_its_bytes_flags_and_date, |server| {
    let mail = |subject: &str| {
        let mail = Mail::new(subject).flag("\\Seen").flag("\\Flagged").flag("$Work");
        mail.date("29-Feb-2020 23:59:58 +0530").body("8-bit: \u{e4}\u{20ac}\r\n.\r\n")
    };
    server.seed("INBOX", &[mail("moved"), mail("copied")]).seed("Box", &[]);
    let before = server.snapshot().mailboxes["INBOX"].clone();
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        inbox:search({ subject = "moved" }):move "Box"
        inbox:search({ subject = "copied" }):copy "Box"
        "#,
    )
    .on(server)
    .options(&["-q"])
    .stdout("")
    .holding(&[("1 message", "INBOX")])
    .run();
    let after = server.snapshot();
    assert_eq!(after.mailboxes["Box"], before);
    let copied = after.mailboxes["INBOX"].iter().filter(|message| message.subject == "copied");
    assert_eq!(
        copied.collect::<Vec<_>>(),
        before.iter().filter(|it| it.subject == "copied").collect::<Vec<_>>()
    );
});

on_every!(promise_1_an_original_that_can_not_be_removed_is_said_to_stay, |server| {
    server.seed("INBOX", &["a", "b", "c"].map(Mail::new)).seed("Box", &[]);
    let stay = if server.can_remove() {
        ""
    } else {
        "  the originals (UID 1:2) stay in INBOX, marked \\Deleted: this server can't remove single messages\n"
    };
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        inbox:search({ subject = { "a", "b" } }):move "Box"
        -- What was moved is not found again, wherever its original is.
        inbox:search({ subject = { "a", "b" } }):move "Box"
        "#,
    )
    .on(server)
    .stdout(&format!("$USER@127.0.0.1: moved 2 messages from INBOX to Box\n{stay}"))
    .holding(&[("2 messages", "INBOX")])
    .mailbox("Box", &["a", "b"])
    .run();
    assert_eq!(listing(server, "INBOX"), remains(server, &["c"], &["a!", "b!"]));
});

on_every!(a_target_that_is_missing_is_made_and_said, |server| {
    server.seed("INBOX", &["a", "b", "c"].map(Mail::new));
    let output = Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        inbox:search({ subject = "a" }):move "Projects/2024"
        inbox:search({ subject = "b" }):copy "Copies"
        inbox:search({ subject = "nothing" }):move "Never"
        "#,
    )
    .on(server)
    .holding(&[("1 message", "INBOX")])
    .mailbox("Projects/2024", &["a"])
    .mailbox("Copies", &["b"])
    .run();
    let told: Vec<_> = output.stdout.lines().filter(|line| !line.contains("stay in INBOX")).collect();
    insta::allow_duplicates! {
        insta::assert_snapshot!(told.join("\n"), @"
        $USER@127.0.0.1: moved 1 message from INBOX to Projects/2024
          created mailbox Projects/2024
        $USER@127.0.0.1: copied 1 message from INBOX to Copies
          created mailbox Copies
        ");
    }
    assert!(!server.snapshot().mailboxes.contains_key("Never"));
});

on_every!(a_report_tells_what_was_done, |server| {
    server.seed("INBOX", &["a", "b"].map(Mail::new)).seed("Box", &[Mail::new("there")]);
    let output = Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local report = inbox:search({ subject = "a" }):move "Box"
        print(report.action, report.mailbox, report.target, report.count, #report, report.uids[1])
        print(#report.skipped, #report.failed, #report.in_doubt)
        local none = inbox:search({ subject = "nothing" }):move("Never").moved
        print(#none, none.mailbox)
        if report.moved then
          print(report.moved.mailbox, table.concat(report.moved.uids, " "))
          report.moved:mark "flagged"
          report.moved:move "Further"
        else
          print "the server does not say where"
        end
        "#,
    )
    .on(server)
    .holding(&[("1 message", "INBOX"), ("1 message", "Box")])
    .options(&["-q"])
    .run();
    // Without UIDPLUS only a copy that had to be looked for is known.
    let known = !output.stdout.contains("does not say");
    let rest = if known { "Box\t2\n" } else { "the server does not say where\n" };
    assert_eq!(output.stdout, format!("moved\tINBOX\tBox\t1\t1\t1\n0\t0\t0\n0\tNever\n{rest}"));
    assert!(known || server.hidden.contains(&crate::proxy::Capability::Uidplus));
    if known {
        let further = &server.snapshot().mailboxes["Further"];
        assert_eq!(further[0].flags, ["\\Flagged"]);
    }
});

on_both!(promise_5_trash_goes_to_trash_and_never_further, |server| {
    server.seed("INBOX", &[Mail::new("a")]).seed("Trash", &[Mail::new("old")]);
    Script::new(
        r#"
        local account = $LOGIN
        print(#account:mailbox("INBOX"):all():trash())
        local report = account:mailbox("@trash"):all():trash()
        print(#report, report.skipped[1].reason, table.concat(report.skipped[1].uids, " "))
        "#,
    )
    .on(server)
    .loses_nothing()
    .stdout(
        "$USER@127.0.0.1: trashed 1 message from INBOX to Trash\n1\n\
         $USER@127.0.0.1: trashed 0 messages from Trash to Trash\n\
         \u{20} skipped 2 messages (UID 1:2): already in Trash; `trash` never removes for good\n\
         0\talready in Trash; `trash` never removes for good\t1 2\n",
    )
    .stderr("")
    .mailbox("INBOX", &[])
    .mailbox("Trash", &["a", "old"])
    .run();
});

#[test]
fn promise_5_without_a_trash_nothing_is_removed() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a")]).seed("Bin/Lid", &[]);
    Script::new("$LOGIN:mailbox('INBOX'):all():trash()")
        .on(&server)
        .changes_nothing()
        .status(6)
        .stdout("")
        .stderr_contains("error: there is no `@trash` mailbox in this account (there are: ")
        .stderr_contains("hint: make one, or say which it is: `special_use = { trash = \"…\" }` among the account's settings")
        .run();
}

on_both!(a_move_to_where_the_messages_are_does_nothing_and_says_so, |server| {
    server.seed("INBOX", &[Mail::new("a")]);
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local report = inbox:all():move "INBOX"
        print(#report, report.skipped[1].reason)
        inbox:all():copy "@inbox"
        "#,
    )
    .on(server)
    .changes_nothing()
    .stdout(
        "$USER@127.0.0.1: moved 0 messages from INBOX to INBOX\n  skipped 1 message (UID 1): already there\n\
         0\talready there\n\
         $USER@127.0.0.1: copied 0 messages from INBOX to INBOX\n  skipped 1 message (UID 1): already there\n",
    )
    .stderr("")
    .run();
});

on_both!(a_selection_that_was_moved_away_is_spent, |server| {
    server.seed("INBOX", &["a", "b"].map(Mail::new)).seed("Box", &[]);
    let output = Script::new(
        r#"
        local found = $LOGIN:mailbox("INBOX"):search { subject = "a" }
        found:mark "seen"
        found:copy "Box"
        found:move "Box"
        for _, action in ipairs { "move", "trash", "copy", "mark", "unmark", "messages" } do
          local ok, err = pcall(function() return found[action](found, action ~= "messages" and "Box" or nil) end)
          print(action, ok, ok or err.message, ok or err.hint)
          err:ignore()
        end
        print(#found, found.mailbox)
        "#,
    )
    .on(server)
    .options(&["-q"])
    .stderr("")
    .mailbox("INBOX", &["b"])
    .mailbox("Box", &["a", "a"])
    .run();
    insta::allow_duplicates! {
        insta::assert_snapshot!(output.table(), @r#"
        move | false | this selection was moved away: its messages are not in the mailbox any more | the report of the action has them as `report.moved`
        trash | false | `trash` wants options such as `{ limit = 2000 }` but got "Box" | nil
        copy | false | this selection was moved away: its messages are not in the mailbox any more | the report of the action has them as `report.moved`
        mark | false | this selection was moved away: its messages are not in the mailbox any more | the report of the action has them as `report.moved`
        unmark | false | this selection was moved away: its messages are not in the mailbox any more | the report of the action has them as `report.moved`
        messages | false | this selection was moved away: its messages are not in the mailbox any more | the report of the action has them as `report.moved`
        1 | INBOX
        "#);
    }
});

on_both!(flags_are_set_and_taken_away, |server| {
    server.seed("INBOX", &[Mail::new("a").flag("\\Seen")]);
    let output = Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local function flags() for message in inbox:all():messages() do
          local all = {}
          for _, flag in ipairs(message.flags) do if flag ~= "\\Recent" then all[#all + 1] = flag end end
          table.sort(all)
          print(table.concat(all, " "))
        end end
        inbox:all():mark("flagged", { "answered", "$Work" }, "draft")
        flags()
        inbox:all():unmark { "seen", "draft", "Never-Set" }
        flags()
        inbox:all():mark "flagged"
        for _, bad in ipairs { {}, { "deleted" }, { "\\Deleted" }, { "recent" }, { "two words" }, { "" }, { "a\nb" }, { 5 }, { {} } } do
          for _, verb in ipairs { "mark", "unmark" } do
            local ok, err = pcall(function() local all = inbox:all(); all[verb](all, table.unpack(bad)) end)
            print(verb, ok, ok or err.message, ok or err.hint)
            if not ok then err:ignore() end
          end
        end
        "#,
    )
    .on(server)
    .loses_nothing()
    .stderr("")
    .run();
    insta::allow_duplicates! {
        insta::assert_snapshot!(output.table(), @r#"
        $USER@127.0.0.1: marked 1 message in INBOX: \Flagged \Answered $Work \Draft
        $Work \Answered \Draft \Flagged \Seen
        $USER@127.0.0.1: unmarked 1 message in INBOX: \Seen \Draft Never-Set
        $Work \Answered \Flagged
        $USER@127.0.0.1: marked 1 message in INBOX: \Flagged
        mark | false | no flags were given | name them: `mark("seen")`, `mark("flagged", "$Important")`
        unmark | false | no flags were given | name them: `mark("seen")`, `mark("flagged", "$Important")`
        mark | false | this run may not purge | what removes mail for good must be allowed: `allow "purge"` at the top of the script
        unmark | false | \Deleted can't be taken away: the original of a message that was moved would come back | `copy` one that was marked by mistake
        mark | false | this run may not purge | what removes mail for good must be allowed: `allow "purge"` at the top of the script
        unmark | false | \Deleted can't be taken away: the original of a message that was moved would come back | `copy` one that was marked by mistake
        mark | false | only a server can set \Recent | leave it out
        unmark | false | only a server can set \Recent | leave it out
        mark | false | `mark` wants a flag such as "seen" or a keyword such as "$Forwarded" but got "two words" | nil
        unmark | false | `unmark` wants a flag such as "seen" or a keyword such as "$Forwarded" but got "two words" | nil
        mark | false | `mark` wants a flag such as "seen" or a keyword such as "$Forwarded" but got "" | nil
        unmark | false | `unmark` wants a flag such as "seen" or a keyword such as "$Forwarded" but got "" | nil
        mark | false | `mark` wants a flag such as "seen" or a keyword such as "$Forwarded" but got "a\nb" | nil
        unmark | false | `unmark` wants a flag such as "seen" or a keyword such as "$Forwarded" but got "a\nb" | nil
        mark | false | `mark` wants a flag such as "seen" or a keyword such as "$Forwarded" but got 5 | nil
        unmark | false | `unmark` wants a flag such as "seen" or a keyword such as "$Forwarded" but got 5 | nil
        mark | false | no flags were given | name them: `mark("seen")`, `mark("flagged", "$Important")`
        unmark | false | no flags were given | name them: `mark("seen")`, `mark("flagged", "$Important")`
        "#);
    }
});

on_both!(promise_6_what_changed_since_the_search_is_left_alone, |server| {
    server.seed("INBOX", &["a", "b", "c"].map(Mail::new)).seed("Box", &[]);
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local unread, again = inbox:search { seen = false }, inbox:search { seen = false }
        inbox:search({ subject = "a" }):mark "seen"
        inbox:search({ subject = "b" }):move "Box"
        local report = unread:move "Box"
        for _, skipped in ipairs(report.skipped) do print(table.concat(skipped.uids, " "), skipped.reason) end
        print(#report)
        report = again:mark "flagged"
        print(#report, #report.skipped)
        "#,
    )
    .on(server)
    .options(&["-q"])
    .loses_nothing()
    .stdout(
        "2\tno longer in the mailbox\n1\tleft alone: what is seen now does not match what was searched for\n1\n\
         0\t2\n",
    )
    .stderr("")
    .mailbox("INBOX", &["a"])
    .mailbox("Box", &["b", "c"])
    .run();
});
