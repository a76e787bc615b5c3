use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::ZonedDateTime;

use super::gmail::Gmail;
use super::mailbox::Mailbox;
use super::message::{Content, StoredMessage};
use crate::mail::{Flag, MailboxName, Uid, UidSet, UidValidity};

/// How much one account holds, so that a client can't fill the memory.
const BYTES_MAX: usize = 2 * 1024 * 1024 * 1024;
/// How many messages one account holds.
const MESSAGES_MAX: usize = 2_000_000;
/// How many mailboxes one account holds.
const MAILBOXES_MAX: usize = 10_000;

/// Why the store refuses: a response code (RFC 5530) and a text.
pub(super) type Refusal = (&'static str, &'static str);

const OVER_QUOTA: Refusal = ("OVERQUOTA", "The sandbox holds no more");
const NO_SUCH: Refusal = ("NONEXISTENT", "No such mailbox");

/// One login's mailboxes and subscriptions.
#[derive(Debug)]
pub(super) struct Account {
    user: String,
    pub(super) delimiter: char,
    /// The personal namespace's prefix.
    pub(super) prefix: String,
    pub(super) mailboxes: BTreeMap<MailboxName, Mailbox>,
    pub(super) subscribed: BTreeSet<MailboxName>,
    /// The highest UIDVALIDITY that each name ever had.
    validities: BTreeMap<MailboxName, UidValidity>,
    created: u32,
    changes: u64,
    /// Bytes and messages that certainly fit; counted anew when they are used up.
    room: (usize, usize),
    /// What Gmail keeps, where this is one of its accounts.
    pub(super) gmail: Option<Gmail>,
}

impl Account {
    /// Makes an account with an empty INBOX.
    pub(super) fn new(user: &str, delimiter: char, prefix: &str) -> Self {
        let mut account = Self {
            user: user.to_owned(),
            delimiter,
            prefix: prefix.to_owned(),
            mailboxes: BTreeMap::new(),
            subscribed: BTreeSet::from([MailboxName::inbox()]),
            validities: BTreeMap::new(),
            created: 0,
            changes: 0,
            room: (BYTES_MAX, MESSAGES_MAX),
            gmail: None,
        };
        // The first of 65,535 creations is not refused.
        let _ = account.insert(MailboxName::inbox());
        account
    }

    /// Gives the change counter's next value.
    pub(super) fn next_change(&mut self) -> u64 {
        self.changes += 1;
        self.changes
    }

    /// Finds the mailbox that has this UIDVALIDITY, whatever its name is now.
    pub(super) fn by_validity(&mut self, validity: UidValidity) -> Option<&mut Mailbox> {
        self.mailboxes.values_mut().find(|mailbox| mailbox.validity == validity)
    }

    /// Takes room for so many more bytes and messages, if there is as much.
    pub(super) fn take_room(&mut self, bytes: usize, messages: usize) -> Result<(), Refusal> {
        if bytes > self.room.0 || messages > self.room.1 {
            let all = || self.mailboxes.values().flat_map(|mailbox| &mailbox.messages);
            let held: usize = all().map(|message| message.raw().len()).sum();
            self.room = (BYTES_MAX.saturating_sub(held), MESSAGES_MAX.saturating_sub(all().count()));
        }
        let left = self.room.0.checked_sub(bytes).zip(self.room.1.checked_sub(messages));
        self.room = left.ok_or(OVER_QUOTA)?;
        Ok(())
    }

    /// Adds messages to a mailbox, all or none, and gives their UIDs in their order.
    pub(super) fn append_all(
        &mut self,
        name: &MailboxName,
        letters: Vec<(Vec<u8>, BTreeSet<Flag>, ZonedDateTime)>,
    ) -> Result<(UidValidity, Vec<Uid>), Refusal> {
        let validity = self.mailboxes.get(name).ok_or(("TRYCREATE", NO_SUCH.1))?.validity;
        self.take_room(letters.iter().map(|(raw, ..)| raw.len()).sum(), letters.len())?;
        let mut uids = Vec::new();
        for (raw, flags, date) in letters {
            match self.append(name, raw, flags, date) {
                Ok((_, uid)) => uids.push(uid),
                Err(refusal) => {
                    self.remove(validity, &uids.into_iter().collect());
                    return Err(refusal);
                }
            }
        }
        Ok((validity, uids))
    }

