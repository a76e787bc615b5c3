use std::io::{self, Read};
use std::ops::Range;

use super::arrivals::Arrivals;
use crate::error::{Error, ErrorKind, Result};

/// What a server may send at most before its connection is given up.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Bytes of one response's text.
    pub text: usize,
    /// Bytes of one FETCH response outside its literals.
    pub fetch_text: usize,
    /// Numbers and ranges in one list of them (SEARCH, ESEARCH, SORT, VANISHED, COPYUID).
    pub numbers: usize,
    /// Bytes of all literals of one response.
    pub literals: usize,
    /// Untagged responses to one command. Those that are not about a message (`* 3 FETCH`) count twentyfold.
    pub responses: usize,
    /// Bytes of responses that are kept while the `imap` crate waits for the end of a command of its own.
    pub kept: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            text: 64 << 10,
            fetch_text: 8 << 20,
            numbers: 5_000_000,
            literals: 64 << 20,
            responses: 20_000_000,
            kept: 1 << 20,
        }
    }
}

/// One whole response as it came: its text, with its literals in place, without the last line break.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    bytes: Vec<u8>,
    literals: Vec<Range<usize>>,
}

impl Frame {
    /// Gives the response's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives where in `bytes` the literals' contents are, in order.
    pub fn literals(&self) -> &[Range<usize>] {
        &self.literals
    }

    /// Makes a frame from a response's text, with its literals in place.
    ///
    /// For tests and fuzzing of what reads frames; servers' data comes through the guard.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut framer = Framer::new(Caps::default());
        framer.read(&mut io::Cursor::new([bytes, b"\r\n"].concat()))
    }
}

/// Cuts a stream of bytes into responses.
///
/// Looks at each byte once. A literal's contents are copied once, and for the most part read straight
/// into their frame.
#[derive(Debug)]
pub(super) struct Framer {
    caps: Caps,
    /// What is not part of a frame yet.
    arrivals: Arrivals,
    /// How much of that is known to hold no line end.
    searched: usize,
    /// The frame that is being read.
    partial: Frame,
    /// How much of the current literal is still to come.
    missing: usize,
    /// How many of the frame's bytes belong to its literals.
    literal_bytes: usize,
    /// How many of the frame's bytes have been counted for separators of numbers, and how many there were.
    counted: usize,
    separators: usize,
}

const CHUNK: usize = 32 << 10;

/// How much room is made for a literal before any of it has come.
const LITERAL: usize = 1 << 20;

/// How much for what comes after it, and after a line.
const TAIL: usize = 256;

impl Framer {
    pub(super) fn new(caps: Caps) -> Self {
        Self {
            caps,
            arrivals: Arrivals::default(),
            searched: 0,
            partial: Frame::default(),
            missing: 0,
            literal_bytes: 0,
            counted: 0,
            separators: 0,
        }
    }

    /// Tells whether bytes have come that belong to no whole frame yet.
    pub(super) fn holds_bytes(&self) -> bool {
        !self.arrivals.rest().is_empty() || !self.partial.bytes.is_empty()
    }

