//! One end of a connection, read as IMAP frames it.

use crate::observer::literal_length;
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

/// The longest that a server, or a client that is to go, is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stream, and what was read of it and not taken yet.
pub(crate) struct Peer {
    stream: TcpStream,
    input: Vec<u8>,
    /// How long the literal is that comes next.
    literal: Option<usize>,
    /// Every byte is written alone.
    pub(crate) drips: bool,
}

/// What a client sends as one thing.
pub(crate) enum Unit {
    /// A line, with its end.
    Line(Vec<u8>),
    Literal(Vec<u8>),
}

impl Peer {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream, input: vec![], literal: None, drips: false }
    }

    /// Takes the next line or literal of what was read, if it is complete.
    pub(crate) fn unit(&mut self) -> Option<Unit> {
        if let Some(length) = self.literal {
            let literal = (self.input.len() >= length).then(|| self.take(length))?;
            self.literal = None;
            return Some(Unit::Literal(literal));
        }
        let end = self.input.iter().position(|&byte| byte == b'\n')?;
        let line = self.take(end + 1);
        self.literal = literal_length(text(&line).trim_end());
        Some(Unit::Line(line))
    }

    /// Takes it that a literal which was announced does not come: the command was refused before.
    pub(crate) fn expect_no_literal(&mut self) {
        self.literal = None;
    }

    /// Reads one response with its literals. `None` at the end of the stream.
    pub(crate) fn response(&mut self) -> Option<Vec<u8>> {
        let mut response = vec![];
        loop {
            match self.unit() {
                Some(Unit::Literal(literal)) => response.extend(literal),
                Some(Unit::Line(line)) => {
                    response.extend(line);
                    if self.literal.is_none() {
                        return Some(response);
                    }
                }
                None => self.fill()?,
            }
        }
    }

    /// Waits for bytes. `None` at the end of the stream.
    pub(crate) fn fill(&mut self) -> Option<()> {
        let mut chunk = [0; 16 * 1024];
        let read = self.stream.read(&mut chunk).ok()?;
        self.input.extend_from_slice(&chunk[..read]);
        (read > 0).then_some(())
    }

    /// Writes; `None` where nobody takes it any more.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Option<()> {
        if !self.drips {
            return self.stream.write_all(bytes).ok();
        }
        bytes.iter().try_for_each(|byte| self.stream.write_all(&[*byte])).ok()
    }

    /// Reads to the end of the stream.
    pub(crate) fn drain(&mut self) {
        self.be_patient();
        while self.fill().is_some() {
            self.input.clear();
        }
    }

    /// From now on waits no longer than a server can take, or a client's own time-out.
    pub(crate) fn be_patient(&self) {
        self.stream.set_read_timeout(Some(PATIENCE)).ok();
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        self.input.drain(..length).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stream.shutdown(Shutdown::Both).ok();
    }
}

/// A line's text, whatever its bytes.
pub(crate) fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}
