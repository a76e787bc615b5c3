//! A script's strings can't become commands: each stays one argument, or is refused before anything leaves.

use super::Case;
use crate::scripted::Scripted;

/// Strings that would break out of a careless client's command.
const NASTY: [(&str, &str); 6] = [
    (r"a\r\nA9 DELETE INBOX", "a\r\nA9 DELETE INBOX"),
    (r"a\nb", "a\nb"),
    (r#"a\" OR \"b"#, "a\" OR \"b"),
    (r"a\\", "a\\"),
    (r"{5}", "{5}"),
    (r"x {100+}", "x {100+}"),
];

/// The one argument that the string travels as, quoted or as a literal.
fn argument(text: &str) -> String {
    if text.contains(['\r', '\n']) {
        format!("{{{}}}\r\n{text}", text.len())
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

fn server() -> Scripted {
    Scripted::new().capabilities("IMAP4rev1 NAMESPACE MOVE UIDPLUS").greet().serve()
}

/// What arrives for a search, without tag and verb.
#[track_caller]
fn search(query: &str) -> String {
    let script = format!(r#"$LOGIN:mailbox("INBOX"):search {{ {query} }}"#);
    let ended = Case::new(server()).script(&script).run(0);
    let searches: Vec<_> = ended.received.iter().filter(|it| it.text.contains("UID SEARCH ")).collect();
    assert_eq!(searches.len(), 1, "{:?}", ended.received);
    let allowed = ["LOGIN", "NAMESPACE", "EXAMINE", "UID SEARCH", "UID FETCH", "LOGOUT"];
    assert!(ended.verbs().iter().all(|verb| allowed.contains(&verb.as_str())), "{:?}", ended.received);
    searches[0].text.split_once("UID SEARCH ").unwrap().1.to_owned()
}

/// What is left of a program without its strings: quoted ones, and literals.
fn bare(program: &str) -> String {
    let mut bare = String::new();
    let mut rest = program;
    while let Some(at) = rest.find(['"', '{']) {
        bare.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        rest = if rest[at..].starts_with('"') {
            let mut escaped = false;
            let end = tail.char_indices().find(|(_, c)| {
                let ends = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                ends
            });
            &tail[end.expect("a quoted string ends").0 + 1..]
        } else {
            let (length, text) =
                tail.split_once("}\r\n").expect("a literal's length is followed by a line break");
            &text[length.parse::<usize>().unwrap()..]
        };
        bare.push('S');
    }
    bare + rest
}

/// Checks that nothing of a string has become part of the program.
#[track_caller]
fn assert_harmless(program: &str) {
    let known = [
        "RETURN",
        "(ALL)",
        "CHARSET",
        "UTF-8",
        "UNDELETED",
        "OR",
        "HEADER",
        "FROM",
        "SUBJECT",
        "BODY",
        "TEXT",
        "S",
    ];
    let bare = bare(program).replace(['(', ')'], " ");
    assert!(bare.split_whitespace().all(|word| known.contains(&word) || word == "ALL"), "{program:?}");
}

#[test]
fn search_terms() {
    for (lua, text) in NASTY {
        for key in ["from", "subject", "body", "text"] {
            let program = search(&format!(r#"{key} = "{lua}", deleted = false"#));
            assert_harmless(&program);
            if ["body", "text"].contains(&key) {
                assert!(
                    program.contains(&format!("{} {}", key.to_uppercase(), argument(text))),
                    "{program:?}"
                );
            }
        }
    }
}

#[test]
fn nul_in_search_terms() {
    for key in ["from", "subject", "body", "text"] {
        let ended = Case::new(server())
            .script(&format!(r#"$LOGIN:mailbox("INBOX"):search {{ {key} = "a\0b" }}"#))
            .fails(1, &format!("`{key}` has a NUL character in it"))
            .hinting("hint: IMAP can't carry one\n");
        assert!(!ended.got("UID SEARCH"));
    }
}

#[test]
fn header_names_and_values() {
    for (lua, text) in NASTY {
        let program = search(&format!(r#"header = {{ ["X-Foo"] = "{lua}" }}"#));
        assert_harmless(&program);
        assert!(program.contains("HEADER \"X-Foo\" "), "{program:?} for {text:?}");
    }
    for lua in [r"a\r\nb", r"a\0b", "a b", "a:", "", "ü"] {
        let script = format!(r#"$LOGIN:mailbox("INBOX"):search {{ header = {{ ["{lua}"] = "x" }} }}"#);
        let ended = Case::new(server()).script(&script).run(1);
        assert!(ended.output.stderr.starts_with("error: "), "{}", ended.output);
        assert!(!ended.got("UID SEARCH"), "{:?}", ended.received);
    }
}

#[test]
fn header_names_of_strange_signs() {
    // RFC 5322 allows them, and they stay one argument.
    for (lua, name) in [("{5}", "{5}"), (r#"a\"b"#, "a\"b"), ("a)", "a)"), (r"a\\b", "a\\b")] {
        let program = search(&format!(r#"header = {{ ["{lua}"] = "x" }}"#));
        assert!(program.contains(&format!("HEADER {} \"x\"", argument(name))), "{program:?}");
    }
}

#[test]
fn raw_programs() {
    for lua in [
        r"SEEN\r\nA9 DELETE INBOX",
        r"SEEN\nA9 NOOP",
        "SEEN)",
        "(SEEN",
        "FROM {5}",
        "FROM {5+}",
        r#"FROM \"x"#,
        r"a\0b",
    ] {
        let ended = Case::new(server())
            .script(&format!(r#"$LOGIN:mailbox("INBOX"):search {{ raw = "{lua}" }}"#))
            .run(1)
            .said_like("`raw` is no IMAP SEARCH program: ");
        assert!(!ended.got("UID SEARCH"));
    }
}

#[test]
fn labels_and_gmails_searches() {
    let gmail =
        || Scripted::new().capabilities("IMAP4rev1 NAMESPACE MOVE UIDPLUS X-GM-EXT-1").greet().serve();
    for (lua, text) in NASTY {
        for (call, verb, before, after) in [
            (format!(r#"search {{ gmail = "{lua}" }}"#), "UID SEARCH", "UNDELETED X-GM-RAW ", ""),
            (format!(r#"search {{ label = "{lua}" }}"#), "UID SEARCH", "UNDELETED X-GM-LABELS ", ""),
            (format!(r#"all():label("{lua}")"#), "UID STORE", "1:3 +X-GM-LABELS.SILENT (", ")"),
            (format!(r#"all():unlabel("{lua}")"#), "UID STORE", "1:3 -X-GM-LABELS.SILENT (", ")"),
        ] {
            let refused = text.contains(['\r', '\n']);
            let script = format!(r#"$LOGIN:mailbox("INBOX"):{call}"#);
            let ended = Case::new(gmail()).script(&script).changes().run(i32::from(refused));
            let command = ended.received.iter().rfind(|it| it.text.contains(&format!(" {verb} ")));
            let command = command.map(|it| it.text.split_once(&format!(" {verb} ")).unwrap().1.to_owned());
            let wanted = (!refused).then(|| format!("{before}{}{after}", argument(text)));
            assert_eq!(command, wanted, "{call}");
        }
    }
}

#[test]
fn keywords_and_flags() {
    for lua in [r"a\r\nb", r"a\0b", "a b", "a)", "{5}", "", r"\\", "ü", r#"\""#, "a]", "*", r"\\*"] {
        for script in [
            format!(r#"$LOGIN:mailbox("INBOX"):all():mark("{lua}")"#),
            format!(r#"$LOGIN:mailbox("INBOX"):all():unmark {{ "{lua}" }}"#),
            format!(r#"$LOGIN:mailbox("INBOX"):append("Subject: a\r\n\r\nb", {{ flags = {{ "{lua}" }} }})"#),
            format!(r#"$LOGIN:mailbox("INBOX"):search {{ keyword = "{lua}" }}"#),
        ] {
            let ended = Case::new(server()).script(&script).run(1);
            assert!(ended.output.stderr.starts_with("error: "), "{}", ended.output);
            assert!(!ended.output.stderr.lines().next().unwrap().contains("defect"), "{}", ended.output);
        }
    }
}

#[test]
fn fetch_items() {
    for lua in [
        "BODY[HEADER.FIELDS (a:b)]",
        "BODY[1] UID",
        "ALL",
        "BODY[]<0.1> X",
        "FLAGS)",
        "BODY[TEXT",
        "",
        r"FLAGS\0",
    ] {
        let script = format!(
            r#"local account = $LOGIN account:examine("INBOX") account:fetch(account:search {{ uid = 1 }}, {{ "{lua}" }})"#
        );
        let ended = Case::new(server()).script(&script).run(1);
        assert!(!ended.received.iter().any(|it| it.text.contains("BODY")), "{:?}", ended.received);
    }
}

#[test]
fn users() {
    for lua in [r"a\r\nb", r"a\0b", r"\n", "", " "] {
        let script = format!(
            r#"login {{ host = "$HOST", port = $PORT, tls = "none", user = "{lua}", password = "x" }}:noop()"#
        );
        let ended =
            Case::new(server()).script(&script).fails(3, "`user` is empty or has a control character in it");
        assert!(ended.received.is_empty());
    }
    for (lua, user) in [(r#"a\"b\\c"#, "a\"b\\c"), ("{5}", "{5}"), ("a b) (", "a b) (")] {
        let script = format!(
            r#"login {{ host = "$HOST", port = $PORT, tls = "none", user = "{lua}", password = "x" }}:noop()"#
        );
        let ended = Case::new(server()).script(&script).run(0);
        let login = ended.received[0].text.split_once(' ').unwrap().1;
        assert_eq!(login, format!("LOGIN {} \"x\"", argument(user)));
    }
}

#[test]
fn hosts() {
    for lua in [r"a\r\nb", r"a\0b", "", " "] {
        let script = format!(r#"login {{ host = "{lua}", user = "me", password = "x" }}:noop()"#);
        Case::new(server()).script(&script).fails(3, "`host` is empty or has a control character in it");
    }
}

#[test]
fn passwords() {
    // What LOGIN can't quote travels by AUTHENTICATE PLAIN, in base64.
    for (lua, base64) in [(r"a\r\nb", "AG1lAGENCmI="), ("ü{5}", "AG1lAMO8ezV9")] {
        let script = format!(
            r#"login {{ host = "$HOST", port = $PORT, tls = "none", user = "me", password = "{lua}" }}:noop()"#
        );
        let plain = Scripted::new().capabilities("IMAP4rev1 AUTH=PLAIN NAMESPACE").greet().serve();
        let ended = Case::new(plain).script(&script).run(0);
        assert_eq!(ended.received[1].text, base64, "{:?}", ended.received);
        // And where there is only LOGIN, it is not sent at all.
        let ended =
            Case::new(server()).script(&script).run(4).said_like("the server offers no way to log in here");
        assert!(ended.received.is_empty(), "{:?}", ended.received);
    }
    let nul =
        r#"login { host = "$HOST", port = $PORT, tls = "none", user = "me", password = "a\0b" }:noop()"#;
    let plain = Scripted::new().capabilities("IMAP4rev1 AUTH=PLAIN").greet().serve();
    let ended = Case::new(plain).script(nul).run(3);
    assert!(ended.received.is_empty(), "{:?}", ended.received);
    for (lua, password) in [(r#"a\"b\\c"#, "a\"b\\c"), ("{5}", "{5}"), (" ", " ")] {
        let script = format!(
            r#"login {{ host = "$HOST", port = $PORT, tls = "none", user = "me", password = "{lua}" }}:noop()"#
        );
        let ended = Case::new(server()).script(&script).run(0);
        let login = ended.received[0].text.split_once(' ').unwrap().1;
        assert_eq!(login, format!("LOGIN \"me\" {}", argument(password)));
    }
}

#[test]
fn appended_messages() {
    let script = r#"$LOGIN:mailbox("INBOX"):append("Subject: a\r\n\r\nA9 DELETE INBOX\r\n{5}\r\n.\r\n")"#;
    let ended = Case::new(server()).script(script).changes().run(0);
    let append = ended.received.iter().find(|it| it.text.contains("APPEND")).unwrap();
    assert!(
        append.text.ends_with("() {39}\r\nSubject: a\r\n\r\nA9 DELETE INBOX\r\n{5}\r\n.\r\n"),
        "{append:?}"
    );
    assert!(!ended.got("DELETE"));
    Case::new(server())
        .script(r#"$LOGIN:mailbox("INBOX"):append("Subject: a\0b\r\n\r\n")"#)
        .fails(1, "the message has a NUL character in it, which IMAP can't carry");
}