    /// Adds a message to a mailbox.
    pub(super) fn append(
        &mut self,
        name: &MailboxName,
        raw: Vec<u8>,
        flags: BTreeSet<Flag>,
        internal_date: ZonedDateTime,
    ) -> Result<(UidValidity, Uid), Refusal> {
        if !self.mailboxes.contains_key(name) {
            return Err(("TRYCREATE", NO_SUCH.1));
        }
        self.take_room(raw.len(), 1)?;
        let content = Arc::new(Content::new(raw));
        let mut message =
            StoredMessage { uid: Uid::MIN, flags, internal_date, content, changed: 0, gmail_id: 0 };
        if self.gmail.is_some() {
            self.register(name, &mut message)?;
            let uid = self.place(&message, name)?;
            let validity = self.mailboxes.get(name).ok_or(NO_SUCH)?.validity;
            self.settle_flags(validity, &uid.into());
            return Ok((validity, uid));
        }
        let changed = self.next_change();
        let mailbox = self.mailboxes.get_mut(name).ok_or(NO_SUCH)?;
        let uid = mailbox.add(message, changed).ok_or(OVER_QUOTA)?;
        Ok((mailbox.validity, uid))
    }

    /// Copies messages to a mailbox, all or none, and gives its validity, and each message's UID in both.
    pub(super) fn copy(
        &mut self,
        source: UidValidity,
        uids: &UidSet,
        target: &MailboxName,
    ) -> Result<(UidValidity, Vec<(Uid, Uid)>), Refusal> {
        if !self.mailboxes.contains_key(target) {
            return Err(("TRYCREATE", NO_SUCH.1));
        }
        let source = self.by_validity(source).ok_or(NO_SUCH)?;
        let copies: Vec<_> = source.messages.iter().filter(|m| uids.contains(m.uid)).cloned().collect();
        self.take_room(copies.iter().map(|message| message.raw().len()).sum(), copies.len())?;
        if self.gmail.is_some() {
            let placed = copies.iter().map(|message| Ok((message.uid, self.place(message, target)?)));
            let pairs = placed.collect::<Result<_, Refusal>>()?;
            return Ok((self.mailboxes.get(target).ok_or(NO_SUCH)?.validity, pairs));
        }
        let changed = self.next_change();
        let target = self.mailboxes.get_mut(target).ok_or(NO_SUCH)?;
        if target.uid_next + copies.len() as u64 > u64::from(u32::MAX) + 1 {
            return Err(OVER_QUOTA);
        }
        let add = |message: StoredMessage| Some((message.uid, target.add(message, changed)?));
        let pairs = copies.into_iter().filter_map(add).collect();
        Ok((target.validity, pairs))
    }

    /// Removes messages from a mailbox, for good where it is not Gmail's.
    pub(super) fn remove(&mut self, source: UidValidity, uids: &UidSet) {
        if self.gmail.is_some() {
            return self.leave(source, uids);
        }
        let changed = self.next_change();
        if let Some(mailbox) = self.by_validity(source) {
            mailbox.remove(uids, changed);
        }
    }

    /// Creates a mailbox (RFC 3501 §6.3.3). A trailing delimiter is not part of the name.
    pub(super) fn create(&mut self, name: &MailboxName) -> Result<(), Refusal> {
        let text = name.wire().to_vec();
        let mut delimiter = [0; 4];
        let delimiter = self.delimiter.encode_utf8(&mut delimiter).as_bytes();
        let bare =
            text.strip_suffix(delimiter).and_then(MailboxName::from_wire).unwrap_or_else(|| name.clone());
        if self.mailboxes.contains_key(&bare) {
            return Err(("ALREADYEXISTS", "There is such a mailbox"));
        }
        self.check_new(&bare)?;
        self.insert(bare)
    }

    /// Deletes a mailbox and what is in it, not those below it (RFC 3501 §6.3.4).
    pub(super) fn delete(&mut self, name: &MailboxName) -> Result<(), Refusal> {
        if name.is_inbox() {
            return Err(("CANNOT", "INBOX stays"));
        }
        self.check_kept(name)?;
        self.mailboxes.remove(name).map(|_| ()).ok_or(NO_SUCH)
    }

