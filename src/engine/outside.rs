//! What a dry run would do beside the servers: files that would be written, programs that would be run.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::contents::{GONE, too_large};
use super::export::Letters;
use super::messages::{MESSAGE_CAP, Needs};
use super::new_file::{directory_of, refused};
use super::overlay::{Overlay, PlannedAction, raw};
use super::report::{Report, Verb};
use super::sample::Sample;
use super::selection::Selection;
use super::selection_set::SelectionSet;
use super::title::Title;
use super::walk::Walk;
use crate::error::{Error, Result};
use crate::mail::{Uid, UidSet, UidValidity};

/// Notes what would be done to each message of a selection. Their contents are not fetched.
pub(super) fn plan_outside(
    overlay: &Overlay,
    verb: Verb,
    selection: &Selection,
    object: String,
    path: Option<&Path>,
) -> (Report, Option<Error>) {
    let mut report = Report::of(verb, selection, object);
    let done = look_through(selection, &mut report);
    record(overlay, selection, &report, path);
    let error = done.err().and_then(|error| report.cut_short(&selection.uids, error));
    (report, error)
}

fn look_through(selection: &Selection, report: &mut Report) -> Result<()> {
    let mut walk = Walk::new(&SelectionSet::from(selection.clone()), Needs::default());
    let mut there = UidSet::new();
    while let Some(met) = walk.step()? {
        there.insert(met.loaded.uid);
        if met.loaded.size > MESSAGE_CAP {
            report.fail(UidSet::from(met.loaded.uid), too_large(met.loaded.size));
            continue;
        }
        report.done.insert(met.loaded.uid);
        report.entitle(met.loaded.uid, || Title::of(&met.loaded.headers));
        report.add_sample(|| Sample::of(met.loaded.date, &met.loaded.headers));
    }
    report.skip(selection.uids.difference(&there), GONE);
    Ok(())
}

/// Notes an action that is done beside the servers, and where it writes to.
pub(super) fn record(overlay: &Overlay, selection: &Selection, report: &Report, path: Option<&Path>) {
    overlay.record(PlannedAction {
        mailbox_raw: raw(selection.name.wire()),
        uid_validity: selection.validity.map(UidValidity::get),
        messages: report.done.iter().map(|uid| overlay.named(&selection.name, uid)).collect(),
        path: path.map(whole_path).unwrap_or_default(),
        ..PlannedAction::of(report)
    });
}

/// Notes that a message is to be saved, for who plans it with what is in it.
pub(super) fn record_save(overlay: &Overlay, selection: &Selection, uid: Uid, path: &Path) {
    let report = Report::of(Verb::Save, selection, path.display().to_string());
    overlay.record(PlannedAction {
        mailbox_raw: raw(selection.name.wire()),
        uid_validity: selection.validity.map(UidValidity::get),
        messages: vec![overlay.named(&selection.name, uid)],
        path: whole_path(path),
        whole: true,
        ..PlannedAction::of(&report)
    });
}

/// Gives a path that means the same wherever a plan is applied.
pub(super) fn whole_path(path: &Path) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    raw(whole.as_os_str().as_bytes())
}

/// Plans a directory where just its last component is missing. Tells whether it would be made.
pub(super) fn plan_directory(overlay: &Overlay, path: &Path) -> Result<bool> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(false),
        Ok(_) => Err(refused(path, &io::ErrorKind::NotADirectory.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            check_directory(overlay, directory_of(path)).map_err(|error| refused(path, &error))?;
            Ok(overlay.files(|files| files.make_directory(path)))
        }
        Err(error) => Err(refused(path, &error)),
    }
}

/// Makes sure that messages could be added to an mbox file.
///
/// Error: as a real run has it, there is something else of that name, or no directory for it.
pub(super) fn plan_archive(overlay: &Overlay, path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(_) => Letters::open(path).map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            check_directory(overlay, directory_of(path)).map_err(|error| refused(path, &error))
        }
        Err(error) => Err(refused(path, &error)),
    }
}

/// Plans a new file.
///
/// Error: as a real run has it, there is something of that name, or no directory for it.
pub(super) fn plan_file(overlay: &Overlay, path: &Path, content: &[u8]) -> io::Result<()> {
    check_directory(overlay, directory_of(path))?;
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
    }
    match overlay.files(|files| files.write(path, content)) {
        None => Ok(()),
        Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
    }
}

/// Makes sure of a directory that is there, or would be.
fn check_directory(overlay: &Overlay, path: &Path) -> io::Result<()> {
    if overlay.files(|files| files.has_directory(path)) {
        return Ok(());
    }
    if fs::metadata(path)?.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}
