use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::target::Target;
use crate::engine::apply::source::Head;
use crate::engine::identity::Inquiry;
use crate::engine::ticket::Ticket;
use crate::error::Result;
use crate::imap::{Access, FetchItem, Section, Session};
use crate::mail::{Flag, Headers, MailboxName, Uid, UidSet};

/// What is in a mailbox, by Message-ID and size: UIDs, and when they arrived.
#[derive(Debug, Default)]
pub(super) struct There(BTreeMap<Key, Vec<(Uid, Option<i64>)>>);

/// A Message-ID and a size.
type Key = (Option<String>, u64);

impl There {
    /// Gives those that may be a message, by all but its bytes.
    pub(super) fn like(&self, head: &Head) -> impl Iterator<Item = Uid> {
        let date = head.date.map(|date| date.timestamp().as_second());
        let alike = self.0.get(&(head.known.message_id.clone(), head.size)).into_iter().flatten();
        alike.filter(move |(_, at)| date.is_none() || *at == date).map(|(uid, _)| *uid)
    }

    /// Takes one of them away.
    pub(super) fn take(&mut self, head: &Head, uid: Uid) {
        if let Some(alike) = self.0.get_mut(&(head.known.message_id.clone(), head.size)) {
            alike.retain(|(known, _)| *known != uid);
        }
    }
}

impl Target {
    /// Gives what is in it now, but what is marked `\Deleted`: that is about to go.
    pub(super) fn content(&self) -> Ticket<There> {
        let (name, missing) = (self.name.clone(), self.missing);
        self.account.read(move |session, _| {
            let mut there = There::default();
            if missing {
                return Ok(there);
            }
            session.open_mailbox(&name, Access::Read)?;
            let all = UidSet::range(Uid::MIN, Uid::MAX);
            for (uid, identity) in Inquiry::new(session, None)?.ask(session, &all)? {
                let marked = identity.flags.as_ref().is_some_and(|flags| flags.contains(&Flag::Deleted));
                let message_id = identity.headers.as_ref().and_then(Headers::message_id);
                if let Some(size) = identity.size.filter(|_| !marked) {
                    let date = identity.date.map(|date| date.timestamp().as_second());
                    there.0.entry((message_id, size)).or_default().push((uid, date));
                }
            }
            Ok(there)
        })
    }

    /// Gives the digests of messages there.
    pub(super) fn digests(&self, uids: UidSet) -> Ticket<BTreeMap<Uid, [u8; 32]>> {
        let name = self.name.clone();
        self.account.read(move |session, _| digests(session, &name, uids))
    }
}

/// Gives the SHA-256 digests of messages of a mailbox.
pub(super) fn digests(
    session: &mut Session,
    mailbox: &MailboxName,
    uids: UidSet,
) -> Result<BTreeMap<Uid, [u8; 32]>> {
    let mut digests = BTreeMap::new();
    if uids.is_empty() {
        return Ok(digests);
    }
    let wanted = [(uids, vec![FetchItem::Section(Section::Whole)])];
    session.uid_fetch(mailbox, Access::Read, &wanted, &mut |mut fetch| {
        if let (Some(uid), Some(raw)) = (fetch.uid, fetch.take_section(&Section::Whole)) {
            digests.insert(uid, Sha256::digest(&raw).into());
        }
        Ok(())
    })?;
    Ok(digests)
}
