//! The example scripts that are about one thing each.

use std::fmt::Write as _;

use crate::harness::Script;
use crate::mail::Mail;
use crate::server::Server;

/// Runs a script on the sample mail.
fn on_sample(source: &'static str, arguments: &[&str]) -> String {
    let output = Script::new(source).options(&["--sandbox"]).args(arguments).run();
    output.stdout
}

/// Makes a script log in on the test's own server, with the password in its environment.
pub(crate) fn on_server<'a>(source: &str, server: &'a Server, arguments: &[&str]) -> Script<'a> {
    let begin = source.find("login {").unwrap();
    let end = begin + source[begin..].find("\n}\n").unwrap() + 2;
    let mut text = String::from(&source[..begin]);
    write!(text, "$LOGIN{}", &source[end..]).unwrap();
    let mut all = vec!["", ""];
    all.extend_from_slice(arguments);
    Script::new(&text).on(server).args(&all)
}

#[test]
fn newsletters() {
    insta::assert_snapshot!(on_sample(include_str!("../../scripts/newsletters.lua"), &[]), @"
    me@example.org: moved 12 messages from INBOX to Newsletters (read newsletters)
      created mailbox Newsletters
    ");
}

#[test]
fn lists() {
    insta::assert_snapshot!(on_sample(include_str!("../../scripts/lists.lua"), &[]), @"
    me@example.org: moved 3 messages from INBOX to Lists/borrow-report.lists.example (lists)
      created mailbox Lists/borrow-report.lists.example
    me@example.org: moved 3 messages from INBOX to Lists/friends.bikes.example (lists)
      created mailbox Lists/friends.bikes.example
    me@example.org: moved 2 messages from INBOX to Lists/neues.bibliothek.example (lists)
      created mailbox Lists/neues.bibliothek.example
    me@example.org: moved 3 messages from INBOX to Lists/notes.nightsky.example (lists)
      created mailbox Lists/notes.nightsky.example
    me@example.org: moved 4 messages from INBOX to Lists/weekly.crumbclub.example (lists)
      created mailbox Lists/weekly.crumbclub.example
    ");
}

#[test]
fn big_attachments() {
    insta::assert_snapshot!(on_sample(include_str!("../../scripts/big-attachments.lua"), &[]), @"
       247.0 kB  billing@kiosk-hosting.example  invoice-2192.pdf
       247.0 kB  billing@kiosk-hosting.example  invoice-2197.pdf
        66.3 kB  mina@example.org  talk-draft.pdf
    me@example.org: saved 3 attachments of 3 messages from INBOX to attachments
      created directory attachments
    me@example.org: marked 3 messages in INBOX: $Saved
    ");
}

#[test]
fn subject_tags() {
    insta::assert_snapshot!(on_sample(include_str!("../../scripts/subject-tags.lua"), &[]), @"
    me@example.org: moved 2 messages from INBOX to Tags/alert (tags)
      created mailbox Tags/alert
    me@example.org: moved 14 messages from INBOX to Tags/build (tags)
      created mailbox Tags/build
    me@example.org: moved 2 messages from INBOX to Tags/resolved (tags)
      created mailbox Tags/resolved
    ");
}

#[test]
fn mute_thread() {
    let source = include_str!("../../scripts/mute-thread.lua");
    insta::assert_snapshot!(on_sample(source, &["imap.example.org", "me@example.org", "Sunday hike"]), @r"
    me@example.org: marked 2 messages in INBOX: $Muted
    me@example.org: marked 2 messages in INBOX: \Seen $Muted (muted)
    me@example.org: moved 2 messages from INBOX to Archive (muted)
    ");
    let server = Server::sandbox();
    server.seed("Archive", &[]);
    on_server(source, &server, &[]).stdout("").stderr("info: nothing is muted\n").run();
}

#[test]
fn spam() {
    let source = include_str!("../../scripts/spam.lua");
    let arguments = ["imap.example.org", "me@example.org", "sh", "-c", "! grep -q rye"];
    insta::assert_snapshot!(on_sample(source, &arguments), @"
    me@example.org: marked 1 message in INBOX: $Judged (spam)
    me@example.org: moved 1 message from INBOX to Junk (spam)
      1 of them without a second look: bodies, attachments and functions are not asked again
    me@example.org: marked 14 messages in INBOX: $Judged (judged)
    ");
    let server = Server::sandbox();
    server
        .seed("INBOX", &[Mail::new("new").date(&recently()), Mail::new("rye").date(&recently())])
        .seed("Junk", &[]);
    // A program that fails leaves everything alone.
    on_server(source, &server, &["sh", "-c", "exit 64"])
        .changes_nothing()
        .status(1)
        .stderr_contains("rule `spam` failed on message 1 of INBOX: new: ")
        .stderr_contains("sh ended with code 64")
        .run();
    on_server(source, &server, &["no-such-program"])
        .changes_nothing()
        .status(1)
        .stderr_contains("the program `no-such-program` can't be run")
        .run();
    on_server(source, &server, &["sh", "-c", "! grep -q rye"]).mailbox("Junk", &["rye"]).run();
    // The second run asks about nothing, and does nothing.
    on_server(source, &server, &["no-such-program"]).changes_nothing().stdout("").run();
}

/// An hour ago, as IMAP writes it.
fn recently() -> String {
    let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    then.strftime("%d-%b-%Y %H:%M:%S +0000").to_string()
}

#[test]
fn duplicates() {
    let server = Server::sandbox();
    let mail = |day: u8, body: &str| {
        Mail::new("twice")
            .body(body)
            .date(&format!("{day:02}-Mar-2024 10:00:00 +0000"))
            .header("Received", "by a relay")
    };
    server.seed(
        "INBOX",
        &[
            mail(5, "the same"),
            mail(2, "the same").flag("\\Seen"),
            mail(3, "not the same"),
            mail(4, "the same"),
            Mail::new("once"),
        ],
    );
    server.seed("Trash", &[]);
    let source = include_str!("../../scripts/duplicates.lua");
    on_server(source, &server, &[])
        .loses_nothing()
        .stdout(
            "twice: 4 is a copy of 2\ntwice: 1 is a copy of 2\n\
             $USER@127.0.0.1: trashed 2 messages from INBOX to Trash\n",
        )
        .mailbox("INBOX", &["twice", "twice", "once"])
        .mailbox("Trash", &["twice", "twice"])
        .run();
    on_server(source, &server, &[]).changes_nothing().stdout("").run();
}

#[test]
fn senders() {
    let server = Server::sandbox();
    server.seed(
        "INBOX",
        &[
            Mail::new("friend").from("Rosa <ROSA@shop.example>"),
            Mail::new("shop").from("news@shop.example"),
            Mail::new("sub").from("news@sub.shop.example"),
            Mail::new("one").from("\"news@shop.example\" <bad@other.example>"),
        ],
    );
    server.seed("Junk", &[]);
    let source = include_str!("../../scripts/senders.lua");
    let directory = tempfile::tempdir().unwrap();
    let (allow, block) = (directory.path().join("allow"), directory.path().join("block"));
    std::fs::write(&allow, "# friends\n\nrosa@shop.example  # always\n").unwrap();
    std::fs::write(&block, "@shop.example\nbad@other.example\n").unwrap();
    let arguments = [allow.to_str().unwrap(), block.to_str().unwrap()];
    on_server(source, &server, &arguments)
        .loses_nothing()
        .mailbox("INBOX", &["friend", "sub"])
        .mailbox("Junk", &["shop", "one"])
        .run();
    on_server(source, &server, &arguments).changes_nothing().stdout("").run();
    on_server(source, &server, &["/no/such/file"])
        .changes_nothing()
        .status(1)
        .stderr_contains("/no/such/file")
        .run();
}

#[test]
fn save_bills() {
    let source = include_str!("../../scripts/save-bills.lua");
    let now = "2024-12-31T12:00:00Z".parse().unwrap();
    let options = imapscript::sandbox::Options { sample: true, now, ..Default::default() };
    let sandbox = imapscript::sandbox::Sandbox::start(options).unwrap();
    let address = format!("--sandbox={}", sandbox.address());
    let output = Script::new(source).options(&[&address]).run();
    insta::assert_snapshot!(output.stdout, @"
    me@example.org: saved 1 attachment of 1 message from INBOX to bills-2020 (bills)
      created directory bills-2020
    me@example.org: saved 1 attachment of 1 message from INBOX to bills-2021 (bills)
      created directory bills-2021
    me@example.org: saved 1 attachment of 1 message from INBOX to bills-2022 (bills)
      created directory bills-2022
    me@example.org: saved 1 attachment of 1 message from INBOX to bills-2023 (bills)
      created directory bills-2023
    me@example.org: saved 7 attachments of 7 messages from INBOX to bills-2024 (bills)
      created directory bills-2024
    me@example.org: marked 11 messages in INBOX: $Saved (bills)
    ");
    // What is saved is marked, and not saved again.
    let again = Script::new(source).options(&[&address]).run();
    assert_eq!(again.stdout, "");
}
