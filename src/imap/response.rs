use super::capability::Capabilities;
use super::code::Code;
use super::fetch::Fetch;
use super::list::{ListEntry, MailboxStatus, QuotaRoot, first_char};
use super::token::{Tokens, Value};
use crate::error::{Error, Result, visible};
use crate::mail::{Flag, Namespace, Namespaces, UidSet};
use crate::wire::{Frame, Guard};

/// A status response's first word (RFC 3501 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok,
    /// Not done.
    No,
    /// Not understood.
    Bad,
    /// The server is closing.
    Bye,
    /// The session is logged in already.
    Preauth,
}

impl Status {
    fn parse(word: &[u8]) -> Option<Self> {
        Some(match word.to_ascii_uppercase().as_slice() {
            b"OK" => Self::Ok,
            b"NO" => Self::No,
            b"BAD" => Self::Bad,
            b"BYE" => Self::Bye,
            b"PREAUTH" => Self::Preauth,
            _ => return None,
        })
    }

    /// Gives the word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
            Self::Bye => "BYE",
            Self::Preauth => "PREAUTH",
        }
    }
}

/// A status response: word, code and text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusLine {
    /// The word.
    pub status: Status,
    /// The code in brackets.
    pub code: Option<Code>,
    /// The rest, with control characters made visible.
    pub text: String,
}

impl StatusLine {
    /// Reads what follows `* ` or the tag. `None` where it is no status response.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let word = bytes.split(|&b| b == b' ').next().unwrap_or_default();
        let status = Status::parse(word)?;
        let rest = bytes.get(word.len()..).unwrap_or_default();
        let (code, text) = Code::split(rest.strip_prefix(b" ").unwrap_or(rest));
        Some(Self { status, code, text: visible(&String::from_utf8_lossy(text)) })
    }

    /// Takes out of the text what this connection's server was told in confidence.
    pub(super) fn hiding(self, guard: &Guard) -> Self {
        Self { text: guard.hide(&self.text), ..self }
    }
}

/// An untagged response, as far as anything here needs it.
#[derive(Debug)]
pub enum Response {
    /// `* OK`, `* NO`, `* BAD`, `* BYE`, `* PREAUTH`
    Status(StatusLine),
    /// `* CAPABILITY`
    Capability(Capabilities),
    /// `* FLAGS`
    Flags(Vec<Flag>),
    /// `* n EXISTS`
    Exists(u32),
    /// `* n RECENT`
    Recent(u32),
    /// `* n EXPUNGE`; a sequence number, good for counting only.
    Expunge(u32),
    /// `* VANISHED`: these are gone (RFC 7162 §3.2.10).
    Vanished {
        /// Their UIDs; with `earlier`, also some that never were.
        uids: UidSet,
        /// They were gone before, and are not counted in `EXISTS`.
        earlier: bool,
    },
    /// `* n FETCH`
    Fetch(Box<Fetch>),
    /// `* LIST` or `* LSUB`
    List(ListEntry),
    /// `* LIST` of no mailbox, but of the root: the delimiter (RFC 3501 §6.3.8).
    Root(Option<char>),
    /// `* STATUS`
    MailboxStatus(MailboxStatus),
    /// `* SEARCH` or `* ESEARCH … ALL`, and the tag of the command that it says it answers.
    Search(UidSet, Option<String>),
    /// `* NAMESPACE`
    Namespace(Namespaces),
    /// `* ID`: field and value.
    Id(Vec<(String, String)>),
    /// `* QUOTA`
    Quota(QuotaRoot),
    /// Anything else, by its name.
    Other(String),
}

impl Response {
    /// Reads an untagged response.
    ///
    /// What is not known is `Other`. What is known and can't be understood is an error, so that it can't
    /// pass for "no such message".
    pub fn parse(frame: &Frame) -> Result<Self> {
        let bytes = frame.bytes();
        let body = bytes.strip_prefix(b"* ").ok_or_else(|| Error::protocol("a response without `* `"))?;
        if let Some(status) = StatusLine::parse(body) {
            return Ok(Self::Status(status));
        }
        let mut tokens = Tokens::new(bytes, frame.literals());
        tokens.word();
        let first = tokens.word();
        if let Some(number) = std::str::from_utf8(first).ok().and_then(|word| word.parse::<u32>().ok()) {
            let name = tokens.word();
            // Nearly all are, and nothing is copied for them.
            if name.eq_ignore_ascii_case(b"FETCH") {
                return Ok(Self::Fetch(Box::new(Fetch::parse(&mut tokens)?)));
            }
            let name = name.to_ascii_uppercase();
            return Ok(match name.as_slice() {
                b"EXISTS" => Self::Exists(number),
                b"RECENT" => Self::Recent(number),
                b"EXPUNGE" => Self::Expunge(number),
                _ => Self::Other(String::from_utf8_lossy(&name).into_owned()),
            });
        }
        Self::parse_named(first, &mut tokens)
    }

