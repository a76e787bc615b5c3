use encoding_rs::Encoding;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes base64 in one line (RFC 4648 §4).
pub(super) fn base64(data: &[u8]) -> String {
    let mut out = String::new();
    for chunk in data.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for at in 0..4usize {
            let sextet = (bits >> (18 - 6 * at)) & 63;
            let digit = ALPHABET.get(sextet as usize).map_or('=', |&b| char::from(b));
            out.push(if at > chunk.len() { '=' } else { digit });
        }
    }
    out
}

/// Writes base64 in lines of 76 characters (RFC 2045 §6.8).
pub(super) fn base64_lines(data: &[u8]) -> String {
    let lines: Vec<String> = data.chunks(57).map(base64).collect();
    lines.join("\n")
}

/// Writes quoted-printable text (RFC 2045 §6.7); lines end with LF.
pub(super) fn quoted_printable(data: &[u8]) -> String {
    let mut lines = Vec::new();
    for line in data.split(|&b| b == b'\n') {
        let mut out = String::new();
        for (at, &byte) in line.iter().enumerate() {
            let blank_at_end = byte == b' ' && at + 1 == line.len();
            let plain = (b' '..=b'~').contains(&byte) && byte != b'=' && !blank_at_end;
            let piece = if plain { char::from(byte).to_string() } else { format!("={byte:02X}") };
            if out.len() + piece.len() > 75 {
                lines.push(out + "=");
                out = String::new();
            }
            out.push_str(&piece);
        }
        lines.push(out);
    }
    lines.join("\n")
}

/// Encodes text in a charset.
pub(super) fn bytes(charset: &str, text: &str) -> Vec<u8> {
    let encoding = Encoding::for_label(charset.as_bytes()).unwrap_or(encoding_rs::UTF_8);
    encoding.encode(text).0.into_owned()
}

/// Writes encoded words (RFC 2047), `B` or `Q`, each short enough and with whole characters.
pub(super) fn words(charset: &str, kind: char, text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let word = |part: &[char]| {
        let data = bytes(charset, &part.iter().collect::<String>());
        let encoded = if kind == 'B' { base64(&data) } else { q(&data) };
        format!("=?{charset}?{kind}?{encoded}?=")
    };
    let words: Vec<String> = characters.chunks(14).map(word).collect();
    words.join("\n ")
}

fn q(data: &[u8]) -> String {
    let piece = |&byte: &u8| match byte {
        b' ' => "_".to_owned(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("={byte:02X}"),
    };
    data.iter().map(piece).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_encodings_are_as_the_rfcs_show_them() {
        assert_eq!(super::base64(b"Ma"), "TWE=");
        assert_eq!(super::base64(b"Man!"), "TWFuIQ==");
        assert_eq!(super::quoted_printable("é=\nx ".as_bytes()), "=C3=A9=3D\nx=20");
        assert_eq!(super::words("ISO-8859-1", 'Q', "a ü"), "=?ISO-8859-1?Q?a_=FC?=");
    }
}
