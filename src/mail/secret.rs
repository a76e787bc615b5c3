use std::fmt;

use zeroize::Zeroizing;

/// A password or token. It is wiped from memory when dropped and never shown by `Debug`.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret as it was read: line breaks (LF or CRLF) at its end are not part of it.
    pub fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        while text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        Self(Zeroizing::new(text))
    }

    /// Gives the secret itself. Call this only where it is about to leave for the server.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_shows_nothing_and_one_line_break_is_dropped() {
        let secret = Secret::new("hunter2\r\n");
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(Secret::new("a\n\r\n").expose(), "a");
    }
}