    fn parse_named(name: &[u8], tokens: &mut Tokens<'_>) -> Result<Self> {
        let name = name.to_ascii_uppercase();
        Ok(match name.as_slice() {
            b"CAPABILITY" => Self::Capability(Capabilities::new(
                tokens.rest().split(|&b| b == b' ').filter(|w| !w.is_empty()),
            )),
            b"FLAGS" => {
                let values = tokens.values()?;
                let words = values.first().map(Value::list).unwrap_or_default();
                Self::Flags(words.iter().filter_map(Value::text).filter_map(|f| Flag::parse(&f)).collect())
            }
            b"LIST" | b"LSUB" | b"XLIST" => {
                let values = tokens.values()?;
                if ListEntry::is_root(&values) {
                    Self::Root(values.get(1).and_then(first_char))
                } else {
                    Self::List(ListEntry::parse(&values)?)
                }
            }
            b"STATUS" => Self::MailboxStatus(MailboxStatus::parse(&tokens.values()?)?),
            b"SEARCH" => Self::Search(search(tokens.rest())?, None),
            b"ESEARCH" => {
                let (found, tag) = esearch(tokens)?;
                Self::Search(found, tag)
            }
            b"VANISHED" => vanished(tokens.rest())?,
            b"NAMESPACE" => Self::Namespace(namespaces(&tokens.values()?)),
            b"ID" => {
                let values = tokens.values()?;
                let words = values.first().map(Value::list).unwrap_or_default();
                let pair = |pair: &[Value<'_>]| match pair {
                    [field, value] => Some((field.text()?, visible(&value.text()?))),
                    _ => None,
                };
                Self::Id(words.chunks(2).filter_map(pair).collect())
            }
            b"QUOTA" => {
                let values = tokens.values()?;
                let root = values.first().and_then(Value::text).unwrap_or_default();
                let items = values.get(1).map(Value::list).unwrap_or_default();
                let item = |item: &[Value<'_>]| match item {
                    [name, used, limit] => Some((name.text()?, used.number()?, limit.number()?)),
                    _ => None,
                };
                Self::Quota(QuotaRoot { name: root, resources: items.chunks(3).filter_map(item).collect() })
            }
            _ => Self::Other(String::from_utf8_lossy(&name).into_owned()),
        })
    }
}

/// Reads `1 2 3`, number by number. A trailing `(MODSEQ n)` is left (RFC 7162).
fn search(rest: &[u8]) -> Result<UidSet> {
    let bad = || Error::protocol("a SEARCH result that is no list of UIDs");
    let words = rest.split(|&b| b == b' ').filter(|word| !word.is_empty());
    words
        .take_while(|word| !word.starts_with(b"("))
        .map(|word| {
            let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
            number.and_then(crate::mail::Uid::new).ok_or_else(bad)
        })
        .collect()
}

/// Reads `(TAG "a1") UID ALL 1:3,9` (RFC 4731). No `ALL` means that nothing was found.
fn esearch(tokens: &mut Tokens<'_>) -> Result<(UidSet, Option<String>)> {
    let bad = || Error::protocol("an ESEARCH result that is no set of UIDs");
    let mut found = UidSet::new();
    let mut tag = None;
    while let Some(value) = tokens.value()? {
        if let [name, of] = value.list()
            && name.bytes().is_some_and(|name| name.eq_ignore_ascii_case(b"TAG"))
        {
            tag = of.text();
        }
        if value.bytes().is_some_and(|name| name.eq_ignore_ascii_case(b"ALL")) {
            let set = std::str::from_utf8(tokens.word()).ok().and_then(UidSet::parse);
            found = set.ok_or_else(bad)?;
        }
    }
    Ok((found, tag))
}

/// Reads `(EARLIER) 300:310,405`, or without `(EARLIER)` (RFC 7162 §3.2.10).
fn vanished(rest: &[u8]) -> Result<Response> {
    let mut words = rest.split(|&b| b == b' ').filter(|word| !word.is_empty()).peekable();
    let earlier = words.next_if(|word| word.eq_ignore_ascii_case(b"(EARLIER)")).is_some();
    let uids = words.next().and_then(|word| UidSet::parse(std::str::from_utf8(word).ok()?));
    let uids = uids.ok_or_else(|| Error::protocol("a VANISHED that is no set of UIDs"))?;
    Ok(Response::Vanished { uids, earlier })
}

