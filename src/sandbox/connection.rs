use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::capability::Capabilities;
use super::compression::Compression;
use super::extension::{self, Undecoded, literal_at_end};

/// The longest text of a command, its literals apart.
const TEXT_MAX: usize = 64 * 1024;
/// The most that a command's literals hold together.
const LITERALS_MAX: usize = 64 * 1024 * 1024;
/// The same before login, when nobody has said who they are.
const STRANGER_MAX: usize = 8 * 1024;
/// How much is held back before it is written.
const OUT_MAX: usize = 64 * 1024;
/// How long a client may say nothing (RFC 3501 §5.4).
const AUTOLOGOUT: Duration = Duration::from_secs(30 * 60);

/// Why a connection is over.
#[derive(Debug)]
pub(super) enum End {
    /// The client left, or the stream failed: there is nobody to tell.
    Gone,
    /// The server ends it, and says why.
    Bye(&'static str),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Self::Bye("Autologout; idle for too long"),
            _ => Self::Gone,
        }
    }
}

/// What the client sent as one command.
pub(super) enum Incoming {
    /// All its bytes.
    Whole(Vec<u8>),
    /// One that is not wanted: tag and reason.
    Refused(String, &'static str),
}

/// One client's stream, read by lines and literals. What is written leaves before the next wait.
pub(super) struct Connection {
    stream: TcpStream,
    compression: Option<Compression>,
    input: Vec<u8>,
    /// How much of `input` is used up.
    used: usize,
    pub(super) out: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(AUTOLOGOUT))?;
        Ok(Self { stream, compression: None, input: Vec::new(), used: 0, out: Vec::new() })
    }

    /// Writes a line.
    pub(super) fn line(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// Sends what was written.
    pub(super) fn flush(&mut self) -> Result<(), End> {
        match &mut self.compression {
            Some(_) if self.out.is_empty() => {}
            Some(compression) => {
                self.stream.write_all(&compression.deflate(&self.out).ok_or(End::Gone)?)?;
            }
            None => self.stream.write_all(&self.out)?,
        }
        self.out.clear();
        Ok(())
    }

    /// Deflates and inflates all that follows what was written and read (RFC 4978).
    pub(super) fn compress(&mut self) -> Result<(), End> {
        self.flush()?;
        let deflated = self.input.split_off(self.used);
        self.input.clear();
        self.used = 0;
        self.compression = Some(Compression::new());
        self.take_in(&deflated)
    }

    /// Tells whether it is compressed.
    pub(super) fn is_compressed(&self) -> bool {
        self.compression.is_some()
    }

    /// Sends what was written and ends the connection; the listener holds the stream too, so that
    /// dropping it would not.
    pub(super) fn close(&mut self) {
        // The client may be gone already; then there is nobody to tell.
        let _ = self.flush();
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Sends what was written if it is much, so that a large answer is never held whole.
    pub(super) fn relieve(&mut self) -> Result<(), End> {
        if self.out.len() > OUT_MAX { self.flush() } else { Ok(()) }
    }

    /// Reads one command. Synchronising literals are invited once what came before them makes sense;
    /// of those that come uninvited the bytes are taken even if the command is refused, since they
    /// would be taken for commands otherwise (RFC 7888 §3).
    pub(super) fn command(&mut self, capabilities: &Capabilities, stranger: bool) -> Result<Incoming, End> {
        let literals_max = if stranger { STRANGER_MAX } else { LITERALS_MAX };
        let (mut bytes, mut text, mut refused) = (Vec::new(), 0, None);
        loop {
            let line = self.read_line(TEXT_MAX - text)?;
            text += line.len();
            bytes.extend_from_slice(&line);
            let Some((size, waits)) = literal_at_end(&line) else {
                return Ok(match refused {
                    Some(reason) => Incoming::Refused(tag(&bytes), reason),
                    None => Incoming::Whole(bytes),
                });
            };
            let too_big = size > literals_max.saturating_sub(bytes.len() - text);
            if waits {
                let reason = match extension::decode(&bytes, capabilities) {
                    _ if too_big => Some("[TOOBIG] That literal is too large"),
                    _ if refused.is_some() => refused,
                    Err(Undecoded::Unfinished) => None,
                    _ => Some("This is no command"),
                };
                if let Some(reason) = reason {
                    return Ok(Incoming::Refused(tag(&bytes), reason));
                }
                self.line("+ Go ahead");
            } else if too_big {
                return Err(End::Bye("That literal is too large"));
            } else if !capabilities.has("LITERAL+") {
                refused = Some("Literals are synchronising here");
            }
            self.read_exact(size, &mut bytes)?;
        }
    }

    /// Reads a line with its line break.
    pub(super) fn read_line(&mut self, max: usize) -> Result<Vec<u8>, End> {
        loop {
            if let Some(line) = self.buffered_line(max)? {
                return Ok(line);
            }
            self.fill()?;
        }
    }

    /// Waits for a line no longer than `patience`; `None` where none has come.
    pub(super) fn poll_line(&mut self, patience: Duration) -> Result<Option<Vec<u8>>, End> {
        if let Some(line) = self.buffered_line(TEXT_MAX)? {
            return Ok(Some(line));
        }
        self.stream.set_read_timeout(Some(patience))?;
        let filled = self.fill();
        self.stream.set_read_timeout(Some(AUTOLOGOUT))?;
        match filled {
            Ok(()) => self.buffered_line(TEXT_MAX),
            Err(End::Bye(_)) => Ok(None),
            Err(gone) => Err(gone),
        }
    }

    fn buffered_line(&mut self, max: usize) -> Result<Option<Vec<u8>>, End> {
        let waiting = self.input.get(self.used..).unwrap_or_default();
        let end = waiting.iter().take(max).position(|&b| b == b'\n');
        if end.is_none() && waiting.len() >= max {
            return Err(End::Bye("That line is too long"));
        }
        let line = end.and_then(|at| waiting.get(..=at)).map(<[u8]>::to_vec);
        self.used += line.as_ref().map_or(0, Vec::len);
        Ok(line)
    }

    fn read_exact(&mut self, size: usize, into: &mut Vec<u8>) -> Result<(), End> {
        let mut missing = size;
        loop {
            let waiting = self.input.get(self.used..).unwrap_or_default();
            let taken = waiting.get(..missing.min(waiting.len())).unwrap_or_default();
            into.extend_from_slice(taken);
            missing -= taken.len();
            self.used += taken.len();
            if missing == 0 {
                return Ok(());
            }
            self.fill()?;
        }
    }

    /// Reads what there is, after sending what was written.
    fn fill(&mut self) -> Result<(), End> {
        self.flush()?;
        self.input.drain(..self.used);
        self.used = 0;
        let mut chunk = [0; 16 * 1024];
        let read = self.stream.read(&mut chunk)?;
        if read == 0 {
            return Err(End::Gone);
        }
        self.take_in(chunk.get(..read).unwrap_or_default())
    }

    fn take_in(&mut self, bytes: &[u8]) -> Result<(), End> {
        if let Some(compression) = &mut self.compression {
            return compression.inflate(bytes, &mut self.input).ok_or(End::Bye("That is not deflated"));
        }
        self.input.extend_from_slice(bytes);
        Ok(())
    }
}

/// Gives a command's tag, or `*` where it has none that could be repeated.
pub(super) fn tag(bytes: &[u8]) -> String {
    let tag = bytes.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let valid = |b: &u8| b.is_ascii_graphic() && !br#"(){%*"\+"#.contains(b);
    match std::str::from_utf8(tag) {
        Ok(text) if !tag.is_empty() && tag.len() <= 100 && tag.iter().all(valid) => text.to_owned(),
        _ => "*".to_owned(),
    }
}
