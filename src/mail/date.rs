use jiff::ZonedDateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::{Offset, TimeZone};

/// The longest `Date` value that is looked at.
const MAX_DATE: usize = 250;

/// What is tried where a date is not RFC 5322's, on a value without comments and weekday.
const FORMATS: [&str; 8] = [
    "%d %b %Y %H:%M:%S %z",
    "%d %b %Y %H:%M %z",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y %H:%M",
    "%b %d %H:%M:%S %Y",
    "%Y-%m-%dT%H:%M:%S%:z",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S",
];

static RFC_5322: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);

/// Parses the value of a `Date` field (RFC 5322 §3.3 and §4.3), and what programs write instead.
///
/// The instant keeps the offset it was written with. A wrong weekday is overlooked, a missing or
/// unknown zone is UTC, and `None` stands for what is no date.
pub(super) fn parse(value: &str) -> Option<ZonedDateTime> {
    let value = value.trim();
    if value.len() > MAX_DATE {
        return None;
    }
    RFC_5322.parse_zoned_datetime(value).ok().or_else(|| {
        let value = simplified(value);
        RFC_5322.parse_zoned_datetime(&value).ok().or_else(|| by_format(&value))
    })
}

/// Takes comments and the weekday off, and writes date and zone as the formats have them.
fn simplified(value: &str) -> String {
    let mut depth = 0_usize;
    let mut plain = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    let words = plain.split([',', ' ', '\t']).filter(|word| !word.is_empty() && !is_weekday(word));
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    // `17-Jul-1996`, as INTERNALDATE has it and some old gateways wrote it here too.
    if let Some(first) = words.first_mut().filter(|first| first.bytes().any(|b| b.is_ascii_alphabetic()))
        && !first.contains('T')
    {
        *first = first.replace('-', " ");
    }
    if let Some(last) = words.last_mut() {
        *last = zone(last);
    }
    words.join(" ")
}

/// Writes `GMT+1:00` as `+0100`. Letters are a zone that nobody knows, and so UTC (RFC 5322 §4.3).
fn zone(word: &str) -> String {
    let bare = word.strip_prefix("GMT").or_else(|| word.strip_prefix("UTC")).unwrap_or(word);
    if let Some(sign) = bare.chars().next().filter(|c| matches!(c, '+' | '-')) {
        let digits: String = bare.chars().filter(char::is_ascii_digit).collect();
        return format!("{sign}{digits:0>4}");
    }
    let american =
        matches!(word.to_ascii_uppercase().as_bytes(), [b'E' | b'C' | b'M' | b'P', b'S' | b'D', b'T']);
    if word.bytes().all(|b| b.is_ascii_alphabetic()) && !american {
        "+0000".to_owned()
    } else {
        word.to_owned()
    }
}

fn is_weekday(word: &str) -> bool {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    word.get(..3).is_some_and(|start| DAYS.contains(&start.to_ascii_lowercase().as_str()))
        && word.bytes().all(|b| b.is_ascii_alphabetic())
}

fn by_format(value: &str) -> Option<ZonedDateTime> {
    let parsed = FORMATS.iter().find_map(|format| BrokenDownTime::parse(format, value).ok())?;
    let local = parsed.to_datetime().ok()?;
    let offset = parsed.offset().unwrap_or(Offset::UTC);
    let zoned = local.to_zoned_datetime(TimeZone::fixed(offset)).ok()?;
    Some(zoned)
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn shown(value: &str) -> String {
        parse(value)
            .map_or_else(|| "none".to_owned(), |date| date.strftime("%Y-%m-%d %H:%M:%S %z").to_string())
    }

    #[test]
    fn dates_of_the_standard_keep_their_offset() {
        for (value, date) in [
            ("Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21 09:55:06 -0600"),
            ("1 Jan 2024 00:00 +0530 (IST)", "2024-01-01 00:00:00 +0530"),
            ("Thu, 1 Jan 2024 00:00:00 +0000", "2024-01-01 00:00:00 +0000"),
            ("Thu,\t13 (comment (nested)) Feb 1969 23:32 EST", "1969-02-13 23:32:00 -0500"),
            ("21 Nov 97 09:55:06 GMT", "1997-11-21 09:55:06 +0000"),
            ("21 Nov 24 09:55:06 PDT", "2024-11-21 09:55:06 -0700"),
            ("31 Dec 2016 23:59:60 +0000", "2016-12-31 23:59:59 +0000"),
        ] {
            assert_eq!(shown(value), date, "{value}");
        }
    }

    #[test]
    fn dates_as_programs_write_them_are_read_too() {
        for (value, date) in [
            ("fri, 21 nov 1997 09:55:06 +0100", "1997-11-21 09:55:06 +0100"),
            ("Fri, 21 Nov 1997 09:55:06", "1997-11-21 09:55:06 +0000"),
            ("Fri, 21 Nov 1997 09:55:06 GMT+0100", "1997-11-21 09:55:06 +0100"),
            ("Fri, 21 Nov 1997 9:55:06 +1:00", "1997-11-21 09:55:06 +0100"),
            ("Friday, 21-Nov-1997 09:55:06 +0100", "1997-11-21 09:55:06 +0100"),
            ("21 Nov 1997 09:55:06 MESZ", "1997-11-21 09:55:06 +0000"),
            ("Fri Nov 21 09:55:06 1997", "1997-11-21 09:55:06 +0000"),
            ("2024-02-29 01:02:03 +0200", "2024-02-29 01:02:03 +0200"),
            ("2024-02-29T01:02:03+02:00", "2024-02-29 01:02:03 +0200"),
        ] {
            assert_eq!(shown(value), date, "{value}");
        }
    }

    #[test]
    fn garbage_is_no_date() {
        let open = "(".repeat(100_000);
        for value in
            ["", "today", "1", "32 Jan 2024 10:00 +0000", "1 Jan", "(", "+", "-", "1 Jan 99999 1:1 +0", &open]
        {
            assert_eq!(shown(value), "none", "{value}");
        }
    }
}
