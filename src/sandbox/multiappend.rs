//! Several messages in one APPEND (RFC 3502), of which `imap-codec` knows only the first.

use super::extension::{Cursor, Undecoded};

/// Takes an APPEND with several messages apart, into one command for each. `None` where it has one, or is none.
///
/// Of a command that is not whole yet, the messages before its last are not looked at again: they were, when the
/// literal after them was announced.
pub(super) fn take(bytes: &[u8]) -> Result<Option<Vec<Vec<u8>>>, Undecoded> {
    let mut cursor = Cursor::after_tag(bytes);
    if !cursor.keyword(b"APPEND ") || cursor.string().is_err() {
        return Ok(None);
    }
    let start = bytes.get(..bytes.len() - cursor.rest.len()).unwrap_or_default();
    let single = |message: &[u8]| [start, message, b"\r\n"].concat();
    let mut commands = Vec::new();
    loop {
        let from = cursor.rest;
        let whole = message(&mut cursor);
        let taken = from.get(..from.len() - cursor.rest.len()).unwrap_or_default();
        match whole {
            Ok(()) if cursor.rest == b"\r\n" => {
                commands.push(single(taken));
                return Ok((commands.len() > 1).then_some(commands));
            }
            Ok(()) if cursor.rest.starts_with(b" ") => commands.push(single(taken)),
            // The first alone is a command that the codec can judge.
            _ if commands.is_empty() => return Ok(None),
            // What is announced now has to make sense as an APPEND of its own.
            Err(Undecoded::Unfinished) => return Ok(Some(vec![[start, from].concat()])),
            Ok(()) | Err(Undecoded::Failed) => return Err(cursor.failure()),
        }
    }
}

/// Passes over one message: its flags and date, if it has them, and its literal.
fn message(cursor: &mut Cursor<'_>) -> Result<(), Undecoded> {
    cursor.expect(b" ")?;
    if cursor.rest.starts_with(b"(") {
        let length = cursor.rest.iter().position(|&b| b == b')').ok_or(Undecoded::Failed)?;
        cursor.take(length + 1)?;
        cursor.expect(b" ")?;
    }
    if cursor.rest.starts_with(b"\"") {
        cursor.string()?;
        cursor.expect(b" ")?;
    }
    if !cursor.rest.starts_with(b"{") {
        return Err(Undecoded::Failed);
    }
    cursor.string().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::{Undecoded, take};

    #[test]
    fn each_message_becomes_a_command() {
        let bytes =
            b"a append \"x y\" (\\Seen) {3}\r\nabc \"01-Jan-2024 00:00:00 +0000\" {2+}\r\nde {1}\r\nf\r\n";
        let commands: Vec<_> = take(bytes).ok().flatten().into_iter().flatten().collect();
        let texts: Vec<_> = commands.iter().map(|command| command.escape_ascii().to_string()).collect();
        assert_eq!(
            texts,
            [
                r#"a append \"x y\" (\\Seen) {3}\r\nabc\r\n"#,
                r#"a append \"x y\" \"01-Jan-2024 00:00:00 +0000\" {2+}\r\nde\r\n"#,
                r#"a append \"x y\" {1}\r\nf\r\n"#
            ]
        );
    }

    #[test]
    fn one_message_is_left_to_the_codec() {
        for single in ["a APPEND x {1}\r\na\r\n", "a APPEND x {1}\r\n", "a APPEND x", "a LIST x y\r\n"] {
            assert_eq!(take(single.as_bytes()), Ok(None), "{single:?}");
        }
    }

    #[test]
    fn what_comes_after_a_message_is_a_message_or_an_error() {
        let open = b"a APPEND x {1}\r\nb (\\Seen) {7}\r\n";
        assert_eq!(take(open), Ok(Some(vec![b"a APPEND x (\\Seen) {7}\r\n".to_vec()])));
        let bad = b"a APPEND x {1}\r\nb y\r\n";
        assert_eq!(take(bad), Err(Undecoded::Failed));
    }
}
