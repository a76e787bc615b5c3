use jiff::tz::TimeZone;

use super::{Client, sandbox, subjects, three};
use crate::mail::Flag;

#[test]
fn a_session_from_greeting_to_goodbye() {
    let sandbox = three(&[]);
    let mut client = Client::login(&sandbox);
    client.talk(
        "C: a SELECT inbox
         S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
         S: * 3 EXISTS
         S: * 3 RECENT
         S: * OK [UNSEEN 1] First unseen
         S: * OK [UIDVALIDITY …] UIDs valid
         S: * OK [UIDNEXT 4] Next UID
         S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] Flags kept
         S: a OK [READ-WRITE] Opened
         C: b FETCH 1:2 (UID FLAGS INTERNALDATE RFC822.SIZE)
         S: * 1 FETCH (UID 1 FLAGS (\\Recent) INTERNALDATE \" 1-Mar-2026 12:00:00 +0100\" RFC822.SIZE 45)
         S: * 2 FETCH (UID 2 FLAGS (\\Seen \\Recent) INTERNALDATE \" 2-Mar-2026 12:00:00 +0100\" RFC822.SIZE 45)
         S: b OK Fetched
         C: c UID FETCH 1 BODY[HEADER.FIELDS (subject)]<0.9>
         S: * 1 FETCH (UID 1 BODY[HEADER.FIELDS (subject)]<0> {9}
         S: Subject:  FLAGS (\\Seen \\Recent))
         S: c OK Fetched
         C: d FETCH 4 FLAGS
         S: d BAD There is no message of that number
         C: e FETCH 1 (BODY.PEEK[TEXT] BODY[3])
         S: * 1 FETCH (BODY[TEXT] {8}
         S: body 1
         S:  BODY[3] NIL)
         S: e OK Fetched
         C: f UID STORE 1,9 -FLAGS.SILENT (\\Seen)
         S: f OK Stored
         C: g STORE 1 +FLAGS ($Work \\Flagged)
         S: * 1 FETCH (FLAGS (\\Flagged $Work \\Recent))
         S: g OK Stored
         C: h EXPUNGE
         S: * 3 EXPUNGE
         S: h OK Expunged
         C: i CLOSE
         S: i OK Closed
         C: j FETCH 1 FLAGS
         S: j BAD Select a mailbox first
         C: k LOGOUT
         S: * BYE See you
         S: k OK Logged out",
    );
    assert!(client.ended());
    assert_eq!(subjects(&sandbox, "INBOX"), ["no 1", "no 2"]);
}

#[test]
fn a_read_only_mailbox_stays_as_it_is() {
    let sandbox = three(&[]);
    let mut client = Client::login(&sandbox);
    client.send("a EXAMINE INBOX\r\n");
    while !client.read().starts_with("a OK [READ-ONLY]") {}
    client.talk(
        "C: b FETCH 1 BODY[TEXT]
         S: * 1 FETCH (BODY[TEXT] {8}
         S: body 1
         S: )
         S: b OK Fetched
         C: c STORE 1 +FLAGS (\\Deleted)
         S: c NO [READ-ONLY] …
         C: d EXPUNGE
         S: d NO [READ-ONLY] …
         C: e UID MOVE 1 Away
         S: e NO [READ-ONLY] …
         C: f CLOSE
         S: f OK Closed",
    );
    assert_eq!(sandbox.messages("jo", "INBOX").len(), 3);
}

#[test]
fn a_move_tells_where_the_messages_went_before_they_go() {
    let sandbox = three(&[]);
    let mut client = Client::login(&sandbox);
    client.select("INBOX");
    client.talk(
        "C: b UID MOVE 1,3 Nowhere
         S: b NO [TRYCREATE] No such mailbox
         C: c UID COPY 2 Away
         S: c OK [COPYUID … 2 1] Copied
         C: d UID MOVE 1,3 Away
         S: * OK [COPYUID … 1,3 2:3] Moved
         S: * 3 EXPUNGE
         S: * 1 EXPUNGE
         S: d OK Moved
         C: e UID MOVE 77 Away
         S: e OK Moved",
    );
    assert_eq!(subjects(&sandbox, "INBOX"), ["no 2"]);
    assert_eq!(subjects(&sandbox, "Away"), ["no 2", "no 1", "no 3"]);
    let moved = sandbox.messages("jo", "Away").pop().unwrap();
    assert!(moved.flags.contains(&Flag::Deleted));
}

#[test]
fn without_uidplus_a_move_is_silent_about_uids() {
    let sandbox = three(&["UIDPLUS"]);
    let mut client = Client::login(&sandbox);
    client.select("INBOX");
    client.talk(
        "C: b MOVE 2 Away
         S: * 2 EXPUNGE
         S: b OK Moved
         C: c UID EXPUNGE 3
         S: c BAD That is not offered here
         C: d COPY 1 Away
         S: d OK Copied
         C: e APPEND Away {3+}
         C: a:b
         S: e OK Appended",
    );
    assert_eq!(subjects(&sandbox, "Away"), ["no 2", "no 1", ""]);
}

#[test]
fn uid_expunge_takes_only_the_named() {
    let sandbox = three(&[]);
    let mut client = Client::login(&sandbox);
    client.select("INBOX");
    client.talk(
        "C: b UID STORE 1 +FLAGS.SILENT \\Deleted
         S: b OK Stored
         C: c UID EXPUNGE 1:2
         S: * 1 EXPUNGE
         S: c OK Expunged",
    );
    assert_eq!(subjects(&sandbox, "INBOX"), ["no 2", "no 3"]);
}

#[test]
fn two_sessions_see_each_other_at_the_right_times() {
    let sandbox = three(&[]);
    let (mut one, mut two) = (Client::login(&sandbox), Client::login(&sandbox));
    for client in [&mut one, &mut two] {
        client.select("INBOX");
    }
    one.talk(
        "C: b STORE 1 +FLAGS (\\Flagged)
         S: * 1 FETCH (FLAGS (\\Flagged \\Recent))
         S: b OK Stored
         C: c UID EXPUNGE 3
         S: * 3 EXPUNGE
         S: c OK Expunged
         C: d APPEND INBOX {4+}
         C: a: b
         S: * 3 EXISTS
         S: * 3 RECENT
         S: d OK …",
    );
    two.talk(
        "C: b SEARCH ALL
         S: * SEARCH 1 2
         S: * 4 EXISTS
         S: * 0 RECENT
         S: * 1 FETCH (FLAGS (\\Flagged))
         S: b OK Searched
         C: c FETCH 3 (UID)
         S: c NO [EXPUNGEISSUED] …
         C: d STORE 2:3 +FLAGS.SILENT (\\Answered)
         S: d NO [EXPUNGEISSUED] …
         C: e NOOP
         S: * 3 EXPUNGE
         S: e OK Nothing done
         C: f FETCH 3 (UID)
         S: * 3 FETCH (UID 4)
         S: f OK Fetched
         C: g IDLE
         S: + Idling",
    );
    one.talk(
        "C: e UID STORE 2 +FLAGS.SILENT (\\Deleted)
         S: * 2 FETCH (UID 2 FLAGS (\\Seen \\Answered \\Deleted \\Recent))
         S: e OK Stored",
    );
    two.talk(
        "S: * 2 FETCH (FLAGS (\\Seen \\Answered \\Deleted))
         C: DONE
         S: g OK Idled
         C: h SELECT Away
         S: * FLAGS …",
    );
    while !two.read().starts_with("h OK") {}
    one.talk("C: f DELETE Away\nS: f OK Deleted");
    two.talk("C: i NOOP\nS: * BYE The selected mailbox was deleted");
}

#[test]
fn searches_find_what_they_should() {
    let sandbox = sandbox(&[]);
    let raw = "From: =?utf-8?q?J=C3=BCrgen?= <j@x.example>\r\nTo: me@y.example\r\nSubject: \
        =?iso-8859-1?q?gr=FC=DFe?=\r\nDate: Sat, 28 Feb 2026 23:30:00 -0500\r\nX-Foo: bar\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nw6R0enUgaWhy\r\n";
    let date = "2026-03-01T00:30:00+02:00[+02:00]".parse().unwrap();
    sandbox.deliver("jo", "INBOX", raw.as_bytes(), &[Flag::Seen], &date).unwrap();
    let now = jiff::Timestamp::now().to_zoned_datetime(TimeZone::UTC);
    sandbox.deliver("jo", "INBOX", b"Subject: plain\r\n\r\nnothing", &[], &now).unwrap();
    let mut client = Client::login(&sandbox);
    client.select("INBOX");
    for (keys, found) in [
        ("ALL", " 1 2"),
        ("*", " 2"),
        ("2:*", " 2"),
        ("UID 5:*", " 2"),
        ("SEEN", " 1"),
        ("NEW", " 2"),
        ("NOT SEEN RECENT", " 2"),
        ("SUBJECT {4+}\r\nGRÜ", " 1"),
        ("CHARSET UTF-8 SUBJECT {7+}\r\nGRÜßE", " 1"),
        ("CHARSET UTF-8 FROM {7+}\r\njÜRGEN", " 1"),
        ("FROM j@x", " 1"),
        ("HEADER X-Foo \"\"", " 1"),
        ("HEADER X-Foo BAR", " 1"),
        ("HEADER X-Bar \"\"", ""),
        ("CHARSET UTF-8 BODY {5+}\r\nÄtzu", " 1"),
        ("TEXT base64", " 1"),
        ("BODY base64", ""),
        ("ON 1-Mar-2026", " 1"),
        ("BEFORE 1-Mar-2026", ""),
        ("SENTON 28-Feb-2026", " 1"),
        ("SENTBEFORE 1-Jan-2030", " 1"),
        ("OR SEEN SUBJECT plain", " 1 2"),
        ("LARGER 50", " 1"),
        ("SMALLER 50", " 2"),
        ("YOUNGER 3600", " 2"),
        ("OLDER 3600", " 1"),
        ("KEYWORD $X", ""),
        ("UNKEYWORD $X", " 1 2"),
    ] {
        client.send(&format!("s SEARCH {keys}\r\n"));
        client.talk(&format!("S: * SEARCH{found}\nS: s OK Searched"));
    }
    client.talk(
        "C: t SEARCH CHARSET KOI8-R ALL
         S: t NO [BADCHARSET (UTF-8 US-ASCII)] …
         C: u SEARCH RETURN (MIN MAX ALL COUNT) ALL
         S: * ESEARCH (TAG \"u\") MIN 1 MAX 2 ALL 1:2 COUNT 2
         S: u OK Searched
         C: v SEARCH RETURN (MIN COUNT) DELETED
         S: * ESEARCH (TAG \"v\") COUNT 0
         S: v OK Searched
         C: w SEARCH NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT ALL
         S: w BAD …",
    );
}
