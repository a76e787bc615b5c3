use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::cache::{OwnCache, Shelf};
use super::contradiction::Contradictions;
use super::identity::{Identity, Inquiry};
use super::messages::{BODY_BATCH_BYTES, MESSAGE_CAP};
use super::query::{Facts, Needs, Program, Query, Rest, Verdict};
use super::search::{Asked, Match};
use super::template::Template;
use crate::error::Result;
use crate::imap::{Command, FetchItem, Response, SearchKey, Section, Session};
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
    pub(super) delimiter: Option<char>,
    /// What the server said of conditions that only it can answer.
    pub(super) told: Vec<(Query, UidSet)>,
    /// What the server was asked.
    program: SearchKey,
}

/// What was seen of the messages that were looked at beside whether they match.
#[derive(Default)]
pub(super) struct Seen {
    /// Messages that would have to be read and are too large for it: they are not found.
    pub(super) too_large: UidSet,
    /// What the server was asked for, and messages that contradict it: they are not found.
    pub(super) contradictions: Vec<(String, UidSet)>,
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

    /// Tells whether there are targets to be filled.
    pub(super) fn has_places(&self) -> bool {
        let mut templates = self.asked.iter().flat_map(|(asked, _)| &asked.templates).flatten();
        templates.any(Template::has_places)
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
    fn knows_flags(&self) -> bool {
        let is_told = |flag: &Query| self.told.iter().any(|(query, _)| query == flag);
        self.query().flags().into_iter().all(is_told)
    }

    /// Keeps of the server's answer, which may be wider than the query, what matches here.
    ///
    /// Each message is judged when its answer comes and is forgotten then, so that memory does not grow with the
    /// mailbox. What is known from before is not fetched again. Contents are fetched only of those that nothing else has
    /// decided.
    pub(super) fn look(
        &self,
        session: &mut Session,
        hits: &UidSet,
        groups: &mut Groups,
        cache: Option<&OwnCache>,
    ) -> Result<Seen> {
        let inquiry = Inquiry::for_look(self.needs.clone())?;
        let mut open: BTreeMap<Uid, Identity> = BTreeMap::new();
        let mut undecided = Vec::new();
        let mut contradictions = Contradictions::to(&self.program);
        let mut judge = |uid: Uid, identity: Identity| {
            contradictions.look_at(uid, &identity);
            match self.sift(uid, &identity, None) {
                Some(matches) if matches.is_empty() => {}
                Some(matches) => groups.entry(matches).or_default().push(uid),
                // The content will bring its header along.
                None => undecided.push((uid, Identity { headers: None, ..identity })),
            }
        };
        let mut remembered = cache.and_then(|cache| shelf(session, &inquiry, cache));
        let known = match &remembered {
            Some(place) if self.knows_flags() => {
                place.each(hits, |uid, kept| judge(uid, inquiry.identity_of(&kept)))
            }
            _ => UidSet::new(),
        };
        let unknown = hits.difference(&known);
        let ends = session.run(&inquiry.commands(&unknown), &mut |_, response| {
            let Response::Fetch(fetch) = &response else { return Ok(()) };
            let Some(uid) = fetch.uid else { return Ok(()) };
            if let Some(place) = &mut remembered
                && let Some(kept) = inquiry.to_be_kept(&unknown, fetch)
            {
                place.keep(uid, &kept);
            }
            inquiry.take(&mut open, &unknown, response);
            if open.get(&uid).is_some_and(|identity| inquiry.is_answered(identity))
                && let Some(identity) = open.remove(&uid)
            {
                judge(uid, identity);
            }
            Ok(())
        })?;
        for end in ends {
            end.ok()?;
        }
        // What the server told only in part is judged by that.
        for (uid, identity) in open {
            judge(uid, identity);
        }
        let loadable =
            |(_, identity): &(Uid, Identity)| identity.size.is_some_and(|size| size <= MESSAGE_CAP);
        let (undecided, too_large): (Vec<_>, Vec<_>) = undecided.into_iter().partition(loadable);
        self.read_contents(session, &undecided, groups)?;
        let too_large = too_large.into_iter().map(|(uid, _)| uid).collect();
        Ok(Seen { too_large, contradictions: contradictions.finish() })
    }

    /// Decides by contents, which are fetched in batches bounded by bytes.
    fn read_contents(
        &self,
        session: &mut Session,
        undecided: &[(Uid, Identity)],
        groups: &mut Groups,
    ) -> Result<()> {
        let mut rest = undecided;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |(_, identity): &&(Uid, Identity)| {
                bytes += identity.size.unwrap_or(0);
                bytes <= BODY_BATCH_BYTES
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (batch, after) = rest.split_at(count);
            rest = after;
            let set: UidSet = batch.iter().map(|(uid, _)| *uid).collect();
            let items = FetchItem::list(&[FetchItem::Section(Section::Whole)])?;
            let room = crate::imap::COMMAND_BYTES - 100;
            let commands: Vec<_> = set
                .split(room)
                .iter()
                .map(|part| Command::new("UID FETCH").uids(part).syntax(&items))
                .collect();
            let ends = session.run(&commands, &mut |_, response| {
                let Response::Fetch(mut fetch) = response else { return Ok(()) };
                let known = |uid: Uid| batch.iter().find(|(known, _)| *known == uid);
                if let (Some((uid, identity)), Some(raw)) =
                    (fetch.uid.and_then(known), fetch.take_section(&Section::Whole))
                    && let Some(matches) = self.sift(*uid, identity, Some(&Message::parse(raw)))
                    && !matches.is_empty()
                {
                    groups.entry(matches).or_default().push(*uid);
                }
                Ok(())
            })?;
            for end in ends {
                end.ok()?;
            }
        }
        Ok(())
    }
}

/// Gives where that is kept from run to run which is fetched of messages of the open mailbox; `None` where none of it can
/// be.
fn shelf(session: &Session, inquiry: &Inquiry, cache: &OwnCache) -> Option<Shelf> {
    let selected = session.selected()?;
    cache.shelf(&selected.name, selected.validity?, inquiry.kept_as()?)
}
