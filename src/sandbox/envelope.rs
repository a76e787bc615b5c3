use super::address::Address;
use super::mime::Part;
use super::quote;

/// Writes a message's ENVELOPE (RFC 3501 §7.4.2). Encoded words stay encoded, as the RFC wants.
pub(super) fn write(out: &mut Vec<u8>, raw: &[u8], message: &Part) {
    let field = |name| message.field(raw, name);
    out.push(b'(');
    quote::nstring(out, field("Date").as_deref());
    out.push(b' ');
    quote::nstring(out, field("Subject").as_deref());
    let from = field("From");
    // Sender and Reply-To are From where they are missing or empty.
    let or_from = |name| field(name).filter(|value| !value.is_empty()).or_else(|| from.clone());
    for value in
        [from.clone(), or_from("Sender"), or_from("Reply-To"), field("To"), field("Cc"), field("Bcc")]
    {
        out.push(b' ');
        addresses(out, value.as_deref());
    }
    for name in ["In-Reply-To", "Message-ID"] {
        out.push(b' ');
        quote::nstring(out, field(name).as_deref());
    }
    out.push(b')');
}

fn addresses(out: &mut Vec<u8>, value: Option<&[u8]>) {
    let list = value.map(Address::parse_list).unwrap_or_default();
    if list.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for address in &list {
        address.write(out);
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn what_is_missing_is_nil_and_from_stands_in() {
        let raw = b"From: Jo <jo@x.example>\r\nSubject: Hi\r\nMessage-ID: <1@x>\r\nReply-To:\r\n\r\n";
        let mut out = Vec::new();
        super::write(&mut out, raw, &Part::parse(raw));
        let jo = r#"(("Jo" NIL "jo" "x.example"))"#;
        let expected = format!("(NIL \"Hi\" {jo} {jo} {jo} NIL NIL NIL NIL \"<1@x>\")");
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}
