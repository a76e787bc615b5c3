use super::token::Value;
use crate::error::{Error, Result};
use crate::mail::{BodyStructure, Disposition, Parameters};

/// Reads a BODYSTRUCTURE (RFC 3501 §7.4.2) and numbers its parts. The tree is as deep as lists may nest.
pub(super) fn parse(value: &Value<'_>) -> Result<BodyStructure> {
    body(value).map(BodyStructure::number)
}

fn body(value: &Value<'_>) -> Result<BodyStructure> {
    let values = value.list();
    match values.first() {
        Some(Value::List(_)) => multipart(values),
        Some(_) => single(values),
        None => Err(Error::protocol("a BODYSTRUCTURE without a type")),
    }
}

fn multipart(values: &[Value<'_>]) -> Result<BodyStructure> {
    let count = values.iter().take_while(|value| matches!(value, Value::List(_))).count();
    let (parts, rest) = values.split_at(count);
    let parts = parts.iter().map(body).collect::<Result<Vec<_>>>()?;
    let subtype = rest.first().and_then(Value::text).unwrap_or_default();
    let mut part = BodyStructure::multipart(parts, &subtype, parameters(rest.get(1)));
    part.disposition = disposition(rest.get(2));
    Ok(part)
}

fn single(values: &[Value<'_>]) -> Result<BodyStructure> {
    let [kind, subtype, params, id, description, encoding, size, rest @ ..] = values else {
        return Err(Error::protocol("a BODYSTRUCTURE with too few fields"));
    };
    let word = |value: &Value<'_>| value.text().unwrap_or_default();
    let count = |value: &Value<'_>| u32::try_from(value.number().unwrap_or(0)).unwrap_or(u32::MAX);
    let (kind, subtype) = (word(kind), word(subtype));
    let is =
        |a: &str, b: &str| kind.eq_ignore_ascii_case(a) && (b.is_empty() || subtype.eq_ignore_ascii_case(b));
    let (params, size) = (parameters(Some(params)), count(size));
    // An embedded message has envelope, body and lines more, a text its lines; then the extensions, of
    // which the first is a digest.
    let embedded = is("message", "rfc822") || is("message", "global");
    let (mut part, lines, extensions) = match rest {
        [_, inner @ Value::List(_), lines, extensions @ ..] if embedded => {
            (BodyStructure::message(body(inner)?, params, &word(encoding), size), Some(lines), extensions)
        }
        [lines, extensions @ ..] if is("text", "") => {
            (BodyStructure::leaf(&kind, &subtype, params, &word(encoding), size), Some(lines), extensions)
        }
        extensions => (BodyStructure::leaf(&kind, &subtype, params, &word(encoding), size), None, extensions),
    };
    part.lines = lines.map(count);
    part.content_id = id.text();
    part.description = description.text();
    part.disposition = disposition(extensions.get(1));
    Ok(part)
}

fn parameters(value: Option<&Value<'_>>) -> Parameters {
    let pairs = value.map(Value::list).unwrap_or_default().chunks(2);
    let pair = |pair: &[Value<'_>]| match pair {
        [name, value] => Some((name.text()?, value.text().unwrap_or_default())),
        _ => None,
    };
    pairs.filter_map(pair).collect()
}

fn disposition(value: Option<&Value<'_>>) -> Option<Disposition> {
    match value?.list() {
        [kind, rest @ ..] => Some(Disposition::new(&kind.text()?, parameters(rest.first()))),
        [] => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use crate::imap::token::Tokens;
    use crate::wire::Frame;

    fn parts(text: &str) -> Option<Vec<String>> {
        let frame = Frame::from_bytes(text.as_bytes()).unwrap();
        let value = Tokens::new(frame.bytes(), frame.literals()).value().unwrap().unwrap();
        let tree = super::parse(&value).ok()?;
        Some(tree.parts().map(|part| format!("{} {} {}", part.id, part.content_type(), part.size)).collect())
    }

    #[test]
    fn parts_are_numbered_as_the_rfc_says() {
        let text = r#"(("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "7BIT" 10 2 NIL NIL NIL)("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 99 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) (("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5 1)("APPLICATION" "PDF" ("NAME" "a.pdf") NIL NIL "BASE64" 50 NIL ("ATTACHMENT" ("FILENAME" "a.pdf")) NIL) "MIXED") 9) "MIXED" ("BOUNDARY" "x") NIL NIL)"#;
        let expected =
            ["1 text/plain 10", "2 message/rfc822 99", "2.1 text/plain 5", "2.2 application/pdf 50"];
        let found = parts(text).unwrap();
        for line in expected {
            assert!(found.iter().any(|part| part == line), "{line}: {found:?}");
        }
        assert_eq!(parts(r#"("TEXT" "PLAIN" NIL NIL NIL "7BIT" 10 2)"#).unwrap(), ["1 text/plain 10"]);
    }

    #[test]
    fn what_is_no_structure_is_an_error() {
        for bad in ["()", "(\"TEXT\")", "x", "((\"TEXT\") \"MIXED\")"] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }
}
