use jiff::ZonedDateTime;

use super::reading::Whereabouts;
use super::{Key, Overlay};
use crate::engine::asking::{Along, Answer, ask};
use crate::engine::identity::{Identity, Inquiry};
use crate::engine::messages::{BODY_BATCH_BYTES, MESSAGE_CAP};
use crate::engine::query::{Facts, Pattern, Query, Verdict};
use crate::engine::search::Asked;
use crate::engine::selection::Selection;
use crate::engine::sieve::{Groups, Sieve};
use crate::engine::world::{Event, Run};
use crate::error::Result;
use crate::imap::{Access, FetchItem, Section, Session};
use crate::mail::{MailboxName, Message, Uid, UidSet, UidValidity};

/// A mailbox that a dry run searches.
pub(in crate::engine) struct Searched {
    overlay: Overlay,
    key: Key,
    validity: Option<UidValidity>,
}

impl Searched {
    /// Finds it. `None` where the run is no dry run.
    ///
    /// Error: there would be no such mailbox.
    pub(in crate::engine) fn find(
        session: &mut Session,
        run: &Run,
        name: &MailboxName,
    ) -> Result<Option<Self>> {
        let Some(overlay) = &run.overlay else { return Ok(None) };
        let key = overlay.opened(session, name)?;
        let validity = key.validity();
        Ok(Some(Self { overlay: overlay.clone(), key, validity }))
    }

    /// Asks the server, as [`ask`] does, and gives of its answer the messages for which nothing is planned.
    pub(in crate::engine) fn ask(
        &mut self,
        session: &mut Session,
        asked: &[Asked],
        now: &ZonedDateTime,
    ) -> Result<Answer> {
        let Key::Server(real) = &self.key else {
            let mut sieve = Sieve::new(asked.to_vec(), now.time_zone().clone());
            sieve.learn_delimiter(session)?;
            return Ok(Answer { sieve, hits: UidSet::new(), look: None, left_out: false });
        };
        let answer = ask(session, real, Access::Read, asked, now, &Along::Never)?;
        self.validity = session.selected().and_then(|selected| selected.validity);
        let planned = self.overlay.contents(&self.key, |contents| contents.beyond_the_server());
        Ok(Answer { hits: answer.hits.difference(&planned), ..answer })
    }

    /// Tells what the mailbox's UIDs are worth.
    pub(in crate::engine) fn validity(&self) -> Option<UidValidity> {
        self.validity
    }

    /// Judges the messages for which something is planned, and adds those that match. Gives those that would have to be
    /// read and are too large for it.
    ///
    /// `selection` is of the mailbox; its own messages do not matter.
    pub(in crate::engine) fn judge_planned(
        &self,
        session: &mut Session,
        run: &Run,
        selection: &Selection,
        mut sieve: Sieve,
        groups: &mut Groups,
    ) -> Result<UidSet> {
        let touched = self.overlay.contents(&self.key, |contents| contents.touched());
        if touched.is_empty() {
            return Ok(touched);
        }
        sieve.told.clear();
        let only = sieve.query().only_the_server_can_tell();
        if only.iter().any(|query| matches!(query, Query::Raw(_) | Query::Gmail(_))) {
            run.world.tell(Event::Warning(format!(
                "`raw` and `gmail` are answered by the server as if nothing were planned in {}",
                selection.shown
            )));
        }
        for query in only {
            let found = self.overlay.whereabouts(&self.key, self.validity, &touched);
            let holds = told(session, run, &query, &found)?;
            sieve.told.push((query, holds));
        }
        let selection = Selection { validity: self.validity, ..selection.clone() };
        let inquiry = Inquiry::for_search(session, sieve.needs().clone())?;
        let identities = self.overlay.identities(session, &selection, &touched, &inquiry)?;
        let (mut undecided, mut too_large) = (Vec::new(), UidSet::new());
        for (uid, identity) in identities {
            match sieve.sift(uid, &identity, None) {
                Some(matches) if matches.is_empty() => {}
                Some(matches) => groups.entry(matches).or_default().push(uid),
                None if identity.size.is_some_and(|size| size <= MESSAGE_CAP) => {
                    undecided.push((uid, identity));
                }
                None => too_large.insert(uid),
            }
        }
        self.read(session, &selection, &sieve, &undecided, groups)?;
        // The groups' messages are put in order by whoever makes sets of them.
        Ok(too_large)
    }

    /// Decides by contents, which are fetched in batches bounded by bytes.
    fn read(
        &self,
        session: &mut Session,
        selection: &Selection,
        sieve: &Sieve,
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
            let items = vec![FetchItem::Section(Section::Whole)];
            self.overlay.fetch_each(session, selection, &[(set, items)], &mut |mut fetch| {
                let known = |uid: Uid| batch.iter().find(|(known, _)| *known == uid);
                if let (Some((uid, identity)), Some(raw)) =
                    (fetch.uid.and_then(known), fetch.take_section(&Section::Whole))
                    && let Some(matches) = sieve.sift(*uid, identity, Some(&Message::parse(raw)))
                    && !matches.is_empty()
                {
                    groups.entry(matches).or_default().push(*uid);
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// Asks the server, of messages where they really are, what only it can tell. Gives those for which it holds.
fn told(session: &mut Session, run: &Run, query: &Query, found: &Whereabouts) -> Result<UidSet> {
    let mut holds = Vec::new();
    for place in &found.server {
        // Another account's server need not be Gmail.
        if place.is_elsewhere() && matches!(query, Query::Gmail(_)) {
            continue;
        }
        let hits = place.search(session, run, query)?;
        let known = hits.iter().filter_map(|uid| place.sought.get(&uid)).flatten();
        holds.extend(known.map(|(uid, _)| *uid));
    }
    let here = match query.clone() {
        Query::Body(Pattern::Contains(text)) => Query::Body(Pattern::Here(text)),
        Query::Text(Pattern::Contains(text)) => Query::Text(Pattern::Here(text)),
        query => query,
    };
    found.each_draft(&mut |uid, _, draft| {
        let facts = Facts {
            headers: Some(draft.message().headers()),
            content: Some(draft.message()),
            ..Facts::default()
        };
        holds.extend((here.judge(&facts) == Verdict::Yes).then_some(uid));
        Ok(())
    })?;
    Ok(holds.into_iter().collect())
}
