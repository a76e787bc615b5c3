use std::collections::BTreeMap;
use std::sync::Arc;

use super::contents::is_virtual;
use super::memory::Draft;
use super::{Change, Key, Origin, Overlay, turns};
use crate::engine::identity::{Identity, Inquiry};
use crate::engine::selection::Selection;
use crate::error::{ErrorKind, Result};
use crate::imap::{Access, Fetch, FetchItem, Session};
use crate::mail::{MailboxName, Uid, UidSet, UidValidity};

/// Messages that really are in one mailbox of the server's: by their UID there, under which UIDs they are known, and what
/// is planned for each.
pub(super) type Sought = BTreeMap<Uid, Vec<(Uid, Change)>>;

/// Messages by where they really are.
#[derive(Default)]
pub(super) struct Whereabouts {
    /// In mailboxes of the server's.
    pub(super) server: Vec<(MailboxName, Option<UidValidity>, Sought)>,
    /// Nowhere yet.
    pub(super) memory: Vec<(Uid, Change, Arc<Draft>)>,
}

impl Whereabouts {
    fn add(&mut self, mailbox: &MailboxName, validity: Option<UidValidity>, uid: Uid, as_: (Uid, Change)) {
        let same = |(name, of, _): &&mut (MailboxName, Option<UidValidity>, Sought)| {
            name == mailbox && *of == validity
        };
        match self.server.iter_mut().find(same) {
            Some((.., sought)) => sought.entry(uid).or_default().push(as_),
            None => {
                self.server.push((mailbox.clone(), validity, BTreeMap::from([(uid, vec![as_])])));
            }
        }
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
                            found.add(mailbox, Some(*validity), *uid, as_);
                        }
                        Origin::Memory(draft) => found.memory.push((as_.0, as_.1, Arc::clone(draft))),
                    }
                } else if let (Key::Server(name), false) = (key, is_virtual(uid)) {
                    found.add(name, validity, uid, (uid, contents.change(uid).cloned().unwrap_or_default()));
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
        let rebuilt = |was: UidValidity, is: UidValidity| {
            let mailbox = selection.shown.clone();
            Err(ErrorKind::UidValidityChanged { mailbox, was: was.get(), is: is.get() }.into())
        };
        if let (Key::New(number), Some(was)) = (&key, selection.validity)
            && let Some(is) = turns::validity(*number).filter(|is| *is != was)
        {
            return rebuilt(was, is);
        }
        for (uids, items) in wanted {
            let found = self.whereabouts(&key, selection.validity, uids);
            for (mailbox, validity, sought) in found.server {
                let set: UidSet = sought.keys().copied().collect();
                session.uid_fetch(&mailbox, Access::Read, &[(set, items.clone())], &mut |fetch| {
                    let known = fetch.uid.and_then(|uid| sought.get(&uid));
                    for (uid, change) in known.into_iter().flatten() {
                        each(told(fetch.clone(), *uid, change))?;
                    }
                    Ok(())
                })?;
                let is = session.selected().and_then(|selected| selected.validity);
                if let (Some(was), Some(is)) = (validity, is)
                    && was != is
                {
                    return rebuilt(was, is);
                }
            }
            for (uid, change, draft) in found.memory {
                each(told(draft.fetch(items), uid, &change))?;
            }
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
