//! Functions of the script's in queries.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use crate::server::Server;

fn fill(server: &Server) {
    server.seed(
        "INBOX",
        &[
            Mail::new("build 1 failed").from("ci@example.org").body("see log 7"),
            Mail::new("build 2 passed").from("ci@example.org").flag("\\Seen").header("X-Score", "3"),
            Mail::new("=?utf-8?q?Gr=C3=BC=C3=9Fe?=").from("Ann <ann@example.org>").header("X-Score", "9"),
            Mail::new("lunch").from("bob@example.net").header("Cc", "ann@example.org").flag("\\Flagged"),
        ],
    );
}

const SHOW: &str = r#"
    local account = $LOGIN
    local inbox = account:mailbox "INBOX"
    local function show(what, selection) print(what, table.concat(selection.uids, " ")) end
"#;

on_both!(functions_stand_where_patterns_do_and_without_a_name, |server| {
    fill(server);
    Script::new(&format!(
        "{SHOW}{}",
        r#"
        show("name", inbox:search { subject = function(text) return #text == 5 end })
        show("decoded", inbox:search { subject = function(text) return text == "Grüße" end })
        show("last", inbox:search { from = "ci@", function(message) print(message.uid) return not message.seen end })
        show("field", inbox:search { header = { ["X-Score"] = function(score) return tonumber(score) > 5 end } })
        show("header", inbox:search { header = function(field) return field:find "^X%-Score: 9" end })
        show("whole", inbox:search { header = regex("^x-score: [0-5]$", "i") } + inbox:search { header = "Subject: grüße" })
        show("any", inbox:search { any = { { flagged = true }, { function(m) return m.uid == 1 end } } })
        show("except", inbox:search { except = { subject = function(text) return text:find "build" end, flagged = true } })
        show("each", inbox:search { except = { flagged = true, function(m) return m.uid == 1 end } })
        show("list", inbox:search { from = { "bob@", function(text) return text:find "Ann" end } })
        show("recipient", inbox:search { recipient = function(text) return text:find "ann@" end })
        show("body", inbox:search { body = function(text) return text:find "log %d" end })
        show("text", inbox:search { text = function(text) return text:find "X?log %d" or text == "9" end })
        show("alone", inbox:search { function(message) return message:text():find "log" end })
        show("both", inbox:search { seen = false, function(m) return m.uid < 3 end, function(m) return m.uid > 0 end })
        show("within", inbox:search({ function(m) return m.uid ~= 3 end }):filter { flagged = false, from = function() return true end })
        show("select", account:select("INBOX"):search { function(m) return m.flagged end })
        show("account", account:search { function(m) return m.flagged end })
        "#
    ))
    .on(server)
    .changes_nothing()
    .stdout(
        "name\t4\ndecoded\t3\n1\n2\nlast\t1\nfield\t3\nheader\t3\nwhole\t2 3\nany\t1 4\nexcept\t3\neach\t2 3\nlist\t3 4\nrecipient\t4\nbody\t1\ntext\t1 3\n\
         alone\t1\nboth\t1\nwithin\t1 2\nselect\t4\naccount\t4\n",
    )
    .run();
});

on_both!(a_function_that_fails_names_message_and_line_and_nothing_is_done, |server| {
    fill(server);
    Script::new(
        r#"
        local account = $LOGIN
        account:mailbox("INBOX"):search({ from = "ci@", function(message) return message.nowhere.near end }):trash()
        "#,
    )
    .on(server)
    .changes_nothing()
    .status(1)
    .stderr_contains("the function failed on message 1 of INBOX: build 1 failed: $DIR/script.lua:3: a message has no `nowhere`")
    .run();
    Script::new(
        r#"
        local account = $LOGIN
        local inbox = account:mailbox "INBOX"
        local function try(query)
          local ok, err = pcall(inbox.search, inbox, query)
          print(err.kind, err.message)
          err:ignore()
        end
        try { function(message) return nil + 1 end }
        try { from = function() inbox:append "x" end }
        try { subject = function() account:create "New" end }
        try { subject = function() error "mine" end }
        try { any = { { seen = true }, { function() inbox:all():mark "seen" end } } }
        "#,
    )
    .on(server)
    .changes_nothing()
    .stdout(
        "script\tthe function failed on message 1 of INBOX: build 1 failed: $DIR/script.lua:9: attempt to perform arithmetic on a nil value\n\
         script\tthe function failed on message 1 of INBOX: build 1 failed: $DIR/script.lua:10: a function that judges messages can't change anything\n\
         script\tthe function failed on message 1 of INBOX: build 1 failed: $DIR/script.lua:11: a function that judges messages can't change anything\n\
         script\tthe function failed on message 1 of INBOX: build 1 failed: $DIR/script.lua:12: mine\n\
         script\tthe function failed on message 1 of INBOX: build 1 failed: $DIR/script.lua:13: a function that judges messages can't change anything\n",
    )
    .run();
});

on_both!(a_long_subject_is_cut_short_in_errors, |server| {
    server.seed("INBOX", &[Mail::new(&"word ".repeat(30)), Mail::new(&"é".repeat(80))]);
    let shown = format!("{}…", "word ".repeat(16));
    Script::new("for message in $LOGIN:mailbox('INBOX'):all():messages() do print(message) end")
        .on(server)
        .stdout(&format!("message 1 of INBOX: {shown}\nmessage 2 of INBOX: {}\n", "é".repeat(80)))
        .run();
});

on_both!(what_a_function_decided_is_moved_without_a_second_look, |server| {
    fill(server);
    Script::new(
        r#"
        local account = $LOGIN
        local found = account:mailbox("INBOX"):search { from = "ci@", function(message) return message.uid == 2 end }
        found:move "Old"
        "#,
    )
    .on(server)
    .stdout("$USER@127.0.0.1: moved 1 message from INBOX to Old\n  1 of them without a second look: bodies, attachments and functions are not asked again\n  created mailbox Old\n")
    .mailbox("Old", &["build 2 passed"])
    .run();
});
