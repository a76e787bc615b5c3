use super::body_structure;
use super::envelope::Envelope;
use super::token::{Tokens, Value, too_deep};
use crate::error::{Error, Result};
use crate::mail::{BodyStructure, Flag, InternalDate, Label, Uid};

/// Something to ask for with UID FETCH (RFC 3501 §6.4.5). The UID always comes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchItem {
    /// The flags.
    Flags,
    /// When the message arrived.
    InternalDate,
    /// The message's size in bytes.
    Size,
    /// The parsed structure of the header.
    Envelope,
    /// The tree of MIME parts.
    BodyStructure,
    /// Gmail's identifier of the message (X-GM-EXT-1).
    GmailMessageId,
    /// Gmail's identifier of the message's thread.
    GmailThreadId,
    /// Gmail's labels of the message.
    GmailLabels,
    /// A part of the content, without marking the message as seen.
    Section(Section),
    /// A part of the content from an offset, at most so many bytes.
    Partial(Section, u32, u32),
}

/// A part of a message's content: what stands between the brackets of `BODY[…]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Section {
    /// The whole message.
    Whole,
    /// The whole header.
    Header,
    /// The header fields with these names.
    Fields(Vec<String>),
    /// Everything after the header.
    Text,
    /// A MIME part by its number, `1.2`.
    Part(String),
    /// A MIME part's own header.
    PartMime(String),
}

impl FetchItem {
    /// Tells whether only Gmail knows it.
    pub fn is_of_gmail(&self) -> bool {
        matches!(self, Self::GmailMessageId | Self::GmailThreadId | Self::GmailLabels)
    }

    /// Writes the item as the command wants it. `None` for a name or number that is none.
    fn text(&self) -> Option<String> {
        Some(match self {
            Self::Flags => "FLAGS".to_owned(),
            Self::InternalDate => "INTERNALDATE".to_owned(),
            Self::Size => "RFC822.SIZE".to_owned(),
            Self::Envelope => "ENVELOPE".to_owned(),
            Self::BodyStructure => "BODYSTRUCTURE".to_owned(),
            Self::GmailMessageId => "X-GM-MSGID".to_owned(),
            Self::GmailThreadId => "X-GM-THRID".to_owned(),
            Self::GmailLabels => "X-GM-LABELS".to_owned(),
            Self::Section(section) => format!("BODY.PEEK[{}]", section.text()?),
            Self::Partial(section, from, count) => {
                format!("BODY.PEEK[{}]<{from}.{}>", section.text()?, (*count).max(1))
            }
        })
    }

    /// Writes the parenthesized list of items, UID included.
    pub fn list(items: &[Self]) -> Result<String> {
        let mut texts = vec!["UID".to_owned()];
        for item in items {
            let bad = || {
                Error::script(
                    "a header name or part number to fetch is malformed",
                    "names are ASCII letters, digits and hyphens; parts are numbers such as `1.2`",
                )
            };
            texts.push(item.text().ok_or_else(bad)?);
        }
        Ok(format!("({})", texts.join(" ")))
    }
}

/// What a section of header fields begins with.
const FIELDS: &str = "HEADER.FIELDS (";

/// Tells whether a header field's name can be listed in `HEADER.FIELDS` without quotes.
fn is_plain(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_graphic() && !br#":"\(){}[]%*"#.contains(&b);
    !name.is_empty() && name.bytes().all(legal)
}

impl Section {
    /// Gives the section that has the header fields with these names: the whole header, if one of them has signs in it
    /// that only some servers would give back as they are.
    pub fn with_fields(names: Vec<String>) -> Self {
        if names.iter().all(|name| is_plain(name)) { Self::Fields(names) } else { Self::Header }
    }

    fn text(&self) -> Option<String> {
        let part = |part: &str| {
            let number = |level: &str| level.parse::<u32>().is_ok_and(|n| n > 0) && !level.starts_with('+');
            (part.split('.').all(number)).then(|| part.to_owned())
        };
        Some(match self {
            Self::Whole => String::new(),
            Self::Header => "HEADER".to_owned(),
            Self::Text => "TEXT".to_owned(),
            Self::Fields(names) => {
                if names.is_empty() || !names.iter().all(|name| is_plain(name)) {
                    return None;
                }
                format!("{FIELDS}{})", names.join(" ").to_ascii_uppercase())
            }
            Self::Part(number) => part(number)?,
            Self::PartMime(number) => format!("{}.MIME", part(number)?),
        })
    }
}

