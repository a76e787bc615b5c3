use std::fmt;

use zeroize::Zeroizing;

/// Words that a server was told in confidence. If it says them back, nobody is to see them.
#[derive(Clone, Default)]
pub struct Concealed(Vec<Zeroizing<String>>);

/// Words shorter than this hide nothing: no text would be left.
const SHORTEST: usize = 3;

impl Concealed {
    /// Takes the words.
    pub fn new(words: impl IntoIterator<Item = String>) -> Self {
        let words = words.into_iter().map(Zeroizing::new).filter(|word| word.len() >= SHORTEST);
        Self(words.collect())
    }

    /// Gives the text with `<secret>` in place of each word.
    pub fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, word| text.replace(word.as_str(), "<secret>"))
    }
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
}
