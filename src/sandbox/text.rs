use super::header;
use super::mime::{Kind, Part, slice};

/// Tells whether the header or the body holds the text, which is in lower case (SEARCH TEXT).
pub(super) fn contains(raw: &[u8], part: &Part, needle: &str) -> bool {
    header_contains(slice(raw, &part.header), needle) || inside(raw, part, needle, true)
}

/// Tells whether the body holds the text, transfer encodings and charsets decoded (SEARCH BODY).
/// Looked at are texts and the messages within the message, their headers included.
pub(super) fn body_contains(raw: &[u8], part: &Part, needle: &str) -> bool {
    inside(raw, part, needle, false)
}

fn inside(raw: &[u8], part: &Part, needle: &str, part_headers: bool) -> bool {
    match &part.kind {
        Kind::Multipart(parts) => parts.iter().any(|part| {
            let in_header = part_headers && header_contains(slice(raw, &part.header), needle);
            in_header || inside(raw, part, needle, part_headers)
        }),
        Kind::Message(message) => contains(raw, message, needle),
        Kind::Leaf if part.media_type().starts_with("text/") => {
            decode(raw, part).to_lowercase().contains(needle)
        }
        Kind::Leaf => false,
    }
}

fn header_contains(header: &[u8], needle: &str) -> bool {
    header::fields(header).into_iter().any(|(name, field)| {
        let line = format!("{}: {}", String::from_utf8_lossy(name), header::decode(&header::value(field)));
        line.to_lowercase().contains(needle)
    })
}

/// Decodes a text part. It is put to the library as a message that is one text, so that its own
/// descent into parts, which has no bound, does not begin.
fn decode(raw: &[u8], part: &Part) -> String {
    let charset: Vec<u8> = part.content_type.parameter("charset").unwrap_or(b"utf-8").to_vec();
    let charset: Vec<u8> = charset.into_iter().filter(|b| b.is_ascii_graphic() && *b != b'"').collect();
    let encoding = part.field(raw, "Content-Transfer-Encoding").unwrap_or_default();
    let encoding: Vec<u8> = encoding.into_iter().filter(u8::is_ascii_graphic).collect();
    let body = slice(raw, &part.body);
    let message = [
        b"Content-Type: text/plain; charset=\"".as_slice(),
        &charset,
        b"\"\r\nContent-Transfer-Encoding: ",
        if encoding.is_empty() { b"8bit" } else { &encoding },
        b"\r\n\r\n",
        body,
    ]
    .concat();
    mailparse::parse_mail(&message)
        .and_then(|mail| mail.get_body())
        .unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned())
}

#[cfg(test)]
mod tests {
    use super::Part;

    fn found(raw: &str, needle: &str) -> (bool, bool) {
        let root = Part::parse(raw.as_bytes());
        (super::contains(raw.as_bytes(), &root, needle), super::body_contains(raw.as_bytes(), &root, needle))
    }

    #[test]
    fn transfer_encodings_and_charsets_are_decoded() {
        let quoted = "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\
            \r\n\r\nsch=F6ne Gr=\r\n=FC=DFe";
        assert_eq!(found(quoted, "schöne grüße"), (true, true));
        let base64 = "Subject: Secret\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8gV29ybGQ=";
        assert_eq!(found(base64, "hello world"), (true, true));
        assert_eq!(found(base64, "secret"), (true, false));
        assert_eq!(found(base64, "sgvsbg8"), (false, false));
    }

    #[test]
    fn attachments_are_not_texts() {
        let raw = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\
            Content-Type: application/x-y\r\n\r\ntwo\r\n--b--";
        assert_eq!(found(raw, "one"), (true, true));
        assert_eq!(found(raw, "two"), (false, false));
    }
}
