//! Messages into files that other mail programs read.

mod archive;
mod entries;
mod maildir;
mod mbox;
mod stamp;

use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::contents::each_content;
use super::messages::Loaded;
use super::new_file::refused;
use super::outside::plan_outside;
use super::overlay::Overlay;
use super::report::{Report, Verb};
use super::selection::Selection;
use super::selection_set::SelectionSet;
use crate::error::{Error, ErrorKind, Result, visible};
pub(super) use archive::{Archive, Letter, Letters};
use maildir::Maildir;
use mbox::Mbox;

/// Where messages are exported to.
enum Exported {
    Mbox(Mbox),
    Maildir(Maildir),
}

/// Exports messages to an mbox file, or, where the path is a directory or ends with `/`, to a Maildir. What is
/// in either stays, and the messages are added to it.
///
/// An error means that nothing was added. Messages that are too large have failed and those that are gone are
/// skipped: that is in the reports, one for each mailbox.
pub fn export(set: &SelectionSet, path: &Path) -> Result<Vec<(Report, Selection)>> {
    let mut done = Vec::new();
    let Some(first) = set.parts().first().filter(|_| !set.is_empty()) else { return Ok(done) };
    if let Some(overlay) = &first.account.run().overlay {
        return plan_export(overlay, set, path);
    }
    let mut archive = Exported::open(path, first.account.run().world.now().timestamp())?;
    let mut fill = || -> Result<()> {
        for part in set.occupied() {
            let shown = path.display().to_string();
            let mut report = Report::of(Verb::Export, &part, shown);
            each_content(&part, &mut report, |report, loaded, raw| {
                archive.add(report, loaded, &raw).map_err(|error| refused(path, &error))?;
                report.done.insert(loaded.uid);
                Ok(())
            })?;
            done.push((report, part));
        }
        archive.finish().map_err(|error| refused(path, &error))
    };
    match fill() {
        Ok(()) => Ok(done),
        Err(error) => Err(archive.give_up(path, error)),
    }
}

/// Notes what would be exported. Whether the path can be written to shows only when it is.
fn plan_export(overlay: &Overlay, set: &SelectionSet, path: &Path) -> Result<Vec<(Report, Selection)>> {
    let mut done = Vec::new();
    for part in set.occupied() {
        let shown = path.display().to_string();
        let (report, error) = plan_outside(overlay, Verb::Export, &part, shown, Some(path));
        error.map_or(Ok(()), Err)?;
        done.push((report, part));
    }
    Ok(done)
}

impl Exported {
    fn open(path: &Path, now: Timestamp) -> Result<Self> {
        if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            Maildir::open(path, now).map(Self::Maildir)
        } else {
            Mbox::open(path).map(Self::Mbox)
        }
    }

    fn add(&mut self, report: &mut Report, loaded: &Loaded, raw: &[u8]) -> io::Result<()> {
        match self {
            Self::Mbox(mbox) => mbox.add(loaded, raw),
            Self::Maildir(maildir) => maildir.add(report, loaded, raw),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Mbox(mbox) => mbox.finish(),
            // Each of its files is durable already.
            Self::Maildir(_) => Ok(()),
        }
    }

    /// Takes back what was added, and gives the error that made it necessary.
    fn give_up(&mut self, path: &Path, error: Error) -> Error {
        let undone = match self {
            Self::Mbox(mbox) => mbox.undo(),
            Self::Maildir(maildir) => maildir.undo(),
        };
        match undone {
            Ok(()) => error,
            Err(left) => {
                let shown = visible(&path.display().to_string());
                let what = format!("{error}; and what was added to `{shown}` can't be taken back: {left}");
                Error { kind: Box::new(ErrorKind::Partial { what }), ..error }
            }
        }
    }
}

/// Makes the line ends of a message those of files here: LF.
fn unix_lines(raw: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(raw.len());
    let mut rest = raw.iter().peekable();
    while let Some(&byte) = rest.next() {
        if byte != b'\r' || rest.peek() != Some(&&b'\n') {
            lines.push(byte);
        }
    }
    lines
}
