use std::ops::Range;
use std::sync::OnceLock;

use super::{Attachment, BodyStructure, Headers, mime};

/// How many bytes of HTML may have been rendered before another HTML part is.
const MAX_HTML: u32 = 4 * 1024 * 1024;

/// A whole message: its bytes, and what is found in them (RFC 5322, RFC 2045 to 2049).
///
/// Any bytes are a message. What is damaged gives what can be read, nothing fails, and what goes
/// beyond the caps (1,000 parts, 50 levels, 1 MiB of header, …) is left out or left as it is.
///
/// What is found is looked for at first need: who passes a message on as it is does not ask for its parts.
#[derive(Clone, Debug)]
pub struct Message {
    raw: Vec<u8>,
    headers: OnceLock<Headers>,
    parts: OnceLock<Parts>,
}

/// A message's parts, and where each numbered part's body lies in the message.
type Parts = (BodyStructure, Vec<(String, Range<usize>)>);

impl Message {
    /// Takes a message as `BODY[]` gives it.
    pub fn parse(raw: Vec<u8>) -> Self {
        Self { raw, headers: OnceLock::new(), parts: OnceLock::new() }
    }

    /// Gives the bytes, unchanged.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Gives the message's header fields.
    pub fn headers(&self) -> &Headers {
        self.headers.get_or_init(|| Headers::parse(&self.raw))
    }

    fn parts(&self) -> &Parts {
        self.parts.get_or_init(|| mime::parse(&self.raw))
    }

    /// Gives the message's parts as a server's BODYSTRUCTURE would describe them.
    pub fn structure(&self) -> &BodyStructure {
        &self.parts().0
    }

    /// Gives the text: each text part decoded, HTML rendered where there is no plain alternative,
    /// and one line break between parts that do not end in one. Line ends are LF. After 4 MiB of HTML
    /// no further HTML part is rendered.
    pub fn text(&self) -> String {
        let mut html = 0_u32;
        let mut parts = self.structure().text_parts();
        parts.retain(|part| {
            let is_wanted = !part.is_html() || html < MAX_HTML;
            html = html.saturating_add(if part.is_html() { part.size } else { 0 });
            is_wanted
        });
        self.joined(parts, BodyStructure::readable_text)
    }

    /// Gives the HTML parts, decoded and joined; `None` where there is none.
    pub fn html(&self) -> Option<String> {
        let parts = self.structure().html_parts();
        (!parts.is_empty()).then(|| self.joined(parts, BodyStructure::decode_text))
    }

    /// Lists the attachments, as `BodyStructure::attachments` does.
    pub fn attachments(&self) -> Vec<Attachment> {
        self.structure().attachments()
    }

    /// Gives a part's body without its transfer encoding, by its IMAP number (RFC 3501 §6.4.5): a
    /// message without parts is part `1`, and an embedded message's own header comes with it.
    pub fn part(&self, id: &str) -> Option<Vec<u8>> {
        Some(self.structure().part(id)?.decode(self.body(id)?))
    }

    /// Gives a part's body as it stands in the message, as `BODY[id]` has it.
    pub fn body(&self, id: &str) -> Option<&[u8]> {
        let (_, place) = self.parts().1.iter().find(|(place, _)| place == id)?;
        self.raw.get(place.clone())
    }

