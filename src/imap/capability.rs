use std::collections::BTreeSet;

/// What a server says it can do (RFC 3501 §7.2.1). Names are compared without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(BTreeSet<String>);

impl Capabilities {
    /// Takes the words of a CAPABILITY response or code.
    pub(super) fn new<'a>(words: impl Iterator<Item = &'a [u8]>) -> Self {
        Self(words.map(|word| String::from_utf8_lossy(word).to_ascii_uppercase()).collect())
    }

    /// Tells whether the server has `name`, such as `MOVE`.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(&name.to_ascii_uppercase())
    }

    /// Tells whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives all names, in upper case, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Gives the largest literal that may travel without waiting for `+` (RFC 7888).
    pub(super) fn unsynchronised_literal(&self) -> usize {
        if self.has("LITERAL+") {
            usize::MAX
        } else if self.has("LITERAL-") {
            4096
        } else {
            0
        }
    }
}
