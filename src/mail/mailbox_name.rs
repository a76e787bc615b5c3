use std::fmt;

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

/// Modified base64: `,` in place of `/` and no padding (RFC 3501 §5.1.3).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// Writes Unicode as modified UTF-7.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut shifted = Vec::new();
    for c in text.chars() {
        if matches!(c, ' '..='~') {
            close(&mut shifted, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            shifted.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    close(&mut shifted, &mut out);
    out
}

/// Ends a shifted run: its UTF-16 units as `&…-`.
fn close(units: &mut Vec<u16>, out: &mut String) {
    if units.is_empty() {
        return;
    }
    out.push('&');
    let (mut bits, mut held) = (0u32, 0u8);
    for unit in units.drain(..) {
        bits = (bits << 16) | u32::from(unit);
        held += 16;
        while held >= 6 {
            held -= 6;
            out.push(sextet(bits >> held));
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        out.push(sextet(bits << (6 - held)));
    }
    out.push('-');
}

fn sextet(bits: u32) -> char {
    ALPHABET.get((bits & 63) as usize).map_or('A', |&b| char::from(b))
}

/// Reads modified UTF-7. `None` unless encoding the result gives the same bytes again.
fn decode(wire: &[u8]) -> Option<String> {
    let wire = std::str::from_utf8(wire).ok()?;
    let mut text = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some(at) = rest.find('&') {
        let (plain, shifted) = rest.split_at(at);
        text.push_str(plain);
        let (run, after) = shifted.get(1..)?.split_once('-')?;
        if run.is_empty() {
            text.push('&');
        } else {
            text.push_str(&unshift(run)?);
        }
        rest = after;
    }
    text.push_str(rest);
    (encode(&text) == wire).then_some(text)
}

fn unshift(run: &str) -> Option<String> {
    let (mut bits, mut held, mut units) = (0u32, 0u8, Vec::new());
    for byte in run.bytes() {
        let value = ALPHABET.iter().position(|&b| b == byte)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        held += 6;
        if held >= 16 {
            held -= 16;
            units.push(u16::try_from(bits >> held).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    String::from_utf16(&units).ok()
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
