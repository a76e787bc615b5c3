//! Random messages, written together with what they say, so that nobody has to read them to know it.

use base64::{Engine, engine::general_purpose::STANDARD};
use encoding_rs::Encoding;
use jiff::{Timestamp, ToSpan, civil::Date, tz::Offset};
use proptest::{collection::vec, option, prelude::*, sample::select};

/// Words of many scripts, and pieces that look like something else.
pub(super) const WORDS: [&str; 22] = [
    "build",
    "Report",
    "invoice",
    "WEEKLY",
    "[ci]",
    "a=?b",
    "100%",
    "Re:",
    "(fwd)",
    "q?=",
    "x",
    "Grüße",
    "café",
    "ÉCOLE",
    "Straße",
    "Łódź",
    "Привет",
    "мир",
    "Школа",
    "日本語",
    "Ελλάς",
    "naïve",
];
/// Addresses as they are written.
pub(super) const EMAILS: [&str; 7] = [
    "ann@example.org",
    "ANN@Example.ORG",
    "bob@corp.example",
    "ci@sub.corp.example",
    "o'neil+tag@x-y.example",
    "root",
    "a.b@example.org",
];
pub(super) const FILES: [&str; 4] = ["minutes.pdf", "Räksmörgås.doc", "scan 01.TIFF", "отчёт.txt"];
pub(super) const KEYWORDS: [&str; 3] = ["$Work", "$Junk", "Custom"];
const CHARSETS: [&str; 8] = [
    "utf-8",
    "iso-8859-1",
    "windows-1252",
    "koi8-r",
    "windows-1251",
    "iso-8859-2",
    "iso-2022-jp",
    "iso-8859-7",
];
/// What stands between two words of a field, and what it is once the field is unfolded.
const GAPS: [(&str, &str); 5] =
    [(" ", " "), ("  ", "  "), ("\r\n ", " "), ("\r\n\t", " "), ("\r\n    ", " ")];

/// A word and how it is written.
#[derive(Clone, Debug)]
struct Word {
    text: &'static str,
    /// As it is, or as an encoded word of `Q` or `B`.
    encoding: Option<char>,
    charset: usize,
    gap: usize,
}

