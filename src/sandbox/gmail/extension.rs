//! Takes `X-GM-…` off a command's bytes, as [`super::super::extension`] does with other extensions.

use super::super::extension::{Cursor, Undecoded};

/// What a FETCH asks for beyond RFC 3501.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum GmailItem {
    MessageId,
    ThreadId,
    Labels,
}

/// What a SEARCH asks for beyond RFC 3501, with the bytes of its argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum GmailKey {
    MessageId(u64),
    ThreadId(u64),
    Label(Vec<u8>),
    Raw(Vec<u8>),
}

/// What was taken off a command.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum GmailParts {
    Fetch(Vec<GmailItem>),
    /// Each key's place in the program is held by `KEYWORD` and [`PLACE`] with its number.
    Search(Vec<GmailKey>),
    /// In the place of flags.
    Store(Vec<Vec<u8>>),
}

/// A keyword that stands for a key that was taken off. A client can't use it.
pub(in crate::sandbox) const PLACE: &str = "x-gm-key-";

/// Takes Gmail's parts off a FETCH, SEARCH or STORE. `None` where there are none.
pub(in crate::sandbox) fn take(bytes: &[u8]) -> Result<Option<(GmailParts, Vec<u8>)>, Undecoded> {
    let mut cursor = Cursor::after_tag(bytes);
    cursor.keyword(b"UID ");
    if cursor.keyword(b"FETCH ") {
        cursor.string()?;
        return items(bytes, cursor);
    }
    if cursor.keyword(b"SEARCH ") {
        return keys(bytes, cursor);
    }
    if cursor.keyword(b"STORE ") {
        cursor.string()?;
        return labels(bytes, cursor);
    }
    Ok(None)
}

fn before<'a>(bytes: &'a [u8], cursor: &Cursor<'_>) -> &'a [u8] {
    bytes.get(..bytes.len() - cursor.rest.len()).unwrap_or_default()
}

