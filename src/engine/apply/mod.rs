//! The one place that changes anything on a server.
//!
//! Every action goes the same way: the account is locked and what an earlier run left open in it is settled; the
//! mailbox is opened for writing and its UIDVALIDITY compared; the messages' identities are fetched and the query is
//! asked of them again; what is about to be done is noted in the journal; and only then a command that changes
//! anything may leave. What became of it is noted after. Actions on messages of one mailbox go together in as few
//! flights as their order allows.

mod across;
mod appending;
mod archiving;
mod batch;
mod batches;
mod flights;
mod mailboxes;
mod order;
mod planning;
mod proof;
mod ready;
mod record;
mod rungs;
mod settle;
mod source;
mod step;
mod throttle;
mod whole;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::account::Account;
use super::identity::Inquiry;
pub use super::identity::Likeness;
use super::names::NameSpec;
use super::permission::Permission;
use super::report::Report;
use super::selection::Selection;
use super::ticket::Ticket;
use super::world::Run;
use crate::error::{Class, Error, ErrorKind, Result};
use crate::imap::{Access, Session};
use crate::mail::{Flag, Label, MailboxName, Uid, UidSet, UidValidity};

pub use across::{Across, restore};
pub(super) use across::{Chosen, restore_some};
pub use appending::{Appended, append};
pub use mailboxes::{create, delete, rename, subscribe};
pub(super) use step::THROWN_AWAY;
pub(super) use whole::Named;
pub use whole::{Whole, delete_whole};

/// What is to be done to messages.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Move them to a mailbox of the same account.
    Move(NameSpec),
    /// Copy them to a mailbox of the same account.
    Copy(NameSpec),
    /// Move them to a mailbox of another account.
    MoveAcross(Across),
    /// Copy them to a mailbox of another account.
    CopyAcross(Across),
    /// Move them to Trash.
    Trash,
    /// Remove them for good.
    Purge,
    /// Put them into an mbox file, and remove them for good.
    PurgeArchived(PathBuf),
    /// Set flags.
    Mark(Vec<Flag>),
    /// Take flags away.
    Unmark(Vec<Flag>),
    /// Add labels, on Gmail.
    Label(Vec<Label>),
    /// Take labels off, on Gmail.
    Unlabel(Vec<Label>),
}

impl Action {
    /// Gives all that a run must be allowed to do it.
    pub(super) fn permissions(&self) -> Vec<Permission> {
        let also = matches!(self, Self::PurgeArchived(_)).then_some(Permission::Write);
        also.into_iter().chain([self.permission()]).collect()
    }

    pub(super) fn permission(&self) -> Permission {
        match self {
            Self::Move(_) | Self::MoveAcross(_) => Permission::Move,
            Self::Copy(_) | Self::CopyAcross(_) => Permission::Copy,
            Self::Trash => Permission::Trash,
            Self::Purge | Self::PurgeArchived(_) => Permission::Purge,
            // Any other program may remove what is marked so.
            Self::Mark(flags) if flags.contains(&Flag::Deleted) => Permission::Purge,
            Self::Mark(_) | Self::Unmark(_) | Self::Label(_) | Self::Unlabel(_) => Permission::Mark,
        }
    }

    /// Tells whether it needs more than the mailbox's own account: another one, or a file.
    fn leads_out(&self) -> bool {
        matches!(self, Self::MoveAcross(_) | Self::CopyAcross(_) | Self::PurgeArchived(_))
    }

    /// Tells whether the messages are not in their mailbox afterwards.
    pub fn removes(&self) -> bool {
        match self {
            Self::Move(_) | Self::MoveAcross(_) | Self::Trash | Self::Purge | Self::PurgeArchived(_) => true,
            Self::Copy(_)
            | Self::CopyAcross(_)
            | Self::Mark(_)
            | Self::Unmark(_)
            | Self::Label(_)
            | Self::Unlabel(_) => false,
        }
    }
}

