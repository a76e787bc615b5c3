//! How a server is asked for text in header fields, so that whatever matches the decoded text here is among what it
//! finds.
//!
//! Servers differ. Some decode encoded words (RFC 2047) and some search the bytes as they are; some fold the case of
//! ASCII only; white space is folded by some. What all have in common is ASCII without space, so only such pieces of a
//! text are asked for where that tells enough, together with every field that has an encoded word in it: a server
//! that decodes finds next to none of those.

use super::program::Program;
use super::{Means, Pattern};
use crate::imap::{COMMAND_BYTES, KnownKeys, SearchKey};

/// How many pieces of one text are asked for.
const PIECES: usize = 4;

/// Asks whether there is a field of the name. `None` where the server can't be asked.
pub(super) fn field_there(name: &str, means: Means) -> Option<SearchKey> {
    (means.keys == KnownKeys::All).then(|| SearchKey::Header(name.to_owned(), String::new()))
}

/// Asks for a pattern in the fields of the name.
pub(super) fn field_in(name: &str, pattern: &Pattern, means: Means) -> Program {
    let key = match pattern {
        Pattern::OneOf(choice) => {
            let keys: Option<Vec<_>> =
                choice.patterns().iter().map(|pattern| pieces_in(name, pattern, means)).collect();
            keys.and_then(SearchKey::any)
        }
        pattern => pieces_in(name, pattern, means),
    };
    let decodes = means.gmail || !has_text(pattern);
    let encoded = if decodes { None } else { field_with(name, "=?", means) };
    let key = match (key, encoded) {
        (Some(key), Some(encoded)) => SearchKey::Or(Box::new(key), Box::new(encoded)),
        (Some(key), None) => key,
        // What is not there matches nothing.
        (None, _) => field_there(name, means).unwrap_or(SearchKey::All),
    };
    if key.length() > COMMAND_BYTES / 2 { Program::anything() } else { Program::wide(key) }
}

/// Tells whether encoded words are decoded for it. An address is never in one.
fn has_text(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Contains(_) => true,
        Pattern::OneOf(choice) => choice.patterns().iter().any(has_text),
        _ => false,
    }
}

/// Asks for the pieces of one pattern. `None` where it has none that tell anything.
fn pieces_in(name: &str, pattern: &Pattern, means: Means) -> Option<SearchKey> {
    let pieces = match pattern {
        Pattern::Contains(text) => pieces_of(text, means),
        // Comments, quotes and space may stand between the parts of an address.
        Pattern::Address(text) | Pattern::Domain(text) if !text.contains("=?") => {
            text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|piece| !piece.is_empty()).collect()
        }
        _ => Vec::new(),
    };
    let mut keys: Vec<_> =
        longest(pieces).into_iter().map(|piece| field_with(name, piece, means)).collect::<Option<_>>()?;
    match keys.len() {
        0 => None,
        1 => keys.pop(),
        _ => Some(SearchKey::And(keys)),
    }
}

/// Gives the pieces of a text that any server finds in a field that it is in. A text without ASCII is asked for by its
/// words, where the server knows UTF-8.
fn pieces_of(text: &str, means: Means) -> Vec<&str> {
    let pieces = text.split(|c: char| !c.is_ascii_graphic());
    let enough = if text.is_ascii() { 1 } else { 2 };
    let pieces: Vec<_> = pieces.filter(|piece| piece.len() >= enough).collect();
    if pieces.is_empty() && means.charset { text.split_whitespace().collect() } else { pieces }
}

fn longest(mut pieces: Vec<&str>) -> Vec<&str> {
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    pieces.dedup();
    pieces.truncate(PIECES);
    pieces
}

/// Asks for a field of the name that has the text in it. `FROM` and its like are about addresses as a server has read
/// them, and Dovecot leaves comments out of those; `HEADER` is about the field's text.
fn field_with(name: &str, text: &str, means: Means) -> Option<SearchKey> {
    let key = match name.to_ascii_lowercase().as_str() {
        "subject" => Some("SUBJECT"),
        "from" => Some("FROM"),
        "to" => Some("TO"),
        "cc" => Some("CC"),
        "bcc" => Some("BCC"),
        _ => None,
    };
    match (key, means.keys) {
        (Some(key), KnownKeys::Common) => Some(SearchKey::Contains(key, text.to_owned())),
        (Some(key), KnownKeys::All) if key == "SUBJECT" || means.gmail => {
            Some(SearchKey::Contains(key, text.to_owned()))
        }
        (_, KnownKeys::All) => Some(SearchKey::Header(name.to_owned(), text.to_owned())),
        (_, KnownKeys::Common | KnownKeys::Sets) => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{KnownKeys, Means, Pattern, SearchKey, field_in};

    /// Writes a program for people.
    fn shown(key: &SearchKey) -> String {
        match key {
            SearchKey::All => "ALL".into(),
            SearchKey::Contains(key, text) => format!("{key} {text}"),
            SearchKey::Header(name, text) => format!("{name}:{text}"),
            SearchKey::Or(a, b) => format!("({} | {})", shown(a), shown(b)),
            SearchKey::And(keys) => format!("({})", keys.iter().map(shown).collect::<Vec<_>>().join(" & ")),
            key => format!("{key:?}"),
        }
    }

    fn asked(name: &str, pattern: &Pattern, means: Means) -> String {
        shown(&field_in(name, pattern, means).key)
    }

    #[test]
    fn only_what_every_server_finds_is_asked_for() {
        let means = Means::default();
        for (text, key) in [
            ("build", "(SUBJECT build | SUBJECT =?)"),
            ("[build] #7", "((SUBJECT [build] & SUBJECT #7) | SUBJECT =?)"),
            ("Grüße aus Wien", "((SUBJECT Wien & SUBJECT aus & SUBJECT Gr) | SUBJECT =?)"),
            ("Łódź é", "((SUBJECT Łódź & SUBJECT é) | SUBJECT =?)"),
            ("Привет", "(SUBJECT Привет | SUBJECT =?)"),
        ] {
            assert_eq!(asked("Subject", &Pattern::Contains(text.into()), means), key, "{text}");
        }
    }

    #[test]
    fn addresses_are_asked_for_by_their_parts() {
        let means = Means::default();
        let address = |text| Pattern::address(text).unwrap();
        assert_eq!(
            asked("from", &address("jo.doe@mail.example.org"), means),
            "(from:example & from:mail & from:doe & from:org)"
        );
        assert_eq!(asked("from", &address("ü@é"), means), "from:");
    }

    #[test]
    fn a_server_is_not_asked_for_what_it_does_not_know() {
        let text = |text: &str| Pattern::Contains(text.into());
        let ascii = Means { charset: false, ..Means::default() };
        assert_eq!(asked("subject", &text("Привет"), ascii), "subject:");
        let common = Means { charset: false, keys: KnownKeys::Common, ..Means::default() };
        assert_eq!(asked("from", &text("a"), common), "(FROM a | FROM =?)");
        assert_eq!(asked("x-foo", &text("a"), common), "ALL");
        let gmail = Means { gmail: true, ..Means::default() };
        assert_eq!(asked("from", &text("a b"), gmail), "(FROM a & FROM b)");
    }
}
