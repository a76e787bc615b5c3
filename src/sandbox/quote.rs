/// The longest text that goes as a quoted string; a longer one is a literal.
const QUOTED_MAX: usize = 1000;

/// Writes a literal (RFC 3501 §4.3).
pub(super) fn literal(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(format!("{{{}}}\r\n", data.len()).as_bytes());
    out.extend_from_slice(data);
}

/// Writes a string: quoted where it may be, a literal where it holds 8-bit, CR or LF, or is long.
pub(super) fn string(out: &mut Vec<u8>, data: &[u8]) {
    let plain = |b: &u8| (b' '..=b'~').contains(b) || *b == b'\t';
    if data.len() > QUOTED_MAX || !data.iter().all(plain) {
        literal(out, data);
        return;
    }
    out.push(b'"');
    for &byte in data {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Writes a string, or `NIL` where there is none.
pub(super) fn nstring(out: &mut Vec<u8>, data: Option<&[u8]>) {
    match data {
        Some(data) => string(out, data),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Writes an astring: an atom where it can be one.
pub(super) fn astring(out: &mut Vec<u8>, data: &[u8]) {
    let atom = |b: &u8| b.is_ascii_graphic() && !br#"(){%*"\"#.contains(b);
    if !data.is_empty() && data.iter().all(atom) && !data.eq_ignore_ascii_case(b"NIL") {
        out.extend_from_slice(data);
    } else {
        string(out, data);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn content_chooses_the_form() {
        let written = |data: &[u8]| {
            let mut out = Vec::new();
            super::astring(&mut out, data);
            String::from_utf8_lossy(&out).into_owned()
        };
        assert_eq!(written(b"INBOX"), "INBOX");
        assert_eq!(written(b"nil"), "\"nil\"");
        assert_eq!(written(b"a \"b\\"), "\"a \\\"b\\\\\"");
        assert_eq!(written(b"a\r\nb"), "{4}\r\na\r\nb");
        assert_eq!(written("ü".as_bytes()), "{2}\r\nü");
        assert_eq!(written(b""), "\"\"");
    }
}
