//! Random queries, and a second opinion on what they mean.

use super::letter::{EMAILS, FILES, Facts, KEYWORDS, WORDS};
use imapscript::engine::{Literal, query::Pattern};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use proptest::{collection::vec, prelude::*, sample::select};
use regex::RegexBuilder;

/// What a text must be like.
#[derive(Clone, Debug)]
pub(super) enum Needle {
    Text(String),
    Regex(String, bool),
    Address(&'static str),
    Domain(&'static str),
}

/// A query as a tree of conditions.
#[derive(Clone, Debug)]
pub(super) enum Question {
    /// A key and the fields that it is about.
    Field(&'static str, Vec<Needle>),
    Header(&'static str, Vec<Needle>),
    There(&'static str, bool),
    List(bool),
    Body(Vec<Needle>),
    Text(Vec<Needle>),
    Attachment(Vec<Needle>),
    HasAttachment(bool),
    Flag(&'static str, bool),
    Keyword(Vec<&'static str>),
    /// Older or newer than so many minutes.
    Age(bool, i64),
    /// A key, and so many days before today.
    Day(&'static str, i64),
    Size(bool, usize),
    Uids(Vec<u32>),
    Raw(usize),
    All(Vec<Question>),
    Any(Vec<Question>),
    Except(Vec<Question>),
}

/// Programs for `raw`: what each means is said in [`Question::holds`].
const RAW: [&str; 3] = ["OR SEEN FLAGGED", "UNSEEN DRAFT", "NOT (ANSWERED)"];

/// What time it is, and where.
pub(super) struct Clock {
    pub(super) now: Timestamp,
    pub(super) zone: TimeZone,
}

impl Clock {
    fn day(&self, instant: Timestamp) -> Date {
        instant.to_zoned_datetime(self.zone.clone()).date()
    }
}

fn text() -> impl Strategy<Value = String> {
    let word = select(&WORDS[..]);
    let part = (word.clone(), any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(
        |(word, from, to)| {
            let chars: Vec<char> = word.chars().collect();
            let (a, b) = (from.index(chars.len()), to.index(chars.len()));
            chars[a.min(b)..=a.max(b)].iter().collect::<String>()
        },
    );
    let two = (word.clone(), select(vec![" ", "  ", "\t"]), word.clone())
        .prop_map(|(a, space, b)| format!("{a}{space}{b}"));
    let piece = select(vec![
        "ann@",
        "@example",
        "corp.",
        "Joe\"",
        "\"Doe,",
        "<ann@example.org>",
        "@",
        "team:",
        "zzz",
        " @ ",
        "l\" <",
        "id3",
    ]);
    prop_oneof![
        3 => word.prop_map(str::to_owned),
        3 => part,
        2 => two,
        2 => piece.prop_map(str::to_owned),
    ]
    .prop_flat_map(|text| {
        let (upper, lower) = (text.to_uppercase(), text.to_lowercase());
        select(vec![text, upper, lower])
    })
}

fn needle(addresses: bool) -> impl Strategy<Value = Needle> {
    let regex = select(vec![
        "^build",
        "r.port$",
        "гру|ива",
        "(?:weekly|мир) ",
        "\\[ci\\]",
        "é",
        "^$",
        "\\bx\\b",
        "ann@.*org",
    ]);
    let others = prop_oneof![
        2 => (regex, any::<bool>()).prop_map(|(regex, any_case)| Needle::Regex(regex.to_owned(), any_case)),
        if addresses { 2 } else { 0 } => select(vec![EMAILS[0], EMAILS[1], EMAILS[2], EMAILS[3], EMAILS[4], EMAILS[6], "nobody@nowhere.example"]).prop_map(Needle::Address),
        if addresses { 2 } else { 0 } => select(vec!["example.org", "EXAMPLE.org", "corp.example", "x-y.example", "org"]).prop_map(Needle::Domain),
    ];
    prop_oneof![3 => text().prop_map(Needle::Text), 2 => others]
}

/// Bodies are searched by the server, whose words end with lines and whose headers are more than ours.
fn body_needle() -> impl Strategy<Value = Needle> {
    let word =
        select(vec!["build", "REPORT", "invoice", "weekly", "Grüße", "straße", "Привет", "школа", "zzz"]);
    let regex = select(vec!["^build$", "мир\\s", "é\n", "x$"]);
    prop_oneof![
        3 => word.prop_map(|word| Needle::Text(word.to_owned())),
        1 => (regex, any::<bool>()).prop_map(|(regex, any_case)| Needle::Regex(regex.to_owned(), any_case)),
    ]
}

fn condition() -> impl Strategy<Value = Question> {
    let people = select(vec!["from", "to", "cc", "bcc", "reply_to", "recipient"]);
    let file = select(&FILES[..]).prop_flat_map(|name| {
        select(vec![name.to_owned(), name.to_uppercase(), name.chars().skip(2).take(4).collect()])
    });
    let day = select(vec!["before", "on", "since", "sent_before", "sent_on", "sent_since"]);
    let flag = select(vec!["seen", "answered", "flagged", "draft", "deleted"]);
    prop_oneof![
        6 => (people, vec(needle(true), 0..4)).prop_map(|(key, needles)| Question::Field(key, needles)),
        6 => vec(needle(false), 1..4).prop_map(|needles| Question::Field("subject", needles)),
        1 => vec(needle(false), 1..2).prop_map(|needles| Question::Field("message_id", needles)),
        4 => (select(vec!["X-Foo", "comments", "from", "Reply-To"]), vec(needle(true), 1..3))
            .prop_map(|(name, needles)| Question::Header(name, needles)),
        1 => (select(vec!["X-Foo", "subject", "Bcc"]), any::<bool>()).prop_map(|(name, there)| Question::There(name, there)),
        1 => any::<bool>().prop_map(Question::List),
        2 => vec(body_needle(), 1..3).prop_map(Question::Body),
        2 => vec(body_needle(), 1..3).prop_map(Question::Text),
        1 => vec(file.prop_map(Needle::Text), 1..3).prop_map(Question::Attachment),
        1 => any::<bool>().prop_map(Question::HasAttachment),
        3 => (flag, any::<bool>()).prop_map(|(flag, set)| Question::Flag(flag, set)),
        2 => vec(select(&KEYWORDS[..]), 1..3).prop_map(Question::Keyword),
        // Half a minute from any arrival, so that the time that passes meanwhile does not matter.
        2 => (any::<bool>(), 1..8000i64).prop_map(|(older, minutes)| Question::Age(older, minutes)),
        4 => (day, -1..7i64).prop_map(|(key, back)| Question::Day(key, back)),
        1 => (any::<bool>(), 100..900usize).prop_map(|(larger, bytes)| Question::Size(larger, bytes)),
        1 => vec(1..7u32, 0..4).prop_map(Question::Uids),
        1 => (0..RAW.len()).prop_map(Question::Raw),
    ]
}

pub(super) fn question() -> impl Strategy<Value = Question> {
    condition().prop_recursive(3, 12, 3, |inner| {
        let inner = vec(inner, 1..4);
        prop_oneof![
            inner.clone().prop_map(Question::All),
            inner.clone().prop_map(Question::Any),
            inner.prop_map(Question::Except),
        ]
    })
}

fn texts(needles: &[Needle]) -> Literal {
    let one = |needle: &Needle| match needle {
        Needle::Text(text) => Literal::Text(text.clone()),
        Needle::Regex(regex, any_case) => {
            Literal::Pattern(Pattern::regex(regex, if *any_case { "i" } else { "" }).unwrap())
        }
        Needle::Address(email) => Literal::Pattern(Pattern::address(email).unwrap()),
        Needle::Domain(domain) => Literal::Pattern(Pattern::domain(domain).unwrap()),
    };
    match needles {
        [needle] => one(needle),
        needles => Literal::Table(needles.iter().map(one).collect(), vec![]),
    }
}

fn list(texts: impl Iterator<Item = Literal>) -> Literal {
    Literal::Table(texts.collect(), vec![])
}

impl Question {
    /// The query as a script writes it.
    pub(super) fn literal(&self, clock: &Clock) -> Literal {
        Literal::Table(vec![], vec![self.entry(clock)])
    }

    fn entry(&self, clock: &Clock) -> (String, Literal) {
        let nested = |questions: &[Self]| list(questions.iter().map(|question| question.literal(clock)));
        let (key, value) = match self {
            Self::Field(key, needles) => (*key, texts(needles)),
            Self::Header(name, needles) => {
                ("header", Literal::Table(vec![], vec![((*name).to_owned(), texts(needles))]))
            }
            Self::There(name, there) => {
                ("header", Literal::Table(vec![], vec![((*name).to_owned(), Literal::Boolean(*there))]))
            }
            Self::List(there) => ("list", Literal::Boolean(*there)),
            Self::Body(needles) => ("body", texts(needles)),
            Self::Text(needles) => ("text", texts(needles)),
            Self::Attachment(needles) => ("attachment", texts(needles)),
            Self::HasAttachment(there) => ("has_attachment", Literal::Boolean(*there)),
            Self::Flag(flag, set) => (*flag, Literal::Boolean(*set)),
            Self::Keyword(words) => {
                ("keyword", list(words.iter().map(|word| Literal::Text((*word).to_owned()))))
            }
            Self::Age(older, minutes) => {
                let key = if *older { "older_than" } else { "newer_than" };
                (key, Literal::Text(format!("{}s", minutes * 60 + 30)))
            }
            Self::Day(key, back) => {
                let day = clock.day(clock.now).checked_sub(back.days()).unwrap();
                (*key, Literal::Text(day.to_string()))
            }
            Self::Size(larger, bytes) => {
                let key = if *larger { "larger_than" } else { "smaller_than" };
                (key, Literal::Integer(i64::try_from(*bytes).unwrap()))
            }
            Self::Uids(uids) => ("uid", list(uids.iter().map(|uid| Literal::Integer(i64::from(*uid))))),
            Self::Raw(number) => ("raw", Literal::Text(RAW[*number].to_owned())),
            Self::All(questions) => ("all", nested(questions)),
            Self::Any(questions) => ("any", nested(questions)),
            Self::Except(questions) => ("except", nested(questions)),
        };
        (key.to_owned(), value)
    }

    /// Tells whether the query has an empty list where that is an error.
    pub(super) fn is_refused(&self) -> bool {
        let empty = |question: &Self| match question {
            Self::Field(_, needles) => needles.is_empty(),
            Self::Uids(uids) => uids.is_empty(),
            _ => false,
        };
        match self {
            Self::All(inner) | Self::Any(inner) | Self::Except(inner) => {
                inner.iter().any(|question| empty(question) || question.is_refused())
            }
            _ => false,
        }
    }

    /// Tells whether the server has the last word on some of it.
    pub(super) fn asks_the_server(&self) -> bool {
        match self {
            Self::All(inner) | Self::Any(inner) | Self::Except(inner) => {
                inner.iter().any(Self::asks_the_server)
            }
            Self::Body(_) | Self::Text(_) | Self::Raw(_) => true,
            _ => false,
        }
    }

    fn speaks_of_deleted(&self) -> bool {
        match self {
            Self::All(inner) | Self::Any(inner) | Self::Except(inner) => {
                inner.iter().any(Self::speaks_of_deleted)
            }
            Self::Flag(flag, _) => *flag == "deleted",
            _ => false,
        }
    }

    /// Tells whether the query finds the message with this UID.
    pub(super) fn finds(&self, uid: u32, facts: &Facts, clock: &Clock) -> bool {
        (self.speaks_of_deleted() || !facts.flags.contains(&"\\Deleted")) && self.holds(uid, facts, clock)
    }

    fn holds(&self, uid: u32, facts: &Facts, clock: &Clock) -> bool {
        let flag = |name: &str| facts.flags.iter().any(|flag| flag.eq_ignore_ascii_case(name));
        let field = |name: &str, needles: &[Needle]| {
            facts
                .named(name)
                .any(|(_, value, emails)| needles.iter().any(|needle| is_in(needle, value, emails)))
        };
        let is_text =
            |needles: &[Needle], value: &str| needles.iter().any(|needle| is_in(needle, value, &[]));
        match self {
            Self::Field("recipient", needles) => ["to", "cc", "bcc"].iter().any(|name| field(name, needles)),
            Self::Field(key, needles) => field(&key.replace('_', "-"), needles),
            Self::Header(name, needles) => field(name, needles),
            Self::There(name, there) => (facts.named(name).count() > 0) == *there,
            Self::List(there) => (facts.named("list-id").count() > 0) == *there,
            Self::Body(needles) => is_text(needles, &facts.body),
            Self::Text(needles) => {
                is_text(needles, &facts.body)
                    || facts.fields.iter().any(|(_, value, _)| is_text(needles, value))
            }
            Self::Attachment(needles) => facts.file.is_some_and(|name| is_text(needles, name)),
            Self::HasAttachment(there) => facts.file.is_some() == *there,
            Self::Flag(name, set) => flag(&format!("\\{name}")) == *set,
            Self::Keyword(words) => words.iter().any(|word| flag(word)),
            Self::Age(older, minutes) => {
                let then = clock.now - minutes.minutes() - 30.seconds();
                (facts.arrived < then) == *older
            }
            Self::Day(key, back) => {
                let day = clock.day(clock.now).checked_sub(back.days()).unwrap();
                let on = if key.starts_with("sent") { facts.sent } else { Some(clock.day(facts.arrived)) };
                on.is_some_and(|on| match key.trim_start_matches("sent_") {
                    "before" => on < day,
                    "on" => on == day,
                    _ => on >= day,
                })
            }
            Self::Size(true, bytes) => facts.raw.len() > *bytes,
            Self::Size(false, bytes) => facts.raw.len() < *bytes,
            Self::Uids(uids) => uids.contains(&uid),
            Self::Raw(0) => flag("\\Seen") || flag("\\Flagged"),
            Self::Raw(1) => !flag("\\Seen") && flag("\\Draft"),
            Self::Raw(_) => !flag("\\Answered"),
            Self::All(inner) => inner.iter().all(|question| question.holds(uid, facts, clock)),
            Self::Any(inner) => inner.iter().any(|question| question.holds(uid, facts, clock)),
            Self::Except(inner) => !inner.iter().any(|question| question.holds(uid, facts, clock)),
        }
    }
}

/// Compares by words, in one case: a second implementation on purpose.
fn is_in(needle: &Needle, value: &str, emails: &[String]) -> bool {
    let plain = |text: &str| {
        let inner = text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ");
        let space = |is: bool| if is { " " } else { "" };
        let (start, end) = (text.starts_with(char::is_whitespace), text.ends_with(char::is_whitespace));
        format!("{}{inner}{}", space(start), space(end)).replace('ς', "σ")
    };
    match needle {
        Needle::Text(text) => plain(value).contains(&plain(text)),
        Needle::Regex(regex, any_case) => {
            RegexBuilder::new(regex).case_insensitive(*any_case).build().unwrap().is_match(value)
        }
        Needle::Address(email) => emails.iter().any(|known| known.eq_ignore_ascii_case(email)),
        Needle::Domain(domain) => emails
            .iter()
            .any(|known| known.rsplit_once('@').is_some_and(|(_, known)| known.eq_ignore_ascii_case(domain))),
    }
}
