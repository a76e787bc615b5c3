use super::journal::Known;
use crate::mail::Headers;

/// What people know a message by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Title {
    /// Its Message-ID, without angle brackets.
    pub message_id: Option<String>,
    /// Its subject, decoded.
    pub subject: Option<String>,
}

impl Title {
    pub(super) fn of(headers: &Headers) -> Self {
        Self { message_id: headers.message_id(), subject: headers.subject() }
    }
}

impl From<&Known> for Title {
    fn from(known: &Known) -> Self {
        Self { message_id: known.message_id.clone(), subject: known.subject.clone() }
    }
}
