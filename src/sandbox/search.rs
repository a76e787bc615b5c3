use std::collections::BTreeSet;
use std::num::NonZeroU32;

use imap_codec::imap_types::core::AString;
use imap_codec::imap_types::datetime::NaiveDate;
use imap_codec::imap_types::search::SearchKey;
use jiff::{Timestamp, civil::Date};

use super::gmail::{self, GmailKey};
use super::header;
use super::message::StoredMessage;
use super::mime::slice;
use super::sequence::Numbers;
use super::text;
use crate::mail::Flag;

/// A message as a search looks at it.
pub(super) struct Candidate<'a> {
    pub(super) sequence: u32,
    pub(super) recent: bool,
    pub(super) message: &'a StoredMessage,
    /// Gmail's thread and labels of it, where it is Gmail's.
    pub(super) gmail: Option<(u64, &'a BTreeSet<Vec<u8>>)>,
}

/// What a search has to know of the mailbox and the day.
pub(super) struct Context<'a> {
    /// The number of messages, which is what `*` is as a sequence number.
    pub(super) messages: u32,
    /// The last message's UID, which is what `*` is as a UID.
    pub(super) last_uid: u32,
    pub(super) now: Timestamp,
    /// Whether YOUNGER and OLDER are offered.
    pub(super) within: bool,
    /// The keys that were taken off the program, for the places that they have there.
    pub(super) gmail: &'a [GmailKey],
}

/// A SEARCH program made ready: sets resolved, texts folded (RFC 3501 §6.4.4, RFC 5032).
#[derive(Debug)]
pub(super) enum Test {
    Everything,
    All(Vec<Test>),
    Either(Box<Test>, Box<Test>),
    Not(Box<Test>),
    Sequence(Numbers),
    Uid(Numbers),
    Flag(Flag),
    Recent,
    Header(String, String),
    Body(String),
    Text(String),
    Arrived(Day),
    Sent(Day),
    Larger(u32),
    Smaller(u32),
    /// Arrived at this second or after it.
    From(i64),
    /// Has an attachment.
    Attachment,
    GmailId(u64),
    Thread(u64),
    /// Has Gmail's label, in lower case.
    Label(Vec<u8>),
}

/// A comparison of dates, without time and zone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Day {
    Before(Date),
    On(Date),
    Since(Date),
}

impl Day {
    fn holds(self, date: Date) -> bool {
        match self {
            Self::Before(day) => date < day,
            Self::On(day) => date == day,
            Self::Since(day) => date >= day,
        }
    }
}

