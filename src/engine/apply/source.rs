//! The source's side of messages that are put elsewhere before they leave it: looked at, and removed once what was
//! stored elsewhere is proven.

use super::batch::{carry_out, held};
use super::flights::Left;
use super::ready::{Identities, check_open, check_readable, judge_again, reopen};
use super::step::{Kind, Names, Step};
use super::{Action, Task, rungs};
use crate::engine::account::Account;
use crate::engine::contents::too_large;
use crate::engine::gmail::is_gmail;
use crate::engine::identity::Inquiry;
use crate::engine::journal::Known;
use crate::engine::messages::MESSAGE_CAP;
use crate::engine::permission::Permission;
use crate::engine::query::{Needs, Query};
use crate::engine::report::{Report, Verb};
use crate::engine::sample::Sample;
use crate::engine::selection::Selection;
use crate::engine::ticket::Ticket;
use crate::engine::world::Run;
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{Access, Session};
use crate::mail::{Flag, InternalDate, MailboxName, Uid, UidSet};

/// How messages leave their mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// They stay.
    No,
    /// They are removed once they are in another account.
    Copied,
    /// They are removed for good once they are in an archive.
    Purged,
    /// They are removed for good with their mailbox, and need not be loaded.
    Deleted,
}

/// What is known of a message before it is loaded.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) uid: Uid,
    pub(super) flags: Vec<Flag>,
    pub(super) size: u64,
    pub(super) date: Option<InternalDate>,
    pub(super) known: Known,
    /// From whom it is, in a dry run.
    pub(super) sample: Option<Sample>,
}

/// A report that tells of messages to be left alone, and the others.
pub(super) type Looked = (Report, Vec<Head>);

/// Looks at the messages of a selection again, and opens the mailbox as the rest needs it. Gives those that may be
/// acted on; what is to be said of the others goes into the report.
///
/// Errors: the mailbox was rebuilt, can't be written to, or messages can't leave it in this way.
pub(super) fn look(task: &Task, permission: Permission, leave: Leave, mut report: Report) -> Ticket<Looked> {
    let Task { selection, expected, even_held, .. } = task.clone();
    selection.account.clone().change(permission, move |session, run| {
        let mut go = || -> Result<Vec<Head>> {
            if selection.uids.is_empty() {
                return Ok(Vec::new());
            }
            let held = if even_held { UidSet::new() } else { held(run, &selection)? };
            let removal = refuse_nonsense(session, &selection, leave)?;
            let mut needs = Needs { structure: false, ..selection.query.needs() };
            needs.fields.extend(["subject", "from"].map(str::to_owned));
            let inquiry = Inquiry::for_search(session, needs)?;
            let mut identities = if let Some(overlay) = &run.overlay {
                overlay.identities(session, &selection, &selection.uids, &inquiry)?
            } else {
                let access = if removal.is_some() { Access::Write } else { Access::Read };
                identify(session, &selection, access, &selection.uids, &inquiry)?
            };
            if let Some(kind) = removal.filter(|_| run.overlay.is_none()) {
                check_open(session, &selection)?;
                Step::of(0, &selection, kind, report.clone()).check_flags(session)?;
            }
            if identities.values().any(|identity| identity.flags.is_none() || identity.size.is_none()) {
                return Err(Error::protocol("FETCH answers without the flags and sizes that were asked for"));
            }
            let ready = judge_again(
                &selection,
                &identities,
                &held,
                expected.as_deref(),
                &mut report,
                leave != Leave::No,
            );
            let (mut heads, mut large) = (Vec::new(), Vec::new());
            for uid in ready.iter() {
                let Some(identity) = identities.remove(&uid) else { continue };
                let known = Known::from(&identity);
                let size = identity.size.unwrap_or(u64::MAX);
                if size > MESSAGE_CAP && leave != Leave::Deleted {
                    large.push((uid, size));
                    continue;
                }
                let headers = identity.headers.as_ref().filter(|_| run.overlay.is_some());
                heads.push(Head {
                    uid,
                    sample: headers.map(|headers| Sample::of(identity.date, headers)),
                    flags: identity.flags.unwrap_or_default(),
                    size,
                    date: identity.date,
                    known,
                });
            }
            for (uid, size) in large {
                report.fail(UidSet::from(uid), too_large(size));
            }
            Ok(heads)
        };
        let heads = go().map_err(|error| error.in_mailbox(&selection.shown))?;
        Ok((report, heads))
    })
}

/// Looks at the messages of several tasks again. For each gives a report whose `done` are those that it may act on.
///
/// Errors: the mailbox was rebuilt, or can't be written to.
pub(super) fn look_again(account: &Account, tasks: &[Task]) -> Ticket<Vec<Report>> {
    let looked: Vec<_> = tasks.iter().map(|task| (task.clone(), task.removes())).collect();
    let permission = tasks.iter().flat_map(|task| &task.actions).map(Action::permission).next();
    account.change(permission.unwrap_or(Permission::Read), move |session, run| {
        let Some((Task { selection: first, .. }, _)) = looked.first() else { return Ok(Vec::new()) };
        let held = held(run, first)?;
        let queries = looked.iter().map(|(task, _)| task.selection.query.clone()).collect();
        let all = looked.iter().fold(UidSet::new(), |sum, (task, _)| sum.union(&task.selection.uids));
        let inquiry = Inquiry::new(session, Some(&Query::Any(queries)))?;
        let identities = match &run.overlay {
            Some(overlay) => overlay.identities(session, first, &all, &inquiry)?,
            None => identify(session, first, Access::Read, &all, &inquiry)?,
        };
        let none = UidSet::new();
        let ready = looked.iter().map(|(task, removes)| {
            let (selection, expected) = (&task.selection, task.expected.as_deref());
            let held = if task.even_held { &none } else { &held };
            let mut report = Report::of(Verb::Move, selection, None);
            report.done = judge_again(selection, &identities, held, expected, &mut report, *removes);
            report
        });
        Ok(ready.collect())
    })
}

