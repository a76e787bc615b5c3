//! The example scripts, each as a person would try it.

use crate::harness::Script;
use crate::mail::Mail;
use crate::observer::Observer;
use crate::server::{Server, Tls};
use imapscript::sandbox::{Options, Sandbox};
use std::collections::BTreeMap;

/// A script on the sandbox, as the README has it.
fn on_sandbox(source: &'static str) -> Script<'static> {
    let note = "sandbox: every account of the script is served by sample mail; no real server is contacted\n";
    Script::new(source).options(&["--sandbox"]).stderr(note)
}

#[test]
fn cleanup() {
    let output = on_sandbox(include_str!("../../scripts/cleanup.lua")).run();
    insta::assert_snapshot!(output.stdout, @"
    me@example.org: moved 18 messages from INBOX to CI (build noise)
      created mailbox CI
    me@example.org: moved 10 messages from INBOX to Archive (newsletters)
    me@example.org: marked 1 message in INBOX: review (big and old)
    me@example.org: purged 7 messages from Trash
    ");
}

#[test]
fn retention() {
    let note = "sandbox: every account of the script is served by sample mail; no real server is contacted\n\
                info: there is no mailbox Newsletters\n";
    let output =
        Script::new(include_str!("../../scripts/retention.lua")).options(&["--sandbox"]).stderr(note).run();
    insta::assert_snapshot!(output.stdout, @"
    me@example.org: trashed 3 messages from Junk to Trash
    me@example.org: trashed 4 messages from Archive to Trash
    ");
}

#[test]
fn top_senders() {
    let output = on_sandbox(include_str!("../../scripts/top-senders.lua")).run();
    insta::assert_snapshot!(output.stdout, @"
    532.4 kB    11 messages  billing@kiosk-hosting.example
     67.6 kB     3 messages  mina@example.org
     10.5 kB    21 messages  ci@example.org
      5.7 kB     5 messages  hello@crumbclub.example
      4.8 kB     4 messages  news@borrow-report.example
      4.6 kB     4 messages  notes@nightsky.example
      4.5 kB     4 messages  kitchen@bikes.example
      4.1 kB     3 messages  buecher@bibliothek.example
      2.6 kB     6 messages  alerts@status.example
      2.1 kB     3 messages  tickets@rail.example
    ");
}

#[test]
fn archive_by_year() {
    // A sandbox whose sample mail ends with 2024: all its years are past for ever.
    let now = "2024-12-31T12:00:00Z".parse().unwrap();
    let sandbox = Sandbox::start(Options { sample: true, now, ..Options::default() }).unwrap();
    let output = Script::new(include_str!("../../scripts/archive-by-year.lua"))
        .options(&["-q", &format!("--sandbox={}", sandbox.address())])
        .stderr("")
        .run();
    assert_eq!(output.stdout, "");
    let output = Script::new(include_str!("../../scripts/archive-by-year.lua"))
        .options(&[&format!("--sandbox={}", sandbox.address())])
        .args(&["imap.example.org", "somebody-else"])
        .run();
    insta::assert_snapshot!(output.stdout, @"
    somebody-else@imap.example.org: moved 58 messages from INBOX to Archive/2024
      created mailbox Archive/2024
    somebody-else@imap.example.org: moved 3 messages from INBOX to Archive/2023
      created mailbox Archive/2023
    somebody-else@imap.example.org: moved 2 messages from INBOX to Archive/2022
      created mailbox Archive/2022
    somebody-else@imap.example.org: moved 2 messages from INBOX to Archive/2021
      created mailbox Archive/2021
    somebody-else@imap.example.org: moved 3 messages from INBOX to Archive/2020
      created mailbox Archive/2020
    ");
}

/// Subjects and flags by mailbox.
fn contents(observer: &mut Observer) -> BTreeMap<String, Vec<(String, Vec<String>)>> {
    let told = |mailbox: Vec<crate::snapshot::Seen>| {
        let mut all: Vec<_> = mailbox.into_iter().map(|message| (message.subject, message.flags)).collect();
        all.sort();
        all
    };
    observer.snapshot().mailboxes.into_iter().map(|(name, messages)| (name, told(messages))).collect()
}

#[test]
fn cleanup_does_on_dovecot_what_it_does_on_the_sandbox() {
    const CLEANUP: &str = include_str!("../../scripts/cleanup.lua");
    let sandbox = Sandbox::start(Options { sample: true, ..Options::default() }).unwrap();
    let dovecot = Server::dovecot(Tls::Implicit);
    // The store that the sandbox gives to this account, whatever server it names.
    let store = format!("{} 127.0.0.1:{}", dovecot.user, dovecot.address.port());
    let mut observer = dovecot.observe();
    dovecot.seed_as(&sandbox, &store);
    let run = |options: &[&str]| {
        let arguments = ["$HOST", "$USER", "$PORT", "$CA"];
        let script = Script::new(CLEANUP).on(&dovecot).args(&arguments).env("IMAP_PASSWORD", "$PASSWORD");
        script.options(options).run()
    };
    let there = run(&[]);
    assert_eq!(there.stderr, "");
    let here = run(&[&format!("--sandbox={}", sandbox.address())]);
    assert_eq!(there.stdout, here.stdout);
    insta::assert_snapshot!(there.stdout, @"
    $USER@127.0.0.1: moved 18 messages from INBOX to CI (build noise)
      created mailbox CI
    $USER@127.0.0.1: moved 10 messages from INBOX to Archive (newsletters)
    $USER@127.0.0.1: marked 1 message in INBOX: review (big and old)
    $USER@127.0.0.1: purged 7 messages from Trash
    ");
    let mut sandboxed = Observer::login(sandbox.address(), &store, "any");
    assert_eq!(contents(&mut observer), contents(&mut sandboxed));
    // What was moved matches no longer; the mark is set once more.
    assert_eq!(run(&[]).stdout, "$USER@127.0.0.1: marked 1 message in INBOX: review (big and old)\n");
}

#[test]
fn an_empty_inbox_is_nothing_to_do() {
    let server = Server::dovecot(Tls::Implicit);
    server.seed("Archive", &[Mail::new("old")]);
    for script in [include_str!("../../scripts/cleanup.lua"), include_str!("../../scripts/top-senders.lua")] {
        let source = script.replace("password = secret", "ca_file = '$CA', port = $PORT, password = secret");
        let source = source.replace("  port = math.tointeger(arg[3]),\n  ca_file = arg[4],\n", "");
        Script::new(&source)
            .on(&server)
            .args(&["$HOST", "$USER"])
            .env("IMAP_PASSWORD", "$PASSWORD")
            .changes_nothing()
            .stdout("")
            .stderr("")
            .run();
    }
}
