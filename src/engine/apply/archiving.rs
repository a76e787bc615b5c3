//! Removal for good of messages that are put into a file first: only what was read back from it as it was is removed.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::Task;
use super::batches::{Batch, Batches};
use super::planning;
use super::source::{Head, Leave, Looked, look, purge, take_removed};
use crate::engine::contents::GONE;
use crate::engine::export::{Archive, Letter};
use crate::engine::permission::Permission;
use crate::engine::report::{Report, Verb, messages};
use crate::engine::selection::Selection;
use crate::engine::ticket::Ticket;
use crate::error::{Error, ErrorKind, Result};
use crate::mail::UidSet;

/// Held by who writes to an archive: a lock on the file keeps other programs out, but not this one.
static WRITING: Mutex<()> = Mutex::new(());

/// Puts messages into an mbox file, and removes them for good.
///
/// Errors mean that nothing was removed.
pub(super) fn archive(task: &Task, path: &Path) -> Result<Report> {
    let selection = &task.selection;
    let (mut report, heads): Looked =
        look(task, Permission::Purge, Leave::Purged, Report::of(Verb::Purge, selection, None)).wait()?;
    if heads.is_empty() {
        return Ok(report);
    }
    if selection.account.run().overlay.is_some() {
        return planning::archive(selection, path, (report, heads));
    }
    let _turn = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut file = Archive::open(path)?;
    let mut batches = Batches::start(selection, heads);
    let mut removals: Vec<(UidSet, Ticket<Report>)> = Vec::new();
    loop {
        let interrupted = selection.account.run().is_interrupted();
        let batch = if interrupted { Some(Err(ErrorKind::Interrupted.into())) } else { batches.next() };
        let stored = match batch {
            None => break,
            Some(batch) => batch.and_then(|batch| store(&mut file, batch, &mut report)),
        };
        match stored {
            Ok(proven) if proven.is_empty() => {}
            Ok(proven) => {
                let ticket = purge(selection, proven.clone());
                removals.push((proven, ticket));
            }
            Err(error) => {
                let told = report.failed.iter().chain(&report.skipped).map(|remark| remark.uids.clone());
                let told = told.chain(removals.iter().map(|(uids, _)| uids.clone()));
                let told = told.fold(UidSet::new(), |sum, uids| sum.union(&uids));
                report
                    .fail(selection.uids.difference(&told), format!("not archived, so not removed: {error}"));
                break;
            }
        }
    }
    for (uids, removal) in removals {
        take_removed(&mut report, &uids, removal.wait(), "archived");
    }
    report.notes.push(format!("archived in {}", path.display()));
    Ok(report)
}

/// Puts all of some messages into an mbox file.
///
/// Error: one of them is not in it as it was.
pub(super) fn store_all(selection: &Selection, path: &Path, heads: Vec<Head>) -> Result<()> {
    let _turn = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut file = Archive::open(path)?;
    let (mut report, mut stored, count) = (Report::of(Verb::Purge, selection, None), 0, heads.len());
    let mut batches = Batches::start(selection, heads);
    while let Some(batch) = batches.next() {
        if selection.account.run().is_interrupted() {
            return Err(ErrorKind::Interrupted.into());
        }
        stored += store(&mut file, batch?, &mut report)?.len();
    }
    if stored == count {
        return Ok(());
    }
    let what = format!("{} could not be archived: nothing was removed", messages(count - stored));
    Err(Error::script(what, "look at the file, or name another one"))
}

/// Puts one batch into the file. Gives the messages that were read back as they were.
fn store(file: &mut Archive, batch: Batch, report: &mut Report) -> Result<UidSet, Error> {
    let (mut uids, mut letters) = (Vec::new(), Vec::new());
    for (head, content) in batch {
        match content {
            Some(raw) => {
                uids.push(head.uid);
                letters.push(Letter { raw, flags: head.flags, date: head.date });
            }
            None => report.skip(UidSet::from(head.uid), GONE),
        }
    }
    let back = file.store(&letters)?;
    let mut proven = UidSet::new();
    for (uid, back) in uids.into_iter().zip(back) {
        if back {
            proven.insert(uid);
        } else {
            report.fail(UidSet::from(uid), "the archive does not give it back as it was: it was not removed");
        }
    }
    Ok(proven)
}
