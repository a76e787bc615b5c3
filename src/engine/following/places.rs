//! Where the messages of a plan are: those that earlier actions bring are where these have really put them.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::order::{Order, Wanted};
use crate::engine::account::Account;
use crate::engine::apply::{Alike, Likeness, find_alike};
use crate::engine::identity::Inquiry;
use crate::engine::overlay::find_on_gmail;
use crate::engine::report::Report;
use crate::error::{ErrorKind, Result};
use crate::imap::Access;
use crate::mail::{MailboxName, Uid, UidSet, UidValidity};

/// A mailbox, and what its UIDs are worth.
pub(super) type Spot = (MailboxName, Option<UidValidity>);

/// Messages of an action by mailbox, each with its UID there.
pub(super) type Placed<'w> = BTreeMap<Spot, Vec<(Uid, &'w Wanted)>>;

/// What comes to a mailbox later has this UID or a higher one; of what it is worth, as far as that is known.
pub(super) type Frontier = (Option<UidValidity>, Uid);

/// Where messages came to be.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By the action that brought them and the UID by which the plan knows them.
    landed: HashMap<(usize, Uid), (UidValidity, Uid)>,
    /// What was added, by the action.
    added: HashMap<usize, (UidValidity, Uid)>,
    /// What the plan takes for Gmail's identifiers of messages that it adds, and what they are.
    gmail: HashMap<u64, u64>,
    /// The actions whose messages later ones want.
    wanted: HashSet<usize>,
}

impl Places {
    pub(super) fn new(orders: &[Order]) -> Self {
        let wanted = orders.iter().flat_map(Order::wanted).filter_map(|wanted| wanted.brought_by);
        Self { wanted: wanted.collect(), ..Self::default() }
    }

    /// Notes where a message came to be.
    pub(super) fn put(&mut self, number: usize, wanted: &Wanted, at: (UidValidity, Uid)) {
        if let Some(becomes) = wanted.becomes {
            self.landed.insert((number, becomes), at);
        }
    }

