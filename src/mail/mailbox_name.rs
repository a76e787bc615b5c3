use std::fmt;

use super::modified_utf7::{decode, encode};

/// A mailbox's full name on its server.
///
/// Keeps the bytes that travel and the Unicode a person reads. Names are modified UTF-7 on the wire
/// (RFC 3501 §5.1.3); a name that is not valid modified UTF-7 is kept as the server sent it, so that
/// it can still be opened and deleted. `INBOX` is equal to itself in any case, and only it.
#[derive(Clone, Debug)]
pub struct MailboxName {
    wire: Vec<u8>,
    text: String,
}

impl MailboxName {
    /// Makes a name from Unicode. `None` where it is empty or holds a control character, which no
    /// server takes and which must never reach a command.
    pub fn new(text: &str) -> Option<Self> {
        if text.is_empty() || text.chars().any(char::is_control) {
            return None;
        }
        if text.eq_ignore_ascii_case("INBOX") {
            return Some(Self::inbox());
        }
        Some(Self { wire: encode(text).into_bytes(), text: text.to_owned() })
    }

    /// Takes a name as a server sent it or as `{ raw = … }` gives it. `None` where it is empty or holds
    /// CR, LF or NUL.
    pub fn from_wire(wire: &[u8]) -> Option<Self> {
        if wire.is_empty() || wire.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return None;
        }
        if wire.eq_ignore_ascii_case(b"INBOX") {
            return Some(Self::inbox());
        }
        let text = decode(wire).unwrap_or_else(|| String::from_utf8_lossy(wire).into_owned());
        Some(Self { wire: wire.to_vec(), text })
    }

    /// Gives the name of the mailbox where new mail arrives.
    pub fn inbox() -> Self {
        Self { wire: b"INBOX".to_vec(), text: "INBOX".to_owned() }
    }

    /// Tells whether this is the INBOX.
    pub fn is_inbox(&self) -> bool {
        self.wire == b"INBOX"
    }

    /// Gives the bytes that travel.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Gives the name in Unicode, with the server's own delimiter.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl PartialEq for MailboxName {
    fn eq(&self, other: &Self) -> bool {
        self.wire == other.wire
    }
}

impl Eq for MailboxName {}

impl PartialOrd for MailboxName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MailboxName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.wire.cmp(&other.wire)
    }
}

impl std::hash::Hash for MailboxName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.wire.hash(state);
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::MailboxName;

    #[test]
    fn the_rfc_examples_travel_as_the_rfc_says() {
        let name = MailboxName::new("~peter/mail/台北/日本語").map(|n| n.wire().to_vec());
        assert_eq!(name.as_deref(), Some(&b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"[..]));
        let back = MailboxName::from_wire(b"~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(back.map(|n| n.text().to_owned()).as_deref(), Some("~peter/mail/台北/日本語"));
        assert_eq!(MailboxName::new("R&D").map(|n| n.wire().to_vec()).as_deref(), Some(&b"R&-D"[..]));
    }

    #[test]
    fn broken_names_keep_their_bytes() {
        for wire in [&b"R&D"[..], b"&", b"&U,BTFw", b"&Jjo-!-&x-", b"caf\xc3\xa9", b"caf\xe9", b"&AGE-"] {
            let name = MailboxName::from_wire(wire);
            assert_eq!(name.map(|n| n.wire().to_vec()).as_deref(), Some(wire));
        }
    }

    #[test]
    fn inbox_has_no_case_and_control_characters_have_no_place() {
        assert_eq!(MailboxName::new("inbox"), Some(MailboxName::inbox()));
        assert_ne!(MailboxName::new("Work"), MailboxName::new("work"));
        for bad in ["", "a\r\nb", "a\0", "\u{85}"] {
            assert_eq!(MailboxName::new(bad), None, "{bad:?}");
        }
        assert_eq!(MailboxName::from_wire(b"a\nb"), None);
    }

    proptest! {
        #[test]
        fn unicode_round_trips(text in "\\PC{1,20}") {
            let there = MailboxName::new(&text);
            let back = there.as_ref().and_then(|name| MailboxName::from_wire(name.wire()));
            prop_assert!(there.iter().all(|name| name.wire().is_ascii()));
            prop_assert_eq!(back.as_ref().map(MailboxName::text), there.as_ref().map(MailboxName::text));
            prop_assert_eq!(back, there);
        }

        #[test]
        fn wire_bytes_round_trip(wire in prop::collection::vec(1u8..=255, 1..20)) {
            if let Some(name) = MailboxName::from_wire(&wire).filter(|name| !name.is_inbox()) {
                prop_assert_eq!(name.wire(), &wire[..]);
            }
        }
    }
}
