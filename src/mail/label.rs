use std::fmt;

use super::modified_utf7::{decode, encode};

/// A label of Gmail's (`X-GM-EXT-1`): a user's, or one of the system's, which begins with a backslash.
///
/// Keeps the bytes that travel and the Unicode a person reads. Compared without regard to case: Gmail has no two
/// labels that differ in nothing else.
#[derive(Clone, Debug)]
pub struct Label {
    wire: Vec<u8>,
    text: String,
}

impl Label {
    /// Makes a label from Unicode. `None` where it is empty, holds a control character, or begins with a
    /// backslash and is no name such as `\Inbox`.
    pub fn new(text: &str) -> Option<Self> {
        let system = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
        let misnamed = text.strip_prefix('\\').is_some_and(|name| !system(name));
        if text.is_empty() || misnamed || text.chars().any(char::is_control) {
            return None;
        }
        Some(Self { wire: encode(text).into_bytes(), text: text.to_owned() })
    }

    /// Takes a label as a server sent it. `None` where it is empty.
    pub fn from_wire(wire: &[u8]) -> Option<Self> {
        let text = || decode(wire).unwrap_or_else(|| String::from_utf8_lossy(wire).into_owned());
        (!wire.is_empty()).then(|| Self { wire: wire.to_vec(), text: text() })
    }

    /// Tells whether it is one of the system's, such as `\Inbox`.
    pub fn is_system(&self) -> bool {
        self.wire.starts_with(b"\\")
    }

    /// Gives the bytes that travel.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Gives the label in Unicode.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn folded(&self) -> String {
        let folded = self.text.to_lowercase();
        // Gmail says the one, and clients know the other from its mailbox.
        if folded == "\\drafts" { "\\draft".to_owned() } else { folded }
    }
}

impl PartialEq for Label {
    fn eq(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for Label {}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Label;

    #[test]
    fn names_travel_in_modified_utf_7_and_case_does_not_matter() {
        let wire =
            |text: &str| Label::new(text).map(|label| String::from_utf8_lossy(label.wire()).into_owned());
        assert_eq!(wire("é & a\"b").as_deref(), Some("&AOk- &- a\"b"));
        assert_eq!(wire("\\Inbox").as_deref(), Some("\\Inbox"));
        assert_eq!(Label::from_wire(b"&AMk-T&AMk-"), Label::new("été"));
        assert_eq!(Label::from_wire(b"\\DRAFT"), Label::new("\\Drafts"));
        assert_eq!(
            Label::from_wire(b"caf\xe9").map(|label| label.wire().to_vec()),
            Some(b"caf\xe9".to_vec())
        );
    }

    #[test]
    fn what_could_break_a_command_is_no_label() {
        for bad in ["", "a\r\nb", "a\0", "\\", "\\a b", "\\In\"box", "\\é", "\u{85}"] {
            assert_eq!(Label::new(bad), None, "{bad:?}");
        }
    }
}
