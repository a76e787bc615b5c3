use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use aho_corasick::AhoCorasick;

use super::{Pattern, Query};
use crate::mail::{Field, caseless};

/// Texts, addresses and domains, one of which must be in a field. All are looked for at once: a list may be long,
/// and is asked of every message.
#[derive(Clone, Debug)]
pub struct Choice {
    patterns: Vec<Pattern>,
    texts: AhoCorasick,
    addresses: HashSet<String>,
    domains: HashSet<String>,
}

impl PartialEq for Choice {
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}

impl Choice {
    /// Makes it of patterns. `None` where one is of another kind, or where they are too much to be looked for at
    /// once.
    fn new(patterns: Vec<Pattern>) -> Option<Self> {
        let (mut texts, mut addresses, mut domains) = (Vec::new(), HashSet::new(), HashSet::new());
        for pattern in &patterns {
            match pattern {
                Pattern::Contains(text) => texts.push(caseless(text).into_owned()),
                Pattern::Address(email) => drop(addresses.insert(email.to_lowercase())),
                Pattern::Domain(domain) => drop(domains.insert(domain.clone())),
                _ => return None,
            }
        }
        Some(Self { patterns, texts: AhoCorasick::new(texts).ok()?, addresses, domains })
    }

    /// Gives what there is to choose from.
    pub(super) fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Tells whether one of them is in the field.
    pub(super) fn matches(&self, field: &Field) -> bool {
        if self.texts.patterns_len() > 0 && self.texts.is_match(field.caseless()) {
            return true;
        }
        let is_one =
            |email: &str| !self.addresses.is_empty() && self.addresses.contains(&email.to_lowercase());
        (!self.addresses.is_empty() || !self.domains.is_empty())
            && field
                .addresses()
                .iter()
                .any(|address| self.domains.contains(&address.domain) || is_one(&address.email))
    }
}

impl Query {
    /// Makes a query of which one part must hold. Texts, addresses and domains for the same header field become
    /// one condition.
    pub(super) fn any(list: Vec<Self>) -> Self {
        let mut fields = BTreeMap::new();
        let mut others = Vec::new();
        collect(list, &mut fields, &mut others);
        for (name, patterns) in fields {
            let choice = if patterns.len() > 1 { Choice::new(patterns.clone()) } else { None };
            match choice {
                Some(choice) => others.push(Self::Header(name, Pattern::OneOf(Arc::new(choice)))),
                None => others.extend(patterns.into_iter().map(|each| Self::Header(name.clone(), each))),
            }
        }
        if others.len() == 1 { others.remove(0) } else { Self::Any(others) }
    }
}

/// Sorts alternatives, and those among them, into patterns by the fields they are for, and all others.
fn collect(list: Vec<Query>, fields: &mut BTreeMap<String, Vec<Pattern>>, others: &mut Vec<Query>) {
    for query in list {
        match query {
            Query::Any(list) => collect(list, fields, others),
            Query::Header(
                name,
                pattern @ (Pattern::Contains(_) | Pattern::Address(_) | Pattern::Domain(_)),
            ) => fields.entry(name.to_ascii_lowercase()).or_default().push(pattern),
            Query::Header(name, Pattern::OneOf(choice)) => {
                fields.entry(name.to_ascii_lowercase()).or_default().extend_from_slice(choice.patterns());
            }
            query => others.push(query),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{Pattern, Query};
    use crate::engine::query::{Facts, Verdict};
    use crate::mail::Headers;

    fn header(name: &str, pattern: Pattern) -> Query {
        Query::Header(name.to_owned(), pattern)
    }

    fn contains(text: &str) -> Pattern {
        Pattern::Contains(text.to_owned())
    }

    #[test]
    fn alternatives_for_one_field_become_one_condition() {
        let regex = || Pattern::regex("x", "").unwrap();
        let inner = Query::Any(vec![header("from", contains("c")), header("to", contains("d"))]);
        let any = Query::any(vec![header("from", contains("a")), header("From", contains("b")), inner]);
        let is_choice =
            |query: &Query| matches!(query, Query::Header(_, Pattern::OneOf(of)) if of.patterns().len() == 3);
        assert!(matches!(&any, Query::Any(list) if list.len() == 2 && list.iter().any(is_choice)));
        assert_eq!(Query::any(vec![header("from", contains("a"))]), header("from", contains("a")));
        assert_eq!(Query::any(vec![]), Query::Any(vec![]));
        let mixed = Query::any(vec![header("from", contains("a")), header("from", regex())]);
        assert!(matches!(mixed, Query::Any(list) if list.len() == 2));
    }

    #[test]
    fn a_choice_finds_what_each_of_its_patterns_finds() {
        let block = "From: Ann\r\n  BÉLL <A@Example.org>\r\nfrom: x@y.z\r\n";
        let headers = Headers::parse(block.as_bytes());
        let facts = Facts { headers: Some(&headers), ..Facts::default() };
        let address = |text| Pattern::address(text).unwrap();
        let domain = |text| Pattern::domain(text).unwrap();
        for (pattern, found) in [
            (contains("ann bé"), true),
            (contains("ÉLL  <"), true),
            (contains("y.Z"), true),
            (contains("ann@"), false),
            (address("a@example.org"), true),
            (address("ann@example.org"), false),
            (domain("example.org"), true),
            (domain("Y.z"), true),
            (domain("org"), false),
        ] {
            let others = ["nobody", "nowhere"].map(contains).into_iter();
            let list = others.chain([pattern.clone()]).map(|each| header("from", each)).collect();
            let choice = Query::any(list);
            assert!(matches!(choice, Query::Header(_, Pattern::OneOf(_))));
            for query in [header("from", pattern), choice] {
                assert_eq!(query.judge(&facts) == Verdict::Yes, found, "{query:?}");
            }
        }
    }
}
