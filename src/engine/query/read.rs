use jiff::ZonedDateTime;

use super::value::{ago, bytes, day, no_day, start, uids, wrong};
use super::{Pattern, Query, Relation, Subject};
use crate::engine::literal::Literal;
use crate::error::{Error, Result};
use crate::imap::SearchKey;
use crate::mail::Flag;

/// Every key that a query may have, for the nearest spelling of one that does not exist.
pub const KEYS: [&str; 38] = [
    "all",
    "answered",
    "any",
    "attachment",
    "bcc",
    "before",
    "body",
    "cc",
    "deleted",
    "draft",
    "except",
    "flagged",
    "from",
    "gmail",
    "has_attachment",
    "header",
    "keyword",
    "label",
    "larger_than",
    "list",
    "message_id",
    "newer_than",
    "older_than",
    "on",
    "raw",
    "recent",
    "recipient",
    "reply_to",
    "seen",
    "sent_before",
    "sent_on",
    "sent_since",
    "since",
    "smaller_than",
    "subject",
    "text",
    "to",
    "uid",
];

impl Query {
    /// Puts a function in the place of each pattern.
    fn asking(self, number: usize) -> Self {
        let about = match self {
            Self::Any(list) => {
                return Self::Any(list.into_iter().map(|query| query.asking(number)).collect());
            }
            Self::Header(name, _) => Subject::Header(name),
            Self::Body(_) => Subject::Body,
            Self::Text(_) => Subject::Text,
            Self::AnyHeader(_) => Subject::AnyHeader,
            Self::Attachment(_) => Subject::Attachment,
            query => return query,
        };
        Self::Predicate(Some(number), about)
    }

    /// Reads a query as a script writes it: a table whose keys must all hold. Ages count from `now`.
    ///
    /// Errors name the key, and what to write instead: an empty query, an unknown key, a value of the wrong
    /// type, or one that can't be.
    pub fn read(literal: &Literal, now: &ZonedDateTime) -> Result<Self> {
        if let Literal::Function(_) = literal {
            let hint = "put it into a table: `search { function(message) … end }`";
            return Err(Error::script("a query must be a table but is a function", hint));
        }
        let Literal::Table(list, fields) = literal else {
            return Err(wrong("a query", "a table such as `{ from = \"ci@example.org\" }`", literal));
        };
        let mut all = Vec::new();
        for value in list {
            let Literal::Function(number) = value else {
                let hint = "conditions have names: `{ from = \"a@b\" }`; lists of queries go under `any`, `all` or `except`";
                return Err(Error::script(
                    format!("a query has a {} without a name", value.type_name()),
                    hint,
                ));
            };
            all.push(Query::Predicate(Some(*number), Subject::Message));
        }
        if fields.is_empty() && all.is_empty() {
            return Err(Error::script(
                "an empty query would match every message",
                "write `mailbox:all()` if that is meant; a condition that is nil vanishes from a Lua table",
            ));
        }
        for (key, value) in fields {
            all.push(condition(key, value, now)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Self::All(all) })
    }
}