#[derive(Clone, Debug)]
enum Form {
    Bare,
    Spaced,
    Named(Word),
    Quoted(&'static str),
    Comment(Word),
    Group(&'static str),
}

#[derive(Clone, Debug)]
enum Value {
    Text(Vec<Word>),
    People(Vec<(&'static str, Form)>),
    Fixed(String),
}

/// A message as a list of decisions; it shrinks by making fewer of them.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    fields: Vec<(&'static str, Value)>,
    sent: Option<(i64, i8, usize)>,
    body: Vec<(&'static str, bool)>,
    /// The body's transfer encoding and charset.
    dress: (usize, usize),
    file: Option<&'static str>,
    flags: Vec<&'static str>,
    /// How long ago it arrived, in minutes, and by the clock of which zone, in hours.
    arrived: (i64, i8),
}

/// A message, and what is true of it.
pub(super) struct Facts {
    pub(super) raw: Vec<u8>,
    /// Every field's name, decoded value and addresses.
    pub(super) fields: Vec<(String, String, Vec<String>)>,
    pub(super) body: String,
    pub(super) file: Option<&'static str>,
    pub(super) flags: Vec<&'static str>,
    pub(super) arrived: Timestamp,
    pub(super) offset: Offset,
    /// The day of the `Date` field.
    pub(super) sent: Option<Date>,
}

impl Facts {
    /// The fields with a name.
    pub(super) fn named<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = &'a (String, String, Vec<String>)> {
        self.fields.iter().filter(move |(known, ..)| known.eq_ignore_ascii_case(name))
    }
}

fn word() -> impl Strategy<Value = Word> {
    (select(&WORDS[..]), option::weighted(0.6, select(vec!['Q', 'B'])), 0..8usize, 0..GAPS.len())
        .prop_map(|(text, encoding, charset, gap)| Word { text, encoding, charset, gap })
}

fn person() -> impl Strategy<Value = (&'static str, Form)> {
    let form = prop_oneof![
        Just(Form::Bare),
        Just(Form::Spaced),
        word().prop_map(Form::Named),
        select(vec!["Doe, Joe", "Ann \\\"A\\\" Bell", "bob@corp.example"]).prop_map(Form::Quoted),
        word().prop_map(Form::Comment),
        select(vec!["team", "undisclosed recipients"]).prop_map(Form::Group),
    ];
    (select(&EMAILS[..]), form)
}

fn field() -> impl Strategy<Value = (&'static str, Value)> {
    let text = vec(word(), 0..5).prop_map(Value::Text);
    let people = vec(person(), 0..4).prop_map(Value::People);
    prop_oneof![
        4 => (select(vec!["Subject", "subject", "X-Foo", "Comments"]), text),
        4 => (select(vec!["From", "To", "Cc", "Bcc", "Reply-To", "TO"]), people),
        1 => select(vec!["Talk <talk.example.org>", "<news.example.org>", ""])
            .prop_map(|id| ("List-Id", Value::Fixed(id.into()))),
        1 => (0..5).prop_map(|n| ("Message-ID", Value::Fixed(format!("<id{n}.Build@host.example>")))),
    ]
}

pub(super) fn letter() -> impl Strategy<Value = Letter> {
    let flags =
        vec(select(vec!["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "$Work", "$Junk", "Custom"]), 0..3);
    let deleted = option::weighted(0.1, Just("\\Deleted"));
    let flags = (flags, deleted).prop_map(|(mut flags, deleted)| {
        flags.extend(deleted);
        flags.sort_unstable();
        flags.dedup();
        flags
    });
    let sent = option::weighted(0.8, (0..8000i64, -11..13i8, 0..6usize));
    let body = vec((select(&WORDS[..]), any::<bool>()), 0..6);
    let arrived = (1..8000i64, -11..13i8);
    let file = option::weighted(0.3, select(&FILES[..]));
    (vec(field(), 0..7), sent, body, (0..4usize, 0..8usize), file, flags, arrived).prop_map(
        |(fields, sent, body, dress, file, flags, arrived)| Letter {
            fields,
            sent,
            body,
            dress,
            file,
            flags,
            arrived,
        },
    )
}

impl Letter {
    /// Writes the message as of an instant.
    pub(super) fn write(&self, now: Timestamp) -> Facts {
        let mut sheet = Sheet::default();
        for (name, value) in &self.fields {
            match value {
                Value::Text(words) => {
                    let (raw, decoded) = words_of(words);
                    sheet.field(name, &raw, &decoded, vec![]);
                }
                Value::People(people) => {
                    let (raw, decoded, emails) = people_of(people);
                    sheet.field(name, &raw, &decoded, emails);
                }
                Value::Fixed(text) => sheet.field(name, text, text, vec![]),
            }
        }
        let sent = self.sent.and_then(|(minutes, hours, style)| {
            let (text, day) = date_of(now, minutes, hours, style);
            sheet.field("Date", &text, &text, vec![]);
            day
        });
        let body = self.finish(&mut sheet);
        Facts {
            raw: sheet.raw,
            fields: sheet.fields,
            body,
            file: self.file,
            flags: self.flags.clone(),
            arrived: now - self.arrived.0.minutes(),
            offset: Offset::constant(self.arrived.1),
            sent,
        }
    }

    /// Writes body and attachment, and gives the body's text.
    fn finish(&self, sheet: &mut Sheet) -> String {
        let words = self.body.iter().flat_map(|(word, end)| [*word, if *end { "\r\n" } else { " " }]);
        let text: String = words.collect();
        let text = format!("{}\r\n", text.trim_end());
        let (charset, bytes) = encoded(&text, self.dress.1);
        let (encoding, bytes) = match self.dress.0 {
            0 => ("8bit", bytes),
            1 => ("quoted-printable", quoted_printable(&bytes)),
            _ => ("base64", format!("{}\r\n", STANDARD.encode(bytes)).into_bytes()),
        };
        let kind = format!("text/plain; charset={charset}");
        if self.file.is_some() {
            let mixed = "multipart/mixed; boundary=part";
            sheet.field("Content-Type", mixed, mixed, vec![]);
            sheet.raw.extend(b"\r\n--part\r\n");
            let head = format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n");
            sheet.raw.extend(head.bytes());
        } else {
            sheet.field("Content-Type", &kind, &kind, vec![]);
            sheet.field("Content-Transfer-Encoding", encoding, encoding, vec![]);
        }
        sheet.raw.extend(b"\r\n");
        sheet.raw.extend(bytes);
        if let Some(file) = self.file {
            let name = file.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
            let part = format!(
                "\r\n--part\r\nContent-Type: application/octet-stream\r\n\
                 Content-Disposition: attachment; filename*=utf-8''{name}\r\nContent-Transfer-Encoding: base64\r\n\
                 \r\nAAECAw==\r\n--part--\r\n"
            );
            sheet.raw.extend(part.bytes());
        }
        text.replace("\r\n", "\n")
    }
}

#[derive(Default)]
struct Sheet {
    raw: Vec<u8>,
    fields: Vec<(String, String, Vec<String>)>,
}

impl Sheet {
    fn field(&mut self, name: &str, raw: &str, decoded: &str, emails: Vec<String>) {
        self.raw.extend(format!("{name}: {raw}\r\n").bytes());
        self.fields.push((name.to_owned(), decoded.trim().to_owned(), emails));
    }
}

/// A text's bytes in the wanted charset, or in UTF-8 where that has not all of its characters.
fn encoded(text: &str, charset: usize) -> (&'static str, Vec<u8>) {
    let charset = CHARSETS[charset % CHARSETS.len()];
    let (bytes, _, failed) = Encoding::for_label(charset.as_bytes()).unwrap().encode(text);
    if failed { ("utf-8", text.as_bytes().to_vec()) } else { (charset, bytes.into_owned()) }
}

fn encoded_word(text: &str, kind: char, charset: usize) -> String {
    let (charset, bytes) = encoded(text, charset);
    let inner = if kind == 'B' {
        STANDARD.encode(bytes)
    } else {
        let piece = |byte: u8| match byte {
            b' ' => "_".to_owned(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("={byte:02X}"),
        };
        bytes.into_iter().map(piece).collect()
    };
    format!("=?{charset}?{kind}?{inner}?=")
}

/// A text of words as it travels and as it reads. The space between two encoded words is within the second.
fn words_of(words: &[Word]) -> (String, String) {
    let (mut raw, mut decoded) = (String::new(), String::new());
    let mut after_encoded = false;
    for (at, word) in words.iter().enumerate() {
        let (gap, unfolded) = GAPS[word.gap];
        if at > 0 {
            raw.push_str(gap);
        }
        let adjacent = after_encoded && word.encoding.is_some();
        if at > 0 {
            decoded.push_str(if adjacent { " " } else { unfolded });
        }
        decoded.push_str(word.text);
        let space = if adjacent { " " } else { "" };
        match word.encoding {
            Some(kind) => raw.push_str(&encoded_word(&format!("{space}{}", word.text), kind, word.charset)),
            None => raw.push_str(word.text),
        }
        after_encoded = word.encoding.is_some();
    }
    (raw, decoded)
}

/// Addresses as they travel, as they read, and the addresses alone.
fn people_of(people: &[(&'static str, Form)]) -> (String, String, Vec<String>) {
    let (mut raw, mut decoded, mut emails) = (String::new(), String::new(), vec![]);
    for (at, (email, form)) in people.iter().enumerate() {
        if at > 0 {
            raw.push_str(if at % 2 == 0 { ", " } else { ",\r\n\t" });
            decoded.push_str(", ");
        }
        let (text, plain) = match form {
            Form::Bare => ((*email).to_owned(), (*email).to_owned()),
            Form::Spaced => (email.replace('@', " @ "), email.replace('@', " @ ")),
            Form::Named(word) => {
                // Only as an encoded word may a name have special characters in it.
                let name = encoded_word(word.text, word.encoding.unwrap_or('Q'), word.charset);
                (format!("{name} <{email}>"), format!("{} <{email}>", word.text))
            }
            Form::Quoted(name) => (format!("\"{name}\" <{email}>"), format!("\"{name}\" <{email}>")),
            Form::Comment(word) => {
                let name = encoded_word(word.text, word.encoding.unwrap_or('B'), word.charset);
                (format!("{email} ({name})"), format!("{email} ({})", word.text))
            }
            Form::Group(name) => (format!("{name}: {email};"), format!("{name}: {email};")),
        };
        raw.push_str(&text);
        decoded.push_str(&plain);
        emails.push((*email).to_owned());
    }
    (raw, decoded, emails)
}

/// A `Date` value, and the day that it shows.
fn date_of(now: Timestamp, minutes: i64, hours: i8, style: usize) -> (String, Option<Date>) {
    let local = (now - minutes.minutes()).to_zoned_datetime(Offset::constant(hours).to_time_zone());
    let format = match style {
        0 => "%a, %d %b %Y %H:%M:%S %z",
        1 => "%d %b %Y %H:%M:%S %z",
        2 => "%a, %-d %b %Y %H:%M %z",
        3 => "%a,  %-d %b %Y %H:%M:%S %z (comment)",
        4 => "%a, %d %b %y %H:%M:%S %z",
        _ => return ("soon".to_owned(), None),
    };
    (local.strftime(format).to_string(), Some(local.date()))
}

fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = String::new();
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\r\n").unwrap_or(line);
        let mut length = 0;
        for byte in text {
            if length > 70 {
                out.push_str("=\r\n");
                length = 0;
            }
            let piece = match byte {
                b'=' | b' ' | 0..=31 | 127.. => format!("={byte:02X}"),
                byte => char::from(*byte).to_string(),
            };
            length += piece.len();
            out.push_str(&piece);
        }
        out.push_str("\r\n");
    }
    out.into_bytes()
}
