use mailparse::ParsedContentType;
use mailparse::body::Body;

/// Undoes a content transfer encoding (RFC 2045 §6).
///
/// `encoding` is the field's value in any case. What is damaged is decoded as far as it goes, and an
/// unknown encoding leaves the bytes as they are.
pub(super) fn decode(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "base64" => by_mailparse("base64", &base64_repaired(bytes)),
        "quoted-printable" => by_mailparse("quoted-printable", bytes),
        _ => bytes.to_vec(),
    }
}

/// Decodes base64 (RFC 4648 §4), whatever stands between its characters.
pub(super) fn decode_base64(bytes: &[u8]) -> Vec<u8> {
    by_mailparse("base64", &base64_repaired(bytes))
}

fn by_mailparse(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let content_type = ParsedContentType::default();
    let decoded = match Body::new(bytes, &content_type, &Some(encoding.to_owned())) {
        Body::Base64(body) | Body::QuotedPrintable(body) => body.get_decoded().ok(),
        _ => None,
    };
    decoded.unwrap_or_else(|| bytes.to_vec())
}

/// Leaves whole padded quartets only, since mailparse refuses all of a text for one stray byte or a
/// missing `=`, both of which mailing lists and cut-off messages produce.
fn base64_repaired(bytes: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(bytes.len() + 3);
    for &byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => clean.push(byte),
            b'=' => pad(&mut clean),
            _ => {}
        }
    }
    pad(&mut clean);
    clean
}

/// Ends the quartet that was begun; a single character of it holds no byte and goes.
fn pad(clean: &mut Vec<u8>) {
    match clean.len() % 4 {
        1 => drop(clean.pop()),
        2 => clean.extend(b"=="),
        3 => clean.push(b'='),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_base64};

    #[test]
    fn damaged_base64_gives_what_is_there() {
        for (text, bytes) in [
            ("aGVsbG8=", "hello"),
            ("aGVsbG8", "hello"),
            ("aGVs\r\n bG8=", "hello"),
            ("aGVs!bG8==\n--\n", "hello"),
            ("aGk=aGk=", "hihi"),
            ("aGVsbG9", "hello"),
            ("aGVsb", "hel"),
            ("=====", ""),
            ("", ""),
        ] {
            assert_eq!(decode_base64(text.as_bytes()), bytes.as_bytes(), "{text:?}");
        }
    }

    #[test]
    fn encodings_are_named_in_any_case_and_unknown_ones_change_nothing() {
        assert_eq!(decode(" Quoted-Printable ", b"caf=C3=A9=\r\n!"), "café!".as_bytes());
        assert_eq!(decode("BASE64", b"YQ=="), b"a");
        assert_eq!(decode("x-uuencode", b"=41"), b"=41");
        assert_eq!(decode("8bit", b"=41\xff"), b"=41\xff");
    }
}
