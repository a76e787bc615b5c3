use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::text::{field_in, field_there};
use super::{Means, Pattern, Query, Relation};
use crate::error::Result;
use crate::imap::{COMMAND_BYTES, KnownKeys, SearchKey};
use crate::mail::Flag;

/// What a server is asked for a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The IMAP SEARCH program: never narrower than the query.
    pub key: SearchKey,
    /// It finds the query's messages and no others. Else every hit must be judged here before it is believed.
    pub exact: bool,
}

impl Program {
    pub(super) fn exact(key: SearchKey) -> Self {
        Self { key, exact: true }
    }

    pub(super) fn wide(key: SearchKey) -> Self {
        Self { key, exact: false }
    }

    /// Leaves it to be judged here.
    pub(super) fn anything() -> Self {
        Self::wide(SearchKey::All)
    }
}

impl Query {
    /// Gives what a server of these means is asked for the query.
    pub fn program(&self, means: Means) -> Result<Program> {
        let mut program = self.part(true, means)?;
        program.exact &= !self.has_predicate(false);
        Ok(program)
    }

    /// Gives the program for the query, or for its contrary: an approximation is only wider if the `NOT` is
    /// beneath it.
    fn part(&self, holds: bool, means: Means) -> Result<Program> {
        // The contrary of what is exact is so, too.
        let exact = |key| Program::exact(not_unless(holds, key));
        Ok(match self {
            Self::All(list) if holds => all(list, holds, means)?,
            Self::Any(list) if !holds => all(list, holds, means)?,
            Self::All(list) | Self::Any(list) => any(list, holds, means)?,
            Self::Not(query) => query.part(!holds, means)?,
            Self::Flag(flag, _) if flag.is_keyword() && means.keys > KnownKeys::All => Program::anything(),
            Self::Flag(flag, set) => Program::exact(flag_key(flag, *set == holds)),
            Self::Uids(set) if set.is_empty() => exact(nothing()),
            Self::Uids(set) if !holds && set.to_string().len() > COMMAND_BYTES / 2 => Program::anything(),
            Self::Uids(set) => exact(SearchKey::Uids(set.clone())),
            Self::Label(label) => exact(SearchKey::Label(label.clone())),
            Self::Gmail(query) => exact(SearchKey::GmailRaw(query.clone())),
            Self::Raw(program) => exact(SearchKey::check_raw(program)?.grouped()),
            // Whether a function matters is known only once all else is.
            Self::Predicate(..) => Program::exact(SearchKey::All),
            _ if means.keys == KnownKeys::Sets => Program::anything(),
            Self::Header(name, Pattern::Present) => match field_there(name, means) {
                Some(key) => exact(key),
                None => Program::anything(),
            },
            // A server may take for the text what is none here, so the contrary would be narrower.
            Self::Header(name, pattern) if holds && means.headers => field_in(name, pattern, means),
            Self::Body(Pattern::Contains(text)) => exact(SearchKey::Contains("BODY", text.clone())),
            Self::Text(Pattern::Contains(text)) => exact(SearchKey::Contains("TEXT", text.clone())),
            Self::Header(..) | Self::AnyHeader(_) | Self::Body(_) | Self::Text(_) | Self::Attachment(_) => {
                Program::anything()
            }
            Self::Larger(bytes) => exact(larger(*bytes)),
            Self::Smaller(bytes) => exact(smaller(*bytes)),
            // Dovecot takes a message without a Date for one of 1970.
            Self::Sent(..) if !holds => Program::anything(),
            Self::Sent(relation, day) => Program::wide(sent_key(*relation, *day)),
            Self::ArrivedBefore(instant) => Program::wide(arrival_key(*instant, holds)),
            Self::ArrivedSince(instant) => Program::wide(arrival_key(*instant, !holds)),
        })
    }
}

fn all(list: &[Query], holds: bool, means: Means) -> Result<Program> {
    let mut keys = Vec::new();
    let mut exact = true;
    let mut room = COMMAND_BYTES / 2;
    for query in list {
        let part = query.part(holds, means)?;
        exact &= part.exact;
        let inner = match part.key {
            SearchKey::And(inner) if inner.len() > 1 => inner,
            SearchKey::All => continue,
            key => vec![key],
        };
        // A set of UIDs is asked for in parts.
        let lengths = inner.iter().filter(|key| !matches!(key, SearchKey::Uids(_))).map(SearchKey::length);
        let length = lengths.sum();
        if length > room && query.can_be_judged_here() {
            exact = false;
            continue;
        }
        room = room.saturating_sub(length);
        keys.extend(inner);
    }
    let key = match keys.len() {
        0 => SearchKey::All,
        1 => keys.remove(0),
        _ => SearchKey::And(keys),
    };
    Ok(Program { key, exact })
}