/// Reads one key of a query.
pub(super) fn condition(key: &str, value: &Literal, now: &ZonedDateTime) -> Result<Query> {
    let header = |name: &'static str| move |pattern| Query::Header(name.to_owned(), pattern);
    match key {
        "from" | "to" | "cc" | "bcc" => {
            patterns(key, value, true, |pattern| Query::Header(key.to_owned(), pattern))
        }
        "subject" => patterns(key, value, false, header("subject")),
        "reply_to" => patterns(key, value, true, header("reply-to")),
        "message_id" => patterns(key, value, false, |pattern| {
            let bare = |id: String| id.trim().trim_matches(['<', '>']).to_owned();
            let pattern = match pattern {
                Pattern::Contains(id) => Pattern::Contains(bare(id)),
                pattern => pattern,
            };
            Query::Header("message-id".to_owned(), pattern)
        }),
        "recipient" => patterns(key, value, true, |pattern| {
            let each = ["to", "cc", "bcc"].map(|name| Query::Header(name.to_owned(), pattern.clone()));
            Query::Any(each.into())
        }),
        "has_attachment" => match value {
            Literal::Boolean(true) => Ok(Query::Attachment(Pattern::Present)),
            Literal::Boolean(false) => Ok(Query::Not(Box::new(Query::Attachment(Pattern::Present)))),
            value => Err(wrong("`has_attachment`", "`true` or `false`", value)),
        },
        "attachment" => patterns(key, value, false, Query::Attachment),
        "body" => patterns(key, value, false, Query::Body),
        "text" => patterns(key, value, false, Query::Text),
        "header" => headers(value),
        "list" => present("list", "list-id", value),
        "seen" | "answered" | "flagged" | "deleted" | "draft" | "recent" => flag(key, value),
        "keyword" => keywords(value),
        "label" | "gmail" => super::gmail::read(key, value),
        "older_than" => Ok(Query::ArrivedBefore(ago(key, value, now)?)),
        "newer_than" => Ok(Query::ArrivedSince(ago(key, value, now)?)),
        "before" => Ok(Query::ArrivedBefore(start(day(key, value)?, now)?)),
        "on" => {
            let day = day(key, value)?;
            let next = day.tomorrow().map_err(|_| no_day(key, value))?;
            let (start, end) = (start(day, now)?, start(next, now)?);
            Ok(Query::All(vec![Query::ArrivedSince(start), Query::ArrivedBefore(end)]))
        }
        "since" => Ok(Query::ArrivedSince(start(day(key, value)?, now)?)),
        "sent_before" => Ok(Query::Sent(Relation::Before, day(key, value)?)),
        "sent_on" => Ok(Query::Sent(Relation::On, day(key, value)?)),
        "sent_since" => Ok(Query::Sent(Relation::Since, day(key, value)?)),
        "larger_than" => Ok(Query::Larger(bytes(key, value)?)),
        "smaller_than" => Ok(Query::Smaller(bytes(key, value)?)),
        "uid" => uids(value),
        "any" => Ok(Query::any(queries(key, value, now)?)),
        "all" => Ok(Query::All(queries(key, value, now)?)),
        "except" => except(value, now),
        "raw" => match value {
            Literal::Text(program) => {
                SearchKey::check_raw(program)?;
                Ok(Query::Raw(program.clone()))
            }
            value => Err(wrong("`raw`", "a string with an IMAP SEARCH program", value)),
        },
        _ => Err(unknown(key)),
    }
}

/// Reads a text that must be contained, a `regex`, an `address`, a `domain` or a function, or a list of them of
/// which one must match. An empty list matches nothing.
fn patterns(key: &str, value: &Literal, addresses: bool, make: impl Fn(Pattern) -> Query) -> Result<Query> {
    let one = |value: &Literal| match value {
        Literal::Text(text) if text.trim().is_empty() => Err(Error::script(
            format!("`{key}` is an empty string, which every message contains"),
            "leave the key out, or give it text",
        )),
        Literal::Text(text) if text.contains('\0') => {
            Err(Error::script(format!("`{key}` has a NUL character in it"), "IMAP can't carry one"))
        }
        Literal::Text(text) => Ok(make(Pattern::Contains(text.clone()))),
        Literal::Pattern(pattern) if pattern.is_about_addresses() && !addresses => Err(Error::script(
            format!("`{key}` has no addresses in it"),
            "`address` and `domain` go with `from`, `to`, `cc`, `bcc`, `reply_to`, `recipient` and `header`",
        )),
        Literal::Pattern(pattern) => Ok(make(pattern.clone())),
        Literal::Function(number) => Ok(make(Pattern::Present).asking(*number)),
        value => Err(wrong(&format!("`{key}`"), "text, a `regex`, a function, or a list of them", value)),
    };
    any_of(key, value, one)
}

/// Reads one value, or a list of which any will do.
pub(super) fn any_of(key: &str, value: &Literal, one: impl Fn(&Literal) -> Result<Query>) -> Result<Query> {
    match value {
        Literal::Table(list, fields) if fields.is_empty() => {
            Ok(Query::any(list.iter().map(one).collect::<Result<_>>()?))
        }
        Literal::Table(..) => {
            Err(wrong(&format!("`{key}`"), "one value or a list of them, not a table with names,", value))
        }
        value => one(value),
    }
}

fn headers(value: &Literal) -> Result<Query> {
    let bad = || wrong("`header`", "a table such as `{ [\"X-Spam-Flag\"] = \"yes\" }`", value);
    let Literal::Table(list, fields) = value else {
        return patterns("header", value, false, Query::AnyHeader);
    };
    if !list.is_empty() || fields.is_empty() {
        return Err(bad());
    }
    let mut all = Vec::new();
    for (name, value) in fields {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
            let hint = "header fields are named with ASCII letters, digits and hyphens";
            return Err(Error::script(
                format!("`{}` is no name of a header field", name.escape_debug()),
                hint,
            ));
        }
        all.push(present(name, name, value)?);
    }
    Ok(Query::All(all))
}

