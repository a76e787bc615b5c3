//! Which messages a script means: the query as data, what a server is asked for it, and what is judged
//! here.

mod choice;
mod gmail;
mod judge;
mod pattern;
mod program;
mod read;
mod rest;
mod value;

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::imap::COMMAND_BYTES;
use crate::mail::{Flag, Label, UidSet};

pub use choice::Choice;
pub use gmail::label;
pub use judge::{Facts, Verdict};
pub use pattern::Pattern;
pub use read::{KEYS, distance};
pub use rest::{Ask, Rest};

/// A question about one message.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// All must hold. Holds where there are none.
    All(Vec<Query>),
    /// One must hold. Fails where there are none.
    Any(Vec<Query>),
    /// Must not hold.
    Not(Box<Query>),
    /// One of the header fields with this name is so.
    Header(String, Pattern),
    /// One of the header fields, written as `Name: value`, is so.
    AnyHeader(Pattern),
    /// The decoded body is so.
    Body(Pattern),
    /// Header or body is so.
    Text(Pattern),
    /// There is an attachment, and its file name is so.
    Attachment(Pattern),
    /// The flag is set, or is not.
    Flag(Flag, bool),
    /// More bytes than this.
    Larger(u64),
    /// Fewer bytes than this.
    Smaller(u64),
    /// The day that the `Date` field shows, in its own zone, stands so to this day.
    Sent(Relation, Date),
    /// Arrived before this instant.
    ArrivedBefore(Timestamp),
    /// Arrived at this instant or after it.
    ArrivedSince(Timestamp),
    /// One of these messages.
    Uids(UidSet),
    /// A checked IMAP SEARCH program, which only the server can answer.
    Raw(String),
    /// The label, which only Gmail has, is on it.
    Label(Label),
    /// A query in Gmail's own search language, which only Gmail can answer.
    Gmail(String),
    /// A function of the script's says so, by its number; without a number it has been asked already and is not
    /// asked again.
    Predicate(Option<usize>, Subject),
}

/// What a function of the script's is asked about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The message.
    Message,
    /// Each value of the header fields with this name.
    Header(String),
    /// Each header field, as `Name: value`.
    AnyHeader,
    /// The decoded body.
    Body,
    /// Each header field's value, and the decoded body.
    Text,
    /// Each attachment's file name.
    Attachment,
}

/// How a day stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Earlier.
    Before,
    /// The same.
    On,
    /// The same or later.
    Since,
}

/// What must be fetched of a message to judge a query here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that is needed or not")]
pub struct Needs {
    /// Header fields, in lower case.
    pub fields: BTreeSet<String>,
    /// The server's answer is wider than the query: every hit must be judged before it is believed.
    pub look: bool,
    /// The whole header.
    pub header: bool,
    /// When it arrived.
    pub date: bool,
    /// The tree of MIME parts.
    pub structure: bool,
    /// The whole content.
    pub content: bool,
    /// Gmail's labels.
    pub labels: bool,
}

impl Query {
    /// Gives the query of `mailbox:all()`: every message that is not marked `\Deleted`.
    pub fn everything() -> Self {
        Self::Flag(Flag::Deleted, false)
    }

    /// Adds that the message is not marked `\Deleted`, unless the query speaks of that itself.
    #[must_use]
    pub fn without_deleted(self) -> Self {
        if self.speaks_of_deleted() { self } else { Self::All(vec![Self::everything(), self]) }
    }

    fn speaks_of_deleted(&self) -> bool {
        match self {
            Self::All(list) | Self::Any(list) => list.iter().any(Self::speaks_of_deleted),
            Self::Not(query) => query.speaks_of_deleted(),
            Self::Flag(flag, _) => *flag == Flag::Deleted,
            _ => false,
        }
    }

