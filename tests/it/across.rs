//! Copies and moves to another account: byte for byte, with flags and dates, verified before anything is removed.

use crate::harness::Script;
use crate::mail::Mail;
use crate::output::Output;
use crate::proxy::Capability::{self, LiteralPlus, Move, Uidplus};
use crate::server::{Server, Tls};
use tempfile::TempDir;

/// Two accounts: where messages are, and where they go.
pub(crate) struct Pair {
    pub(crate) from: Server,
    pub(crate) to: Server,
}

/// Runs a body on pairs of servers of every kind, each alone able to do less in its own way.
macro_rules! on_pairs {
    ($name:ident, |$pair:ident| $body:block) => {
        mod $name {
            use super::*;

            fn body($pair: &Pair) $body

            fn pair(from: Server, to: Server) {
                body(&Pair { from, to });
            }

            #[test]
            fn in_the_sandbox() {
                pair(Server::sandbox(), Server::sandbox());
            }

            #[test]
            fn to_a_server_without_multiappend() {
                pair(Server::sandbox(), without(&["MULTIAPPEND"], &[]));
            }

            #[test]
            fn to_a_server_with_synchronising_literals() {
                pair(Server::sandbox(), without(&["LITERAL+"], &[LiteralPlus]));
            }

            #[test]
            fn to_a_server_without_multiappend_and_with_synchronising_literals() {
                pair(Server::sandbox(), without(&["LITERAL+", "MULTIAPPEND"], &[LiteralPlus]));
            }

            #[test]
            fn to_a_server_without_uidplus() {
                pair(Server::sandbox(), without(&["UIDPLUS"], &[Uidplus]));
            }

            #[test]
            fn to_a_server_without_uidplus_and_multiappend() {
                pair(Server::sandbox(), without(&["UIDPLUS", "MULTIAPPEND"], &[Uidplus]));
            }

            #[test]
            fn from_a_server_without_move_and_uidplus() {
                pair(without(&["MOVE", "UIDPLUS"], &[Move, Uidplus]), Server::sandbox());
            }

            #[test]
            fn from_dovecot_to_dovecot() {
                pair(Server::dovecot(Tls::Implicit), Server::dovecot(Tls::Implicit));
            }

            #[test]
            fn from_dovecot_to_dovecot_without_uidplus() {
                pair(Server::dovecot(Tls::Starttls), Server::dovecot_without(&[Uidplus]));
            }

            #[test]
            fn from_dovecot_to_dovecot_without_literal_plus() {
                pair(Server::dovecot(Tls::Implicit), Server::dovecot_without(&[LiteralPlus]));
            }

            #[test]
            fn from_dovecot_without_uidplus() {
                pair(Server::dovecot_without(&[Move, Uidplus]), Server::sandbox());
            }

            #[test]
            fn from_dovecot_to_the_sandbox() {
                pair(Server::dovecot(Tls::Implicit), Server::sandbox());
            }

            #[test]
            fn from_the_sandbox_to_dovecot() {
                pair(Server::sandbox(), Server::dovecot(Tls::Implicit));
            }
        }
    };
}

pub(crate) use on_pairs;

/// The embedded server without these capabilities. `hidden` are those among them that the harness knows.
pub(crate) fn without(names: &[&str], hidden: &[Capability]) -> Server {
    let without = names.iter().map(ToString::to_string).collect();
    let options = imapscript::sandbox::Options { without, ..Default::default() };
    let mut server = Server::sandbox_with(options);
    server.hidden = hidden.to_vec();
    server
}

impl Pair {
    pub(crate) fn script<'a>(&'a self, source: &str) -> Script<'a> {
        Script::new(source).on(&self.from).and(&self.to)
    }

    /// Checks that these messages are in a mailbox of the other account, with the same bytes, flags and dates.
    #[track_caller]
    fn arrived(&self, mailbox: &str, messages: &[Mail]) {
        let expected = Server::sandbox();
        expected.seed("Expected", messages);
        assert_eq!(self.to.snapshot().mailboxes[mailbox], expected.snapshot().mailboxes["Expected"]);
    }
}