/// Reads `true` as "the field is there", and patterns as usual.
fn present(key: &str, name: &str, value: &Literal) -> Result<Query> {
    match value {
        Literal::Boolean(there) => {
            let query = Query::Header(name.to_owned(), Pattern::Present);
            Ok(if *there { query } else { Query::Not(Box::new(query)) })
        }
        value => patterns(key, value, true, |pattern| Query::Header(name.to_owned(), pattern)),
    }
}

fn flag(key: &str, value: &Literal) -> Result<Query> {
    match (Flag::from_script(key), value) {
        (Some(flag), Literal::Boolean(set)) => Ok(Query::Flag(flag, *set)),
        _ => Err(wrong(&format!("`{key}`"), "`true` or `false`", value)),
    }
}

fn keywords(value: &Literal) -> Result<Query> {
    any_of("keyword", value, |value| match value {
        Literal::Text(text) => match Flag::parse(text).filter(Flag::is_keyword) {
            Some(flag) => Ok(Query::Flag(flag, true)),
            None => Err(Error::script(
                format!("`{}` is no keyword", text.escape_debug()),
                "a keyword is one word of ASCII such as `$Forwarded`; system flags have keys of their own: `seen = true`",
            )),
        },
        value => Err(wrong("`keyword`", "a string or a list of strings", value)),
    })
}

/// Reads the queries under `any` and `all`. None at all is an error: a list that came out empty by mistake
/// must not decide about mail.
fn queries(key: &str, value: &Literal, now: &ZonedDateTime) -> Result<Vec<Query>> {
    let Literal::Table(list, fields) = value else {
        return Err(wrong(&format!("`{key}`"), "a list of queries", value));
    };
    if !fields.is_empty() {
        return Err(wrong(&format!("`{key}`"), "a list of queries: `{ { … }, { … } }`,", value));
    }
    if list.is_empty() {
        return Err(empty_list(key));
    }
    let each = list.iter().map(|query| {
        let query = Query::read(query, now)?;
        refuse_nothing(key, &query)?;
        Ok(query)
    });
    each.collect()
}

/// Reads what is excepted: a query each key of which is an exception by itself, or a list of queries.
fn except(value: &Literal, now: &ZonedDateTime) -> Result<Query> {
    let exceptions = match value {
        Literal::Table(list, fields) if !fields.is_empty() => match Query::read(value, now)? {
            Query::All(parts) if fields.len() + list.len() > 1 => parts,
            query => vec![query],
        },
        value => queries("except", value, now)?,
    };
    for query in &exceptions {
        refuse_nothing("except", query)?;
    }
    Ok(Query::Not(Box::new(Query::Any(exceptions))))
}

fn refuse_nothing(key: &str, query: &Query) -> Result<()> {
    let nothing = |query: &Query| match query {
        Query::Any(list) => list.is_empty(),
        Query::Uids(set) => set.is_empty(),
        _ => false,
    };
    let parts = match query {
        Query::All(list) => list.as_slice(),
        query => std::slice::from_ref(query),
    };
    if parts.iter().any(nothing) {
        return Err(empty_list(key));
    }
    Ok(())
}

fn empty_list(key: &str) -> Error {
    let hint = "a list that came out empty would silently change which messages match";
    Error::script(format!("an empty list under `{key}` can't be meant"), hint)
}

pub(super) fn unknown(key: &str) -> Error {
    // `older` for `older_than` first; a word of few letters is near to anything.
    let near = |known: &&&str| {
        (key.len() > 3 && known.starts_with(key)) || distance(key, known) <= (key.len() / 2).min(3)
    };
    let nearest = KEYS
        .iter()
        .filter(near)
        .min_by_key(|known| if known.starts_with(key) { 0 } else { distance(key, known) });
    let hint = match (key, key.strip_prefix("un"), nearest) {
        (_, Some(flag @ ("seen" | "answered" | "flagged" | "deleted")), _) => {
            format!("write `{flag} = false`")
        }
        ("sender", ..) => "did you mean `from`?".to_owned(),
        (_, _, Some(nearest)) => format!("did you mean `{nearest}`?"),
        _ => format!("the keys are {}", KEYS.join(", ")),
    };
    Error::script(format!("a query has no key `{}`", crate::error::visible(key)), hint)
}

/// Counts the edits between two words (Levenshtein).
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut last = i;
        let mut left = i + 1;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let here = if x == *y { last } else { 1 + last.min(left).min(*cell) };
            last = *cell;
            *cell = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}
