use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use mailparse::ParsedContentType;
use mailparse::body::Body;

/// Decodes `bytes` by a charset label of a MIME header (RFC 2978), in any ASCII case.
///
/// Gives `None` for a charset nobody here knows; bytes that are wrong in a known one become U+FFFD.
pub(super) fn decode(label: &str, bytes: &[u8]) -> Option<String> {
    let label = label.trim();
    if let Some(encoding) = known(label) {
        return Some(encoding.decode_without_bom_handling(bytes).0.into_owned());
    }
    label.eq_ignore_ascii_case("utf-7").then(|| utf_7(bytes))
}

/// Decodes a text of which nothing is known: UTF-8 where it is that, else windows-1252, which has a
/// character for every byte.
pub(super) fn guess(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// Gives as much of a text's beginning as fits into so many bytes.
pub(super) fn beginning(text: &str, bytes: usize) -> &str {
    (0..=bytes.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// Decodes a text part by its charset parameter, and guesses where there is none that helps.
///
/// ASCII counts as none: what is labelled so and is not ASCII is nearly always UTF-8.
pub(super) fn decode_text(label: Option<&str>, bytes: &[u8]) -> String {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default()).0.into_owned();
    }
    let is_ascii =
        |label: &str| label.eq_ignore_ascii_case("us-ascii") || label.eq_ignore_ascii_case("ascii");
    label
        .filter(|label| !is_ascii(label.trim()))
        .and_then(|label| decode(label, bytes))
        .unwrap_or_else(|| guess(bytes))
}

/// Looks a label up in the WHATWG's table, and then among names that mail has and the web has not.
fn known(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label.as_bytes()).or_else(|| {
        let other = match label.to_ascii_lowercase().as_str() {
            "cp932" | "windows-932" => "shift_jis",
            "cp936" | "windows-936" => "gbk",
            "cp949" | "windows-949" => "euc-kr",
            "cp950" | "windows-950" => "big5",
            "latin-1" | "latin_1" | "iso_8859_1" => "latin1",
            "utf_8" | "utf-8mb4" | "utf8mb4" => return Some(UTF_8),
            _ => return None,
        };
        Encoding::for_label(other.as_bytes())
    })
}

/// Decodes UTF-7, which is the one charset that mailparse knows and `encoding_rs` does not.
fn utf_7(bytes: &[u8]) -> String {
    let content_type = ParsedContentType { charset: "utf-7".to_owned(), ..ParsedContentType::default() };
    match Body::new(bytes, &content_type, &None) {
        Body::SevenBit(body) | Body::EightBit(body) => body.get_as_string().unwrap_or_else(|_| guess(bytes)),
        _ => guess(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_text};

    #[test]
    fn names_of_mail_and_of_the_web_are_known() {
        assert_eq!(decode("ISO-8859-1", b"caf\xe9").as_deref(), Some("café"));
        assert_eq!(decode("CP932", b"\x93\xfa").as_deref(), Some("日"));
        assert_eq!(decode("utf-7", b"+ZeVnLIqe-").as_deref(), Some("日本語"));
        assert_eq!(decode("x-nobody", b"a"), None);
        assert_eq!(decode("", b"a"), None);
        assert_eq!(decode("utf-8", b"a\xffb").as_deref(), Some("a\u{fffd}b"));
    }

    #[test]
    fn a_text_without_a_usable_charset_is_guessed() {
        assert_eq!(decode_text(None, "é".as_bytes()), "é");
        assert_eq!(decode_text(Some("us-ascii"), "é".as_bytes()), "é");
        assert_eq!(decode_text(Some("x-nobody"), b"\xe9\x80"), "é€");
        assert_eq!(decode_text(Some("iso-8859-1"), b"\xef\xbb\xbfa"), "a");
    }
}