    /// Renames a mailbox and those below it (RFC 3501 §6.3.5). INBOX is refused.
    pub(super) fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<(), Refusal> {
        if from.is_inbox() {
            return Err(("CANNOT", "INBOX can't be renamed here"));
        }
        self.check_kept(from)?;
        let below = |name: &MailboxName| {
            let mut prefix = from.wire().to_vec();
            prefix.extend(self.delimiter.to_string().bytes());
            name.wire().strip_prefix(prefix.as_slice()).map(<[u8]>::to_vec)
        };
        let moved = |name: &MailboxName| match below(name) {
            _ if name == from => Some(to.clone()),
            Some(rest) => {
                MailboxName::from_wire(&[to.wire(), self.delimiter.to_string().as_bytes(), &rest].concat())
            }
            None => None,
        };
        let pairs: Vec<(MailboxName, MailboxName)> =
            self.mailboxes.keys().filter_map(|name| Some((name.clone(), moved(name)?))).collect();
        if pairs.is_empty() {
            return Err(NO_SUCH);
        }
        if below(to).is_some() || to == from {
            return Err(("CANNOT", "A mailbox can't be moved into itself"));
        }
        if pairs.iter().any(|(_, new)| self.mailboxes.contains_key(new)) {
            return Err(("ALREADYEXISTS", "There is such a mailbox"));
        }
        self.check_new(to)?;
        for (old, new) in pairs {
            let Some(mut mailbox) = self.mailboxes.remove(&old) else { continue };
            // The name may have stood for another mailbox with a higher UIDVALIDITY before.
            if self.validities.get(&new).is_some_and(|&last| last >= mailbox.validity) {
                mailbox.validity = self.next_validity(&new)?;
            }
            self.validities.insert(new.clone(), mailbox.validity);
            self.mailboxes.insert(new, mailbox);
        }
        Ok(())
    }

    /// Gives a mailbox a new UIDVALIDITY and numbers its messages anew, the last one first.
    pub(super) fn rebuild(&mut self, name: &MailboxName) -> Result<UidValidity, Refusal> {
        if !self.mailboxes.contains_key(name) {
            return Err(NO_SUCH);
        }
        let validity = self.next_validity(name)?;
        let changed = self.next_change();
        let mailbox = self.mailboxes.get_mut(name).ok_or(NO_SUCH)?;
        let messages = std::mem::take(&mut mailbox.messages);
        *mailbox = Mailbox { special_use: mailbox.special_use, ..Mailbox::new(validity) };
        for message in messages.into_iter().rev() {
            mailbox.add(message, changed).ok_or(OVER_QUOTA)?;
        }
        self.validities.insert(name.clone(), validity);
        Ok(validity)
    }

    /// Gives the levels above a name, the nearest last, without the name itself.
    pub(super) fn parents(&self, name: &MailboxName) -> Vec<MailboxName> {
        let wire = name.wire();
        let delimiter = self.delimiter.to_string();
        let ends =
            (1..wire.len()).filter(|&at| wire.get(at..).is_some_and(|r| r.starts_with(delimiter.as_bytes())));
        ends.filter_map(|at| MailboxName::from_wire(wire.get(..at)?)).collect()
    }

    /// Tells whether there are mailboxes below a name.
    pub(super) fn has_children(&self, name: &MailboxName) -> bool {
        self.mailboxes.keys().any(|other| self.parents(other).contains(name))
    }

    fn check_new(&self, name: &MailboxName) -> Result<(), Refusal> {
        let text = name.text();
        let delimiter = self.delimiter.to_string();
        let odd = text.chars().any(|c| c.is_control() || matches!(c, '%' | '*'));
        if odd || text.split(delimiter.as_str()).any(str::is_empty) {
            return Err(("CANNOT", "That is no name for a mailbox"));
        }
        let prefixed = text.strip_prefix(&self.prefix).is_some_and(|rest| !rest.is_empty());
        if !prefixed {
            return Err(("CANNOT", "Mailboxes are created in the personal namespace only"));
        }
        if self.mailboxes.len() >= MAILBOXES_MAX || name.wire().len() > 1000 {
            return Err(("LIMIT", "The sandbox holds no more mailboxes"));
        }
        Ok(())
    }

