//! Perl-compatible patterns on bytes.
//!
//! PCRE sees bytes where no UTF mode is asked for, and so do we: `regex` without Unicode first; a pattern that looks
//! around, or back, is one for `fancy-regex`.

mod class;
mod escape;
mod group;
mod translate;

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

/// How many compiled patterns are kept.
const KEPT: usize = 2_000;

/// A compiled pattern. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    kind: Kind,
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
    /// Error: it is none, or one of the few things that only PCRE can do.
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
            let what = format!(
                "`{}` is no pattern: {}",
                visible(&String::from_utf8_lossy(pattern)),
                visible(reason)
            );
            Error::script(what, "patterns are as PCRE has them, without recursion and callouts")
        };
        let last =
            |error: String| wrong(error.lines().last().unwrap_or_default().trim_start_matches("error: "));
        let Translated { text, dollar, lines, looks_around } =
            translate(pattern, Engine::Bytes).map_err(|reason| wrong(&reason))?;
        if !looks_around {
            let mut builder = RegexBuilder::new(&text);
            let built = builder.unicode(false).size_limit(SIZE).build();
            let regex = built.map_err(|error| last(error.to_string()))?;
            return Ok(Self(Arc::new(Compiled { kind: Kind::Bytes(regex), dollar, lines })));
        }
        let Translated { text, lines, .. } =
            translate(pattern, Engine::Around).map_err(|reason| wrong(&reason))?;
        let built = fancy_regex::RegexBuilder::new(&text)
            .bytes_mode(BytesMode::Ascii)
            .delegate_size_limit(SIZE)
            .build();
        let regex = built.map_err(|error| last(error.to_string()))?;
        Ok(Self(Arc::new(Compiled { kind: Kind::Around(regex), dollar: false, lines })))
    }

    /// Tells whether it matches somewhere.
    pub(super) fn is_match(&self, subject: &[u8]) -> bool {
        self.find(subject).is_some()
    }

    /// Finds its first match: where it is, and where its groups are, without those at the end that took no part.
    pub(super) fn find(&self, subject: &[u8]) -> Option<Groups> {
        let whole = self.find_in(subject);
        let shorter =
            subject.strip_suffix(b"\n").filter(|_| self.0.dollar).and_then(|part| self.find_in(part));
        let start =
            |groups: &Groups| groups.first().cloned().flatten().map_or(usize::MAX, |range| range.start);
        let mut found = match (whole, shorter) {
            (Some(whole), Some(shorter)) if start(&shorter) < start(&whole) => shorter,
            (Some(found), _) | (None, Some(found)) => found,
            (None, None) => return None,
        };
        if self.0.lines && subject.ends_with(b"\n") && start(&found) == subject.len() {
            return None;
        }
        while found.len() > 1 && found.last().is_some_and(Option::is_none) {
            found.pop();
        }
        Some(found)
    }

    fn find_in(&self, subject: &[u8]) -> Option<Groups> {
        match &self.0.kind {
            Kind::Bytes(regex) => {
                let captures = regex.captures(subject)?;
                Some(captures.iter().map(|group| group.map(|group| group.range())).collect())
            }
            Kind::Around(regex) => {
                // A pattern that takes too long has not matched; PCRE has such a limit, too.
                let captures = regex.captures(subject).ok().flatten()?;
                Some(captures.iter().map(|group| group.map(|group| group.range())).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests;