    /// Takes what was read after the last response.
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        self.searched = 0;
        self.arrivals.take()
    }

    /// Reads the next response, waiting for it.
    pub(super) fn read(&mut self, stream: &mut impl Read) -> Result<Frame> {
        loop {
            if let Some(frame) = self.buffered()? {
                return Ok(frame);
            }
            if self.missing >= CHUNK {
                self.read_literal(stream)?;
            } else if !self.fill(stream)? {
                return Err(ErrorKind::ConnectionLost { cause: "the server hung up".to_owned() }.into());
            }
        }
    }

    /// Takes in what the stream has now. `false` at its end.
    pub(super) fn fill(&mut self, stream: &mut impl Read) -> io::Result<bool> {
        Ok(self.arrivals.read(stream, CHUNK)? > 0)
    }

    /// Reads the rest of a large literal into its frame.
    fn read_literal(&mut self, stream: &mut impl Read) -> Result<()> {
        let end = self.partial.bytes.len();
        // Grown with what comes: a server that announces much and sends nothing costs nothing.
        let result = stream.take(self.missing.min(LITERAL) as u64).read_to_end(&mut self.partial.bytes);
        self.missing -= self.partial.bytes.len() - end;
        if result? == 0 {
            return Err(ErrorKind::ConnectionLost { cause: "the server hung up".to_owned() }.into());
        }
        Ok(())
    }

    /// Gives the next response if all of it has been read already.
    pub(super) fn buffered(&mut self) -> Result<Option<Frame>> {
        loop {
            let rest = self.arrivals.rest();
            if self.missing > 0 {
                let part = rest.get(..self.missing).unwrap_or(rest);
                let count = part.len();
                self.partial.bytes.extend_from_slice(part);
                self.arrivals.advance(count);
                self.searched = 0;
                self.missing -= count;
                if self.missing > 0 {
                    return Ok(None);
                }
                continue;
            }
            let unseen = rest.get(self.searched..).unwrap_or_default();
            let Some(end) = memchr::memchr(b'\n', unseen).map(|at| self.searched + at) else {
                self.searched = rest.len();
                self.check_text(self.searched)?;
                return Ok(None);
            };
            let line = rest.get(..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let length = line.len();
            if self.partial.bytes.is_empty() {
                // Many end in a short literal, and it need not grow for that.
                self.partial.bytes.reserve(length + TAIL);
            }
            self.partial.bytes.extend_from_slice(line);
            self.arrivals.advance(end + 1);
            self.searched = 0;
            self.check_text(0)?;
            match self.literal_after(length) {
                None => {
                    (self.literal_bytes, self.counted, self.separators) = (0, 0, 0);
                    return Ok(Some(std::mem::take(&mut self.partial)));
                }
                Some(size) => {
                    if (self.literal_bytes as u64).saturating_add(size) > self.caps.literals as u64 {
                        let what = format!(
                            "{size} bytes in one response, where at most {} are read",
                            self.caps.literals
                        );
                        return Err(Error::protocol(what));
                    }
                    let start = self.partial.bytes.len() + 2;
                    self.partial.bytes.extend_from_slice(b"\r\n");
                    self.missing = usize::try_from(size).unwrap_or(usize::MAX);
                    self.literal_bytes += self.missing;
                    // Once, and not more and more: that would be twice as much. What is never sent is never touched.
                    self.partial.bytes.reserve(self.missing.min(LITERAL) + TAIL);
                    self.partial.literals.push(start..start + self.missing);
                }
            }
        }
    }

    /// Tells whether the frame's last `line` bytes end in `{n}`, so that a literal follows.
    ///
    /// In status responses and continuations that is only text.
    fn literal_after(&self, line: usize) -> Option<u64> {
        let bytes = &self.partial.bytes;
        let last = bytes.get(bytes.len() - line..)?.strip_suffix(b"}")?;
        let digits = last.get(last.iter().rposition(|&b| b == b'{')? + 1..)?;
        let digits = digits.strip_suffix(b"+").unwrap_or(digits);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) || !self.may_have_literals() {
            return None;
        }
        Some(std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX))
    }

    fn may_have_literals(&self) -> bool {
        let mut words = self.partial.bytes.split(|&b| b == b' ');
        let status: [&[u8]; 5] = [b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"];
        words.next() == Some(b"*")
            && words.next().is_none_or(|word| !status.iter().any(|s| word.eq_ignore_ascii_case(s)))
    }

    /// Checks the text of the frame so far, with `waiting` more bytes in the buffer, against the caps.
    fn check_text(&mut self, waiting: usize) -> Result<()> {
        let length = self.partial.bytes.len() - self.literal_bytes + waiting;
        if length <= self.caps.text {
            return Ok(());
        }
        let pending = self.arrivals.rest().get(..waiting).unwrap_or_default();
        let head = if self.partial.bytes.is_empty() { pending } else { &self.partial.bytes };
        let cap = match kind(head) {
            Kind::Fetch => self.caps.fetch_text,
            Kind::Numbers => {
                // Each byte is counted once, in however many pieces they come.
                let of = |bytes: &[u8]| bytes.iter().filter(|&&b| b == b' ' || b == b',').count();
                let there = self.partial.bytes.len();
                self.separators += of(self.partial.bytes.get(self.counted..).unwrap_or_default());
                self.separators += of(pending.get(self.counted.saturating_sub(there)..).unwrap_or_default());
                self.counted = there + waiting;
                if self.separators > self.caps.numbers {
                    let what = format!("a list of more than {} numbers", self.caps.numbers);
                    return Err(Error::protocol(what));
                }
                // A number has ten digits at most, a range two of them.
                self.caps.numbers.saturating_mul(22)
            }
            Kind::Text => self.caps.text,
        };
        if length > cap {
            return Err(Error::protocol(format!("a line of more than {cap} bytes")));
        }
        Ok(())
    }
}

enum Kind {
    Text,
    Fetch,
    Numbers,
}

