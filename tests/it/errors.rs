//! Errors are values that say what, where and what to do.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use crate::server::Server;

on_both!(a_caught_error_is_a_value_and_still_ends_the_run_with_8, |server| {
    server.seed("INBOX", &[Mail::new("a")]);
    Script::new(
        r#"
        local account = $LOGIN
        local ok, err = pcall(function() account:mailbox("INBOX"):search {} end)
        print(ok, type(err), err.kind, err.message, err.hint)
        print(err.account, err.mailbox, err.command, err.report, tostring(err) == err.message)
        local ok, err = pcall(function() account:select "Missing" end)
        print(ok, err.kind, err.account, err.mailbox, err.command, err.hint)
        print "goes on"
        "#,
    )
    .on(server)
    .changes_nothing()
    .status(8)
    .stdout(
        "false\tuserdata\tscript\tan empty query would match every message\t\
         write `mailbox:all()` if that is meant; a condition that is nil vanishes from a Lua table\n\
         nil\tnil\tnil\tnil\ttrue\n\
         false\trefused\t$USER@127.0.0.1\tMissing\tSELECT\t`account:list()` gives the mailboxes that there are\n\
         goes on\n",
    )
    .stderr_contains("error: caught by the script: an empty query would match every message\nerror: caught by the script: the server refused SELECT: NO ")
    .run();
});

on_both!(an_error_that_is_ignored_does_not_count, |server| {
    Script::new(
        r#"
        local account = $LOGIN
        local ok, err = pcall(account.select, account, "Missing")
        err:ignore()
        err:ignore()
        local ok, err = xpcall(account.select, function(err) err:ignore() return err.kind end, account, "Missing")
        print(ok, err)
        local co = coroutine.create(function() account:select "Missing" end)
        local ok, err = coroutine.resume(co)
        print(ok, err.kind)
        err:ignore()
        print(select(2, pcall(error, "Lua's own")), select(2, pcall(error, { code = 5 })).code)
        "#,
    )
    .on(server)
    .changes_nothing()
    .stdout("false\trefused\nfalse\trefused\nLua's own\t5\n")
    .stderr("")
    .run();
});

on_both!(an_error_that_is_thrown_again_is_the_same, |server| {
    Script::new(
        r#"
        local account = $LOGIN
        local ok, err = pcall(account.select, account, "Missing")
        error(err)
        "#,
    )
    .on(server)
    .changes_nothing()
    .status(6)
    .stdout("")
    .stderr_contains("error: the server refused SELECT: NO ")
    .stderr_contains("note: account $USER@127.0.0.1, mailbox Missing, command SELECT")
    .run();
});

