//! What is fuzzed: each body takes any bytes, and panics only where the code under it is wrong.

use imapscript::{
    imap::Response,
    mail::{MailboxName, Namespaces, UidSet},
    wire::Frame,
};

/// Frames and parses a server's response. What is understood holds what the rest of the program relies on.
pub(crate) fn response(bytes: &[u8]) {
    let Ok(frame) = Frame::from_bytes(bytes) else { return };
    for literal in frame.literals() {
        assert!(frame.bytes().get(literal.clone()).is_some(), "a literal outside of its frame");
    }
    let Ok(response) = Response::parse(&frame) else { return };
    // No value may be so deep or so odd that it can't be walked.
    assert!(!format!("{response:?}").is_empty());
    match response {
        Response::Status(line) => {
            assert!(!line.text.contains(char::is_control), "{:?} would reach a terminal", line.text);
        }
        Response::Search(found, _) if !found.is_empty() => round_trip(&found),
        Response::List(entry) => name_holds(&entry.name),
        _ => {}
    }
}

/// Parses a set of UIDs, writes it, and parses it again.
pub(crate) fn uid_set(bytes: &[u8]) {
    let Some(set) = std::str::from_utf8(bytes).ok().and_then(UidSet::parse) else { return };
    round_trip(&set);
    assert!(!set.is_empty());
    for (first, last) in set.ranges() {
        assert!(0 < first && first <= last);
    }
    for ((_, last), (first, _)) in set.ranges().zip(set.ranges().skip(1)) {
        assert!(u64::from(last) + 1 < u64::from(first), "{set} has ranges that touch");
    }
    let parts = set.split(24);
    assert!(parts.iter().all(|part| part.to_string().len() <= 24));
    assert_eq!(parts.iter().fold(UidSet::new(), |all, part| all.union(part)), set);
    assert_eq!(set.union(&set), set);
    assert_eq!(set.intersection(&set), set);
    assert!(set.difference(&set).is_empty());
}

/// Takes a mailbox's name as a server might send it.
pub(crate) fn mailbox_name(bytes: &[u8]) {
    let Some(name) = MailboxName::from_wire(bytes) else { return };
    assert!(
        name.wire() == bytes || name.is_inbox(),
        "the bytes that the server has are the ones that travel"
    );
    name_holds(&name);
}

fn round_trip(set: &UidSet) {
    assert_eq!(UidSet::parse(&set.to_string()).as_ref(), Some(set));
}

fn name_holds(name: &MailboxName) {
    assert!(
        !name.wire().iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')),
        "{name:?} could end a command"
    );
    assert_eq!(MailboxName::from_wire(name.wire()).as_ref(), Some(name));
    // What people read names a mailbox, and the same one whenever it is read again.
    if let Some(again) = MailboxName::new(name.text()) {
        assert_eq!(again.text(), name.text());
        assert!(again.wire().is_ascii(), "modified UTF-7 is ASCII");
        let back = MailboxName::from_wire(again.wire()).map(|back| back.text().to_owned());
        assert_eq!(back.as_deref(), Some(name.text()));
    }
    assert!(!Namespaces::default().to_script(name).is_empty());
}
