use super::token::Value;
use crate::mail::decode_encoded_words;

/// An address: its display name, decoded, and `mailbox@host`.
pub type EnvelopeAddress = (Option<String>, String);

/// What a server parsed of a message's header (RFC 3501 §7.4.2, ENVELOPE), decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The `Date` field as it is written.
    pub date: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// The address fields: `from`, `sender`, `reply_to`, `to`, `cc`, `bcc`.
    pub addresses: Vec<(&'static str, Vec<EnvelopeAddress>)>,
    /// The `In-Reply-To` field.
    pub in_reply_to: Option<String>,
    /// The `Message-ID` field.
    pub message_id: Option<String>,
}

impl Envelope {
    /// Reads it. Fields that are missing or strange are left out.
    pub(super) fn parse(value: &Value<'_>) -> Self {
        let values = value.list();
        let text = |at: usize| values.get(at).and_then(Value::text);
        let fields = ["from", "sender", "reply_to", "to", "cc", "bcc"];
        let addresses = fields.into_iter().enumerate().map(|(at, field)| {
            let list = values.get(at + 2).map(Value::list).unwrap_or_default();
            (field, list.iter().filter_map(address).collect())
        });
        Self {
            date: text(0),
            subject: text(1).map(|subject| decode_encoded_words(&subject)),
            addresses: addresses.collect(),
            in_reply_to: text(8),
            message_id: text(9),
        }
    }
}

/// Reads `(name route mailbox host)`; the marks of groups have no host.
fn address(value: &Value<'_>) -> Option<EnvelopeAddress> {
    let [name, _, mailbox, host, ..] = value.list() else { return None };
    let name = name.text().map(|name| decode_encoded_words(&name));
    Some((name, format!("{}@{}", mailbox.text()?, host.text()?)))
}
