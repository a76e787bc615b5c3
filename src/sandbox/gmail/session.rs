//! What a session answers of Gmail's.

use std::collections::BTreeSet;

use imap_codec::imap_types::flag::StoreType;

use super::super::account::Account;
use super::super::connection::End;
use super::super::message::StoredMessage;
use super::super::quote;
use super::super::reply::Reply;
use super::super::selected::{BAD_SET, Named, READ_ONLY, unselected};
use super::super::session::{GONE, Session, lock};
use super::extension::GmailItem;
use super::{Labels, label_of, mailbox_of};
use crate::mail::{MailboxName, UidSet, UidValidity};

impl Account {
    /// Gives the name of the mailbox that has this UIDVALIDITY.
    fn name_by_validity(&self, validity: UidValidity) -> Option<MailboxName> {
        let found = self.mailboxes.iter().find(|(_, mailbox)| mailbox.validity == validity);
        found.map(|(name, _)| name.clone())
    }

    /// Writes Gmail's items of a message that is seen through a mailbox, each with a space before it. The label
    /// of that mailbox is not among its labels.
    pub(in crate::sandbox) fn gmail_items(
        &self,
        items: &[GmailItem],
        message: &StoredMessage,
        labels: &Labels,
        through: UidValidity,
    ) -> Vec<u8> {
        let mut out = Vec::new();
        let own = self.name_by_validity(through).map(|name| label_of(&name));
        for item in items {
            let thread = || self.gmail.as_ref().map_or(0, |gmail| gmail.thread(message.gmail_id));
            match item {
                GmailItem::MessageId => out.extend(format!(" X-GM-MSGID {}", message.gmail_id).bytes()),
                GmailItem::ThreadId => out.extend(format!(" X-GM-THRID {}", thread()).bytes()),
                GmailItem::Labels => {
                    out.extend_from_slice(b" X-GM-LABELS (");
                    let all = labels.get(&message.gmail_id).into_iter().flatten();
                    for (at, label) in all.filter(|label| Some(*label) != own.as_ref()).enumerate() {
                        if at > 0 {
                            out.push(b' ');
                        }
                        quote::astring(&mut out, label);
                    }
                    out.push(b')');
                }
            }
        }
        out
    }

    /// Takes a label off a message.
    fn take_off(&mut self, id: u64, name: &MailboxName) {
        let Some(mailbox) = self.mailboxes.get(name) else { return };
        let uids: UidSet = mailbox.messages.iter().filter(|m| m.gmail_id == id).map(|m| m.uid).collect();
        let (validity, there) =
            (mailbox.validity, mailbox.messages.iter().find(|m| m.gmail_id == id).cloned());
        match (there, MailboxName::new(super::ALL)) {
            // Without that label it is an archived message, not one that is gone.
            (Some(message), Some(all)) if super::is_aside(name) => {
                // All Mail is there, and it is never full.
                let _ = self.place(&message, &all);
            }
            _ => self.leave(validity, &uids),
        }
    }
}

impl Session {
    /// Answers STORE of labels: a mailbox that does not exist yet is made of its label.
    pub(in crate::sandbox) fn store_labels(
        &mut self,
        named: &Named<'_>,
        kind: StoreType,
        silent: bool,
        labels: &[Vec<u8>],
    ) -> Result<Reply, End> {
        let (Some(account), Some(view)) = (self.account.clone(), &self.selected) else {
            return Ok(unselected());
        };
        if view.read_only {
            return Ok(READ_ONLY.into());
        }
        let Some(indices) = view.resolve(named.set, named.uid) else { return Ok(Reply::bad(BAD_SET)) };
        let Some(wanted) = labels.iter().map(|label| mailbox_of(label)).collect::<Option<BTreeSet<_>>>()
        else {
            return Ok(Reply::bad("That is no label"));
        };
        let mut account = lock(&account);
        for name in wanted.iter().filter(|_| kind != StoreType::Remove) {
            if !account.mailboxes.contains_key(name)
                && let Err(refusal) = account.create(name)
            {
                return Ok(refusal.into());
            }
        }
        let own = account.name_by_validity(view.validity).ok_or(GONE)?;
        let mailbox = account.by_validity(view.validity).ok_or(GONE)?;
        let messages: Vec<_> =
            view.uids(&indices).iter().filter_map(|uid| mailbox.get(uid).cloned()).collect();
        let before = account.labels();
        for message in &messages {
            let has = before.get(&message.gmail_id).into_iter().flatten();
            let has: BTreeSet<_> = has.filter_map(|label| mailbox_of(label)).collect();
            let (add, off): (Vec<_>, Vec<_>) = match kind {
                StoreType::Add => (wanted.iter().collect(), Vec::new()),
                StoreType::Remove => (Vec::new(), wanted.intersection(&has).collect()),
                // The label that one looks through is not among those that are replaced.
                StoreType::Replace => {
                    (wanted.iter().collect(), has.difference(&wanted).filter(|name| **name != own).collect())
                }
            };
            for name in add {
                if let Err(refusal) = account.place(message, name) {
                    return Ok(refusal.into());
                }
            }
            for name in off {
                account.take_off(message.gmail_id, name);
            }
        }
        let labels = account.labels();
        for (at, message) in indices.iter().zip(&messages).filter(|_| !silent) {
            let uid = if named.uid { format!("UID {}", message.uid) } else { String::new() };
            let items = account.gmail_items(&[GmailItem::Labels], message, &labels, view.validity);
            let out = &mut self.connection.out;
            out.extend_from_slice(format!("* {} FETCH ({uid}", at + 1).as_bytes());
            out.extend_from_slice(if named.uid { &items } else { items.trim_ascii_start() });
            out.extend_from_slice(b")\r\n");
        }
        Ok(Reply::ok("Labelled"))
    }
}