fn kind(head: &[u8]) -> Kind {
    let mut words = head.splitn(4, |&b| b == b' ');
    let (Some(_), Some(second)) = (words.next(), words.next()) else { return Kind::Text };
    let third = words.next().unwrap_or_default();
    let lists: [&[u8]; 4] = [b"SEARCH", b"ESEARCH", b"SORT", b"VANISHED"];
    if lists.iter().any(|list| second.eq_ignore_ascii_case(list))
        || third.get(..8).is_some_and(|code| code.eq_ignore_ascii_case(b"[COPYUID"))
    {
        Kind::Numbers
    } else if third.eq_ignore_ascii_case(b"FETCH") {
        Kind::Fetch
    } else {
        Kind::Text
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::io::{Cursor, Read};

    use super::{Caps, Frame, Framer};

    /// Gives one byte at a time.
    struct Dribble<'a>(&'a [u8]);

    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.len().min(1).min(buffer.len());
            self.0.read(buffer.get_mut(..count).unwrap_or_default())
        }
    }

    fn all(mut source: impl Read) -> Vec<Frame> {
        let mut framer = Framer::new(Caps::default());
        std::iter::from_fn(|| framer.read(&mut source).ok()).collect()
    }

    fn texts(frames: &[Frame]) -> Vec<String> {
        frames.iter().map(|frame| String::from_utf8_lossy(frame.bytes()).into_owned()).collect()
    }

    const TALK: &[u8] =
        b"* OK hello {5}\r\n* 1 FETCH (BODY[] {5}\r\na\r\nb\n X {0}\r\n UID 3)\r\na1 OK {9}\r\n+ go {3}\r\n";

    #[test]
    fn literals_are_found_and_status_text_is_only_text() {
        let whole = all(Cursor::new(TALK));
        let expected =
            ["* OK hello {5}", "* 1 FETCH (BODY[] {5}\r\na\r\nb\n X {0}\r\n UID 3)", "a1 OK {9}", "+ go {3}"];
        assert_eq!(texts(&whole), expected);
        assert_eq!(whole.get(1).unwrap().literals(), [23..28, 36..36]);
        assert_eq!(texts(&all(Dribble(TALK))), expected);
    }

    #[test]
    fn a_large_literal_arrives_whole() {
        let body = vec![b'x'; 3 << 20];
        let head = format!("* 1 FETCH (BODY[] {{{}}}\r\n", body.len());
        let source = [head.as_bytes(), &body, b")\r\n* OK next\r\n"].concat();
        let frames = all(Cursor::new(&source));
        assert_eq!(frames.len(), 2);
        let first = frames.first().unwrap();
        let literal = first.literals().first().unwrap().clone();
        assert_eq!(first.bytes().get(literal), Some(&body[..]));
    }

    #[test]
    fn a_response_of_nothing_but_literals_takes_no_longer_than_others() {
        let literals = "{0}\r\n".repeat(400_000);
        let source = format!("* 1 FETCH ({literals})\r\n* OK next\r\n");
        let frames = all(Cursor::new(&source));
        assert_eq!(frames.iter().map(|frame| frame.literals().len()).collect::<Vec<_>>(), [400_000, 0]);
        let frames = all(Dribble(format!("* SEARCH{}\r\n", " 12".repeat(100_000)).as_bytes()));
        assert_eq!(frames.first().unwrap().bytes().len(), 300_008);
    }

    #[test]
    fn caps_end_what_never_ends() {
        let long = |head: &str, unit: &str, bytes: usize| {
            let source = format!("{head}{}", unit.repeat(bytes / unit.len()));
            let mut framer = Framer::new(Caps { numbers: 50_000, ..Caps::default() });
            framer.read(&mut Cursor::new(format!("{source}\r\n"))).map(|frame| frame.bytes().len())
        };
        assert!(long("* OK ", "x", 70_000).is_err());
        assert!(long("* SEARCH", " 1234567", 300_000).is_ok());
        assert!(long("* SEARCH", " 1", 300_000).is_err());
        assert!(long("* SEARCH ", "1", 3_000_000).is_err());
        assert!(long("* 1 FETCH (", "x ", 300_000).is_ok());
        assert!(long("* 1 FETCH (", "x ", 9_000_000).is_err());
        for size in ["4294967295", "99999999999999999999999", "67108865"] {
            let source = format!("* 1 FETCH (BODY[] {{{size}}}\r\nx");
            assert!(Framer::new(Caps::default()).read(&mut Cursor::new(source)).is_err());
        }
    }
}
