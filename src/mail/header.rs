use jiff::ZonedDateTime;

use super::field::Field;
use super::{Address, date};

/// The most bytes of one header block that are looked at.
const MAX_BLOCK: usize = 1024 * 1024;
/// The most fields of one header block that are kept.
const MAX_FIELDS: usize = 10_000;

/// The header fields of a message or of a part (RFC 5322 §2.2), in their order.
///
/// Anything can be parsed: what is no field is left out, and what goes beyond 1 MiB of block, 10,000
/// fields or 256 KiB of one value is cut off. Values are decoded when they are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    fields: Vec<Field>,
}

impl Headers {
    /// Parses a raw header block as `BODY[HEADER]` or `BODY[HEADER.FIELDS (…)]` gives it.
    ///
    /// It ends at the first empty line or with the bytes. Lines may end in CRLF or LF; lines without
    /// a colon or with a space in the name (an mbox `From ` line) are skipped.
    pub fn parse(block: &[u8]) -> Self {
        let mut rest = block.get(..MAX_BLOCK).unwrap_or(block);
        let mut fields = Vec::new();
        while fields.len() < MAX_FIELDS && !rest.is_empty() && !is_blank(rest) {
            // mailparse fails on all of a block that begins with a continuation, and takes a line without
            // a colon for a name.
            let colon = rest.iter().find(|&&b| b == b':' || b == b'\n') == Some(&b':');
            let parsed = (colon && !is_folded(rest)).then(|| mailparse::parse_header(rest));
            let next = match parsed {
                Some(Ok((header, next))) => {
                    fields.extend(Field::new(header.get_key_raw(), header.get_value_raw()));
                    next
                }
                _ => line_length(rest),
            };
            rest = rest.get(next.max(1)..).unwrap_or_default();
        }
        Self { fields }
    }

    /// Gives the first field of this name, in any case: unfolded, and decoded by RFC 2047.
    pub fn get(&self, name: &str) -> Option<String> {
        self.named(name).next().map(|field| field.decoded().to_owned())
    }

    /// Gives all fields of this name, in any case, as `get` does.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.named(name).map(|field| field.decoded().to_owned()).collect()
    }

    /// Gives all fields of this name, in any case, to be compared: each is read once, however often it is asked for.
    pub fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Field> {
        self.fields.iter().filter(move |field| field.name().eq_ignore_ascii_case(name))
    }

    /// Gives every field as its name, in the message's own spelling, and its decoded value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, String)> + '_ {
        self.fields.iter().map(|field| (field.name(), field.decoded().to_owned()))
    }

    /// Gives the first field's value as its bytes, with its line breaks, without the last one.
    pub fn raw(&self, name: &str) -> Option<&[u8]> {
        self.named(name).next().map(Field::raw)
    }

    /// Gives the first field's value unfolded but not decoded; bytes that are not UTF-8 are taken
    /// for windows-1252.
    pub(super) fn unfolded(&self, name: &str) -> Option<String> {
        self.named(name).next().map(Field::unfolded)
    }

    /// Tells how many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Gives the addresses of all fields of this name (RFC 5322 §3.4), those within groups too.
    pub fn addresses(&self, name: &str) -> Vec<Address> {
        self.named(name).flat_map(Field::addresses).cloned().collect()
    }

    /// Gives the instant and offset of the `Date` field; `None` where there is none that makes sense.
    pub fn date(&self) -> Option<ZonedDateTime> {
        date::parse(&self.unfolded("date")?)
    }

    /// Gives the decoded subject.
    pub fn subject(&self) -> Option<String> {
        self.get("subject")
    }

    /// Gives the Message-ID without its angle brackets.
    pub fn message_id(&self) -> Option<String> {
        self.identifiers("message-id").into_iter().next()
    }

    /// Gives the first identifier of `In-Reply-To` without its angle brackets.
    pub fn in_reply_to(&self) -> Option<String> {
        self.identifiers("in-reply-to").into_iter().next()
    }

    /// Gives the identifiers of `References`, oldest first, without their angle brackets.
    pub fn references(&self) -> Vec<String> {
        self.identifiers("references")
    }

    /// Gives the list's identifier (RFC 2919): what stands in the last angle brackets, else all.
    pub fn list_id(&self) -> Option<String> {
        let value = self.unfolded("list-id")?;
        let bracketed = value.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
        let id = bracketed.map_or(value.as_str(), |(id, _)| id).trim();
        (!id.is_empty()).then(|| id.to_owned())
    }

    /// Reads identifiers (RFC 5322 §3.6.4); where nothing is in brackets, words are taken for them.
    fn identifiers(&self, name: &str) -> Vec<String> {
        let value = self.unfolded(name).unwrap_or_default();
        let bracketed: Vec<String> = value
            .split('<')
            .skip(1)
            .filter_map(|piece| piece.split_once('>'))
            .map(|(id, _)| id.split_whitespace().collect::<String>())
            .filter(|id| !id.is_empty())
            .collect();
        if bracketed.is_empty() {
            let word = |word: &str| word.trim_matches(['<', '>', ',']).to_owned();
            return value.split_whitespace().map(word).filter(|id| !id.is_empty()).collect();
        }
        bracketed
    }
}

