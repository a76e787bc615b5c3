use std::borrow::Cow;

/// Writes a text so that two compare equal whatever their case and however much space is between their words.
///
/// It is the lower case of each character by itself, so that a part of a text stays a part of it.
pub fn caseless(text: &str) -> Cow<'_, str> {
    // What rules look for mostly is so already, and is asked of thousands of messages.
    if is_caseless(text) {
        return Cow::Borrowed(text);
    }
    // And most of what it is compared with differs in the case of ASCII letters.
    let lower = text.to_ascii_lowercase();
    if is_caseless(&lower) {
        return Cow::Owned(lower);
    }
    let mut words = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '!'..='~' => words.push(c.to_ascii_lowercase()),
            // The same letter at the end of a word.
            'ς' => words.push('σ'),
            c if !c.is_whitespace() => words.extend(c.to_lowercase()),
            _ if words.ends_with(' ') => {}
            _ => words.push(' '),
        }
    }
    Cow::Owned(words)
}

/// Tells, of ASCII only, whether there is nothing to change in a text.
fn is_caseless(text: &str) -> bool {
    let mut before = 0;
    text.bytes().all(|byte| {
        let doubled = byte == b' ' && before == b' ';
        before = byte;
        byte.is_ascii() && !byte.is_ascii_uppercase() && !matches!(byte, b'\t'..=b'\r') && !doubled
    })
}

#[cfg(test)]
mod tests {
    use super::caseless;
    use std::borrow::Cow;

    #[test]
    fn what_is_so_already_is_not_copied() {
        for text in ["", " ", "person1@people.example", "a b"] {
            assert!(matches!(caseless(text), Cow::Borrowed(same) if same == text), "{text:?}");
        }
        for (text, wanted) in [("A", "a"), ("  ", " "), ("\t", " "), ("a\rb", "a b"), ("ü", "ü")] {
            assert!(matches!(caseless(text), Cow::Owned(new) if new == wanted), "{text:?}");
        }
    }

    #[test]
    fn case_and_space_do_not_matter() {
        assert_eq!(caseless("Grüße\r\n\t AUS\u{a0}Wien\u{b}!"), "grüße aus wien !");
        assert_eq!(caseless("ΟΔΟΣ"), caseless("οδος"));
        assert_eq!(caseless(" a "), " a ");
        // What is all ASCII goes another way, to the same end.
        for text in ["Re:  A\tB", " X", "X ", "\r\n Y\u{1f}Z", "  ", "\u{b}Q\u{c}", "a\u{7f}B"] {
            assert_eq!(caseless(&format!("{text}ü")), format!("{}ü", caseless(text)), "{text:?}");
        }
    }
}
