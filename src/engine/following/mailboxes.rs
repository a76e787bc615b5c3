//! What a plan does to mailboxes themselves, and what it adds to them.

use std::path::Path;

use super::order::{Addition, Order, Wanted, What};
use super::past::Before;
use super::{BEFORE, Following};
use crate::engine::account::Account;
use crate::engine::apply::{self, Chosen, Likeness, Named, Whole, delete_whole, restore_some};
use crate::engine::names::NameSpec;
use crate::error::{ErrorKind, Result};
use crate::mail::{Headers, MailboxName, UidSet};

impl Following<'_> {
    /// Makes, deletes or renames a mailbox, or begins or ends a subscription.
    pub(super) fn on_mailbox(&mut self, number: usize, order: &Order) -> Result<()> {
        let account = self.account(&order.account)?;
        let key = order.key(None);
        if self.past.take(&key).is_some() || self.past.has_begun(&key) && is_as_after(&account, order)? {
            self.followed.before += 1;
            return Ok(());
        }
        let raw = |name: &MailboxName| NameSpec::Raw(name.wire().to_vec());
        let name = raw(&order.mailbox);
        let ticket = match &order.what {
            What::Delete => apply::delete(&account, name),
            What::DeleteWhole(wanted, archive) => {
                let named = Some(self.named(&account, order, wanted)?);
                // It is counted again, together with what earlier actions have brought.
                drop(self.reserved.remove(&number));
                delete_whole(&account, name, Whole { archive: archive.clone(), limit: None, named })
            }
            What::Rename(target) => apply::rename(&account, name, raw(target)),
            What::Subscribe(on) => apply::subscribe(&account, name, *on),
            What::Create | What::Messages(..) | What::Outside(..) | What::Append(_) | What::Restore(..) => {
                apply::create(&account, name)
            }
        };
        let report = ticket.wait()?;
        self.tell(report)
    }

    /// Gives the messages that a mailbox to be deleted may have: where none of them is found, none.
    ///
    /// Error: the mailbox was rebuilt while the plan was followed.
    fn named(&mut self, account: &Account, order: &Order, wanted: &[Wanted]) -> Result<Named> {
        let (placed, missing) = self.places.find(account, order, wanted)?;
        self.say_missing(order, missing)?;
        let mut named = Named::default();
        for ((_, validity), found) in placed {
            if let (Some(was), Some(is)) = (named.validity, validity)
                && was != is
            {
                let mailbox = order.shown.clone();
                return Err(ErrorKind::UidValidityChanged { mailbox, was: was.get(), is: is.get() }.into());
            }
            named.validity = named.validity.or(validity);
            let like = found.into_iter().map(|(uid, wanted)| (uid, self.places.likeness(wanted)));
            named.messages.extend(like);
        }
        Ok(named)
    }

    /// Adds a message.
    ///
    /// Error: it may have been added before, and that can't be told.
    pub(super) fn append(&mut self, number: usize, order: &Order, addition: &Addition) -> Result<()> {
        let account = self.account(&order.account)?;
        let key = order.key(None);
        let place = (number, order);
        let like = likeness(addition);
        if let Some(Before { at, frontier }) = self.past.take(&key) {
            self.followed.before += 1;
            return self.places.take_added(place, &account, (at, addition.gmail_id), (frontier, like));
        }
        if self.past.is_in_doubt(&key) {
            let what = format!(
                "a message may be in {} already, added when the plan was applied before: look, and if it is not, `imapscript settle`",
                order.shown
            );
            return Err(ErrorKind::Partial { what }.into());
        }
        let frontier = self.places.frontier(number, &account, &order.mailbox)?;
        let Addition { message, flags, date, .. } = addition;
        let name = NameSpec::Raw(order.mailbox.wire().to_vec());
        let report = apply::append(&account, name, message.clone(), flags.clone(), *date).wait()?.report;
        let at = report.landed.first().and_then(|at| Some((at.validity, at.uids.first()?)));
        let taken = self.places.take_added(place, &account, (at, addition.gmail_id), (frontier, like));
        self.tell(report)?;
        taken
    }
}

impl Following<'_> {
    /// Restores messages of an archive: those that the plan names.
    pub(super) fn restore(
        &mut self,
        number: usize,
        order: &Order,
        (path, brought): (&Path, &[Wanted]),
    ) -> Result<()> {
        let account = self.account(&order.account)?;
        let of = Order { target: Some(order.mailbox.clone()), ..order.clone() };
        let (mut rest, mut chosen, mut before) = (Vec::new(), Chosen::new(), UidSet::new());
        for wanted in brought {
            match self.past.take(&order.key_of_restored(path, wanted.uid)) {
                None => {
                    rest.push((wanted.uid, wanted));
                    chosen.insert(wanted.uid, wanted.likeness.clone());
                }
                Some(Before { at, frontier }) => {
                    before.insert(wanted.uid);
                    match at {
                        Some(at) => self.places.put(number, wanted, at),
                        None => self.places.look_for((number, &of), &account, frontier, vec![wanted])?,
                    }
                }
            }
        }
        let name = NameSpec::Raw(order.mailbox.wire().to_vec());
        let mut report = if rest.is_empty() {
            order.report()
        } else {
            restore_some(&account, name, path.to_owned(), chosen).wait()?
        };
        let taken = self.places.take((number, &of), &account, (&rest, &report), None);
        report.skip(before, BEFORE);
        self.tell(report)?;
        taken
    }
}

/// Tells whether mailboxes are as an action leaves them.
fn is_as_after(account: &Account, order: &Order) -> Result<bool> {
    let mailbox = order.mailbox.clone();
    let target = match &order.what {
        What::Rename(target) => Some(target.clone()),
        What::Create => Some(mailbox.clone()),
        What::Delete | What::DeleteWhole(..) => None,
        What::Subscribe(_) | What::Messages(..) | What::Outside(..) | What::Append(_) | What::Restore(..) => {
            return Ok(false);
        }
    };
    let ticket = account.read(move |session, _| {
        let mut is_there = |name: &MailboxName| {
            session
                .list(name)
                .map(|found| found.iter().any(|entry| entry.name == *name && entry.is_selectable()))
        };
        Ok(match target {
            Some(target) if target == mailbox => is_there(&target)?,
            Some(target) => is_there(&target)? && !is_there(&mailbox)?,
            None => !is_there(&mailbox)?,
        })
    });
    ticket.wait()
}

/// Gives what a message that is added will be like.
fn likeness(addition: &Addition) -> Option<Likeness> {
    let Addition { message, date, .. } = addition;
    let size = message.len() as u64;
    Some(Likeness::Mail(Headers::parse(message).message_id(), size, (*date)?.timestamp().as_second()))
}
