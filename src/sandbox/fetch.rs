use std::num::NonZeroU32;

use imap_codec::imap_types::fetch::{MacroOrMessageDataItemNames, MessageDataItemName, Section};

use super::message::StoredMessage;
use super::mime::slice;
use super::{body_structure, envelope, quote, section};

/// What a FETCH asks for, macros expanded and each item once (RFC 3501 §6.4.5).
#[derive(Debug)]
pub(super) struct Items<'a> {
    names: Vec<MessageDataItemName<'a>>,
}

impl<'a> Items<'a> {
    /// Reads the items of a command; UID FETCH always gives the UID. `None` for nothing, or for what
    /// the sandbox does not offer.
    pub(super) fn new(asked: &'a MacroOrMessageDataItemNames<'a>, uid: bool) -> Option<Self> {
        let asked = match asked {
            MacroOrMessageDataItemNames::Macro(r#macro) => r#macro.expand(),
            MacroOrMessageDataItemNames::MessageDataItemNames(names) => names.clone(),
        };
        let unknown = |name: &MessageDataItemName<'_>| {
            use MessageDataItemName::{Binary, BinarySize, ModSeq};
            matches!(name, Binary { .. } | BinarySize { .. } | ModSeq)
        };
        if asked.is_empty() || asked.iter().any(unknown) {
            return None;
        }
        let mut names = Vec::new();
        let first = uid.then_some(MessageDataItemName::Uid);
        for name in first.into_iter().chain(asked) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Some(Self { names })
    }

    /// Tells whether fetching these sets `\Seen`.
    pub(super) fn set_seen(&self) -> bool {
        use MessageDataItemName::{BodyExt, Rfc822, Rfc822Text};
        self.names.iter().any(|name| matches!(name, BodyExt { peek: false, .. } | Rfc822 | Rfc822Text))
    }

    /// Asks for FLAGS too, as a FETCH that changes them has to report them.
    pub(super) fn with_flags(&mut self) {
        if !self.names.contains(&MessageDataItemName::Flags) {
            self.names.push(MessageDataItemName::Flags);
        }
    }

    /// Tells whether FLAGS are given.
    pub(super) fn has_flags(&self) -> bool {
        self.names.contains(&MessageDataItemName::Flags)
    }

    /// Writes one message's `* n FETCH (…)`; `extra` are further items, each with a space before it.
    pub(super) fn write(
        &self,
        out: &mut Vec<u8>,
        sequence: u32,
        message: &StoredMessage,
        recent: bool,
        extra: &[u8],
    ) {
        out.extend_from_slice(format!("* {sequence} FETCH (").as_bytes());
        for (at, name) in self.names.iter().enumerate() {
            if at > 0 {
                out.push(b' ');
            }
            item(out, name, message, recent);
        }
        out.extend_from_slice(extra);
        out.extend_from_slice(b")\r\n");
    }
}

fn item(out: &mut Vec<u8>, name: &MessageDataItemName<'_>, message: &StoredMessage, recent: bool) {
    let raw = message.raw();
    let root = || message.content.root();
    match name {
        MessageDataItemName::Uid => out.extend_from_slice(format!("UID {}", message.uid).as_bytes()),
        MessageDataItemName::Flags => {
            out.extend_from_slice(format!("FLAGS {}", message.flags_text(recent)).as_bytes());
        }
        MessageDataItemName::InternalDate => {
            let date = message.internal_date.strftime("%e-%b-%Y %H:%M:%S %z");
            out.extend_from_slice(format!("INTERNALDATE \"{date}\"").as_bytes());
        }
        MessageDataItemName::Rfc822Size => {
            out.extend_from_slice(format!("RFC822.SIZE {}", raw.len()).as_bytes());
        }
        MessageDataItemName::Envelope => {
            out.extend_from_slice(b"ENVELOPE ");
            envelope::write(out, raw, root());
        }
        MessageDataItemName::Body => {
            out.extend_from_slice(b"BODY ");
            body_structure::write(out, raw, root(), false);
        }
        MessageDataItemName::BodyStructure => {
            out.extend_from_slice(b"BODYSTRUCTURE ");
            body_structure::write(out, raw, root(), true);
        }
        MessageDataItemName::Rfc822 => {
            out.extend_from_slice(b"RFC822 ");
            quote::literal(out, raw);
        }
        MessageDataItemName::Rfc822Header => {
            out.extend_from_slice(b"RFC822.HEADER ");
            quote::literal(out, slice(raw, &root().header));
        }
        MessageDataItemName::Rfc822Text => {
            out.extend_from_slice(b"RFC822.TEXT ");
            quote::literal(out, slice(raw, &root().body));
        }
        MessageDataItemName::BodyExt { section, partial, .. } => {
            body(out, message, section.as_ref(), *partial);
        }
        // `Items::new` takes no others.
        _ => {}
    }
}