/// What a server told of one message. Items that did not come are `None`.
#[derive(Clone, Debug, Default)]
pub struct Fetch {
    /// The UID. Without it the response is about nobody that can be named.
    pub uid: Option<Uid>,
    /// The flags.
    pub flags: Option<Vec<Flag>>,
    /// When the message arrived.
    pub internal_date: Option<InternalDate>,
    /// The message's size in bytes.
    pub size: Option<u64>,
    /// Gmail's identifier of the message.
    pub gmail_message_id: Option<u64>,
    /// Gmail's identifier of its thread.
    pub gmail_thread_id: Option<u64>,
    /// Gmail's labels of the message, but not that of the mailbox it is seen through.
    pub gmail_labels: Option<Vec<Label>>,
    /// The parsed structure of the header.
    pub envelope: Option<Envelope>,
    /// The tree of MIME parts.
    pub structure: Option<BodyStructure>,
    /// Contents, by the text between their brackets in upper case. An absent part is empty.
    sections: Vec<(String, Vec<u8>)>,
}

/// Reads a list of labels, each an atom, a string or a literal; Gmail sends some unquoted that are no atoms, and
/// `NIL` for one without a name. `None` where it is anything else: a label that can't be read is not a missing one.
fn labels(value: &Value<'_>) -> Option<Vec<Label>> {
    let list = match value {
        Value::List(list) => list.as_slice(),
        value => value.bytes().is_none().then_some(&[][..])?,
    };
    if list.iter().any(|label| matches!(label, Value::List(_))) {
        return None;
    }
    Some(list.iter().filter_map(Value::bytes).filter_map(Label::from_wire).collect())
}

impl Fetch {
    /// Reads what follows `FETCH `. Unknown items are skipped and a known one with `NIL` is left out, as is the structure
    /// of a message whose parts are nested deeper than lists are read: one such message must not hide all others.
    pub(super) fn parse(tokens: &mut Tokens<'_>) -> Result<Self> {
        let mut fetch = Self::default();
        let Some(Value::List(values)) = tokens.value_however_deep()? else {
            return Err(Error::protocol("a FETCH response without its list"));
        };
        for pair in values.chunks(2) {
            let [Value::Atom(name), value] = pair else {
                return Err(Error::protocol("a FETCH response whose items are no pairs"));
            };
            if value.is_whole() {
                fetch.take(name, value)?;
            } else if !name.eq_ignore_ascii_case(b"BODYSTRUCTURE") {
                return Err(too_deep());
            }
        }
        Ok(fetch)
    }

    fn take(&mut self, name: &[u8], value: &Value<'_>) -> Result<()> {
        // Compared one by one, as there are a few of them with each of very many messages: no name is copied for it.
        let is = |item: &str| name.eq_ignore_ascii_case(item.as_bytes());
        if is("UID") {
            let uid = value.number().and_then(|number| u32::try_from(number).ok()).and_then(Uid::new);
            self.uid = Some(uid.ok_or_else(|| Error::protocol("a FETCH response with an impossible UID"))?);
        } else if is("FLAGS") {
            let flags = value.list().iter().filter_map(Value::text);
            self.flags = Some(flags.filter_map(|flag| Flag::parse(&flag)).collect());
        } else if is("INTERNALDATE") {
            self.internal_date = value.text().and_then(|text| InternalDate::parse(&text));
        } else if is("RFC822.SIZE") {
            self.size = value.number();
        } else if is("ENVELOPE") {
            self.envelope = Some(Envelope::parse(value));
        } else if is("BODYSTRUCTURE") {
            // Some servers give up on a broken message and say NIL.
            if !value.list().is_empty() {
                self.structure = Some(body_structure::parse(value)?);
            }
        } else if is("X-GM-MSGID") {
            self.gmail_message_id = value.number();
        } else if is("X-GM-THRID") {
            self.gmail_thread_id = value.number();
        } else if is("X-GM-LABELS") {
            self.gmail_labels = labels(value);
        } else if let Some((_, inner)) =
            name.split_at_checked(5).filter(|(begin, _)| begin.eq_ignore_ascii_case(b"BODY["))
        {
            let end = inner.iter().rposition(|&byte| byte == b']').unwrap_or(inner.len());
            let inner = inner.get(..end).unwrap_or_default().to_ascii_uppercase();
            let plain: Vec<u8> = inner.into_iter().filter(|&byte| byte != b'"').collect();
            let section = String::from_utf8_lossy(&plain).into_owned();
            self.sections.push((section, value.bytes().unwrap_or_default().to_vec()));
        }
        Ok(())
    }