    fn joined(&self, parts: Vec<&BodyStructure>, read: fn(&BodyStructure, &[u8]) -> String) -> String {
        let mut all = String::new();
        for part in parts {
            if !all.is_empty() && !all.ends_with('\n') {
                all.push('\n');
            }
            all.push_str(&read(part, self.body(&part.id).unwrap_or_default()).replace("\r\n", "\n"));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Address, InternalDate, safe_file_name};
    use super::{Headers, Message};

    const SAMPLE: &str = "\
From: =?utf-8?B?TcO8bGxlcg==?= <m@example.org>
Subject: =?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=
Date: Fri, 21 Nov 1997 09:55:06 -0600
Content-Type: multipart/mixed; boundary=\"outer\"

preamble
--outer
Content-Type: multipart/alternative; boundary=outer2

--outer2
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe
--outer2
Content-Type: text/html

<p>Gr&uuml;&szlig;e <b>fett</b>
--outer2--
epilogue
--outer
Content-Type: application/pdf; name=\"=?utf-8?Q?caf=C3=A9.pdf?=\"
Content-Disposition: attachment
Content-Transfer-Encoding: base64

aGVsbG8=
--outer
Content-Type: message/rfc822

Subject: inner
Content-Type: multipart/mixed; boundary=inner

--inner

inner text
--inner
Content-Type: image/png
Content-Disposition: inline; filename*=utf-8''%E2%9C%93.png

png
--inner--
--outer
Content-Type: text/plain

footer
--outer-- 
after
";

    fn message(raw: &str) -> Message {
        Message::parse(raw.as_bytes().to_vec())
    }

    fn part(message: &Message, id: &str) -> Option<String> {
        message.part(id).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn a_message_is_read_with_either_line_end() {
        for raw in [SAMPLE.to_owned(), SAMPLE.replace('\n', "\r\n")] {
            let message = message(&raw);
            assert_eq!(message.headers().subject().as_deref(), Some("日本語"));
            assert_eq!(message.text(), "Grüße\nfooter");
            assert_eq!(message.html().as_deref(), Some("<p>Gr&uuml;&szlig;e <b>fett</b>"));
            assert_eq!(part(&message, "1.1").as_deref(), Some("Gr\u{fffd}\u{fffd}e"));
            assert_eq!(part(&message, "2").as_deref(), Some("hello"));
            assert_eq!(part(&message, "3.1").as_deref(), Some("inner text"));
            assert_eq!(part(&message, "3.2").as_deref(), Some("png"));
            assert_eq!(part(&message, "4").as_deref(), Some("footer"));
            assert!(
                part(&message, "1").is_some_and(|p| p.starts_with("--outer2") && p.ends_with("epilogue"))
            );
            assert!(
                part(&message, "3")
                    .is_some_and(|p| p.starts_with("Subject: inner") && p.ends_with("--inner--"))
            );
            assert_eq!((part(&message, ""), part(&message, "5"), part(&message, "1.0")), (None, None, None));
            let size = message.structure().part("3").map(|p| (p.size, p.lines));
            assert_eq!(size, part(&message, "3").map(|p| (u32::try_from(p.len()).unwrap_or(0), Some(12))));
        }
    }

    #[test]
    fn attachments_have_the_numbers_that_part_takes() {
        let all: Vec<_> = message(SAMPLE)
            .attachments()
            .into_iter()
            .map(|a| (a.part, a.content_type, a.name, a.size))
            .collect();
        let (pdf, mail) = ("application/pdf".to_owned(), "message/rfc822".to_owned());
        let size = message(SAMPLE).part("3").map_or(0, |p| u32::try_from(p.len()).unwrap_or(0));
        assert_eq!(all, [("2".into(), pdf, Some("café.pdf".into()), 8), ("3".into(), mail, None, size)]);
    }

    #[test]
    fn single_parts_are_number_one() {
        let plain = message("Subject: x\n\nbody\n");
        assert_eq!((plain.text().as_str(), part(&plain, "1").as_deref()), ("body\n", Some("body\n")));
        assert_eq!(part(&plain, "1.1"), None);
        let html = message(
            "Content-Type: text/html; charset=koi8-r\nContent-Transfer-Encoding: base64\n\nPGI+8NLJ18XUPC9iPg==",
        );
        assert_eq!(html.text(), "Привет");
        let bare = message("Content-Type: multipart/mixed\n\nno boundary");
        assert_eq!((part(&bare, "1").as_deref(), bare.attachments().len()), (Some("no boundary"), 0));
        let digest =
            "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: a\n\nA\n--b\n\n\nB\n--b--";
        assert_eq!(part(&message(digest), "1.1").as_deref(), Some("A"));
        assert_eq!(part(&message(digest), "2.1").as_deref(), Some("B"));
        for raw in ["", "\n", "x", "Content-Type: multipart/mixed; boundary=b\n\n--b", "\n\n--b"] {
            assert!(message(raw).raw() == raw.as_bytes() && message(raw).part("1").is_some(), "{raw:?}");
        }
    }

    fn nested(depth: usize) -> String {
        let level = |n: usize| format!("Content-Type: multipart/mixed; boundary=b{n}x\n\n--b{n}x\n");
        format!("{}\ndeep text", (0..depth).map(level).collect::<String>())
    }

    #[test]
    fn deep_nesting_ends_in_an_opaque_part() {
        let id = ["1"; 50].join(".");
        for depth in [51, 1_000, 100_000] {
            let multipart = message(&nested(depth));
            let opaque: Vec<_> =
                multipart.attachments().into_iter().map(|a| (a.part, a.content_type)).collect();
            assert_eq!(opaque, [(id.clone(), "multipart/mixed".to_owned())], "{depth}");
            assert!(part(&multipart, &id).is_some_and(|part| part.ends_with("deep text")));
            let embedded = message(&"Content-Type: message/rfc822\n\n".repeat(depth));
            assert_eq!(embedded.structure().parts().count(), 51);
        }
        assert_eq!(message(&nested(50)).text(), "deep text");
    }

    #[test]
    fn much_html_is_rendered_only_so_far() {
        let part = format!("--b\nContent-Type: text/html\n\n<p>x<!--{}-->\n", "y".repeat(100_000));
        let text =
            message(&format!("Content-Type: multipart/mixed; boundary=b\n\n{}", part.repeat(100))).text();
        assert_eq!(text, vec!["x"; 42].join("\n"));
    }

    #[test]
    fn parts_beyond_the_cap_are_left_out() {
        let raw = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(50_000));
        assert_eq!(message(&raw).structure().parts().count(), 999);
    }

    /// Asks a message for everything there is, so that whatever may panic does.
    fn exercise(raw: &[u8]) {
        let message = Message::parse(raw.to_vec());
        let headers = message.headers();
        for (name, _) in headers.iter() {
            headers.addresses(name);
        }
        let _ = (
            headers.date(),
            headers.message_id(),
            headers.references(),
            headers.list_id(),
            headers.subject(),
        );
        let _ = (message.text(), message.html());
        for attachment in message.attachments() {
            assert!(message.part(&attachment.part).is_some());
            safe_file_name(&attachment.name.unwrap_or_default());
        }
        for part in message.structure().parts() {
            assert!(message.part(&part.id).is_some(), "{}", part.id);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_bad(raw in prop::collection::vec(any::<u8>(), 0..600), text in ".{0,80}") {
            exercise(&raw);
            exercise(text.as_bytes());
            let field = |name: &str| [name.as_bytes(), b": ", &raw, b"\n\nbody"].concat();
            for name in ["From", "Date", "Subject", "Content-Type", "Content-Disposition", "References"] {
                exercise(&field(name));
            }
            Headers::parse(&raw);
            InternalDate::parse(&text);
            Address::parse_list(&text);
        }

        #[test]
        fn structure_out_of_place_is_no_trouble(pieces in prop::collection::vec(
            prop::sample::select(vec![
                "From: ", "Date: ", "Content-Type: ", "Content-Disposition: ", "multipart/mixed", "message/rfc822",
                "text/html", "; boundary=b", "; filename*0*=", "; filename*0=", "; filename*1*=", "; filename*=", "utf-8''%C3",
                "--b", "--b--", "\n", "\n\n", "\r\n", " ", "\t", "=?utf-8?Q?=C3?=", "=?", "?=", "?B?", "\"", "\\", "(", ")",
                "<", ">", "@", ",", ";", ":", "a", "é", "\0", "1 Jan 2024 ", "10:00", " +0000", "<p>", "</p>", "<!--", "&", "=",
            ]), 0..60)) {
            let raw = pieces.concat();
            exercise(raw.as_bytes());
            exercise(format!("Content-Type: text/html; boundary=b\n\n{raw}").as_bytes());
            Address::parse_list(&raw);
        }

        #[test]
        fn damaged_messages_are_read(at in any::<prop::sample::Index>(), with in any::<[u8; 3]>(), cut in any::<prop::sample::Index>()) {
            let mut raw = SAMPLE.as_bytes().to_vec();
            let start = at.index(raw.len() - 3);
            raw.splice(start..start + 3, with);
            exercise(&raw);
            raw.truncate(cut.index(raw.len()));
            exercise(&raw);
        }
    }
}
