use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::identity::Identity;
use super::query::{Facts, Needs, Program, Query, Rest, Verdict};
use super::search::{Asked, Match};
use super::template::Template;
use crate::error::Result;
use crate::imap::{SearchKey, Session};
use crate::mail::{Message, Uid, UidSet};

/// Messages by the queries that they match.
pub(super) type Groups = BTreeMap<Vec<Match>, Vec<Uid>>;

/// Judges messages by one query, or by several at once.
pub(super) struct Sieve {
    asked: Vec<(Asked, Needs)>,
    /// All queries as alternatives, where there are several.
    any: Option<Query>,
    /// What all queries and templates need.
    needs: Needs,
    zone: TimeZone,
    /// What joins the levels of mailboxes' names on the server.
    delimiter: Option<char>,
    /// What the server said of conditions that only it can answer.
    pub(super) told: Vec<(Query, UidSet)>,
    /// What the server was asked.
    program: SearchKey,
}

impl Sieve {
    /// Makes it of queries, for days in a time zone.
    pub(super) fn new(asked: Vec<Asked>, zone: TimeZone) -> Self {
        let any = || Query::Any(asked.iter().map(|asked| asked.query.clone()).collect());
        let any = (asked.len() != 1).then(any);
        let mut needs = match (&any, asked.first()) {
            (None, Some(only)) => only.query.needs(),
            (any, _) => any.as_ref().map(Query::needs).unwrap_or_default(),
        };
        // Which of several it is shows only here.
        needs.look |= any.is_some();
        for template in asked.iter().flat_map(|asked| &asked.templates).flatten() {
            template.add_needs(&mut needs);
        }
        let asked = asked.into_iter().map(|asked| {
            let needs = asked.query.needs();
            (asked, needs)
        });
        Self {
            asked: asked.collect(),
            any,
            needs,
            zone,
            delimiter: None,
            told: Vec::new(),
            program: SearchKey::All,
        }
    }

    /// Gives the query that finds what any of its queries finds.
    pub(super) fn query(&self) -> &Query {
        const NOTHING: &Query = &Query::Any(Vec::new());
        match (&self.any, self.asked.first()) {
            (Some(any), _) => any,
            (None, Some((only, _))) => &only.query,
            (None, None) => NOTHING,
        }
    }

    /// Tells whether it has one query only.
    pub(super) fn is_one(&self) -> bool {
        self.any.is_none()
    }

    /// Learns what joins the levels of mailboxes' names, if there are targets to be filled.
    pub(super) fn learn_delimiter(&mut self, session: &mut Session) -> Result<()> {
        let mut templates = self.asked.iter().flat_map(|(asked, _)| &asked.templates).flatten();
        if templates.any(Template::has_places) {
            self.delimiter = session.namespaces()?.personal.delimiter;
        }
        Ok(())
    }

    /// Gives what the server was asked.
    pub(super) fn program(&self) -> &SearchKey {
        &self.program
    }

    /// Takes in what the server is asked. Where that is wider than the query, all messages that it finds are looked at.
    pub(super) fn take_program(&mut self, program: &Program) {
        self.needs.look |= !program.exact;
        self.program = program.key.clone();
    }

    /// Tells what must be fetched of messages that are looked at here.
    pub(super) fn needs(&self) -> &Needs {
        &self.needs
    }

    /// Tells whether messages must be looked at here.
    pub(super) fn must_look(&self) -> bool {
        self.needs.look
    }

    /// Gives what every message matches that the server found, where it need not be looked at.
    pub(super) fn by_the_servers_word(&self) -> Option<Vec<Match>> {
        let (only, _) = self.asked.first()?;
        match only.query.rest(&Facts::default()) {
            Rest::No => None,
            rest => Some(vec![self.matched(0, only, rest, &Facts::default())]),
        }
    }

    fn matched(&self, query: usize, asked: &Asked, rest: Rest, facts: &Facts<'_>) -> Match {
        let fill = |template: &Option<_>| match template {
            Some(template) => Template::fill(template, facts, &self.zone, self.delimiter),
            None => Ok(String::new()),
        };
        Match { query, rest, filled: asked.templates.iter().map(fill).collect() }
    }

    /// Gives the queries that a message matches, or may match; `None` where its content must be read first.
    pub(super) fn sift(
        &self,
        uid: Uid,
        identity: &Identity,
        content: Option<&Message>,
    ) -> Option<Vec<Match>> {
        let mut matches = Vec::new();
        for (at, (asked, needs)) in self.asked.iter().enumerate() {
            let verdict = identity.judge(uid, &asked.query, needs, content, &self.told);
            // A server may not be able to describe a message that is broken, or nested too deep.
            let undescribed = needs.structure && identity.structure.is_none();
            if verdict == Verdict::Unknown && content.is_none() && (needs.content || undescribed) {
                return None;
            }
            if verdict == Verdict::No {
                continue;
            }
            let facts = identity.facts(uid, content, &self.told);
            match asked.query.rest(&facts) {
                Rest::No => {}
                rest => matches.push(self.matched(at, asked, rest, &facts)),
            }
        }
        Some(matches)
    }

    /// Tells whether the server said of each flag that matters which messages have it.
    pub(super) fn knows_flags(&self) -> bool {
        let is_told = |flag: &Query| self.told.iter().any(|(query, _)| query == flag);
        self.query().flags().into_iter().all(is_told)
    }
}
