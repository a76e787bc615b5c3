use std::fmt;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::Offset;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// When a message came to the server: INTERNALDATE (RFC 3501 §2.3.3).
///
/// It keeps the offset the server wrote, since `ON`, `BEFORE` and `SINCE` of SEARCH disregard the
/// zone and compare the day as it is written. Two are equal when both day and offset are;
/// `timestamp` compares instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InternalDate {
    local: DateTime,
    offset: Offset,
    instant: Timestamp,
}

impl InternalDate {
    /// Parses a `date-time` (RFC 3501 §9), `17-Jul-1996 02:44:25 -0700`, with or without its quotes
    /// and with or without the space before a day of one digit. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).trim();
        let mut words = bare.split(' ').filter(|word| !word.is_empty());
        let [date, time, zone] = [words.next()?, words.next()?, words.next()?];
        if words.next().is_some() {
            return None;
        }
        let [day, month, year] = fields(date, '-')?;
        let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
        let (day, year) = (number(day, 1..=2)?, number(year, 4..=4)?);
        let [hour, minute, second] = fields(time, ':')?;
        let [hour, minute, second] = [number(hour, 1..=2)?, number(minute, 1..=2)?, number(second, 1..=2)?];
        let digits = zone.strip_prefix(['+', '-'])?;
        let there = number(digits, 4..=4)?;
        let seconds =
            i32::from(there / 100 * 60 + there % 100) * if zone.starts_with('-') { -60 } else { 60 };
        if there % 100 > 59 {
            return None;
        }
        let byte = |number: i16| i8::try_from(number).ok();
        let local = DateTime::new(
            year,
            byte(i16::try_from(month).ok()? + 1)?,
            byte(day)?,
            byte(hour)?,
            byte(minute)?,
            // A leap second is taken for the one before.
            byte(if second == 60 { 59 } else { second })?,
            0,
        );
        Self::new(local.ok()?, Offset::from_seconds(seconds).ok()?)
    }

    /// Makes the date of an instant as a clock with this offset shows it.
    pub fn from_timestamp(instant: Timestamp, offset: Offset) -> Option<Self> {
        let whole = Timestamp::from_second(instant.as_second()).ok()?;
        Self::new(offset.to_datetime(whole), offset)
    }

    /// Parses RFC 3339's `2024-02-29T10:00:00+01:00`, or `Z` for its offset. `None` for anything else.
    pub fn from_rfc_3339(text: &str) -> Option<Self> {
        let offset = text.strip_suffix(['Z', 'z']).map(|local| format!("{local}+00:00"));
        let parsed = BrokenDownTime::parse("%Y-%m-%dT%H:%M:%S%:z", offset.as_deref().unwrap_or(text)).ok()?;
        Self::new(parsed.to_datetime().ok()?, parsed.offset()?)
    }

    /// Writes it as RFC 3339 has it, with the server's offset.
    pub fn to_rfc_3339(self) -> String {
        let minutes = self.offset.seconds() / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        let local = self.local.strftime("%Y-%m-%dT%H:%M:%S");
        format!("{local}{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
    }

    /// A year has four digits on the wire, and an offset whole minutes.
    fn new(local: DateTime, offset: Offset) -> Option<Self> {
        let instant = offset.to_timestamp(local).ok()?;
        let writable = (0..=9999).contains(&local.year()) && offset.seconds() % 60 == 0;
        writable.then_some(Self { local, offset, instant })
    }

    /// Gives the instant.
    pub fn timestamp(self) -> Timestamp {
        self.instant
    }

    /// Gives the day as the server wrote it, whatever the zone.
    pub fn date(self) -> Date {
        self.local.date()
    }

    /// Gives the day and time as the server wrote them.
    pub fn datetime(self) -> DateTime {
        self.local
    }

    /// Gives the offset that the server wrote.
    pub fn offset(self) -> Offset {
        self.offset
    }
}

/// Takes a text apart into three.
fn fields(text: &str, between: char) -> Option<[&str; 3]> {
    let mut fields = text.split(between);
    let three = [fields.next()?, fields.next()?, fields.next()?];
    fields.next().is_none().then_some(three)
}

