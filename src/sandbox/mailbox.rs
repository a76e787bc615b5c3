use std::collections::BTreeSet;

use super::message::StoredMessage;
use crate::mail::{Flag, Uid, UidSet, UidValidity};

/// A mailbox's messages, in the order of their UIDs, and the numbers that a mailbox keeps.
#[derive(Debug)]
pub(super) struct Mailbox {
    /// Unique among all mailboxes its account ever had, so it also tells them apart.
    pub(super) validity: UidValidity,
    /// The UID the next message gets. One past the last UID there can be, the mailbox is full.
    pub(super) uid_next: u64,
    /// Messages of this UID and above are recent to the next session that selects.
    pub(super) recent_from: u64,
    pub(super) messages: Vec<StoredMessage>,
    /// The account's change counter at the last change here.
    pub(super) changed: u64,
    /// Its special use (RFC 6154), with the backslash.
    pub(super) special_use: Option<&'static str>,
}

impl Mailbox {
    pub(super) fn new(validity: UidValidity) -> Self {
        Self { validity, uid_next: 1, recent_from: 1, messages: Vec::new(), changed: 0, special_use: None }
    }

    /// Finds a message by its UID.
    pub(super) fn get(&self, uid: Uid) -> Option<&StoredMessage> {
        let at = self.messages.binary_search_by_key(&uid, |message| message.uid).ok()?;
        self.messages.get(at)
    }

    /// Adds a message, or a copy of it, with a UID of its own. `None` where all UIDs are used up.
    pub(super) fn add(&mut self, message: StoredMessage, changed: u64) -> Option<Uid> {
        let uid = Uid::new(u32::try_from(self.uid_next).ok()?)?;
        self.uid_next += 1;
        self.changed = changed;
        self.messages.push(StoredMessage { uid, changed, ..message });
        Some(uid)
    }

    /// Changes a message's flags; tells whether they are others now.
    pub(super) fn set_flags(&mut self, uid: Uid, flags: BTreeSet<Flag>, changed: u64) -> bool {
        let Ok(at) = self.messages.binary_search_by_key(&uid, |message| message.uid) else { return false };
        match self.messages.get_mut(at) {
            Some(message) if message.flags != flags => {
                message.flags = flags;
                message.changed = changed;
                self.changed = changed;
                true
            }
            _ => false,
        }
    }

    /// Removes the messages with these UIDs.
    pub(super) fn remove(&mut self, uids: &UidSet, changed: u64) {
        self.messages.retain(|message| !uids.contains(message.uid));
        self.changed = changed;
    }

    /// Gives the UIDs of the messages marked `\Deleted`.
    pub(super) fn deleted(&self) -> UidSet {
        let marked = self.messages.iter().filter(|message| message.flags.contains(&Flag::Deleted));
        marked.map(|message| message.uid).collect()
    }

    /// Gives the keywords in use, for FLAGS.
    pub(super) fn keywords(&self) -> BTreeSet<&Flag> {
        self.messages.iter().flat_map(|message| &message.flags).filter(|flag| flag.is_keyword()).collect()
    }
}
