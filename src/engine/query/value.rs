//! The values of a query's keys that are neither text nor queries.

use jiff::civil::Date;
use jiff::{Timestamp, ZonedDateTime};

use super::Query;
use crate::engine::age::long_ago;
use crate::engine::literal::Literal;
use crate::error::{Error, Result};
use crate::mail::{Uid, UidSet};

/// Reads an age such as `90m`, `36h`, `30d`, `2w`, `6mo` or `1y`, and gives the instant that long ago.
pub(super) fn ago(key: &str, value: &Literal, now: &ZonedDateTime) -> Result<Timestamp> {
    let bad = || {
        wrong(
            &format!("`{key}`"),
            "an age such as \"90m\", \"36h\", \"30d\", \"2w\", \"6mo\" or \"1y\"",
            value,
        )
    };
    let Literal::Text(text) = value else { return Err(bad()) };
    Ok(long_ago(text, now).ok_or_else(bad)?.timestamp())
}

pub(super) fn day(key: &str, value: &Literal) -> Result<Date> {
    let Literal::Text(text) = value else { return Err(no_day(key, value)) };
    let shaped = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let day: Date = text.parse().map_err(|_| no_day(key, value))?;
    if shaped && (1..=9999).contains(&day.year()) { Ok(day) } else { Err(no_day(key, value)) }
}

pub(super) fn no_day(key: &str, value: &Literal) -> Error {
    wrong(&format!("`{key}`"), "a day such as \"2024-02-29\"", value)
}

/// Gives the instant at which a day begins in the script's time zone.
pub(super) fn start(day: Date, now: &ZonedDateTime) -> Result<Timestamp> {
    let start = day.to_zoned_datetime(now.time_zone().clone());
    let start = start.map_err(|error| Error::script(format!("{day} has no beginning: {error}"), ""))?;
    Ok(start.timestamp())
}

/// Reads a size: bytes, or text with a decimal (`10MB`) or binary (`10MiB`) unit.
pub(super) fn bytes(key: &str, value: &Literal) -> Result<u64> {
    let bad = || wrong(&format!("`{key}`"), "bytes, or a size such as \"10MB\" or \"512KiB\"", value);
    match value {
        Literal::Integer(number) => u64::try_from(*number).map_err(|_| bad()),
        Literal::Text(text) => {
            let text = text.trim();
            let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            let (digits, unit) = text.split_at(end);
            let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
                "" | "b" => 1,
                "kb" => 1_000,
                "mb" => 1_000_000,
                "gb" => 1_000_000_000,
                "kib" => 1 << 10,
                "mib" => 1 << 20,
                "gib" => 1 << 30,
                _ => return Err(bad()),
            };
            digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(bad)
        }
        _ => Err(bad()),
    }
}

pub(super) fn uids(value: &Literal) -> Result<Query> {
    let bad = |value: &Literal| wrong("`uid`", "a UID, a list of them, or a set such as \"1:9,12\"", value);
    let one = |value: &Literal| match value {
        Literal::Integer(number) => {
            u32::try_from(*number).ok().and_then(Uid::new).map(UidSet::from).ok_or_else(|| bad(value))
        }
        Literal::Text(text) => UidSet::parse(text).ok_or_else(|| bad(value)),
        value => Err(bad(value)),
    };
    match value {
        Literal::Table(list, fields) if fields.is_empty() => {
            let mut all = UidSet::new();
            for value in list {
                all = all.union(&one(value)?);
            }
            Ok(Query::Uids(all))
        }
        value => Ok(Query::Uids(one(value)?)),
    }
}

/// Makes the error for a value of the wrong type.
pub(super) fn wrong(what: &str, wanted: &str, value: &Literal) -> Error {
    let got = match value {
        Literal::Text(text) => format!("\"{}\"", crate::error::visible(text)),
        Literal::Integer(number) => number.to_string(),
        Literal::Number(number) => number.to_string(),
        Literal::Boolean(value) => value.to_string(),
        Literal::Other("nil") => "nil".to_owned(),
        value => format!("a {}", value.type_name()),
    };
    Error::script(format!("{what} must be {wanted} but is {got}"), "")
}
