//! What a second pair of eyes found.

use crate::{
    harness::Script,
    scripted::Scripted,
    server::{Server, Tls},
};
use std::io::{BufRead, BufReader, Write};

#[test]
fn without_namespaces_the_delimiter_is_what_the_root_says() {
    let server = Scripted::new()
        .greet()
        .serve()
        .on("NAMESPACE", "{tag} BAD unknown\r\n")
        .on("LIST", "* LIST (\\Noselect) \".\" \"\"\r\n{tag} OK done\r\n")
        .start();
    Script::new("$LOGIN:create(\"a/b\")")
        .on(&Server::at(server.address, Tls::None))
        .stdout("$USER@127.0.0.1: created a/b\n")
        .stderr("")
        .run();
    let commands: Vec<String> = server.finish().into_iter().map(|command| command.text).collect();
    assert!(commands.iter().any(|command| command.ends_with(" CREATE \"a.b\"")), "{commands:?}");
}

#[test]
fn keys_that_must_all_match_need_no_parentheses() {
    let server = Scripted::new().greet().serve().start();
    Script::new("print(#$LOGIN:mailbox(\"INBOX\"):search { body = \"Canned\", larger_than = 1 })")
        .on(&Server::at(server.address, Tls::None))
        .stdout("3\n")
        .stderr("")
        .run();
    let commands: Vec<String> = server.finish().into_iter().map(|command| command.text).collect();
    let searched =
        commands.iter().any(|command| command.ends_with(" UID SEARCH UNDELETED BODY \"Canned\" LARGER 1"));
    assert!(searched, "{commands:?}");
}

/// Runs a script on a scripted server and gives the commands that it sent.
fn sent(server: Scripted, source: &str, status: i32, stdout: &str) -> Vec<String> {
    let server = server.start();
    Script::new(source).on(&Server::at(server.address, Tls::None)).status(status).stdout(stdout).run();
    let commands = server.finish().into_iter().map(|command| command.text);
    commands.map(|command| command.split_once(' ').unwrap_or_default().1.to_owned()).collect()
}

const MOVE_ALL: &str = "$LOGIN:mailbox(\"INBOX\"):all():move(\"Archive\")";

fn has(commands: &[String], verb: &str) -> bool {
    commands.iter().any(|command| command.starts_with(verb))
}

#[test]
fn one_copy_is_no_proof_of_three() {
    let commands = sent(
        Scripted::new()
            .capabilities("IMAP4rev1 UIDPLUS")
            .greet()
            .serve()
            .on("UID COPY", "{tag} OK [COPYUID 8 1:3 11,11,11] copied\r\n"),
        MOVE_ALL,
        8,
        "$USER@127.0.0.1: moved 0 messages from INBOX to Archive\n  IN DOUBT 3 messages (UID 1:3): the server said OK, \
         but no copy is seen in the target: nothing was removed\n",
    );
    assert!(!has(&commands, "UID STORE") && !has(&commands, "UID EXPUNGE"), "{commands:?}");
}

#[test]
fn a_copy_named_before_a_refusal_is_not_taken_for_a_move() {
    sent(
        Scripted::new()
            .capabilities("IMAP4rev1 UIDPLUS MOVE")
            .greet()
            .serve()
            .on("UID MOVE", "* OK [COPYUID 8 1 11] x\r\n{tag} NO disk full\r\n"),
        MOVE_ALL,
        8,
        "$USER@127.0.0.1: moved 0 messages from INBOX to Archive\n  \
         FAILED 2 messages (UID 2:3): the server refused UID MOVE: NO disk full\n  \
         IN DOUBT 1 message (UID 1): the server left it in the mailbox and put a copy into the target; both are kept\n",
    );
}

#[test]
fn a_copy_named_before_the_connection_broke_is_in_doubt() {
    sent(
        Scripted::new()
            .capabilities("IMAP4rev1 UIDPLUS MOVE")
            .greet()
            .serve_until("UID MOVE")
            .send("* OK [COPYUID 8 1:3 11:13] x\r\n"),
        MOVE_ALL,
        8,
        "$USER@127.0.0.1: moved 0 messages from INBOX to Archive\n  IN DOUBT 3 messages (UID 1:3): it is in the target, \
         and may still be in the mailbox: the connection broke before the server answered (the connection was lost: \
         the server hung up)\n",
    );
}

