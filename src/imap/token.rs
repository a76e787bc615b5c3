use std::borrow::Cow;
use std::ops::Range;

use crate::error::{Error, Result};

/// How deep lists may nest.
const DEPTH: usize = 100;

/// How many values there is room for in a list at first: the pairs of a FETCH are mostly as many.
const USUAL: usize = 8;

/// One value of a response: the tree that all typed views are made from (RFC 3501 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// Bare characters: a number, a flag, `NIL`, `BODY[HEADER.FIELDS (FROM)]<0>`.
    Atom(&'a [u8]),
    /// A quoted string or a literal, without its quotes.
    Text(Cow<'a, [u8]>),
    /// A parenthesized list.
    List(Vec<Value<'a>>),
    /// A list within more lists than are read. Its values were skipped.
    TooDeep,
}

/// Makes the error for lists within too many others.
pub(super) fn too_deep() -> Error {
    Error::protocol(format!("lists nested more than {DEPTH} deep"))
}

impl<'a> Value<'a> {
    /// Tells whether nothing in it was skipped.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::Atom(_) | Self::Text(_) => true,
            Self::List(values) => values.iter().all(Value::is_whole),
            Self::TooDeep => false,
        }
    }

    /// Gives a string, or an atom where a server sends one in a string's place; `None` for `NIL`.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Atom(atom) if atom.eq_ignore_ascii_case(b"NIL") => None,
            Self::Atom(atom) => Some(atom),
            Self::Text(text) => Some(text),
            Self::List(_) | Self::TooDeep => None,
        }
    }

    /// Gives the same as text, with bytes that are not UTF-8 replaced.
    pub(super) fn text(&self) -> Option<String> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Gives a number.
    pub(super) fn number(&self) -> Option<u64> {
        std::str::from_utf8(self.bytes()?).ok()?.parse().ok()
    }

    /// Gives a list's values; an empty slice for `NIL` and everything else.
    pub(super) fn list(&self) -> &[Value<'a>] {
        match self {
            Self::List(values) => values,
            _ => &[],
        }
    }
}

/// Reads values from a response's bytes. Each byte is looked at once and nothing is copied but quoted
/// strings with escapes.
#[derive(Clone, Debug)]
pub(super) struct Tokens<'a> {
    bytes: &'a [u8],
    literals: &'a [Range<usize>],
    at: usize,
    /// Something was skipped, in lists within too many others.
    too_deep: bool,
}

impl<'a> Tokens<'a> {
    /// Reads `bytes`, whose literals' contents are at `literals`.
    pub(super) fn new(bytes: &'a [u8], literals: &'a [Range<usize>]) -> Self {
        Self { bytes, literals, at: 0, too_deep: false }
    }

    /// Gives what has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Skips spaces; some servers send more than one, or one before the line's end.
    pub(super) fn skip_spaces(&mut self) {
        while self.bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
    }

