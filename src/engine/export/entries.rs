use std::io::{self, BufRead};

/// A message of an mbox file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The line that it begins with, without its end.
    pub(super) from: Vec<u8>,
    /// Its lines without their quotes, and without the empty line after the last. Of a message that is too large only the
    /// beginning.
    pub(super) text: Vec<u8>,
    /// How many bytes it has in all.
    pub(super) length: u64,
}

/// Goes through the messages of an mbox file, of which it has one in memory.
pub(super) struct Entries<R> {
    lines: R,
    /// How many bytes of a message are kept.
    cap: u64,
    /// The line that the next message begins with.
    next: Option<Vec<u8>>,
}

impl<R: BufRead> Entries<R> {
    /// Begins with the first message.
    ///
    /// Errors: those of the file; `InvalidData` where it is no mbox.
    pub(super) fn new(mut lines: R, cap: u64) -> io::Result<Self> {
        let first = line(&mut lines, cap)?;
        match first {
            Some(first) if first.starts_with(b"From ") => Ok(Self { lines, cap, next: Some(first) }),
            None => Ok(Self { lines, cap, next: None }),
            Some(_) => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Gives the next message; `None` after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        let Some(mut from) = self.next.take() else { return Ok(None) };
        trim_end(&mut from);
        let mut entry = Entry { from, text: Vec::new(), length: 0 };
        // An empty line ends a message only before a `From ` line, and at the end of the file.
        let mut empty: Option<Vec<u8>> = None;
        while let Some(line) = line(&mut self.lines, self.cap)? {
            if line.starts_with(b"From ") && empty.is_some() {
                self.next = Some(line);
                return Ok(Some(entry));
            }
            if let Some(empty) = empty.take() {
                entry.add(&empty, self.cap);
            }
            if line == b"\n" || line == b"\r\n" {
                empty = Some(line);
            } else {
                entry.add(unquoted(&line), self.cap);
            }
        }
        Ok(Some(entry))
    }
}

impl Entry {
    fn add(&mut self, line: &[u8], cap: u64) {
        self.length += line.len() as u64;
        if self.length <= cap {
            self.text.extend_from_slice(line);
        }
    }
}

/// Reads a line, or a part of one that is longer than any message.
fn line(lines: &mut impl BufRead, cap: u64) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    io::Read::take(lines, cap + 1).read_until(b'\n', &mut line)?;
    Ok(Some(line).filter(|line| !line.is_empty()))
}

/// Takes a quote off a line that looks like the beginning of a message.
fn unquoted(line: &[u8]) -> &[u8] {
    let quotes = line.iter().take_while(|&&byte| byte == b'>').count();
    match line.split_first() {
        Some((b'>', rest)) if line.get(quotes..).is_some_and(|line| line.starts_with(b"From ")) => rest,
        _ => line,
    }
}

fn trim_end(line: &mut Vec<u8>) {
    while line.last().is_some_and(u8::is_ascii_whitespace) {
        line.pop();
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::Entries;

    fn read(text: &str, cap: u64) -> Vec<(String, String, u64)> {
        let mut entries = Entries::new(text.as_bytes(), cap).unwrap();
        let mut all = Vec::new();
        while let Some(entry) = entries.next().unwrap() {
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            all.push((text(entry.from), text(entry.text), entry.length));
        }
        all
    }

    #[test]
    fn messages_end_at_an_empty_line_before_the_next() {
        let all = read("From a\nx\n\ny\nFrom here\n>From q\n>>From r\n>x\n\n\nFrom b\n\nFrom c\nz", 100);
        let body = "x\n\ny\nFrom here\nFrom q\n>From r\n>x\n\n";
        let expected = [
            ("From a".to_owned(), body.to_owned(), body.len() as u64),
            ("From b".to_owned(), String::new(), 0),
            ("From c".to_owned(), "z".to_owned(), 1),
        ];
        assert_eq!(all, expected);
        assert!(read("", 100).is_empty());
        assert!(Entries::new(&b"Subject: x\n"[..], 100).is_err());
    }

    #[test]
    fn of_what_is_too_large_the_beginning_is_kept() {
        let all = read("From a\n1234\n5678\n\nFrom b\nx\n", 6);
        assert_eq!(all, [("From a".into(), "1234\n".into(), 10), ("From b".into(), "x\n".into(), 2)]);
    }
}