/// Joins alternatives. More than a command of reasonable length takes (RFC 2683 §3.2.1.5) are judged here, unless
/// only the server can.
fn any(list: &[Query], holds: bool, means: Means) -> Result<Program> {
    let parts = list.iter().map(|query| query.part(holds, means)).collect::<Result<Vec<_>>>()?;
    let exact = parts.iter().all(|part| part.exact);
    if parts.iter().any(|part| part.key == SearchKey::All) {
        return Ok(Program { key: SearchKey::All, exact });
    }
    let key = SearchKey::any(parts.into_iter().map(|part| part.key).collect()).unwrap_or_else(nothing);
    let is_long = key.length() > COMMAND_BYTES / 2;
    if is_long && list.iter().any(Query::can_be_judged_here) {
        return Ok(Program::anything());
    }
    Ok(Program { key, exact })
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

/// `LARGER` takes 32 bits, and no message is larger than that can say.
fn larger(bytes: u64) -> SearchKey {
    u32::try_from(bytes).map_or_else(|_| nothing(), SearchKey::Larger)
}

fn smaller(bytes: u64) -> SearchKey {
    u32::try_from(bytes).map_or(SearchKey::All, SearchKey::Smaller)
}

/// Asks for a day more on both sides: a server may look at the `Date` field in another zone than the field's own.
fn sent_key(relation: Relation, day: Date) -> SearchKey {
    let before = || date_key("SENTBEFORE", later(day, 2));
    let until = || date_key("SENTBEFORE", later(day, 1));
    let since = || date_key("SENTSINCE", later(day, -1));
    match relation {
        Relation::Before => until(),
        Relation::On => SearchKey::And(vec![since(), before()]),
        Relation::Since => since(),
    }
}

/// Asks for a whole day more than the instant, whatever the server's zone: at most 14 hours from UTC. Not by RFC 5032's
/// ages in seconds: those hang on the server's clock.
fn arrival_key(instant: Timestamp, before: bool) -> SearchKey {
    let day = instant.to_zoned_datetime(TimeZone::UTC).date();
    if before { date_key("BEFORE", later(day, 2)) } else { date_key("SINCE", later(day, -1)) }
}

/// Writes a `date` (RFC 3501 §9): `1-Feb-2024`. A day that no calendar reaches excludes nothing.
fn date_key(key: &'static str, day: Option<Date>) -> SearchKey {
    day.map_or(SearchKey::All, |day| SearchKey::Date(key, day.strftime("%-d-%b-%Y").to_string()))
}

fn later(day: Date, days: i32) -> Option<Date> {
    let mut day = Some(day);
    for _ in 0..days.abs() {
        day = day.and_then(|day| if days > 0 { day.tomorrow() } else { day.yesterday() }.ok());
    }
    day.filter(|day| (1..=9999).contains(&day.year()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{Means, Pattern, Program, Query, SearchKey};
    use crate::engine::query::Relation;
    use crate::mail::{Flag, UidSet};

    fn program(query: &Query) -> Program {
        query.program(Means::default()).unwrap()
    }

    #[test]
    fn what_can_not_be_asked_in_one_command_is_judged_here() {
        let many = |make: fn(Pattern) -> Query| {
            let each = (0..500).map(|n| make(Pattern::Contains(format!("person{n}@example.org"))));
            Query::Any(each.collect())
        };
        let to = || many(|pattern| Query::Header("to".into(), pattern));
        assert_eq!(program(&to()), Program::anything());
        // The other alternative is asked apart then.
        assert_eq!(program(&Query::Any(vec![to(), Query::Raw("SEEN".into())])), Program::anything());
        assert!(program(&many(Query::Body)).exact);
        let odd = || Query::Uids((1..9_000).filter_map(|n| crate::mail::Uid::new(2 * n)).collect::<UidSet>());
        assert!(program(&odd()).exact);
        assert_eq!(program(&Query::Not(Box::new(odd()))), Program::anything());
    }

    #[test]
    fn the_contrary_of_an_approximation_asks_for_everything() {
        let not = |query| program(&Query::Not(Box::new(query)));
        let from = |pattern| Query::Header("from".into(), pattern);
        let day = "2024-02-29".parse().unwrap();
        for query in [
            from(Pattern::Contains("a".into())),
            from(Pattern::regex("a", "").unwrap()),
            from(Pattern::domain("a.b").unwrap()),
            Query::Sent(Relation::On, day),
            Query::Attachment(Pattern::Present),
        ] {
            assert_eq!(not(query), Program::anything());
        }
        let seen = Query::Flag(Flag::Seen, true);
        assert_eq!(
            not(Query::Any(vec![seen, from(Pattern::Contains("a".into()))])).key,
            SearchKey::HasNot(Flag::Seen)
        );
        assert_eq!(
            not(from(Pattern::Present)).key,
            SearchKey::Not(Box::new(SearchKey::Header("from".into(), String::new())))
        );
    }
}