impl Test {
    /// Makes a program of the keys, all of which must hold. `None` where one is not offered here.
    pub(super) fn program(keys: &[SearchKey<'_>], context: &Context<'_>) -> Option<Self> {
        let tests: Option<Vec<Self>> = keys.iter().map(|key| Self::compile(key, context)).collect();
        tests.map(Self::All)
    }

    fn compile(key: &SearchKey<'_>, context: &Context<'_>) -> Option<Self> {
        let not = |test| Self::Not(Box::new(test));
        let field = |name: &str, needle: &AString<'_>| Self::Header(name.to_owned(), folded(needle));
        Some(match key {
            SearchKey::And(keys) => Self::program(keys.as_ref(), context)?,
            SearchKey::Or(a, b) => {
                Self::Either(Box::new(Self::compile(a, context)?), Box::new(Self::compile(b, context)?))
            }
            SearchKey::Not(key) => not(Self::compile(key, context)?),
            SearchKey::All => Self::Everything,
            SearchKey::SequenceSet(set) => Self::Sequence(Numbers::resolve(set, context.messages)),
            SearchKey::Uid(set) => Self::Uid(Numbers::resolve(set, context.last_uid)),
            SearchKey::Answered => Self::Flag(Flag::Answered),
            SearchKey::Deleted => Self::Flag(Flag::Deleted),
            SearchKey::Draft => Self::Flag(Flag::Draft),
            SearchKey::Flagged => Self::Flag(Flag::Flagged),
            SearchKey::Seen => Self::Flag(Flag::Seen),
            SearchKey::Unanswered => not(Self::Flag(Flag::Answered)),
            SearchKey::Undeleted => not(Self::Flag(Flag::Deleted)),
            SearchKey::Undraft => not(Self::Flag(Flag::Draft)),
            SearchKey::Unflagged => not(Self::Flag(Flag::Flagged)),
            SearchKey::Unseen => not(Self::Flag(Flag::Seen)),
            SearchKey::Keyword(atom) if atom.as_ref().starts_with(gmail::PLACE) => {
                let number: usize = atom.as_ref().get(gmail::PLACE.len()..)?.parse().ok()?;
                match context.gmail.get(number)? {
                    GmailKey::MessageId(id) => Self::GmailId(*id),
                    GmailKey::ThreadId(id) => Self::Thread(*id),
                    GmailKey::Label(label) => Self::Label(label.to_ascii_lowercase()),
                    GmailKey::Raw(text) => gmail::read(&String::from_utf8_lossy(text), context)?,
                }
            }
            SearchKey::Keyword(atom) => Self::Flag(Flag::parse(atom.as_ref())?),
            SearchKey::Unkeyword(atom) => not(Self::Flag(Flag::parse(atom.as_ref())?)),
            SearchKey::Recent => Self::Recent,
            SearchKey::Old => not(Self::Recent),
            SearchKey::New => Self::All(vec![Self::Recent, not(Self::Flag(Flag::Seen))]),
            SearchKey::From(text) => field("From", text),
            SearchKey::To(text) => field("To", text),
            SearchKey::Cc(text) => field("Cc", text),
            SearchKey::Bcc(text) => field("Bcc", text),
            SearchKey::Subject(text) => field("Subject", text),
            SearchKey::Header(name, text) => field(&String::from_utf8_lossy(name.as_ref()), text),
            SearchKey::Body(text) => Self::Body(folded(text)),
            SearchKey::Text(text) => Self::Text(folded(text)),
            SearchKey::Before(day) => Self::Arrived(Day::Before(date(day)?)),
            SearchKey::On(day) => Self::Arrived(Day::On(date(day)?)),
            SearchKey::Since(day) => Self::Arrived(Day::Since(date(day)?)),
            SearchKey::SentBefore(day) => Self::Sent(Day::Before(date(day)?)),
            SearchKey::SentOn(day) => Self::Sent(Day::On(date(day)?)),
            SearchKey::SentSince(day) => Self::Sent(Day::Since(date(day)?)),
            SearchKey::Larger(size) => Self::Larger(*size),
            SearchKey::Smaller(size) => Self::Smaller(*size),
            SearchKey::Younger(seconds) if context.within => Self::From(ago(context, *seconds)),
            SearchKey::Older(seconds) if context.within => not(Self::From(ago(context, *seconds) + 1)),
            SearchKey::Younger(_) | SearchKey::Older(_) | SearchKey::ModSequence { .. } => return None,
        })
    }

    /// Tells whether the message is one that is searched for.
    pub(super) fn holds(&self, candidate: &Candidate<'_>) -> bool {
        let message = candidate.message;
        let size = || u32::try_from(message.raw().len()).unwrap_or(u32::MAX);
        match self {
            Self::Everything => true,
            Self::All(tests) => tests.iter().all(|test| test.holds(candidate)),
            Self::Either(a, b) => a.holds(candidate) || b.holds(candidate),
            Self::Not(test) => !test.holds(candidate),
            Self::Sequence(set) => set.contains(candidate.sequence),
            Self::Uid(set) => set.contains(message.uid.get()),
            Self::Flag(flag) => message.flags.contains(flag),
            Self::Recent => candidate.recent,
            Self::Header(name, needle) => header_contains(message, name, needle),
            Self::Body(needle) => text::body_contains(message.raw(), message.content.root(), needle),
            Self::Text(needle) => text::contains(message.raw(), message.content.root(), needle),
            Self::Arrived(day) => day.holds(message.internal_date.date()),
            Self::Sent(day) => sent(message).is_some_and(|date| day.holds(date)),
            Self::Larger(limit) => size() > *limit,
            Self::Smaller(limit) => size() < *limit,
            Self::From(second) => message.internal_date.timestamp().as_second() >= *second,
            Self::Attachment => message.content.root().has_attachment(message.raw()),
            Self::GmailId(id) => message.gmail_id == *id,
            Self::Thread(id) => candidate.gmail.is_some_and(|(thread, _)| thread == *id),
            Self::Label(label) => candidate
                .gmail
                .is_some_and(|(_, labels)| labels.iter().any(|has| has.eq_ignore_ascii_case(label))),
        }
    }
}

/// YOUNGER takes what arrived within the interval, its edge included, OLDER what is as old or older.
fn ago(context: &Context<'_>, seconds: NonZeroU32) -> i64 {
    context.now.as_second() - i64::from(seconds.get())
}

fn folded(text: &AString<'_>) -> String {
    String::from_utf8_lossy(text.as_ref()).to_lowercase()
}

/// Takes a date by its text: its own type is of a crate that we don't use.
fn date(day: &NaiveDate) -> Option<Date> {
    day.as_ref().to_string().parse().ok()
}

/// Tells whether a field of that name holds the text; an empty text is in every field there is.
fn header_contains(message: &StoredMessage, name: &str, needle: &str) -> bool {
    let header = slice(message.raw(), &message.content.root().header);
    header::fields(header)
        .into_iter()
        .filter(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
        .any(|(_, field)| header::decode(&header::value(field)).to_lowercase().contains(needle))
}

/// Gives the date that the Date field shows, without regard to time and zone.
fn sent(message: &StoredMessage) -> Option<Date> {
    let value = message.content.root().field(message.raw(), "Date")?;
    let value = String::from_utf8_lossy(&value).into_owned();
    let value = value.split_once(',').map_or(value.as_str(), |(_, rest)| rest);
    let mut words = value.split_whitespace();
    let day = words.next()?.parse().ok()?;
    let month = words.next()?.get(..3)?.to_ascii_lowercase();
    let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let month = months.iter().position(|name| **name == *month)?;
    let year: i16 = words.next()?.parse().ok()?;
    // RFC 5322 §4.3: two digits are of 1950 to 2049, three are counted from 1900.
    let year = match year {
        0..50 => year + 2000,
        50..1000 => year + 1900,
        _ => year,
    };
    Date::new(year, i8::try_from(month + 1).ok()?, day).ok()
}
