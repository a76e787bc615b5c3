use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::choice::Choice;
use crate::error::{Error, Result, visible};
use crate::mail::{Field, Headers, caseless};

/// What a header field, or a message's text, must be like.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// It contains the text, whatever its case. For bodies, the server says so.
    Contains(String),
    /// It contains the text, whatever its case, as is found here: the server can't say it of bodies.
    Here(String),
    /// The field is there.
    Present,
    /// The expression matches the decoded text.
    Regex(Arc<Regex>),
    /// One of its addresses is this one, whatever its case.
    Address(String),
    /// One of its addresses is in this domain, and not below it.
    Domain(String),
    /// One of these texts, addresses and domains is in it.
    OneOf(Arc<Choice>),
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Contains(a), Self::Contains(b))
            | (Self::Here(a), Self::Here(b))
            | (Self::Address(a), Self::Address(b))
            | (Self::Domain(a), Self::Domain(b)) => a == b,
            (Self::Present, Self::Present) => true,
            (Self::OneOf(a), Self::OneOf(b)) => a == b,
            (Self::Regex(a), Self::Regex(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }
}

/// The memory that a compiled expression may take, in bytes.
const REGEX_SIZE: usize = 4 << 20;

/// The memory that an expression may use while it matches, in bytes: hundreds of rules may each have one.
const REGEX_CACHE: usize = 128 << 10;

impl Pattern {
    /// Compiles a regular expression. Flags: `i` any case, `m` `^` and `$` at lines, `s` `.` matches a line
    /// break, `x` space and comments are left out.
    ///
    /// Errors: it is none, it grows too large, or a flag is unknown.
    pub fn regex(expression: &str, flags: &str) -> Result<Self> {
        let mut builder = RegexBuilder::new(expression);
        builder.size_limit(REGEX_SIZE).dfa_size_limit(REGEX_CACHE);
        for flag in flags.chars() {
            match flag {
                'i' => builder.case_insensitive(true),
                'm' => builder.multi_line(true),
                's' => builder.dot_matches_new_line(true),
                'x' => builder.ignore_whitespace(true),
                flag => {
                    let what = format!("`regex` has no flag `{}`", flag.escape_debug());
                    return Err(Error::script(what, "there are i, m, s and x"));
                }
            };
        }
        builder.build().map(|regex| Self::Regex(Arc::new(regex))).map_err(|error| {
            // The last line of the library's picture says what is wrong.
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let what = format!("`{}` is no regular expression: {}", visible(expression), visible(reason));
            let hint = if reason.contains("size limit") {
                "repetitions such as `{1000}` multiply; thousands of texts go into a list: `subject = { \"a\", \"b\" }`"
            } else {
                "Lua patterns are something else: write `\\d` or `[0-9]`, not `%d`"
            };
            Error::script(what, hint)
        })
    }

    /// Makes a pattern for one address.
    pub fn address(text: &str) -> Result<Self> {
        match text.trim().rsplit_once('@') {
            Some((user, domain)) if !user.is_empty() && !domain.is_empty() => {
                Ok(Self::Address(text.trim().to_owned()))
            }
            _ => {
                let what = format!("`{}` is no address", visible(text));
                Err(Error::script(
                    what,
                    "`address \"me@example.org\"`; for all of a domain: `domain \"example.org\"`",
                ))
            }
        }
    }

    /// Makes a pattern for all addresses of a domain; a leading `@` does not matter.
    pub fn domain(text: &str) -> Result<Self> {
        let domain = text.trim().trim_start_matches('@');
        if domain.is_empty() || domain.contains(['@', ' ']) {
            let what = format!("`{}` is no domain", visible(text));
            return Err(Error::script(what, "`domain \"example.org\"`"));
        }
        Ok(Self::Domain(domain.to_lowercase()))
    }

    /// Tells whether the pattern is about addresses.
    pub fn is_about_addresses(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Domain(_))
    }

    /// Tells whether one of the fields of this name is so.
    pub(super) fn matches_field(&self, headers: &Headers, name: &str) -> bool {
        let mut fields = headers.named(name);
        match self {
            Self::Present => fields.next().is_some(),
            Self::Contains(text) | Self::Here(text) => {
                let text = caseless(text);
                fields.any(|field| field.caseless().contains(&*text))
            }
            Self::Regex(regex) => fields.any(|field| regex.is_match(field.decoded())),
            Self::Address(email) => {
                let email = email.to_lowercase();
                fields.flat_map(Field::addresses).any(|address| address.email.to_lowercase() == email)
            }
            Self::Domain(domain) => {
                fields.flat_map(Field::addresses).any(|address| address.domain == *domain)
            }
            Self::OneOf(choice) => fields.any(|field| choice.matches(field)),
        }
    }

    /// Tells whether a text is so.
    pub(super) fn matches_text(&self, value: &str) -> bool {
        match self {
            Self::Contains(text) | Self::Here(text) => caseless(value).contains(&*caseless(text)),
            Self::Regex(regex) => regex.is_match(value),
            Self::Present => !value.is_empty(),
            Self::Address(_) | Self::Domain(_) | Self::OneOf(_) => false,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::Pattern;
    use crate::mail::Headers;

    #[test]
    fn addresses_are_compared_and_not_their_text() {
        let headers =
            Headers::parse(b"From: \"boss@corp.example\" <thief@evil.example>, B <B@Corp.Example>\r\n");
        let from = |pattern: &Pattern| pattern.matches_field(&headers, "from");
        assert!(from(&Pattern::address("b@corp.example").unwrap()));
        assert!(!from(&Pattern::address("boss@corp.example").unwrap()));
        assert!(from(&Pattern::domain("@corp.example").unwrap()));
        assert!(!from(&Pattern::domain("example").unwrap()));
    }

    #[test]
    fn expressions_that_are_none_or_explode_are_refused() {
        for (bad, flags) in
            [("(", ""), ("a{1000000}", ""), ("((a{100}){100}){100}", ""), ("a", "q"), ("(?=a)", "")]
        {
            assert!(Pattern::regex(bad, flags).is_err(), "{bad}");
        }
        assert!(Pattern::regex("^RE:", "i").unwrap().matches_text("re: x"));
    }
}