fn mails() -> Vec<Mail> {
    vec![
        Mail::new("one").flag("\\Seen").flag("$Work").date("29-Feb-2020 23:59:58 +0000"),
        Mail::new("two")
            .flag("\\Flagged")
            .date("15-Mar-2024 10:00:00 +0000")
            .body(&"A line of text.\r\n".repeat(9000)),
        Mail::new("three").flag("\\Answered").flag("\\Draft").date("31-Dec-2023 00:00:00 +0000"),
        // The same twice is two messages.
        Mail::new("twice").date("15-Mar-2024 10:00:00 +0000"),
        Mail::new("twice").date("15-Mar-2024 10:00:00 +0000"),
    ]
}

on_pairs!(a_copy_to_another_account_is_the_message_itself, |pair| {
    pair.from.seed("INBOX", &mails());
    pair.to.seed("Other", &[Mail::new("already there")]);
    let output = pair
        .script(
            r#"
            local report = $LOGIN:mailbox("INBOX"):all():copy($OTHER:mailbox "New/Box")
            print(#report, report.target, #report.moved, report.moved.mailbox)
            local first = {}
            for message in report.moved:messages() do first[#first + 1] = message.subject end
            table.sort(first)
            print(table.concat(first, " "))
            "#,
        )
        .changes_nothing()
        .stderr("")
        .run();
    assert_eq!(
        output.stdout,
        "$USER@127.0.0.1: copied 5 messages from INBOX to $OTHER_USER@127.0.0.1: New/Box\n  \
         created mailbox $OTHER_USER@127.0.0.1: New/Box\n\
         5\t$OTHER_USER@127.0.0.1: New/Box\t5\tNew/Box\none three twice twice two\n"
    );
    pair.arrived("New/Box", &mails());
    assert_eq!(pair.to.snapshot().subjects("Other"), ["already there"]);
});

on_pairs!(promise_8_a_move_to_another_account_leaves_only_what_was_not_named, |pair| {
    pair.from.seed("INBOX", &mails());
    pair.from.seed("INBOX", &[Mail::new("stays").flag("\\Deleted"), Mail::new("other")]);
    pair.to.seed("Box", &mails()[..1]);
    let script = pair.script(
        r#"
        local found = $LOGIN:mailbox("INBOX"):search { subject = { "one", "two", "three", "twice" } }
        local report = found:move($OTHER:mailbox "Box")
        print(#report, #report.moved)
        "#,
    );
    script.holding(&[("5 messages", "INBOX")]).run();
    let arrived: Vec<_> = mails().into_iter().chain([mails().remove(0)]).collect();
    pair.arrived("Box", &arrived);
    let left = pair.from.snapshot();
    if pair.from.can_remove() {
        assert_eq!(left.subjects("INBOX"), ["other", "stays"]);
    } else {
        let marked = |flags: &[String]| flags.iter().any(|flag| flag == "\\Deleted");
        let unmarked: Vec<_> = left.mailboxes["INBOX"]
            .iter()
            .filter(|seen| !marked(&seen.flags))
            .map(|seen| &seen.subject)
            .collect();
        assert_eq!(unmarked, ["other"]);
    }
});

on_pairs!(rules_copy_and_move_to_other_accounts, |pair| {
    let mails = ["alpha", "beta", "gamma"].map(Mail::new);
    pair.from.seed("INBOX", &mails).seed("Here", &[]);
    let script = pair.script(
        r#"
        local other = $OTHER
        local done = rules($LOGIN:mailbox "INBOX") {
          { "both", where = { subject = "alpha", seen = false }, mark = "seen", copy = other:mailbox "Copies",
            move = "Here" },
          { "away", where = { subject = "beta", seen = false }, mark = "seen", move = other:mailbox "Away/${year}" },
          { "own", where = { subject = "gamma" }, copy = "Here" },
        }
        print(done.both.matched, #done.both.reports, done.away.matched, #done.away.reports, #done.own.reports)
        "#,
    );
    let held = [("1 message", "INBOX"), ("1 message", "INBOX")];
    let output = script.holding(&held).run();
    assert!(output.stdout.ends_with("1\t3\t1\t2\t1\n"), "{output}");
    let (here, there) = (pair.from.snapshot(), pair.to.snapshot());
    assert_eq!(here.subjects("Here"), ["alpha", "gamma"]);
    assert_eq!(there.subjects("Copies"), ["alpha"]);
    assert_eq!(there.subjects("Away/2024"), ["beta"]);
    for (mailbox, of) in [("Copies", &there), ("Away/2024", &there)] {
        assert_eq!(of.mailboxes[mailbox][0].flags, ["\\Seen"], "{mailbox}");
    }
    if pair.from.can_remove() {
        assert_eq!(here.subjects("INBOX"), ["gamma"]);
    }
});

#[test]
fn many_messages_go_in_batches() {
    let body = "0123456789abcde\r\n".repeat(128 * 1024);
    let mails: Vec<_> = (0..8)
        .map(|n| Mail::new(&format!("large {n}")).date("15-Mar-2024 10:00:00 +0000").body(&body))
        .chain((0..600).map(|n| Mail::new(&format!("small {n}")).date("15-Mar-2024 10:00:00 +0000")))
        .collect();
    for to in [Server::sandbox(), without(&["MULTIAPPEND"], &[]), without(&["UIDPLUS"], &[Uidplus])] {
        let pair = Pair { from: Server::sandbox(), to };
        pair.from.seed("INBOX", &mails);
        pair.script(r#"print(#$LOGIN:mailbox("INBOX"):all():move($OTHER:mailbox "Box", { limit = 608 }))"#)
            .stdout(
                "$USER@127.0.0.1: moved 608 messages from INBOX to $OTHER_USER@127.0.0.1: Box\n  \
                 created mailbox $OTHER_USER@127.0.0.1: Box\n608\n",
            )
            .stderr("")
            .mailbox("INBOX", &[])
            .run();
        pair.arrived("Box", &mails);
    }
}

/// A message with line ends that Dovecot does not leave as they are.
fn rewritten() -> Pair {
    let pair = Pair { from: Server::sandbox(), to: Server::dovecot(Tls::Implicit) };
    let raw = b"From: a@example.org\nSubject: odd\nMessage-ID: <odd@example.org>\n\nBare line ends.\n";
    pair.from.observe().append_raw("INBOX", raw, "\\Seen", "15-Mar-2024 10:00:00 +0000");
    pair.from.seed("INBOX", &[Mail::new("plain")]);
    pair
}

#[test]
fn promise_8_what_the_other_server_changes_stays_where_it_was() {
    let pair = rewritten();
    pair.script(r#"$LOGIN:mailbox("INBOX"):all():move($OTHER:mailbox "Box")"#)
        .status(8)
        .stdout(
            "$USER@127.0.0.1: moved 1 message from INBOX to $OTHER_USER@127.0.0.1: Box\n  \
             created mailbox $OTHER_USER@127.0.0.1: Box\n  \
             IN DOUBT 1 message (UID 1): there is a copy, but the server changed it: 85 bytes, not 80: the original \
             stays\n",
        )
        .stderr_contains("moved 1, failed 0, in doubt 1")
        .mailbox("INBOX", &["odd"])
        .run();
    assert_eq!(pair.to.snapshot().subjects("Box"), ["odd", "plain"]);
}

#[test]
fn what_the_other_server_changes_is_moved_where_the_script_accepts_it() {
    let pair = rewritten();
    pair.script(
        r#"
        local inbox, box = $LOGIN:mailbox "INBOX", $OTHER:mailbox "Box"
        inbox:search({ subject = "plain" }):move(box, { accept_rewritten = true })
        rules(inbox) { { "odd", where = { subject = "odd" }, move = box, accept_rewritten = true } }
        "#,
    )
    .stdout(
        "$USER@127.0.0.1: moved 1 message from INBOX to $OTHER_USER@127.0.0.1: Box\n  \
         created mailbox $OTHER_USER@127.0.0.1: Box\n\
         $USER@127.0.0.1: moved 1 message from INBOX to $OTHER_USER@127.0.0.1: Box (odd)\n",
    )
    .stderr("")
    .mailbox("INBOX", &[])
    .run();
    assert_eq!(pair.to.snapshot().subjects("Box"), ["odd", "plain"]);
}

#[test]
fn a_mailbox_of_the_same_account_is_no_other_accounts() {
    // Though the script has logged in twice.
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a")]);
    Script::new(r#"$LOGIN:mailbox("INBOX"):all():move($LOGIN:mailbox "Box")"#)
        .on(&server)
        .stdout("$USER@127.0.0.1: moved 1 message from INBOX to Box\n  created mailbox Box\n")
        .mailbox("INBOX", &[])
        .mailbox("Box", &["a"])
        .run();
}

#[test]
fn a_move_across_needs_the_permission_to_move_and_a_copy_that_to_copy() {
    let pair = Pair { from: Server::sandbox(), to: Server::sandbox() };
    pair.from.seed("INBOX", &[Mail::new("a")]);
    for (method, allowed) in [("move", "read,copy"), ("copy", "read,move")] {
        pair.script(&format!(r#"$LOGIN:mailbox("INBOX"):all():{method}($OTHER:mailbox "Box")"#))
            .options(&["--allow", allowed])
            .status(1)
            .stderr_contains(&format!("this run may not {method}"))
            .changes_nothing()
            .run();
    }
    assert!(pair.to.snapshot().subjects("INBOX").is_empty());
}

#[test]
fn a_mailbox_opened_for_reading_can_be_copied_from_but_not_moved() {
    let pair = Pair { from: Server::sandbox(), to: Server::sandbox() };
    pair.from.seed("INBOX", &[Mail::new("a")]);
    let output = pair
        .script(
            r#"
            local found = $LOGIN:examine("INBOX"):all()
            local ok, err = pcall(found.move, found, $OTHER:mailbox "Box")
            print(ok, err.message)
            err:ignore()
            print(#found:copy($OTHER:mailbox "Box"))
            "#,
        )
        .changes_nothing()
        .options(&["-q"])
        .run();
    assert_eq!(output.stdout, "false\tmailbox `INBOX` is read-only\n1\n");
    assert_eq!(pair.to.snapshot().subjects("Box"), ["a"]);
}

#[test]
fn options_and_targets_that_make_no_sense_are_refused() {
    let pair = Pair { from: Server::sandbox(), to: Server::sandbox() };
    pair.from.seed("INBOX", &[Mail::new("a")]);
    let output = pair
        .script(
            r#"
            local found, box = $LOGIN:mailbox("INBOX"):all(), $OTHER:mailbox "Box"
            for _, arguments in ipairs {
              { "Box", { accept_rewritten = true } }, { box, { accept = true } }, { box, { accept_rewritten = 1 } },
              { box, true }, { $OTHER }, { box, {}, 1 },
            } do
              local ok, err = pcall(found.move, found, table.unpack(arguments))
              print(ok, err.kind, err.message, err.hint)
              err:ignore()
            end
            "#,
        )
        .changes_nothing()
        .stderr("")
        .run();
    insta::assert_snapshot!(output.table(), @r#"
    false | script | `accept_rewritten` is for messages that go to another account | name the mailbox of the other account: `other:mailbox "Archive"`
    false | script | there is no option `accept` | there are `limit` and `accept_rewritten`
    false | script | `move` wants `accept_rewritten` as `true` or `false` but got 1 | nil
    false | script | `move` wants options such as `{ limit = 2000 }` but got a boolean | nil
    false | script | `move` wants a mailbox name but got a userdata | nil
    false | script | `move` got an integer too many | nil
    "#);
}

#[test]
fn promise_8_what_gmail_has_already_stays_where_it_was() {
    let pair = Pair { from: Server::sandbox(), to: Server::gmail() };
    let (known, new) = (Mail::new("known"), Mail::new("new").flag("\\Deleted"));
    pair.from.seed("INBOX", &[known.clone(), new, Mail::new("twice"), Mail::new("twice")]);
    pair.to.seed("Box", &[known]);
    let source = r#"$LOGIN:mailbox("INBOX"):search({ any = { { deleted = true }, { deleted = false } } }):move($OTHER:mailbox "Box")"#;
    let output = pair.script(source).status(8).mailbox("INBOX", &["known", "twice"]).run();
    insta::assert_snapshot!(output.stdout, @r"
    $USER@127.0.0.1: moved 2 messages from INBOX to $OTHER_USER@127.0.0.1: Box
      IN DOUBT 1 message (UID 1): there is a copy, but Gmail put it together with a message that it had before: the original stays
      IN DOUBT 1 message (UID 4): there is a copy, but the server put it together with another message: the original stays
    ");
    assert_eq!(pair.to.snapshot().subjects("Box"), ["known", "new", "twice"]);
    let accepting = source.replace("\"Box\")", "\"Box\", { accept_rewritten = true })");
    pair.script(&accepting).mailbox("INBOX", &[]).run();
    assert_eq!(pair.to.snapshot().subjects("Box"), ["known", "new", "twice"]);
}

#[test]
fn what_moves_away_from_gmail_is_in_its_trash_then() {
    let pair = Pair { from: Server::gmail(), to: Server::sandbox() };
    pair.from.seed("Box", &["a", "b"].map(Mail::new));
    pair.script(r#"$LOGIN:mailbox("Box"):search({ subject = "a" }):move($OTHER:mailbox "Box")"#)
        .stderr("")
        .mailbox("Box", &["b"])
        .mailbox("[Gmail]/Trash", &["a"])
        .mailbox("[Gmail]/All Mail", &["b"])
        .run();
    assert_eq!(pair.to.snapshot().subjects("Box"), ["a"]);
    pair.script(r#"$LOGIN:mailbox("@trash"):all():move($OTHER:mailbox "Box")"#)
        .status(1)
        .stderr_contains("messages in Gmail's Trash can't be moved to another account")
        .changes_nothing()
        .run();
}

/// Runs a script on both accounts, and takes it back.
fn run_and_undo(pair: &Pair, source: &str) -> Output {
    let home = TempDir::new().unwrap();
    let output = pair.script(source).home(home.path()).spawn().finish();
    assert!(matches!(output.status, Some(0 | 8)), "{output}");
    let undo = || Script::command(&["undo"]).on(&pair.from).home(home.path()).spawn().finish();
    let undone = undo();
    let again = undo();
    assert_eq!((again.status, again.stderr.as_str()), (Some(0), ""), "{again}");
    assert!(again.stdout.ends_with("nothing is left to undo\n"), "{again}");
    undone
}

on_pairs!(promise_15_what_went_to_another_account_comes_back, |pair| {
    pair.from.seed("INBOX", &mails()).seed("Rest", &[Mail::new("copied")]);
    pair.to.seed("Box", &[Mail::new("there")]).seed("Trash", &[]);
    let before = pair.from.snapshot();
    let output = run_and_undo(
        pair,
        r#"local from, to = $KEYED, $KEYED_OTHER
        from:mailbox("INBOX"):search({ subject = "t" }):move(to:mailbox "Box", { limit = 9 })
        from:mailbox("Rest"):all():copy(to:mailbox "Box")"#,
    );
    assert_eq!(pair.from.snapshot(), before, "{output}");
    let there = pair.to.snapshot();
    if pair.to.hidden.contains(&Uidplus) {
        // What moved back can only be marked there, and that is said.
        assert_eq!(output.status, Some(8), "{output}");
    } else {
        assert_eq!(output.status, Some(0), "{output}");
        assert_eq!(there.subjects("Box"), ["there"], "{output}");
    }
    assert!(there.subjects("Trash").contains(&"copied"), "{output}");
});

#[test]
fn what_moved_away_from_gmail_comes_back_from_its_trash() {
    let pair = Pair { from: Server::gmail(), to: Server::sandbox() };
    pair.from.seed("Box", &["a", "b"].map(Mail::new));
    pair.to.seed("Trash", &[]);
    let output = run_and_undo(
        &pair,
        r#"local from, to = $KEYED, $KEYED_OTHER
        from:mailbox("Box"):search({ subject = "a" }):move(to:mailbox "Box")"#,
    );
    assert_eq!(output.status, Some(0), "{output}");
    let here = pair.from.snapshot();
    assert_eq!((here.subjects("Box"), here.subjects("[Gmail]/Trash")), (vec!["a", "b"], vec![]), "{output}");
    let there = pair.to.snapshot();
    assert_eq!(there.subjects("Trash"), ["a"], "{output}");
}