    /// Gives a section's content; `None` where the server did not send it.
    pub fn section(&self, section: &Section) -> Option<&[u8]> {
        if let (Section::Fields(_), [(name, content)]) = (section, &*self.sections)
            && name.starts_with(FIELDS)
        {
            return Some(content);
        }
        let wanted = section.text()?.to_ascii_uppercase();
        let found = self.sections.iter().find(|(name, _)| *name == wanted);
        // Some servers answer with the fields' names in their own spelling or order.
        let found = found.or_else(|| {
            let fields = |name: &str| name.starts_with(FIELDS);
            self.sections.iter().find(|(name, _)| fields(name) && fields(&wanted))
        });
        found.map(|(_, content)| content.as_slice())
    }

    /// Takes a section's content out, as [`Fetch::section`] finds it.
    pub fn take_section(&mut self, section: &Section) -> Option<Vec<u8>> {
        let wanted = section.text()?.to_ascii_uppercase();
        let at = self.sections.iter().position(|(name, _)| *name == wanted)?;
        Some(self.sections.swap_remove(at).1)
    }

    /// Puts a section's content in, as if a server had sent it.
    pub fn put_section(&mut self, section: &Section, content: Vec<u8>) {
        self.sections.extend(section.text().map(|name| (name.to_ascii_uppercase(), content)));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{Fetch, FetchItem, Section, Tokens, Uid};
    use crate::wire::Frame;

    fn parse(text: &str) -> Option<Fetch> {
        let frame = Frame::from_bytes(text.as_bytes()).unwrap();
        let mut tokens = Tokens::new(frame.bytes(), frame.literals());
        for _ in 0..3 {
            tokens.word();
        }
        Fetch::parse(&mut tokens).ok()
    }

    #[test]
    fn items_unknown_or_nil_dont_hide_the_uid() {
        let text = "* 2 FETCH (X-NEW (a (b)) INTERNALDATE NIL RFC822.SIZE 5000000000 UID 7 FLAGS (\\Seen $x) BODY[HEADER.FIELDS (\"From\" TO)] {3}\r\nabc BODY[1.2]<0> NIL)";
        let fetch = parse(text).unwrap();
        assert_eq!(fetch.uid.map(Uid::get), Some(7));
        assert_eq!((fetch.internal_date, fetch.size), (None, Some(5_000_000_000)));
        assert_eq!(fetch.flags.clone().map(|flags| flags.len()), Some(2));
        let fields = Section::Fields(vec!["from".into(), "to".into()]);
        assert_eq!(fetch.section(&fields), Some(&b"abc"[..]));
        assert_eq!(fetch.section(&Section::Part("1.2".into())), Some(&b""[..]));
        assert_eq!(fetch.section(&Section::Whole), None);
    }

    #[test]
    fn labels_in_every_form() {
        let labels = |list: &str| {
            let fetch =
                parse(&format!("* 2 FETCH (X-GM-THRID 18446744073709551615 X-GM-LABELS {list} UID 7)"));
            let fetch = fetch.filter(|fetch| fetch.uid.is_some()).unwrap();
            assert_eq!(fetch.gmail_thread_id, Some(u64::MAX));
            fetch
                .gmail_labels
                .map(|list| list.iter().map(|label| label.text().to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(labels("()"), Some(vec![]));
        assert_eq!(labels("NIL"), Some(vec![]));
        assert_eq!(
            labels("(\\Inbox \"\\\\Sent\" {3}\r\na)b [x] NIL \"a \\\"b\" 2024 &AOk- &broken \"\")").unwrap(),
            ["\\Inbox", "\\Sent", "a)b", "[x]", "a \"b", "2024", "é", "&broken"]
        );
        assert_eq!(labels("(a (b))"), None);
        assert_eq!(labels("a"), None);
    }

    #[test]
    fn what_names_nobody_is_an_error() {
        for bad in
            ["* 1 FETCH (UID 0)", "* 1 FETCH (UID x)", "* 1 FETCH UID 3", "* 1 FETCH (UID)", "* 1 FETCH"]
        {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn names_and_numbers_cant_become_syntax() {
        for bad in ["a b", "a)", "", "a\r\n", "ü", "a]", "a:"] {
            let item = FetchItem::Section(Section::Fields(vec![bad.into()]));
            assert!(FetchItem::list(&[item]).is_err(), "{bad:?}");
        }
        for bad in ["", "0", "1.", "1]", "+1", "x", "1 2"] {
            assert!(FetchItem::list(&[FetchItem::Section(Section::Part(bad.into()))]).is_err(), "{bad:?}");
        }
    }
}
