//! Gmail: labels, its own search language, and messages that are in several mailboxes at once.

use crate::harness::Script;
use crate::mail::Mail;
use crate::scripted::Scripted;
use crate::server::{Server, Tls};

/// The labels that no careless client gets right.
const AWKWARD: [(&str, &str); 6] = [
    ("é", "&AOk-"),
    ("a\"b", "a\"b"),
    ("with space", "with space"),
    ("a/b", "a/b"),
    ("(x) [y]", "(x) [y]"),
    ("R&D", "R&-D"),
];

/// Messages in INBOX, one under each awkward label, and three that are important, archived and thrown away.
fn seed(server: &Server) {
    let names = ["one", "two", "three", "four", "five", "six", "important", "archived", "thrown"];
    server.seed("INBOX", &names.map(Mail::new));
    let mut observer = server.observe();
    observer.ok("SELECT INBOX");
    for (number, (_, wire)) in (1..).zip(AWKWARD) {
        let quoted = wire.replace('"', "\\\"");
        observer.ok(&format!("UID STORE {number} +X-GM-LABELS.SILENT (\"{quoted}\")"));
    }
    observer.ok("UID STORE 7 +X-GM-LABELS.SILENT (\\Important)");
    observer.ok("UID STORE 8 -X-GM-LABELS.SILENT (\\Inbox)");
    observer.ok("UID MOVE 9 [Gmail]/Trash");
}

#[test]
fn queries_find_labels_and_what_gmail_finds() {
    let server = Server::gmail();
    seed(&server);
    let cases = r#"
        { "INBOX", { label = "é" }, "one" },
        { "INBOX", { label = "WITH Space" }, "three" },
        { "INBOX", { label = 'a"b' }, "two" },
        { "INBOX", { label = "with space" }, "three" },
        { "INBOX", { label = "a/b" }, "four" },
        { "INBOX", { label = "(x) [y]" }, "five" },
        { "INBOX", { label = "R&D" }, "six" },
        { "INBOX", { label = { "é", "a/b", "nothing" } }, "one four" },
        { "INBOX", { label = {} }, "" },
        { "INBOX", { label = "\\Important" }, "important" },
        { "INBOX", { label = "\\Inbox", except = { label = { "é", 'a"b', "a/b" } } }, "three five six important" },
        { "INBOX", { except = { label = "\\Inbox" } }, "" },
        { "INBOX", { any = { { label = "é" }, { subject = "six" } } }, "one six" },
        { "INBOX", { any = { { gmail = "label:r&d" }, { all = { { label = "a/b" }, { subject = "four" } } } } }, "four six" },
        { "@all", { label = "\\Inbox", subject = { "one", "archived" } }, "one" },
        { "@all", { except = { label = "\\inbox" } }, "archived" },
        { "a/b", { label = "A/B" }, "four" },
        { "a/b", { label = { "a/b", "é" }, except = { label = "é" } }, "four" },
        { "@trash", { label = "\\Trash" }, "thrown" },
        { "INBOX", { gmail = "subject:two OR subject:three" }, "two three" },
        { "INBOX", { gmail = 'label:"with space"' }, "three" },
        { "@all", { gmail = "-in:inbox" }, "archived" },
        { "@all", { gmail = "in:inbox", except = { gmail = "label:é" }, subject = { "one", "two" } }, "two" },
        { "@all", { gmail = "is:important", subject = regex "^i" }, "important" },
        { "INBOX", { raw = 'X-GM-RAW "subject:two"' }, "two" },
    "#;
    let source = format!(
        "local account = $LOGIN\nfor number, case in ipairs {{ {cases} }} do\n  local found = {{}}\n  \
         for message in account:mailbox(case[1]):search(case[2]):messages() do found[#found + 1] = message.subject end\n  \
         found = table.concat(found, ' ')\n  if found ~= case[3] then print(number, json.encode(case[2]), found) end\nend"
    );
    Script::new(&source).on(&server).changes_nothing().stdout("").stderr("").run();
}

