//! Messages into programs.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use crate::server::Server;
use std::{fs, thread, time::Duration};
use tempfile::TempDir;

on_both!(a_message_is_judged_by_a_program, |server| {
    server.seed("INBOX", &[Mail::new("spam"), Mail::new("ham")]);
    let output = Script::new(
        r#"
        local all = $LOGIN:mailbox("INBOX"):all()
        for message in all:messages { "raw" } do
          local verdict = message:pipe { "grep", "-c", "Subject: spam" }
          print(message.subject, verdict.ok, verdict.code, (verdict.stdout:gsub("%s", "")), verdict.stderr)
          print(message:pipe({ "cat" }).stdout == message:raw())
          print(#message:pipe({ "sh", "-c", "head -c 10000000 /dev/zero; echo oops >&2; kill $$" }).stdout)
          print(message:pipe({ "true", 5, "$HOME" }).ok)
        end
        print(#all:filter(function(message) return message:pipe({ "grep", "-q", "spam" }).ok end))
        local kept
        for message in all:messages() do kept = message end
        for _, order in ipairs { {}, { "/no/such/program" }, { "cat", {} }, { "cat", stdin = "x" }, "cat" } do
          local ok, err = pcall(kept.pipe, kept, order)
          print(ok, err.kind, err.message, err.hint)
          err:ignore()
        end
        "#,
    )
    .on(server)
    .changes_nothing()
    .stderr("")
    .run();
    insta::allow_duplicates! { insta::assert_snapshot!(output.table(), @r#"
    spam | true | 0 | 1 | 
    true
    10000000
    true
    ham | false | 1 | 0 | 
    true
    10000000
    true
    1
    false | script | `pipe` got no program | `pipe { "program", "argument" }`
    false | script | the program `/no/such/program` can't be run: No such file or directory (os error 2) | check its name and PATH
    false | script | `pipe` wants its arguments as strings | `pipe { "program", "argument" }`
    false | script | `pipe` has no option `stdin` | `pipe { "program", "argument" }`
    false | script | `pipe` wants a table: a program and its arguments but got "cat" | nil
    "#) }
});

on_both!(each_message_is_piped_to_a_program, |server| {
    // More than a pipe holds, for programs that do not read it.
    let mail = |name: &str| Mail::new(name).body(&"0123456789abcde\r\n".repeat(8 * 1024));
    server
        .seed("INBOX", &["a", "b", "c", "gone"].map(mail))
        .seed("Box", &[Mail::new("d")])
        .seed("Other", &[]);
    let output = Script::new(
        r#"
        local account = $LOGIN
        local all = account:mailbox("INBOX"):all() + account:mailbox("Box"):all()
        account:mailbox("INBOX"):search({ subject = "gone" }):move "Other"
        local report = all:pipe { "sh", "-c", "grep ^Subject: >> $DIR/seen" }
        print(report.action, #report, report.target, io.open("$DIR/seen"):read "a")
        print(#all:pipe { "true" }, #all:pipe { "sh", "-c", "head -c 10000000 /dev/zero" })
        local ok, err = pcall(all.pipe, all, { "sh", "-c", "grep -q 'Subject: [ad]' && exit 0; echo >&2; echo not 'mine\27[2J' >&2; exit 3" })
        print(ok, err.kind, err.message, #err.report, err.report.failed[1].reason, #err.report.failed[1].uids)
        err:ignore()
        for _, order in ipairs { {}, { "/no/such/program" }, { "sh", "-c", "kill -9 $$" }, { "cat", stdin = "x" } } do
          local ok, err = pcall(all.pipe, all, order)
          print(ok, err.kind, err.message, err.hint, err.report and #err.report)
          err:ignore()
        end
        print(#all:filter({ uid = 99 }):pipe { "/no/such/program" })
        "#,
    )
    .on(server)
    .stderr("")
    .run();
    insta::allow_duplicates! { insta::assert_snapshot!(output.table(), @r#"
    $USER@127.0.0.1: moved 1 message from INBOX to Other
    $USER@127.0.0.1: piped 3 messages from INBOX to sh
      skipped 1 message (UID 4): no longer in the mailbox
    $USER@127.0.0.1: piped 1 message from Box to sh
    piped | 4 | sh | Subject: a
    Subject: b
    Subject: c
    Subject: d

    $USER@127.0.0.1: piped 3 messages from INBOX to true
      skipped 1 message (UID 4): no longer in the mailbox
    $USER@127.0.0.1: piped 1 message from Box to true
    $USER@127.0.0.1: piped 3 messages from INBOX to sh
      skipped 1 message (UID 4): no longer in the mailbox
    $USER@127.0.0.1: piped 1 message from Box to sh
    4 | 4
    $USER@127.0.0.1: piped 1 message from INBOX to sh
      skipped 1 message (UID 4): no longer in the mailbox
      FAILED 2 messages (UID 2:3): it ended with code 3: not mine\u{1b}[2J
    $USER@127.0.0.1: piped 1 message from Box to sh
    false | partial | piped 1, failed 2, in doubt 0: it ended with code 3: not mine\u{1b}[2J | 1 | it ended with code 3: not mine\u{1b}[2J | 2
    false | script | `pipe` got no program | `pipe { "program", "argument" }` | nil
    false | script | the program `/no/such/program` can't be run: No such file or directory (os error 2) | check its name and PATH | 0
    $USER@127.0.0.1: piped 0 messages from INBOX to sh
      skipped 1 message (UID 4): no longer in the mailbox
      FAILED 3 messages (UID 1:3): it ended with signal: 9 (SIGKILL)
    $USER@127.0.0.1: piped 0 messages from Box to sh
      FAILED 1 message (UID 1): it ended with signal: 9 (SIGKILL)
    false | partial | piped 0, failed 3, in doubt 0: it ended with signal: 9 (SIGKILL) | nil | 0
    false | script | `pipe` has no option `stdin` | `pipe { "program", "argument" }` | nil
    0
    "#) }
});

#[test]
fn a_program_ends_with_the_run() {
    let server = Server::sandbox();
    server.seed("INBOX", &["a", "b"].map(Mail::new));
    let directory = TempDir::new().unwrap();
    let begun = directory.path().join("begun");
    let source = r#"$LOGIN:mailbox("INBOX"):all():pipe { "sh", "-c", "echo $$ >> BEGUN; exec sleep 1000" }"#;
    let running = Script::new(&source.replace("BEGUN", begun.to_str().unwrap())).on(&server).spawn();
    while !fs::read_to_string(&begun).is_ok_and(|text| text.ends_with('\n')) {
        thread::sleep(Duration::from_millis(5));
    }
    running.signal("INT");
    assert_eq!(running.finish().status, Some(130));
    let program = fs::read_to_string(&begun).unwrap();
    assert_eq!(program.lines().count(), 1, "the second message has no program");
    assert!(!std::path::Path::new("/proc").join(program.trim()).exists());
}
