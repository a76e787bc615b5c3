use std::sync::Arc;

use crate::error::{Error, Result};
use crate::mail::{Flag, Label, MailboxName, UidSet};

/// The length a command's line is kept under (RFC 2683 §3.2.1.5 asks for 8,000 at the most).
pub const COMMAND_BYTES: usize = 8_000;

/// Quoted strings longer than this travel as literals.
const QUOTED_BYTES: usize = 1_000;

/// What the reply to one message of an APPEND takes at the most, in the buffers between the two sides.
const REPLY_BYTES: usize = 512;

/// One command, built from typed parts, so that no string of a script or server can become syntax.
#[derive(Clone, Debug)]
pub struct Command {
    verb: &'static str,
    text: String,
    /// Literals, each with the length of `text` that comes before it. They are shared: a message is in memory once.
    literals: Vec<(usize, Arc<Vec<u8>>)>,
    /// How many bytes of the literals are messages.
    message_bytes: usize,
    /// How many of the literals are messages.
    messages: usize,
}

impl Command {
    /// Begins a command. `verb` is what errors call it: `UID MOVE`, `SELECT`.
    pub fn new(verb: &'static str) -> Self {
        Self { verb, text: verb.to_owned(), literals: Vec::new(), message_bytes: 0, messages: 0 }
    }

    /// Gives the command's name.
    pub fn verb(&self) -> &'static str {
        self.verb
    }

    /// Adds a space and syntax of our own making. Never call it with outside text.
    #[must_use]
    pub fn syntax(mut self, text: &str) -> Self {
        self.space();
        self.text.push_str(text);
        self
    }

    /// Adds syntax of our own making without a space before it.
    #[must_use]
    pub(super) fn glued(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Adds a space and a set of UIDs, which must not be empty.
    #[must_use]
    pub fn uids(self, set: &UidSet) -> Self {
        self.syntax(&set.to_string())
    }

    /// Adds a space and a parenthesized list of flags; `\Recent` is left out, since no client sets it.
    #[must_use]
    pub fn flags(self, flags: &[Flag]) -> Self {
        let flags = flags.iter().filter(|flag| **flag != Flag::Recent);
        let flags: Vec<_> = flags.map(ToString::to_string).collect();
        self.syntax(&format!("({})", flags.join(" ")))
    }

    /// Adds a space and a parenthesized list of Gmail's labels: the system's as atoms, all others as strings.
    #[must_use]
    pub fn labels(self, labels: &[Label]) -> Self {
        let mut command = self.syntax("(");
        for label in labels {
            command.space();
            match std::str::from_utf8(label.wire()) {
                Ok(name) if is_system_name(name) => command.text.push_str(name),
                _ => command.push_string(label.wire()),
            }
        }
        command.glued(")")
    }

    /// Adds a space and a mailbox's name.
    #[must_use]
    pub fn mailbox(mut self, name: &MailboxName) -> Self {
        self.space();
        self.push_string(name.wire());
        self
    }

    /// Adds a mailbox's name without a space before it.
    #[must_use]
    pub(super) fn mailbox_glued(mut self, name: &MailboxName) -> Self {
        self.push_string(name.wire());
        self
    }

    /// Adds a space and a string as quoted string or literal, whatever its content needs.
    ///
    /// Errors: a NUL, which IMAP can't carry (RFC 3501 §4.3).
    pub fn string(mut self, bytes: &[u8]) -> Result<Self> {
        if bytes.contains(&0) {
            return Err(Error::script(
                format!("{} can't carry a NUL character", self.verb),
                "take the NUL out of the string",
            ));
        }
        self.space();
        self.push_string(bytes);
        Ok(self)
    }

    /// Adds a space and a message as literal, as APPEND wants it.
    #[must_use]
    pub fn message(mut self, bytes: Arc<Vec<u8>>) -> Self {
        self.space();
        self.message_bytes += bytes.len();
        self.messages += 1;
        self.literals.push((self.text.len(), bytes));
        self
    }

    /// Adds the space between two arguments; none goes after an opening parenthesis.
    fn space(&mut self) {
        let literal_last = self.literals.last().is_some_and(|(at, _)| *at == self.text.len());
        if literal_last || !self.text.ends_with('(') {
            self.text.push(' ');
        }
    }

    fn push_string(&mut self, bytes: &[u8]) {
        let plain = |b: &u8| matches!(b, b' '..=b'~');
        match std::str::from_utf8(bytes) {
            Ok(text) if bytes.len() <= QUOTED_BYTES && bytes.iter().all(plain) => {
                self.text.push('"');
                self.text.push_str(&text.replace('\\', "\\\\").replace('"', "\\\""));
                self.text.push('"');
            }
            _ => self.literals.push((self.text.len(), Arc::new(bytes.to_vec()))),
        }
    }

    /// Tells how many bytes the command has, literals included, tag and framing left out.
    pub fn len(&self) -> usize {
        self.text.len() + self.literals.iter().map(|(_, literal)| literal.len()).sum::<usize>()
    }

    /// Tells how many bytes may wait in the buffers between the two sides because of it. A server reads a message on
    /// and on; what could fill up is the room for its replies.
    pub(super) fn weight(&self) -> usize {
        self.len() - self.message_bytes + self.messages * REPLY_BYTES
    }

    /// Tells whether the command is empty; it never is.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Cuts the command into what travels: texts, and the literals between them.
    pub(super) fn pieces(&self) -> Vec<(&str, Option<&[u8]>)> {
        let mut pieces = Vec::with_capacity(self.literals.len() + 1);
        let mut from = 0;
        for (at, literal) in &self.literals {
            pieces.push((self.text.get(from..*at).unwrap_or_default(), Some(literal.as_slice())));
            from = *at;
        }
        pieces.push((self.text.get(from..).unwrap_or_default(), None));
        pieces
    }
}

