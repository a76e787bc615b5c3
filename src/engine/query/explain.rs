//! Why a message does not match: what speaks against it, in the script's own words.

use jiff::ZonedDateTime;

use super::read::condition;
use super::{Facts, Pattern, Query, Verdict};
use crate::engine::literal::Literal;
use crate::error::Result;
use crate::mail::{Flag, Headers, Label};

/// How many values of a list, or fields of a message, are shown.
const SHOWN: usize = 3;

/// How many characters of a value are shown.
const LENGTH: usize = 80;

/// One condition of a query, as the script wrote it.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The keys that lead to it, joined by dots.
    path: String,
    /// Its own key.
    key: String,
    value: Literal,
    /// Its contrary must hold.
    excepted: bool,
    query: Query,
}

/// Takes a query apart into the conditions that must all hold. Ages count from `now`.
///
/// Errors: those of [`Query::read`].
pub fn conditions(literal: &Literal, now: &ZonedDateTime) -> Result<Vec<Condition>> {
    let mut all = Vec::new();
    add(literal, now, &mut all)?;
    Ok(all)
}

fn add(literal: &Literal, now: &ZonedDateTime, all: &mut Vec<Condition>) -> Result<()> {
    // What is no table is a function, and nothing here speaks against it.
    let Literal::Table(_, fields) = literal else { return Ok(()) };
    for (key, value) in fields {
        match (key.as_str(), value) {
            ("all", Literal::Table(list, _)) => {
                for query in list {
                    add(query, now, all)?;
                }
            }
            ("except", Literal::Table(_, fields)) if !fields.is_empty() => {
                for (key, value) in fields {
                    all.push(Condition::of("except.", key, value, true, now)?);
                }
            }
            ("except", Literal::Table(list, _)) => {
                for query in list {
                    all.push(exception(query, now)?);
                }
            }
            ("header", Literal::Table(list, fields)) if list.is_empty() => {
                for (name, value) in fields {
                    let one = Literal::Table(Vec::new(), vec![(name.clone(), value.clone())]);
                    let query = condition("header", &one, now)?;
                    let path = format!("header.{name}");
                    let (key, value) = (name.clone(), value.clone());
                    all.push(Condition { path, key, value, excepted: false, query });
                }
            }
            _ => all.push(Condition::of("", key, value, false, now)?),
        }
    }
    Ok(())
}

/// Reads one of a list of exceptions.
fn exception(query: &Literal, now: &ZonedDateTime) -> Result<Condition> {
    if let Literal::Table(list, fields) = query
        && let ([], [(key, value)]) = (list.as_slice(), fields.as_slice())
    {
        return Condition::of("except.", key, value, true, now);
    }
    let contrary = Query::Not(Box::new(Query::read(query, now)?));
    let value = query.clone();
    Ok(Condition { path: "except".to_owned(), key: "all".to_owned(), value, excepted: true, query: contrary })
}

impl Condition {
    fn of(path: &str, key: &str, value: &Literal, excepted: bool, now: &ZonedDateTime) -> Result<Self> {
        let query = condition(key, value, now)?;
        let query = if excepted { Query::Not(Box::new(query)) } else { query };
        Ok(Self { path: format!("{path}{key}"), key: key.to_owned(), value: value.clone(), excepted, query })
    }

    /// Gives the query that must hold.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Tells what speaks against a message, if anything does: the condition as the script has it, and what the message
    /// is. Days and times are those of the zone of `now`.
    pub fn against(&self, facts: &Facts<'_>, now: &ZonedDateTime) -> Option<String> {
        if self.query.judge(facts) != Verdict::No {
            return None;
        }
        let (path, value) = (&self.path, shown(&self.value));
        Some(match self.key.as_str() {
            "any" | "all" => format!("`{path}`: {}", self.is(facts, now)),
            _ if self.is_text() => format!("`{path}` {} {value}: {}", self.verb(), self.is(facts, now)),
            _ => format!("`{path}` = {value}: {}", self.is(facts, now)),
        })
    }

    /// Tells whether it is about the text of a message.
    fn is_text(&self) -> bool {
        let others = ["keyword", "uid", "label", "gmail", "raw", "larger_than", "smaller_than"];
        let is_text = !matches!(self.value, Literal::Boolean(_) | Literal::Integer(_));
        is_text && !others.contains(&self.key.as_str()) && !is_time(&self.key)
    }