    /// Finds the messages of an action, and tells how many are nowhere: what should have brought them did not.
    pub(super) fn find<'w>(
        &self,
        account: &Account,
        order: &Order,
        wanted: &'w [Wanted],
    ) -> Result<(Placed<'w>, usize)> {
        let mut placed = Placed::new();
        let (mut missing, mut on_gmail) = (0, Vec::new());
        for each in wanted {
            let spot = match each.brought_by {
                None => Some((order.validity, each.uid)),
                Some(_) if each.gmail_id().is_some() => {
                    on_gmail.push(each);
                    continue;
                }
                Some(by) => {
                    let at = self.landed.get(&(by, each.uid)).or_else(|| self.added.get(&by));
                    at.map(|(validity, uid)| (Some(*validity), *uid))
                }
            };
            match spot {
                Some((validity, uid)) => {
                    placed.entry((order.mailbox.clone(), validity)).or_default().push((uid, each));
                }
                None => missing += 1,
            }
        }
        if !on_gmail.is_empty() {
            let ids: Vec<u64> = on_gmail.iter().filter_map(|each| self.gmail_id(each)).collect();
            let mailbox = order.mailbox.clone();
            let ticket = account.read(move |session, _| {
                let found = find_on_gmail(session, &mailbox, &ids)?;
                Ok((found, session.selected().and_then(|selected| selected.validity)))
            });
            let (found, validity) = ticket.wait()?;
            for each in on_gmail {
                match self.gmail_id(each).and_then(|id| found.get(&id)) {
                    Some(uid) => {
                        placed.entry((order.mailbox.clone(), validity)).or_default().push((*uid, each));
                    }
                    None => missing += 1,
                }
            }
        }
        Ok((placed, missing))
    }

    fn gmail_id(&self, wanted: &Wanted) -> Option<u64> {
        wanted.gmail_id().map(|id| self.gmail.get(&id).copied().unwrap_or(id))
    }

    /// Gives what a message must be like. What this run has added itself is known by where it was put.
    pub(super) fn likeness(&self, wanted: &Wanted) -> Option<Likeness> {
        if let Some(id) = self.gmail_id(wanted) {
            return Some(Likeness::Gmail(id));
        }
        let added = wanted.brought_by.is_some_and(|by| self.added.contains_key(&by));
        wanted.likeness.clone().filter(|_| !added)
    }

    /// Asks where a mailbox's UIDs have come to, where a later action wants what this one brings and the server will not
    /// say where it is.
    pub(super) fn frontier(
        &self,
        number: usize,
        account: &Account,
        mailbox: &MailboxName,
    ) -> Result<Option<Frontier>> {
        if !self.wanted.contains(&number) {
            return Ok(None);
        }
        let mailbox = mailbox.clone();
        let ticket = account.read(move |session, _| {
            if session.capabilities().has("UIDPLUS") {
                return Ok(None);
            }
            match session.status(&mailbox) {
                Ok(status) => Ok(status.uid_next.map(|next| (status.uid_validity, next))),
                Err(error) if matches!(*error.kind, ErrorKind::Refused { .. }) => {
                    // One that is missing is made for the messages. What is in one that is there would be taken for what
                    // comes to it.
                    let is_there =
                        session.list(&mailbox)?.iter().any(|it| it.name == mailbox && it.is_selectable());
                    if is_there { Err(error) } else { Ok(Some((None, Uid::MIN))) }
                }
                Err(error) => Err(error),
            }
        });
        ticket.wait()
    }

    /// Takes in where messages came to be. Where the server does not say it they are looked for among what is new.
    pub(super) fn take(
        &mut self,
        (number, order): (usize, &Order),
        account: &Account,
        (messages, report): (&[(Uid, &Wanted)], &Report),
        frontier: Option<Frontier>,
    ) -> Result<()> {
        let pairs: BTreeMap<Uid, (UidValidity, Uid)> = report
            .landed
            .iter()
            .flat_map(|landing| landing.pairs.iter().map(|(from, to)| (*from, (landing.validity, *to))))
            .collect();
        let (mut lost, mut on_gmail) = (Vec::new(), Vec::new());
        for (uid, wanted) in messages.iter().filter(|(uid, _)| report.done.contains(*uid)) {
            match pairs.get(uid) {
                Some(at) => {
                    self.put(number, wanted, *at);
                    on_gmail.extend(wanted.becomes_on_gmail.map(|id| (id, at.1)));
                }
                None => lost.push(*wanted),
            }
        }
        if let Some(target) = order.target.as_ref().filter(|_| !on_gmail.is_empty()) {
            self.learn(account, target.clone(), &on_gmail)?;
        }
        self.look_for((number, order), account, frontier, lost)
    }

    /// Looks in the target for messages of which the server did not say where they are, among what came to it later than
    /// the frontier.
    pub(super) fn look_for(
        &mut self,
        (number, order): (usize, &Order),
        account: &Account,
        frontier: Option<Frontier>,
        lost: Vec<&Wanted>,
    ) -> Result<()> {
        let is_named = |wanted: &&Wanted| wanted.becomes.is_some();
        let lost: Vec<_> = lost.into_iter().filter(is_named).collect();
        let (Some(target), Some(frontier)) = (&order.target, frontier) else { return Ok(()) };
        if lost.is_empty() || !self.wanted.contains(&number) {
            return Ok(());
        }
        let likes = lost.iter().map(|wanted| self.likeness(wanted).or(wanted.likeness.clone())).collect();
        let found = find_alike(account, target.clone(), frontier, likes).wait()?;
        for (wanted, at) in lost.into_iter().zip(found) {
            if let Some(at) = unmarked(at) {
                self.put(number, wanted, at);
            }
        }
        Ok(())
    }

    /// Takes in where a message was added.
    pub(super) fn take_added(
        &mut self,
        (number, order): (usize, &Order),
        account: &Account,
        (at, gmail_id): (Option<(UidValidity, Uid)>, Option<u64>),
        (frontier, likeness): (Option<Frontier>, Option<Likeness>),
    ) -> Result<()> {
        let at = match (at, frontier) {
            (None, Some(frontier)) => {
                let found = find_alike(account, order.mailbox.clone(), frontier, vec![likeness]).wait()?;
                found.into_iter().find_map(unmarked)
            }
            (at, _) => at,
        };
        let Some((validity, uid)) = at else { return Ok(()) };
        self.added.insert(number, (validity, uid));
        match gmail_id {
            Some(planned) => self.learn(account, order.mailbox.clone(), &[(planned, uid)]),
            None => Ok(()),
        }
    }

    /// Learns by what identifiers Gmail knows messages, which the plan knows by others.
    fn learn(&mut self, account: &Account, mailbox: MailboxName, of: &[(u64, Uid)]) -> Result<()> {
        let uids: UidSet = of.iter().map(|(_, uid)| *uid).collect();
        let ticket = account.read(move |session, _| {
            session.open_mailbox(&mailbox, Access::Read)?;
            Inquiry::new(session, None)?.ask(session, &uids)
        });
        let found = ticket.wait()?;
        let real = |(planned, uid): &(u64, Uid)| Some((*planned, found.get(uid)?.gmail_id?));
        self.gmail.extend(of.iter().filter_map(real));
        Ok(())
    }
}

/// Gives where a message was found, if it is one to go on with: what is marked `\Deleted` is on its way out.
fn unmarked(found: Option<Alike>) -> Option<(UidValidity, Uid)> {
    found.filter(|found| !found.marked).map(|found| (found.validity, found.uid))
}
