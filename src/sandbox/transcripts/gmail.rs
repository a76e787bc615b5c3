use super::{Client, subjects};
use crate::mail::Flag;
use crate::sandbox::{Options, Sandbox};

/// Two messages in jo's INBOX, the second an answer to the first.
fn gmail() -> Sandbox {
    let sandbox = Sandbox::start(Options {
        gmail: true,
        now: "2026-11-23T12:00:00Z".parse().unwrap(),
        ..Options::default()
    });
    let sandbox = sandbox.unwrap();
    for (n, rest) in [(1, "Message-ID: <1@x>"), (2, "Message-ID: <2@x>\r\nIn-Reply-To: <1@x>")] {
        let raw = format!("From: a{n}@x.example\r\nSubject: no {n}\r\n{rest}\r\n\r\nbody {n}\r\n");
        let date = format!("2026-03-0{n}T12:00:00+01:00[+01:00]").parse().unwrap();
        sandbox.deliver("jo", "INBOX", raw.as_bytes(), &[], &date).unwrap();
    }
    sandbox
}

const ALL: &str = "[Gmail]/All Mail";

#[test]
fn an_account_of_gmails_is_known_by_its_host_and_says_what_it_is() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let mut client = Client::connect(&sandbox);
    client.talk(
        "C: a LOGIN \"jo imap.gmail.com:993\" x
         S: a OK [CAPABILITY … X-GM-EXT-1] Welcome
         C: b LIST \"\" *
         S: * LIST (\\HasNoChildren) \"/\" INBOX
         S: * LIST (\\Noselect \\HasChildren) \"/\" [Gmail]
         S: * LIST (\\HasNoChildren \\All) \"/\" \"[Gmail]/All Mail\"
         S: * LIST (\\HasNoChildren \\Drafts) \"/\" [Gmail]/Drafts
         S: * LIST (\\HasNoChildren \\Important) \"/\" [Gmail]/Important
         S: * LIST (\\HasNoChildren \\Sent) \"/\" \"[Gmail]/Sent Mail\"
         S: * LIST (\\HasNoChildren \\Junk) \"/\" [Gmail]/Spam
         S: * LIST (\\HasNoChildren \\Flagged) \"/\" [Gmail]/Starred
         S: * LIST (\\HasNoChildren \\Trash) \"/\" [Gmail]/Trash
         S: b OK Listed
         C: c DELETE [Gmail]/Spam
         S: c NO [CANNOT] …",
    );
    let mut other = Client::connect(&sandbox);
    other.talk(
        "C: a LOGIN \"jo imap.example.org:993\" x
         S: a OK [CAPABILITY …] Welcome
         C: b SELECT INBOX
         S: * FLAGS …",
    );
    while !other.read().starts_with("b OK") {}
    other.talk("C: c SEARCH X-GM-RAW x\nS: c BAD This is no command");
}

