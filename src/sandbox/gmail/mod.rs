//! Gmail's ways (`X-GM-EXT-1`): a message has one identifier, stands in All Mail, Spam or Trash, and besides in
//! the mailbox of each of its labels. Flags are the message's, whatever mailbox it is seen through.

mod extension;
mod query;
mod session;

use std::collections::{BTreeMap, BTreeSet};

use super::account::{Account, Refusal};
use super::mailbox::Mailbox;
use super::message::StoredMessage;
use crate::mail::{Flag, MailboxName, Uid, UidSet, UidValidity};

pub(super) use extension::{GmailItem, GmailKey, GmailParts, PLACE, take};
pub(super) use query::read;

const ALL: &str = "[Gmail]/All Mail";
const SPAM: &str = "[Gmail]/Spam";
const STARRED: &str = "[Gmail]/Starred";
const TRASH: &str = "[Gmail]/Trash";

/// Gmail's own mailboxes: name, special use (RFC 6154, RFC 8457) and the system label that it stands for.
const SYSTEM: [(&str, Option<&str>, &str); 8] = [
    ("INBOX", None, "\\Inbox"),
    (ALL, Some("\\All"), "\\AllMail"),
    ("[Gmail]/Drafts", Some("\\Drafts"), "\\Draft"),
    ("[Gmail]/Important", Some("\\Important"), "\\Important"),
    ("[Gmail]/Sent Mail", Some("\\Sent"), "\\Sent"),
    (SPAM, Some("\\Junk"), "\\Spam"),
    (STARRED, Some("\\Flagged"), "\\Starred"),
    (TRASH, Some("\\Trash"), "\\Trash"),
];

/// The first identifier: of 64 bits, more than a floating-point number holds.
const FIRST_ID: u64 = 1_278_455_344_230_334_865;

/// What Gmail keeps of messages beside their mailboxes.
#[derive(Debug, Default)]
pub(super) struct Gmail {
    made: u64,
    /// The thread of each message, by its identifier.
    threads: BTreeMap<u64, u64>,
    /// The same by Message-ID, for the answers that come later.
    by_message_id: BTreeMap<Vec<u8>, u64>,
}

/// The labels of each message by its identifier, as they travel: modified UTF-7, or a system label.
pub(super) type Labels = BTreeMap<u64, BTreeSet<Vec<u8>>>;

impl Gmail {
    /// Makes a new message's identifier and finds its thread: that of a message it answers, else its own.
    fn register(&mut self, message_id: Option<Vec<u8>>, answers: &[Vec<u8>]) -> u64 {
        let id = FIRST_ID + self.made * 65_537;
        self.made += 1;
        let thread = answers.iter().find_map(|answered| self.by_message_id.get(answered)).copied();
        let thread = thread.unwrap_or(id);
        self.threads.insert(id, thread);
        if let Some(message_id) = message_id {
            self.by_message_id.entry(message_id).or_insert(thread);
        }
        id
    }

    /// Gives the thread of a message.
    pub(super) fn thread(&self, id: u64) -> u64 {
        self.threads.get(&id).copied().unwrap_or(id)
    }
}

fn named(name: &MailboxName, text: &str) -> bool {
    name.text() == text
}

/// Tells whether a mailbox holds what is out of sight: its messages are in no other one.
fn is_aside(name: &MailboxName) -> bool {
    named(name, TRASH) || named(name, SPAM)
}

/// Tells whether a mailbox is one of Gmail's own, which stay as they are.
fn is_system(name: &MailboxName) -> bool {
    name.text().starts_with("[Gmail]")
}

/// Gives the label that a mailbox stands for.
fn label_of(name: &MailboxName) -> Vec<u8> {
    let system = SYSTEM.iter().find(|(mailbox, ..)| named(name, mailbox));
    system.map_or_else(|| name.wire().to_vec(), |(_, _, label)| label.as_bytes().to_vec())
}

/// Gives the mailbox of a label. `None` for a system label that there is not, or what is no label.
fn mailbox_of(label: &[u8]) -> Option<MailboxName> {
    if !label.starts_with(b"\\") {
        return MailboxName::from_wire(label).filter(|name| !is_system(name));
    }
    let is = |(_, _, known): &&(&str, Option<&str>, &str)| {
        let plural = format!("{known}s");
        label.eq_ignore_ascii_case(known.as_bytes()) || label.eq_ignore_ascii_case(plural.as_bytes())
    };
    SYSTEM.iter().find(is).and_then(|(mailbox, ..)| MailboxName::new(mailbox))
}