    /// Says how text stands to the value.
    fn verb(&self) -> &'static str {
        let (yes, no) = match &self.value {
            Literal::Pattern(Pattern::Regex(_)) => ("matches", "does not match"),
            Literal::Pattern(_) => ("has", "does not have"),
            Literal::Table(..) => ("has one of", "has none of"),
            _ => ("contains", "does not contain"),
        };
        if self.excepted { yes } else { no }
    }

    /// Says what the message is instead.
    fn is(&self, facts: &Facts<'_>, now: &ZonedDateTime) -> String {
        let fields =
            |names: &[&str]| facts.headers.map_or_else(String::new, |headers| fields(headers, names));
        match self.key.as_str() {
            "any" if self.excepted => "one of these queries holds".to_owned(),
            "any" => "none of these queries holds".to_owned(),
            "all" => "all of this holds".to_owned(),
            "recipient" => fields(&["to", "cc", "bcc"]),
            "reply_to" => fields(&["reply-to"]),
            "message_id" => fields(&["message-id"]),
            "list" => fields(&["list-id"]),
            "body" | "text" | "header" | "raw" | "gmail" if self.excepted => "it is so".to_owned(),
            "body" | "text" | "header" | "raw" | "gmail" => "it is not so".to_owned(),
            "seen" | "answered" | "flagged" | "deleted" | "draft" | "recent" | "keyword" => {
                // Who looked first is nobody's concern but of who asks for it.
                let shown = |flag: &&Flag| **flag != Flag::Recent || self.key == "recent";
                let flags = facts.flags.unwrap_or_default().iter().filter(shown);
                let flags: Vec<_> = flags.map(Flag::to_string).collect();
                listed("its flags are", "it has no flags", &flags)
            }
            "label" => {
                let labels: Vec<_> = facts.labels.unwrap_or_default().iter().map(Label::to_string).collect();
                listed("its other labels are", "it has no other labels", &labels)
            }
            "larger_than" | "smaller_than" => {
                format!("it has {} bytes", facts.size.unwrap_or_default())
            }
            "has_attachment" | "attachment" => {
                let attachments =
                    facts.structure.map(crate::mail::BodyStructure::attachments).unwrap_or_default();
                let name = |each: &crate::mail::Attachment| {
                    each.name.as_deref().map_or_else(|| "one without a name".to_owned(), quoted)
                };
                let names: Vec<_> = attachments.iter().map(name).collect();
                listed("its attachments are", "it has no attachment", &names)
            }
            "uid" => facts.uid.map_or_else(String::new, |uid| format!("it is UID {uid}")),
            key if key.starts_with("sent_") => match facts.headers.and_then(Headers::date) {
                Some(date) => format!("its date is {}", date.date()),
                None => "it has no date".to_owned(),
            },
            key if is_time(key) => arrived(facts, now),
            name => fields(&[name]),
        }
    }
}

/// Tells whether a key is about days or instants.
fn is_time(key: &str) -> bool {
    let keys = ["older_than", "newer_than", "before", "on", "since", "sent_before", "sent_on", "sent_since"];
    keys.contains(&key)
}

fn arrived(facts: &Facts<'_>, now: &ZonedDateTime) -> String {
    let Some(date) = facts.date else { return "it is not known when it arrived".to_owned() };
    let then = date.timestamp().to_zoned_datetime(now.time_zone().clone());
    let minutes = (now.timestamp().as_second() - date.timestamp().as_second()) / 60;
    let ago = match minutes {
        ..0 => String::new(),
        0..120 => format!(", {minutes} minutes ago"),
        120..2880 => format!(", {} hours ago", minutes / 60),
        _ => format!(", {} days ago", minutes / 1440),
    };
    format!("it arrived {}{ago}", then.strftime("%Y-%m-%d %H:%M"))
}

/// Says what the fields of these names are.
fn fields(headers: &Headers, names: &[&str]) -> String {
    let values: Vec<_> =
        names.iter().flat_map(|name| headers.all(name)).map(|value| quoted(&value)).collect();
    match values.len() {
        0 => "there is none".to_owned(),
        1 => format!("it is {}", values.concat()),
        _ => listed("they are", "", &values),
    }
}

fn listed(what: &str, none: &str, values: &[String]) -> String {
    if values.is_empty() {
        return none.to_owned();
    }
    format!("{what} {}", some_of(values))
}

fn some_of(values: &[String]) -> String {
    let shown: Vec<_> = values.iter().take(SHOWN).map(String::as_str).collect();
    let rest = values.len() - shown.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn quoted(text: &str) -> String {
    let short: String = text.chars().take(LENGTH).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("“{short}{more}”")
}

/// Writes a value as it is read by people.
fn shown(value: &Literal) -> String {
    match value {
        Literal::Boolean(value) => value.to_string(),
        Literal::Integer(number) => number.to_string(),
        Literal::Number(number) => number.to_string(),
        Literal::Text(text) => quoted(text),
        Literal::Table(list, _) => some_of(&list.iter().map(shown).collect::<Vec<_>>()),
        Literal::Pattern(Pattern::Regex(regex)) => quoted(regex.as_str()),
        Literal::Pattern(Pattern::Address(text) | Pattern::Contains(text) | Pattern::Here(text)) => {
            quoted(text)
        }
        Literal::Pattern(Pattern::Domain(domain)) => quoted(&format!("@{domain}")),
        Literal::Function(_) => "what a function says".to_owned(),
        value => format!("a {}", value.type_name()),
    }
}
