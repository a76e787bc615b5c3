use super::BodyStructure;

/// What a message carries besides its text, as `Message` and `BodyStructure` both list it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The file name as the sender wrote it, decoded. It may hold anything: use `safe_file_name`
    /// before it becomes a file.
    pub name: Option<String>,
    /// The media type in lower case, `application/pdf`.
    pub content_type: String,
    /// The size in octets as the part is ENCODED in the message, which is what a server tells
    /// without sending it. Base64 makes it about 37% more than the file's.
    pub size: u32,
    /// The part's number (RFC 3501 §6.4.5), `2` or `3.1`.
    pub part: String,
    /// The disposition in lower case, `attachment` or `inline`, where the part has one.
    pub disposition: Option<String>,
}

impl Attachment {
    /// Describes a part, whether or not it counts as an attachment.
    pub(super) fn of(part: &BodyStructure) -> Self {
        Self {
            name: part.file_name(),
            content_type: part.content_type(),
            size: part.size,
            part: part.id.clone(),
            disposition: part.disposition.as_ref().map(|disposition| disposition.kind.clone()),
        }
    }
}

impl BodyStructure {
    /// Lists the attachments: what has the disposition `attachment` (or an unknown one, RFC 2183
    /// §2.8), what has a file name, embedded messages, and what is neither text nor a report.
    ///
    /// Not listed are pictures that an HTML text shows (with a Content-ID in a `multipart/related`),
    /// the signature of a `multipart/signed`, the message's own text though it be named, and what is
    /// within an embedded message.
    pub fn attachments(&self) -> Vec<Attachment> {
        self.places().filter(Place::is_attachment).map(|place| Attachment::of(place.part)).collect()
    }

    /// Gives the parts that are the message's text, in order: of each `multipart/alternative` the
    /// plain text, or the HTML where it has no plain text.
    pub fn text_parts(&self) -> Vec<&Self> {
        self.places().filter(Place::is_text).map(|place| place.part).collect()
    }

    /// Gives the HTML parts that are no attachments, in order.
    pub fn html_parts(&self) -> Vec<&Self> {
        let html = self.places().filter(|place| place.part.is_html() && !place.is_attachment());
        html.map(|place| place.part).collect()
    }

    /// Walks the leaves of this message, not those of messages embedded in it.
    fn places(&self) -> impl Iterator<Item = Place<'_>> {
        let mut open = vec![(self, None, None)];
        let mut is_first = true;
        std::iter::from_fn(move || {
            loop {
                let (part, parent, alternative) = open.pop()?;
                if !part.is_container() {
                    let is_first = std::mem::take(&mut is_first);
                    return Some(Place { part, parent, alternative, is_first });
                }
                let alternative = if part.subtype == "alternative" { Some(part) } else { alternative };
                open.extend(part.children.iter().rev().map(|child| (child, Some(part), alternative)));
            }
        })
    }
}

/// A leaf, and what around it decides what it is.
struct Place<'a> {
    part: &'a BodyStructure,
    parent: Option<&'a BodyStructure>,
    /// The nearest `multipart/alternative` around it.
    alternative: Option<&'a BodyStructure>,
    is_first: bool,
}

impl Place<'_> {
    fn is_attachment(&self) -> bool {
        let part = self.part;
        let kind = part.disposition.as_ref().map(|disposition| disposition.kind.as_str());
        if self.is_within("signed") && part.subtype.ends_with("signature") {
            return false;
        }
        if part.is_message() || kind.is_some_and(|kind| !kind.is_empty() && kind != "inline") {
            return true;
        }
        let is_text = part.media_type == "text" || part.media_type.is_empty() || self.is_undivided();
        let has_name = part.file_name().is_some();
        if self.is_within("related") && part.content_id.is_some() && (part.media_type == "image" || !has_name)
        {
            return false;
        }
        if is_text && self.is_first {
            return false;
        }
        has_name || !(is_text || part.media_type == "message")
    }

    fn is_text(&self) -> bool {
        if self.is_attachment() {
            return false;
        }
        let has_plain = |alternative: &BodyStructure| alternative.parts().any(BodyStructure::is_plain);
        self.part.is_plain()
            || self.is_undivided()
            || self.part.is_html() && !self.alternative.is_some_and(has_plain)
    }

    /// Tells whether this is all of a message that says it is a multipart and has no parts: a broken
    /// bounce, mostly, and its body is then the text.
    fn is_undivided(&self) -> bool {
        self.part.is_multipart() && self.parent.is_none()
    }

    fn is_within(&self, subtype: &str) -> bool {
        self.parent.is_some_and(|parent| parent.subtype == subtype)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Disposition;
    use super::BodyStructure;

    fn leaf(content_type: &str) -> BodyStructure {
        let (media_type, subtype) = content_type.split_once('/').unwrap_or((content_type, ""));
        BodyStructure::leaf(media_type, subtype, vec![], "7BIT", 10)
    }

    fn multipart(subtype: &str, children: Vec<BodyStructure>) -> BodyStructure {
        BodyStructure::multipart(children, subtype, vec![])
    }

    fn with(mut part: BodyStructure, disposition: &str, name: &str) -> BodyStructure {
        let params = vec![("FileName".to_owned(), name.to_owned())];
        part.disposition = Some(Disposition::new(disposition, params));
        part
    }

    fn ids(parts: Vec<&BodyStructure>) -> Vec<&str> {
        parts.into_iter().map(|part| part.id.as_str()).collect()
    }

    #[test]
    fn text_is_one_of_each_alternative() {
        let both = || {
            multipart("alternative", vec![leaf("text/plain"), multipart("related", vec![leaf("text/html")])])
        };
        let only = multipart("alternative", vec![leaf("text/html"), leaf("text/calendar")]);
        let tree = multipart(
            "mixed",
            vec![both(), only, leaf("text/plain"), with(leaf("text/plain"), "inline", "a.txt")],
        );
        let tree = tree.number();
        assert_eq!(ids(tree.text_parts()), ["1.1", "2.1", "3"]);
        assert_eq!(ids(tree.html_parts()), ["1.2.1", "2.1"]);
        assert_eq!(tree.attachments().iter().map(|a| a.part.as_str()).collect::<Vec<_>>(), ["4"]);
    }

    #[test]
    fn attachments_are_what_a_person_calls_so() {
        let mut picture = with(leaf("image/png"), "inline", "logo.png");
        picture.content_id = Some("<x@y>".to_owned());
        let tree = multipart(
            "mixed",
            vec![
                multipart(
                    "related",
                    vec![leaf("text/html"), picture.clone(), with(picture.clone(), "attachment", "p.png")],
                ),
                leaf("application/pdf"),
                with(leaf("text/plain"), "X-Odd", ""),
                leaf("message/delivery-status"),
                BodyStructure::message(leaf("application/zip"), vec![], "", 1),
                multipart(
                    "signed",
                    vec![
                        leaf("text/plain"),
                        with(leaf("application/pkcs7-signature"), "attachment", "smime.p7s"),
                    ],
                ),
                picture,
            ],
        )
        .number();
        let found: Vec<_> =
            tree.attachments().into_iter().map(|a| (a.part, a.name.unwrap_or_default())).collect();
        let expected = [("1.3", "p.png"), ("2", ""), ("3", ""), ("5", ""), ("7", "logo.png")];
        assert_eq!(found, expected.map(|(part, name)| (part.to_owned(), name.to_owned())));
        let named = with(leaf("text/plain"), "inline", "body.txt").number();
        assert_eq!((named.attachments().len(), named.text_parts().len()), (0, 1));
    }
}
