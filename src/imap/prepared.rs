use stringprep::saslprep;

use super::login::{Credentials, Proof};
use crate::mail::Secret;

/// Gives a user and a password in the form in which SCRAM wants them (RFC 5802 §5.1, RFC 4013), if that is another than
/// they have. A text with characters that RFC 4013 does not take stays as it is.
pub(super) fn prepared(credentials: &Credentials) -> Option<Credentials> {
    let Proof::Password(password) = &credentials.proof else { return None };
    let user = prepare(&credentials.user);
    let other = prepare(password.expose()).map(|text| Proof::Password(Secret::new(text)));
    if user.is_none() && other.is_none() {
        return None;
    }
    Some(Credentials {
        user: user.unwrap_or_else(|| credentials.user.clone()),
        proof: other.unwrap_or_else(|| credentials.proof.clone()),
    })
}

fn prepare(text: &str) -> Option<String> {
    let other = saslprep(text).ok().filter(|other| !other.is_empty() && other != text)?;
    Some(other.into_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::prepared;
    use crate::imap::login::{Credentials, Proof};
    use crate::mail::Secret;

    fn of(user: &str, password: &str) -> Option<(String, String)> {
        let proof = Proof::Password(Secret::new(password));
        let prepared = prepared(&Credentials { user: user.to_owned(), proof })?;
        let Proof::Password(password) = prepared.proof else { return None };
        Some((prepared.user, password.expose().to_owned()))
    }

    #[test]
    fn the_examples_of_rfc_4013() {
        for (text, wanted) in [("I\u{ad}X", "IX"), ("\u{aa}", "a"), ("\u{2168}", "IX")] {
            assert_eq!(of("user", text).unwrap(), ("user".to_owned(), wanted.to_owned()));
            assert_eq!(of(text, "x").unwrap(), (wanted.to_owned(), "x".to_owned()));
        }
        // The same already, or nothing that is taken.
        for text in ["user", "USER", "p\u{e4}ssw\u{f6}rd", "\u{7}", "\u{627}1", "\u{1f389}", "\u{ad}"] {
            assert_eq!(of("user", text), None, "{text}");
        }
    }

    #[test]
    fn blanks_and_accents() {
        assert_eq!(of("user", "a\u{a0}b\u{2003}c").unwrap().1, "a b c");
        assert_eq!(of("user", "u\u{308}").unwrap().1, "\u{fc}");
    }
}
