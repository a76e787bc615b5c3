//! What a query may ask of Gmail only.

use super::Query;
use super::read::any_of;
use super::value::wrong;
use crate::engine::literal::Literal;
use crate::error::{Error, Result, visible};
use crate::mail::Label;

/// Reads the keys `label` and `gmail`.
pub(super) fn read(key: &str, value: &Literal) -> Result<Query> {
    match (key, value) {
        ("label", value) => any_of(key, value, |value| match value {
            Literal::Text(text) => label(text).map(Query::Label),
            value => Err(wrong("`label`", "a label or a list of them", value)),
        }),
        (_, Literal::Text(text)) if text.trim().is_empty() => Err(Error::script(
            "`gmail` is an empty string, which every message matches",
            "leave the key out, or give it a search such as \"has:attachment larger:5M\"",
        )),
        (_, Literal::Text(text)) if text.chars().any(char::is_control) => Err(Error::script(
            "`gmail` has a line break or another control character in it",
            "write it in one line, as in Gmail's own search box",
        )),
        (_, Literal::Text(text)) => Ok(Query::Gmail(text.clone())),
        (_, value) => Err(wrong("`gmail`", "a string such as in Gmail's own search box", value)),
    }
}

/// Reads a label as scripts write it.
///
/// Errors: an empty text, one with a control character, and a backslash before what is no name.
pub fn label(text: &str) -> Result<Label> {
    Label::new(text).ok_or_else(|| {
        let hint = "a label is text in one line; those of Gmail's own are \"\\\\Inbox\", \"\\\\Starred\" and the like";
        Error::script(format!("`{}` is no label", visible(text)), hint)
    })
}

impl Query {
    /// Tells whether only Gmail can answer it.
    pub fn speaks_of_gmail(&self) -> bool {
        self.any_part(&|part| matches!(part, Self::Label(_) | Self::Gmail(_)))
    }

    /// Tells whether it asks for a label of Gmail's own.
    pub fn speaks_of_system_labels(&self) -> bool {
        self.any_part(&|part| matches!(part, Self::Label(label) if label.is_system()))
    }

    fn any_part(&self, is: &impl Fn(&Self) -> bool) -> bool {
        match self {
            Self::All(list) | Self::Any(list) => list.iter().any(|query| query.any_part(is)),
            Self::Not(query) => query.any_part(is),
            query => is(query),
        }
    }

    /// Makes it the same question about the messages of a mailbox that stands for `own`: they all have that label,
    /// though Gmail does not list it there.
    #[must_use]
    pub fn seen_through(self, own: &Label) -> Self {
        let each = |list: Vec<Self>| list.into_iter().map(|query| query.seen_through(own)).collect();
        match self {
            Self::All(list) => Self::All(each(list)),
            Self::Any(list) => Self::Any(each(list)),
            Self::Not(query) => Self::Not(Box::new(query.seen_through(own))),
            Self::Label(label) if label == *own => Self::All(Vec::new()),
            query => query,
        }
    }
}
