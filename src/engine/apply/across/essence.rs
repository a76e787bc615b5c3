use sha2::{Digest as _, Sha256};

use crate::mail::{BodyStructure, Message};

/// What a message says, however a server has written it anew: its Message-ID, and its parts without their transfer
/// encodings, in either form of line ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Essence {
    message_id: Option<String>,
    /// The type of each part that has no parts of its own, and a digest of what it says.
    parts: Vec<(String, [u8; 32])>,
}

impl Essence {
    /// Finds it in a message's bytes.
    pub(super) fn of(raw: Vec<u8>) -> Self {
        let message = Message::parse(raw);
        let digest = |part: &BodyStructure| {
            let content = message.part(&part.id).unwrap_or_default();
            let content_type = part.content_type();
            let is_text = content_type.starts_with("text/") || part.is_message();
            let said = if is_text { lines(&content) } else { content };
            (content_type, Sha256::digest(&said).into())
        };
        let parts = message.structure().parts().map(digest).collect();
        Self { message_id: message.headers().message_id(), parts }
    }
}

/// Gives a text with the line ends of files here, and without empty lines at its end.
fn lines(text: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(text.len());
    for line in text.split(|&byte| byte == b'\n') {
        lines.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        lines.push(b'\n');
    }
    let end = lines.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |at| at + 1);
    lines.truncate(end);
    lines
}

#[cfg(test)]
mod tests {
    use super::Essence;

    fn of(raw: &str) -> Essence {
        Essence::of(raw.as_bytes().to_vec())
    }

    #[test]
    fn another_encoding_and_other_line_ends_say_the_same() {
        let plain = of("Message-ID: <a@x>\nContent-Type: text/plain\n\none\ntwo\n");
        let encoded = "Message-ID: <a@x>\r\nX-New: 1\r\nContent-Type: text/plain\r\n\
                       Content-Transfer-Encoding: base64\r\n\r\nb25lDQp0d28NCg==\r\n";
        assert_eq!(plain, of(encoded));
    }

    #[test]
    fn another_text_or_identifier_does_not() {
        let plain = of("Message-ID: <a@x>\n\none\n");
        assert_ne!(plain, of("Message-ID: <b@x>\n\none\n"));
        assert_ne!(plain, of("Message-ID: <a@x>\n\none more\n"));
        assert_ne!(plain, of("Message-ID: <a@x>\nContent-Type: text/html\n\none\n"));
    }
}