/// Actions on the same messages, in order: what removes them comes last, and only takes those with which nothing
/// before it failed.
#[derive(Clone, Debug)]
pub struct Task {
    /// The messages.
    pub selection: Selection,
    /// What is to be done to them.
    pub actions: Vec<Action>,
    /// What they must be like, where they are known from before this run: any other is left alone.
    pub expected: Option<Arc<BTreeMap<Uid, Likeness>>>,
    /// It is done to messages that are held, too: it takes back what they are held for.
    pub even_held: bool,
}

/// A message that was found by what it is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alike {
    pub(super) validity: UidValidity,
    pub(super) uid: Uid,
    /// It is marked `\Deleted`.
    pub(super) marked: bool,
}

/// Finds messages in a mailbox, from a UID on, by what they are like; of equal ones first those that are not marked
/// `\Deleted`. What is known to have come there by an action is not among them.
pub(super) fn find_alike(
    account: &Account,
    mailbox: MailboxName,
    (was, next): (Option<UidValidity>, Uid),
    wanted: Vec<Option<Likeness>>,
) -> Ticket<Vec<Option<Alike>>> {
    let identity = account.row().identity.clone();
    account.read(move |session, run| {
        let validity = match session.open_mailbox(&mailbox, Access::Read) {
            Ok(open) => open.validity,
            Err(error) if matches!(*error.kind, ErrorKind::Refused { .. }) => None,
            Err(error) => return Err(error),
        };
        let Some(validity) = validity.filter(|is| was.is_none_or(|was| was == *is)) else {
            return Ok(vec![None; wanted.len()]);
        };
        let known = run.journal()?.landed_since(&identity, &mailbox, validity, next)?;
        let mut there: BTreeMap<Likeness, Vec<(bool, Uid)>> = BTreeMap::new();
        let new = Inquiry::new(session, None)?.ask(session, &UidSet::range(next, Uid::MAX))?;
        for (uid, identity) in new.into_iter().filter(|(uid, _)| !known.contains(*uid)) {
            let marked = identity.flags.as_ref().is_some_and(|flags| flags.contains(&Flag::Deleted));
            if let Some(likeness) = identity.likeness() {
                there.entry(likeness).or_default().push((marked, uid));
            }
        }
        // The best comes last.
        for uids in there.values_mut() {
            uids.sort_unstable_by(|a, b| b.cmp(a));
        }
        let mut find = |like: Option<Likeness>| {
            let (marked, uid) = there.get_mut(&like?)?.pop()?;
            Some(Alike { validity, uid, marked })
        };
        Ok(wanted.into_iter().map(&mut find).collect())
    })
}

/// Looks after all that earlier runs left open or in doubt, in every account, and holds nothing any more. What became
/// of it is told as it goes. Gives how many accounts there were.
///
/// Errors: an account can't be reached, or another run changes it.
pub fn settle_all(run: &Run) -> Result<usize> {
    let accounts = run.journal()?.accounts_in_doubt()?;
    // What was begun was allowed then.
    run.permissions.allow(Permission::Purge);
    for row in &accounts {
        let account = Account::known(row, run)?;
        let of = account.clone();
        // Each thing asks for the permission that it needs.
        let ticket = account.change(Permission::Read, move |session, run| settle::let_go(session, run, &of));
        ticket.wait()?;
        account.log_out();
    }
    Ok(accounts.len())
}

impl Task {
    fn new(selection: Selection, actions: Vec<Action>) -> Self {
        Self { selection, actions, expected: None, even_held: false }
    }

    fn removes(&self) -> bool {
        self.actions.iter().any(Action::removes)
    }
}

/// Makes ready to change an account: takes its lock, and settles what a run that was cut had begun there.
///
/// Errors: another run changes the account, the journal can't be used, or what was begun can't be looked after now.
pub(super) fn make_way(session: &mut Session, run: &Run, account: &Account) -> Result<()> {
    if let Some(overlay) = &run.overlay {
        planning::make_way(run, overlay, account);
        return Ok(());
    }
    let journal = run.state.begin(account.row(), &*run.world, &run.context.interrupt)?;
    for action in journal.open_actions(&account.row().identity)? {
        settle::settle(session, run, account, &journal, &action)?;
    }
    across::note_arrivals(session, run, account, &journal)
}

