use jiff::tz::TimeZone;

use super::query::{Facts, Needs};
use crate::error::{Error, Result, visible};
use crate::mail::{Address, Headers};

/// A target with places to be filled from each message: `Archive/${year}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Value),
}

/// What a place is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Year,
    Month,
    Day,
    List,
    FromName,
    FromEmail,
    FromDomain,
}

impl Value {
    const EACH: [(&str, Self); 7] = [
        ("year", Self::Year),
        ("month", Self::Month),
        ("day", Self::Day),
        ("list", Self::List),
        ("from.name", Self::FromName),
        ("from.email", Self::FromEmail),
        ("from.domain", Self::FromDomain),
    ];

    fn name(self) -> &'static str {
        Self::EACH.into_iter().find(|(_, value)| *value == self).map_or("", |(name, _)| name)
    }

    /// Gives the header field that it is taken from; `None` for the date of arrival.
    fn field(self) -> Option<&'static str> {
        match self {
            Self::Year | Self::Month | Self::Day => None,
            Self::List => Some("list-id"),
            Self::FromName | Self::FromEmail | Self::FromDomain => Some("from"),
        }
    }

    fn of(self, facts: &Facts<'_>, zone: &TimeZone) -> Option<String> {
        let arrived = || facts.date.map(|date| date.timestamp().to_zoned_datetime(zone.clone()));
        let from = |part: fn(Address) -> String| {
            facts.headers.and_then(|headers| headers.addresses("from").into_iter().next()).map(part)
        };
        match self {
            Self::Year => arrived().map(|date| date.strftime("%Y").to_string()),
            Self::Month => arrived().map(|date| date.strftime("%m").to_string()),
            Self::Day => arrived().map(|date| date.strftime("%d").to_string()),
            Self::List => facts.headers.and_then(Headers::list_id),
            Self::FromName => from(|address| address.name.unwrap_or_default()),
            Self::FromEmail => from(|address| address.email.to_lowercase()),
            Self::FromDomain => from(|address| address.domain),
        }
    }
}

/// How many characters a filled place may have.
const LONGEST: usize = 64;

impl Template {
    /// Reads a target.
    ///
    /// Errors: a place that is not closed, or whose value does not exist.
    pub fn parse(text: &str) -> Result<Self> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let hint = || {
                let names: Vec<_> = Value::EACH.iter().map(|(name, _)| format!("${{{name}}}")).collect();
                format!("there are {}", names.join(" "))
            };
            let Some((name, after)) = after.split_once('}') else {
                let what = format!("`{}` has a `${{` without its `}}`", visible(text));
                return Err(Error::script(what, hint()));
            };
            let Some((_, value)) = Value::EACH.into_iter().find(|(known, _)| *known == name) else {
                let what =
                    format!("`${{{}}}` in `{}` is nothing that a message has", visible(name), visible(text));
                return Err(Error::script(what, hint()));
            };
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Value(value));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// Tells whether there is anything to be filled.
    pub(super) fn has_places(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Value(_)))
    }

    /// Adds what must be fetched to fill it.
    pub(super) fn add_needs(&self, needs: &mut Needs) {
        for piece in &self.0 {
            if let Piece::Value(value) = piece {
                needs.look = true;
                match value.field() {
                    Some(field) => {
                        needs.fields.insert(field.to_owned());
                    }
                    None => needs.date = true,
                }
            }
        }
    }

    /// Fills it from a message. Each value becomes one harmless component of a path, also where levels are joined by
    /// `delimiter`.
    ///
    /// Error: what the message does not have, for people.
    pub(super) fn fill(
        &self,
        facts: &Facts<'_>,
        zone: &TimeZone,
        delimiter: Option<char>,
    ) -> Result<String, String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Value(value) => {
                    let found = value.of(facts, zone).map(|text| component(&text, delimiter));
                    match found.filter(|text| !text.is_empty()) {
                        Some(text) => filled.push_str(&text),
                        None => {
                            return Err(format!("left alone: it has nothing for `${{{}}}`", value.name()));
                        }
                    }
                }
            }
        }
        Ok(filled)
    }
}

/// Makes one component of a mailbox's name or a path: nothing in it has a meaning to a server or a file system.
fn component(text: &str, delimiter: Option<char>) -> String {
    let mut out = String::new();
    for c in text.trim().chars().take(LONGEST) {
        let plain = Some(c) != delimiter
            && !c.is_control()
            && !matches!(c, '/' | '\\' | '%' | '*' | ':' | '"' | '<' | '>' | '|' | '?');
        let leads = out.is_empty() && matches!(c, '@' | '#' | '.' | '~' | '-');
        out.push(if plain && !leads { c } else { '_' });
    }
    out
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{Facts, Template, TimeZone};
    use crate::mail::{Headers, InternalDate};

    fn fill(template: &str, header: &str) -> Result<String, String> {
        fill_on(template, header, Some('/'))
    }

    fn fill_on(template: &str, header: &str, delimiter: Option<char>) -> Result<String, String> {
        let headers = Headers::parse(header.as_bytes());
        let date = InternalDate::parse("31-Dec-2023 23:30:00 -0100");
        let facts = Facts { headers: Some(&headers), date, ..Facts::default() };
        Template::parse(template).unwrap().fill(&facts, &TimeZone::UTC, delimiter)
    }

    #[test]
    fn places_are_filled_in_the_users_zone() {
        assert_eq!(fill("Archive/${year}/${month}", "").unwrap(), "Archive/2024/01");
        let header = "From: A <a@Example.ORG>\r\nList-Id: The list <dev.example.org>\r\n";
        assert_eq!(fill("${list} of ${from.domain}", header).unwrap(), "dev.example.org of example.org");
        assert_eq!(fill_on("${list}", header, Some('.')).unwrap(), "dev_example_org");
        assert_eq!(fill("plain $ {x}", "").unwrap(), "plain $ {x}");
        assert_eq!(fill("L/${list}", "").unwrap_err(), "left alone: it has nothing for `${list}`");
    }

    #[test]
    fn a_value_is_one_harmless_component() {
        let list = |id: &str| fill("${list}", &format!("List-Id: <{id}>\r\n")).unwrap();
        assert_eq!(list("../../etc/passwd"), "_._.._etc_passwd");
        assert_eq!(list("@trash%*"), "_trash__");
        assert_eq!(list(&"x".repeat(100)).len(), 64);
    }

    #[test]
    fn what_no_message_has_is_refused() {
        for bad in ["${", "${yeer}", "${year", "a/${}"] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }
}
