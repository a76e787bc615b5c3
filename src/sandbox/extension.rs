//! What `imap-codec` does not know is taken off a command's bytes here, before it decodes them:
//! `SEARCH RETURN (…)` (RFC 4731), LIST-EXTENDED's options and patterns (RFC 5258), the further messages of an
//! APPEND (RFC 3502), and, by [`gmail::take`], what Gmail adds. A further extension gets a function beside [`search_return`] that
//! gives the bytes without it.

use imap_codec::CommandCodec;
use imap_codec::decode::{CommandDecodeError, Decoder};
use imap_codec::imap_types::command::{Command, CommandBody};
use imap_codec::imap_types::mailbox::ListMailbox;

use super::capability::Capabilities;
use super::gmail::{self, GmailParts};
use super::multiappend;

/// A command and what was taken off it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) command: Command<'static>,
    pub(super) search_return: Option<SearchReturn>,
    pub(super) list: Option<ListExtended>,
    pub(super) gmail: Option<GmailParts>,
    /// The APPENDs of all messages but the first, where there are several.
    pub(super) further: Vec<Command<'static>>,
}

/// What `SEARCH RETURN` asks for (RFC 4731 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "these are the protocol's four independent options")]
pub(super) struct SearchReturn {
    pub(super) min: bool,
    pub(super) max: bool,
    pub(super) count: bool,
    pub(super) all: bool,
}

/// The parts of an extended LIST (RFC 5258 §3); options in upper case.
#[derive(Debug, Default)]
pub(super) struct ListExtended {
    pub(super) selection: Vec<String>,
    pub(super) returns: Vec<String>,
    pub(super) patterns: Vec<Vec<u8>>,
}

/// Why there is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undecoded {
    /// The bytes end with a literal's announcement, or before the command does.
    Unfinished,
    /// They are no command.
    Failed,
}

/// Decodes one whole command, literals included.
pub(super) fn decode(bytes: &[u8], capabilities: &Capabilities) -> Result<Request, Undecoded> {
    if capabilities.has("X-GM-EXT-1")
        && let Some((parts, rest)) = gmail::take(bytes)?
    {
        return Ok(Request { gmail: Some(parts), ..standard(&rest, capabilities)? });
    }
    standard(bytes, capabilities)
}

fn standard(bytes: &[u8], capabilities: &Capabilities) -> Result<Request, Undecoded> {
    if capabilities.has("MULTIAPPEND")
        && let Some(appends) = multiappend::take(bytes)?
    {
        let mut commands = appends.iter().map(|append| command(append)).collect::<Result<Vec<_>, _>>()?;
        let further = commands.split_off(1.min(commands.len()));
        let command = commands.pop().ok_or(Undecoded::Failed)?;
        return Ok(Request { command, search_return: None, list: None, gmail: None, further });
    }
    let (mut search_return, mut list, mut rest) = (None, None, None);
    if capabilities.has("ESEARCH")
        && let Some((wanted, without)) = self::search_return(bytes)?
    {
        (search_return, rest) = (Some(wanted), Some(without));
    } else if capabilities.has("LIST-EXTENDED")
        && let Some((extended, first)) = list_extended(bytes)?
    {
        (list, rest) = (Some(extended), Some(first));
    }
    let command = command(rest.as_deref().unwrap_or(bytes))?;
    Ok(Request { command, search_return, list, gmail: None, further: Vec::new() })
}

fn command(bytes: &[u8]) -> Result<Command<'static>, Undecoded> {
    match CommandCodec::new().decode_static(bytes) {
        Ok(([], command)) => Ok(command),
        Ok(_) | Err(CommandDecodeError::Failed) => Err(Undecoded::Failed),
        Err(CommandDecodeError::Incomplete | CommandDecodeError::LiteralFound { .. }) => {
            Err(Undecoded::Unfinished)
        }
    }
}

/// Takes `RETURN (…)` off a SEARCH. `None` where there is none.
fn search_return(bytes: &[u8]) -> Result<Option<(SearchReturn, Vec<u8>)>, Undecoded> {
    let mut cursor = Cursor::after_tag(bytes);
    cursor.keyword(b"UID ");
    if !cursor.keyword(b"SEARCH ") {
        return Ok(None);
    }
    let before = bytes.len() - cursor.rest.len() - 1;
    if !cursor.keyword(b"RETURN ") {
        return Ok(None);
    }
    let mut wanted = SearchReturn::default();
    let options = cursor.options()?;
    for option in &options {
        match option.as_str() {
            "MIN" => wanted.min = true,
            "MAX" => wanted.max = true,
            "COUNT" => wanted.count = true,
            "ALL" => wanted.all = true,
            _ => return Err(Undecoded::Failed),
        }
    }
    wanted.all |= options.is_empty();
    Ok(Some((wanted, [bytes.get(..before).unwrap_or_default(), cursor.rest].concat())))
}