/// Reads a number of as many digits.
fn number(text: &str, digits: RangeInclusive<usize>) -> Option<i16> {
    (digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

impl fmt::Display for InternalDate {
    /// Writes RFC 3501's `date-time` without the quotes, which the encoder of commands adds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.local;
        let month = usize::try_from(local.month() - 1).ok().and_then(|at| MONTHS.get(at)).unwrap_or(&"Jan");
        let minutes = self.offset.seconds() / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        write!(f, "{:2}-{month}-{:04} ", local.day(), local.year())?;
        write!(f, "{:02}:{:02}:{:02} ", local.hour(), local.minute(), local.second())?;
        write!(f, "{sign}{:02}{:02}", minutes.abs() / 60, minutes.abs() % 60)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::Offset;

    use super::InternalDate;

    #[test]
    fn dates_of_the_wire_go_in_and_out() {
        for text in ["17-Jul-1996 02:44:25 -0700", " 1-Jan-2024 00:00:00 +0530", "31-Dec-0001 23:59:59 +0000"]
        {
            let date = InternalDate::parse(text);
            assert_eq!(date.map(|date| date.to_string()).as_deref(), Some(text));
            assert_eq!(InternalDate::parse(&format!("\"{text}\"")), date);
            assert_eq!(InternalDate::parse(text.trim_start()), date);
        }
        let leap = InternalDate::parse("31-Dec-2016 23:59:60 +0000");
        assert_eq!(leap, InternalDate::parse("31-Dec-2016  23:59:59 +0000"));
        let date = InternalDate::parse("01-jan-2024 00:00:00 +0530");
        assert_eq!(date.map(|date| date.to_string()).as_deref(), Some(" 1-Jan-2024 00:00:00 +0530"));
        assert_eq!(date.map(|date| date.date().to_string()).as_deref(), Some("2024-01-01"));
        assert_eq!(date.map(|date| date.timestamp().to_string()).as_deref(), Some("2023-12-31T18:30:00Z"));
    }

    #[test]
    fn rfc_3339_may_say_z_for_its_offset() {
        let date = InternalDate::from_rfc_3339("2024-02-29T10:00:00Z");
        assert!(date.is_some());
        assert_eq!(date, InternalDate::from_rfc_3339("2024-02-29T10:00:00+00:00"));
        assert_eq!(InternalDate::from_rfc_3339("2024-02-29T10:00:00+01:00Z"), None);
    }

    #[test]
    fn an_instant_has_a_date_at_every_offset() {
        let date = InternalDate::from_timestamp(Timestamp::UNIX_EPOCH, Offset::constant(-1));
        assert_eq!(date.map(|date| date.to_string()).as_deref(), Some("31-Dec-1969 23:00:00 -0100"));
        let odd = Offset::from_seconds(90).ok();
        assert_eq!(odd.and_then(|odd| InternalDate::from_timestamp(Timestamp::UNIX_EPOCH, odd)), None);
    }

    #[test]
    fn anything_else_is_no_date() {
        for text in [
            "",
            "\"",
            "NIL",
            "17-Jul-1996",
            "17-Jul-1996 02:44:25",
            "32-Jul-1996 02:44:25 -0700",
            "30-Feb-2024 02:44:25 -0700",
            "17-Jul-1996 25:44:25 -0700",
            "17-Jul-1996 02:44:25 -07:00",
            "17-Jul-1996 02:44:25 PST",
            "17-Jul-1996 02:44:25 -9900",
            "17-Jul-1996 02:44:25 -0700 x",
            "17-Jul-1996 02:44:25 -0060",
            "17-Jul-96 02:44:25 -0700",
            "+7-Jul-1996 02:44:25 -0700",
            "17-Juli-1996 02:44:25 -0700",
            "17-Jul-1996-1 02:44:25 -0700",
            "17-Jul-1996 002:44:25 -0700",
            "17-Jul-1996 02:44:61 -0700",
            "17-Jul-1996 02:44:25\t-0700",
            "17-Jul-1996 02:44:2\u{0665} -0700",
            "31-Dec-9999 23:59:59 -1200",
        ] {
            assert_eq!(InternalDate::parse(text), None, "{text:?}");
        }
    }
}
