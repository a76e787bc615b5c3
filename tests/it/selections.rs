//! Sets of messages, across mailboxes and accounts.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use crate::server::Server;

fn fill(server: &Server) {
    let day = |day: u8| format!("{day:02}-Feb-2024 10:00:00 +0000");
    server
        .seed(
            "INBOX",
            &[
                Mail::new("Beta").from("b@example.org").date(&day(3)).body(&"x".repeat(3000)),
                Mail::new("alpha").from("a@example.org").date(&day(1)).flag("\\Seen"),
                Mail::new("gamma").from("a@example.org").date(&day(2)).body(&"x".repeat(1000)).flag("\\Seen"),
            ],
        )
        .seed("Other", &[Mail::new("delta").from("A@example.org").date(&day(9))]);
}

on_both!(selections_are_joined_crossed_and_subtracted, |server| {
    fill(server);
    Script::new(
        r#"
        local account = $LOGIN
        local inbox, other = account:mailbox "INBOX", account:mailbox "Other"
        local seen, from_a = inbox:search { seen = true }, inbox:search { from = "a@example.org" }
        local big = inbox:search { larger_than = 900 }
        local function show(s) print(#s, table.concat(s.uids, " "), table.concat(s.mailboxes, " ")) end
        show(seen + big)
        show(seen * big)
        show(seen - big)
        show(seen + other:all())
        show((seen + other:all()) - other:all())
        show(seen * other:all())
        show(big - big)
        print(pcall(function() return seen + 1 end))
        "#,
    )
    .on(server)
    .changes_nothing()
    .status(8)
    .stdout(
        "3\t1 2 3\tINBOX\n1\t3\tINBOX\n1\t2\tINBOX\n3\t2 3 1\tINBOX Other\n2\t2 3\tINBOX\n0\t\tINBOX\n0\t\tINBOX\n\
         false\ta selection can't be combined with a integer\n",
    )
    .run();
});

on_both!(selections_are_filtered_sorted_and_grouped, |server| {
    fill(server);
    Script::new(
        r#"
        local account = $LOGIN
        local all = account:mailbox("INBOX"):all() + account:mailbox("Other"):all()
        local function subjects(s)
          local list = {}
          for message in s:messages() do list[#list + 1] = message.subject end
          print(table.concat(list, " "))
        end
        subjects(all:filter { seen = true })
        subjects(all:filter(function(message) return message.subject:find "a$" and not message.seen end))
        subjects(all:newest(2))
        subjects(all:oldest(2))
        subjects(all:sort "subject")
        subjects(all:sort "-size":filter { from = address "a@example.org" })
        subjects(all:sort "-size")
        local groups = all:group_by(function(message) return message.from.email:lower() end)
        subjects(groups["a@example.org"])
        subjects(groups["b@example.org"]:newest(5))
        local ok, err = pcall(all.filter, all, function(message) all:mark "flagged" end)
        print(ok, err.message)
        err:ignore()
        local ok, err = pcall(all.filter, all, function(message) error "mine" end)
        print(ok, err)
        all:mark "flagged"
        "#,
    )
    .on(server)
    .stdout(
        "alpha gamma\nBeta delta\ndelta Beta\nalpha gamma\nalpha Beta delta gamma\nalpha gamma delta\n\
         Beta gamma alpha delta\nalpha gamma delta\nBeta\n\
         false\tthe function failed on message 1 of INBOX: Beta: $DIR/script.lua:19: a function that judges messages can't change anything\nfalse\tthe function failed on message 1 of INBOX: Beta: $DIR/script.lua:22: mine\n\
         $USER@127.0.0.1: marked 3 messages in INBOX: \\Flagged\n$USER@127.0.0.1: marked 1 message in Other: \\Flagged\n",
    )
    .run();
});

on_both!(an_action_goes_through_all_mailboxes_of_a_selection, |server| {
    fill(server);
    Script::new(
        r#"
        local account = $LOGIN
        local some = account:mailbox("INBOX"):search { seen = true } + account:mailbox("Other"):all()
        local report = some:move "New"
        print(report.count, #report.moved, table.concat(report.moved.mailboxes))
        report.moved:filter({ subject = "alpha" }):mark "seen"
        "#,
    )
    .on(server)
    .loses_nothing()
    .mailbox("INBOX", &["Beta"])
    .mailbox("Other", &[])
    .mailbox("New", &["alpha", "delta", "gamma"])
    .run();
});
