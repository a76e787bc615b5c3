use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::fs::{FlockOperation, fcntl_lock};

use super::unix_lines;
use crate::engine::messages::Loaded;
use crate::engine::new_file::{refused, sync_directory};
use crate::error::{Error, ErrorKind, Result, visible};
use crate::mail::{Headers, InternalDate};

/// An mbox file that messages are added to, in the form `mboxrd`: each begins with a `From ` line, and each
/// line of it that looks like one, quoted or not, is quoted once more (RFC 4155 has the names).
pub(super) struct Mbox {
    path: PathBuf,
    file: File,
    /// Its length before.
    start: u64,
    /// It did not exist before.
    made: bool,
    added: bool,
}

impl Mbox {
    /// Opens a file that is an mbox or empty, or creates one for its owner only; never through a symbolic
    /// link. It is locked as mail programs do.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let options = || {
            let mut options = OpenOptions::new();
            options.read(true).append(true).mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
            options
        };
        let (mut file, made) = match options().create_new(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                (options().open(path).map_err(|error| cannot_open(path, &error))?, false)
            }
            created => (created.map_err(|error| refused(path, &error))?, true),
        };
        if !file.metadata().map_err(|error| refused(path, &error))?.is_file() {
            return Err(unfit(path, "is no file"));
        }
        if fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(unfit(path, "is being written to by another program"));
        }
        let start = end_of_mbox(&mut file).map_err(|error| refused(path, &error))?;
        let start = start.ok_or_else(|| unfit(path, "exists already and is no mbox"))?;
        Ok(Self { path: path.to_owned(), file, start, made, added: false })
    }

    /// Adds a message.
    pub(super) fn add(&mut self, loaded: &Loaded, raw: &[u8]) -> io::Result<()> {
        let line = from_line(loaded.date, raw);
        self.put(&line, &unix_lines(raw))
    }

    /// Adds a message's lines after the line that it begins with.
    pub(super) fn put(&mut self, from: &str, lines: &[u8]) -> io::Result<()> {
        self.separate()?;
        let mut text = Vec::with_capacity(lines.len() + from.len() + 100);
        text.extend_from_slice(from.as_bytes());
        text.push(b'\n');
        text.extend(quoted(lines));
        self.added = true;
        self.file.write_all(&text)
    }

    /// Adds what is missing of the empty line after what was there before.
    fn separate(&mut self) -> io::Result<()> {
        if self.added || self.start == 0 {
            return Ok(());
        }
        let gap = self.gap()?;
        self.added = true;
        self.file.write_all(gap)
    }

    /// Gives where the next message will begin.
    pub(super) fn end(&mut self) -> io::Result<u64> {
        self.separate()?;
        self.file.seek(SeekFrom::End(0))
    }

    /// Gives the file from there on, to be read.
    pub(super) fn from(&mut self, start: u64) -> io::Result<&File> {
        self.file.seek(SeekFrom::Start(start))?;
        Ok(&self.file)
    }

    /// Takes back what was added from there on.
    pub(super) fn cut(&mut self, start: u64) -> io::Result<()> {
        self.file.set_len(start)
    }

    /// Gives what is missing of the empty line after the last message that was there before.
    fn gap(&mut self) -> io::Result<&'static [u8]> {
        let mut end = [b'\n'; 2];
        self.file.seek(SeekFrom::End(-2))?;
        self.file.read_exact(&mut end)?;
        Ok(match end {
            [b'\n', b'\n'] => b"",
            [_, b'\n'] => b"\n",
            _ => b"\n\n",
        })
    }

    /// Makes what was added durable.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if self.made && !self.added {
            return fs::remove_file(&self.path);
        }
        self.file.sync_all()?;
        sync_directory(&self.path);
        Ok(())
    }

    /// Takes back what was added.
    pub(super) fn undo(&mut self) -> io::Result<()> {
        self.file.set_len(self.start)?;
        if self.made { fs::remove_file(&self.path) } else { Ok(()) }
    }
}

/// Gives the length of a file that is an mbox or empty; `None` for anything else.
fn end_of_mbox(file: &mut File) -> io::Result<Option<u64>> {
    let length = file.metadata()?.len();
    let mut beginning = Vec::new();
    file.take(5).read_to_end(&mut beginning)?;
    Ok((length == 0 || beginning == b"From ").then_some(length))
}

/// Gives the lines of a message with what looks like the beginning of another quoted, and an empty line after them.
pub(super) fn quoted(lines: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(lines.len() + 2);
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        let quotes = line.iter().take_while(|&&byte| byte == b'>').count();
        if line.get(quotes..).is_some_and(|line| line.starts_with(b"From ")) {
            text.push(b'>');
        }
        text.extend_from_slice(line);
    }
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.push(b'\n');
    text
}

/// Writes the line before a message: who sent it, and when it arrived, as `asctime` writes it in UTC.
pub(super) fn from_line(date: Option<InternalDate>, raw: &[u8]) -> String {
    let headers = Headers::parse(raw);
    let of = |field| headers.addresses(field).into_iter().next().map(|address| address.email);
    let is_word = |email: &String| {
        !email.is_empty() && email.chars().all(|c| c.is_ascii_graphic()) && email.len() <= 320
    };
    let sender = of("return-path").filter(is_word).or_else(|| of("from").filter(is_word));
    let arrived = date.map(InternalDate::timestamp);
    let when =
        arrived.or_else(|| headers.date().map(|date| date.timestamp())).unwrap_or(Timestamp::UNIX_EPOCH);
    let when = when.to_zoned_datetime(TimeZone::UTC).strftime("%a %b %e %H:%M:%S %Y");
    format!("From {} {when}", sender.as_deref().unwrap_or("MAILER-DAEMON"))
}

fn cannot_open(path: &Path, error: &io::Error) -> Error {
    if error.raw_os_error() == Some(libc::ELOOP) {
        return unfit(path, "is a symbolic link");
    }
    refused(path, error)
}

fn unfit(path: &Path, why: &str) -> Error {
    let what = format!("`{}` {why}: no messages are added to it", visible(&path.display().to_string()));
    let hint = "export to an mbox file, to a new name, or, with `/` at its end, to a Maildir".to_owned();
    ErrorKind::Config { what, hint }.into()
}
