use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

/// The public key that a server's certificate must have, by the SHA-256 of its `SubjectPublicKeyInfo` (as in RFC 7469
/// §2.4). It outlives a renewed certificate, if the key stays.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pin([u8; 32]);

impl Pin {
    /// Reads `sha256:` and the digest in base64, or in hexadecimal digits with or without colons.
    pub fn parse(text: &str) -> Option<Self> {
        let digest = text.strip_prefix("sha256:")?.trim();
        let bytes = hexadecimal(digest).or_else(|| STANDARD.decode(digest).ok())?;
        bytes.try_into().ok().map(Self)
    }

    /// Computes it of a certificate in DER. `None` for what is no certificate.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(certificate).ok()?;
        let key = certificate.tbs_certificate().subject_public_key_info().to_der().ok()?;
        Some(Self(Sha256::digest(key).into()))
    }
}

/// Reads 32 bytes. Digits of base64 that happen to be hexadecimal ones are fewer.
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| *c != ':')
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let bytes = digits.chunks_exact(2).filter_map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    (digits.len() == 64).then(|| bytes.collect())
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Pin> for String {
    fn from(pin: Pin) -> Self {
        pin.to_string()
    }
}

impl TryFrom<String> for Pin {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        Self::parse(&text).ok_or("a pin is `sha256:` and the digest of a public key in base64")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::Pin;

    #[test]
    fn both_spellings_are_the_same() {
        let base64 = Pin::parse("sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=").unwrap();
        let hex = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Pin::parse(hex).as_ref(), Some(&base64));
        assert_eq!(Pin::parse(&hex.to_uppercase().replacen("SHA256", "sha256", 1)).as_ref(), Some(&base64));
        assert_eq!(base64.to_string(), "sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn nothing_else_is_a_pin() {
        for text in
            ["", "sha256:", "sha256:AAAA", "sha1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "sha256:é"]
        {
            assert_eq!(Pin::parse(text), None, "{text}");
        }
        assert_eq!(Pin::of(b"no certificate"), None);
    }
}
