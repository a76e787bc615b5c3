use std::collections::BTreeMap;
use std::time::Instant;

use super::cache::{Kept, Measure, OwnCache, Shelf, Task};
use super::contradiction::Contradictions;
use super::identity::{Identity, Inquiry};
use super::messages::{BODY_BATCH_BYTES, MESSAGE_CAP};
use super::sieve::{Groups, Sieve};
use crate::error::Result;
use crate::imap::{Command, Fetch, FetchItem, Response, Section, Session};
use crate::mail::{MailboxName, Message, Uid, UidSet, UidValidity};

/// Of how many messages must be told before it shows how long that takes.
const MEASURED: u32 = 100;

/// What was seen of the messages that were looked at beside whether they match.
#[derive(Default)]
pub(super) struct Seen {
    /// Messages that would have to be read and are too large for it: they are not found.
    pub(super) too_large: UidSet,
    /// What the server was asked for, and messages that contradict it: they are not found.
    pub(super) contradictions: Vec<(String, UidSet)>,
}

/// A look at the messages that a server found for a sieve's queries, which may be more than match.
///
/// Each message is judged when its answer comes and is forgotten then, so that memory does not grow with the mailbox.
pub(super) struct Look {
    inquiry: Inquiry,
    /// Messages of which the server has told only a part.
    open: BTreeMap<Uid, Identity>,
    /// Messages that are judged, or only their content can tell.
    done: Vec<Uid>,
    undecided: Vec<(Uid, Identity)>,
    groups: Groups,
    contradictions: Contradictions,
    /// Where that is kept from run to run which is fetched; `None` where none of it can be.
    shelf: Option<Shelf<Kept>>,
    /// Since when an answer comes, and of how many messages it has told.
    coming: Option<(Instant, u32)>,
    /// How long an answer took.
    measure: Option<Measure>,
}

impl Look {
    /// Prepares a look with a sieve that knows what the server is asked.
    pub(super) fn with(sieve: &Sieve) -> Result<Self> {
        Ok(Self {
            inquiry: Inquiry::for_look(sieve.needs().clone())?,
            open: BTreeMap::new(),
            done: Vec::new(),
            undecided: Vec::new(),
            groups: Groups::new(),
            contradictions: Contradictions::to(sieve.program()),
            shelf: None,
            coming: None,
            measure: None,
        })
    }

    /// Gives what is fetched of each message.
    pub(super) fn items(&self) -> &[FetchItem] {
        self.inquiry.items()
    }

    /// Gives what it is called where it is kept from run to run, if it can be.
    pub(super) fn kept_as(&self) -> Option<&str> {
        self.inquiry.kept_as()
    }

    /// Tells whether of some messages of a mailbox that is known which is fetched.
    pub(super) fn is_known(&self, cache: &OwnCache, mailbox: &MailboxName) -> bool {
        self.inquiry.kept_as().is_some_and(|items| cache.knows(mailbox, items))
    }

    /// Keeps what comes from run to run, where it can be.
    pub(super) fn keep_in(&mut self, cache: &OwnCache, mailbox: &MailboxName, validity: Option<UidValidity>) {
        let items = self.inquiry.kept_as().zip(validity);
        self.shelf = items.and_then(|(items, validity)| cache.shelf(mailbox, validity, items));
    }

    fn judge(&mut self, sieve: &Sieve, uid: Uid, identity: Identity) {
        self.done.push(uid);
        self.contradictions.look_at(uid, &identity);
        match sieve.sift(uid, &identity, None) {
            Some(matches) if matches.is_empty() => {}
            Some(matches) => self.groups.entry(matches).or_default().push(uid),
            // The content will bring its header along.
            None => self.undecided.push((uid, Identity { headers: None, ..identity })),
        }
    }

