//! Copies and moves to another account: messages are loaded here and appended there, byte for byte, with their
//! flags and dates of arrival; what arrived is looked at, and only then a move removes the originals.
//!
//! A thread of its own goes between the two connections, so that neither ever waits for the other. While a batch
//! is appended the next is loaded, and the batch before it is looked at in the same flight.

mod copies;
mod essence;
mod target;

use std::collections::BTreeSet;

use super::batches::{Batch, Batches};
use super::source::{Head, Leave, look, remove};
use crate::engine::account::Account;
use crate::engine::connection::Ticket;
use crate::engine::contents::GONE;
use crate::engine::names::NameSpec;
use crate::engine::permission::Permission;
use crate::engine::report::{Landing, Report, Verb};
use crate::engine::selection::Selection;
use crate::error::{Error, ErrorKind, Result};
use crate::mail::UidSet;
use copies::{Copy, Sent};
use target::{Stored, Target};

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
pub(super) fn transfer(selection: &Selection, across: &Across, moves: bool) -> Result<Report> {
    let (verb, permission) =
        if moves { (Verb::Move, Permission::Move) } else { (Verb::Copy, Permission::Copy) };
    let _turn = across.account.receive();
    let finding = Target::find(across, permission);
    let leave = if moves { Leave::Copied } else { Leave::No };
    let looking = look(selection, permission, leave, Report::of(verb, selection, None));
    let target = finding.wait();
    let (mut report, heads) = looking.wait()?;
    let target = target?;
    report.object = Some(format!("{}: {}", across.account.label(), target.shown));
    report.elsewhere = Some((across.account.clone(), target.shown.clone()));
    if heads.is_empty() {
        return Ok(report);
    }
    if target.missing && target.create().wait()? {
        report.notes.push(format!("created mailbox {}", report.object.clone().unwrap_or_default()));
    }
    let mut transfer = Transfer {
        selection,
        permission,
        moves,
        target,
        report,
        pending: Vec::new(),
        removals: Vec::new(),
        unkept: BTreeSet::new(),
    };
    transfer.go(heads);
    Ok(transfer.end())
}

/// A copy or move under way.
struct Transfer<'a> {
    selection: &'a Selection,
    permission: Permission,
    moves: bool,
    target: Target,
    report: Report,
    /// Messages that were sent and not yet looked for.
    pending: Vec<Sent>,
    removals: Vec<(UidSet, Ticket<Report>)>,
    /// Flags that the target does not keep.
    unkept: BTreeSet<String>,
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
                self.report.fail(batches.rest(), format!("not begun: {reason}"));
                break;
            }
        }
        // Once more, on a new connection if the last one broke: what arrived is there.
        if !self.pending.is_empty() {
            self.store(Vec::new());
        }
        for sent in std::mem::take(&mut self.pending) {
            let reason = sent.cut.unwrap_or_else(|| "it could not be looked for in the target".to_owned());
            self.report.doubt(UidSet::from(sent.uid), format!("{reason}; nothing was removed"));
        }
    }

    /// Sends one batch, and takes in what became of the one before. Gives what broke it off.
    fn send(&mut self, batch: Batch) -> Option<String> {
        let mut messages = Vec::with_capacity(batch.len());
        for (head, content) in batch {
            let uid = UidSet::from(head.uid);
            let Some(raw) = content else {
                self.report.skip(uid, GONE);
                continue;
            };
            if raw.contains(&0) {
                self.report.fail(uid, "it has a NUL character in it, which IMAP can't carry");
            } else if self.target.limit.is_some_and(|limit| raw.len() as u64 > limit) {
                let size = raw.len();
                self.report.fail(uid, format!("{size} bytes, more than the other server takes"));
            } else {
                let message = self.target.message(raw, &head.flags, head.date);
                let rewritten = self.target.accepts_rewritten();
                messages.push((Sent::new(head.uid, head.message_id, &message, rewritten), message));
            }
        }
        self.store(messages)
    }

    /// Does one turn on the target: sends messages and looks for those sent before.
    fn store(&mut self, messages: Vec<(Sent, crate::imap::NewMessage)>) -> Option<String> {
        let pending = std::mem::take(&mut self.pending);
        let before: Vec<_> = pending.iter().chain(messages.iter().map(|(sent, _)| sent)).cloned().collect();
        let mut stored = match self.target.store(pending, messages).wait() {
            Ok(stored) => stored,
            Err(error) => {
                // The connection could not be opened, or nobody knows how far it came.
                let why = error.to_string();
                self.pending = before.into_iter().map(|sent| sent.in_doubt(&why)).collect();
                return Some(why);
            }
        };
        self.target.take(&mut stored);
        let Stored { seen, pending, refused, error, .. } = stored;
        self.pending = pending;
        for (uid, reason) in refused {
            self.report.fail(UidSet::from(uid), reason);
        }
        self.judge(seen);
        error
    }

    /// Takes in what is seen of messages in the target, and has the originals of what is proven removed.
    fn judge(&mut self, seen: Vec<(Sent, Copy)>) {
        let moves = self.moves;
        let mut proven = UidSet::new();
        for (sent, copy) in seen {
            let uid = UidSet::from(sent.uid);
            match copy {
                Copy::Same(validity, there, lost) => {
                    self.unkept.extend(lost.iter().map(ToString::to_string));
                    self.land(Landing {
                        mailbox: self.target.name.clone(),
                        validity,
                        uids: UidSet::from(there),
                        pairs: vec![(sent.uid, there)],
                    });
                    proven.insert(sent.uid);
                }
                Copy::Other(_, _, how) => {
                    let stays = if moves { ": the original stays" } else { "" };
                    self.report.doubt(uid, format!("there is a copy, but {how}{stays}"));
                }
                Copy::Unseen => {
                    let why = sent.cut.unwrap_or_else(|| "the server said OK".to_owned());
                    let stays = if moves { "; nothing was removed" } else { "" };
                    self.report.doubt(uid, format!("{why}, but no copy is seen in the target{stays}"));
                }
            }
        }
        if moves && !proven.is_empty() {
            let target = self.target.name.clone();
            let ticket = remove(self.selection, self.permission, target, proven.clone());
            self.removals.push((proven, ticket));
        } else {
            self.report.done = self.report.done.union(&proven);
        }
    }

    fn land(&mut self, landing: Landing) {
        match self.report.landed.iter_mut().find(|known| known.validity == landing.validity) {
            Some(known) => {
                known.uids = known.uids.union(&landing.uids);
                known.pairs.extend(landing.pairs);
            }
            None => self.report.landed.push(landing),
        }
    }

    /// Waits for the removals, and gives the report of everything.
    fn end(mut self) -> Report {
        for (uids, removal) in self.removals {
            take_removed(&mut self.report, &uids, removal.wait());
        }
        if !self.unkept.is_empty() {
            let flags: Vec<_> = self.unkept.into_iter().collect();
            self.report.notes.push(format!("the target does not keep {}", flags.join(" ")));
        }
        self.report
    }
}

/// Takes in what became of originals that were to be removed.
pub(super) fn take_removed(report: &mut Report, uids: &UidSet, removed: Result<Report, Error>) {
    let removed = match removed {
        Ok(removed) => removed,
        Err(error) => {
            report.doubt(uids.clone(), format!("copied, but not removed here: {error}"));
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
        report.doubt(remark.uids, format!("copied, but not removed here: {}", remark.reason));
    }
}
