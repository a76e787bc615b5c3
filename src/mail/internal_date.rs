use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::Offset;

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
        // The longest date is this long, and the parser takes spaces without end between its fields.
        if bare.len() > 26 || !bare.is_ascii() {
            return None;
        }
        let (_, zone) = bare.rsplit_once(' ')?;
        let digits = zone.strip_prefix(['+', '-'])?;
        if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let parsed = BrokenDownTime::parse("%d-%b-%Y %H:%M:%S %z", bare).ok()?;
        Self::new(parsed.to_datetime().ok()?, parsed.offset()?)
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

impl fmt::Display for InternalDate {
    /// Writes RFC 3501's `date-time` without the quotes, which the encoder of commands adds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
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
            "31-Dec-9999 23:59:59 -1200",
        ] {
            assert_eq!(InternalDate::parse(text), None, "{text:?}");
        }
    }
}
