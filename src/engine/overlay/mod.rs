//! What a dry run has planned, and how the mailboxes look with it.
//!
//! A dry run changes nothing, and everything that is asked after a planned action must be answered as if it had been
//! done. So each mailbox has an overlay: the messages that are to leave it, the flags that are to change, and the
//! messages that are to arrive. Those have UIDs of their own, far above any that a server gives ([`VIRTUAL`]), and are
//! read where they really are: each knows its origin. Mailboxes that are to be made, renamed or deleted are a list of
//! [turns](Turn), through which a name is followed back to what the server has.

mod changes;
mod contents;
mod elsewhere;
mod files;
mod gmail;
mod listing;
mod memory;
mod plan;
mod reading;
mod searching;
mod still;
mod turns;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::journal::AccountRow;
use super::names::script_name;
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{Access, Command, MailboxStatus, Response, SearchKey, Session};
use crate::mail::{MailboxName, Uid, UidSet, UidValidity};

pub(super) use changes::{Arrival, Change, Origin};
pub(super) use contents::Contents;
pub(super) use elsewhere::Reader;
pub(super) use files::Files;
pub(super) use gmail::{Effect, Spot, find as find_on_gmail};
pub(super) use memory::Draft;
pub use plan::{Plan, PlannedAction, PlannedMessage};
pub(super) use plan::{bytes, raw};
pub(super) use searching::Searched;
pub(super) use still::Still;
pub(super) use turns::{Key, Turn, is_beneath};

/// The first UID of messages that are to arrive. No mailbox has had four billion messages.
pub(super) const VIRTUAL: u32 = 4_000_000_000;

/// What a dry run has planned, as one account sees it. Clones share it.
#[derive(Clone, Debug)]
pub struct Overlay {
    shared: Arc<Mutex<Shared>>,
    account: Arc<str>,
}

#[derive(Debug, Default)]
struct Shared {
    accounts: BTreeMap<Arc<str>, Planned>,
    plan: Plan,
    files: Files,
    /// Who reads accounts for others.
    readers: BTreeMap<String, Arc<Reader>>,
    /// How the accounts are reached.
    rows: BTreeMap<String, AccountRow>,
}

/// What is planned for one account.
#[derive(Debug, Default)]
struct Planned {
    /// Something was to be changed.
    begun: bool,
    turns: Vec<Turn>,
    mailboxes: BTreeMap<Key, Contents>,
    gmail: gmail::Gmail,
    /// Mailboxes that the server has, by their real names, and what their UIDs are worth.
    seen: BTreeMap<Vec<u8>, Option<UidValidity>>,
    /// Subscriptions that are to begin or to end.
    subscribed: Vec<(MailboxName, bool)>,
}

/// A mailbox that there would be.
#[derive(Debug)]
pub(super) struct Existing {
    /// What is behind its name.
    pub(super) key: Key,
    /// What its UIDs are worth.
    pub(super) validity: Option<UidValidity>,
}

impl Default for Overlay {
    fn default() -> Self {
        Self { shared: Arc::default(), account: Arc::from("") }
    }
}

impl Overlay {
    /// Gives the same as another account sees it.
    #[must_use]
    pub(super) fn for_account(&self, row: &AccountRow) -> Self {
        self.shared(|shared| shared.rows.insert(row.identity.clone(), row.clone()));
        Self { shared: Arc::clone(&self.shared), account: Arc::from(row.identity.as_str()) }
    }

    /// Gives the accounts that there are, and how they are reached.
    pub fn accounts(&self) -> Vec<AccountRow> {
        self.shared(|shared| shared.rows.values().cloned().collect())
    }

    /// Gives what is planned so far.
    pub fn plan(&self) -> Plan {
        self.shared(|shared| shared.plan.clone())
    }

    /// Notes a planned action, and gives its number.
    pub(super) fn record(&self, action: PlannedAction) -> usize {
        let account_key = self.account.to_string();
        self.shared(|shared| shared.plan.add(PlannedAction { account_key, ..action }))
    }