/// Looks whether a run that was cut left something open in an account, and settles that before anything is searched
/// for: what the script finds must be what one whole run would have left. Whoever only looks at mail does no more than
/// look here, too, and another run that is at work is left to it.
///
/// Errors: what was begun can't be looked after now.
pub(super) fn look_back(session: &mut Session, run: &Run, account: &Account) -> Result<()> {
    if run.overlay.is_some() || run.permit(Permission::Move).is_err() {
        return Ok(());
    }
    let Some(journal) = run.state.past() else { return Ok(()) };
    let identity = &account.row().identity;
    if journal.open_actions(identity)?.is_empty() && journal.open_actions_into(identity)?.is_empty() {
        return Ok(());
    }
    drop(journal);
    match make_way(session, run, account) {
        Err(error) if matches!(error.kind.class(), Class::Locked | Class::Config) => Ok(()),
        result => result,
    }
}

/// What became of one action of a task, by the task's number. An error means that the action changed nothing.
pub type Done = (usize, Result<Report>);

/// Does an action to a selection and reports message by message.
///
/// Errors mean that nothing was changed. Whatever fails once changing has begun is in the report.
pub fn apply(selection: Selection, action: Action) -> Ticket<Report> {
    let account = selection.account.clone();
    let task = Task { selection, actions: vec![action], expected: None, even_held: false };
    submit(&account, vec![task], |mut done| {
        let only = done.pop().ok_or_else(|| Error::protocol("no report of the action"))?;
        only.1
    })
}

/// Does the actions of several tasks, whose messages are of the same mailbox. Every action that could be tried has
/// its report or error, in the order of tasks and actions.
///
/// Errors mean that nothing at all was changed.
pub fn apply_all(account: &Account, tasks: Vec<Task>) -> Ticket<Vec<Done>> {
    submit(account, tasks, Ok)
}

fn submit<T: Send + 'static>(
    account: &Account,
    mut tasks: Vec<Task>,
    give: impl FnOnce(Vec<Done>) -> Result<T> + Send + 'static,
) -> Ticket<T> {
    for task in &mut tasks {
        let (selection, actions) = (&task.selection, std::mem::take(&mut task.actions));
        task.actions =
            actions.into_iter().map(|action| order::seen_from(&selection.account, action)).collect();
    }
    let changes = |task: &&Task| task.actions.iter().any(|action| !matches!(action, Action::CopyAcross(_)));
    if let Some(task) = tasks.iter().find(|task| task.selection.read_only && changes(task)) {
        let mailbox = &task.selection.shown;
        let kind = ErrorKind::ReadOnly { mailbox: mailbox.clone() };
        return Ticket::failed(Error::from(kind).in_mailbox(mailbox), account.run());
    }
    let wanted: Vec<_> = tasks.iter().flat_map(|task| &task.actions).flat_map(Action::permissions).collect();
    let forbidden = wanted.iter().find_map(|permission| account.run().permit(*permission).err());
    if let Some(error) = forbidden {
        return Ticket::failed(error, account.run());
    }
    if tasks.iter().flat_map(|task| &task.actions).any(Action::leads_out) {
        let of = account.clone();
        return Ticket::of_thread(account.run(), move || give(order::carry_out(&of, tasks)?));
    }
    on_connection(account, wanted.first().copied().unwrap_or(Permission::Read), tasks, give)
}

/// Does what needs no other connection on the account's own.
fn on_connection<T: Send + 'static>(
    account: &Account,
    permission: Permission,
    tasks: Vec<Task>,
    give: impl FnOnce(Vec<Done>) -> Result<T> + Send + 'static,
) -> Ticket<T> {
    account.change(permission, move |session, run| {
        let shown = tasks.first().map(|task| task.selection.shown.clone()).unwrap_or_default();
        let result = batch::carry_out(session, run, &tasks).and_then(give);
        result.map_err(|error| error.in_mailbox(&shown))
    })
}
