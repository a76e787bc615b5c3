use imap_codec::imap_types::sequence::SequenceSet;

use super::mailbox::Mailbox;
use super::sequence::Numbers;
use crate::mail::{Uid, UidSet, UidValidity};

/// A message as a session's client knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) uid: Uid,
    /// The change counter of the flags the client was told.
    pub(super) changed: u64,
    pub(super) recent: bool,
}

/// A selected mailbox as its session's client knows it: the sequence numbers are those it was told,
/// and change only when it is told (RFC 3501 §5.5, §7.4.1).
#[derive(Debug)]
pub(super) struct View {
    pub(super) validity: UidValidity,
    pub(super) read_only: bool,
    pub(super) known: Vec<Known>,
    /// The highest UID the client was told, gone or not.
    highest: u64,
    /// The mailbox's change counter when all was told, if all was told.
    told: Option<u64>,
}

impl View {
    /// Opens a mailbox. A session that may write takes the recent messages to itself.
    pub(super) fn open(mailbox: &mut Mailbox, read_only: bool) -> Self {
        let mut view = Self {
            validity: mailbox.validity,
            read_only,
            known: Vec::new(),
            highest: 0,
            told: Some(mailbox.changed),
        };
        view.take_new(mailbox);
        view
    }

    pub(super) fn recent(&self) -> usize {
        self.known.iter().filter(|known| known.recent).count()
    }

    /// Writes what has changed since the client was told last. EXPUNGE is left for later where it is not
    /// allowed now; with `uid` the FETCH responses carry the UID.
    pub(super) fn tell(&mut self, mailbox: &mut Mailbox, expunge: bool, uid: bool, out: &mut Vec<u8>) {
        if self.told == Some(mailbox.changed) {
            return;
        }
        let mut line = |text: String| out.extend_from_slice(text.as_bytes());
        let gone: Vec<usize> = self.gone(mailbox);
        if expunge {
            // From the end, so that a number is right when it is told.
            for &at in gone.iter().rev() {
                self.known.remove(at);
                line(format!("* {} EXPUNGE\r\n", at + 1));
            }
        }
        if self.take_new(mailbox) {
            line(format!("* {} EXISTS\r\n* {} RECENT\r\n", self.known.len(), self.recent()));
        }
        for (at, known) in self.known.iter_mut().enumerate() {
            let Some(message) = mailbox.get(known.uid).filter(|m| m.changed > known.changed) else {
                continue;
            };
            known.changed = message.changed;
            let flags = message.flags_text(known.recent);
            let uid = if uid { format!("UID {} ", known.uid) } else { String::new() };
            line(format!("* {} FETCH ({uid}FLAGS {flags})\r\n", at + 1));
        }
        self.told = (expunge || gone.is_empty()).then_some(mailbox.changed);
    }

    /// Gives the indices of the messages that are no more.
    fn gone(&self, mailbox: &Mailbox) -> Vec<usize> {
        let gone = |(at, known): (usize, &Known)| mailbox.get(known.uid).is_none().then_some(at);
        self.known.iter().enumerate().filter_map(gone).collect()
    }

    /// Takes up the messages that arrived, and tells whether there are any.
    fn take_new(&mut self, mailbox: &mut Mailbox) -> bool {
        let first = mailbox.messages.partition_point(|message| u64::from(message.uid.get()) <= self.highest);
        let before = self.known.len();
        for message in mailbox.messages.get(first..).unwrap_or_default() {
            let recent = u64::from(message.uid.get()) >= mailbox.recent_from;
            self.known.push(Known { uid: message.uid, changed: message.changed, recent });
            self.highest = u64::from(message.uid.get());
        }
        if !self.read_only {
            mailbox.recent_from = mailbox.uid_next;
        }
        self.known.len() > before
    }

    /// Gives the largest sequence number, and the largest UID; 0 where there is no message.
    pub(super) fn largest(&self) -> (u32, u32) {
        let count = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        (count, self.known.last().map_or(0, |known| known.uid.get()))
    }

    /// Gives the indices into `known` of a set of UIDs or sequence numbers. A UID that is not there is
    /// ignored; `None` for a sequence number that is not there, which is an error (RFC 3501 §9).
    pub(super) fn resolve(&self, set: &SequenceSet, uid: bool) -> Option<Vec<usize>> {
        let (count, last_uid) = self.largest();
        let numbers = Numbers::resolve(set, if uid { last_uid } else { count });
        let (low, high) = numbers.bounds();
        if !uid && (low < 1 || high > count) {
            return None;
        }
        let listed = |(at, (known, sequence)): (usize, (&Known, u32))| {
            numbers.contains(if uid { known.uid.get() } else { sequence }).then_some(at)
        };
        Some(self.known.iter().zip(1u32..).enumerate().filter_map(listed).collect())
    }

    /// Gives the UIDs at these indices.
    pub(super) fn uids(&self, indices: &[usize]) -> UidSet {
        indices.iter().filter_map(|&at| self.known.get(at)).map(|known| known.uid).collect()
    }
}
