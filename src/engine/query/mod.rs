//! Which messages a script means: the query as data, what a server is asked for it, and what is judged
//! here.

mod choice;
mod explain;
mod gmail;
mod judge;
mod means;
mod pattern;
mod program;
mod read;
mod rest;
mod text;
mod value;

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::mail::{Flag, Label, UidSet};

pub use choice::Choice;
pub use explain::{Condition, conditions};
pub use gmail::label;
pub use judge::{Facts, Verdict};
pub use means::Means;
pub use pattern::Pattern;
pub use program::Program;
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
    /// Every message must be looked at, whatever the server says of it.
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
        needs
    }

    /// Gives the conditions that only the server can answer and that stand beneath an `Any` or `Not`, where its
    /// answer to the whole does not tell theirs. They must be asked one by one before a message can be judged.
    pub fn to_be_asked_apart(&self) -> Vec<Self> {
        let mut found = Vec::new();
        self.add_asked_apart(false, &mut found);
        found
    }

    /// Gives all conditions that only the server can answer. They must be asked one by one of a message that it has not
    /// found by the whole.
    pub fn only_the_server_can_tell(&self) -> Vec<Self> {
        let mut found = Vec::new();
        self.add_asked_apart(true, &mut found);
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

    /// Gives the conditions that speak of flags, each once.
    pub fn flags(&self) -> Vec<&Self> {
        let mut found = Vec::new();
        self.add_flags(&mut found);
        found
    }

    fn add_flags<'a>(&'a self, found: &mut Vec<&'a Self>) {
        match self {
            Self::All(list) | Self::Any(list) => list.iter().for_each(|query| query.add_flags(found)),
            Self::Not(query) => query.add_flags(found),
            query @ Self::Flag(..) if !found.contains(&query) => found.push(query),
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

    /// Tells whether nothing in it is left to the server's word.
    pub fn can_be_judged_here(&self) -> bool {
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

    fn add_needs(&self, needs: &mut Needs) {
        match self {
            Self::All(list) | Self::Any(list) => list.iter().for_each(|query| query.add_needs(needs)),
            Self::Not(query) => query.add_needs(needs),
            Self::Header(name, _) => {
                needs.fields.insert(name.to_ascii_lowercase());
            }
            Self::Body(pattern) | Self::Text(pattern) => {
                needs.content |= !matches!(pattern, Pattern::Contains(_));
            }
            Self::AnyHeader(_) => needs.header = true,
            Self::Attachment(_) => needs.structure = true,
            Self::Sent(..) => {
                needs.fields.insert("date".to_owned());
            }
            Self::ArrivedBefore(_) | Self::ArrivedSince(_) => needs.date = true,
            Self::Label(_) => needs.labels = true,
            _ => {}
        }
    }
}
