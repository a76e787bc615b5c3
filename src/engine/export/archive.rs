use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::entries::Entries;
use super::mbox::{Mbox, from_line};
use super::stamp::{Stamp, date_of, network_lines};
use crate::engine::messages::MESSAGE_CAP;
use crate::engine::new_file::refused;
use crate::error::{ErrorKind, Result, visible};
use crate::mail::{Flag, Headers, InternalDate};

/// A message for an archive, or of one.
#[derive(Debug)]
pub(in crate::engine) struct Letter {
    pub(in crate::engine) raw: Vec<u8>,
    pub(in crate::engine) flags: Vec<Flag>,
    pub(in crate::engine) date: Option<InternalDate>,
}

/// An mbox file that messages are put into before they are removed for good, so that they can be restored exactly.
pub(in crate::engine) struct Archive {
    path: PathBuf,
    mbox: Mbox,
}

impl Archive {
    /// Opens an mbox file, or creates one for its owner only.
    pub(in crate::engine) fn open(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_owned(), mbox: Mbox::open(path)? })
    }

    /// Adds messages, makes them durable, and reads them again. Tells of each whether it came back as it was.
    ///
    /// Error: nothing was added.
    pub(in crate::engine) fn store(&mut self, letters: &[Letter]) -> Result<Vec<bool>> {
        let failed = |error: std::io::Error| refused(&self.path, &error);
        let start = self.mbox.end().map_err(failed)?;
        let written = letters.iter().try_for_each(|Letter { raw, flags, date }| {
            let stamp = Stamp::of(raw, flags, *date);
            let from = from_line(*date, raw) + &stamp.words();
            self.mbox.put(&from, &stamp.lines(raw))
        });
        if let Err(error) = written.and_then(|()| self.mbox.finish()) {
            // What can't be taken back is a message too many in the file: none was removed.
            let _ = self.mbox.cut(start);
            return Err(refused(&self.path, &error));
        }
        let file = self.mbox.from(start).map_err(failed)?;
        let mut entries = Entries::new(BufReader::new(file), MESSAGE_CAP).map_err(failed)?;
        let mut proven = Vec::with_capacity(letters.len());
        for letter in letters {
            let entry = entries.next().map_err(failed)?;
            let back = entry.and_then(|entry| Stamp::parse(&entry.from)?.restored(&entry));
            proven.push(back.as_ref() == Some(&letter.raw));
        }
        Ok(proven)
    }
}

/// Goes through the messages of an mbox file.
pub(in crate::engine) struct Letters {
    path: PathBuf,
    entries: Entries<BufReader<std::fs::File>>,
}

impl Letters {
    /// Opens it.
    ///
    /// Errors: it can't be read, or is no mbox.
    pub(in crate::engine) fn open(path: &Path) -> Result<Self> {
        let unfit = |error: &std::io::Error| {
            let cause = match error.kind() {
                std::io::ErrorKind::InvalidData => "is no mbox file".to_owned(),
                std::io::ErrorKind::NotFound => "does not exist".to_owned(),
                _ => format!("can't be read: {error}"),
            };
            let what = format!("`{}` {cause}", visible(&path.display().to_string()));
            let hint = "name an mbox file, such as `purge { archive = \"old.mbox\" }` writes".to_owned();
            ErrorKind::Config { what, hint }
        };
        let file = std::fs::File::open(path).map_err(|error| unfit(&error))?;
        let entries = Entries::new(BufReader::new(file), MESSAGE_CAP).map_err(|error| unfit(&error))?;
        Ok(Self { path: path.to_owned(), entries })
    }

    /// Gives the next message, or why it can't be restored; `None` after the last.
    ///
    /// Error: the file can't be read any more.
    pub(in crate::engine) fn next(&mut self) -> Result<Option<std::result::Result<Letter, String>>> {
        let entry = self.entries.next().map_err(|error| refused(&self.path, &error))?;
        let Some(entry) = entry else { return Ok(None) };
        if entry.length > MESSAGE_CAP {
            return Ok(Some(Err(crate::engine::contents::too_large(entry.length))));
        }
        let Some(stamp) = Stamp::parse(&entry.from) else {
            // Another program's: its lines are a message's, whatever they ended with there.
            let raw = network_lines(&super::unix_lines(&entry.text));
            if raw.is_empty() || Headers::parse(&raw).is_empty() {
                return Ok(Some(Err("it has no header".to_owned())));
            }
            let date =
                date_of(&entry.from).and_then(|at| InternalDate::from_timestamp(at, jiff::tz::Offset::UTC));
            return Ok(Some(Ok(Letter { raw, flags: Vec::new(), date })));
        };
        let changed = || "it was changed since it was archived: its digest is another".to_owned();
        let raw = stamp.restored(&entry).ok_or_else(changed);
        Ok(Some(raw.map(|raw| Letter { raw, flags: stamp.flags, date: stamp.date })))
    }
}
