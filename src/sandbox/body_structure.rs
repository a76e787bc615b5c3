use super::header::{self, Parameterised};
use super::mime::{Kind, Part, slice};
use super::{envelope, quote};

/// Writes BODY, or BODYSTRUCTURE where `extended` (RFC 3501 §7.4.2).
pub(super) fn write(out: &mut Vec<u8>, raw: &[u8], part: &Part, extended: bool) {
    out.push(b'(');
    let (media, subtype) = part.media_type().split_once('/').unwrap_or(("text", "plain"));
    if let Kind::Multipart(parts) = &part.kind {
        for part in parts {
            write(out, raw, part, extended);
        }
        out.push(b' ');
        quote::string(out, subtype.as_bytes());
        if extended {
            out.push(b' ');
            parameters(out, &part.content_type);
            write_extension(out, raw, part);
        }
        out.push(b')');
        return;
    }
    quote::string(out, media.as_bytes());
    out.push(b' ');
    quote::string(out, subtype.as_bytes());
    out.push(b' ');
    parameters(out, &part.content_type);
    for name in ["Content-ID", "Content-Description"] {
        out.push(b' ');
        quote::nstring(out, part.field(raw, name).as_deref());
    }
    out.push(b' ');
    let encoding = part.field(raw, "Content-Transfer-Encoding").filter(|value| !value.is_empty());
    quote::string(out, encoding.as_deref().unwrap_or(b"7bit"));
    out.extend_from_slice(format!(" {}", part.body.len()).as_bytes());
    let lines = || slice(raw, &part.body).split_inclusive(|&b| b == b'\n').count();
    if let Kind::Message(message) = &part.kind {
        out.push(b' ');
        envelope::write(out, raw, message);
        out.push(b' ');
        write(out, raw, message, extended);
        out.extend_from_slice(format!(" {}", lines()).as_bytes());
    } else if media == "text" {
        out.extend_from_slice(format!(" {}", lines()).as_bytes());
    }
    if extended {
        out.push(b' ');
        quote::nstring(out, part.field(raw, "Content-MD5").as_deref());
        write_extension(out, raw, part);
    }
    out.push(b')');
}

/// Writes disposition, languages and location, which end both kinds of extension data.
fn write_extension(out: &mut Vec<u8>, raw: &[u8], part: &Part) {
    match part.field(raw, "Content-Disposition").map(|value| Parameterised::parse(&value)) {
        Some(disposition) if !disposition.value.is_empty() => {
            out.extend_from_slice(b" (");
            quote::string(out, disposition.value.as_bytes());
            out.push(b' ');
            parameters(out, &disposition);
            out.push(b')');
        }
        _ => out.extend_from_slice(b" NIL"),
    }
    let languages = part.field(raw, "Content-Language").unwrap_or_default();
    let languages: Vec<&[u8]> =
        languages.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|l| !l.is_empty()).collect();
    if languages.is_empty() {
        out.extend_from_slice(b" NIL");
    } else {
        out.extend_from_slice(b" (");
        for (at, language) in languages.into_iter().enumerate() {
            if at > 0 {
                out.push(b' ');
            }
            quote::string(out, language);
        }
        out.push(b')');
    }
    out.push(b' ');
    quote::nstring(out, header::find(slice(raw, &part.header), "Content-Location").as_deref());
}

fn parameters(out: &mut Vec<u8>, value: &Parameterised) {
    if value.parameters.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for (at, (name, value)) in value.parameters.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        quote::string(out, name.as_bytes());
        out.push(b' ');
        quote::string(out, value);
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::Part;

    fn written(raw: &str, extended: bool) -> String {
        let mut out = Vec::new();
        super::write(&mut out, raw.as_bytes(), &Part::parse(raw.as_bytes()), extended);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn a_plain_message_is_text_in_seven_bits() {
        assert_eq!(
            written("Subject: x\r\n\r\none\r\ntwo", false),
            r#"("text" "plain" NIL NIL NIL "7bit" 8 2)"#
        );
        assert_eq!(written("\r\n", true), r#"("text" "plain" NIL NIL NIL "7bit" 0 0 NIL NIL NIL NIL)"#);
    }

    #[test]
    fn parts_nest_and_carry_their_extension_data() {
        let raw = "Content-Type: multipart/mixed; boundary=b\r\nContent-Language: en, de\r\n\r\n--b\r\n\
            Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\
            Content-Disposition: attachment; filename=\"a b.pdf\"\r\nContent-MD5: Q2hlY2s=\r\n\r\nAAAA\r\n--b\r\n\
            Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nhi\r\n--b--\r\n";
        assert_eq!(
            written(raw, true),
            r#"(("application" "pdf" ("name" "a.pdf") NIL NIL "base64" 4 "Q2hlY2s=" ("attachment" ("filename" "a b.pdf")) NIL NIL)("message" "rfc822" NIL NIL NIL "7bit" 17 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" NIL NIL NIL "7bit" 2 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL ("en" "de") NIL)"#
        );
    }
}
