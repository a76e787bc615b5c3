//! `rules(mailboxes) { … }`.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use crate::server::Server;

fn fill(server: &Server) {
    let date = |year: u16| format!("05-Mar-{year} 10:00:00 +0000");
    server.seed(
        "INBOX",
        &[
            Mail::new("[build] 1").from("ci@example.org").date(&date(2020)),
            Mail::new("[build] 2").from("ci@example.org").flag("\\Flagged"),
            Mail::new("dev news")
                .from("dev@lists.example.org")
                .header("List-Id", "<dev.example.org>")
                .date(&date(2021)),
            Mail::new("ops news")
                .from("ops@lists.example.org")
                .header("List-Id", "<ops.example.org>")
                .date(&date(2022)),
            Mail::new("lunch").from("Bob <bob@example.net>"),
            Mail::new("bill").from("shop@example.com").body("You owe 12 euros"),
        ],
    );
}

on_both!(the_first_rule_that_removes_a_message_ends_its_way, |server| {
    fill(server);
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local done = rules(inbox) {
          { "starred", where = { flagged = true }, stop = true },
          { "build noise", where = { from = "ci@", subject = regex "^\\[build\\]" }, move = "CI" },
          { "all lists", where = { list = true }, mark = "$List" },
          { "lists", where = { list = true }, copy = "Lists/${list}", move = "Old/${year}" },
          { "rest", where = { newer_than = "300y" }, mark = { "seen", "$Rest" } },
          { "nothing", where = { subject = "no such thing" }, trash = true },
        }
        for _, name in ipairs { "starred", "build noise", "all lists", "lists", "rest", "nothing" } do
          print(name, done[name].matched, #done[name].reports)
        end
        "#,
    )
    .on(server)
    .stdout(
        "$USER@127.0.0.1: moved 1 message from INBOX to CI (build noise)\n  created mailbox CI\n\
         $USER@127.0.0.1: marked 2 messages in INBOX: $List (all lists)\n\
         $USER@127.0.0.1: copied 1 message from INBOX to Lists/dev.example.org (lists)\n\
         \x20 created mailbox Lists/dev.example.org\n\
         $USER@127.0.0.1: moved 1 message from INBOX to Old/2021 (lists)\n  created mailbox Old/2021\n\
         $USER@127.0.0.1: copied 1 message from INBOX to Lists/ops.example.org (lists)\n\
         \x20 created mailbox Lists/ops.example.org\n\
         $USER@127.0.0.1: moved 1 message from INBOX to Old/2022 (lists)\n  created mailbox Old/2022\n\
         $USER@127.0.0.1: marked 2 messages in INBOX: \\Seen $Rest (rest)\n\
         starred\t1\t0\nbuild noise\t1\t1\nall lists\t2\t1\nlists\t2\t4\nrest\t2\t1\nnothing\t0\t0\n",
    )
    .mailbox("INBOX", &["[build] 2", "lunch", "bill"])
    .mailbox("CI", &["[build] 1"])
    .mailbox("Old/2021", &["dev news"])
    .mailbox("Old/2022", &["ops news"])
    .mailbox("Lists/dev.example.org", &["dev news"])
    .mailbox("Lists/ops.example.org", &["ops news"])
    .run();
});

on_both!(a_rule_takes_flags_away, |server| {
    server.seed("INBOX", &[Mail::new("a").flag("\\Seen").flag("$Work"), Mail::new("b").flag("\\Seen")]);
    Script::new(
        r#"rules($LOGIN:mailbox "INBOX") { { "again", where = { subject = "a" }, unmark = { "seen", "$Work" }, mark = "flagged" } }"#,
    )
    .on(server)
    .stdout(
        "$USER@127.0.0.1: marked 1 message in INBOX: \\Flagged (again)\n\
         $USER@127.0.0.1: unmarked 1 message in INBOX: \\Seen $Work (again)\n",
    )
    .run();
    let flags: Vec<_> = server.snapshot().mailboxes["INBOX"].iter().map(|seen| seen.flags.clone()).collect();
    assert_eq!(flags, [["\\Flagged"], ["\\Seen"]]);
});

