use crate::engine::identity::{Identity, Likeness};
use crate::engine::report::Verb;
use crate::mail::{Flag, MailboxName, Uid, UidSet, UidValidity};

/// What the journal keeps of a message: what tells it from others, and what it was like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Known {
    pub(in crate::engine) size: Option<u64>,
    /// When it arrived, in seconds since 1970.
    pub(in crate::engine) date: Option<i64>,
    pub(in crate::engine) message_id: Option<String>,
    pub(in crate::engine) gmail_id: Option<u64>,
    pub(in crate::engine) flags: Vec<Flag>,
    pub(in crate::engine) subject: Option<String>,
    /// SHA-256 of its bytes, where they were at hand.
    pub(in crate::engine) digest: Option<Vec<u8>>,
}

impl Known {
    /// Gives what a copy of it must have in common with it.
    pub(in crate::engine) fn likeness(&self) -> Option<Likeness> {
        if let Some(id) = self.gmail_id {
            return Some(Likeness::Gmail(id));
        }
        self.mail_likeness()
    }

    /// Gives the same for a copy in another account, where Gmail's identifiers say nothing.
    pub(in crate::engine) fn mail_likeness(&self) -> Option<Likeness> {
        Some(Likeness::Mail(self.message_id.clone(), self.size?, self.date?))
    }
}

impl From<&Identity> for Known {
    fn from(identity: &Identity) -> Self {
        let (headers, flags) = (identity.headers.as_ref(), &identity.flags);
        Self {
            size: identity.size,
            date: identity.date.map(|date| date.timestamp().as_second()),
            message_id: headers.and_then(crate::mail::Headers::message_id),
            gmail_id: identity.gmail_id,
            // Nobody but the server sets \Recent, nor can bring it back.
            flags: flags.iter().flatten().filter(|flag| **flag != Flag::Recent).cloned().collect(),
            subject: headers.and_then(crate::mail::Headers::subject),
            digest: None,
        }
    }
}

/// Where an action puts messages.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Target {
    /// The account, by its identity, where it is another one.
    pub(in crate::engine) account: Option<String>,
    pub(in crate::engine) mailbox: MailboxName,
    pub(in crate::engine) shown: String,
    /// What its UIDs are worth; `None` where it is not there yet.
    pub(in crate::engine) validity: Option<UidValidity>,
    /// Whatever comes there later has this UID or a higher one; `None` where that can't be told.
    pub(in crate::engine) next: Option<Uid>,
}

/// An action that is about to be done.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Intent {
    pub(in crate::engine) verb: Verb,
    pub(in crate::engine) rule: Option<String>,
    /// The flags, the labels or the new name, as the verb needs it.
    pub(in crate::engine) object: Option<String>,
    pub(in crate::engine) mailbox: MailboxName,
    pub(in crate::engine) shown: String,
    /// The validity of the mailbox that has the messages.
    pub(in crate::engine) validity: Option<UidValidity>,
    pub(in crate::engine) target: Option<Target>,
    pub(in crate::engine) messages: Vec<(Uid, Known)>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Fate {
    /// Nobody knows yet.
    Open,
    /// The action was done to it.
    Done,
    /// It is as it was.
    Left,
    /// It can't be told. It is held.
    Doubt,
    /// It was copied and could only be marked in the source. It is held.
    Marked,
}

impl Fate {
    const EACH: [Self; 5] = [Self::Open, Self::Done, Self::Left, Self::Doubt, Self::Marked];

    /// Says it for people.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Open => "not known",
            Self::Done => "done",
            Self::Left => "not done",
            Self::Doubt => "in doubt",
            Self::Marked => "copied, the original stays marked",
        }
    }

    /// Gives the number that stands for it in the database.
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Open => 0,
            Self::Done => 1,
            Self::Left => 2,
            Self::Doubt => 3,
            Self::Marked => 4,
        }
    }

    /// Reads such a number; one that a newer version might write is an open question.
    pub(super) fn of(number: i64) -> Self {
        Self::EACH.into_iter().find(|fate| fate.number() == number).unwrap_or(Self::Open)
    }
}

/// What became of the messages of an action.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Outcome {
    /// Those that it was done to, and where they are now as far as that is known.
    pub(in crate::engine) done: Vec<(Uid, Option<(UidValidity, Uid)>)>,
    pub(in crate::engine) left: UidSet,
    /// Those of which it can't be told, and why.
    pub(in crate::engine) doubt: Vec<(UidSet, String)>,
    pub(in crate::engine) marked: UidSet,
    /// It was done to what has no messages: a mailbox itself.
    pub(in crate::engine) whole: bool,
    /// The connection broke: what is in doubt can be settled later, by looking.
    pub(in crate::engine) cut: bool,
    /// What is done was found to be done by a run that was cut: the next run need not do it again.
    pub(in crate::engine) credit: bool,
}

/// A message of an action, as the journal has it.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Entry {
    pub(in crate::engine) uid: Uid,
    pub(in crate::engine) known: Known,
    pub(in crate::engine) fate: Fate,
    /// Where it came to be.
    pub(in crate::engine) landed: Option<(UidValidity, Uid)>,
    /// Nothing holds it any more.
    pub(in crate::engine) released: bool,
    /// It was taken back.
    pub(in crate::engine) undone: bool,
}

/// An account that the journal knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// What tells it from others: host, port and who logs in.
    pub identity: String,
    /// What people call it.
    pub label: String,
    /// How to connect, without secrets, as JSON.
    pub connection: String,
}