/// Gives a message's flags without the one that is each mailbox's own.
fn shared_flags(message: &StoredMessage) -> BTreeSet<Flag> {
    message.flags.iter().filter(|flag| **flag != Flag::Deleted).cloned().collect()
}

impl Account {
    /// Makes the account one of Gmail's, with its mailboxes.
    pub(super) fn play_gmail(&mut self) {
        self.gmail = Some(Gmail::default());
        for (name, special_use, _) in SYSTEM {
            let Some(name) = MailboxName::new(name) else { continue };
            // INBOX is there already, and none of the others is.
            let _ = self.create(&name);
            if let Some(mailbox) = self.mailboxes.get_mut(&name) {
                mailbox.special_use = special_use;
            }
            self.subscribed.insert(name);
        }
    }

    /// Gives a new message its identifier, and puts it into All Mail unless it is for a mailbox aside. The same
    /// bytes again are the same message.
    pub(super) fn register(
        &mut self,
        name: &MailboxName,
        message: &mut StoredMessage,
    ) -> Result<(), Refusal> {
        let same = self.mailboxes.values().flat_map(|mailbox| &mailbox.messages);
        let same = same.filter(|known| known.raw() == message.raw()).map(|known| known.gmail_id).next();
        let Some(gmail) = &mut self.gmail else { return Ok(()) };
        let field = |name: &str| message.content.root().field(message.raw(), name);
        let answers: Vec<Vec<u8>> = ["In-Reply-To", "References"]
            .into_iter()
            .filter_map(field)
            .flat_map(|value| value.split(u8::is_ascii_whitespace).map(<[u8]>::to_vec).collect::<Vec<_>>())
            .collect();
        message.gmail_id = same.unwrap_or_else(|| gmail.register(field("Message-ID"), &answers));
        if !is_aside(name) {
            self.insert_once(message, ALL)?;
        }
        Ok(())
    }

    /// Puts a message into a mailbox unless it is there, and gives its UID.
    fn insert_once(&mut self, message: &StoredMessage, name: &str) -> Result<Uid, Refusal> {
        let changed = self.next_change();
        // Its flags may have changed since it was looked at.
        let known = self.mailboxes.values().flat_map(|mailbox| &mailbox.messages);
        let known = known.into_iter().find(|known| known.gmail_id == message.gmail_id);
        let flags = shared_flags(known.unwrap_or(message));
        let full = ("OVERQUOTA", "The mailbox is full");
        let name = MailboxName::new(name).ok_or(full)?;
        let mailbox = self.mailboxes.get_mut(&name).ok_or(("TRYCREATE", "No such mailbox"))?;
        if let Some(there) = mailbox.messages.iter().find(|there| there.gmail_id == message.gmail_id) {
            return Ok(there.uid);
        }
        mailbox.add(StoredMessage { flags, ..message.clone() }, changed).ok_or(full)
    }

    /// Adds a mailbox's label to a message, and gives its UID there. What goes to Trash or Spam leaves all other
    /// mailboxes; what gets a label comes back from there.
    pub(super) fn place(&mut self, message: &StoredMessage, target: &MailboxName) -> Result<Uid, Refusal> {
        let uid = self.insert_once(message, target.text())?;
        let leaves = |name: &MailboxName| if is_aside(target) { name != target } else { is_aside(name) };
        self.drop_from(&BTreeSet::from([message.gmail_id]), leaves);
        if !is_aside(target) {
            self.insert_once(message, ALL)?;
        }
        if named(target, STARRED) {
            self.star(message.gmail_id, true);
        }
        Ok(uid)
    }

    /// Takes messages out of a mailbox, as one that is no longer labelled so. They stay in All Mail; what leaves
    /// All Mail goes to Trash, and what leaves Trash or Spam is gone for good.
    pub(super) fn leave(&mut self, source: UidValidity, uids: &UidSet) {
        let Some((name, mailbox)) = self.mailboxes.iter().find(|(_, mailbox)| mailbox.validity == source)
        else {
            return;
        };
        let leaving: Vec<_> = mailbox.messages.iter().filter(|m| uids.contains(m.uid)).cloned().collect();
        let name = name.clone();
        if named(&name, ALL) {
            let Some(trash) = MailboxName::new(TRASH) else { return };
            for message in &leaving {
                // There is a Trash, and it is never full.
                let _ = self.place(message, &trash);
            }
            return;
        }
        let ids = leaving.iter().map(|message| message.gmail_id).collect();
        self.drop_from(&ids, |other| *other == name);
        if named(&name, STARRED) {
            for id in ids {
                self.star(id, false);
            }
        }
    }

