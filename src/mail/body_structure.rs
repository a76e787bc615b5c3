use serde::{Deserialize, Serialize};

use super::parameters::{self, Parameters};
use super::{charset, html, transfer_encoding};

/// The parts of a message, as a tree (RFC 3501 §7.4.2, BODYSTRUCTURE).
///
/// Made with `leaf`, `multipart` and `message`, and numbered once, at its root, with `number`. How
/// deep it is, is up to who makes it: 100 levels are fine everywhere here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyStructure {
    /// The part number (RFC 3501 §6.4.5); empty for the multipart that is all of a message's body,
    /// which has none.
    pub id: String,
    /// The media type in lower case: `text`, `multipart`, `message`.
    pub media_type: String,
    /// The media subtype in lower case.
    pub subtype: String,
    /// The content type's parameters.
    pub params: Parameters,
    /// The Content-ID as it is written.
    pub content_id: Option<String>,
    /// The Content-Description as it is written.
    pub description: Option<String>,
    /// The content transfer encoding in lower case.
    pub encoding: String,
    /// The size in octets, as encoded; 0 for a multipart, of which a server does not tell it.
    pub size: u32,
    /// The lines, as encoded, of a text or a message.
    pub lines: Option<u32>,
    /// What the sender wants done with the part (RFC 2183).
    pub disposition: Option<Disposition>,
    /// A multipart's parts, or the body of an embedded message (then exactly one).
    pub children: Vec<BodyStructure>,
}

/// A content disposition (RFC 2183).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disposition {
    /// `inline`, `attachment` or what else the sender wrote, in lower case.
    pub kind: String,
    /// Its parameters.
    pub params: Parameters,
}

impl Disposition {
    /// Makes a disposition from its kind in any case and its parameters.
    pub fn new(kind: &str, params: Parameters) -> Self {
        Self { kind: kind.trim().to_ascii_lowercase(), params: lower(params) }
    }
}

impl BodyStructure {
    /// Makes a part that holds no others. Type, subtype, encoding and the parameters' names may be
    /// in any case; `size` is in octets as encoded.
    pub fn leaf(media_type: &str, subtype: &str, params: Parameters, encoding: &str, size: u32) -> Self {
        Self {
            media_type: media_type.trim().to_ascii_lowercase(),
            subtype: subtype.trim().to_ascii_lowercase(),
            params: lower(params),
            encoding: encoding.trim().to_ascii_lowercase(),
            size,
            ..Self::default()
        }
    }

    /// Makes a multipart of its parts.
    pub fn multipart(children: Vec<Self>, subtype: &str, params: Parameters) -> Self {
        Self { children, ..Self::leaf("multipart", subtype, params, "", 0) }
    }

    /// Makes a `message/rfc822` of the body of the message in it.
    pub fn message(body: Self, params: Parameters, encoding: &str, size: u32) -> Self {
        Self { children: vec![body], ..Self::leaf("message", "rfc822", params, encoding, size) }
    }

    /// Gives every part its number (RFC 3501 §6.4.5). This is called at the root, once it is whole.
    #[must_use]
    pub fn number(mut self) -> Self {
        // Of a message's body, the number is that of the message (none for the root).
        let mut open = vec![(&mut self, String::new(), true)];
        while let Some((part, number, is_body)) = open.pop() {
            part.id = match (is_body, part.is_container()) {
                (true, true) => String::new(),
                (true, false) => child_number(&number, 1),
                (false, _) => number.clone(),
            };
            let own = if is_body && part.is_container() { number } else { part.id.clone() };
            let of_message = !part.is_multipart();
            for (at, child) in part.children.iter_mut().enumerate() {
                let number = if of_message { own.clone() } else { child_number(&own, at + 1) };
                open.push((child, number, of_message));
            }
        }
        self
    }

    /// Gives the media type, `text/plain`, in lower case.
    pub fn content_type(&self) -> String {
        format!("{}/{}", self.media_type, self.subtype)
    }

    /// Tells whether the part is a multipart.
    pub fn is_multipart(&self) -> bool {
        self.media_type == "multipart"
    }

    /// Tells whether the part is a whole message (RFC 2046 §5.2.1, RFC 6532 §3.7).
    pub fn is_message(&self) -> bool {
        self.media_type == "message" && matches!(self.subtype.as_str(), "rfc822" | "global")
    }

    /// Gives the charset parameter, in the case it is written in.
    pub fn charset(&self) -> Option<String> {
        parameters::decoded(&self.params, "charset")
    }

    /// Gives the file name, decoded: `filename` of the disposition, else `name` of the content type.
    pub fn file_name(&self) -> Option<String> {
        let filename = self.disposition.as_ref().and_then(|d| parameters::decoded(&d.params, "filename"));
        filename.or_else(|| parameters::decoded(&self.params, "name"))
    }

