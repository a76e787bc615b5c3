//! Deletes a mailbox with all that is in it, which is a purge of every message.
//!
//! One command does both. What it removes is looked at and noted first; and right before it the mailbox must still be what
//! it was, so that no message goes that was not seen.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::record::{conclude, on_a_mailbox};
use super::source::{Head, Leave, look};
use super::{Action, Likeness, Task, archiving, mailboxes, planning};
use crate::engine::account::Account;
use crate::engine::gmail::is_gmail;
use crate::engine::journal::{Intent, Outcome};
use crate::engine::names::{NameSpec, script_name};
use crate::engine::overlay::missing;
use crate::engine::permission::Permission;
use crate::engine::query::Query;
use crate::engine::removal::{Removal, Waiting};
use crate::engine::report::{Report, Verb, messages};
use crate::engine::selection::Selection;
use crate::engine::ticket::Ticket;
use crate::engine::world::{Event, Run};
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{Access, SearchKey, Session};
use crate::mail::{MailboxName, Uid, UidSet, UidValidity};

/// How a mailbox is deleted with its messages.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The mbox file that they are put into first.
    pub(in crate::engine) archive: Option<PathBuf>,
    /// How many there may be.
    pub(in crate::engine) limit: Option<usize>,
    /// The messages that there may be, where a plan says it: any other keeps the mailbox. A script names none, and
    /// means whatever is in it.
    pub(in crate::engine) named: Option<Named>,
}

impl Whole {
    /// Says so with whatever is in it; it is put into an mbox file first if one is given, and there may be so many messages
    /// if the script has a limit for this.
    pub fn new(archive: Option<PathBuf>, limit: Option<usize>) -> Self {
        Self { archive, limit, named: None }
    }
}

/// Messages of a mailbox.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Named {
    /// What its UIDs are worth. Without it, there are none.
    pub(in crate::engine) validity: Option<UidValidity>,
    /// What each is like as far as that is known.
    pub(in crate::engine) messages: BTreeMap<Uid, Option<Likeness>>,
}

/// A mailbox with messages in it.
struct Found {
    selection: Selection,
    /// What comes later has this UID or a higher one.
    next: Option<Uid>,
}

/// Deletes a mailbox, whatever is in it. The messages' own report is told; the one that is given is the mailbox's.
///
/// Errors: there is none, it is INBOX, a limit forbids it, a message is held or can't be archived, or something came to
/// it meanwhile. Then nothing was removed.
pub fn delete_whole(account: &Account, spec: NameSpec, how: Whole) -> Ticket<Report> {
    let run = account.run();
    let also = how.archive.is_some().then_some(Permission::Write);
    let mut needed = [Permission::Mailboxes, Permission::Purge].into_iter().chain(also);
    if let Some(error) = needed.find_map(|permission| run.permit(permission).err()) {
        return Ticket::failed(error, run);
    }
    let account = account.clone();
    Ticket::of_thread(account.clone().run(), move || {
        let wanted = spec.shown();
        go(&account, spec, &how).map_err(|error| error.in_mailbox(&wanted))
    })
}

fn go(account: &Account, spec: NameSpec, how: &Whole) -> Result<Report> {
    let of = account.clone();
    let to_find = spec.clone();
    let found =
        account.change(Permission::Purge, move |session, run| find(session, run, &of, &to_find)).wait()?;
    let selection = &found.selection;
    if selection.uids.is_empty() {
        return mailboxes::delete(account, spec).wait();
    }
    let mut task = Task::new(selection.clone(), Vec::new());
    if let Some(named) = &how.named {
        check_named(selection, named)?;
        let like = named.messages.iter().filter_map(|(uid, like)| Some((*uid, like.clone()?)));
        task.expected = Some(Arc::new(like.collect()));
    }
    let removal = Removal::of(selection, &[Action::Purge], how.limit);
    let reserved = Waiting::begin(removal.into_iter().collect())?.wait()?;
    let leave = if how.archive.is_some() { Leave::Purged } else { Leave::Deleted };
    let (mut report, heads) =
        look(&task, Permission::Purge, leave, Report::of(Verb::Purge, selection, None)).wait()?;
    check_all(selection, &report, &heads)?;
    let deleted = Report::new(Verb::Delete, account.label(), &selection.shown, None);
    if account.run().overlay.is_some() {
        let (deleted, report) = planning::delete_whole(selection, (deleted, report), heads, how).wait()?;
        account.run().world.tell(Event::Done(Box::new(report)));
        return Ok(deleted);
    }
    if let Some(path) = &how.archive {
        archiving::store_all(selection, path, heads.clone())?;
        report.notes.push(format!("archived in {}", path.display()));
    }
    let of = account.clone();
    let ticket =
        account.change(Permission::Purge, move |session, run| delete(session, run, &of, &found, &heads));
    report.done = ticket.wait()?;
    reserved.settle(report.done.len());
    account.run().world.tell(Event::Done(Box::new(report)));
    Ok(deleted)
}

