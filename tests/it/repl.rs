//! `imapscript repl`: lines from a pipe, and from a terminal.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use crate::server::Server;
use crate::terminal::Terminal;

/// What the lines give, all in one.
fn said<'a>(lines: &str) -> Script<'a> {
    Script::command(&["repl"]).options(&["-q"]).stdin(lines)
}

#[test]
fn values_are_shown_as_they_are() {
    let output = said(
        "5\n'text'\n'two\\nlines'\nnil\ntrue\nprint\n1, nil, 'x'\n{}\n{ 1, 2, { a = 5, ['b c'] = 'x', [true] = {} } }\n\
         local x <const> = 5\nlocal y, z = 1, 2\ny + z\nlocal function f() return y end\nf()\nt = {} t.t = t\nt\n\
         { 'a long line is broken into several', 'so that each of them fits into a terminal', { 1, 2 } }\n\
         (function() local all = {} for i = 1, 60 do all[i] = i end return all end)()\n'\\27[31mred'\n\n   \n-- nothing\n",
    )
    .stderr("")
    .run();
    insta::assert_snapshot!(output.stdout, @r#"
    5
    "text"
    two
    lines
    nil
    true
    a function
    1
    nil
    "x"
    {}
    { 1, 2, { [true] = {}, a = 5, ["b c"] = "x" } }
    3
    1
    { t = { … the same again } }
    {
      "a long line is broken into several",
      "so that each of them fits into a terminal",
      { 1, 2 },
    }
    {
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
      9,
      10,
      11,
      12,
      13,
      14,
      15,
      16,
      17,
      18,
      19,
      20,
      21,
      22,
      23,
      24,
      25,
      26,
      27,
      28,
      29,
      30,
      31,
      32,
      33,
      34,
      35,
      36,
      37,
      38,
      39,
      40,
      41,
      42,
      43,
      44,
      45,
      46,
      47,
      48,
      49,
      50,
      … and 10 more,
    }
    "\u{1b}[31mred"
    "#);
}

#[test]
fn an_entry_goes_on_until_it_is_whole() {
    said("for i = 1, 2 do\n  print(i)\nend\nf = function(x)\n\n  return x\nend\nf [[a\n\nb]]\nprint(")
        .stdout("1\n2\na\n\nb\n")
        .status(1)
        .stderr_contains("error: unexpected symbol near <eof>\n --> repl:1:1\n")
        .run();
}

#[test]
fn what_fails_is_shown_and_the_next_line_is_read() {
    let output = said(
        "prnt 'x'\nx = = 5\nlogin { host = 'h', user = 'u', password = 'p' }:mailbox('INBOX'):search {}\nerror { 5 }\n\
         local function deep()\n  error 'inside'\nend\ndeep()\nprint 'goes on'\n",
    )
    .status(1)
    .stdout("goes on\n")
    .run();
    insta::assert_snapshot!(output.stderr, @"
    error: there is no `prnt` here
     --> repl:1:1
      |
    1 | prnt 'x'
      | ^^^^^^^^
      |
      = hint: did you mean `print`?
    error: unexpected symbol near '='
     --> repl:1:1
      |
    1 | x = = 5
      | ^^^^^^^
    error: an empty query would match every message
     --> repl:1:1
      |
    1 | login { host = 'h', user = 'u', password = … }:mailbox('INBOX'):search {}
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: write `mailbox:all()` if that is meant; a condition that is nil vanishes from a Lua table
    error: the script threw a table
     --> repl:1:1
      |
    1 | error { 5 }
      | ^^^^^^^^^^^
    error: inside
     |
     = note: in repl:2
    ");
    said("os.exit(7)\nprint 'never'\n").status(7).stdout("").stderr("").run();
    said("pcall(prnt)\nprint 'well'").status(1).stdout("well\n").run();
}

on_both!(messages_are_found_shown_and_moved, |server| {
    server.seed("INBOX", &[Mail::new("a").from("One <one@a.example>"), Mail::new("b"), Mail::new("c")]);
    let output = Script::command(&["repl"])
        .on(server)
        .env("LINES", "")
        .stdin(filled(
            server,
            "account = $LOGIN\ninbox = account:mailbox 'INBOX'\ninbox\nfound = inbox:search { subject = { 'a', 'b' } }\nfound\n\
             for message in found:messages() do m = message break end\nm.subject, m.from\nfound:move 'Box'\nfound\nr = inbox:all():mark 'flagged'\nr\n\
             inbox:all():purge()\n",
        ))
        .status(1)
        .mailbox("INBOX", &["c"])
        .mailbox("Box", &["a", "b"])
        .run();
    for part in [
        "mailbox INBOX of ",
        "2 messages of INBOX\n",
        "one@a.example  a\n",
        "\"a\"\n",
        "moved 2 messages from INBOX to Box\n",
        "marked 1 message in INBOX: \\Flagged\n",
    ] {
        assert!(output.stdout.contains(part), "{part}: {output}");
    }
    assert_eq!(output.stdout.matches("moved 2 messages").count(), 1, "told once: {output}");
    assert!(output.stderr.starts_with("error: this run may not purge\n --> repl:1:1\n"), "{output}");
});

/// Standard input is not filled in by the harness.
fn filled(server: &Server, text: &str) -> String {
    let Server { address, tls, user, password, ca_file, .. } = server;
    let trust =
        ca_file.as_ref().map(|path| format!(", ca_file = \"{}\"", path.display())).unwrap_or_default();
    let login = format!(
        "login {{ host = \"{}\", port = {}, tls = \"{}\", user = \"{user}\", password = \"{password}\"{trust} }}",
        address.ip(),
        address.port(),
        tls.name()
    );
    text.replace("$LOGIN", &login)
}

#[test]
fn each_line_that_changes_mail_is_a_run_of_its_own() {
    let server = Server::sandbox();
    server.seed("INBOX", &["a", "b"].map(Mail::new)).seed("Box", &[]);
    let home = tempfile::tempdir().unwrap();
    let lines = "account = $LOGIN\ninbox = account:mailbox 'INBOX'\ninbox:search({ subject = 'a' }):move 'Box'\n1\n\
                 inbox:search({ subject = 'b' }):move 'Box'\n";
    Script::command(&["repl"]).on(&server).home(home.path()).stdin(filled(&server, lines)).run();
    let history = Script::command(&["history"]).home(home.path()).run();
    assert_eq!(history.stdout.matches("  repl  0     moved 1 message").count(), 2, "{history}");
}

#[test]
fn a_dry_run_changes_nothing() {
    let server = Server::sandbox();
    server.seed("INBOX", &["a"].map(Mail::new)).seed("Box", &[]);
    Script::command(&["repl", "-n"])
        .on(&server)
        .stdin(filled(
            &server,
            "account = $LOGIN\naccount:mailbox('INBOX'):all():move 'Box'\n#account:mailbox('Box'):all()\n",
        ))
        .changes_nothing()
        .run();
}

/// Starts one on sample mail.
fn at_terminal(home: &std::path::Path) -> Terminal {
    let state = home.join("state");
    let mut terminal = Terminal::start(&["repl", "--sandbox", "--state", state.to_str().unwrap()], home);
    terminal.shows("Ctrl-D ends.").prompts();
    terminal
}

#[test]
fn a_terminal_has_completion() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = at_terminal(home.path());
    terminal.types("a = account()\r").shows("account()").prompts();
    // Globals, methods, keys, and mailboxes from the server.
    terminal.types("inbox = a:mailb\t 'INBOX'\r").shows("a:mailbox 'INBOX'").prompts();
    terminal
        .types("inb\t:sea\t { subje\t'Sunday hike' }\r")
        .shows("inbox:search { subject = 'Sunday hike' }");
    terminal.shows("2 messages of INBOX").prompts();
    terminal.types("a:mailbox 'Fam\t").shows("Family");
    terminal.types("/P\t'\r").shows("Family/Photos'").shows("mailbox Family/Photos of me").prompts();
    terminal.types("rules(inbox) { { 'x', whe\t{ se\t\t").shows("seen = ").shows("sent_before = ");
    // Ctrl-C gives the line up.
    terminal.types("\u{3}").prompts().types("1 + 1\r").shows("1 + 1\n2").prompts();
    terminal.types("\u{4}");
    assert_eq!(terminal.ends(), Some(0));
}

#[test]
fn a_terminal_remembers_lines_without_secrets() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = at_terminal(home.path());
    terminal.types("x = { Password = 'hunter2' }\r").shows("'hunter2' }").prompts();
    terminal.types("for i = 1, 2 do\rprint('n' .. i) end\r").shows("n1\nn2\n").prompts();
    terminal.types("'last'\r").shows("\"last\"").prompts().types("\u{4}");
    assert_eq!(terminal.ends(), Some(0));
    let path = home.path().join("state/repl_history");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, "for i = 1, 2 do\\nprint('n' .. i) end\n'last'\n");
    // Another session has them: the last but one.
    let mut terminal = at_terminal(home.path());
    terminal.types("\u{10}\u{10}\r").shows("n1\nn2\n").prompts().types("\u{4}");
    assert_eq!(terminal.ends(), Some(0));
}

#[test]
fn ctrl_c_ends_a_call_and_not_the_session() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = at_terminal(home.path());
    for call in ["print 'on' while true do end\r", "print 'on' sleep(1000)\r"] {
        terminal.types(call).shows("on\n").types("\u{3}").shows("error: interrupted").prompts();
        // Accounts connect anew.
        terminal.types("#account():mailbox('INBOX'):all() > 5\r").shows("true").prompts();
    }
    terminal.types("os.exit(9)\r");
    assert_eq!(terminal.ends(), Some(9));
}

#[test]
fn a_signal_ends_a_session_at_rest() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = at_terminal(home.path());
    let status = std::process::Command::new("kill").arg(terminal.child.id().to_string()).status().unwrap();
    assert!(status.success());
    assert_eq!(terminal.ends(), Some(130));
}
