//! Gmail's own search language, as far as tests and scripts at play need it. Words are found within words too.

use jiff::civil::Date;

use super::super::search::{Context, Day, Test};
use crate::mail::{Flag, MailboxName};

/// Reads a query: terms that must all hold, of which `OR` joins two and `-` turns one round. `None` where a
/// value makes no sense.
pub(in crate::sandbox) fn read(text: &str, context: &Context<'_>) -> Option<Test> {
    let mut all: Vec<Test> = Vec::new();
    let mut joined = false;
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (term, after) = split(rest);
        rest = after.trim_start();
        if term == "OR" && !all.is_empty() && !rest.is_empty() {
            joined = true;
            continue;
        }
        let held = match term.strip_prefix('-').filter(|term| !term.is_empty()) {
            Some(term) => Test::Not(Box::new(read_term(term, context)?)),
            None => read_term(term, context)?,
        };
        match all.pop() {
            Some(before) if std::mem::take(&mut joined) => {
                all.push(Test::Either(Box::new(before), Box::new(held)));
            }
            before => all.extend(before.into_iter().chain([held])),
        }
    }
    Some(Test::All(all))
}

/// Splits off the first term: up to a space that is not within quotes.
fn split(text: &str) -> (&str, &str) {
    let mut quoted = false;
    let end = text.find(|c: char| {
        quoted ^= c == '"';
        c.is_whitespace() && !quoted
    });
    text.split_at(end.unwrap_or(text.len()))
}

fn read_term(term: &str, context: &Context<'_>) -> Option<Test> {
    let header = |name: &str, value: &str| Some(Test::Header(name.to_owned(), value.to_lowercase()));
    let (operator, value) = term.split_once(':').unwrap_or(("", term));
    let value = value.trim_matches('"');
    let days = |unit: &str| {
        Some(match unit {
            "d" => 1,
            "m" => 30,
            "y" => 365,
            _ => return None,
        })
    };
    let age = || {
        let at = value.find(|c: char| !c.is_ascii_digit())?;
        let (count, unit) = value.split_at(at);
        let seconds = count.parse::<u32>().ok().map(i64::from)? * days(unit)? * 86_400;
        Some(Test::From(context.now.as_second() - seconds))
    };
    let day = || value.replace('/', "-").parse::<Date>().ok();
    match operator {
        "from" => header("From", value),
        "to" => header("To", value),
        "cc" => header("Cc", value),
        "subject" => header("Subject", value),
        "list" => header("List-Id", value),
        "rfc822msgid" => header("Message-ID", value),
        "has" if value == "attachment" => Some(Test::Attachment),
        "label" | "in" => Some(Test::Label(label(value)?)),
        "is" => match value {
            "unread" => Some(Test::Not(Box::new(Test::Flag(Flag::Seen)))),
            "read" => Some(Test::Flag(Flag::Seen)),
            "starred" => Some(Test::Flag(Flag::Flagged)),
            "important" => Some(Test::Label(b"\\important".to_vec())),
            _ => None,
        },
        "larger" => Some(Test::Larger(bytes(value)?)),
        "smaller" => Some(Test::Smaller(bytes(value)?)),
        "newer_than" => age(),
        "older_than" => Some(Test::Not(Box::new(age()?))),
        "after" => Some(Test::Arrived(Day::Since(day()?))),
        "before" => Some(Test::Arrived(Day::Before(day()?))),
        _ => Some(Test::Text(term.trim_matches('"').to_lowercase())),
    }
}

/// Gives a label as it travels, in lower case: Gmail's own have names here without the backslash.
fn label(name: &str) -> Option<Vec<u8>> {
    let name = name.to_lowercase();
    Some(match name.as_str() {
        "inbox" | "starred" | "important" | "sent" | "trash" | "spam" => format!("\\{name}").into_bytes(),
        "draft" | "drafts" => b"\\draft".to_vec(),
        _ => MailboxName::new(&name)?.wire().to_ascii_lowercase(),
    })
}

fn bytes(value: &str) -> Option<u32> {
    let unit = value.chars().last()?.to_ascii_uppercase();
    let (digits, factor) = match unit {
        'K' => (value.get(..value.len() - 1)?, 1 << 10),
        'M' => (value.get(..value.len() - 1)?, 1 << 20),
        _ => (value, 1),
    };
    digits.parse::<u32>().ok()?.checked_mul(factor)
}
