/// Writes a text so that two compare equal whatever their case and however much space is between their words.
///
/// It is the lower case of each character by itself, so that a part of a text stays a part of it.
pub fn caseless(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // The same letter at the end of a word.
            'ς' => words.push('σ'),
            c if !c.is_whitespace() => words.extend(c.to_lowercase()),
            _ if words.ends_with(' ') => {}
            _ => words.push(' '),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::caseless;

    #[test]
    fn case_and_space_do_not_matter() {
        assert_eq!(caseless("Grüße\r\n\t AUS\u{a0}Wien\u{b}!"), "grüße aus wien !");
        assert_eq!(caseless("ΟΔΟΣ"), caseless("οδος"));
        assert_eq!(caseless(" a "), " a ");
    }
}