    /// Takes out of a mailbox what was moved to another one. All Mail keeps what is not aside now.
    pub(super) fn moved_away(&mut self, source: UidValidity, uids: &UidSet) {
        let is_all =
            |(name, mailbox): (&MailboxName, &Mailbox)| mailbox.validity == source && named(name, ALL);
        if self.gmail.is_none() || !self.mailboxes.iter().any(is_all) {
            self.remove(source, uids);
        }
    }

    fn drop_from(&mut self, ids: &BTreeSet<u64>, leaves: impl Fn(&MailboxName) -> bool) {
        let changed = self.next_change();
        for (_, mailbox) in self.mailboxes.iter_mut().filter(|(name, _)| leaves(name)) {
            let gone: UidSet =
                mailbox.messages.iter().filter(|m| ids.contains(&m.gmail_id)).map(|m| m.uid).collect();
            if !gone.is_empty() {
                mailbox.remove(&gone, changed);
            }
        }
    }

    fn star(&mut self, id: u64, on: bool) {
        self.each_copy(id, |flags| {
            if on {
                flags.insert(Flag::Flagged)
            } else {
                flags.remove(&Flag::Flagged)
            };
        });
    }

    fn each_copy(&mut self, id: u64, change: impl Fn(&mut BTreeSet<Flag>)) {
        let changed = self.next_change();
        for mailbox in self.mailboxes.values_mut() {
            let copy = mailbox.messages.iter().find(|message| message.gmail_id == id);
            if let Some((uid, mut flags)) = copy.map(|copy| (copy.uid, copy.flags.clone())) {
                change(&mut flags);
                mailbox.set_flags(uid, flags, changed);
            }
        }
    }

    /// Gives messages whose flags have changed in one mailbox the same in all others; what is flagged is starred,
    /// and what is marked `\Deleted` leaves at once, as Gmail has it unless its user wants otherwise.
    pub(super) fn settle_flags(&mut self, source: UidValidity, uids: &UidSet) {
        if self.gmail.is_none() {
            return;
        }
        let Some(mailbox) = self.by_validity(source) else { return };
        let changed: Vec<_> = mailbox.messages.iter().filter(|m| uids.contains(m.uid)).cloned().collect();
        for message in &changed {
            let new = shared_flags(message);
            self.each_copy(message.gmail_id, |flags| {
                let deleted = flags.contains(&Flag::Deleted).then_some(Flag::Deleted);
                *flags = new.iter().cloned().chain(deleted).collect();
            });
            let out_of_sight = self.mailboxes.iter().any(|(name, mailbox)| {
                is_aside(name) && mailbox.messages.iter().any(|m| m.gmail_id == message.gmail_id)
            });
            if !new.contains(&Flag::Flagged) {
                self.drop_from(&BTreeSet::from([message.gmail_id]), |name| named(name, STARRED));
            } else if !out_of_sight {
                // There is such a mailbox, and it is never full.
                let _ = self.insert_once(message, STARRED);
            }
        }
        let marked = changed.iter().filter(|message| message.flags.contains(&Flag::Deleted));
        let marked = marked.map(|message| message.uid).collect();
        self.leave(source, &marked);
    }

    /// Gives the labels of all messages: every mailbox that a message is in but All Mail.
    pub(super) fn labels(&self) -> Labels {
        let mut labels = Labels::new();
        for (name, mailbox) in self.mailboxes.iter().filter(|(name, _)| !named(name, ALL)) {
            for message in &mailbox.messages {
                labels.entry(message.gmail_id).or_default().insert(label_of(name));
            }
        }
        labels
    }

    /// Tells whether a mailbox may be deleted or renamed.
    pub(super) fn check_kept(&self, name: &MailboxName) -> Result<(), Refusal> {
        if self.gmail.is_some() && is_system(name) {
            return Err(("CANNOT", "That mailbox stays as it is"));
        }
        Ok(())
    }
}