#[test]
fn what_was_in_the_target_before_is_no_proof() {
    // Without UIDNEXT nobody knows what was there, and it may even be the source under another name.
    let commands = sent(
        Scripted::new()
            .greet()
            .serve()
            .on("STATUS", "* STATUS Archive (MESSAGES 3)\r\n{tag} OK done\r\n")
            .on("UID COPY", "{tag} OK done\r\n"),
        MOVE_ALL,
        8,
        "$USER@127.0.0.1: moved 0 messages from INBOX to Archive\n  IN DOUBT 3 messages (UID 1:3): the server said OK, \
         but no copy is seen in the target: nothing was removed\n",
    );
    assert!(!has(&commands, "UID STORE") && !has(&commands, "EXAMINE \"Archive\""), "{commands:?}");
}

#[test]
fn a_missing_target_is_made_even_if_the_server_gives_no_trycreate() {
    let commands = sent(
        Scripted::new()
            .capabilities("IMAP4rev1 UIDPLUS")
            .greet()
            .serve_until("STATUS")
            .send("{tag} NO no such mailbox\r\n")
            .serve(),
        MOVE_ALL,
        0,
        "$USER@127.0.0.1: moved 3 messages from INBOX to Archive\n  created mailbox Archive\n",
    );
    assert!(has(&commands, "CREATE \"Archive\"") && has(&commands, "UID EXPUNGE 1:3"), "{commands:?}");
}

#[test]
fn an_open_mailbox_is_left_before_it_is_counted_and_deleted() {
    let commands = sent(
        Scripted::new().greet().serve(),
        "local a = $LOGIN a:select(\"Archive\") a:delete(\"Archive\")",
        0,
        "$USER@127.0.0.1: deleted Archive\n",
    );
    let at = |verb: &str| commands.iter().position(|command| command.starts_with(verb)).unwrap();
    assert!(at("EXAMINE \"INBOX\"") < at("STATUS \"Archive\""), "{commands:?}");
}

#[test]
fn a_mailbox_renamed_with_its_parent_is_not_taken_for_the_one_that_has_its_name_now() {
    let commands = sent(
        Scripted::new().capabilities("IMAP4rev1 UNSELECT").greet().serve(),
        "local a = $LOGIN a:select(\"Log/x\") a:rename(\"Log\", \"Old\") print(#a:mailbox(\"Log/x\"):all())",
        0,
        "$USER@127.0.0.1: renamed Log to Old\n0\n",
    );
    assert!(has(&commands, "UNSELECT") && has(&commands, "EXAMINE \"Log/x\""), "{commands:?}");
}

#[test]
fn an_append_that_was_cut_off_is_in_doubt() {
    let server = Scripted::new().greet().serve_until("APPEND").start();
    Script::new("$LOGIN:mailbox(\"INBOX\"):append(\"Subject: x\\r\\n\\r\\nx\")")
        .on(&Server::at(server.address, Tls::None))
        .status(8)
        .stdout("")
        .stderr_contains("the message may or may not be in INBOX now: the connection was lost")
        .run();
}

#[test]
fn what_is_found_after_examine_can_only_be_read() {
    let commands = sent(
        Scripted::new().greet().serve(),
        "local a = $LOGIN a:examine(\"INBOX\") a:search { subject = \"Canned\" }:mark(\"seen\")",
        6,
        "",
    );
    assert!(!has(&commands, "SELECT") && !has(&commands, "UID STORE"), "{commands:?}");
}

/// A FETCH response with an empty header.
fn fetched(uid: u32, date: &str, size: u32) -> String {
    format!(
        "* {uid} FETCH (UID {uid} FLAGS () INTERNALDATE {date} RFC822.SIZE {size} \
         BODY[HEADER.FIELDS (MESSAGE-ID)] {{2}}\r\n\r\n)\r\n"
    )
}

#[test]
fn messages_without_a_date_have_no_age() {
    let date = "\"01-Mar-2024 10:00:00 +0000\"";
    for query in ["{ older_than = \"30d\" }", "{ except = { newer_than = \"30d\" } }"] {
        sent(
            Scripted::new()
                .greet()
                .serve_until("UID FETCH")
                .send(
                    fetched(1, "NIL", 9) + &fetched(2, date, 9) + &fetched(3, "NIL", 9) + "{tag} OK done\r\n",
                )
                .serve(),
            &format!("print(#$LOGIN:mailbox(\"INBOX\"):search {query})"),
            0,
            "1\n",
        );
    }
}

#[test]
fn a_loop_over_large_messages_may_look_into_other_mailboxes() {
    let date = "\"01-Mar-2024 10:00:00 +0000\"";
    sent(
        Scripted::new()
            .greet()
            .serve_until("UID FETCH")
            .send(fetched(1, date, 4 << 20) + &fetched(2, date, 5 << 20) + "{tag} OK done\r\n")
            .serve(),
        "local a = $LOGIN for message in a:mailbox(\"INBOX\"):all():messages { \"text\" } do \
         print(message.uid) a:examine(\"Archive\") end",
        0,
        "1\n2\n",
    );
}