/// Takes an extended LIST apart. `None` where it is a basic LIST. The bytes given are a basic LIST
/// with the reference, so that the codec still decodes it.
fn list_extended(bytes: &[u8]) -> Result<Option<(ListExtended, Vec<u8>)>, Undecoded> {
    let mut cursor = Cursor::after_tag(bytes);
    if !cursor.keyword(b"LIST ") {
        return Ok(None);
    }
    let start = bytes.get(..bytes.len() - cursor.rest.len()).unwrap_or_default();
    let mut list = ListExtended::default();
    let mut extended = false;
    if cursor.rest.starts_with(b"(") {
        list.selection = cursor.options()?;
        cursor.expect(b" ")?;
        extended = true;
    }
    let reference = cursor.string()?;
    cursor.expect(b" ")?;
    let mut patterns = Vec::new();
    if cursor.keyword(b"(") {
        extended = true;
        loop {
            patterns.push(cursor.string()?);
            if cursor.keyword(b")") {
                break;
            }
            cursor.expect(b" ")?;
        }
    } else {
        patterns.push(cursor.string()?);
    }
    if cursor.keyword(b" RETURN ") {
        list.returns = cursor.options()?;
        extended = true;
    }
    if !extended {
        return Ok(None);
    }
    cursor.expect(b"\r\n")?;
    let basic = |pattern: &[u8]| [start, reference, b" ", pattern, b"\r\n"].concat();
    for pattern in &patterns {
        let CommandBody::List { mailbox_wildcard, .. } = command(&basic(pattern))?.body else {
            return Err(Undecoded::Failed);
        };
        list.patterns.push(match &mailbox_wildcard {
            ListMailbox::Token(token) => token.as_ref().to_vec(),
            ListMailbox::String(string) => string.as_ref().to_vec(),
        });
    }
    Ok(Some((list, basic(b"\"\""))))
}

/// The rest of a command's bytes while they are taken apart.
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn after_tag(bytes: &'a [u8]) -> Self {
        let space = bytes.iter().position(|&b| b == b' ').map_or(bytes.len(), |at| at + 1);
        Self { rest: bytes.get(space..).unwrap_or_default() }
    }

    /// Takes a keyword in any case, if it is next.
    pub(super) fn keyword(&mut self, word: &[u8]) -> bool {
        match self.rest.split_at_checked(word.len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case(word) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    pub(super) fn expect(&mut self, text: &[u8]) -> Result<(), Undecoded> {
        if self.keyword(text) { Ok(()) } else { Err(self.failure()) }
    }

    pub(super) fn failure(&self) -> Undecoded {
        if self.rest.is_empty() { Undecoded::Unfinished } else { Undecoded::Failed }
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Undecoded> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Undecoded::Unfinished)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes a parenthesised list of atoms; options with values of their own are not offered.
    fn options(&mut self) -> Result<Vec<String>, Undecoded> {
        self.expect(b"(")?;
        let end = self.rest.iter().position(|&b| b == b')').ok_or(Undecoded::Failed)?;
        let inside = self.take(end)?;
        self.expect(b")")?;
        if inside.is_empty() {
            return Ok(Vec::new());
        }
        let words = inside.split(|&b| b == b' ');
        words
            .map(|word| {
                let atom = !word.is_empty() && word.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
                let upper = String::from_utf8_lossy(word).to_ascii_uppercase();
                if atom { Ok(upper) } else { Err(Undecoded::Failed) }
            })
            .collect()
    }

    /// Takes an atom, a quoted string or a literal, and gives what it says.
    pub(super) fn value(&mut self) -> Result<Vec<u8>, Undecoded> {
        let token = self.string()?;
        if let Some(inner) = token.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) {
            let mut escaped = false;
            let kept = |byte: &u8| {
                escaped = *byte == b'\\' && !escaped;
                !escaped
            };
            return Ok(inner.iter().copied().filter(kept).collect());
        }
        let literal = || {
            let line = token.iter().position(|&b| b == b'\n')? + 1;
            literal_at_end(token.get(..line)?).and_then(|_| token.get(line..))
        };
        Ok(literal().unwrap_or(token).to_vec())
    }

    /// Takes an atom, a quoted string or a literal, as it is.
    pub(super) fn string(&mut self) -> Result<&'a [u8], Undecoded> {
        let whole = self.rest;
        match whole.first() {
            Some(b'"') => {
                let mut escaped = false;
                let closes = |&b: &u8| {
                    let was_escaped = std::mem::take(&mut escaped);
                    escaped = b == b'\\' && !was_escaped;
                    b == b'"' && !was_escaped
                };
                let length = whole.iter().skip(1).position(closes).ok_or(Undecoded::Failed)?;
                self.take(length + 2)
            }
            Some(b'{') => {
                let line = whole.iter().position(|&b| b == b'\n').ok_or(Undecoded::Failed)? + 1;
                let (size, _) =
                    literal_at_end(whole.get(..line).unwrap_or_default()).ok_or(Undecoded::Failed)?;
                self.take(line.saturating_add(size))
            }
            _ => {
                let ends = |&b: &u8| b <= b' ' || b == b'(' || b == b')';
                let length = whole.iter().position(ends).unwrap_or(whole.len());
                if length == 0 { Err(self.failure()) } else { self.take(length) }
            }
        }
    }
}

