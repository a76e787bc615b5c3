//! The order of actions of which some need another connection or a file: whatever keeps the messages where they are
//! comes first, and what removes them only takes those with which nothing before it failed.

use super::source::look_again;
use super::{Action, Done, Task, across, archiving, on_connection};
use crate::engine::account::Account;
use crate::engine::query::Query;
use crate::engine::report::Report;
use crate::engine::selection::Selection;
use crate::error::{Error, Result};
use crate::mail::UidSet;

/// Gives an action as it is from an account: a mailbox of the same account is no other account's.
pub(super) fn seen_from(account: &Account, action: Action) -> Action {
    let is_own = |other: &Account| account == other || account.is_same_store(other);
    match action {
        Action::MoveAcross(across) if is_own(&across.account) => Action::Move(across.spec),
        Action::CopyAcross(across) if is_own(&across.account) => Action::Copy(across.spec),
        other => other,
    }
}

/// When an action has its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// Flags, labels and copies of the account's own.
    Here,
    /// Copies to other accounts.
    Out,
    /// Removals of the account's own.
    Remove,
    /// Removals of what was first stored elsewhere.
    MoveOut,
}

impl Turn {
    const EACH: [Self; 4] = [Self::Here, Self::Out, Self::Remove, Self::MoveOut];

    fn of(action: &Action) -> Self {
        match (action.leads_out(), action.removes()) {
            (false, false) => Self::Here,
            (true, false) => Self::Out,
            (false, true) => Self::Remove,
            (true, true) => Self::MoveOut,
        }
    }
}

/// Carries out tasks on messages of one mailbox.
///
/// Errors mean that nothing was changed.
pub(super) fn carry_out(account: &Account, tasks: Vec<Task>) -> Result<Vec<Done>> {
    if let [task] = tasks.as_slice()
        && let [action] = task.actions.as_slice()
    {
        return Ok(vec![(0, go_out(task, action))]);
    }
    let ready = look_again(account, &tasks).wait()?;
    let mut work = Work { account, tasks, ready, bad: UidSet::new(), over: Vec::new(), done: Vec::new() };
    for turn in Turn::EACH {
        if turn == Turn::Here || turn == Turn::Remove { work.stay(turn) } else { work.go_out(turn) }
    }
    work.done.sort_by_key(|(task, turn, _)| (*task, *turn));
    Ok(work.done.into_iter().map(|(task, _, result)| (task, result)).collect())
}

/// Does what leads out of the account.
fn go_out(task: &Task, action: &Action) -> Result<Report> {
    let result = match action {
        Action::MoveAcross(to) => across::transfer(task, to, true),
        Action::CopyAcross(to) => across::transfer(task, to, false),
        Action::PurgeArchived(path) => archiving::archive(task, path),
        _ => Err(Error::protocol("an action of the account's own that was to lead out of it")),
    };
    result.map_err(|error| error.in_mailbox(&task.selection.shown))
}

/// Tasks under way.
struct Work<'a> {
    account: &'a Account,
    tasks: Vec<Task>,
    /// For each task the messages that it may act on, and a report that tells of the others.
    ready: Vec<Report>,
    /// Messages with which something failed.
    bad: UidSet,
    /// Tasks one of whose actions can't be done.
    over: Vec<usize>,
    done: Vec<(usize, Turn, Result<Report>)>,
}

impl Work<'_> {
    /// Gives the messages that a task may still act on, and those that it must leave alone now.
    fn selection(&self, number: usize, turn: Turn) -> Option<(Selection, UidSet)> {
        let (task, ready) = (self.tasks.get(number)?, self.ready.get(number)?);
        let removes = turn == Turn::Remove || turn == Turn::MoveOut;
        let left = if removes { ready.done.intersection(&self.bad) } else { UidSet::new() };
        let uids = ready.done.difference(&left);
        // They were looked at when the call began; what it does itself does not count.
        Some((Selection { query: Query::Uids(uids.clone()), ..task.selection.with_uids(uids) }, left))
    }

    /// Does the actions of a turn that stay in the account, all in as few flights as can be.
    fn stay(&mut self, turn: Turn) {
        let (mut numbers, mut tasks, mut lefts) = (Vec::new(), Vec::new(), Vec::new());
        for (number, task) in self.tasks.iter().enumerate().filter(|(number, _)| !self.over.contains(number))
        {
            let actions: Vec<_> =
                task.actions.iter().filter(|action| Turn::of(action) == turn).cloned().collect();
            if let Some((selection, left)) = self.selection(number, turn).filter(|_| !actions.is_empty()) {
                numbers.push(number);
                lefts.push(left);
                tasks.push(Task { selection, actions, ..task.clone() });
            }
        }
        let Some(permission) = tasks.iter().flat_map(|task| &task.actions).map(Action::permission).next()
        else {
            return;
        };
        let done = match on_connection(self.account, permission, tasks, Ok).wait() {
            Ok(done) => done,
            Err(error) => {
                // Nothing of this turn was done.
                let first = numbers.first().copied().unwrap_or_default();
                self.over.extend(&numbers);
                self.bad = numbers.iter().fold(self.bad.clone(), |sum, number| sum.union(&self.all(*number)));
                self.done.push((first, turn, Err(error)));
                return;
            }
        };
        for (at, result) in done {
            if let (Some(number), Some(left)) = (numbers.get(at).copied(), lefts.get(at).cloned()) {
                self.take(number, turn, left, result);
            }
        }
    }

    /// Does the actions of a turn that lead out of the account.
    fn go_out(&mut self, turn: Turn) {
        for number in 0..self.tasks.len() {
            let task = self.tasks.get(number).filter(|_| !self.over.contains(&number));
            let actions = task.map(|task| task.actions.clone()).unwrap_or_default();
            for action in actions.iter().filter(|action| Turn::of(action) == turn) {
                if let Some((selection, left)) = self.selection(number, turn)
                    && let Some(task) = self.tasks.get(number)
                {
                    let task = Task { selection, ..task.clone() };
                    self.take(number, turn, left, go_out(&task, action));
                }
            }
        }
    }

    fn all(&self, number: usize) -> UidSet {
        self.tasks.get(number).map(|task| task.selection.uids.clone()).unwrap_or_default()
    }

    /// Takes in how an action ended.
    fn take(&mut self, number: usize, turn: Turn, left: UidSet, mut result: Result<Report>) {
        if let Ok(report) = &mut result {
            let remarks = report.failed.iter().chain(&report.in_doubt);
            self.bad = remarks.fold(self.bad.clone(), |sum, remark| sum.union(&remark.uids));
            report.skip(left, "left where it is: an earlier action on it failed");
            if turn == Turn::Remove || turn == Turn::MoveOut {
                report.notes.extend(self.ready.get(number).iter().flat_map(|ready| ready.notes.clone()));
            }
            for remark in self.ready.get(number).iter().flat_map(|ready| &ready.skipped) {
                report.skip(remark.uids.clone(), remark.reason.clone());
            }
        } else {
            self.over.push(number);
            self.bad = self.bad.union(&self.all(number));
        }
        self.done.push((number, turn, result));
    }
}
