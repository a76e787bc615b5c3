#![expect(clippy::panic, reason = "a test fails by panicking")]

use super::Pattern;

/// Gives the match and its groups as text.
fn find(pattern: &str, subject: &[u8]) -> Option<Vec<String>> {
    let found = Pattern::new(pattern.as_bytes()).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    let text = |range: &Option<std::ops::Range<usize>>| {
        let bytes = range.clone().and_then(|range| subject.get(range));
        bytes.map_or("-".to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    found.find(subject).map(|groups| groups.iter().map(text).collect())
}

#[test]
fn patterns_match_as_pcre_has_them() {
    let cases: &[(&str, &str, Option<&[&str]>)] = &[
        ("a(b)?(c)", "xacx", Some(&["ac", "-", "c"])),
        ("a(b)?", "a", Some(&["a"])),
        ("^(?i)pcre: (\\w)$", "PCRE: x", Some(&["PCRE: x", "x"])),
        ("text$", "text\n", Some(&["text"])),
        ("text$", "text\r\n", None),
        ("text\\r\\n$", "text\r\n", Some(&["text\r\n"])),
        ("(?s)t.*$", "te\nx\n", Some(&["te\nx\n"])),
        ("^b", "a\nb", None),
        ("(?m)^b$", "a\nb\nc", Some(&["b"])),
        ("(?m)^$", "a\n", None),
        ("a.b", "a\nb", None),
        ("^.?$", "\r", Some(&["\r"])),
        ("[[:digit:]x-]+", "a1x-", Some(&["1x-"])),
        ("[^]a]", "]ab", Some(&["b"])),
        ("[a[b&&c]+", "z[&&c", Some(&["[&&c"])),
        ("a{,2}b{x", "a{,2}b{x", Some(&["a{,2}b{x"])),
        ("\\Qa.b\\E.", "a.bc", Some(&["a.bc"])),
        ("(?x) a b # comment\n c", "abc", Some(&["abc"])),
        ("(?U)a+", "aaa", Some(&["a"])),
        ("\\x41\\101\\/\\-", "AA/-", Some(&["AA/-"])),
        ("(?<year>\\d{4})(?P<m>-)", "2024-", Some(&["2024-", "2024", "-"])),
        ("(?:a|b)++c", "abc", Some(&["abc"])),
        ("(a)\\1", "xaa", Some(&["aa", "a"])),
        ("foo(?!bar)", "foobar foo", Some(&["foo"])),
        ("(?<!x)foo$", "xfoo foo\n", Some(&["foo"])),
        ("\\bfoo\\b", "xfoo foo", Some(&["foo"])),
        ("(?=.*b)\\bfoo\\b", "foo b", Some(&["foo"])),
        ("(?i)[[:upper:]]", "a", Some(&["a"])),
        ("[\\W]", "a ", Some(&[" "])),
        ("\\h\\R", " \r\n", Some(&[" \r\n"])),
        ("(*UTF8)é", "é", Some(&["é"])),
        ("(?#x)a(?-i:b)", "ab", Some(&["ab"])),
    ];
    for (pattern, subject, expected) in cases {
        let expected = expected.map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(find(pattern, subject.as_bytes()), expected, "{pattern} in {subject:?}");
    }
}

#[test]
fn patterns_see_bytes() {
    // Latin 1, which is no UTF-8.
    assert!(find("Gr.n", b"Gr\xfcn").is_some());
    assert!(find("^Gr..n$", "Grün".as_bytes()).is_some());
    assert!(find("(?=.)Gr..n$", "Grün".as_bytes()).is_some());
    assert!(find("(?=G)Grün", "Grün".as_bytes()).is_some());
    assert!(find("(?=G)Gr\\W+n", b"Gr\xfcn").is_some());
    assert!(find("(?i)(?=.)\u{e9}", "\u{c9}".as_bytes()).is_none());
}

#[test]
fn what_is_no_pattern_is_refused() {
    for bad in
        ["(", ")", "[a", "a**b(", "\\", "(?R)", "(?|a|b)", "[z-a]", "\\x{100}", "(?<n", "[[:nope:]]", "\\y"]
    {
        assert!(Pattern::new(bad.as_bytes()).is_err(), "{bad}");
    }
}