/// Reads the three lists of namespaces (RFC 2342 §5); only the first personal one is implied in names.
fn namespaces(values: &[Value<'_>]) -> Namespaces {
    let read = |value: Option<&Value<'_>>| -> Vec<Namespace> {
        let each = |space: &Value<'_>| {
            let delimiter = space.list().get(1).and_then(Value::text).and_then(|text| text.chars().next());
            let prefix = space.list().first()?.bytes().unwrap_or_default().to_vec();
            let name = crate::mail::MailboxName::from_wire(&prefix);
            Some(Namespace { prefix: name.map(|n| n.text().to_owned()).unwrap_or_default(), delimiter })
        };
        value.map(Value::list).unwrap_or_default().iter().filter_map(each).collect()
    };
    let mut personal = read(values.first()).into_iter();
    let mut spaces = Namespaces::default();
    if let Some(first) = personal.next() {
        spaces.personal = first;
    }
    spaces.others.extend(personal);
    spaces.others.extend(read(values.get(1)));
    spaces.others.extend(read(values.get(2)));
    spaces
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::{Response, Status};
    use crate::wire::Frame;

    fn parse(text: &str) -> Response {
        Response::parse(&Frame::from_bytes(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn search_results_of_both_kinds() {
        for (text, set) in [
            ("* SEARCH 4 2 3 9", "2:4,9"),
            ("* SEARCH", ""),
            ("* SEARCH 5 (MODSEQ 917162500)", "5"),
            ("* ESEARCH (TAG \"a5\") UID COUNT 4 ALL 2:4,9", "2:4,9"),
            ("* ESEARCH (TAG \"a5\") UID", ""),
        ] {
            let Response::Search(found, _) = parse(text) else { panic!("{text}") };
            assert_eq!(found.to_string(), set, "{text}");
        }
        for bad in ["* SEARCH 0", "* SEARCH x", "* ESEARCH (TAG \"a\") UID ALL 1:*", "* ESEARCH ALL"] {
            assert!(Response::parse(&Frame::from_bytes(bad.as_bytes()).unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_vanished_now_and_earlier() {
        for (text, set, before) in [
            ("* VANISHED 405,407,410:425", "405,407,410:425", false),
            ("* VANISHED (EARLIER) 300:310,41", "41,300:310", true),
            ("* vanished (earlier) 1:4294967295", "1:4294967295", true),
        ] {
            let Response::Vanished { uids, earlier } = parse(text) else { panic!("{text}") };
            assert_eq!((uids.to_string().as_str(), earlier), (set, before), "{text}");
        }
        for bad in
            ["* VANISHED", "* VANISHED (EARLIER)", "* VANISHED 0", "* VANISHED 1:*", "* VANISHED (X) 1"]
        {
            assert!(Response::parse(&Frame::from_bytes(bad.as_bytes()).unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn namespaces_as_courier_and_cyrus_send_them() {
        let Response::Namespace(spaces) =
            parse(r##"* NAMESPACE (("INBOX." ".")) NIL (("#shared." ".")("shared." "."))"##)
        else {
            panic!()
        };
        assert_eq!(spaces.personal.prefix, "INBOX.");
        assert_eq!(spaces.others.len(), 2);
        let Response::Namespace(spaces) = parse(r#"* NAMESPACE (("" "/")) (("Other Users/" "/")) NIL"#)
        else {
            panic!()
        };
        assert_eq!(spaces.to_server("a/b").unwrap().text(), "a/b");
    }

    #[test]
    fn the_root_of_a_listing_is_no_mailbox() {
        for (text, expected) in
            [(r#"* LIST (\Noselect) "/" """#, Some('/')), (r#"* LIST (\Noselect) NIL """#, None)]
        {
            let Response::Root(delimiter) = parse(text) else { panic!("{text}") };
            assert_eq!(delimiter, expected);
        }
        assert!(matches!(parse(r#"* LIST () "/" NIL"#), Response::List(_)));
    }

    #[test]
    fn status_text_cant_reach_the_terminal_as_it_is() {
        let Response::Status(line) = parse("* BYE [UNKNOWN-CODE (x] y)] \x1b[31mred") else { panic!() };
        assert_eq!(line.status, Status::Bye);
        assert!(!line.text.contains('\x1b'));
    }

    #[test]
    fn the_unknown_is_skipped_and_never_an_error() {
        for text in ["* XYZZY (a b", "* 5 XYZZY", "* ", "* 99999999999 EXISTS", "* GENURLAUTH \"x"] {
            assert!(matches!(parse(text), Response::Other(_)), "{text}");
        }
    }

    /// What our parser and imap-codec's both read, they read alike.
    #[test]
    fn agrees_with_an_independent_parser() {
        use imap_codec::decode::Decoder;
        use imap_codec::imap_types::response::{Data, Response as Theirs};
        let line = "* SEARCH 1 5 6 7\r\n";
        let theirs = imap_codec::ResponseCodec::default().decode(line.as_bytes()).unwrap().1;
        let Theirs::Data(Data::Search(numbers, ..)) = theirs else { panic!() };
        let Response::Search(ours, _) = parse(line.trim_end()) else { panic!() };
        assert_eq!(
            numbers.iter().map(|n| n.get()).collect::<Vec<_>>(),
            ours.iter().map(crate::mail::Uid::get).collect::<Vec<_>>()
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(body in prop::collection::vec(any::<u8>(), 0..60), head in prop::sample::select(vec![
            "* ", "* OK [", "* 1 FETCH (", "* LIST (", "* ESEARCH ", "* VANISHED ", "* STATUS ", "* NAMESPACE ", "* OK [COPYUID 1 ",
            "* 1 FETCH (UID 1 BODYSTRUCTURE (", "* 1 FETCH (ENVELOPE ("])) {
            if let Ok(frame) = Frame::from_bytes(&[head.as_bytes(), &body].concat()) {
                let _ = Response::parse(&frame);
            }
        }
    }
}
