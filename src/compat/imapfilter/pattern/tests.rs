#![expect(clippy::panic, reason = "a test fails by panicking")]

use super::Pattern;

/// Gives the match and its groups as text.
fn find(pattern: &str, subject: &[u8]) -> Option<Vec<String>> {
    let found = Pattern::new(pattern.as_bytes()).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    let text = |range: &Option<std::ops::Range<usize>>| {
        let bytes = range.clone().and_then(|range| subject.get(range));
        bytes.map_or("-".to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    let found = found.find(subject).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    found.map(|groups| groups.iter().map(text).collect())
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
        ("\\p{Lu}\\p{^L}\\P{L}[\\pN_]", "aB- 1", Some(&["B- 1"])),
        ("(?i)\\p{Lu}[x\\p{Nd}]+", "aAX1", Some(&["AX1"])),
        ("\\p{Latin}\\p{Script=Latin}\\p{L&}\\p{Xwd}", "abc_", Some(&["abc_"])),
        ("\\R{2}", "\r\n", None),
        ("\\Ga\\X\\Cb", "a\r\nxb", Some(&["a\r\nxb"])),
        ("[\\Qa]\\E]+", "xa]", Some(&["a]"])),
        ("[[:<:]]foo[[:>:]]", "xfoo foo", Some(&["foo"])),
        ("(?|a(b)|c(d))(e)", "cde", Some(&["cde", "d", "e"])),
        ("(?J)(?<n>a)|(?<n>b)", "b", Some(&["b", "-", "b"])),
        ("(?n)(a)(?<n>b)", "ab", Some(&["ab", "b"])),
        ("(?xx)[a b]+c", "a bc", Some(&["bc"])),
        ("(a|b)(?1)", "ab", Some(&["ab", "a"])),
        ("(a|b)\\g<1>\\g1\\g{-1}", "abaa", Some(&["abaa", "a"])),
        ("(?&n)(?<n>a|b)", "ab", Some(&["ab", "b"])),
        ("(?|(a)|(?<n>b)(?&n))$", "bb bb ba", Some(&["ba", "b"])),
        ("^([a-c]+?)*+$", "abc", Some(&["abc", "c"])),
        ("(?(DEFINE)(?<d>\\d{2}))(?&d)-(?&d)", "x10-11", Some(&["10-11"])),
        ("(?<n>a)?(?(<n>)b|c)", "ab", Some(&["ab", "a"])),
        ("(?(?=a)ab|c)", "ab", Some(&["ab"])),
        ("(a)?(?(-1)b|c)", "xc", Some(&["c"])),
        ("a(*F)|(*MARK:x)b", "ab", Some(&["b"])),
        ("(*pla:a)(*atomic:a+)b(?C1)", "aab", Some(&["aab"])),
        ("$\\n", "a\n", Some(&["\n"])),
        ("\\o{101}\\x{42}", "AB", Some(&["AB"])),
        ("(?x)a + +b", "aab", Some(&["aab"])),
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
    let wrong = [
        ("(", "missing closing parenthesis"),
        (")", "unmatched `)`"),
        ("[a", "missing terminating `]`"),
        ("a**b(", "`*` follows nothing that can be repeated"),
        ("^*", "`*` follows nothing that can be repeated"),
        ("a{2}{3}", "`{3}` follows nothing that can be repeated"),
        ("a{65536}", "a number beyond 65535 in `{}`"),
        ("\\", "a `\\` at the end"),
        ("[z-a]", "range out of order in a class"),
        ("[\\w-.]", "a range in a class begins with a set: write the hyphen last"),
        ("[a-\\d]", "a range in a class ends with a set: write the hyphen last"),
        ("[:alpha:]", "`[:…:]` stands outside of a class: it is written `[[:…:]]`"),
        ("[[:nope:]]", "`[:nope:]` is no class"),
        ("\\x{100}", "a character beyond 255: write its bytes in UTF-8"),
        ("\\400", "an octal number beyond 377"),
        ("\\p{Nope}", "`\\p{Nope}` is no property"),
        ("\\y", "`\\y` is not known here"),
        ("(?<n", "a group's name without its end"),
        ("(?<n>a)(?<n>b)", "two groups are called `n`"),
        ("\\2(a)", "there is no group 2"),
        ("(?(1)a|b)", "there is no group 1"),
        ("(?<=a+)b", "`+` in a look-behind, which must be of one length"),
        ("(?<=\\R)b", "`\\R` in a look-behind"),
        ("(*NOPE)a", "`(*NOPE)` is not known here"),
    ];
    // What PCRE knows, and this is not.
    let unknown = [
        ("(?R)", "recursion (`R`) is not known here"),
        ("(\\((?1)?\\))", "recursion (`1`) is not known here"),
        ("(a(?2)?)(b(?1)?)", "recursion (`1`) is not known here"),
        ("(?|(a)|(b))\\1", "a reference back to group 1, which is in `(?|`, is not known here"),
        ("a(*SKIP)b", "`(*SKIP)` is not known here"),
        ("(*UCP)\\w", "`(*UCP)` is not known here"),
        ("(*UTF)[é]", "a character beyond ASCII in a class is not known here where `(*UTF)` is asked for"),
        (
            "(*UTF)é+",
            "a character beyond ASCII that is repeated is not known here where `(*UTF)` is asked for",
        ),
    ];
    for (pattern, reason) in wrong.into_iter().chain(unknown) {
        let error =
            Pattern::new(pattern.as_bytes()).map_or_else(|error| error.to_string(), |_| "fine".to_owned());
        assert_eq!(error, format!("`{pattern}` is no pattern: {reason}"));
    }
}

#[test]
fn what_takes_too_long_is_told() {
    let pattern = Pattern::new(b"^(?:(a|aa)+)\\1b?$").unwrap_or_else(|error| panic!("{error}"));
    let found = pattern.find(format!("{}!", "a".repeat(40)).as_bytes()).map_err(|error| error.to_string());
    let told = "`^(?:(a|aa)+)\\1b?$` takes too long: more than 10000000 steps on one text";
    assert_eq!(found, Err(told.to_owned()));
}