/// Reads a literal's announcement at the end of a line: its size, and whether the client waits for
/// a continuation (RFC 3501 §4.3, RFC 7888).
pub(super) fn literal_at_end(line: &[u8]) -> Option<(usize, bool)> {
    let inside = line.strip_suffix(b"}\r\n")?;
    let open = inside.iter().rposition(|&b| b == b'{')?;
    let number = inside.get(open + 1..)?;
    let (digits, waits) = number.strip_suffix(b"+").map_or((number, true), |digits| (digits, false));
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // A number too large to be one is as good as the largest: refused by its size.
    let size = std::str::from_utf8(digits).ok()?.parse().unwrap_or(usize::MAX);
    Some((size, waits))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::{Capabilities, Undecoded, decode, literal_at_end};

    #[test]
    fn return_is_taken_off_a_search() {
        let all = Capabilities::without(&[]);
        let request = decode(b"a uid search return (min COUNT) charset utf-8 seen\r\n", &all).unwrap();
        let wanted = request.search_return.unwrap();
        assert!(wanted.min && wanted.count && !wanted.all && !wanted.max);
        assert!(decode(b"a SEARCH RETURN () ALL\r\n", &all).unwrap().search_return.unwrap().all);
        for bad in
            ["a SEARCH RETURN (SAVE) ALL\r\n", "a SEARCH RETURN (MIN)\r\n", "a SEARCH RETURN (MIN ALL\r\n"]
        {
            assert_eq!(decode(bad.as_bytes(), &all).err(), Some(Undecoded::Failed), "{bad:?}");
        }
        let none = Capabilities::without(&["ESEARCH".into()]);
        assert_eq!(decode(b"a SEARCH RETURN () ALL\r\n", &none).err(), Some(Undecoded::Failed));
    }

    #[test]
    fn an_extended_list_is_taken_apart() {
        let all = Capabilities::without(&[]);
        let bytes = b"a LIST (subscribed) \"\" (\"a \\\"b\" {3}\r\nx)y %) RETURN (children)\r\n";
        let list = decode(bytes, &all).unwrap().list.unwrap();
        assert_eq!(list.selection, ["SUBSCRIBED"]);
        assert_eq!(list.returns, ["CHILDREN"]);
        assert_eq!(list.patterns, [&b"a \"b"[..], b"x)y", b"%"]);
        assert!(decode(b"a LIST \"\" *\r\n", &all).unwrap().list.is_none());
        assert_eq!(decode(b"a LIST \"\" ({3}\r\n", &all).err(), Some(Undecoded::Unfinished));
    }

    #[test]
    fn literals_are_announced_at_the_end_of_a_line() {
        assert_eq!(literal_at_end(b"a {12}\r\n"), Some((12, true)));
        assert_eq!(literal_at_end(b"a {12+}\r\n"), Some((12, false)));
        assert_eq!(literal_at_end(b"{99999999999999999999999}\r\n"), Some((usize::MAX, true)));
        assert_eq!(literal_at_end(b"a {x}\r\n"), None);
        assert_eq!(literal_at_end(b"a {1}"), None);
    }
}