on_both!(functions_judge_name_targets_and_act, |server| {
    fill(server);
    Script::new(
        r#"
        local account = $LOGIN
        local inbox = account:mailbox "INBOX"
        local done = rules { inbox, account:mailbox "INBOX" } {
          { "builds", where = { function(message) return message.subject:find "build" end }, stop = true },
          { "by domain", where = { except = { list = true } }, move = function(message)
              if message.from.name then return "People/" .. message.from.name end
            end },
          { "seen", where = function(message) return message.subject == "ops news" end,
            call = function(selection) print("called with", #selection) selection:mark "flagged" end, mark = "seen" },
        }
        print(done.builds.matched, done["by domain"].matched, done.seen.matched)
        "#,
    )
    .on(server)
    .stdout(
        "$USER@127.0.0.1: moved 0 messages from INBOX (by domain)\n  skipped 1 message (UID 6): left alone: the function gave no target\n\
         called with\t1\n\
         $USER@127.0.0.1: marked 1 message in INBOX: \\Flagged (seen)\n\
         $USER@127.0.0.1: moved 1 message from INBOX to People/Bob (by domain)\n  created mailbox People/Bob\n\
         $USER@127.0.0.1: marked 1 message in INBOX: \\Seen (seen)\n2\t2\t1\n",
    )
    .mailbox("People/Bob", &["lunch"])
    .run();
});

on_both!(a_function_that_fails_leaves_its_rule_undone, |server| {
    fill(server);
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        rules(inbox) {
          { "bad", where = { from = "ci@", function(message) return message.subject:find "1" or message.nowhere end }, move = "CI" },
          { "builds", where = { subject = "build" }, mark = "$Build" },
          { "lists", where = { list = true }, mark = "$List" },
        }
        "#,
    )
    .on(server)
    .status(1)
    .stdout("$USER@127.0.0.1: marked 2 messages in INBOX: $List (lists)\n")
    .stderr_contains("error: rule `bad` failed on message 2 of INBOX: [build] 2: $DIR/script.lua:4: a message has no `nowhere`")
    .mailbox("INBOX", &["[build] 1", "[build] 2", "dev news", "ops news", "lunch", "bill"])
    .run();
});

on_both!(what_fails_beside_the_server_keeps_its_messages_where_they_are, |server| {
    fill(server);
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        rules(inbox) {
          { "bill", where = { from = "shop@" }, pipe = { "false" }, mark = "seen", move = "Bills" },
          { "call", where = { from = "bob@" }, call = function() error "not today" end, move = "Bob" },
          { "build", where = { subject = "build" }, export = "builds.mbox", move = "CI" },
        }
        "#,
    )
    .on(server)
    .status(8)
    .mailbox("INBOX", &["dev news", "ops news", "lunch", "bill"])
    .mailbox("CI", &["[build] 1", "[build] 2"])
    .stderr_contains("piped 0, failed 1, in doubt 0: it ended with code 1")
    .stderr_contains("not today")
    .run();
});

on_both!(a_message_stays_where_an_action_on_it_failed, |server| {
    fill(server);
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        rules(inbox) {
          { "bill", where = { from = "shop@" }, copy = "bad%name\1", move = "Bills" },
          { "build", where = { subject = "build" }, move = "CI" },
        }
        "#,
    )
    .on(server)
    .status(8)
    .mailbox("INBOX", &["dev news", "ops news", "lunch", "bill"])
    .mailbox("CI", &["[build] 1", "[build] 2"])
    .run();
});

#[test]
fn of_several_failures_each_is_told() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b"), Mail::new("c"), Mail::new("d")]);
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        rules(inbox) {
          { "one", where = { subject = "a" }, mark = "seen" },
          { "two", where = { subject = "b" }, move = "@archive" },
          { "three", where = { subject = "c" }, trash = true },
          { "four", where = { subject = "d" }, move = "@archive" },
        }
        "#,
    )
    .on(&server)
    .status(8)
    .stdout("$USER@127.0.0.1: marked 1 message in INBOX: \\Seen (one)\n")
    .stderr(
        "error: not all was done: there is no `@archive` mailbox in this account (there are: INBOX)\n\
         \x20--> $DIR/script.lua:3:9\n\
         \x20 |\n\
         3 |         rules(inbox) {\n\
         \x20 |         ^^^^^^^^^^^^^^\n\
         \x20 |\n\
         \x20 = hint: make one, or say which it is: `special_use = { archive = \"…\" }` among the account's settings\n\
         error: there is no `@trash` mailbox in this account (there are: INBOX)\n",
    )
    .mailbox("INBOX", &["a", "b", "c", "d"])
    .run();
}