fn items(bytes: &[u8], mut cursor: Cursor<'_>) -> Result<Option<(GmailParts, Vec<u8>)>, Undecoded> {
    cursor.expect(b" ")?;
    let head = before(bytes, &cursor);
    let Some(list) = cursor.rest.strip_suffix(b"\r\n") else { return Ok(None) };
    let inner = list.strip_prefix(b"(").and_then(|list| list.strip_suffix(b")")).unwrap_or(list);
    let mut depth = 0_usize;
    let words = inner.split(|&byte| {
        match byte {
            b'[' | b'(' => depth += 1,
            b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        byte == b' ' && depth == 0
    });
    let (mut found, mut kept) = (Vec::new(), Vec::new());
    for word in words {
        match word.to_ascii_uppercase().as_slice() {
            b"X-GM-MSGID" => found.push(GmailItem::MessageId),
            b"X-GM-THRID" => found.push(GmailItem::ThreadId),
            b"X-GM-LABELS" => found.push(GmailItem::Labels),
            _ => kept.push(word),
        }
    }
    if found.is_empty() {
        return Ok(None);
    }
    // The codec takes no empty list; the UID is told in its place.
    let kept = if kept.is_empty() { b"UID".to_vec() } else { kept.join(&b' ') };
    Ok(Some((GmailParts::Fetch(found), [head, b"(", &kept, b")\r\n"].concat())))
}

fn keys(bytes: &[u8], mut cursor: Cursor<'_>) -> Result<Option<(GmailParts, Vec<u8>)>, Undecoded> {
    let taken = |name: &[u8]| name.windows(PLACE.len()).any(|w| w.eq_ignore_ascii_case(PLACE.as_bytes()));
    if taken(bytes) {
        return Err(Undecoded::Failed);
    }
    let mut out = before(bytes, &cursor).to_vec();
    let mut found = Vec::new();
    while let Some(&byte) = cursor.rest.first() {
        if matches!(byte, b' ' | b'(' | b')' | b'\r' | b'\n') {
            out.extend_from_slice(cursor.take(1)?);
            continue;
        }
        let word = cursor.string()?;
        let key = word.to_ascii_uppercase();
        if !matches!(key.as_slice(), b"X-GM-MSGID" | b"X-GM-THRID" | b"X-GM-LABELS" | b"X-GM-RAW") {
            out.extend_from_slice(word);
            continue;
        }
        cursor.expect(b" ")?;
        let value = cursor.value()?;
        let number = || std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
        out.extend_from_slice(format!("KEYWORD {PLACE}{}", found.len()).as_bytes());
        found.push(match key.as_slice() {
            b"X-GM-MSGID" => GmailKey::MessageId(number().ok_or(Undecoded::Failed)?),
            b"X-GM-THRID" => GmailKey::ThreadId(number().ok_or(Undecoded::Failed)?),
            b"X-GM-LABELS" => GmailKey::Label(value),
            _ => GmailKey::Raw(value),
        });
    }
    Ok((!found.is_empty()).then_some((GmailParts::Search(found), out)))
}

fn labels(bytes: &[u8], mut cursor: Cursor<'_>) -> Result<Option<(GmailParts, Vec<u8>)>, Undecoded> {
    cursor.expect(b" ")?;
    let head = before(bytes, &cursor);
    let sign = match cursor.rest.first() {
        Some(b'+') => "+",
        Some(b'-') => "-",
        _ => "",
    };
    cursor.take(sign.len())?;
    if !cursor.keyword(b"X-GM-LABELS") {
        return Ok(None);
    }
    let silent = if cursor.keyword(b".SILENT") { ".SILENT" } else { "" };
    cursor.expect(b" ")?;
    let listed = cursor.keyword(b"(");
    let mut labels = Vec::new();
    loop {
        labels.push(cursor.value()?);
        if !cursor.keyword(b" ") {
            break;
        }
    }
    if listed {
        cursor.expect(b")")?;
    }
    cursor.expect(b"\r\n")?;
    let rest = format!("{sign}FLAGS{silent} ()\r\n");
    Ok(Some((GmailParts::Store(labels), [head, rest.as_bytes()].concat())))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use proptest::prelude::*;

    use super::{GmailItem, GmailKey, GmailParts, Undecoded, take};

    fn taken(bytes: &str) -> (GmailParts, String) {
        let (parts, rest) = take(bytes.as_bytes()).unwrap().unwrap();
        (parts, String::from_utf8(rest).unwrap())
    }

    #[test]
    fn items_are_taken_off_a_fetch() {
        let (parts, rest) =
            taken("a UID FETCH 1:* (UID x-gm-msgid BODY.PEEK[HEADER.FIELDS (X-GM-THRID)])\r\n");
        assert_eq!(parts, GmailParts::Fetch(vec![GmailItem::MessageId]));
        assert_eq!(rest, "a UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (X-GM-THRID)])\r\n");
        let (parts, rest) = taken("a FETCH 1 X-GM-LABELS\r\n");
        assert_eq!(
            (parts, rest.as_str()),
            (GmailParts::Fetch(vec![GmailItem::Labels]), "a FETCH 1 (UID)\r\n")
        );
        assert_eq!(take(b"a FETCH 1 (FLAGS)\r\n"), Ok(None));
    }

    #[test]
    fn keys_are_taken_off_a_search_and_strings_stay() {
        let (parts, rest) = taken(
            "a UID SEARCH RETURN (ALL) OR SUBJECT \"x X-GM-RAW y\" NOT (X-GM-RAW \"a \\\"b\\\"\") X-GM-LABELS {3}\r\nc d X-GM-MSGID 7\r\n",
        );
        let keys = vec![
            GmailKey::Raw(b"a \"b\"".to_vec()),
            GmailKey::Label(b"c d".to_vec()),
            GmailKey::MessageId(7),
        ];
        assert_eq!(parts, GmailParts::Search(keys));
        assert_eq!(
            rest,
            "a UID SEARCH RETURN (ALL) OR SUBJECT \"x X-GM-RAW y\" NOT (KEYWORD x-gm-key-0) KEYWORD x-gm-key-1 \
             KEYWORD x-gm-key-2\r\n"
        );
        assert_eq!(take(b"a SEARCH X-GM-RAW {3}\r\n"), Err(Undecoded::Unfinished));
        for bad in ["a SEARCH X-GM-MSGID x\r\n", "a SEARCH KEYWORD X-GM-KEY-0\r\n", "a SEARCH X-GM-RAW\r\n"] {
            assert_eq!(take(bad.as_bytes()), Err(Undecoded::Failed), "{bad:?}");
        }
    }

    #[test]
    fn labels_are_taken_off_a_store() {
        let (parts, rest) = taken("a STORE 1 +X-GM-LABELS.SILENT (\\Inbox \"a \\\"b\\\\\" {1}\r\nc d)\r\n");
        let labels = [&b"\\Inbox"[..], b"a \"b\\", b"c", b"d"].map(<[u8]>::to_vec);
        assert_eq!(parts, GmailParts::Store(labels.to_vec()));
        assert_eq!(rest, "a STORE 1 +FLAGS.SILENT ()\r\n");
        assert_eq!(taken("a UID STORE 1 X-GM-LABELS x\r\n").1, "a UID STORE 1 FLAGS ()\r\n");
        assert_eq!(take(b"a STORE 1 +FLAGS (X-GM-LABELS)\r\n"), Ok(None));
    }

    proptest! {
        /// What is left is for the codec to judge; whatever it is, all that came is in one of the two.
        #[test]
        fn nothing_panics(
            head in prop::sample::select(vec!["a FETCH 1 ", "a SEARCH X-GM-RAW ", "a UID STORE 1 +X-GM-LABELS ", "a "]),
            rest in "([ ()\"\\\\{}0-9+\\[\\]a]|X-GM-LABELS|\r\n){0,30}",
        ) {
            let bytes = format!("{head}{rest}\r\n");
            if let Ok(Some((_, left))) = take(bytes.as_bytes()) {
                prop_assert!(left.ends_with(b"\r\n"));
            }
        }
    }
}