    /// Adds to a planned action.
    pub(super) fn amend(&self, number: usize, work: impl FnOnce(&mut PlannedAction)) {
        self.shared(|shared| shared.plan.actions.get_mut(number).map(work));
    }

    /// Gives a planned action its messages.
    pub(super) fn fill(&self, number: usize, messages: Vec<PlannedMessage>) {
        self.amend(number, |action| action.messages = messages);
    }

    /// Works on the files that are planned.
    pub(super) fn files<T>(&self, work: impl FnOnce(&mut Files) -> T) -> T {
        self.shared(|shared| work(&mut shared.files))
    }

    fn shared<T>(&self, work: impl FnOnce(&mut Shared) -> T) -> T {
        work(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn planned<T>(&self, work: impl FnOnce(&mut Planned) -> T) -> T {
        self.shared(|shared| work(shared.accounts.entry(Arc::clone(&self.account)).or_default()))
    }

    /// Works on what is planned for the messages of a mailbox.
    pub(super) fn contents<T>(&self, key: &Key, work: impl FnOnce(&mut Contents) -> T) -> T {
        self.planned(|planned| work(planned.mailboxes.entry(key.clone()).or_default()))
    }

    /// Finds what is behind a name. `None` where there would be no mailbox of that name.
    pub(super) fn place(&self, name: &MailboxName) -> Option<Key> {
        self.planned(|planned| turns::place(&planned.turns, name))
    }

    /// Finds what is behind a name that is to be opened.
    ///
    /// Error: there would be no such mailbox, said as a server says it.
    pub(super) fn opened(&self, session: &mut Session, name: &MailboxName) -> Result<Key> {
        self.looked_at(session, name, "EXAMINE")
    }

    fn looked_at(&self, session: &mut Session, name: &MailboxName, command: &str) -> Result<Key> {
        let Some(key) = self.place(name) else {
            return Err(missing(command, &script_name(session, name)?));
        };
        self.take_in(session, name, &key)?;
        Ok(key)
    }

    /// Opens a mailbox to read it, where it really is one.
    pub(super) fn open(&self, session: &mut Session, name: &MailboxName) -> Result<()> {
        match self.opened(session, name)? {
            Key::Server(real) => session.open_mailbox(&real, Access::Read).map(drop),
            Key::New(_) => Ok(()),
        }
    }

    /// Plans something for the mailboxes themselves.
    pub(super) fn turn(&self, turn: Turn) {
        self.planned(|planned| planned.turns.push(turn));
    }

    /// Tells whether nothing was to be changed in the account before.
    pub(super) fn is_first_change(&self) -> bool {
        self.planned(|planned| !std::mem::replace(&mut planned.begun, true))
    }

    /// Plans that a subscription begins or ends.
    pub(super) fn subscribe(&self, name: MailboxName, on: bool) {
        self.planned(|planned| {
            planned.subscribed.retain(|(other, _)| *other != name);
            planned.subscribed.push((name, on));
        });
    }

    /// Finds the mailbox that there would be of a name. Of those of the server's it is asked, once.
    pub(super) fn existing(&self, session: &mut Session, name: &MailboxName) -> Result<Option<Existing>> {
        let Some(key) = self.place(name) else { return Ok(None) };
        let validity = match &key {
            Key::New(number) => turns::validity(*number),
            Key::Server(real) => match self.planned(|planned| planned.seen.get(real.wire()).copied()) {
                Some(validity) => validity,
                None => match session.status(real) {
                    Ok(status) => {
                        self.saw(real, status.uid_validity);
                        status.uid_validity
                    }
                    Err(error) if matches!(*error.kind, ErrorKind::Refused { .. }) => return Ok(None),
                    Err(error) => return Err(error),
                },
            },
        };
        Ok(Some(Existing { key, validity }))
    }

    /// Asks of the mailboxes behind names at once what [`Overlay::existing`] would ask one by one.
    pub(super) fn look_for(&self, session: &mut Session, names: &[MailboxName]) -> Result<()> {
        let mut unknown: Vec<MailboxName> = Vec::new();
        for name in names {
            if let Some(Key::Server(real)) = self.place(name)
                && !unknown.contains(&real)
                && self.planned(|planned| !planned.seen.contains_key(real.wire()))
            {
                unknown.push(real);
            }
        }
        let status = |name: &MailboxName| Command::new("STATUS").mailbox(name).syntax("(UIDVALIDITY)");
        let commands: Vec<_> = unknown.iter().map(status).collect();
        // Who is refused is not there; that is seen when its turn comes.
        session.run(&commands, &mut |_, response| {
            if let Response::MailboxStatus(status) = response
                && unknown.contains(&status.name)
            {
                self.saw(&status.name, status.uid_validity);
            }
            Ok(())
        })?;
        Ok(())
    }

    fn saw(&self, real: &MailboxName, validity: Option<UidValidity>) {
        self.planned(|planned| planned.seen.insert(real.wire().to_vec(), validity));
    }

    /// Gives a mailbox's numbers as they would be.
    pub(super) fn status(&self, session: &mut Session, name: &MailboxName) -> Result<MailboxStatus> {
        let key = self.looked_at(session, name, "STATUS")?;
        let mut status = match &key {
            Key::Server(real) => session.status(real)?,
            Key::New(number) => MailboxStatus {
                name: name.clone(),
                messages: Some(0),
                recent: Some(0),
                unseen: Some(0),
                uid_next: Some(Uid::MIN),
                uid_validity: turns::validity(*number),
            },
        };
        self.contents(&key, |contents| {
            let sum = |server: u32, less: usize, more: usize| {
                let sum = u64::from(server).saturating_sub(less as u64).saturating_add(more as u64);
                u32::try_from(sum).unwrap_or(u32::MAX)
            };
            let (less, more) = contents.counts();
            status.messages = status.messages.map(|count| sum(count, less, more));
            let (less, more) = contents.unseen();
            status.unseen = status.unseen.map(|count| sum(count, less, more));
            let arrived = contents.given();
            status.uid_next = status.uid_next.and_then(|next| Uid::new(next.get().saturating_add(arrived)));
        });
        Ok(status)
    }

    /// Gives a message as a plan names it, by what tells it from others.
    pub(super) fn named(&self, name: &MailboxName, uid: Uid) -> PlannedMessage {
        let named = PlannedMessage { uid: uid.get(), ..PlannedMessage::default() };
        let Some(key) = self.place(name) else { return named };
        self.contents(&key, |contents| PlannedMessage {
            brought_by: contents.arrival(uid).map(|arrival| arrival.action),
            gmail_id: contents.gmail_id(uid),
            ..named
        })
    }

    /// Gives all messages that would be in a mailbox.
    pub(super) fn all(&self, session: &mut Session, mailbox: &Existing) -> Result<UidSet> {
        let real = match &mailbox.key {
            Key::Server(real) => session.uid_search(real, Access::Read, &SearchKey::All)?,
            Key::New(_) => UidSet::new(),
        };
        Ok(self.contents(&mailbox.key, |contents| contents.still_there(&real.union(&contents.touched()))))
    }

    /// Gives those of the messages that would still be in the mailbox.
    pub(super) fn still_there(&self, key: &Key, uids: &UidSet) -> UidSet {
        self.contents(key, |contents| contents.still_there(uids))
    }
}

/// Makes the error of a mailbox that would not be there, as a server says it.
pub(super) fn missing(command: &str, shown: &str) -> Error {
    let text = format!("there would be no mailbox `{shown}`");
    Error::from(ErrorKind::Refused { command: command.to_owned(), status: "NO", text })
}