    /// Gives the parts that are no multiparts (or multiparts without parts), in the message's order:
    /// an embedded message, and then what is in it.
    pub fn parts(&self) -> impl Iterator<Item = &Self> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            loop {
                let part = open.pop()?;
                open.extend(part.children.iter().rev());
                if !part.is_container() {
                    return Some(part);
                }
            }
        })
    }

    /// Finds a part, a multipart too, by its number.
    pub fn part(&self, id: &str) -> Option<&Self> {
        let mut open = vec![self];
        while let Some(part) = open.pop() {
            if part.id == id && !id.is_empty() {
                return Some(part);
            }
            open.extend(&part.children);
        }
        None
    }

    /// Undoes the transfer encoding of the part's body as `BODY[id]` gives it.
    pub fn decode(&self, body: &[u8]) -> Vec<u8> {
        // Multiparts and messages may not be encoded (RFC 2045 §6.4).
        if self.is_multipart() { body.to_vec() } else { transfer_encoding::decode(&self.encoding, body) }
    }

    /// Undoes the transfer encoding and the charset of a text part's body.
    pub fn decode_text(&self, body: &[u8]) -> String {
        charset::decode_text(self.charset().as_deref(), &self.decode(body))
    }

    /// Gives a text part's body as text to read and search: decoded, and HTML rendered.
    pub fn readable_text(&self, body: &[u8]) -> String {
        let text = self.decode_text(body);
        if self.is_html() { html::to_text(&text) } else { text }
    }

    /// Tells whether this only holds others. A multipart without parts (it had no boundary, or lies too
    /// deep) is a leaf, so that what is in it is not overlooked.
    pub(super) fn is_container(&self) -> bool {
        self.is_multipart() && !self.children.is_empty()
    }

    pub(super) fn is_html(&self) -> bool {
        self.media_type == "text" && self.subtype == "html"
    }

    pub(super) fn is_plain(&self) -> bool {
        self.media_type == "text" && self.subtype == "plain"
    }
}

fn child_number(parent: &str, at: usize) -> String {
    if parent.is_empty() { at.to_string() } else { format!("{parent}.{at}") }
}

fn lower(params: Parameters) -> Parameters {
    params.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::BodyStructure;

    fn leaf(content_type: &str) -> BodyStructure {
        let (media_type, subtype) = content_type.split_once('/').unwrap_or((content_type, ""));
        BodyStructure::leaf(media_type, subtype, vec![], "7BIT", 10)
    }

    fn multipart(subtype: &str, children: Vec<BodyStructure>) -> BodyStructure {
        BodyStructure::multipart(children, subtype, vec![])
    }

    fn numbered(parts: &BodyStructure) -> Vec<String> {
        parts.parts().map(|part| format!("{} {}", part.id, part.content_type())).collect()
    }

    /// The example of RFC 3501 §6.4.5.
    fn example() -> BodyStructure {
        let inner = multipart("mixed", vec![leaf("text/plain"), leaf("application/octet-stream")]);
        let second = multipart(
            "mixed",
            vec![
                leaf("image/gif"),
                BodyStructure::message(
                    multipart(
                        "mixed",
                        vec![
                            leaf("text/plain"),
                            multipart("alternative", vec![leaf("text/plain"), leaf("text/richtext")]),
                        ],
                    ),
                    vec![],
                    "7bit",
                    10,
                ),
            ],
        );
        multipart(
            "MIXED",
            vec![
                leaf("TEXT/PLAIN"),
                leaf("application/octet-stream"),
                BodyStructure::message(inner, vec![], "7bit", 10),
                second,
            ],
        )
        .number()
    }

    #[test]
    fn parts_are_numbered_as_the_rfc_says() {
        assert_eq!(
            numbered(&example()),
            [
                "1 text/plain",
                "2 application/octet-stream",
                "3 message/rfc822",
                "3.1 text/plain",
                "3.2 application/octet-stream",
                "4.1 image/gif",
                "4.2 message/rfc822",
                "4.2.1 text/plain",
                "4.2.2.1 text/plain",
                "4.2.2.2 text/richtext",
            ]
        );
        assert_eq!(numbered(&leaf("text/plain").number()), ["1 text/plain"]);
        let message = BodyStructure::message(leaf("text/plain"), vec![], "", 1).number();
        assert_eq!(numbered(&message), ["1 message/rfc822", "1.1 text/plain"]);
        assert_eq!(
            example().part("4.2.2").map(BodyStructure::content_type).as_deref(),
            Some("multipart/alternative")
        );
        assert_eq!(example().part(""), None);
    }

    #[test]
    fn a_deep_tree_is_no_trouble() {
        let mut tree = leaf("text/plain");
        for _ in 0..100 {
            tree = BodyStructure::message(multipart("mixed", vec![tree]), vec![], "", 1);
        }
        let tree = tree.number();
        assert_eq!(tree.parts().last().map(|part| part.id.len()), Some(201));
        assert_eq!(tree.clone(), tree);
    }
}