#[test]
fn an_error_shows_where_it_happened() {
    let source = "local function inner(query)\n  local found = login { host = 'h', user = 'u', password = 'p' }:mailbox('INBOX'):search(query)\n  return found\nend\n\
                  local function outer()\n  local found = inner { form = 'x' }\n  return found\nend\n\nouter()\n";
    let output = Script::new(source).status(1).stdout("").run();
    insta::assert_snapshot!(output.stderr, @"
    error: a query has no key `form`
     --> $DIR/script.lua:2:3
      |
    2 |   local found = login { host = 'h', user = 'u', password = … }:mailbox('INBOX'):search(query)
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: called from $DIR/script.lua:6, $DIR/script.lua:10
      = hint: did you mean `from`?
    ");
}

#[test]
fn an_error_in_a_module_shows_the_module() {
    let source = "local f = assert(io.open('$DIR/mine.lua', 'w'))\nf:write('local M = {}\\nfunction M.go(account)\\n\\tlocal found = account:search { seen = 5 }\\n\\treturn found\\nend\\nreturn M\\n')\nf:close()\n\
                  local mine = require 'mine'\nlocal account = login { host = 'h', user = 'u', password = 'p' }\nmine.go(account:mailbox 'INBOX')\n";
    let output = Script::new(source).status(1).stdout("").run();
    insta::assert_snapshot!(output.stderr, @"
    error: `seen` must be `true` or `false` but is 5
     --> $DIR/mine.lua:3:5
      |
    3 |     local found = account:search { seen = 5 }
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: called from $DIR/script.lua:6
    ");
}

#[test]
fn every_kind_of_end_has_its_code_and_its_words() {
    for (source, status, stderr) in [
        ("print(", 1, "error: unexpected symbol near <eof>\n --> $DIR/script.lua:1:1\n"),
        (
            "local x = nil\nx.y = 1",
            1,
            "error: attempt to index a nil value (local 'x')\n --> $DIR/script.lua:2:1\n",
        ),
        ("error 'of my own'", 1, "error: of my own\n --> $DIR/script.lua:1:1\n"),
        ("error('without a place', 0)", 1, "error: without a place\n"),
        ("error { code = 5 }", 1, "error: the script threw a table\n --> $DIR/script.lua:1:1\n"),
        ("error()", 1, "error: the script threw a nil\n --> $DIR/script.lua:1:1\n"),
        ("prnt 'x'", 1, "error: there is no `prnt` here\n --> $DIR/script.lua:1:1\n"),
        ("string.rep('x', -1)()", 1, "error: attempt to call a string value\n --> $DIR/script.lua:1:1\n"),
        ("\u{1b}Lua", 1, "error: this is Lua bytecode, which is not run\n"),
        ("os.exit(3)", 3, ""),
        ("os.exit(true)", 0, ""),
        ("os.exit(false)", 1, ""),
        ("os.exit(300)", 1, ""),
        ("pcall(os.exit, 4)", 4, ""),
        ("return 5", 0, ""),
        ("", 0, ""),
        ("#!/usr/bin/env imapscript\nos.exit(7)", 7, ""),
        ("local function f() return 1 + f() end f()", 1, "error: stack overflow"),
        ("assert(load('\\27Lua', 'x', 'b'))()", 1, "error: attempt to load"),
        ("coroutine.wrap(function() error 'inside' end)()", 1, "error: inside\n --> $DIR/script.lua:1:1\n"),
    ] {
        let output = Script::new(source).status(status).stdout("").run();
        assert!(
            output.stderr.starts_with(stderr) && output.stderr.is_empty() == stderr.is_empty(),
            "{source}: {output}"
        );
    }
}

#[test]
fn an_action_that_fails_says_why_and_gives_its_report() {
    let server = Server::sandbox();
    server.seed("INBOX", &["a", "b"].map(Mail::new));
    let output = Script::new(
        r#"
        local found = $LOGIN:mailbox("INBOX"):search { subject = "a" }
        local ok, err = pcall(found.move, found, { raw = "bad//name/" })
        print(ok, err.kind, (err.message:gsub("NO .*", "NO …")), err.hint, err.mailbox)
        local report = err.report
        print(report.action, report.count, #report.failed, table.concat(report.failed[1].uids, " "), (report.failed[1].reason:gsub("NO .*", "NO …")))
        print((tostring(report):gsub("NO .*", "NO …")))
        "#,
    )
    .on(&server)
    .changes_nothing()
    .options(&["-q"])
    .status(8)
    .run();
    insta::assert_snapshot!(output.table(), @"
    $USER@127.0.0.1: moved 0 messages from INBOX to bad//name/
      FAILED 1 message (UID 1): the target does not exist and can't be created: the server refused CREATE: NO That is no name for a mailbox
    false | partial | moved 0, failed 1, in doubt 0: the target does not exist and can't be created: the server refused CREATE: NO … | nil | INBOX
    moved | 0 | 1 | 1 | the target does not exist and can't be created: the server refused CREATE: NO …
    $USER@127.0.0.1: moved 0 messages from INBOX to bad//name/
      FAILED 1 message (UID 1): the target does not exist and can't be created: the server refused CREATE: NO …
    ");
}

#[test]
fn what_was_done_before_a_failure_is_said() {
    let server = Server::sandbox();
    server.seed("INBOX", &["a", "b"].map(Mail::new)).seed("Box", &[]);
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        inbox:search({ subject = "a" }):move "Box"
        inbox:search {}
        "#,
    )
    .on(&server)
    .loses_nothing()
    .status(1)
    .stdout("$USER@127.0.0.1: moved 1 message from INBOX to Box\n")
    .stderr_contains("error: an empty query would match every message\n --> $DIR/script.lua:4:")
    .mailbox("Box", &["a"])
    .run();
}
