//! Perl-compatible patterns on bytes.
//!
//! PCRE sees bytes where no UTF mode is asked for, and so do we: `regex` without Unicode first; a pattern that looks
//! around, or back, is one for `fancy-regex`.

mod class;
mod escape;
mod group;
mod property;
mod reference;
mod translate;
mod verb;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use fancy_regex::BytesMode;
use mlua::Lua;
use regex::bytes::RegexBuilder;

use crate::error::{Error, Result, visible};
use translate::{Engine, Translated, translate};

/// The memory that a compiled pattern may take, in bytes.
const SIZE: usize = 16 << 20;

/// How many steps a pattern may take on one text. It is PCRE's own limit.
const STEPS: usize = 10_000_000;

/// How many compiled patterns are kept.
const KEPT: usize = 2_000;

/// A compiled pattern. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    kind: Kind,
    /// What it was written as.
    source: Vec<u8>,
    /// PCRE's number of each of its groups.
    numbers: Vec<usize>,
    /// `$` is in it, which matches at the very end, and before a line break there as well.
    dollar: bool,
    /// `^` matches after line breaks, but not after a last one.
    lines: bool,
}

#[derive(Debug)]
enum Kind {
    Bytes(regex::bytes::Regex),
    Around(fancy_regex::Regex),
}

/// Where a pattern and its groups match.
type Groups = Vec<Option<Range<usize>>>;

/// The compiled patterns of a run.
#[derive(Debug, Default)]
struct Patterns(HashMap<Vec<u8>, Pattern>);

impl Pattern {
    /// Gives a compiled pattern, which is compiled once in a run.
    ///
    /// Error: it is none, or has one of the few things that only PCRE can do.
    pub(super) fn cached(lua: &Lua, pattern: &[u8]) -> Result<Self> {
        let known = lua.app_data_ref::<Patterns>().and_then(|all| all.0.get(pattern).cloned());
        if let Some(known) = known {
            return Ok(known);
        }
        let new = Self::new(pattern)?;
        let mut all = lua.remove_app_data::<Patterns>().unwrap_or_default();
        if all.0.len() >= KEPT {
            all.0.clear();
        }
        all.0.insert(pattern.to_vec(), new.clone());
        lua.set_app_data(all);
        Ok(new)
    }

    /// Compiles a pattern.
    pub(super) fn new(pattern: &[u8]) -> Result<Self> {
        let wrong = |reason: &str| {
            let what = format!("{} is no pattern: {}", shown(pattern), visible(reason));
            Error::script(
                what,
                "patterns are as PCRE has them, but for recursion and a few things that are rare",
            )
        };
        let last = |error: String| {
            let line = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            wrong(line.strip_prefix("Parsing error at position ").map_or(line, |rest| {
                rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':' || c == ' ')
            }))
        };
        let first = translate(pattern, Engine::Bytes).map_err(|reason| wrong(&reason))?;
        let source = pattern.to_vec();
        if !first.looks_around {
            let Translated { text, dollar, lines, numbers, .. } = first;
            let mut builder = RegexBuilder::new(&text);
            let built = builder.unicode(false).size_limit(SIZE).build();
            let kind = Kind::Bytes(built.map_err(|error| last(error.to_string()))?);
            return Ok(Self(Arc::new(Compiled { kind, source, numbers, dollar, lines })));
        }
        let Translated { text, lines, numbers, .. } =
            translate(pattern, Engine::Around).map_err(|reason| wrong(&reason))?;
        let built = fancy_regex::RegexBuilder::new(&text)
            .bytes_mode(BytesMode::Ascii)
            .delegate_size_limit(SIZE)
            .backtrack_limit(STEPS)
            // It takes `(a+?)*` for `(a+?)?`, which `(?>(a+?)*)` is not.
            .optimize(false)
            .build();
        let kind = Kind::Around(built.map_err(|error| last(error.to_string()))?);
        Ok(Self(Arc::new(Compiled { kind, source, numbers, dollar: false, lines })))
    }

    /// Tells whether it matches somewhere.
    ///
    /// Error: as [`find`](Self::find).
    pub(super) fn is_match(&self, subject: &[u8]) -> Result<bool> {
        Ok(self.find(subject)?.is_some())
    }

    /// Finds its first match: where it is, and where its groups are, without those at the end that took no part.
    ///
    /// Error: it takes too many steps. What it would have found is not known then, and must not be taken for nothing: a
    /// configuration may delete all messages that it does not match.
    pub(super) fn find(&self, subject: &[u8]) -> Result<Option<Groups>> {
        let whole = self.find_in(subject)?;
        let shorter = match subject.strip_suffix(b"\n").filter(|_| self.0.dollar) {
            Some(part) => self.find_in(part)?,
            None => None,
        };
        let start =
            |groups: &Groups| groups.first().cloned().flatten().map_or(usize::MAX, |range| range.start);
        let mut found = match (whole, shorter) {
            (Some(whole), Some(shorter)) if start(&shorter) < start(&whole) => shorter,
            (Some(found), _) | (None, Some(found)) => found,
            (None, None) => return Ok(None),
        };
        if self.0.lines && subject.ends_with(b"\n") && start(&found) == subject.len() {
            return Ok(None);
        }
        while found.len() > 1 && found.last().is_some_and(Option::is_none) {
            found.pop();
        }
        Ok(Some(found))
    }

    fn find_in(&self, subject: &[u8]) -> Result<Option<Groups>> {
        Ok(match &self.0.kind {
            Kind::Bytes(regex) => {
                let captures = regex.captures(subject);
                captures.map(|all| self.numbered(all.iter().map(|group| group.map(|group| group.range()))))
            }
            Kind::Around(regex) => {
                let captures = regex.captures(subject).map_err(|_| {
                    let what = format!(
                        "{} takes too long: more than {STEPS} steps on one text",
                        shown(&self.0.source)
                    );
                    Error::script(what, "write it without repetitions of what is repeated, such as `(a+)+`")
                })?;
                captures.map(|all| self.numbered(all.iter().map(|group| group.map(|group| group.range()))))
            }
        })
    }

    /// Gives the groups PCRE's numbers. Of several with the same number, the last that matched counts.
    fn numbered(&self, captures: impl Iterator<Item = Option<Range<usize>>>) -> Groups {
        let mut groups: Groups = vec![None; self.0.numbers.iter().copied().max().unwrap_or(0) + 1];
        for (number, range) in std::iter::once(0).chain(self.0.numbers.iter().copied()).zip(captures) {
            let Some(held) = groups.get_mut(number) else { continue };
            let start = |range: &Option<Range<usize>>| range.as_ref().map(|range| range.start);
            if start(&range) > start(held) {
                *held = range;
            }
        }
        groups
    }
}

/// Shows a pattern in an error.
fn shown(pattern: &[u8]) -> String {
    format!("`{}`", visible(&String::from_utf8_lossy(pattern)))
}

#[cfg(test)]
mod tests;