#[test]
fn a_message_is_the_same_in_every_mailbox_and_its_labels_are_the_others() {
    let sandbox = gmail();
    let mut client = Client::login(&sandbox);
    client.select("INBOX");
    client.talk(
        "C: b UID STORE 1 +X-GM-LABELS (Work \"with space\" \"a\\\"b\" a/b &AOk- \\Important)
         S: * 1 FETCH (UID 1 X-GM-LABELS (&AOk- Work \"\\\\Important\" \"a\\\"b\" a/b \"with space\"))
         S: b OK Labelled
         C: c FETCH 1:2 (X-GM-MSGID X-GM-THRID)
         S: * 1 FETCH (UID 1 X-GM-MSGID 1278455344230334865 X-GM-THRID 1278455344230334865)
         S: * 2 FETCH (UID 2 X-GM-MSGID 1278455344230400402 X-GM-THRID 1278455344230334865)
         S: c OK Fetched
         C: d STORE 2 +FLAGS.SILENT (\\Flagged)
         S: d OK Stored",
    );
    client.select("\"a\\\"b\"");
    client.talk(
        "C: e FETCH 1 (X-GM-MSGID X-GM-LABELS)
         S: * 1 FETCH (UID 1 X-GM-MSGID 1278455344230334865 X-GM-LABELS (&AOk- Work \"\\\\Important\" \"\\\\Inbox\" a/b \"with space\"))
         S: e OK Fetched
         C: f UID STORE 1 -X-GM-LABELS.SILENT (\\Inbox \"a\\\"b\" nowhere)
         S: * 1 EXPUNGE
         S: f OK Labelled
         C: g UID STORE 1 +X-GM-LABELS.SILENT (\\Nonsense)
         S: g BAD That is no label",
    );
    assert_eq!(subjects(&sandbox, "INBOX"), ["no 2"]);
    assert_eq!(subjects(&sandbox, "[Gmail]/Starred"), ["no 2"]);
    assert_eq!(subjects(&sandbox, ALL), ["no 1", "no 2"]);
    client.select("\"[Gmail]/All Mail\"");
    client.talk(
        "C: h FETCH 1:2 (FLAGS X-GM-LABELS)
         S: * 1 FETCH (FLAGS (\\Recent) X-GM-LABELS (&AOk- Work \"\\\\Important\" a/b \"with space\"))
         S: * 2 FETCH (FLAGS (\\Flagged \\Recent) X-GM-LABELS (\"\\\\Inbox\" \"\\\\Starred\"))
         S: h OK Fetched
         C: i STORE 1 X-GM-LABELS (Other \\Starred)
         S: * 1 FETCH (X-GM-LABELS (Other \"\\\\Starred\"))
         S: * 1 FETCH (FLAGS (\\Flagged \\Recent))
         S: i OK Labelled",
    );
}

#[test]
fn copies_add_labels_moves_exchange_them_and_trash_takes_all() {
    let sandbox = gmail();
    let mut client = Client::login(&sandbox);
    client.talk("C: a CREATE Box\nS: a OK Created");
    client.select("INBOX");
    client.talk(
        "C: b UID COPY 2 Box
         S: b OK [COPYUID … 2 1] Copied
         C: c UID MOVE 1:2 Box
         S: * 2 EXPUNGE
         S: * 1 EXPUNGE
         S: c OK [COPYUID … 1:2 2,1] Moved",
    );
    assert_eq!(subjects(&sandbox, "Box"), ["no 2", "no 1"]);
    assert_eq!(subjects(&sandbox, ALL), ["no 1", "no 2"]);
    client.select("Box");
    client.talk(
        "C: d UID STORE 1 +FLAGS (\\Deleted)
         S: * 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent))
         S: * 1 EXPUNGE
         S: d OK Stored
         C: f UID MOVE 2 [Gmail]/Trash
         S: * 1 EXPUNGE
         S: f OK [COPYUID … 2 1] Moved",
    );
    assert_eq!(subjects(&sandbox, ALL), ["no 2"]);
    client.select("[Gmail]/Trash");
    client.talk(
        "C: g UID COPY 1 INBOX
         S: * 1 EXPUNGE
         S: g OK [COPYUID … 1 3] Copied",
    );
    assert_eq!(subjects(&sandbox, ALL), ["no 2", "no 1"]);
    client.select("\"[Gmail]/All Mail\"");
    client.talk(
        "C: h UID MOVE 2:3 INBOX
         S: h OK [COPYUID … 2:3 4,3] Moved
         C: i UID STORE 2 +X-GM-LABELS.SILENT \\Trash
         S: * 1 EXPUNGE
         S: i OK Labelled",
    );
    client.select("[Gmail]/Trash");
    client.talk(
        "C: j STORE 1 +FLAGS.SILENT \\Deleted
         S: j OK Stored
         C: k NOOP
         S: * 1 EXPUNGE
         S: k OK Nothing done",
    );
    let everywhere = sandbox.mailboxes("jo").into_iter().map(|(_, messages)| messages.len()).sum::<usize>();
    assert_eq!((everywhere, subjects(&sandbox, "INBOX")), (2, vec!["no 1".to_owned()]));
}

#[test]
fn the_same_bytes_are_the_same_message() {
    let sandbox = gmail();
    let raw = sandbox.messages("jo", "INBOX").remove(0).raw().to_vec();
    let date = "2026-03-01T12:00:00+00:00[UTC]".parse().unwrap();
    sandbox.deliver("jo", "Box", &raw, &[Flag::Seen], &date).unwrap();
    assert_eq!(
        (subjects(&sandbox, "Box"), subjects(&sandbox, ALL)),
        (vec!["no 1".into()], vec!["no 1".into(), "no 2".into()])
    );
    assert!(sandbox.messages("jo", "Box").remove(0).flags.is_empty(), "it keeps the flags that it had");
}

#[test]
fn gmails_own_search_language() {
    let sandbox = gmail();
    let yesterday = "2026-11-22T12:00:00+00:00[UTC]".parse().unwrap();
    let raw = "From: Ann <ann@x.example>\r\nTo: me@y.example\r\nSubject: Größe of it\r\nContent-Type: \
        multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nlong text\r\n--b\r\nContent-Type: application/pdf\r\n\r\nx\r\n--b--";
    sandbox.deliver("jo", "with space", raw.as_bytes(), &[Flag::Seen, Flag::Flagged], &yesterday).unwrap();
    let mut client = Client::login(&sandbox);
    client.select("\"[Gmail]/All Mail\"");
    for (keys, found) in [
        ("X-GM-RAW \"from:a1@x.example\"", " 1"),
        ("X-GM-RAW \"from:a1 OR from:ann subject:no\"", " 1"),
        ("X-GM-RAW \"-from:ann is:unread\"", " 1 2"),
        ("X-GM-RAW has:attachment", " 3"),
        ("X-GM-RAW \"\\\"long text\\\" is:read is:starred\"", " 3"),
        ("X-GM-RAW \"label:\\\"with space\\\"\"", " 3"),
        ("X-GM-RAW \"in:inbox body\"", " 1 2"),
        ("X-GM-RAW \"newer_than:2d larger:100\"", " 3"),
        ("X-GM-RAW \"older_than:1m\"", " 1 2"),
        ("X-GM-RAW \"after:2026/03/02 before:2026/03/03\"", " 2"),
        ("CHARSET UTF-8 X-GM-RAW {15+}\r\nsubject:größe", " 3"),
        ("OR X-GM-LABELS \\Inbox X-GM-LABELS \"With Space\"", " 1 2 3"),
        ("NOT (X-GM-LABELS \"\\\\Inbox\")", " 3"),
        ("X-GM-THRID 1278455344230334865", " 1 2"),
        ("X-GM-MSGID 1278455344230400402", " 2"),
    ] {
        client.send(&format!("s SEARCH {keys}\r\n"));
        client.talk(&format!("S: * SEARCH{found}\nS: s OK Searched"));
    }
    client.talk(
        "C: u SEARCH RETURN (COUNT) X-GM-RAW ann
         S: * ESEARCH (TAG \"u\") COUNT 1
         S: u OK Searched
         C: v SEARCH X-GM-RAW is:nonsense
         S: v BAD …",
    );
}