fn is_blank(rest: &[u8]) -> bool {
    rest.starts_with(b"\n") || rest.starts_with(b"\r\n")
}

fn is_folded(rest: &[u8]) -> bool {
    rest.starts_with(b" ") || rest.starts_with(b"\t")
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter().position(|&b| b == b'\n').map_or(rest.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::Headers;

    fn headers(block: &str) -> Headers {
        Headers::parse(block.as_bytes())
    }

    #[test]
    fn fields_are_found_in_any_case_unfolded_and_decoded() {
        let block = "Subject: =?utf-8?Q?Gr=C3=BC?=\r\n =?utf-8?Q?=C3=9Fe?=\r\n\taus K\u{f6}ln \r\n\
                     received: one\r\nReceived : two\r\nX-Empty:\r\n\r\nReceived: body\r\n";
        let headers = headers(block);
        assert_eq!(headers.get("SUBJECT").as_deref(), Some("Grüße aus Köln"));
        assert_eq!(headers.subject(), headers.get("subject"));
        assert_eq!(headers.all("Received"), ["one", "two"]);
        assert_eq!(headers.get("x-empty").as_deref(), Some(""));
        assert_eq!(headers.get("x-none"), None);
        let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Subject", "received", "Received", "X-Empty"]);
        let raw = "=?utf-8?Q?Gr=C3=BC?=\r\n =?utf-8?Q?=C3=9Fe?=\r\n\taus K\u{f6}ln ";
        assert_eq!(headers.raw("subject"), Some(raw.as_bytes()));
    }

    #[test]
    fn broken_blocks_give_the_fields_there_are() {
        let block = " folded\n\tagain\nFrom me@here Mon Jan  1 10:00:00 2024\nno colon here\n: nothing\n\
                     A: 1\nlonely\nB:2\r\nC:  caf";
        let mut block = block.as_bytes().to_vec();
        block.push(0xe9);
        let headers = Headers::parse(&block);
        let all: Vec<_> = headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(all, ["A=1", "B=2", "C=café"]);
        assert!(Headers::parse(b"").is_empty());
        assert!(Headers::parse(b"\r\n").is_empty());
        assert!(Headers::parse(b"\r").is_empty());
    }

    #[test]
    fn identifiers_lose_their_brackets() {
        let headers = headers(
            "Message-ID:\r\n <a@b>\r\nIn-Reply-To: Your message of today <x y@z> (me)\r\n\
             References: <1@a><2@b>\r\n\t<3@c> <\r\nList-Id: \"Talk <x>\" <talk.example.org>\r\n",
        );
        assert_eq!(headers.message_id().as_deref(), Some("a@b"));
        assert_eq!(headers.in_reply_to().as_deref(), Some("xy@z"));
        assert_eq!(headers.references(), ["1@a", "2@b", "3@c"]);
        assert_eq!(headers.list_id().as_deref(), Some("talk.example.org"));
        let bare = Headers::parse(b"Message-ID: a@b\nList-ID: bare.example.org\nReferences:");
        assert_eq!(bare.message_id().as_deref(), Some("a@b"));
        assert_eq!(bare.list_id().as_deref(), Some("bare.example.org"));
        assert_eq!(bare.references(), [""; 0]);
    }

    #[test]
    fn the_caps_hold() {
        assert_eq!(headers(&"A: b\r\n".repeat(50_000)).len(), super::MAX_FIELDS);
        let long = format!("A: {}\r\nB: c\r\n", "x".repeat(300_000));
        assert_eq!(headers(&long).raw("a").map(<[u8]>::len), Some(crate::mail::field::MAX_VALUE));
        assert_eq!(headers(&long).get("b").as_deref(), Some("c"));
        let beyond = format!("A: {}\r\nB: c\r\n", "x".repeat(super::MAX_BLOCK));
        assert_eq!(headers(&beyond).get("b"), None);
        assert_eq!(
            headers(&format!("{}B: c\r\n", "\tfolded\r\n".repeat(50_000))).get("b").as_deref(),
            Some("c")
        );
        let words = format!("Subject:{}", " =?utf-8?B?4pyT?=\r\n".repeat(50_000));
        assert!(headers(&words).subject().is_some_and(|subject| subject.starts_with(&"✓".repeat(1_000))));
    }
}