fn body(
    out: &mut Vec<u8>,
    message: &StoredMessage,
    section: Option<&Section<'_>>,
    partial: Option<(u32, NonZeroU32)>,
) {
    out.extend_from_slice(b"BODY");
    section::write_name(out, section);
    if let Some((origin, _)) = partial {
        out.extend_from_slice(format!("<{origin}>").as_bytes());
    }
    out.push(b' ');
    let Some(data) = section::bytes(message.raw(), message.content.root(), section) else {
        out.extend_from_slice(b"NIL");
        return;
    };
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let (start, length) =
        partial.map_or((0, usize::MAX), |(start, length)| (size(start), size(length.get())));
    let start = start.min(data.len());
    let end = start.saturating_add(length).min(data.len());
    quote::literal(out, data.get(start..end).unwrap_or_default());
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use std::sync::Arc;

    use imap_codec::CommandCodec;
    use imap_codec::decode::Decoder;
    use imap_codec::imap_types::command::CommandBody;

    use super::{Items, StoredMessage};
    use crate::mail::Uid;
    use crate::sandbox::message::Content;

    const NESTED: &str = "Subject: out\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX-One: 1\r\n\r\none\r\n--b\r\n\
        Content-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n\
        --c\r\n\r\nplain\r\n--c\r\nContent-Type: text/html\r\n\r\n<p>\r\n--c--\r\n--b--\r\n";

    fn fetched(raw: &str, item: &str) -> String {
        let command = format!("a FETCH 1 ({item})\r\n");
        let (_, command) = CommandCodec::new().decode_static(command.as_bytes()).unwrap();
        let CommandBody::Fetch { macro_or_item_names, .. } = command.body else { unreachable!() };
        let message = StoredMessage {
            uid: Uid::MIN,
            flags: std::collections::BTreeSet::new(),
            internal_date: jiff::Timestamp::UNIX_EPOCH.to_zoned_datetime(jiff::tz::TimeZone::UTC),
            content: Arc::new(Content::new(raw.as_bytes().to_vec())),
            changed: 0,
            gmail_id: 0,
        };
        let mut out = Vec::new();
        Items::new(&macro_or_item_names, false).unwrap().write(&mut out, 1, &message, false, b"");
        let out = String::from_utf8(out).unwrap();
        out.strip_prefix("* 1 FETCH (").unwrap().strip_suffix(")\r\n").unwrap().to_owned()
    }

    #[test]
    fn sections_are_numbered_as_the_rfc_says() {
        for (section, expected) in [
            ("1", "{3}\r\none"),
            ("1.MIME", "{12}\r\nX-One: 1\r\n\r\n"),
            ("2.HEADER.FIELDS (Subject)", "{15}\r\nSubject: in\r\n\r\n"),
            ("2.1", "{5}\r\nplain"),
            ("2.2", "{3}\r\n<p>"),
            ("2.2.MIME", "{27}\r\nContent-Type: text/html\r\n\r\n"),
            ("2.3", "NIL"),
            ("1.1", "NIL"),
            ("1.HEADER", "NIL"),
            ("3", "NIL"),
            ("HEADER.FIELDS.NOT (content-type)", "{16}\r\nSubject: out\r\n\r\n"),
        ] {
            assert_eq!(
                fetched(NESTED, &format!("BODY.PEEK[{section}]")),
                format!("BODY[{section}] {expected}")
            );
        }
        assert_eq!(fetched("A: b\r\n\r\nall", "BODY[1]"), "BODY[1] {3}\r\nall");
        assert_eq!(fetched("A: b\r\n\r\nall", "BODY[1.MIME]"), "BODY[1.MIME] {8}\r\nA: b\r\n\r\n");
        assert_eq!(fetched("A: b\r\n\r\nall", "BODY[TEXT]<1.9>"), "BODY[TEXT]<1> {2}\r\nll");
        assert_eq!(fetched("A: b\r\n\r\nall", "BODY[]<99.9>"), "BODY[]<99> {0}\r\n");
        assert_eq!(
            fetched("A: b\r\n\r\nall", "RFC822.TEXT RFC822.SIZE"),
            "RFC822.TEXT {3}\r\nall RFC822.SIZE 11"
        );
    }
}