#[test]
fn rules_that_can_not_be_meant_say_what_to_write() {
    let server = Server::sandbox();
    let output = Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local where = { seen = true }
        for _, list in ipairs {
          {}, { 1 }, { name = "x", where = where, move = "y" }, { { where = where, move = "x" } },
          { { "x", move = "y" } }, { { "x", where = where } }, { { "x", where = {}, move = "y" } },
          { { "x", where = { form = "y" }, move = "y" } }, { { "x", where = where, moev = "y" } },
          { { "x", where = where, move = "y", trash = true } }, { { "x", where = where, move = 5 } },
          { { "x", where = where, move = "a/${yeer}" } }, { { "x", where = where, mark = {} } },
          { { "x", where = where, mark = "deleted" } }, { { "x", where = where, stop = 1 } },
          { { "x", where = where, pipe = "cat" } }, { { "x", where = where, call = "f" } },
          { { "x", where = where, move = "y" }, { "x", where = where, mark = "seen" } },
          { { "x", where = where, name = "y", stop = true } }, { { "x", where = where, move = "" } },
          { { "x", where = where, stop = true }, nil, { "y", where = where, stop = true } },
        } do
          local ok, err = pcall(rules(inbox), list)
          print(ok or err.message .. " | " .. tostring(err.hint))
          if not ok then err:ignore() end
        end
        for _, bad in ipairs { 5, {}, { inbox, "x" } } do
          local ok, err = pcall(rules, bad)
          print(ok or err.message)
          if not ok then err:ignore() end
        end
        "#,
    )
    .on(&server)
    .changes_nothing()
    .run();
    insta::assert_snapshot!(output.stdout, @r#"
    the list of rules is empty or has a nil in it | a variable that is nil leaves a hole in the list, and what comes after it would be lost
    `rules` wants a list of tables, and has an integer in it | each rule is a table: `{ "name", where = { … }, move = "…" }`
    `rules` got one table with names, not a list of rules | each rule is a table in a list: `rules(inbox) { { "name", where = … } }`
    a rule has no name | `{ "newsletters", where = { list = true }, move = "@archive" }`
    rule `x`: it has no `where` | say which messages it is for: `where = { from = "shop", older_than = "30d" }`
    rule `x`: it does nothing | give it an action, such as `move = "@archive"`; `stop = true` keeps later rules away
    rule `x`: an empty query would match every message | write `mailbox:all()` if that is meant; a condition that is nil vanishes from a Lua table
    rule `x`: a query has no key `form` | did you mean `from`?
    rule `x`: a rule has no `moev` | did you mean `move`?
    rule `x`: both `move` and `trash` | a message can go one way only
    rule `x`: `move` must be a name, or a function that gives one, but is an integer | nil
    rule `x`: `${yeer}` in `a/${yeer}` is nothing that a message has | there are ${year} ${month} ${day} ${list} ${from.name} ${from.email} ${from.domain}
    rule `x`: no flags were given | name them: `mark("seen")`, `mark("flagged", "$Important")`
    true
    rule `x`: `stop` must be `true` or `false` but is an integer | nil
    rule `x`: `pipe` must be a program and its arguments, `{ "cmd", "arg" }`, but is a string | nil
    rule `x`: `call` must be a function but is a string | nil
    there are two rules `x` | reports tell rules by their names
    rule `x`: a rule has no `name` | the name comes first, without a key: `{ "newsletters", where = … }`
    rule `x`: `move` must be text in UTF-8, and not empty, but is a string | nil
    the list of rules is empty or has a nil in it | a variable that is nil leaves a hole in the list, and what comes after it would be lost
    `rules` wants a mailbox or a list of them but got an integer
    `rules` wants a mailbox or a list of them but got nothing
    `rules` wants a mailbox or a list of them but got a string
    "#);
}

#[test]
fn rules_without_their_table_are_an_error() {
    let server = Server::sandbox();
    Script::new("local inbox = $LOGIN:mailbox \"INBOX\"\nrules(inbox)\nprint \"end\"")
        .on(&server)
        .status(1)
        .stdout("end\n")
        .stderr_contains("`rules` was never given its rules, so nothing was done for them")
        .stderr_contains("script.lua:2")
        .run();
}

#[test]
fn a_run_creates_fifty_mailboxes_and_no_more() {
    let server = Server::sandbox();
    let mails: Vec<_> =
        (0..60).map(|n| Mail::new(&format!("m{n}")).from(&format!("a@d{n}.example"))).collect();
    server.seed("INBOX", &mails);
    Script::new("rules($LOGIN:mailbox \"INBOX\") { { \"by domain\", where = { from = \"@\" }, move = \"${from.domain}\", limit = 60 } }")
        .on(&server)
        .changes_nothing()
        .status(7)
        .stderr_contains("60 mailboxes would be created, and a run may create 50")
        .run();
}
