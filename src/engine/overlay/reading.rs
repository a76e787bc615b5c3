use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::Offset;

use super::contents::is_virtual;
use super::elsewhere::search;
use super::memory::Draft;
use super::{Change, Key, Origin, Overlay, Reader, turns};
use crate::engine::export::{Letter, Letters};
use crate::engine::identity::{Identity, Inquiry};
use crate::engine::query::Query;
use crate::engine::selection::Selection;
use crate::engine::world::Run;
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{Access, Fetch, FetchItem, Session};
use crate::mail::{Flag, InternalDate, MailboxName, Uid, UidSet, UidValidity};

/// Messages that really are in one mailbox of the server's: by their UID there, under which UIDs they are known, and what
/// is planned for each.
pub(super) type Sought = BTreeMap<Uid, Vec<(Uid, Change)>>;

/// Messages of a file: by their numbers there, under which UIDs they are known, and what is planned for each.
type Numbered = BTreeMap<u32, Vec<(Uid, Change)>>;

/// Messages that really are in one mailbox of a server.
pub(super) struct Place {
    /// Who reads it, where that is another account's.
    reader: Option<Arc<Reader>>,
    mailbox: MailboxName,
    validity: Option<UidValidity>,
    pub(super) sought: Sought,
}

impl Place {
    /// Tells whether they are in another account.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.reader.is_some()
    }

    /// Finds those of the messages for which the server says that a query holds, by their UIDs there.
    pub(super) fn search(&self, session: &mut Session, run: &Run, query: &Query) -> Result<UidSet> {
        let set: UidSet = self.sought.keys().copied().collect();
        let query = Query::All(vec![Query::Uids(set), query.clone()]);
        match &self.reader {
            Some(reader) => reader.search(self.mailbox.clone(), query),
            None => search(session, run, &self.mailbox, query),
        }
    }

    /// Fetches items of messages, as they would be told.
    fn fetch(
        &self,
        session: &mut Session,
        selection: &Selection,
        items: &[FetchItem],
        each: &mut dyn FnMut(Fetch) -> Result<()>,
    ) -> Result<()> {
        let set: UidSet = self.sought.keys().copied().collect();
        let mut each = |fetch: Fetch| -> Result<()> {
            let known = fetch.uid.and_then(|uid| self.sought.get(&uid));
            for (uid, change) in known.into_iter().flatten() {
                each(told(fetch.clone(), *uid, change))?;
            }
            Ok(())
        };
        let is = if let Some(reader) = &self.reader {
            // That server need not know all that this one does.
            let asked = items.iter().filter(|item| !item.is_of_gmail()).cloned().collect();
            let (all, is) = reader.fetch(self.mailbox.clone(), set, asked)?;
            for fetch in all {
                each(arrived(fetch, items))?;
            }
            is
        } else {
            session.uid_fetch(&self.mailbox, Access::Read, &[(set, items.to_vec())], &mut each)?;
            session.selected().and_then(|selected| selected.validity)
        };
        match (self.validity, is) {
            (Some(was), Some(is)) if was != is => Err(rebuilt(selection, was, is)),
            _ => Ok(()),
        }
    }
}

/// Makes of what another account's server says of a message what would be said of it here.
fn arrived(mut fetch: Fetch, items: &[FetchItem]) -> Fetch {
    if let Some(flags) = &mut fetch.flags {
        flags.retain(|flag| !matches!(flag, Flag::Extension(_)));
    }
    let asked = |item: &FetchItem| items.contains(item).then_some(0);
    fetch.gmail_labels = items.contains(&FetchItem::GmailLabels).then(Vec::new);
    fetch.gmail_message_id = asked(&FetchItem::GmailMessageId);
    fetch.gmail_thread_id = asked(&FetchItem::GmailThreadId);
    fetch
}

fn rebuilt(selection: &Selection, was: UidValidity, is: UidValidity) -> Error {
    let mailbox = selection.shown.clone();
    ErrorKind::UidValidityChanged { mailbox, was: was.get(), is: is.get() }.into()
}

/// Messages by where they really are.
#[derive(Default)]
pub(super) struct Whereabouts {
    /// In mailboxes of servers.
    pub(super) server: Vec<Place>,
    /// In mbox files, by their numbers there.
    files: BTreeMap<Arc<PathBuf>, Numbered>,
    /// Nowhere yet.
    memory: Vec<(Uid, Change, Arc<Draft>)>,
}

