//! Copies and moves to another account: messages are loaded here and appended there, byte for byte, with their
//! flags and dates of arrival; what arrived is looked at, and only then a move removes the originals.
//!
//! A thread of its own goes between the two connections, so that neither ever waits for the other. While a batch
//! is appended the next is loaded, and the batch before it is looked at in the same flight.

mod arrivals;
mod book;
mod copies;
mod essence;
mod inflow;
mod restore;
mod settle;
mod target;
mod there;

use std::collections::VecDeque;

use super::Task;
use super::batches::{Batch, Batches};
use super::planning;
use super::source::{Head, Leave, look, remove, take_removed};
use crate::engine::account::Account;
use crate::engine::contents::GONE;
use crate::engine::names::NameSpec;
use crate::engine::permission::Permission;
use crate::engine::report::{Landing, Report, Verb, messages};
use crate::engine::selection::Selection;
use crate::engine::ticket::Ticket;
use crate::engine::title::Title;
use crate::error::{ErrorKind, Result};
use crate::mail::UidSet;
use book::Book;
use inflow::Inflow;
use target::Target;

pub(super) use arrivals::{Arrival, find as find_arrivals, note as note_arrivals};
pub(super) use restore::head;
pub use restore::restore;
pub(in crate::engine) use restore::{Chosen, restore_some};
pub(super) use settle::{find, finish};

/// A mailbox of another account as the target of a copy or move.
#[derive(Clone, Debug, PartialEq)]
pub struct Across {
    /// The other account.
    pub account: Account,
    /// The mailbox there, which is created if it is missing.
    pub spec: NameSpec,
    /// A copy that the server has written anew, or put together with a message that it had, counts if it says the
    /// same.
    pub accept_rewritten: bool,
}

/// Copies messages to another account, or moves them there.
///
/// Errors mean that nothing was changed.
pub(super) fn transfer(task: &Task, across: &Across, moves: bool) -> Result<Report> {
    let selection = &task.selection;
    let (verb, permission) =
        if moves { (Verb::Move, Permission::Move) } else { (Verb::Copy, Permission::Copy) };
    let _turn = across.account.receive();
    let leave = if moves { Leave::Copied } else { Leave::No };
    if selection.account.run().overlay.is_some() {
        let finding = planning::find_there(across, permission);
        let looking = look(task, permission, leave, Report::of(verb, selection, None));
        let (there, (mut report, heads)) = (finding.wait(), looking.wait()?);
        let there = there?;
        name_target(&mut report, across, &there.shown);
        return planning::transfer(selection, across, (there, permission), (report, heads));
    }
    let finding = Target::find(across, permission);
    let looking = look(task, permission, leave, Report::of(verb, selection, None));
    let target = finding.wait();
    let (mut report, heads) = looking.wait()?;
    let target = target?;
    name_target(&mut report, across, &target.shown);
    let book = Book::of_transfer(selection, verb)?;
    let heads = if moves { heads } else { take_credits(selection, &book, &target, heads, &mut report)? };
    if heads.is_empty() {
        return Ok(report);
    }
    for head in &heads {
        report.entitle(head.uid, || Title::from(&head.known));
    }
    if target.missing && target.create().wait()? {
        report.notes.push(format!("created mailbox {}", report.object.clone().unwrap_or_default()));
    }
    let inflow = Inflow::new(target, report, book, moves);
    let mut transfer = Transfer { selection, permission, moves, inflow, removals: VecDeque::new() };
    transfer.go(heads);
    Ok(transfer.end())
}

fn name_target(report: &mut Report, across: &Across, shown: &str) {
    report.object = Some(format!("{}: {shown}", across.account.label()));
    report.elsewhere = Some((across.account.clone(), shown.to_owned()));
}

/// A copy or move under way.
struct Transfer<'a> {
    selection: &'a Selection,
    permission: Permission,
    moves: bool,
    inflow: Inflow,
    removals: VecDeque<(UidSet, Ticket<(Report, bool)>)>,
}

