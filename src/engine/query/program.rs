use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Pattern, Query, Relation};
use crate::error::Result;
use crate::imap::SearchKey;
use crate::mail::Flag;

impl Query {
    /// Gives the IMAP SEARCH program for the query: never narrower than it, and wider only where
    /// [`super::Needs::look`] says so.
    pub fn program(&self) -> Result<SearchKey> {
        self.key(true)
    }

    /// Gives the program for the query, or for its contrary: an approximation is only wider if the `NOT`
    /// is beneath it.
    fn key(&self, holds: bool) -> Result<SearchKey> {
        if self.is_too_long() {
            return Ok(SearchKey::All);
        }
        Ok(match self {
            Self::All(list) if holds => all(list, holds)?,
            Self::Any(list) if !holds => all(list, holds)?,
            Self::All(list) | Self::Any(list) => {
                let keys = list.iter().map(|query| query.key(holds)).collect::<Result<Vec<_>>>()?;
                SearchKey::any(keys).unwrap_or_else(nothing)
            }
            Self::Not(query) => query.key(!holds)?,
            Self::Header(name, Pattern::OneOf(choice)) => {
                let each =
                    choice.patterns().iter().map(|pattern| Self::Header(name.clone(), pattern.clone()));
                Self::Any(each.collect()).key(holds)?
            }
            Self::Flag(flag, set) => flag_key(flag, *set == holds),
            Self::Header(name, Pattern::Contains(text)) => not_unless(holds, header_key(name, text)),
            Self::Header(name, Pattern::Present) => {
                not_unless(holds, SearchKey::Header(name.clone(), String::new()))
            }
            // The server's substring is wider than an address; its contrary would be narrower.
            Self::Header(name, Pattern::Address(text) | Pattern::Domain(text)) if holds => {
                header_key(name, text)
            }
            // What is not there matches nothing.
            Self::Header(name, Pattern::Regex(_)) if holds => SearchKey::Header(name.clone(), String::new()),
            Self::Body(Pattern::Contains(text)) => {
                not_unless(holds, SearchKey::Contains("BODY", text.clone()))
            }
            Self::Text(Pattern::Contains(text)) => {
                not_unless(holds, SearchKey::Contains("TEXT", text.clone()))
            }
            Self::Header(..)
            | Self::AnyHeader(_)
            | Self::Body(_)
            | Self::Text(_)
            | Self::Attachment(_)
            | Self::Predicate(..) => SearchKey::All,
            Self::Larger(bytes) => not_unless(holds, larger(*bytes)),
            Self::Smaller(bytes) => not_unless(holds, smaller(*bytes)),
            Self::Sent(relation, day) => not_unless(holds, sent_key(*relation, *day)),
            Self::ArrivedBefore(instant) => age_key(*instant, holds),
            Self::ArrivedSince(instant) => age_key(*instant, !holds),
            Self::Uids(set) if set.is_empty() => not_unless(holds, nothing()),
            Self::Uids(set) => not_unless(holds, SearchKey::Uids(set.clone())),
            Self::Label(label) => not_unless(holds, SearchKey::Label(label.clone())),
            Self::Gmail(query) => not_unless(holds, SearchKey::GmailRaw(query.clone())),
            Self::Raw(program) => not_unless(holds, SearchKey::check_raw(program)?.grouped()),
        })
    }
}

fn all(list: &[Query], holds: bool) -> Result<SearchKey> {
    let mut keys = Vec::new();
    for query in list {
        match query.key(holds)? {
            SearchKey::And(inner) => keys.extend(inner),
            key => keys.push(key),
        }
    }
    Ok(match keys.len() {
        0 => SearchKey::All,
        1 => keys.remove(0),
        _ => SearchKey::And(keys),
    })
}

fn nothing() -> SearchKey {
    SearchKey::Not(Box::new(SearchKey::All))
}

fn not_unless(holds: bool, key: SearchKey) -> SearchKey {
    match key {
        key if holds => key,
        SearchKey::Not(key) => *key,
        key => SearchKey::Not(Box::new(key)),
    }
}

fn flag_key(flag: &Flag, set: bool) -> SearchKey {
    if set { SearchKey::Has(flag.clone()) } else { SearchKey::HasNot(flag.clone()) }
}

/// The fields that SEARCH has keys for; servers answer those from an index.
fn header_key(name: &str, text: &str) -> SearchKey {
    let key = match name.to_ascii_lowercase().as_str() {
        "from" => "FROM",
        "to" => "TO",
        "cc" => "CC",
        "bcc" => "BCC",
        "subject" => "SUBJECT",
        _ => return SearchKey::Header(name.to_owned(), text.to_owned()),
    };
    SearchKey::Contains(key, text.to_owned())
}

/// `LARGER` takes 32 bits, and no message is larger than that can say.
fn larger(bytes: u64) -> SearchKey {
    u32::try_from(bytes).map_or_else(|_| nothing(), SearchKey::Larger)
}

fn smaller(bytes: u64) -> SearchKey {
    u32::try_from(bytes).map_or(SearchKey::All, SearchKey::Smaller)
}

fn sent_key(relation: Relation, day: Date) -> SearchKey {
    let key = match relation {
        Relation::Before => "SENTBEFORE",
        Relation::On => "SENTON",
        Relation::Since => "SENTSINCE",
    };
    SearchKey::Date(key, date_text(day))
}

/// Asks for a whole day more than the instant, whatever the server's zone: at most 14 hours from UTC.
fn age_key(instant: Timestamp, before: bool) -> SearchKey {
    let day = instant.to_zoned_datetime(TimeZone::UTC).date();
    let wide = |days: i32| {
        let mut day = Some(day);
        for _ in 0..days.abs() {
            day = day.and_then(|day| if days > 0 { day.tomorrow() } else { day.yesterday() }.ok());
        }
        day
    };
    let key = if before {
        wide(2).map(|day| SearchKey::Date("BEFORE", date_text(day)))
    } else {
        wide(-1).map(|day| SearchKey::Date("SINCE", date_text(day)))
    };
    key.unwrap_or(SearchKey::All)
}

/// Writes a `date` (RFC 3501 §9): `1-Feb-2024`.
fn date_text(day: Date) -> String {
    day.strftime("%-d-%b-%Y").to_string()
}