/// Opens the mailbox of a selection, and asks what messages there are.
fn identify(
    session: &mut Session,
    selection: &Selection,
    access: Access,
    uids: &UidSet,
    inquiry: &Inquiry,
) -> Result<Identities> {
    let mut identities = Identities::new();
    let commands = inquiry.commands(uids);
    let ends = session.run_in(&selection.name, access, false, &commands, &mut |_, response| {
        inquiry.take(&mut identities, uids, response);
        Ok(())
    })?;
    check_readable(session, selection)?;
    for end in ends {
        end.ok()?;
    }
    Ok(identities)
}

/// Refuses what could not be finished, and gives what the removal begins with; `None` where nothing is removed.
fn refuse_nonsense(session: &mut Session, selection: &Selection, leave: Leave) -> Result<Option<Kind>> {
    if selection.read_only && leave != Leave::No {
        return Err(ErrorKind::ReadOnly { mailbox: selection.shown.clone() }.into());
    }
    let action = match leave {
        Leave::No | Leave::Deleted => return Ok(None),
        Leave::Purged => Action::Purge,
        Leave::Copied if is_gmail(session) => Action::Trash,
        Leave::Copied => return Ok(Some(Kind::Purge)),
    };
    let task = Task::new(selection.clone(), Vec::new());
    let step = Step::new(session, &mut Names::default(), 0, &task, &action)?;
    if step.over && matches!(action, Action::Trash) {
        let hint = "copy them, or move them out of Trash first";
        return Err(Error::script("messages in Gmail's Trash can't be moved to another account", hint));
    }
    Ok(Some(step.kind))
}

/// Removes messages of which it is proven that they are elsewhere. What became of them is in the report; with it comes
/// whether the connection broke.
pub(super) fn remove(
    selection: &Selection,
    permission: Permission,
    target: MailboxName,
    uids: UidSet,
) -> Ticket<(Report, bool)> {
    let query = Query::Uids(uids.clone());
    let selection = Selection { query, ..selection.with_uids(uids) };
    selection.account.clone().change(permission, move |session, run| {
        let uids = selection.uids.clone();
        let report = remove_here(session, run, &selection, &target, uids)?;
        Ok((report, session.is_poisoned()))
    })
}

/// Does the same on the source's own thread.
pub(super) fn remove_here(
    session: &mut Session,
    run: &Run,
    selection: &Selection,
    target: &MailboxName,
    uids: UidSet,
) -> Result<Report> {
    let query = Query::Uids(uids.clone());
    let selection = Selection { query, ..selection.with_uids(uids) };
    if is_gmail(session) {
        let mut done = carry_out(session, run, &[Task::new(selection, vec![Action::Trash])])?;
        return done.pop().ok_or_else(|| Error::protocol("no report of the action"))?.1;
    }
    remove_originals(session, &selection, target)
}

/// Removes for good messages of which it is proven that they are in an archive.
pub(super) fn purge(selection: &Selection, uids: UidSet) -> Ticket<Report> {
    let query = Query::Uids(uids.clone());
    let selection = Selection { query, ..selection.with_uids(uids) };
    selection.account.clone().change(Permission::Purge, move |session, run| {
        let mut done = carry_out(session, run, &[Task::new(selection, vec![Action::Purge])])?;
        done.pop().ok_or_else(|| Error::protocol("no report of the action"))?.1
    })
}

/// Takes in what became of messages that were to be removed, after what was `done` to them elsewhere.
pub(super) fn take_removed(report: &mut Report, uids: &UidSet, removed: Result<Report>, done: &str) {
    let removed = match removed {
        Ok(removed) => removed,
        Err(error) => {
            report.doubt(uids.clone(), format!("{done}, but not removed here: {error}"));
            return;
        }
    };
    report.done = report.done.union(&removed.done);
    report.held = report.held.union(&removed.held);
    report.notes.extend(removed.notes);
    for remark in removed.in_doubt {
        report.doubt(remark.uids, remark.reason);
    }
    for remark in removed.failed.into_iter().chain(removed.skipped) {
        report.doubt(remark.uids, format!("{done}, but not removed here: {}", remark.reason));
    }
}

fn remove_originals(session: &mut Session, selection: &Selection, target: &MailboxName) -> Result<Report> {
    let is_open =
        session.selected().is_some_and(|open| open.name == selection.name && open.access == Access::Write);
    if is_open {
        check_open(session, selection)?;
    } else {
        reopen(session, selection)?;
    }
    let report = Report::of(Verb::Move, selection, None);
    let mut step = Step::of(0, selection, Kind::Remove(target.clone()), report);
    let left = Left { proven: selection.uids.clone(), ..Left::default() };
    rungs::remove(session, std::slice::from_mut(&mut step), &mut [(0, left)]);
    Ok(step.report)
}
