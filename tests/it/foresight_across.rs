//! A dry run sees what the real run sees, also of what goes to other accounts, into archives and out of them; and a plan
//! of it does the same.

use std::fs;

use tempfile::TempDir;

use crate::across::{Pair, on_pairs, without};
use crate::foresight::PROBE;
use crate::harness::Script;
use crate::mail::Mail;
use crate::output::Output;
use crate::proxy::Capability::{LiteralPlus, Move, Uidplus};
use crate::server::{Server, Tls};

/// Runs a script on `one` and `two`, dry and for real, and looks at all that there is in both.
#[track_caller]
fn foresees(pair: &Pair, source: &str) -> String {
    let home = TempDir::new().unwrap();
    let before = pair.to.snapshot();
    // What is in neither account yet, no server can look into.
    let probe = PROBE.replace("{ raw = \"BODY the\" },", "");
    let source = format!(
        "allow \"purge\"\nlimit(100)\nlocal one, two = $LOGIN, $OTHER\n{source}\nfor _, account in ipairs {{ one, two }} do\n{probe}\nend"
    );
    fs::write(home.path().join("there.mbox"), ARCHIVE).unwrap();
    let dry = pair.script(&source).options(&["-n", "-q"]).home(home.path()).changes_nothing().run();
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2, "a dry run writes nothing");
    assert_eq!(pair.to.snapshot(), before, "a dry run changes nothing");
    // Nothing that goes to another account leaves by `MOVE`.
    let removes = [&pair.from, &pair.to].iter().all(|server| !server.hidden.contains(&Uidplus));
    let status = if removes { 0 } else { 8 };
    let real = pair.script(&source).options(&["-q"]).home(home.path()).spawn().finish();
    assert!(real.status == Some(0) || real.status == Some(status), "{real}");
    let differing = dry.stdout.lines().zip(real.stdout.lines()).find(|(foreseen, seen)| foreseen != seen);
    assert!(dry.stdout == real.stdout, "foreseen and seen: {differing:#?}\n{dry}{real}");
    dry.stdout
}

fn fill(pair: &Pair) {
    pair.from
        .seed(
            "INBOX",
            &[
                Mail::new("one").from("ci@example.org").date("05-Mar-2020 10:00:00 +0000"),
                Mail::new("two").from("ci@example.org").flag("\\Flagged").body("what you get"),
                Mail::new("three").flag("\\Seen").flag("$Work"),
                Mail::new("four").from("Bob <bob@example.net>").flag("\\Seen \\Answered").body("the end"),
                Mail::new("gone").flag("\\Deleted"),
            ],
        )
        .seed("Old", &[Mail::new("old"), Mail::new("older").flag("\\Seen")])
        .seed("Trash", &[]);
    pair.to.seed("INBOX", &[Mail::new("other")]).seed("Box", &[Mail::new("box")]).seed("Trash", &[]);
}