#[test]
fn a_login_is_not_waited_for_through_a_flood() {
    let server = Scripted::new()
        .greet()
        .serve_until("LOGIN")
        .flood(format!("* OK {}\r\n", "x".repeat(1_000)), 1_000_000)
        .start();
    Script::new("$LOGIN:noop()")
        .on(&Server::at(server.address, Tls::None))
        .status(5)
        .stderr_contains("more than 1048576 bytes where a short reply was waited for")
        .run();
}

#[test]
fn a_continuation_that_came_before_its_command_is_none() {
    let server = Scripted::new()
        .send("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED] hello\r\n+ \r\n")
        .stall()
        .start();
    Script::new("$LOGIN:noop()")
        .on(&Server::at(server.address, Tls::None))
        .status(5)
        .stderr_contains("a continuation request that nothing asked for")
        .run();
    assert!(server.received().iter().all(|command| command.text == "a1 AUTHENTICATE PLAIN"));
}

#[test]
fn four_billion_hits_are_too_many() {
    sent(
        Scripted::new()
            .capabilities("IMAP4rev1 ESEARCH")
            .greet()
            .serve()
            .on("UID SEARCH", "* ESEARCH (TAG \"{tag}\") UID ALL 1:4294967295\r\n{tag} OK done\r\n"),
        "for message in $LOGIN:mailbox(\"INBOX\"):all():messages() do print(message) end",
        5,
        "",
    );
}

#[test]
fn contents_larger_than_announced_are_not_kept() {
    let header =
        fetched(1, "\"01-Mar-2024 10:00:00 +0000\"", 9) + &fetched(2, "\"01-Mar-2024 10:00:00 +0000\"", 9);
    let body = |uid: u32| {
        format!("* {uid} FETCH (UID {uid} BODY[] {{{0}}}\r\n{1})\r\n", 40 << 20, "x".repeat(40 << 20))
    };
    let server = Scripted::new()
        .greet()
        .serve_until("UID FETCH")
        .send(header + "{tag} OK done\r\n")
        .serve_until("UID FETCH")
        .send(body(1) + &body(2) + "{tag} OK done\r\n")
        .serve()
        .start();
    Script::new(
        "for message in $LOGIN:mailbox(\"INBOX\"):all():messages { \"text\" } do print(message.uid) end",
    )
    .on(&Server::at(server.address, Tls::None))
    .status(5)
    .stdout("")
    .stderr_contains("much more content than the sizes it gave before add up to")
    .run();
}

#[test]
fn a_server_that_repeats_the_password_does_not_get_it_into_the_trace() {
    let directory = tempfile::tempdir().unwrap();
    let trace = directory.path().join("trace");
    let server = Scripted::new()
        .greet()
        .expect("LOGIN", "* NO what is p\\\"w?\r\n{tag} BAD syntax error: LOGIN \"me\" \"p\\\"w\", p\"w\r\n")
        .start();
    Script::new(
        "login { host = \"$HOST\", port = $PORT, tls = \"none\", user = \"me\", password = 'p\"w' }:noop()",
    )
    .on(&Server::at(server.address, Tls::None))
    .options(&["--trace", trace.to_str().unwrap()])
    .status(4)
    .stderr_contains("syntax error: LOGIN \"me\" \"<secret>\", <secret>")
    .run();
    let trace = std::fs::read_to_string(trace).unwrap();
    assert!(trace.contains("LOGIN \"me\" \"<secret>\", <secret>"), "{trace}");
    assert!(!trace.contains("p\"w") && !trace.contains("p\\\"w"), "{trace}");
}

#[test]
fn a_connection_that_was_closed_while_idle_is_opened_anew() {
    let server = Scripted::new().greet().serve_until("NOOP").send("{tag} OK done\r\n* BYE idle\r\n").start();
    Script::new("local a = $LOGIN a:noop() sleep(0.5) print(#a:mailbox(\"INBOX\"):all())")
        .on(&Server::at(server.address, Tls::None))
        .stdout("3\n")
        .stderr("")
        .run();
}

