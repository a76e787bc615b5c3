use std::collections::BTreeSet;

use jiff::ZonedDateTime;
use jiff::tz::{Offset, TimeZone};

use super::encode;
use crate::mail::Flag;

/// The person whose mail it is.
pub(super) const SAM: &str = "Sam Rivera <sam@example.org>";

/// One message of the sample mail, before its date is known. Texts have LF where CRLF will be.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) mailbox: &'static str,
    /// How long ago it arrived, in minutes.
    pub(super) age: i64,
    pub(super) flags: BTreeSet<Flag>,
    hours: i8,
    dated: bool,
    header: Vec<(String, Vec<u8>)>,
    body: Body,
    files: Vec<File>,
}

#[derive(Clone, Debug)]
enum Body {
    /// What goes out as it is, its content fields given in the header.
    Raw(Vec<u8>),
    Text(String),
    /// Plain text, and the same in HTML.
    Both(String, String),
}

#[derive(Clone, Debug)]
struct File {
    kind: &'static str,
    name: String,
    data: Vec<u8>,
}

impl Letter {
    /// Begins a letter to Sam that arrived so many days ago. The minute of the day comes from the
    /// subject, so that no two arrive at once.
    pub(super) fn new(mailbox: &'static str, days: i64, from: &str, subject: &str) -> Self {
        let spread = subject.bytes().fold(days, |sum, byte| (sum * 31 + i64::from(byte)) % 1009);
        let mut letter = Self {
            mailbox,
            age: days * 1440 + 5 + spread,
            flags: BTreeSet::new(),
            hours: if days % 365 < 240 { 2 } else { 1 },
            dated: true,
            header: Vec::new(),
            body: Body::Text(String::new()),
            files: Vec::new(),
        };
        letter.header = vec![("From".into(), from.into()), ("To".into(), SAM.into())];
        letter.field("Subject", &encoded(subject)).field("Message-ID", &message_id(from, subject, days))
    }

    /// Adds a field, or takes it out where the value is empty, or changes it.
    pub(super) fn field(mut self, name: &str, value: &str) -> Self {
        self.header.retain(|(old, _)| old != name);
        if !value.is_empty() {
            self.header.push((name.to_owned(), value.as_bytes().to_vec()));
        }
        self
    }

    /// Adds a field of bytes that are no text.
    pub(super) fn raw_field(mut self, name: &str, value: &[u8]) -> Self {
        self.header.retain(|(old, _)| old != name);
        self.header.push((name.to_owned(), value.to_vec()));
        self
    }

    pub(super) fn undated(mut self) -> Self {
        self.dated = false;
        self
    }

    pub(super) fn hours(mut self, hours: i8) -> Self {
        self.hours = hours;
        self
    }

    /// Sets flags as scripts write them: `seen flagged $Forwarded`.
    pub(super) fn flags(mut self, flags: &str) -> Self {
        self.flags = flags.split_whitespace().filter_map(Flag::from_script).collect();
        self
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        self.body = Body::Text(text.to_owned());
        self
    }

    pub(super) fn both(mut self, text: &str, html: &str) -> Self {
        self.body = Body::Both(text.to_owned(), html.to_owned());
        self
    }

    pub(super) fn raw(mut self, body: &[u8]) -> Self {
        self.body = Body::Raw(body.to_vec());
        self
    }

    pub(super) fn file(mut self, kind: &'static str, name: &str, data: Vec<u8>) -> Self {
        self.files.push(File { kind, name: name.to_owned(), data });
        self
    }

    /// Gives its Message-ID, for answers to it.
    pub(super) fn id(&self) -> String {
        let id = self.header.iter().find(|(name, _)| name == "Message-ID");
        id.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
    }

    pub(super) fn zone(&self) -> TimeZone {
        Offset::from_hours(self.hours).map_or(TimeZone::UTC, TimeZone::fixed)
    }

    /// Gives the message's bytes.
    pub(super) fn render(&self, date: &ZonedDateTime) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in &self.header {
            // A name that ends so is a line by itself, for the broken ones.
            let colon: &[u8] = if name.ends_with('!') { b" " } else { b": " };
            out.extend_from_slice(&[name.as_bytes(), colon, value, b"\n"].concat());
            if name == "From" && self.dated {
                out.extend_from_slice(
                    format!("Date: {}\n", date.strftime("%a, %d %b %Y %H:%M:%S %z")).as_bytes(),
                );
            }
        }
        out.extend_from_slice(&self.content());
        crlf(&out)
    }

    /// Gives the content's fields, the empty line and the content.
    fn content(&self) -> Vec<u8> {
        let inner = match &self.body {
            Body::Raw(body) => return [b"\n", body.as_slice()].concat(),
            Body::Text(text) => text_part("plain", text),
            Body::Both(text, html) => {
                multipart("alternative", "=_alt", &[text_part("plain", text), text_part("html", html)])
            }
        };
        let mut out = b"MIME-Version: 1.0\n".to_vec();
        if self.files.is_empty() {
            out.extend(inner);
            return out;
        }
        let mut parts = vec![inner];
        parts.extend(self.files.iter().map(File::part));
        out.extend(multipart("mixed", "=_mix", &parts));
        out
    }
}

impl File {
    fn part(&self) -> Vec<u8> {
        let Self { kind, name, data } = self;
        let name = encoded(name);
        let body = encode::base64_lines(data);
        format!(
            "Content-Type: {kind}; name=\"{name}\"\nContent-Transfer-Encoding: base64\nContent-Disposition: \
             attachment; filename=\"{name}\"\n\n{body}\n"
        )
        .into_bytes()
    }
}

fn text_part(kind: &str, text: &str) -> Vec<u8> {
    let (encoding, body) = if text.is_ascii() && text.lines().all(|line| line.len() < 900) {
        ("7bit", text.to_owned())
    } else {
        ("quoted-printable", encode::quoted_printable(text.as_bytes()))
    };
    format!("Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n{body}\n")
        .into_bytes()
}

fn multipart(kind: &str, boundary: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("Content-Type: multipart/{kind}; boundary=\"{boundary}\"\n\n").into_bytes();
    for part in parts {
        out.extend_from_slice(format!("--{boundary}\n").as_bytes());
        out.extend_from_slice(part);
    }
    out.extend_from_slice(format!("--{boundary}--\n").as_bytes());
    out
}

fn encoded(text: &str) -> String {
    if text.is_ascii() { text.to_owned() } else { encode::words("UTF-8", 'Q', text) }
}

fn message_id(from: &str, subject: &str, days: i64) -> String {
    let text = format!("{from}{subject}{days}");
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let host = from.rsplit_once('@').map_or("example.org", |(_, host)| host.trim_end_matches('>'));
    format!("<{hash:016x}@{host}>")
}

/// Makes line breaks CRLF.
fn crlf(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 40);
    for &byte in text {
        if byte == b'\n' {
            out.push(b'\r');
        }
        out.push(byte);
    }
    out
}

/// Makes bytes that look like a file: they begin as one of its kind does, and the rest is noise, the
/// same every time.
pub(super) fn noise(start: &[u8], size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let rest = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24).to_le_bytes()[0]
    });
    start.iter().copied().chain(rest).take(size).collect()
}
