use std::ops::Range;

use super::header::{self, Parameterised};

/// How deep parts are looked for; what is deeper is one part of bytes.
const DEPTH_MAX: usize = 30;
/// How many parts one multipart is split into; the last one holds the rest.
const PARTS_MAX: usize = 500;

/// One part of a message, or the message itself, as ranges of the message's bytes (RFC 2045).
///
/// Bare LF ends a line as CRLF does: the bytes are served as they came.
#[derive(Debug)]
pub(super) struct Part {
    /// The header with the empty line that ends it.
    pub(super) header: Range<usize>,
    /// What comes after the header.
    pub(super) body: Range<usize>,
    /// The content type: what the header says, or the default where it says nothing of use.
    pub(super) content_type: Parameterised,
    pub(super) kind: Kind,
}

/// What a part holds.
#[derive(Debug)]
pub(super) enum Kind {
    Leaf,
    /// One part or more.
    Multipart(Vec<Part>),
    /// A `message/rfc822`'s message.
    Message(Box<Part>),
}

impl Part {
    /// Finds a message's structure. Every sequence of bytes has one.
    pub(super) fn parse(raw: &[u8]) -> Self {
        Self::parse_range(raw, 0..raw.len(), "text/plain", 0)
    }

    /// Gives the value of a header field of this part, unfolded; the first where there are several.
    pub(super) fn field(&self, raw: &[u8], name: &str) -> Option<Vec<u8>> {
        header::find(slice(raw, &self.header), name)
    }

    /// Gives the part's type and subtype in lower case: `text/plain`.
    pub(super) fn media_type(&self) -> &str {
        &self.content_type.value
    }

    /// Tells whether one of its parts is an attachment: by its disposition, or because it is no text.
    pub(super) fn has_attachment(&self, raw: &[u8]) -> bool {
        match &self.kind {
            Kind::Multipart(parts) => parts.iter().any(|part| part.has_attachment(raw)),
            Kind::Message(_) => true,
            Kind::Leaf => {
                let disposition = self.field(raw, "Content-Disposition").unwrap_or_default();
                disposition.to_ascii_lowercase().starts_with(b"attachment")
                    || !self.media_type().starts_with("text/")
            }
        }
    }

    fn parse_range(raw: &[u8], range: Range<usize>, default: &str, depth: usize) -> Self {
        let length = header::length(slice(raw, &range));
        let header = range.start..range.start + length;
        let body = header.end..range.end;
        let mut content_type = header::find(slice(raw, &header), "Content-Type")
            .map(|value| Parameterised::parse(&value))
            .filter(|parsed| {
                parsed.value.split_once('/').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
            })
            .unwrap_or_else(|| Parameterised::parse(default.as_bytes()));
        let structured =
            content_type.value.starts_with("multipart/") || content_type.value == "message/rfc822";
        if structured && depth >= DEPTH_MAX {
            content_type = Parameterised::parse(b"application/octet-stream");
        }
        let kind = if content_type.value.starts_with("multipart/") {
            let inner =
                if content_type.value == "multipart/digest" { "message/rfc822" } else { "text/plain" };
            let boundary = content_type.parameter("boundary").unwrap_or_default().to_vec();
            let mut parts: Vec<Self> = split(raw, &body, &boundary)
                .into_iter()
                .map(|range| Self::parse_range(raw, range, inner, depth + 1))
                .collect();
            if parts.is_empty() {
                // BODYSTRUCTURE has no way to say that a multipart has no parts.
                parts.push(Self::parse_range(raw, body.end..body.end, "text/plain", depth + 1));
            }
            Kind::Multipart(parts)
        } else if content_type.value == "message/rfc822" {
            Kind::Message(Box::new(Self::parse_range(raw, body.clone(), "text/plain", depth + 1)))
        } else {
            Kind::Leaf
        };
        Self { header, body, content_type, kind }
    }
}

/// Gives the bytes of a range; nothing where it is not one of `raw`.
pub(super) fn slice<'a>(raw: &'a [u8], range: &Range<usize>) -> &'a [u8] {
    raw.get(range.clone()).unwrap_or_default()
}

/// Splits a multipart's body at its delimiter lines (RFC 2046 §5.1.1). A missing closing delimiter
/// ends the last part at the end.
fn split(raw: &[u8], body: &Range<usize>, boundary: &[u8]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    if boundary.is_empty() {
        return parts;
    }
    let mut open = None;
    let mut at = body.start;
    for line in slice(raw, body).split_inclusive(|&b| b == b'\n') {
        let next = at + line.len();
        if let Some(closing) = delimiter(line, boundary) {
            // The line break before a delimiter is the delimiter's.
            let end = break_before(raw, at, open.unwrap_or(at));
            if let Some(start) = open.take() {
                parts.push(start..end);
            }
            if closing || parts.len() >= PARTS_MAX {
                return parts;
            }
            open = Some(next);
        }
        at = next;
    }
    if let Some(start) = open.filter(|&start| start < body.end) {
        parts.push(start..body.end);
    }
    parts
}

/// Tells whether the line is the delimiter, and if so, whether it is the closing one.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
    let (closing, rest) = rest.strip_prefix(b"--").map_or((false, rest), |rest| (true, rest));
    rest.iter().all(u8::is_ascii_whitespace).then_some(closing)
}

/// Gives where the line break that ends at `at` begins, but not before `floor`.
fn break_before(raw: &[u8], at: usize, floor: usize) -> usize {
    let before = raw.get(floor..at).unwrap_or_default();
    let bytes = if before.ends_with(b"\r\n") { 2 } else { usize::from(before.ends_with(b"\n")) };
    at - bytes
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::{Kind, Part, slice};

    #[test]
    fn parts_have_the_bytes_between_the_delimiters() {
        let raw =
            b"Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\npreamble\r\n--b\r\n\r\none\r\n--b\r\n\
            Content-Type: text/html\r\n\r\n<p>two\r\n--b--\r\nepilogue";
        let root = Part::parse(raw);
        let Kind::Multipart(parts) = &root.kind else { unreachable!("{root:?}") };
        assert_eq!(parts.len(), 2);
        assert_eq!(slice(raw, &parts.first().unwrap().body), b"one");
        assert_eq!(parts.get(1).unwrap().media_type(), "text/html");
        assert_eq!(slice(raw, &parts.get(1).unwrap().body), b"<p>two");
    }

    #[test]
    fn truncated_and_empty_multiparts_still_have_parts() {
        let raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ncut off in the mid";
        let Kind::Multipart(parts) = &Part::parse(raw).kind else { unreachable!() };
        assert_eq!(slice(raw, &parts.first().unwrap().body), b"cut off in the mid");
        let Kind::Multipart(parts) = &Part::parse(b"Content-Type: multipart/mixed\n\nno boundary").kind
        else {
            unreachable!()
        };
        assert_eq!(parts.len(), 1);
    }

    #[test]
    fn nesting_ends() {
        let raw = b"Content-Type: message/rfc822\r\n\r\n".repeat(5000);
        let mut part = &Part::parse(&raw);
        let mut depth = 0;
        while let Kind::Message(inner) = &part.kind {
            part = inner;
            depth += 1;
        }
        assert_eq!(depth, super::DEPTH_MAX);
        assert_eq!(part.media_type(), "application/octet-stream");
    }
}
