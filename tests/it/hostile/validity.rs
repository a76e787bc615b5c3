//! UIDs that lost their meaning, and mailboxes and flags that can't be written: an error before the first write.

use super::{Case, Ended, MOVES, SEARCH};
use crate::scripted::Scripted;

const MOVE: &str = r#"$LOGIN:mailbox("INBOX"):all():move("Archive")"#;

/// What opening INBOX answers, with some lines in place of UIDVALIDITY, and this end.
fn opening(lines: &str, end: &str) -> String {
    format!(
        "* FLAGS (\\Seen \\Deleted)\r\n* 3 EXISTS\r\n* 0 RECENT\r\n{lines}* OK [UIDNEXT 4] next\r\n{{tag}} OK {end}\r\n"
    )
}

/// Every way to act on messages.
const ACTIONS: [&str; 5] =
    [r#"move("Archive")"#, r#"copy("Archive")"#, "trash()", r#"mark("seen")"#, r#"unmark("seen")"#];

fn acting(action: &str, select: &str) -> Case {
    let scripted = Scripted::new().capabilities(MOVES).greet().serve().on("SELECT", select);
    Case::new(scripted).script(&format!(r#"$LOGIN:mailbox("INBOX"):all():{action}"#))
}

impl Ended {
    #[track_caller]
    fn never_left(self, verbs: &[&str]) -> Self {
        for verb in verbs {
            assert!(!self.got(verb), "{verb} of {}", self.output);
        }
        self
    }
}

#[test]
fn promise_4_uidvalidity_changed_between_search_and_action() {
    for action in ACTIONS {
        acting(action, &opening("* OK [UIDVALIDITY 9] x\r\n", "[READ-WRITE] x"))
            .fails(
                6,
                "mailbox `INBOX` was rebuilt on the server (UIDVALIDITY was 7, now is 9): the messages found before \
                 can't be told any more",
            )
            .hinting("hint: nothing was changed; search again");
    }
}

#[test]
fn uidvalidity_changed_between_search_and_reading() {
    let script = r#"
        local found = $LOGIN:mailbox("INBOX"):all()
        for message in found:messages() do print(message.subject) end
    "#;
    let scripted = Scripted::new()
        .greet()
        .serve()
        .interject_in("UID FETCH", "* OK [UIDVALIDITY 9] rebuilt under your feet\r\n");
    Case::new(scripted)
        .script(script)
        .run(6)
        .printing("")
        .said_like("mailbox `INBOX` was rebuilt on the server");
}

#[test]
fn promise_4_uidvalidity_missing_or_zero() {
    for lines in [
        "",
        "* OK [UIDVALIDITY 0] x\r\n",
        "* OK [UIDVALIDITY] x\r\n",
        "* OK [UIDVALIDITY x] x\r\n",
        "* OK [UIDVALIDITY 4294967296] x\r\n",
        "* OK [UIDVALIDITY -1] x\r\n",
    ] {
        for action in ACTIONS {
            let opened = opening(lines, "opened");
            let scripted = Scripted::new().capabilities(MOVES).greet().serve();
            let scripted = scripted.on("SELECT", &opened).on("EXAMINE", &opened);
            Case::new(scripted).script(&format!(r#"$LOGIN:mailbox("INBOX"):all():{action}"#)).fails(
                6,
                "the server gives no UIDVALIDITY for mailbox `INBOX`: its messages can be read but not changed",
            );
        }
    }
}

#[test]
fn without_uidvalidity_messages_can_be_read() {
    let scripted = Scripted::new().greet().serve().on("EXAMINE", opening("", "[READ-ONLY] x"));
    Case::new(scripted).prints("3\n");
    let scripted = Scripted::new().greet().serve().on("EXAMINE", opening("", "[READ-ONLY] x"));
    let script = r#"for message in $LOGIN:mailbox("INBOX"):all():messages() do print(message.subject) end"#;
    Case::new(scripted).script(script).prints("Canned 1\nCanned 2\nCanned 3\n");
}

#[test]
fn a_read_only_mailbox() {
    let select = opening("* OK [UIDVALIDITY 7] x\r\n", "[READ-ONLY] opened");
    for action in ACTIONS {
        acting(action, &select)
            .fails(6, "mailbox `INBOX` is read-only")
            .hinting("hint: it may be a shared mailbox without write permission");
    }
}

#[test]
fn a_mailbox_opened_with_examine() {
    let scripted = Scripted::new().capabilities(MOVES).greet().serve();
    Case::new(scripted)
        .script(r#"$LOGIN:examine("INBOX"):all():move("Archive")"#)
        .fails(6, "mailbox `INBOX` is read-only")
        .never_left(&["SELECT"]);
}

#[test]
fn a_mailbox_that_becomes_read_only_on_the_way() {
    let scripted = Scripted::new().capabilities(MOVES).greet().serve();
    let scripted = scripted.interject_in("UID FETCH", "* OK [READ-ONLY] locked by another\r\n");
    Case::new(scripted).script(MOVE).fails(6, "mailbox `INBOX` is read-only");
}

#[test]
fn a_flag_that_the_mailbox_does_not_keep() {
    let kept = |flags: &str| {
        opening(&format!("* OK [UIDVALIDITY 7] x\r\n* OK [PERMANENTFLAGS ({flags})] x\r\n"), "[READ-WRITE] x")
    };
    acting(r#"mark("flagged")"#, &kept("\\Seen \\Deleted"))
        .fails(6, "mailbox `INBOX` does not keep the flag `\\Flagged`")
        .hinting("hint: the server would forget it");
    acting(r#"mark("seen", "$Later")"#, &kept("\\Seen $Other"))
        .fails(6, "mailbox `INBOX` does not keep the flag `$Later`");
    acting(r#"unmark("seen")"#, &kept("")).fails(6, "mailbox `INBOX` does not keep the flag `\\Seen`");
    acting(r#"mark("$other")"#, &kept("\\Seen $Other")).changes().run(0);
    acting(r#"mark("$Later")"#, &kept("\\*")).changes().run(0);
}

#[test]
fn a_deleted_flag_that_the_mailbox_does_not_keep() {
    // Without MOVE the originals could not be removed: nothing is copied either.
    let select = opening("* OK [UIDVALIDITY 7] x\r\n* OK [PERMANENTFLAGS (\\Seen)] x\r\n", "[READ-WRITE] x");
    let scripted = Scripted::new().capabilities("IMAP4rev1 UIDPLUS").greet().serve().on("SELECT", select);
    Case::new(scripted).script(MOVE).fails(6, "mailbox `INBOX` does not keep the flag `\\Deleted`");
}

#[test]
fn a_store_that_is_refused_or_cut() {
    let marking = |scripted: Scripted| {
        Case::new(scripted).script(r#"$LOGIN:mailbox("INBOX"):all():mark("flagged")"#).changes()
    };
    let start = || Scripted::new().greet();
    marking(start().serve().on("UID STORE", "{tag} NO [NOPERM] not yours\r\n"))
        .fails(8, "marked 0, failed 3, in doubt 0: the server refused UID STORE: NO not yours");
    marking(start().serve_until("UID STORE")).fails(
        8,
        "marked 0, failed 0, in doubt 3: the connection broke before the server answered (the connection was lost: \
         the server hung up)",
    );
}

#[test]
fn a_mailbox_that_cant_be_opened_for_writing() {
    let scripted =
        Scripted::new().capabilities(MOVES).greet().serve().on("SELECT", "{tag} NO [NOPERM] no\r\n");
    Case::new(scripted).script(MOVE).fails(6, "the server refused SELECT: NO no");
    // The search alone needs no more than reading.
    let scripted = Scripted::new().greet().serve().on("SELECT", "{tag} NO [NOPERM] no\r\n");
    Case::new(scripted).script(SEARCH).prints("3\n");
}
