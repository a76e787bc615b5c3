use std::fmt::Write as _;

use super::{charset, encoded_word};

/// The longest value of a MIME field that is looked at.
const MAX_VALUE: usize = 16 * 1024;
/// The most parameters of a field that are looked at: mailparse compares each with each.
const MAX_PARAMETERS: usize = 200;

/// The parameters of a content type or a disposition (RFC 2045 §5.1): names in lower case, and
/// values without their quotes.
pub type Parameters = Vec<(String, String)>;

/// Splits an unfolded MIME field into its value, in lower case, and its parameters.
pub(super) fn parse(field: &str) -> (String, Parameters) {
    let field = cut(field);
    let parsed = mailparse::parse_content_type(field);
    // A comment after the type is allowed (RFC 2045 §5.1), and mailparse leaves it there.
    let value = parsed.mimetype.split([' ', '\t', '(', ',']).next().unwrap_or_default().to_owned();
    (value, parsed.params.into_iter().collect())
}

/// Gives a parameter's value as it is written.
pub(super) fn get<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a str> {
    parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Gives a parameter's value decoded: by RFC 2231 with its continuations and charset, or by RFC 2047,
/// which is not allowed here and is what most programs write. A charset nobody knows leaves the
/// value encoded.
pub(super) fn decoded(parameters: &Parameters, name: &str) -> Option<String> {
    let extended: Vec<_> = parameters.iter().filter(|(key, _)| is_extended(key, name)).collect();
    joined(&extended, name)
        .or_else(|| get(parameters, name).map(encoded_word::decode))
        .or_else(|| extended.first().and_then(|(_, value)| value.splitn(3, '\'').last().map(str::to_owned)))
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

/// Tells whether a key is `name*`, `name*0`, `name*0*` and so on.
fn is_extended(key: &str, name: &str) -> bool {
    let parts = key.split_at_checked(name.len());
    parts.is_some_and(|(start, end)| start.eq_ignore_ascii_case(name) && end.starts_with('*'))
}

/// Joins the parts of an extended parameter with mailparse, which wants a whole field for it.
fn joined(extended: &[&(String, String)], name: &str) -> Option<String> {
    let mut field = "x".to_owned();
    for (key, value) in extended {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        // Writing to a string does not fail.
        let _ = write!(field, "; {key}=\"{value}\"");
    }
    mailparse::parse_content_type(cut(&field)).params.remove(name)
}

fn cut(field: &str) -> &str {
    let end = field.match_indices(';').nth(MAX_PARAMETERS).map_or(field.len(), |(at, _)| at);
    charset::beginning(field, end.min(MAX_VALUE))
}

#[cfg(test)]
mod tests {
    use super::{decoded, get, parse};

    #[test]
    fn types_and_parameters_are_read() {
        let (value, parameters) =
            parse("Text/Plain (a comment); Charset = \"utf-8\" ; x=\"a;b\\\"c\"; broken");
        assert_eq!(value, "text/plain");
        assert_eq!(get(&parameters, "CHARSET"), Some("utf-8"));
        assert_eq!(get(&parameters, "x"), Some("a;b\"c"));
        assert_eq!(parse(""), (String::new(), vec![]));
    }

    #[test]
    fn file_names_are_decoded_however_they_are_written() {
        for (field, name) in [
            ("a; filename=plain.txt", Some("plain.txt")),
            ("a; filename=\"=?utf-8?Q?caf=C3=A9.txt?=\"", Some("café.txt")),
            ("a; filename=\"=?utf-8?Q?caf=C3?= =?utf-8?Q?=A9.txt?=\"", Some("café.txt")),
            ("a; filename*=iso-8859-1'fr'caf%E9.txt", Some("café.txt")),
            ("a; filename*0=\"long \"; filename*1*=%C3%A9; filename*2=.txt", Some("long")),
            ("a; filename*0*=utf-8''caf%C3; filename*1*=%A9; filename*2=\".txt\"", Some("café.txt")),
            ("a; filename=fallback.txt; filename*=utf-8''caf%C3%A9.txt", Some("café.txt")),
            ("a; filename*=x-nobody''caf%E9.txt", Some("caf%E9.txt")),
            ("a; filename=\"\"", None),
            ("a; name=b", None),
        ] {
            assert_eq!(decoded(&parse(field).1, "filename").as_deref(), name, "{field}");
        }
    }

    #[test]
    fn parameters_as_a_server_lists_them_are_joined_too() {
        let list = [("FILENAME*1*", "%A9\"\\.txt"), ("FILENAME*0*", "utf-8''caf%C3")];
        let list = list.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        assert_eq!(decoded(&list, "filename").as_deref(), Some("café\"\\.txt"));
    }

    #[test]
    fn many_parameters_are_cut() {
        let field: Vec<_> = (0..20_000).map(|n| format!("a{n}*0*=utf-8''x;a{n}*1*=y")).collect();
        assert!(parse(&format!("a/b;{}", field.join(";"))).1.len() <= super::MAX_PARAMETERS);
        let long = format!("a/b; x=\"{}", "é".repeat(100_000));
        assert_eq!(parse(&long).0, "a/b");
    }
}