    /// Takes in what a server tells of a message while it is asked for those of the set.
    pub(super) fn take(&mut self, sieve: &Sieve, set: &UidSet, fetch: Fetch) {
        let Some(uid) = fetch.uid.filter(|uid| set.contains(*uid)) else { return };
        self.coming.get_or_insert_with(|| (Instant::now(), 0)).1 += 1;
        if let Some(shelf) = &mut self.shelf
            && let Some(kept) = self.inquiry.to_be_kept(&fetch)
        {
            shelf.keep(uid, &kept);
        }
        // Mostly one response has all, and nothing is open.
        let mut identity = self.open.remove(&uid).unwrap_or_default();
        self.inquiry.add(&mut identity, fetch);
        if self.inquiry.is_answered(&identity) {
            self.judge(sieve, uid, identity);
        } else {
            self.open.insert(uid, identity);
        }
    }

    /// Ends an answer: what the server told only in part is judged by that, if the answer was whole, or else forgotten.
    pub(super) fn end_answer(&mut self, sieve: &Sieve, whole: bool) {
        if let Some((since, messages)) = self.coming.take().filter(|(_, messages)| *messages >= MEASURED) {
            self.measure = Some(Measure { time: since.elapsed(), messages });
        }
        let open = std::mem::take(&mut self.open);
        if open.is_empty() {
            return;
        }
        // A flag may have changed after all was told.
        let done: UidSet = self.done.iter().copied().collect();
        for (uid, identity) in open.into_iter().filter(|(uid, _)| whole && !done.contains(*uid)) {
            self.judge(sieve, uid, identity);
        }
    }

    /// Looks at those of the messages of the open mailbox that it has not seen yet. What is known from before is not
    /// fetched again. Contents are fetched only of those that nothing else has decided.
    pub(super) fn at(
        mut self,
        session: &mut Session,
        sieve: &Sieve,
        hits: &UidSet,
        cache: Option<&OwnCache>,
    ) -> Result<(Groups, Seen)> {
        let mut unseen = hits.difference(&std::mem::take(&mut self.done).into_iter().collect());
        if !unseen.is_empty() {
            if let (None, Some(cache), Some(open)) = (&self.shelf, cache, session.selected()) {
                let (name, validity) = (open.name.clone(), open.validity);
                self.keep_in(cache, &name, validity);
            }
            if let Some(shelf) = self.shelf.take() {
                if sieve.knows_flags() {
                    let known = shelf.each(&unseen, |uid, kept| {
                        let identity = self.inquiry.identity_of(&kept);
                        self.judge(sieve, uid, identity);
                    });
                    unseen = unseen.difference(&known);
                }
                self.shelf = Some(shelf);
            }
            let ends = session.run(&self.inquiry.commands(&unseen), &mut |_, response| {
                if let Response::Fetch(fetch) = response {
                    self.take(sieve, &unseen, *fetch);
                }
                Ok(())
            })?;
            for end in ends {
                end.ok()?;
            }
            self.end_answer(sieve, true);
        }
        if let Some(cache) = cache
            && let Some((items, measure)) = self.inquiry.kept_as().zip(self.measure)
        {
            cache.keep_measure(Task::Fetch(items), measure);
        }
        let loadable =
            |(_, identity): &(Uid, Identity)| identity.size.is_some_and(|size| size <= MESSAGE_CAP);
        let undecided = std::mem::take(&mut self.undecided);
        let (undecided, too_large): (Vec<_>, Vec<_>) = undecided.into_iter().partition(loadable);
        read_contents(session, sieve, &undecided, &mut self.groups)?;
        let too_large = too_large.into_iter().map(|(uid, _)| uid).collect();
        Ok((self.groups, Seen { too_large, contradictions: self.contradictions.finish() }))
    }
}

/// Decides by contents, which are fetched in batches bounded by bytes.
fn read_contents(
    session: &mut Session,
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
        let items = FetchItem::list(&[FetchItem::Section(Section::Whole)])?;
        let room = crate::imap::COMMAND_BYTES - 100;
        let commands: Vec<_> =
            set.split(room).iter().map(|part| Command::new("UID FETCH").uids(part).syntax(&items)).collect();
        let ends = session.run(&commands, &mut |_, response| {
            let Response::Fetch(mut fetch) = response else { return Ok(()) };
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
        for end in ends {
            end.ok()?;
        }
    }
    Ok(())
}