#[test]
fn a_label_is_looked_at_again_before_an_action() {
    let server = Server::gmail();
    seed(&server);
    let source = r#"
        local account = $LOGIN
        local found = account:mailbox("INBOX"):search { label = { "é", "a/b" } }
        local gmails = account:mailbox("INBOX"):search { gmail = "subject:two" }
        -- Meanwhile the label of one of them is taken off.
        account:mailbox("a/b"):all():move "Other"
        print(found:mark "seen")
        print(gmails:mark "seen")
        print(account:mailbox("INBOX"):search({ label = "\\Inbox", subject = "three" }):move "Other")
        print(#account:mailbox("é"):search({ label = "é" }):move "Other")
    "#;
    let output = Script::new(source).on(&server).options(&["-q"]).stderr("").run();
    insta::assert_snapshot!(output.stdout, @r"
    $USER@127.0.0.1: marked 1 message in INBOX: \Seen
      skipped 1 message (UID 4): left alone: what is seen now does not match what was searched for
    $USER@127.0.0.1: marked 1 message in INBOX: \Seen
    $USER@127.0.0.1: moved 1 message from INBOX to Other
    1
    ");
}

#[test]
fn on_other_servers_there_are_no_labels() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a")]);
    let source = r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local calls = {
          function() inbox:search { label = "x" } end,
          function() inbox:search { except = { { subject = "a" }, { gmail = "is:starred" } } } end,
          function() inbox:all():filter { label = "x" } end,
        }
        for _, call in ipairs(calls) do
          local _, err = pcall(call)
          print(err.kind, err.mailbox, err.message, err.hint)
          err:ignore()
        end
    "#;
    let output = Script::new(source).on(&server).changes_nothing().stderr("").run();
    insta::assert_snapshot!(output.table(), @"
    script | INBOX | the keys `label` and `gmail` work only with Gmail, and this server is another one | it has no X-GM-EXT-1; on other servers there are mailboxes, and keywords: `keyword`, `mark`
    script | INBOX | the keys `label` and `gmail` work only with Gmail, and this server is another one | it has no X-GM-EXT-1; on other servers there are mailboxes, and keywords: `keyword`, `mark`
    script | INBOX | the keys `label` and `gmail` work only with Gmail, and this server is another one | it has no X-GM-EXT-1; on other servers there are mailboxes, and keywords: `keyword`, `mark`
    ");
}

#[test]
fn what_is_no_label_and_no_search_says_what_to_write() {
    let source = r#"
        local inbox = login { host = "192.0.2.1", user = "me", password = "x" }:mailbox "INBOX"
        for _, query in ipairs {
          { label = "" }, { label = "a\r\nb" }, { label = "a\0b" }, { label = "\\" }, { label = "\\a b" }, { label = 5 },
          { label = { "a", true } }, { label = { a = "b" } }, { label = regex "x" }, { except = { label = {} } },
          { gmail = "" }, { gmail = "a\r\nb" }, { gmail = "a\0b" }, { gmail = { "a" } }, { labels = "x" },
        } do
          local ok, err = pcall(inbox.search, inbox, query)
          print(ok, err.kind, err.message, err.hint)
          err:ignore()
        end
    "#;
    let output = Script::new(source).stderr("").run();
    insta::assert_snapshot!(output.table(), @r#"
    false | script | `` is no label | a label is text in one line; those of Gmail's own are "\\Inbox", "\\Starred" and the like
    false | script | `a\r\nb` is no label | a label is text in one line; those of Gmail's own are "\\Inbox", "\\Starred" and the like
    false | script | `a\u{0}b` is no label | a label is text in one line; those of Gmail's own are "\\Inbox", "\\Starred" and the like
    false | script | `\` is no label | a label is text in one line; those of Gmail's own are "\\Inbox", "\\Starred" and the like
    false | script | `\a b` is no label | a label is text in one line; those of Gmail's own are "\\Inbox", "\\Starred" and the like
    false | script | `label` must be a label or a list of them but is 5 | nil
    false | script | `label` must be a label or a list of them but is true | nil
    false | script | `label` must be one value or a list of them, not a table with names, but is a table | nil
    false | script | `label` must be a label or a list of them but is a pattern | nil
    false | script | an empty list under `except` can't be meant | a list that came out empty would silently change which messages match
    false | script | `gmail` is an empty string, which every message matches | leave the key out, or give it a search such as "has:attachment larger:5M"
    false | script | `gmail` has a line break or another control character in it | write it in one line, as in Gmail's own search box
    false | script | `gmail` has a line break or another control character in it | write it in one line, as in Gmail's own search box
    false | script | `gmail` must be a string such as in Gmail's own search box but is a table | nil
    false | script | a query has no key `labels` | did you mean `label`?
    "#);
}

#[test]
fn messages_have_labels_and_numbers() {
    let server = Server::gmail();
    seed(&server);
    let source = r#"
        local account = $LOGIN
        local ids = {}
        for _, name in ipairs { "@all", "INBOX", "a/b", "[Gmail]/Important", "@trash" } do
          for message in account:mailbox(name):all():messages() do
            local id, thread = message.gmail_message_id, message.gmail_thread_id
            if name == "@all" then ids[message.subject] = id end
            local labels = message.labels
            table.sort(labels)
            print(name, message.subject, table.concat(labels, "|"), ids[message.subject] == id, id == thread, type(id))
          end
        end
        print(#ids.one, ids.one)
        account:examine "INBOX"
        for _, item in ipairs(account:fetch(account:search { subject = "two" }, { "X-GM-MSGID", "x-gm-thrid", "X-GM-LABELS" })) do
          print(item["X-GM-MSGID"] == ids.two, item["X-GM-THRID"] == ids.two, table.concat(item["X-GM-LABELS"], "|"))
        end
        print(#account:mailbox("@all"):all():filter(function(message)
          for _, label in ipairs(message.labels) do if label == "\\Inbox" then return true end end
        end))
    "#;
    let output = Script::new(source).on(&server).changes_nothing().stderr("").run();
    insta::assert_snapshot!(output.table(), @r#"
    @all | one | \Inbox|é | true | true | string
    @all | two | \Inbox|a"b | true | true | string
    @all | three | \Inbox|with space | true | true | string
    @all | four | \Inbox|a/b | true | true | string
    @all | five | (x) [y]|\Inbox | true | true | string
    @all | six | R&D|\Inbox | true | true | string
    @all | important | \Important|\Inbox | true | true | string
    @all | archived |  | true | true | string
    INBOX | one | \Inbox|é | true | true | string
    INBOX | two | \Inbox|a"b | true | true | string
    INBOX | three | \Inbox|with space | true | true | string
    INBOX | four | \Inbox|a/b | true | true | string
    INBOX | five | (x) [y]|\Inbox | true | true | string
    INBOX | six | R&D|\Inbox | true | true | string
    INBOX | important | \Important|\Inbox | true | true | string
    a/b | four | \Inbox|a/b | true | true | string
    [Gmail]/Important | important | \Important|\Inbox | true | true | string
    @trash | thrown | \Trash | false | true | string
    19 | 1278455344230334865
    true | true | a"b
    7
    "#);
}

#[test]
fn on_other_servers_messages_have_none_of_it() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a")]);
    Script::new(
        r#"
        for message in $LOGIN:mailbox("INBOX"):all():messages() do
          print(message.labels, message.gmail_message_id, message.gmail_thread_id)
        end
        "#,
    )
    .on(&server)
    .stdout("nil\tnil\tnil\n")
    .stderr("")
    .run();
}

/// A message as Gmail might describe it, in a FETCH response.
fn described(uid: u32, items: &str) -> String {
    format!(
        "* {uid} FETCH (UID {uid} FLAGS () INTERNALDATE \"01-Mar-2024 10:00:00 +0000\" RFC822.SIZE 100 {items} \
         BODY[HEADER.FIELDS (SUBJECT)] {{15}}\r\nSubject: no {uid}\r\n)\r\n"
    )
}

#[test]
fn labels_come_in_every_form() {
    let forms = [
        "X-GM-LABELS (\\Sent \"\\\\Important\" foo \"a \\\"b\\\"\" {5}\r\nc)(\"d [x] NIL &AOk- caf\u{e9}) X-GM-MSGID 18446744073709551615 X-GM-THRID 1278455344230334865",
        "X-GM-MSGID NIL X-GM-LABELS NIL",
        "X-GM-LABELS (a (b)) X-GM-THRID 99999999999999999999999 X-GM-MSGID \"7\"",
    ];
    let all: String = (1..).zip(forms).map(|(uid, items)| described(uid, items)).collect();
    let scripted = Scripted::new()
        .capabilities("IMAP4rev1 UIDPLUS MOVE X-GM-EXT-1")
        .greet()
        .serve()
        .on("UID FETCH", format!("{all}{{tag}} OK done\r\n"))
        .start();
    let server = Server::at(scripted.address, Tls::None);
    let source = r#"
        local inbox = $LOGIN:mailbox "INBOX"
        for message in inbox:all():messages() do
          local labels = message.labels and table.concat(message.labels, "|")
          print(message.subject, labels, message.gmail_message_id, message.gmail_thread_id)
        end
        -- The server finds all three, whatever it is asked: what can't be judged is left alone.
        inbox:search({ label = "É" }):mark "seen"
        inbox:search({ except = { label = "FOO" } }):label('x"y', "\\Starred", "é")
        inbox:search({ except = { gmail = 'say "é"' } }):unlabel "R&D"
    "#;
    let output = Script::new(source).on(&server).stderr("").run();
    insta::assert_snapshot!(output.table(), @r#"
    no 1 | \Sent|\Important|foo|a "b"|c)("d|[x]|é|café|\Inbox | 18446744073709551615 | 1278455344230334865
    no 2 | \Inbox | nil | nil
    no 3 | nil | 7 | nil
    $USER@127.0.0.1: marked 1 message in INBOX: \Seen
      skipped 2 messages (UID 2:3): left alone: what is seen now does not match what was searched for
    $USER@127.0.0.1: labelled 1 message in INBOX: x"y, \Starred, é
      skipped 2 messages (UID 1,3): left alone: what is seen now does not match what was searched for
    $USER@127.0.0.1: unlabelled 3 messages in INBOX: R&D
    "#);
    let sent = scripted.finish().into_iter().map(|command| command.text);
    let sent: Vec<_> =
        sent.filter(|text| text.contains("UID STORE") || text.contains("UID SEARCH")).collect();
    let sent: Vec<_> = sent.iter().filter_map(|text| Some(text.split_once(' ')?.1)).collect();
    insta::assert_snapshot!(sent.join("\n"), @r#"
    UID SEARCH UNDELETED
    UID SEARCH UNDELETED X-GM-LABELS "&AMk-"
    UID STORE 1 +FLAGS.SILENT (\Seen)
    UID SEARCH UNDELETED NOT X-GM-LABELS "FOO"
    UID STORE 2 +X-GM-LABELS.SILENT ("x\"y" \Starred "&AOk-")
    UID SEARCH CHARSET UTF-8 UNDELETED NOT X-GM-RAW {8}
    say "é"
    UID STORE 1:3 -X-GM-LABELS.SILENT ("R&-D")
    "#);
}
