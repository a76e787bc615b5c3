use std::sync::OnceLock;

use super::{Address, caseless, charset, encoded_word};

/// The most bytes of one field's value that are kept.
pub(super) const MAX_VALUE: usize = 256 * 1024;

/// One header field (RFC 5322 §2.2). What is made of its value is made at first need and kept, since many conditions
/// may ask for the same.
#[derive(Clone, Debug)]
pub struct Field {
    name: String,
    value: Vec<u8>,
    decoded: OnceLock<String>,
    caseless: OnceLock<String>,
    addresses: OnceLock<Vec<Address>>,
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value == other.value
    }
}

impl Eq for Field {}

impl Field {
    /// Makes a field, unless its name can't be one (RFC 5322 §2.2: printable ASCII without space).
    pub(super) fn new(name: &[u8], value: &[u8]) -> Option<Self> {
        let name = name.trim_ascii_end();
        if name.is_empty() || name.len() > 998 || !name.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        Some(Self {
            name: String::from_utf8(name.to_vec()).ok()?,
            value: value.get(..MAX_VALUE).unwrap_or(value).to_vec(),
            decoded: OnceLock::new(),
            caseless: OnceLock::new(),
            addresses: OnceLock::new(),
        })
    }

    /// Gives its name in the message's own spelling.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives its value as its bytes, with its line breaks, without the last one.
    pub fn raw(&self) -> &[u8] {
        &self.value
    }

    /// Gives its value unfolded, and decoded by RFC 2047.
    pub fn decoded(&self) -> &str {
        self.decoded.get_or_init(|| encoded_word::decode(&self.unfolded()))
    }

    /// Gives its decoded value as [`caseless`] writes it.
    pub fn caseless(&self) -> &str {
        self.caseless.get_or_init(|| caseless(self.decoded()).into_owned())
    }

    /// Gives its addresses (RFC 5322 §3.4), those within groups too.
    pub fn addresses(&self) -> &[Address] {
        self.addresses.get_or_init(|| Address::parse_list(&self.unfolded()))
    }

    /// Makes one line of its value: a line break with the white space after it becomes one space. Bytes that are not
    /// UTF-8 are taken for windows-1252.
    pub(super) fn unfolded(&self) -> String {
        let text = charset::guess(&self.value);
        let mut line = String::with_capacity(text.len());
        for (at, piece) in text.split('\n').enumerate() {
            let piece = piece.trim_end_matches('\r');
            if at > 0 {
                line.push(' ');
            }
            line.push_str(if at > 0 { piece.trim_start_matches([' ', '\t']) } else { piece });
        }
        line.trim().to_owned()
    }
}
