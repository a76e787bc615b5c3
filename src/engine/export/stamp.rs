use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::Offset;
use sha2::{Digest as _, Sha256};

use super::entries::Entry;
use super::unix_lines;
use crate::mail::{Flag, InternalDate};

/// What an archive keeps of a message beside its lines, in the line before them: after the date, where programs that read
/// mbox files look no further. Nothing in it has a colon, by which some find the date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) date: Option<InternalDate>,
    pub(super) flags: Vec<Flag>,
    size: u64,
    digest: String,
    /// The lines are as they were; else each ended with CRLF and ends with LF now.
    raw: bool,
}

impl Stamp {
    /// Makes it for a message.
    pub(super) fn of(raw: &[u8], flags: &[Flag], date: Option<InternalDate>) -> Self {
        Self {
            date,
            flags: flags.iter().filter(|flag| **flag != Flag::Recent).cloned().collect(),
            size: raw.len() as u64,
            digest: digest(raw),
            raw: has_bare_line_feeds(raw),
        }
    }

    /// Gives the lines that are written for the message.
    pub(super) fn lines(&self, raw: &[u8]) -> Vec<u8> {
        if self.raw { raw.to_vec() } else { unix_lines(raw) }
    }

    /// Writes it as words after the date.
    pub(super) fn words(&self) -> String {
        let mut words = String::new();
        if let Some(date) = self.date {
            let minutes = date.offset().seconds() / 60;
            let sign = if minutes < 0 { '-' } else { '+' };
            // A `String` takes whatever is written to it.
            let _ = write!(words, " zone={sign}{:02}{:02}", minutes.abs() / 60, minutes.abs() % 60);
        }
        let _ = write!(words, " size={} sha256={}", self.size, self.digest);
        if self.raw {
            words.push_str(" lines=raw");
        }
        if !self.flags.is_empty() {
            let flags: Vec<_> = self.flags.iter().map(|flag| escape(&flag.to_string())).collect();
            let _ = write!(words, " flags={}", flags.join(","));
        }
        words
    }

    /// Reads it of the line before a message. `None` where an archive of ours did not write it.
    pub(super) fn parse(from: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(from).ok()?;
        let field =
            |name: &str| text.split(' ').rev().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let digest = field("sha256").filter(|digest| digest.len() == 64)?.to_owned();
        let size = field("size")?.parse().ok()?;
        let zone = field("zone").and_then(zone);
        let date = zone.zip(date_of(from)).and_then(|(zone, at)| InternalDate::from_timestamp(at, zone));
        let flags = field("flags").into_iter().flat_map(|flags| flags.split(','));
        let flags = flags.filter_map(|flag| Flag::parse(&unescape(flag))).collect();
        Some(Self { date, flags, size, digest, raw: field("lines") == Some("raw") })
    }

    /// Gives the message's bytes again; `None` where they are not what they were.
    pub(super) fn restored(&self, entry: &Entry) -> Option<Vec<u8>> {
        let mut raw = if self.raw { entry.text.clone() } else { network_lines(&entry.text) };
        // The line end that was added to a last line without one.
        raw.truncate(usize::try_from(self.size).ok()?);
        (digest(&raw) == self.digest).then_some(raw)
    }
}

fn digest(raw: &[u8]) -> String {
    Sha256::digest(raw).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn has_bare_line_feeds(raw: &[u8]) -> bool {
    let before = [0].iter().chain(raw);
    before.zip(raw).any(|(before, byte)| *byte == b'\n' && *before != b'\r')
}

/// Makes each line end with CRLF.
pub(super) fn network_lines(text: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(text.len() + text.len() / 30);
    for &byte in text {
        if byte == b'\n' {
            lines.push(b'\r');
        }
        lines.push(byte);
    }
    lines
}

/// Reads the date in the line before a message, as `asctime` writes it in UTC.
pub(super) fn date_of(from: &[u8]) -> Option<Timestamp> {
    let text = String::from_utf8_lossy(from);
    let words: Vec<&str> = text.split_whitespace().collect();
    let date = words.windows(5).find_map(|five| {
        BrokenDownTime::parse("%a %b %d %H:%M:%S %Y", five.join(" ")).ok()?.to_datetime().ok()
    });
    date.and_then(|date: DateTime| Offset::UTC.to_timestamp(date).ok())
}

fn zone(text: &str) -> Option<Offset> {
    let (sign, digits) = text.split_at_checked(1)?;
    let number: i32 = digits.parse().ok().filter(|_| digits.len() == 4)?;
    let seconds = (number / 100 * 60 + number % 100) * 60;
    Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

/// Writes a flag without the signs that mean something here.
fn escape(flag: &str) -> String {
    flag.replace(':', "%3A").replace(',', "%2C").replace('=', "%3D")
}

fn unescape(flag: &str) -> String {
    flag.replace("%3A", ":").replace("%2C", ",").replace("%3D", "=")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::entries::Entries;
    use super::super::mbox::quoted;
    use super::{Flag, InternalDate, Stamp};

    fn there_and_back(raw: &[u8]) -> Option<Vec<u8>> {
        let date = InternalDate::parse("01-Mar-2024 10:00:00 -0330");
        let flags: Vec<_> = ["\\Seen", "$a:b,c=d", "\\Recent"].into_iter().filter_map(Flag::parse).collect();
        let stamp = Stamp::of(raw, &flags, date);
        let mut file = format!("From a=b@x Fri Mar  1 13:30:00 2024{}\n", stamp.words()).into_bytes();
        file.extend(quoted(&stamp.lines(raw)));
        file.extend_from_slice(b"From next\n");
        let entry = Entries::new(file.as_slice(), 1 << 20).ok()?.next().ok()??;
        let read = Stamp::parse(&entry.from)?;
        assert_eq!(read, stamp);
        assert_eq!(read.flags.len(), 2);
        read.restored(&entry)
    }

    #[test]
    fn what_was_changed_is_not_taken_for_what_it_was() {
        let stamp = Stamp::of(b"a\r\n", &[], None);
        let file = format!("From x{}\nb\n", stamp.words()).into_bytes();
        let entry = Entries::new(file.as_slice(), 100).ok().and_then(|mut entries| entries.next().ok()?);
        let restored = entry.and_then(|entry| Stamp::parse(&entry.from)?.restored(&entry));
        assert_eq!(restored, None);
        assert_eq!(Stamp::parse(b"From a@x Fri Mar  1 13:30:00 2024"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(raw in "(From |>From |>|\r|\n|\r\n|\r\r\n|\0|x| ){1,30}") {
            let back = there_and_back(raw.as_bytes());
            prop_assert_eq!(back.as_deref(), Some(raw.as_bytes()));
        }
    }
}