    /// Tells what must be fetched to judge the query here.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.add_needs(&mut needs);
        needs.look |= self.has_predicate(false);
        needs
    }

    /// Gives the conditions that only the server can answer and that stand beneath an `Any` or `Not`, where its
    /// answer to the whole does not tell theirs. They must be asked one by one before a message can be judged.
    pub fn to_be_asked_apart(&self) -> Vec<Self> {
        let mut found = Vec::new();
        self.add_asked_apart(false, &mut found);
        found
    }

    fn add_asked_apart(&self, beneath: bool, found: &mut Vec<Self>) {
        match self {
            Self::All(list) => list.iter().for_each(|query| query.add_asked_apart(beneath, found)),
            Self::Any(list) => list.iter().for_each(|query| query.add_asked_apart(true, found)),
            Self::Not(query) => query.add_asked_apart(true, found),
            query if beneath && !query.can_be_judged_here() && !found.contains(query) => {
                found.push(query.clone());
            }
            _ => {}
        }
    }

    /// Tells whether a function of the script's stands beneath an `Any` or `Not`: then what else is there must be
    /// judged here before it is known whether the function matters.
    fn has_predicate(&self, beneath: bool) -> bool {
        match self {
            Self::All(list) => list.iter().any(|query| query.has_predicate(beneath)),
            Self::Any(list) => list.iter().any(|query| query.has_predicate(true)),
            Self::Not(query) => query.has_predicate(true),
            Self::Predicate(..) => beneath,
            _ => false,
        }
    }

    /// Tells whether the server can't be asked for it in a command of reasonable length (RFC 2683 §3.2.1.5).
    /// It is judged here then. A long set of UIDs that must hold is not too long: it is asked for in parts.
    fn is_too_long(&self) -> bool {
        let long = match self {
            Self::Any(list) => {
                let length = |query: &Self| match query {
                    Self::Header(name, pattern) => name.len() + pattern.length() + 20,
                    _ => 20,
                };
                list.iter().map(length).sum::<usize>() > COMMAND_BYTES / 2
                    || list.iter().any(Self::has_long_set)
            }
            Self::Not(query) => query.has_long_set(),
            Self::Header(_, pattern) => pattern.length() > COMMAND_BYTES / 2,
            _ => false,
        };
        long && self.can_be_judged_here()
    }

    /// Tells whether nothing in it is left to the server's word: else leaving it out of the search would find
    /// what does not match.
    fn can_be_judged_here(&self) -> bool {
        match self {
            Self::All(list) | Self::Any(list) => list.iter().all(Self::can_be_judged_here),
            Self::Not(query) => query.can_be_judged_here(),
            Self::Body(Pattern::Contains(_))
            | Self::Text(Pattern::Contains(_))
            | Self::Raw(_)
            | Self::Gmail(_) => false,
            _ => true,
        }
    }

    fn has_long_set(&self) -> bool {
        match self {
            Self::Uids(set) => set.to_string().len() > COMMAND_BYTES / 2,
            Self::All(list) | Self::Any(list) => list.iter().any(Self::has_long_set),
            Self::Not(query) => query.has_long_set(),
            _ => false,
        }
    }

    fn add_needs(&self, needs: &mut Needs) {
        needs.look |= self.is_too_long();
        match self {
            Self::All(list) | Self::Any(list) => list.iter().for_each(|query| query.add_needs(needs)),
            Self::Not(query) => query.add_needs(needs),
            Self::Header(name, pattern) => {
                needs.fields.insert(name.to_ascii_lowercase());
                needs.look |= !matches!(pattern, Pattern::Contains(_) | Pattern::Present);
            }
            Self::Body(pattern) | Self::Text(pattern) => {
                let here = !matches!(pattern, Pattern::Contains(_));
                needs.look |= here;
                needs.content |= here;
            }
            Self::AnyHeader(_) => {
                needs.look = true;
                needs.header = true;
            }
            Self::Attachment(_) => {
                needs.look = true;
                needs.structure = true;
            }
            Self::Sent(..) => {
                needs.fields.insert("date".to_owned());
            }
            Self::ArrivedBefore(_) | Self::ArrivedSince(_) => {
                needs.look = true;
                needs.date = true;
            }
            Self::Label(_) => needs.labels = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Query};

    #[test]
    fn what_only_the_server_can_tell_is_never_left_out_of_a_search() {
        let many = |make: fn(Pattern) -> Query| {
            let each = (0..500).map(|n| make(Pattern::Contains(format!("person{n}@example.org"))));
            Query::Any(each.collect())
        };
        assert!(many(|pattern| Query::Header("from".into(), pattern)).is_too_long());
        assert!(!many(Query::Body).is_too_long());
        assert!(
            !Query::Any(vec![many(|pattern| Query::Header("to".into(), pattern)), Query::Raw("SEEN".into())])
                .is_too_long()
        );
    }
}
