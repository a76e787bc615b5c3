use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::unix_lines;
use crate::engine::messages::Loaded;
use crate::engine::new_file::{ensure_directory, write_new};
use crate::engine::report::Report;
use crate::error::{ErrorKind, Result, visible};
use crate::mail::Flag;

/// A Maildir that messages are added to.
pub(super) struct Maildir {
    path: PathBuf,
    /// What begins the names of all files of this export.
    stamp: String,
    written: Vec<PathBuf>,
}

impl Maildir {
    /// Opens a Maildir, or makes one of a directory that is empty or missing.
    pub(super) fn open(path: &Path, now: Timestamp) -> Result<Self> {
        let made = ensure_directory(path)?;
        let is_maildir = ["cur", "new"].iter().all(|name| path.join(name).is_dir());
        let is_empty = || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        if !made && !is_maildir && !is_empty() {
            let shown = visible(&path.display().to_string());
            let what = format!("the directory `{shown}` has other things in it and is no Maildir");
            let hint = "name a Maildir, or a directory that is empty or does not exist yet".to_owned();
            return Err(ErrorKind::Config { what, hint }.into());
        }
        for name in ["cur", "new", "tmp"] {
            ensure_directory(&path.join(name))?;
        }
        let (seconds, rest) = (now.as_second(), now.subsec_microsecond());
        let stamp = format!("{seconds}.M{rest}P{}", std::process::id());
        Ok(Self { path: path.to_owned(), stamp, written: Vec::new() })
    }

    /// Adds a message, with its flags in the file's name and its arrival as the file's time.
    pub(super) fn add(&mut self, report: &mut Report, loaded: &Loaded, raw: &[u8]) -> io::Result<()> {
        let (letters, others) = letters(&loaded.flags);
        for other in others {
            let note = format!("the keyword {other} is not kept in a Maildir");
            if !report.notes.contains(&note) {
                report.notes.push(note);
            }
        }
        let name = format!("{}Q{}.imapscript:2,{letters}", self.stamp, self.written.len());
        let file = self.path.join("cur").join(name);
        let arrived = loaded.date.map(|date| date.timestamp().as_second());
        let arrived = arrived.and_then(|seconds| u64::try_from(seconds).ok());
        let time =
            arrived.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        write_new(&self.path.join("tmp"), &file, &unix_lines(raw), time)?;
        self.written.push(file);
        Ok(())
    }

    /// Takes back what was added.
    pub(super) fn undo(&mut self) -> io::Result<()> {
        self.written.drain(..).try_for_each(fs::remove_file)
    }
}

/// Gives the letters of a Maildir for flags, in their order, and the flags that have none.
fn letters(flags: &[Flag]) -> (String, Vec<&Flag>) {
    let (mut letters, mut others) = (Vec::new(), Vec::new());
    for flag in flags {
        match flag {
            Flag::Draft => letters.push('D'),
            Flag::Flagged => letters.push('F'),
            Flag::Answered => letters.push('R'),
            Flag::Seen => letters.push('S'),
            Flag::Deleted => letters.push('T'),
            Flag::Recent => {}
            flag if flag.to_string().eq_ignore_ascii_case("$forwarded") => letters.push('P'),
            other => others.push(other),
        }
    }
    letters.sort_unstable();
    letters.dedup();
    (letters.into_iter().collect(), others)
}