impl Whereabouts {
    fn add(
        &mut self,
        reader: Option<&Arc<Reader>>,
        (mailbox, validity, uid): (&MailboxName, Option<UidValidity>, Uid),
        as_: (Uid, Change),
    ) {
        let same = |place: &&mut Place| {
            let same_reader = match (&place.reader, reader) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                (one, other) => one.is_none() && other.is_none(),
            };
            same_reader && place.mailbox == *mailbox && place.validity == validity
        };
        match self.server.iter_mut().find(same) {
            Some(place) => place.sought.entry(uid).or_default().push(as_),
            None => self.server.push(Place {
                reader: reader.cloned(),
                mailbox: mailbox.clone(),
                validity,
                sought: BTreeMap::from([(uid, vec![as_])]),
            }),
        }
    }

    /// Goes through those that are on no server.
    pub(super) fn each_draft(&self, each: &mut dyn FnMut(Uid, &Change, &Draft) -> Result<()>) -> Result<()> {
        for (uid, change, draft) in &self.memory {
            each(*uid, change, draft)?;
        }
        for (path, wanted) in &self.files {
            let mut letters = Letters::open(path)?;
            let last = wanted.last_key_value().map_or(0, |(number, _)| *number);
            for number in 1..=last {
                let Some(letter) = letters.next()? else { break };
                let (Some(known), Ok(Letter { raw, flags, date })) = (wanted.get(&number), letter) else {
                    continue;
                };
                // Without a date, it would arrive when it is added.
                let now = || InternalDate::from_timestamp(Timestamp::now(), Offset::UTC);
                let draft = Draft::new(raw, flags, date.or_else(now));
                for (uid, change) in known {
                    each(*uid, change, &draft)?;
                }
            }
        }
        Ok(())
    }
}

/// Makes what a server says of a message what it would say.
fn told(mut fetch: Fetch, uid: Uid, change: &Change) -> Fetch {
    fetch.uid = Some(uid);
    change.apply(&mut fetch);
    fetch
}

impl Overlay {
    /// Finds out where messages of a mailbox really are. Those that would not be there are left out.
    pub(super) fn whereabouts(&self, key: &Key, validity: Option<UidValidity>, uids: &UidSet) -> Whereabouts {
        self.contents(key, |contents| {
            let mut found = Whereabouts::default();
            for uid in contents.still_there(uids).iter() {
                if let Some(arrival) = contents.arrival(uid) {
                    let as_ = (uid, arrival.change.clone());
                    match &arrival.origin {
                        Origin::Server { mailbox, validity, uid } => {
                            found.add(None, (mailbox, Some(*validity), *uid), as_);
                        }
                        Origin::Elsewhere(there) => {
                            let at = (&there.mailbox, Some(there.validity), there.uid);
                            found.add(Some(&there.reader), at, as_);
                        }
                        Origin::File(path, number) => {
                            let file = found.files.entry(Arc::clone(path)).or_default();
                            file.entry(*number).or_default().push(as_);
                        }
                        Origin::Memory(draft) => found.memory.push((as_.0, as_.1, Arc::clone(draft))),
                    }
                } else if let (Key::Server(name), false) = (key, is_virtual(uid)) {
                    let as_ = (uid, contents.change(uid).cloned().unwrap_or_default());
                    found.add(None, (name, validity, uid), as_);
                }
            }
            found
        })
    }

    /// Fetches items of each set of messages' own, wherever they really are, and tells what would be told of them where
    /// they would be.
    pub(in crate::engine) fn fetch_each(
        &self,
        session: &mut Session,
        selection: &Selection,
        wanted: &[(UidSet, Vec<FetchItem>)],
        each: &mut dyn FnMut(Fetch) -> Result<()>,
    ) -> Result<()> {
        let key = self.opened(session, &selection.name)?;
        if let (Key::New(number), Some(was)) = (&key, selection.validity)
            && let Some(is) = turns::validity(*number).filter(|is| *is != was)
        {
            return Err(rebuilt(selection, was, is));
        }
        for (uids, items) in wanted {
            let found = self.whereabouts(&key, selection.validity, uids);
            for place in &found.server {
                place.fetch(session, selection, items, each)?;
            }
            found.each_draft(&mut |uid, change, draft| each(told(draft.fetch(items), uid, change)))?;
        }
        Ok(())
    }

    /// Fetches the identities of messages, as they would be.
    pub(in crate::engine) fn identities(
        &self,
        session: &mut Session,
        selection: &Selection,
        uids: &UidSet,
        inquiry: &Inquiry,
    ) -> Result<BTreeMap<Uid, Identity>> {
        let mut found = BTreeMap::new();
        self.fetch_each(session, selection, &[(uids.clone(), inquiry.items().to_vec())], &mut |fetch| {
            inquiry.take_fetch(&mut found, uids, fetch);
            Ok(())
        })?;
        Ok(found)
    }
}