    fn insert(&mut self, name: MailboxName) -> Result<(), Refusal> {
        let validity = self.next_validity(&name)?;
        self.validities.insert(name.clone(), validity);
        self.mailboxes.insert(name, Mailbox::new(validity));
        Ok(())
    }

    /// Makes a UIDVALIDITY that is the same in every run that does the same, and larger than all
    /// this account had before.
    fn next_validity(&mut self, name: &MailboxName) -> Result<UidValidity, Refusal> {
        self.created += 1;
        let key = [self.user.as_bytes(), b"\0", name.wire()].concat();
        // FNV-1a: a hash that stays what it is, unlike the standard library's.
        let hash =
            key.iter().fold(0x811c_9dc5_u32, |hash, &b| (hash ^ u32::from(b)).wrapping_mul(0x0100_0193));
        let number = u16::try_from(self.created).ok().map(|count| (u32::from(count) << 16) | (hash & 0xffff));
        number.and_then(UidValidity::new).ok_or(("LIMIT", "This account created too many mailboxes"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::{Account, BTreeSet, MailboxName};

    fn name(text: &str) -> MailboxName {
        MailboxName::new(text).unwrap()
    }

    fn names(account: &Account) -> Vec<&str> {
        account.mailboxes.keys().map(MailboxName::text).collect()
    }

    #[test]
    fn a_recreated_mailbox_has_a_larger_validity_even_by_rename() {
        let mut account = Account::new("jo", '/', "");
        account.create(&name("b")).unwrap();
        account.create(&name("a/")).unwrap();
        let old = account.mailboxes.get(&name("a")).unwrap().validity;
        account.delete(&name("a")).unwrap();
        account.rename(&name("b"), &name("a")).unwrap();
        assert!(account.mailboxes.get(&name("a")).unwrap().validity > old);
        let same = Account::new("jo", '/', "");
        let inbox = |account: &Account| account.mailboxes.get(&MailboxName::inbox()).unwrap().validity;
        assert_eq!(inbox(&same), inbox(&account));
        assert_ne!(inbox(&same), inbox(&Account::new("al", '/', "")));
    }

    #[test]
    fn a_rebuilt_mailbox_has_its_messages_under_other_numbers() {
        let mut account = Account::new("jo", '/', "");
        let inbox = MailboxName::inbox();
        let date = "2024-03-01T10:00:00+00:00[UTC]".parse::<jiff::ZonedDateTime>().unwrap();
        let old = account.append(&inbox, b"a".to_vec(), BTreeSet::new(), date.clone()).unwrap().0;
        account.append(&inbox, b"b".to_vec(), BTreeSet::new(), date).unwrap();
        let validity = account.rebuild(&inbox).unwrap();
        assert!(validity > old);
        let mailbox = account.by_validity(validity).unwrap();
        let texts: Vec<_> =
            mailbox.messages.iter().map(|message| (message.uid.get(), message.raw())).collect();
        assert_eq!(texts, [(1, &b"b"[..]), (2, b"a")]);
        assert!(account.rebuild(&name("none")).is_err());
    }

    #[test]
    fn children_move_along_and_stay_when_their_parent_goes() {
        let mut account = Account::new("jo", '.', "INBOX.");
        assert!(account.create(&name("a")).is_err());
        assert!(account.create(&name("INBOX.a..b")).is_err());
        account.create(&name("INBOX.a")).unwrap();
        account.create(&name("INBOX.a.b")).unwrap();
        account.rename(&name("INBOX.a"), &name("INBOX.c")).unwrap();
        assert_eq!(names(&account), ["INBOX", "INBOX.c", "INBOX.c.b"]);
        assert!(account.rename(&name("INBOX.c"), &name("INBOX.c.d")).is_err());
        account.delete(&name("INBOX.c")).unwrap();
        assert_eq!(names(&account), ["INBOX", "INBOX.c.b"]);
        assert!(account.has_children(&name("INBOX.c")));
    }
}
