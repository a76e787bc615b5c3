use crate::mail::{Headers, InternalDate};

/// One of the messages that a dry run would act on, as an example for the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The day it arrived, as the server writes it.
    pub day: String,
    /// Its first sender's address.
    pub from: String,
    /// Its subject, decoded.
    pub subject: String,
}

impl Sample {
    /// How many a report has.
    pub const COUNT: usize = 3;

    pub(super) fn of(date: Option<InternalDate>, headers: &Headers) -> Self {
        let from = headers.addresses("from").into_iter().next().unwrap_or_default();
        Self {
            day: date.map(|date| date.date().to_string()).unwrap_or_default(),
            from: from.email,
            subject: headers.subject().unwrap_or_default(),
        }
    }
}