#[test]
fn a_line_that_is_down_for_a_moment_is_tried_again() {
    let server = Server::sandbox();
    server.seed("INBOX", &[crate::mail::Mail::new("a")]);
    let (listener, real) = (std::net::TcpListener::bind("127.0.0.1:0").unwrap(), server.address);
    let relay = Server { address: listener.local_addr().unwrap(), ..server };
    let (sender, connections) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (number, here) in listener.incoming().enumerate() {
            sender.send(number).ok();
            let here = here.unwrap();
            // The first goes after a while, and the next at once.
            if number == 1 {
                continue;
            }
            if number == 2 {
                // It is up again, and not ready yet.
                (&here).write_all(b"* OK [CAPABILITY IMAP4rev1] hi\r\n").unwrap();
                let mut line = String::new();
                BufReader::new(&here).read_line(&mut line).unwrap();
                let tag = line.split(' ').next().unwrap();
                (&here).write_all(format!("{tag} NO [UNAVAILABLE] not yet\r\n").as_bytes()).unwrap();
                continue;
            }
            let there = std::net::TcpStream::connect(real).unwrap();
            for (mut from, mut to) in [
                (here.try_clone().unwrap(), there.try_clone().unwrap()),
                (there.try_clone().unwrap(), here.try_clone().unwrap()),
            ] {
                std::thread::spawn(move || std::io::copy(&mut from, &mut to).ok());
            }
            if number == 0 {
                std::thread::sleep(std::time::Duration::from_millis(600));
                here.shutdown(std::net::Shutdown::Both).unwrap();
                there.shutdown(std::net::Shutdown::Both).unwrap();
            }
        }
    });
    Script::new("local a = $LOGIN a:noop() sleep(1) print(#a:mailbox(\"INBOX\"):all())")
        .on(&relay)
        .stdout("1\n")
        .stderr("")
        .run();
    assert_eq!(connections.try_iter().count(), 4);
}

#[test]
fn an_interrupt_ends_a_program_that_the_script_waits_for() {
    let server = Scripted::new().greet().serve().start();
    let server_ = Server::at(server.address, Tls::None);
    let running = Script::new("$LOGIN:noop() run { \"sleep\", \"1000\" }").on(&server_).spawn();
    server.wait_for("NOOP");
    running.signal("TERM");
    assert_eq!(running.finish().status, Some(130));
}

#[test]
fn what_a_value_does_not_have_is_an_error() {
    for (read, said) in [
        ("message.flaged", "a message has no `flaged`"),
        ("message.from.mail", "an address has no `mail`"),
        ("selection.count", "a selection has no `count`"),
        ("account.selekt", "an account has no `selekt`"),
        ("selection:mvoe('x')", "hint: did you mean `move`?"),
        ("account:mailbox('INBOX').serch", "a mailbox has no `serch`"),
        ("selection:copy('Archive').coppied", "a report has no `coppied`"),
    ] {
        let server = Scripted::new().greet().serve().start();
        Script::new(&format!(
            "local account = $LOGIN local selection = account:mailbox(\"INBOX\"):all()\n\
             for message in selection:messages() do print({read}) end"
        ))
        .on(&Server::at(server.address, Tls::None))
        .status(1)
        .stderr_contains(said)
        .run();
    }
}

#[test]
fn what_may_be_missing_of_a_message_is_nil() {
    let server = Scripted::new().greet().serve().start();
    Script::new(
        "for message in $LOGIN:mailbox(\"INBOX\"):search { uid = 1 }:messages() do \
         print(message.list_id, message.in_reply_to, message.headers.nothing) break end",
    )
    .on(&Server::at(server.address, Tls::None))
    .stdout("nil\tnil\tnil\n")
    .stderr("")
    .run();
}

#[test]
fn a_mailbox_is_not_copied_into_itself_under_another_spelling() {
    for raw in ["Log/x/", "INBOX/Log//"] {
        let name = raw.trim_end_matches('/');
        let commands = sent(
            Scripted::new()
                .capabilities("IMAP4rev1 UIDPLUS MOVE")
                .greet()
                .serve()
                .on("UID SEARCH", "* SEARCH 1 2\r\n{tag} OK done\r\n"),
            &format!(
                "$LOGIN:mailbox(\"{name}\"):all():copy {{ raw = \"{}\" }}",
                raw.replace("INBOX", "inbox")
            ),
            0,
            &format!(
                "$USER@127.0.0.1: copied 0 messages from {name} to {}\n  skipped 2 messages (UID 1:2): already there\n",
                raw.replace("INBOX", "inbox")
            ),
        );
        assert!(!has(&commands, "UID COPY"), "{commands:?}");
    }
}

#[test]
fn a_script_that_ends_too_early_says_where() {
    Script::new("local x = 1 +\n").status(1).stderr_contains("in $DIR/script.lua:").run();
}