/// Tells whether a label is a backslash and an atom, and nothing else, which a server may have sent.
fn is_system_name(label: &str) -> bool {
    let name = label.strip_prefix('\\').unwrap_or_default();
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Command;
    use crate::mail::{Label, MailboxName};

    fn wire(command: &Command) -> Vec<u8> {
        let mut bytes = b"a1 ".to_vec();
        for (text, literal) in command.pieces() {
            bytes.extend_from_slice(text.as_bytes());
            if let Some(literal) = literal {
                bytes.extend_from_slice(format!("{{{}+}}\r\n", literal.len()).as_bytes());
                bytes.extend_from_slice(literal);
            }
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    #[test]
    fn strings_are_quoted_or_become_literals_by_their_content() {
        let text = |s: &str| {
            Command::new("X")
                .string(s.as_bytes())
                .map(|c| String::from_utf8_lossy(&wire(&c)).into_owned())
                .ok()
        };
        assert_eq!(text("a \"b\\").as_deref(), Some("a1 X \"a \\\"b\\\\\"\r\n"));
        assert_eq!(text("a\r\nb").as_deref(), Some("a1 X {4+}\r\na\r\nb\r\n"));
        assert_eq!(text("ü").as_deref(), Some("a1 X {2+}\r\nü\r\n"));
        assert_eq!(text("a{5}").as_deref(), Some("a1 X \"a{5}\"\r\n"));
        assert_eq!(text("a\0"), None);
    }

    #[test]
    fn labels_are_strings_and_the_systems_are_atoms() {
        let labels = ["\\Inbox", "a b", "é", "a\"b\\", "(x)"].map(Label::new).into_iter().flatten();
        let broken = [&b"caf\xe9"[..], b"\\a) b", b"x\r\ny"].map(Label::from_wire).into_iter().flatten();
        let command = Command::new("X").labels(&labels.chain(broken).collect::<Vec<_>>());
        assert_eq!(
            wire(&command).escape_ascii().to_string().replace("\\\\", "\\").replace("\\\"", "\""),
            "a1 X (\\Inbox \"a b\" \"&AOk-\" \"a\\\"b\\\\\" \"(x)\" {4+}\\r\\ncaf\\xe9 \"\\\\a) b\" {4+}\\r\\nx\\r\\ny)\\r\\n"
        );
    }

    proptest! {
        /// SAFETY: a script's string can't become a command. The judge is an independent parser.
        #[test]
        fn any_string_stays_one_argument(text in "\\PC{0,40}|[\r\n\"\\\\{}0-9+ ()a]{0,40}") {
            use imap_codec::decode::Decoder;
            use imap_codec::imap_types::command::CommandBody;
            let Ok(command) = Command::new("LOGIN").string(text.as_bytes()).and_then(|c| c.string(b"x")) else {
                return Ok(());
            };
            let bytes = wire(&command);
            let decoded = imap_codec::CommandCodec::default().decode(&bytes);
            let (rest, decoded) = decoded.map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
            prop_assert!(rest.is_empty());
            match decoded.body {
                CommandBody::Login { username, .. } => prop_assert_eq!(username.as_ref(), text.as_bytes()),
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn any_mailbox_name_stays_one_argument(name in prop::collection::vec(any::<u8>(), 1..20)) {
            use imap_codec::decode::Decoder;
            let Some(name) = MailboxName::from_wire(&name) else { return Ok(()) };
            let bytes = wire(&Command::new("SELECT").mailbox(&name));
            if let Ok((rest, _)) = imap_codec::CommandCodec::default().decode(&bytes) {
                prop_assert!(rest.is_empty());
            } else {
                // Only 8-bit names, which no literal is to blame for, are beyond the judge.
                prop_assert!(!name.wire().is_ascii());
            }
        }
    }
}
