use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex};

use super::concealed::Concealed;
use super::frame::Frame;

/// A record of what went over the wire, in both directions, without the secrets.
///
/// Each line names the connection, the direction and the text; of a literal only the first 256 bytes
/// are kept. Clones write to the same place.
#[derive(Clone)]
pub struct Transcript {
    out: Arc<Mutex<Box<dyn Write + Send>>>,
    connection: u32,
}

/// How many bytes of a literal are shown.
const SHOWN: usize = 256;

impl Transcript {
    /// Writes to `out`. Errors of writing are dropped: a full disk must not stop mail from being moved
    /// completely.
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out: Arc::new(Mutex::new(out)), connection: 0 }
    }

    /// Gives a transcript to the same place that marks its lines with this connection's number.
    #[must_use]
    pub fn for_connection(&self, connection: u32) -> Self {
        Self { out: Arc::clone(&self.out), connection }
    }

    /// Records what we say about the connection, not on it.
    pub(super) fn note(&self, text: &str) {
        self.line('-', text.as_bytes());
    }

    /// Records bytes of ours; `secret` leaves out everything but the command's name.
    pub(super) fn client(&self, bytes: &[u8], secret: bool) {
        let bytes = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
        if secret {
            let mut words = bytes.split(|&b| b == b' ');
            let (tag, verb) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            if matches!(verb, b"LOGIN" | b"AUTHENTICATE") {
                self.line('C', &[tag, b" ", verb, b" <secret>"].concat());
            } else {
                self.line('C', b"<secret>");
            }
        } else {
            self.line('C', bytes.get(..64 * 1024).unwrap_or(bytes));
        }
    }

    /// Records a literal of ours.
    pub(super) fn client_literal(&self, bytes: &[u8], secret: bool) {
        if secret {
            self.line('C', b"<secret>");
        } else {
            self.line('C', &elided(bytes));
        }
    }

    /// Records a response without what is concealed; `secret` hides a continuation's challenge.
    pub(super) fn server(&self, frame: &Frame, secret: bool, concealed: &Concealed) {
        if secret && frame.bytes().starts_with(b"+") {
            self.line('S', b"+ <secret>");
            return;
        }
        let mut shown = Vec::new();
        let mut at = 0;
        for literal in frame.literals() {
            shown.extend_from_slice(frame.bytes().get(at..literal.start).unwrap_or_default());
            shown.extend(elided(frame.bytes().get(literal.clone()).unwrap_or_default()));
            at = literal.end;
        }
        shown.extend_from_slice(frame.bytes().get(at..).unwrap_or_default());
        self.line('S', concealed.hide(&String::from_utf8_lossy(&shown)).as_bytes());
    }

    fn line(&self, side: char, text: &[u8]) {
        let mut line = format!("{} {side}: ", self.connection);
        for part in text.split_inclusive(|&b| b == b'\n') {
            for c in String::from_utf8_lossy(part).chars() {
                match c {
                    '\r' | '\n' => {}
                    c if c.is_control() => line.extend(c.escape_default()),
                    c => line.push(c),
                }
            }
            line.push('\n');
            if part.ends_with(b"\n") {
                line.push_str("    | ");
            }
        }
        let line = line.strip_suffix("    | ").unwrap_or(&line);
        let line = line.strip_suffix('\n').unwrap_or(line);
        if let Ok(mut out) = self.out.lock() {
            let _ = writeln!(out, "{line}");
            let _ = out.flush();
        }
    }
}

fn elided(literal: &[u8]) -> Vec<u8> {
    match literal.get(..SHOWN) {
        Some(head) if literal.len() > SHOWN => {
            [head, format!("… ({} bytes in all)", literal.len()).as_bytes()].concat()
        }
        _ => literal.to_vec(),
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcript").field("connection", &self.connection).finish_non_exhaustive()
    }
}