    /// Reads a bare word up to the next space.
    pub(super) fn word(&mut self) -> &'a [u8] {
        self.skip_spaces();
        let rest = self.rest();
        let word = rest.split(|&b| b == b' ').next().unwrap_or_default();
        self.at += word.len();
        word
    }

    /// Reads the next value; `None` at the end.
    ///
    /// Errors: a list without an end, or within too many others.
    pub(super) fn value(&mut self) -> Result<Option<Value<'a>>> {
        let value = self.value_however_deep();
        if self.too_deep { Err(too_deep()) } else { value }
    }

    /// Does the same, but skips what is in lists within too many others.
    pub(super) fn value_however_deep(&mut self) -> Result<Option<Value<'a>>> {
        let mut open: Vec<Vec<Value<'a>>> = Vec::new();
        let mut skipped = 0_usize;
        loop {
            self.skip_spaces();
            let value = match self.bytes.get(self.at) {
                None if open.is_empty() => return Ok(None),
                None => return Err(Error::protocol("a list without an end")),
                Some(b'(') => {
                    self.at += 1;
                    if open.len() == DEPTH {
                        skipped += 1;
                        self.too_deep = true;
                    } else {
                        open.push(Vec::with_capacity(USUAL));
                    }
                    continue;
                }
                Some(b')') if skipped > 0 => {
                    self.at += 1;
                    skipped -= 1;
                    Value::TooDeep
                }
                Some(b')') => {
                    self.at += 1;
                    let list = open.pop().ok_or_else(|| Error::protocol("a `)` without its `(`"))?;
                    Value::List(list)
                }
                Some(b'"') => self.quoted()?,
                Some(b'{') => match self.literal() {
                    Some(literal) => literal,
                    None => self.atom(),
                },
                Some(_) => self.atom(),
            };
            match open.last_mut() {
                Some(_) if skipped > 0 => {}
                Some(list) => list.push(value),
                None => return Ok(Some(value)),
            }
        }
    }

    /// Reads all values that are left.
    pub(super) fn values(&mut self) -> Result<Vec<Value<'a>>> {
        std::iter::from_fn(|| self.value().transpose()).collect()
    }

    fn quoted(&mut self) -> Result<Value<'a>> {
        let start = self.at + 1;
        let mut escaped: Option<Vec<u8>> = None;
        let mut at = start;
        loop {
            match self.bytes.get(at) {
                None => return Err(Error::protocol("a quoted string without an end")),
                Some(b'"') => break,
                Some(b'\\') => {
                    let plain = self.bytes.get(start..at).unwrap_or_default();
                    let next = self.bytes.get(at + 1).copied();
                    let next = next.ok_or_else(|| Error::protocol("a quoted string without an end"))?;
                    escaped.get_or_insert_with(|| plain.to_vec()).push(next);
                    at += 2;
                }
                Some(&byte) => {
                    if let Some(escaped) = &mut escaped {
                        escaped.push(byte);
                    }
                    at += 1;
                }
            }
        }
        self.at = at + 1;
        let plain = self.bytes.get(start..at).unwrap_or_default();
        Ok(Value::Text(escaped.map_or(Cow::Borrowed(plain), Cow::Owned)))
    }

    /// Reads a literal whose `{n}` begins here, if the framing found one at this place.
    fn literal(&mut self) -> Option<Value<'a>> {
        let next = self.literals.partition_point(|range| range.start <= self.at);
        let range = self.literals.get(next)?;
        let head = self.bytes.get(self.at..range.start)?;
        let digits = head.strip_prefix(b"{")?.strip_suffix(b"}\r\n")?;
        let digits = digits.strip_suffix(b"+").unwrap_or(digits);
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.at = range.end;
        Some(Value::Text(Cow::Borrowed(self.bytes.get(range.clone())?)))
    }

    /// Reads an atom. `BODY[…]` and `BINARY[…]` are one atom with all that is between the brackets.
    fn atom(&mut self) -> Value<'a> {
        let start = self.at;
        let mut bracketed = false;
        let mut quoted = false;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'"' if bracketed => quoted = !quoted,
                b'[' if !bracketed => {
                    let name = self.bytes.get(start..self.at).unwrap_or_default();
                    bracketed = name.eq_ignore_ascii_case(b"BODY")
                        || name.get(..6).is_some_and(|name| name.eq_ignore_ascii_case(b"BINARY"));
                }
                b']' if bracketed && !quoted => bracketed = false,
                b' ' | b'(' | b')' | b'"' if !bracketed => break,
                _ => {}
            }
            self.at += 1;
        }
        Value::Atom(self.bytes.get(start..self.at).unwrap_or_default())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{Tokens, Value};
    use crate::wire::Frame;

    fn shape(values: &[Value<'_>]) -> String {
        let one = |value: &Value<'_>| match value {
            Value::Atom(atom) => String::from_utf8_lossy(atom).into_owned(),
            Value::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
            Value::List(list) => format!("({})", shape(list)),
            Value::TooDeep => "…".to_owned(),
        };
        values.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    fn read(bytes: &[u8]) -> Option<String> {
        let frame = Frame::from_bytes(bytes).ok()?;
        Tokens::new(frame.bytes(), frame.literals()).values().ok().map(|values| shape(&values))
    }

    #[test]
    fn values_of_every_kind() {
        let tree = read(
            b"* 1 FETCH (FLAGS (\\Seen) BODY[HEADER.FIELDS (\"From\" TO)]<0> {3}\r\na)b X NIL \"q\\\"\\\\\")",
        );
        let expected = r#"* 1 FETCH (FLAGS (\Seen) BODY[HEADER.FIELDS ("From" TO)]<0> "a)b" X NIL "q\"\\")"#;
        assert_eq!(tree.as_deref(), Some(expected));
        assert_eq!(read(b"  a  (b ) ").as_deref(), Some("a (b)"));
        assert_eq!(read(b"a {5} {x} [y z").as_deref(), Some("a {5} {x} [y z"));
    }

    #[test]
    fn what_has_no_end_or_no_beginning_is_an_error() {
        for bad in [&b"(a"[..], b"a)", b"\"a", b"\"a\\", b"((((a"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        assert_eq!(read(&vec![b'('; 100_000]), None);
        let deep = [vec![b'('; 100], vec![b')'; 100]].concat();
        assert!(read(&deep).is_some());
    }

    #[test]
    fn what_is_nested_too_deep_is_skipped_or_an_error() {
        let bytes = [&b"* "[..], &[b'('; 100], b"a (b \")\" (c) d) e", &[b')'; 100], b" f"].concat();
        assert_eq!(read(&bytes), None);
        let mut tokens = Tokens::new(&bytes, &[]);
        tokens.word();
        let inner = tokens.value_however_deep().unwrap().unwrap();
        assert_eq!(shape(&[inner]), format!("{}a … e{}", "(".repeat(100), ")".repeat(100)));
        assert_eq!(tokens.rest(), b" f");
    }
}
