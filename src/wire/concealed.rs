use std::fmt;

use zeroize::Zeroizing;

/// Words that a server was told in confidence. If it says them back, nobody is to see them.
#[derive(Clone, Default)]
pub struct Concealed(Vec<Zeroizing<String>>);

/// What stands in a word's place.
const SHOWN: &str = "<secret>";

/// Words shorter than this hide nothing: no text would be left.
const SHORTEST: usize = 3;

impl Concealed {
    /// Takes the words.
    pub fn new(words: impl IntoIterator<Item = String>) -> Self {
        let words = words.into_iter().map(Zeroizing::new).filter(|word| word.len() >= SHORTEST);
        Self(words.collect())
    }

    /// Gives the text with `<secret>` in place of each word, also where a form or an address has it (percent-encoded).
    pub fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, word| hide(&text.replace(word.as_str(), SHOWN), word))
    }
}

/// Hides a word wherever any of its bytes are encoded.
fn hide(text: &str, word: &str) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(first) = rest.chars().next() {
        let after = encoded(rest.as_bytes(), word.as_bytes()).and_then(|length| rest.get(length..));
        out.push_str(after.map_or(rest.get(..first.len_utf8()).unwrap_or_default(), |_| SHOWN));
        rest = after.or_else(|| rest.get(first.len_utf8()..)).unwrap_or_default();
    }
    out
}

/// Gives the length of what a text begins with, if that is the word: each byte as it is, as `%` and two digits, or, of a
/// blank, as `+`.
fn encoded(text: &[u8], word: &[u8]) -> Option<usize> {
    let mut rest = text;
    for &byte in word {
        rest = match rest {
            [b'%', high, low, rest @ ..] if of_digits(*high, *low) == Some(byte) => rest,
            [b'+', rest @ ..] if byte == b' ' => rest,
            [first, rest @ ..] if *first == byte => rest,
            _ => return None,
        };
    }
    Some(text.len() - rest.len())
}

fn of_digits(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

impl fmt::Debug for Concealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Concealed")
    }
}

#[cfg(test)]
mod tests {
    use super::Concealed;

    #[test]
    fn words_are_hidden_and_never_shown_by_debug() {
        let words = Concealed::new(["hunter2".to_owned(), "aHVudGVyMg==".to_owned(), "a".to_owned()]);
        assert_eq!(words.hide("NO hunter2, ahunter2a (aHVudGVyMg==)"), "NO <secret>, a<secret>a (<secret>)");
        assert_eq!(format!("{words:?}"), "Concealed");
    }

    #[test]
    fn words_are_hidden_as_forms_and_addresses_have_them() {
        let words = Concealed::new(["1//0g a+b~ü%".to_owned()]);
        for text in
            ["1//0g a+b~ü%", "1%2F%2F0g+a%2Bb%7E%C3%BC%25", "1%2f%2f0g%20a%2bb~%c3%bc%25", "1//0g%20a+b~ü%"]
        {
            assert_eq!(words.hide(&format!("ü%{text}&x=1%2F")), "ü%<secret>&x=1%2F", "{text}");
        }
        assert_eq!(words.hide("1%2F%2F0g+a%2Bb%7E%C3%B"), "1%2F%2F0g+a%2Bb%7E%C3%B");
    }
}
