use std::sync::Arc;

use super::account::Account;
use super::apply::Action;
use super::limits::{Reserved, is_most, may_be_most};
use super::names::{NameSpec, has_special_use};
use super::permission::Permission;
use super::selection::Selection;
use super::ticket::{Signal, Ticket};
use super::world::Run;
use crate::error::Result;
use crate::imap::{Session, SpecialUse};
use crate::mail::MailboxName;

/// What a call would remove from one mailbox, for one rule if it is one's.
#[derive(Clone, Debug)]
pub struct Removal {
    pub(super) account: Account,
    name: MailboxName,
    /// The mailbox as reports show it.
    pub(super) shown: String,
    /// The rule.
    pub(super) rule: Option<String>,
    /// How many messages.
    pub(super) count: usize,
    /// The limit of its own that the script gave it.
    pub(super) limit: Option<usize>,
    /// How many messages the mailbox has, where that is known.
    pub(super) exists: Option<u32>,
    permission: Permission,
    use_: Use,
}

/// What is known of a mailbox's use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Unknown,
    Trash,
    Junk,
    Other,
}

/// How many messages a mailbox has, and what it is for.
type Told = (Option<u32>, Use);

impl Removal {
    /// Gives what actions on a selection would remove, if they would, under a limit of their own if they have one.
    pub fn of(selection: &Selection, actions: &[Action], limit: Option<usize>) -> Option<Self> {
        let action = actions.iter().find(|action| action.removes())?;
        let use_ = match &selection.spec {
            NameSpec::Script(name) if name.eq_ignore_ascii_case("@trash") => Use::Trash,
            NameSpec::Script(name) if name.eq_ignore_ascii_case("@junk") => Use::Junk,
            _ if selection.name.is_inbox() => Use::Other,
            _ => Use::Unknown,
        };
        Some(Self {
            account: selection.account.clone(),
            name: selection.name.clone(),
            shown: selection.shown.clone(),
            rule: selection.rule.clone(),
            count: selection.uids.len(),
            limit,
            exists: selection.exists,
            permission: action.permission(),
            use_,
        })
    }

    /// Gives the limit that the owner of the account has set.
    pub(super) fn account_limit(&self) -> Option<usize> {
        self.account.run().preferences.limit
    }

    /// Names the mailbox for people.
    pub(super) fn mailbox(&self) -> String {
        format!("{} of {}", self.shown, self.account.label())
    }

    /// Tells whether both are from the same mailbox.
    pub(super) fn is_of_mailbox_of(&self, other: &Self) -> bool {
        self.account == other.account && self.name == other.name
    }

    /// Tells whether anything is removed by it: what is in Trash can't be thrown away again.
    pub(super) fn counts(&self) -> bool {
        !(self.permission == Permission::Trash && self.use_ == Use::Trash)
    }

    /// Tells whether so many messages are too many of its mailbox. Trash and Junk are there to be emptied.
    pub(super) fn is_too_much(&self, count: usize) -> bool {
        let spared = matches!(self.use_, Use::Trash | Use::Junk);
        !spared && self.exists.is_some_and(|exists| is_most(count, exists))
    }

    /// Takes in what was found out of its mailbox.
    fn take(&mut self, told: &Told) {
        self.exists = told.0.or(self.exists);
        self.use_ = told.1;
    }
}

/// A call that waits to be let through by the run's limits.
#[derive(Debug)]
pub struct Waiting {
    removals: Vec<Removal>,
    /// What is asked of mailboxes: the numbers of removals, and the answer.
    asked: Vec<(Vec<usize>, Ticket<Told>)>,
}

impl Waiting {
    /// Begins with what a call would remove. Only where it might be too much, and more must be known of its mailboxes to
    /// tell, servers are asked.
    ///
    /// Error: the run may not do it at all.
    pub fn begin(removals: Vec<Removal>) -> Result<Self> {
        for removal in &removals {
            removal.account.run().permit(removal.permission)?;
        }
        let mut this = Self { removals, asked: Vec::new() };
        let limited = this.reserve().is_err();
        for (at, removal) in this.removals.iter().enumerate() {
            let others: Vec<usize> = (0..this.removals.len())
                .filter(|other| {
                    this.removals.get(*other).is_some_and(|other| other.is_of_mailbox_of(removal))
                })
                .collect();
            let count = others.iter().filter_map(|at| this.removals.get(*at)).map(|other| other.count).sum();
            let open = limited && removal.use_ == Use::Unknown
                || removal.exists.is_none() && may_be_most(count) && removal.limit.is_none();
            if open && others.first() == Some(&at) {
                let name = removal.name.clone();
                let ticket = removal.account.read(move |session, run| look(session, run, &name));
                this.asked.push((others, ticket));
            }
        }
        Ok(this)
    }

    /// Gives what tells that everything was answered.
    pub fn signals(&self) -> Vec<Signal> {
        self.asked.iter().map(|(_, ticket)| ticket.signal()).collect()
    }

    /// Tells whether it need not be waited for.
    pub fn is_over(&self) -> bool {
        self.asked.is_empty()
    }

    /// Waits for what was asked, and reserves what the call may remove.
    ///
    /// Error: a limit forbids it. Nothing was done, and nothing of the call may be.
    pub fn wait(mut self) -> Result<Reserved> {
        for (numbers, ticket) in std::mem::take(&mut self.asked) {
            let told = ticket.wait()?;
            for at in numbers {
                if let Some(removal) = self.removals.get_mut(at) {
                    removal.take(&told);
                }
            }
        }
        self.reserve()
    }

    fn reserve(&self) -> Result<Reserved> {
        match self.removals.first() {
            Some(first) => Arc::clone(&first.account.run().limits).reserve(&self.removals),
            None => Ok(Reserved::default()),
        }
    }
}

/// Asks how many messages a mailbox has, and what it is for.
fn look(session: &mut Session, run: &Run, name: &MailboxName) -> Result<Told> {
    let open = session.selected().filter(|open| open.name == *name).map(|open| open.exists);
    let exists = match open.filter(|_| run.overlay.is_none()) {
        Some(exists) => Some(exists),
        None => run.status(session, name)?.messages,
    };
    let use_ = match name {
        name if has_special_use(session, run, name, SpecialUse::Trash) => Use::Trash,
        name if has_special_use(session, run, name, SpecialUse::Junk) => Use::Junk,
        _ => Use::Other,
    };
    Ok((exists, use_))
}
