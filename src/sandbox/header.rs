/// The longest field value that is decoded; a longer one is taken as it is, since decoding many
/// encoded words costs far more than reading them.
const DECODED_MAX: usize = 64 * 1024;

/// Gives the length of a header, with the empty line that ends it. Without one, all is header.
pub(super) fn length(raw: &[u8]) -> usize {
    let mut at = 0;
    for line in raw.split_inclusive(|&b| b == b'\n') {
        at += line.len();
        if line == b"\r\n" || line == b"\n" {
            return at;
        }
    }
    raw.len()
}

/// Gives the fields of a header as they are, folded lines and line break included: name and whole bytes.
/// A line without a colon is a field whose name is the line.
pub(super) fn fields(header: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut fields: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    for line in header.split_inclusive(|&b| b == b'\n') {
        let start = at;
        at += line.len();
        if line == b"\r\n" || line == b"\n" {
            break;
        }
        match fields.last_mut() {
            Some((_, end)) if line.starts_with(b" ") || line.starts_with(b"\t") => *end = at,
            _ => fields.push((start, at)),
        }
    }
    let whole = |(start, end): (usize, usize)| {
        let bytes = header.get(start..end).unwrap_or_default();
        let name = bytes.split(|&b| b == b':').next().unwrap_or_default();
        (name.trim_ascii(), bytes)
    };
    fields.into_iter().map(whole).collect()
}

/// Gives the value of a whole field, unfolded and trimmed: line breaks are taken out (RFC 5322 §2.2.3).
pub(super) fn value(field: &[u8]) -> Vec<u8> {
    let colon = field.iter().position(|&b| b == b':').map_or(field.len(), |at| at + 1);
    let value = field.get(colon..).unwrap_or_default();
    let unfolded: Vec<u8> = value.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    unfolded.trim_ascii().to_vec()
}

/// Gives the value of the first field of that name, unfolded.
pub(super) fn find(header: &[u8], name: &str) -> Option<Vec<u8>> {
    fields(header)
        .into_iter()
        .find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, field)| value(field))
}

/// Decodes an unfolded field value: encoded words (RFC 2047), else UTF-8, else Latin-1.
pub(super) fn decode(value: &[u8]) -> String {
    if value.len() > DECODED_MAX {
        return String::from_utf8_lossy(value).into_owned();
    }
    let line = [b"X: ", value].concat();
    mailparse::parse_header(&line).map(|(field, _)| field.get_value()).unwrap_or_default()
}

/// A value with parameters, as of Content-Type and Content-Disposition (RFC 2045 §5.1).
#[derive(Debug)]
pub(super) struct Parameterised {
    /// The value in lower case.
    pub(super) value: String,
    /// The parameters in order, their bytes as they came, without quotes.
    pub(super) parameters: Vec<(String, Vec<u8>)>,
}

impl Parameterised {
    /// Reads a value and its parameters; what makes no sense is left out.
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut pieces = split_unquoted(text).into_iter();
        let value =
            pieces.next().map(|value| String::from_utf8_lossy(value.trim_ascii()).to_ascii_lowercase());
        let value: String = value.unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect();
        let parameter = |piece: &[u8]| {
            let equals = piece.iter().position(|&b| b == b'=')?;
            let (name, value) = piece.split_at(equals);
            let name = String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase();
            (!name.is_empty()).then(|| (name, unquote(value.get(1..).unwrap_or_default().trim_ascii())))
        };
        Self { value, parameters: pieces.filter_map(parameter).collect() }
    }

    /// Gives a parameter's value; names are in lower case.
    pub(super) fn parameter(&self, name: &str) -> Option<&[u8]> {
        self.parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_slice())
    }
}

/// Splits at the semicolons that are not within quotes.
fn split_unquoted(text: &[u8]) -> Vec<&[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|&byte| {
        let was_escaped = std::mem::take(&mut escaped);
        match byte {
            b'"' if !was_escaped => quoted = !quoted,
            b'\\' if quoted && !was_escaped => escaped = true,
            b';' if !quoted => return true,
            _ => {}
        }
        false
    })
    .collect()
}

fn unquote(text: &[u8]) -> Vec<u8> {
    let Some(inner) = text.strip_prefix(b"\"") else {
        // A token ends at white space or a comment.
        return text.split(|b| b.is_ascii_whitespace() || *b == b'(').next().unwrap_or_default().to_vec();
    };
    let mut value = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => value.extend(bytes.next()),
            other => value.push(other),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::{Parameterised, decode, fields, find, length};

    #[test]
    fn fields_keep_their_folds_and_values_lose_them() {
        let raw = b"Subject: one\r\n two\r\nno colon here\r\nFrom:x\r\n\r\nbody";
        assert_eq!(length(raw), raw.len() - 4);
        let names: Vec<_> = fields(raw).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [&b"Subject"[..], b"no colon here", b"From"]);
        assert_eq!(find(raw, "SUBJECT").as_deref(), Some(&b"one two"[..]));
    }

    #[test]
    fn encoded_words_and_raw_bytes_are_decoded() {
        assert_eq!(decode(b"=?iso-8859-1?Q?Gr=FC=DFe?= =?UTF-8?B?IQ==?="), "Grüße!");
        assert_eq!(decode(b"caf\xe9"), "café");
        assert_eq!(decode("déjà".as_bytes()), "déjà");
        assert_eq!(decode(b""), "");
    }

    #[test]
    fn parameters_may_be_quoted() {
        let parsed = Parameterised::parse(b"Multipart/Mixed ; Boundary=\"a;\\\"b\"; charset=utf-8 (c)");
        assert_eq!(parsed.value, "multipart/mixed");
        assert_eq!(parsed.parameter("boundary"), Some(&b"a;\"b"[..]));
        assert_eq!(parsed.parameter("charset"), Some(&b"utf-8"[..]));
    }
}