impl Transfer<'_> {
    fn go(&mut self, heads: Vec<Head>) {
        let mut batches = Batches::start(self.selection, heads);
        loop {
            let interrupted = self.selection.account.run().is_interrupted();
            let batch = if interrupted { Some(Err(ErrorKind::Interrupted.into())) } else { batches.next() };
            let broken = match batch {
                None => break,
                Some(Ok(batch)) => self.send(batch),
                Some(Err(error)) => Some(error.to_string()),
            };
            if let Some(reason) = broken {
                self.inflow.report.fail(batches.rest(), format!("not begun: {reason}"));
                break;
            }
        }
        let proven = self.inflow.finish();
        self.take(proven);
    }

    /// Sends one batch, and takes in what became of the one before. Gives what broke it off.
    fn send(&mut self, batch: Batch) -> Option<String> {
        let mut messages = Vec::with_capacity(batch.len());
        for (head, content) in batch {
            match content {
                Some(raw) => messages.extend(self.inflow.offer(head, raw)),
                None => self.inflow.report.skip(UidSet::from(head.uid), GONE),
            }
        }
        let (proven, broken) = self.inflow.store(messages);
        self.take(proven);
        broken
    }

    /// Has the originals of what is proven removed, if it is a move.
    fn take(&mut self, proven: UidSet) {
        if self.moves && !proven.is_empty() {
            let target = self.inflow.target.name.clone();
            let ticket = remove(self.selection, self.permission, target, proven.clone());
            self.removals.push_back((proven, ticket));
        } else {
            self.inflow.report.done = self.inflow.report.done.union(&proven);
        }
        // By the time that two more batches were loaded on the same connection, it is over.
        self.take_removed(2);
        self.inflow.conclude();
    }

    /// Takes in what became of removals, but the last few.
    fn take_removed(&mut self, but: usize) {
        while self.removals.len() > but {
            let Some((uids, removal)) = self.removals.pop_front() else { return };
            let removed = removal.wait();
            match &removed {
                Ok((_, false)) => {}
                Ok((report, true)) => {
                    let doubts = report.in_doubt.iter().map(|remark| &remark.uids);
                    doubts.for_each(|uids| self.inflow.book.cut(uids));
                }
                Err(_) => self.inflow.book.cut(&uids),
            }
            take_removed(&mut self.inflow.report, &uids, removed.map(|(report, _)| report), "copied");
        }
    }

    /// Waits for the removals, and gives the report of everything.
    fn end(mut self) -> Report {
        self.take_removed(0);
        self.inflow.end()
    }
}

/// Takes what a run of the same script had copied already, before it failed, off what is to be copied.
fn take_credits(
    selection: &Selection,
    book: &Book,
    target: &Target,
    heads: Vec<Head>,
    report: &mut Report,
) -> Result<Vec<Head>> {
    let Some(validity) = selection.validity else { return Ok(heads) };
    let wanted: Vec<_> = heads.iter().map(|head| (head.uid, head.known.likeness())).collect();
    let account = &selection.account.row().identity;
    let there = (Some(&*target.account.row().identity), &target.name);
    let credits = book.journal()?.take_copy_credits(account, (&selection.name, validity), there, &wanted)?;
    let uids: UidSet = credits.iter().map(|credit| credit.of).collect();
    if uids.is_empty() {
        return Ok(heads);
    }
    let count = messages(uids.len());
    report.notes.push(format!("{count} of them had been copied by the run before, which failed"));
    for credit in credits {
        if let Some((validity, there)) = credit.landed {
            let (mailbox, pairs) = (target.name.clone(), vec![(credit.of, there)]);
            report.land(Landing { mailbox, validity, uids: there.into(), pairs });
        }
    }
    report.done = report.done.union(&uids);
    Ok(heads.into_iter().filter(|head| !uids.contains(head.uid)).collect())
}
