use super::super::{Options, Sandbox};
use super::{Client, sandbox, three};

#[test]
fn literals_are_invited_or_come_uninvited() {
    let sandbox = sandbox(&[]);
    let mut client = Client::connect(&sandbox);
    client.talk(
        "C: a LOGIN {2}
         S: + Go ahead
         C: jo {6+}
         C: secret
         S: a OK …
         C: c APPEND INBOX (\\Seen $X) \" 1-Feb-2020 03:04:05 -0330\" {15+}
         C: Subject: hi
         C:
         C:
         S: c OK [APPENDUID … 1] Appended
         C: d APPEND Nowhere {4+}
         C: a: b
         S: d NO [TRYCREATE] No such mailbox
         C: e NOSUCH {9999999999}
         S: e BAD …
         C: f NOSUCH {4+}
         C: f2 N
         S: f BAD …
         C: g APPEND INBOX {99999999}
         S: g BAD [TOOBIG] …
         C: h NOOP
         S: h OK Nothing done",
    );
    let message = sandbox.messages("jo", "INBOX").pop().unwrap();
    assert_eq!(message.raw(), b"Subject: hi\r\n\r\n");
    assert_eq!(message.internal_date.strftime("%FT%T%z").to_string(), "2020-02-01T03:04:05-0330");
    client.talk("C: i APPEND INBOX {99999999+}\nS: * BYE That literal is too large");
}

#[test]
fn without_literal_plus_the_bytes_are_taken_and_refused() {
    let sandbox = sandbox(&["LITERAL+"]);
    let mut client = Client::login(&sandbox);
    client.talk(
        "C: a APPEND INBOX {8+}
         C: x LOGOUT
         S: a BAD …
         C: b NOOP
         S: b OK Nothing done",
    );
}

#[test]
fn pipelined_commands_are_answered_in_order() {
    let sandbox = three(&[]);
    let mut client = Client::login(&sandbox);
    client.send("a EXAMINE INBOX\r\nb UID SEARCH ALL\r\nc UID SEARCH RETURN (COUNT) SEEN\r\nd NOOP\r\n");
    while !client.read().starts_with("a OK") {}
    client.talk(
        "S: * SEARCH 1 2 3
         S: b OK Searched
         S: * ESEARCH (TAG \"c\") UID COUNT 2
         S: c OK Searched
         S: d OK Nothing done",
    );
}

#[test]
fn who_may_log_in() {
    let options = Options { password: Some("secret".into()), ..Options::default() };
    let sandbox = Sandbox::start(options).unwrap();
    let mut client = Client::connect(&sandbox);
    client.talk(
        "C: a SELECT INBOX
         S: a BAD Log in first
         C: b LOGIN jo wrong
         S: b NO [AUTHENTICATIONFAILED] …
         C: c AUTHENTICATE PLAIN
         S: +
         C: AGpvAHNlY3JldA==
         S: c OK [CAPABILITY …] Welcome
         C: d LOGIN jo secret
         S: d BAD …",
    );
    Client::connect(&sandbox).talk("C: a AUTHENTICATE PLAIN AGpvAHNlY3JldA==\nS: a OK …");
    let mut client = Client::connect(&sandbox);
    client.talk("C: a AUTHENTICATE PLAIN\nS: +\nC: *\nS: a BAD …\nC: b AUTHENTICATE CRAM-MD5\nS: b NO …");
}

#[test]
fn what_a_hostile_client_sends_is_refused() {
    let sandbox = sandbox(&[]);
    let mut client = Client::login(&sandbox);
    client.talk(
        "C:
         S: * BAD …
         C: (a) NOOP
         S: * BAD …
         C: a NOOP trailing
         S: a BAD …
         C: b LIST \"\" \"unterminated
         S: b BAD …
         C: c STORE 1 FLAGS (\\Recent)
         S: c BAD Select a mailbox first
         C: d APPEND INBOX (\\Recent) {4+}
         C: a: b
         S: d BAD …
         C: e CREATE \"a//b\"
         S: e NO [CANNOT] …",
    );
    client.send(&"x".repeat(70_000));
    assert!(client.read().starts_with("* BYE"));
    let mut client = Client::connect(&sandbox);
    client.talk("C: a LOGIN {100000}\nS: a BAD [TOOBIG] …");
    let mut idle = Client::login(&sandbox);
    idle.talk("C: a IDLE\nS: + Idling");
    sandbox.stop();
    assert!(idle.ended());
}