/// Finds all messages of a mailbox.
fn find(session: &mut Session, run: &Run, account: &Account, spec: &NameSpec) -> Result<Found> {
    let name = spec.resolve(session, run)?;
    mailboxes::spare_inbox(&name)?;
    if is_gmail(session) {
        let what = "on Gmail messages lose a label with its mailbox, and none is purged";
        return Err(Error::script(what, "`trash()` its messages first; an empty mailbox can be deleted"));
    }
    let shown = script_name(session, &name)?;
    let (uids, validity, next) = if let Some(overlay) = &run.overlay {
        let there = overlay.existing(session, &name)?.ok_or_else(|| missing("DELETE", &shown))?;
        (overlay.all(session, &there)?, there.validity, None)
    } else {
        let uids = session.uid_search(&name, Access::Read, &SearchKey::All)?;
        let open = session.selected().ok_or_else(|| Error::protocol("no mailbox is open after EXAMINE"))?;
        (uids, open.validity, open.uid_next)
    };
    let selection = Selection {
        account: account.clone(),
        spec: NameSpec::Raw(name.wire().to_vec()),
        shown,
        name,
        validity,
        exists: u32::try_from(uids.len()).ok(),
        query: Query::Uids(uids.clone()),
        uids,
        rule: None,
        read_only: false,
    };
    Ok(Found { selection, next })
}

/// Makes sure that no other messages are there than those that were named.
fn check_named(selection: &Selection, named: &Named) -> Result<()> {
    let others = selection.uids.iter().filter(|uid| !named.messages.contains_key(uid)).count();
    if others > 0 {
        return Err(not_empty(selection, others));
    }
    let mailbox = selection.shown.clone();
    match (named.validity, selection.validity) {
        (Some(was), Some(is)) if is == was => Ok(()),
        (Some(was), Some(is)) => {
            Err(ErrorKind::UidValidityChanged { mailbox, was: was.get(), is: is.get() }.into())
        }
        _ => Err(ErrorKind::NoUidValidity { mailbox }.into()),
    }
}

fn not_empty(selection: &Selection, count: usize) -> Error {
    let messages = u32::try_from(count).unwrap_or(u32::MAX);
    ErrorKind::NotEmpty { mailbox: selection.shown.clone(), messages }.into()
}

/// Makes sure that all messages may go.
fn check_all(selection: &Selection, report: &Report, heads: &[Head]) -> Result<()> {
    if let Some(remark) = report.failed.iter().chain(&report.skipped).next() {
        let count = messages(remark.uids.len());
        let what = format!("mailbox `{}` is not deleted: {count} in it: {}", selection.shown, remark.reason);
        return Err(Error::script(what, "move these messages first"));
    }
    match selection.uids.len().saturating_sub(heads.len()) {
        0 => Ok(()),
        others => Err(not_empty(selection, others)),
    }
}

/// Deletes the mailbox, if all that is in it was looked at. Gives the messages that it had.
fn delete(
    session: &mut Session,
    run: &Run,
    account: &Account,
    found: &Found,
    heads: &[Head],
) -> Result<UidSet> {
    let Found { selection, next, .. } = found;
    let name = &selection.name;
    // Where the server does not tell what it gives the next message, a count alone would not show that one came and
    // another went.
    if next.is_none() && session.uid_search(name, Access::Read, &SearchKey::All)? != selection.uids {
        return Err(not_empty(selection, heads.len()));
    }
    session.leave(name)?;
    let status = run.status(session, name)?;
    let count = status.messages.and_then(|count| usize::try_from(count).ok());
    let same_next = next.is_none() || status.uid_next.is_none() || *next == status.uid_next;
    if count != Some(heads.len()) || !same_next || status.uid_validity != selection.validity {
        return Err(not_empty(selection, count.unwrap_or(heads.len())));
    }
    let intents = intents(selection, name, heads);
    let ids = run.journal()?.intend(&account.row().identity, &intents)?;
    let result = session.delete(name);
    let uids = selection.uids.clone();
    let purged = match &result {
        Ok(()) => Outcome { done: uids.iter().map(|uid| (uid, None)).collect(), ..Outcome::default() },
        Err(error) if session.is_poisoned() => {
            Outcome { doubt: vec![(uids.clone(), error.to_string())], cut: true, ..Outcome::default() }
        }
        Err(_) => Outcome { left: uids.clone(), ..Outcome::default() },
    };
    let whole = Outcome { whole: result.is_ok(), ..Outcome::default() };
    conclude(run, &ids.into_iter().zip([purged, whole]).collect::<Vec<_>>());
    match result {
        Err(error) if session.is_poisoned() => {
            let what = format!("mailbox `{}` may or may not be deleted: {error}", selection.shown);
            Err(ErrorKind::Partial { what }.into())
        }
        result => result.map(|()| uids),
    }
}

fn intents(selection: &Selection, name: &MailboxName, heads: &[Head]) -> [Intent; 2] {
    let purge = Intent {
        verb: Verb::Purge,
        rule: None,
        object: None,
        mailbox: name.clone(),
        shown: selection.shown.clone(),
        validity: selection.validity,
        target: None,
        messages: heads.iter().map(|head| (head.uid, head.known.clone())).collect(),
    };
    [purge, on_a_mailbox(Verb::Delete, (name, &selection.shown), None)]
}
