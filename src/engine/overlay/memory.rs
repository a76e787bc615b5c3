use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::PlannedAction;
use crate::imap::{Envelope, Fetch, FetchItem, Section};
use crate::mail::{Flag, InternalDate, Message};

/// A message that a dry run would append: it is nowhere but here.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Draft {
    message: Message,
    flags: Vec<Flag>,
    date: Option<InternalDate>,
    gmail_id: Option<u64>,
}

impl Draft {
    /// Takes a message as APPEND has it.
    pub(in crate::engine) fn new(raw: Vec<u8>, flags: Vec<Flag>, date: Option<InternalDate>) -> Self {
        Self { message: Message::parse(raw), flags, date, gmail_id: None }
    }

    /// Gives it an identifier as Gmail's messages have one, which is that of its thread, too.
    pub(in crate::engine) fn known_as(self, gmail_id: u64) -> Self {
        Self { gmail_id: Some(gmail_id), ..self }
    }

    /// Gives the message.
    pub(in crate::engine) fn message(&self) -> &Message {
        &self.message
    }

    /// Tells when it would have arrived.
    pub(in crate::engine) fn date(&self) -> Option<InternalDate> {
        self.date
    }

    /// Tells whether it would be seen.
    pub(in crate::engine) fn is_seen(&self) -> bool {
        self.flags.contains(&Flag::Seen)
    }

    /// Puts into a plan what would be appended.
    pub(in crate::engine) fn describe(&self, action: &mut PlannedAction) {
        action.flags = self.flags.iter().map(ToString::to_string).collect();
        action.date = self.date.map(InternalDate::to_rfc_3339);
        action.content = Some(BASE64_STANDARD.encode(self.message.raw()));
    }

    /// Tells what a server would of it.
    pub(super) fn fetch(&self, items: &[FetchItem]) -> Fetch {
        let mut fetch = Fetch::default();
        for item in items {
            match item {
                FetchItem::Flags => fetch.flags = Some(self.flags.clone()),
                FetchItem::InternalDate => fetch.internal_date = self.date,
                FetchItem::Size => fetch.size = Some(self.message.raw().len() as u64),
                FetchItem::Envelope => fetch.envelope = Some(self.envelope()),
                FetchItem::BodyStructure => fetch.structure = Some(self.message.structure().clone()),
                FetchItem::GmailLabels => fetch.gmail_labels = Some(Vec::new()),
                FetchItem::GmailMessageId => fetch.gmail_message_id = self.gmail_id,
                FetchItem::GmailThreadId => fetch.gmail_thread_id = self.gmail_id,
                FetchItem::Section(section) => fetch.put_section(section, self.section(section)),
                FetchItem::Partial(section, from, count) => {
                    let place = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
                    let whole = self.section(section);
                    let part = whole.into_iter().skip(place(*from)).take(place(*count));
                    fetch.put_section(section, part.collect());
                }
            }
        }
        fetch
    }

    fn section(&self, section: &Section) -> Vec<u8> {
        let raw = self.message.raw();
        let (head, text) = raw.split_at_checked(header_end(raw)).unwrap_or((raw, &[]));
        match section {
            Section::Whole => raw.to_vec(),
            Section::Header => head.to_vec(),
            Section::Text => text.to_vec(),
            Section::Fields(names) => fields(head, names),
            Section::Part(id) => self.message.body(id).unwrap_or_default().to_vec(),
            // Of a message's parts, only the bodies' places are known.
            Section::PartMime(_) => Vec::new(),
        }
    }

    fn envelope(&self) -> Envelope {
        let headers = self.message.headers();
        let addresses = |name: &str| {
            let all = headers.addresses(name).into_iter();
            all.map(|address| (address.name, address.email)).collect()
        };
        Envelope {
            date: headers.get("date"),
            subject: headers.subject(),
            addresses: [
                ("from", "from"),
                ("sender", "sender"),
                ("reply_to", "reply-to"),
                ("to", "to"),
                ("cc", "cc"),
                ("bcc", "bcc"),
            ]
            .map(|(key, name)| (key, addresses(name)))
            .to_vec(),
            in_reply_to: headers.get("in-reply-to"),
            message_id: headers.get("message-id"),
        }
    }
}

/// Finds where the header ends, with the empty line after it.
fn header_end(raw: &[u8]) -> usize {
    let mut end = 0;
    for line in raw.split_inclusive(|&byte| byte == b'\n') {
        end += line.len();
        if matches!(line, b"\r\n" | b"\n") {
            break;
        }
    }
    end
}

/// Gives the header fields with these names, and the empty line.
fn fields(head: &[u8], names: &[String]) -> Vec<u8> {
    let (mut found, mut wanted) = (Vec::new(), false);
    for line in head.split_inclusive(|&byte| byte == b'\n') {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|&byte| byte == b':').next().unwrap_or_default().trim_ascii_end();
            wanted = names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()));
        }
        if wanted {
            found.extend_from_slice(line);
        }
    }
    found.extend_from_slice(b"\r\n");
    found
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{Draft, Fetch, FetchItem, Section};

    #[test]
    fn sections_are_those_of_a_server() {
        let raw = b"From: a@b.org\r\nSubject: one\r\n two\r\nX: y\r\n\r\nbody\r\n";
        let draft = Draft::new(raw.to_vec(), Vec::new(), None);
        let of = |item: FetchItem, section: &Section| -> Vec<u8> {
            let fetch: Fetch = draft.fetch(&[item]);
            fetch.section(section).unwrap().to_vec()
        };
        let whole = |section: Section| of(FetchItem::Section(section.clone()), &section);
        assert_eq!(whole(Section::Fields(vec!["subject".into()])), b"Subject: one\r\n two\r\n\r\n");
        assert_eq!(whole(Section::Text), b"body\r\n");
        assert_eq!(whole(Section::Part("1".into())), b"body\r\n");
        assert_eq!([whole(Section::Header), whole(Section::Text)].concat(), raw);
        assert_eq!(of(FetchItem::Partial(Section::Text, 1, 2), &Section::Text), b"od");
    }
}