/// Messages go there, on, back, and there again.
const WAYS: &str = r#"
    local inbox, box = one:mailbox "INBOX", two:mailbox "Box"
    local copied = inbox:search({ from = "ci@" }):copy(box)
    print(#copied, copied.target, copied.moved and #copied.moved)
    box:search({ from = "ci@" }):mark("seen", "$Saved")
    print(#box:search({ from = "ci@", seen = true }), two:status("Box").messages, two:status("Box").unseen)
    local moved = inbox:search({ subject = "three" }):move(two:mailbox "New/Deep")
    print(#moved, moved.target, #moved.moved, #two:mailbox("New/Deep"):search { keyword = "$Work" })
    for message in moved.moved:messages { "text" } do print(message.subject, #message:text(), message.received) end
    moved.moved:copy "Box"
    two:mailbox("New/Deep"):all():move(one:mailbox "Back")
    print(#one:mailbox("Back"):search { keyword = "$Work" }, #two:mailbox("New/Deep"):all())
    one:mailbox("Back"):all():mark "flagged"
    print(#one:mailbox("Back"):search { flagged = true })
    inbox:append("Subject: new\r\n\r\nyou\r\n", { date = "2024-02-29T10:00:00+00:00" })
    inbox:search({ subject = "new" }):copy(two:mailbox "INBOX")
    print(#two:mailbox("INBOX"):search { body = "you" })
    local done = rules(inbox) {
      { "a", where = { subject = "two" }, mark = "$Work", copy = two:mailbox "Copies", trash = true },
      { "b", where = { answered = true }, move = two:mailbox "People/Bob" },
    }
    print(done.a.matched, #done.a.reports, done.b.matched)
"#;

on_pairs!(what_goes_to_another_account_is_foreseen, |pair| {
    fill(pair);
    foresees(pair, WAYS);
});

/// Messages are archived, and restored.
const ARCHIVES: &str = r#"
    local old, new = one:mailbox "Old", two:mailbox "New"
    local purged = old:search({ seen = true }):purge { archive = "old.mbox" }
    print(#purged, #old:all(), one:status("Old").messages)
    local report = new:restore "old.mbox"
    print(report.action, #report, report.moved and #report.moved, #new:search { seen = true })
    old:all():move(two:mailbox "New")
    print(#new:restore "there.mbox", #new:search { from = "ann@" }, #new:search { body = "hello" })
    print(#new:restore("there.mbox").skipped)
    new:search({ subject = "kept" }):mark "flagged"
    for message in new:search({ flagged = true }):messages { "raw" } do print(message.subject, #message:raw()) end
    one:mailbox("INBOX"):search({ flagged = true }):purge { archive = "there.mbox" }
"#;

const ARCHIVE: &str = "From ann@example.org Thu Feb 29 10:00:00 2024\nFrom: ann@example.org\nSubject: kept\n\
    Message-ID: <kept@x>\n\nhello\n\nFrom bob@example.org Thu Feb 29 10:00:00 2024\nSubject: another\n\nworld\n";

on_pairs!(what_is_archived_and_restored_is_foreseen, |pair| {
    fill(pair);
    foresees(pair, ARCHIVES);
});

/// Pairs of servers that can do more or less; two calls give two pairs.
const PAIRS: [fn() -> Pair; 6] = [
    || Pair { from: Server::sandbox(), to: Server::sandbox() },
    || Pair { from: Server::dovecot(Tls::Implicit), to: Server::dovecot(Tls::None) },
    || Pair { from: without(&["MOVE"], &[Move]), to: without(&["UIDPLUS"], &[Uidplus]) },
    || Pair { from: without(&["MOVE", "UIDPLUS"], &[Move, Uidplus]), to: Server::sandbox() },
    || Pair { from: Server::dovecot_without(&[Move]), to: Server::dovecot_without(&[Uidplus]) },
    || Pair { from: Server::dovecot_without(&[Move, Uidplus]), to: Server::sandbox() },
];

fn run(pair: &Pair, home: &TempDir, words: &[&str], source: &str) -> Output {
    Script::command(words).script(source).on(&pair.from).and(&pair.to).home(home.path()).spawn().finish()
}

#[test]
fn promise_19_a_plan_to_another_account_does_what_the_script_does() {
    for source in [WAYS, ARCHIVES] {
        for make in PAIRS {
            let source =
                format!("allow \"purge\"\nlimit(100)\nlocal one, two = $KEYED, $KEYED_OTHER\n{source}");
            let (planned, direct) = (make(), make());
            let [home, other] = [TempDir::new().unwrap(), TempDir::new().unwrap()];
            for (pair, home) in [(&planned, &home), (&direct, &other)] {
                fill(pair);
                fs::write(home.path().join("there.mbox"), ARCHIVE).unwrap();
            }
            let before = [planned.from.snapshot(), planned.to.snapshot()];
            let plan = run(&planned, &home, &["plan", "-o", "plan.json", "script.lua"], &source);
            assert_eq!(plan.status, Some(0), "{plan}");
            assert_eq!([planned.from.snapshot(), planned.to.snapshot()], before, "{plan}");
            let applied = run(&planned, &home, &["apply", "plan.json", "--limit", "100"], "");
            let ran = direct.script(&source).home(other.path()).spawn().finish();
            assert_eq!(applied.status, ran.status, "{plan}{applied}{ran}");
            let after = [planned.from.snapshot(), planned.to.snapshot()];
            assert_eq!(after, [direct.from.snapshot(), direct.to.snapshot()], "{plan}{applied}{ran}");
            let again = run(&planned, &home, &["apply", "plan.json", "--limit", "100"], "");
            assert_eq!(again.status, Some(0), "{again}");
            assert_eq!([planned.from.snapshot(), planned.to.snapshot()], after, "{again}");
        }
    }
}

#[test]
fn gmail_is_foreseen_on_either_side() {
    let pair = Pair { from: Server::gmail(), to: Server::sandbox() };
    pair.from.seed("INBOX", &["one", "two", "three"].map(Mail::new));
    pair.to.seed("INBOX", &[Mail::new("other")]).seed("Box", &[]);
    let source = r#"
        local inbox = one:mailbox "INBOX"
        inbox:search({ subject = "one" }):move(two:mailbox "Box")
        inbox:search({ subject = "two" }):copy(two:mailbox "Box")
        print(#inbox:all(), #one:mailbox("@trash"):all(), #one:mailbox("@all"):all(), #two:mailbox("Box"):all())
        two:mailbox("INBOX"):all():move(one:mailbox "Work")
        print(#one:mailbox("Work"):all(), #one:mailbox("@all"):all())
        one:mailbox("Work"):all():label "More"
        for message in one:mailbox("More"):all():messages() do print(message.subject, #message.labels) end
        one:mailbox("Work"):search({ subject = "other" }):mark "flagged"
        one:mailbox("@trash"):all():purge { archive = "old.mbox" }
        print(#one:mailbox("@trash"):all(), #one:mailbox("@all"):all())
        one:mailbox("Work"):restore "old.mbox""#;
    foresees(&pair, source);
}

#[test]
fn a_message_that_is_another_in_the_archive_now_is_not_restored() {
    let pair = PAIRS[0]();
    fill(&pair);
    let home = TempDir::new().unwrap();
    let archive = home.path().join("there.mbox");
    fs::write(&archive, ARCHIVE).unwrap();
    let source = r#"$KEYED:mailbox("Old"):restore "there.mbox""#;
    assert_eq!(run(&pair, &home, &["plan", "-o", "plan.json", "script.lua"], source).status, Some(0));
    fs::write(&archive, ARCHIVE.replace("kept@x", "other@x") + "\n" + &ARCHIVE.replace("kept@x", "more@x"))
        .unwrap();
    let applied = run(&pair, &home, &["apply", "plan.json"], "");
    assert_eq!(applied.status, Some(0), "{applied}");
    assert_eq!(
        applied.stdout,
        "$USER@127.0.0.1: restored 1 message from $DIR/there.mbox to Old\n  \
         skipped 1 message (number 1): left alone: it is not what the plan says\n"
    );
    assert_eq!(pair.from.snapshot().subjects("Old"), ["another", "old", "older"]);
}

#[test]
fn an_archive_that_could_not_be_written_is_foreseen() {
    let pair = PAIRS[0]();
    fill(&pair);
    for (path, said) in
        [("no/such.mbox", "in a directory that does not exist"), ("script.lua", "is no mbox file")]
    {
        let source = format!(r#"allow "purge"; $LOGIN:mailbox("Old"):all():purge {{ archive = "{path}" }}"#);
        pair.script(&source).options(&["-n"]).status(3).stderr_contains(said).changes_nothing().run();
    }
}
