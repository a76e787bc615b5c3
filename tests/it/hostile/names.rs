//! Mailbox names with everything in them, from the server and from the script.

use super::Case;
use crate::scripted::Scripted;

const LIST: &str = r#"
    for _, mailbox in ipairs($LOGIN:list()) do
      print((mailbox.name:gsub("%c", "?")), (mailbox.raw:gsub("[^ -~]", "?")), mailbox.selectable)
    end
"#;

fn listing(lines: impl AsRef<[u8]>) -> Case {
    let answer = [lines.as_ref(), b"{tag} OK done\r\n"].concat();
    // NAMESPACE keeps LIST for the listing alone.
    let scripted = Scripted::new().capabilities("IMAP4rev1 NAMESPACE").greet().serve().on("LIST", answer);
    Case::new(scripted).script(LIST)
}

#[test]
fn names_that_a_server_lists() {
    for (name, shown) in [
        (r#""a \"b\" c""#, "a \"b\" c\ta \"b\" c\ttrue\n"),
        (r#""a\\b""#, "a\\b\ta\\b\ttrue\n"),
        ("{5}\r\na\"b\\c", "a\"b\\c\ta\"b\\c\ttrue\n"),
        (r#""R&-D""#, "R&D\tR&-D\ttrue\n"),
        (r#""&2Dzf3A-""#, "\u{1f3dc}\t&2Dzf3A-\ttrue\n"),
        ("Entw&APw-rfe", "Entwürfe\tEntw&APw-rfe\ttrue\n"),
        // Broken modified UTF-7, and raw UTF-8, stay as they came.
        (r#""R&D""#, "R&D\tR&D\ttrue\n"),
        (r#""&AAAA""#, "&AAAA\t&AAAA\ttrue\n"),
        ("\"Entw\u{fc}rfe\"", "Entwürfe\tEntw??rfe\ttrue\n"),
        // Encoded control characters are characters like any other, but nothing to be printed.
        (r#""&AAoACg-x""#, "??x\t&AAoACg-x\ttrue\n"),
        ("NIL", "NIL\tNIL\ttrue\n"),
        ("123", "123\t123\ttrue\n"),
        (r#""a] [b {3}""#, "a] [b {3}\ta] [b {3}\ttrue\n"),
        (r#""% *""#, "% *\t% *\ttrue\n"),
        (r#""\u{1b}[31m""#, "\\u{1b}[31m\t\\u{1b}[31m\ttrue\n"),
    ] {
        // Rust's escape in the last one is a backslash on the wire, which only quotes what follows.
        let shown = if name.contains("\\u{1b}") { "u{1b}[31m\tu{1b}[31m\ttrue\n" } else { shown };
        listing(format!("* LIST () \"/\" {name}\r\n")).prints(shown);
    }
}

#[test]
fn names_with_line_breaks_and_nul_that_a_server_lists() {
    let lines: [&[u8]; 4] = [b"{4}\r\na\r\nb", b"{3}\r\na\nb", b"{3}\r\na\x00b", b"\"a\x00b\""];
    for name in lines {
        listing([b"* LIST () \"/\" ", name, b"\r\n"].concat()).fails(
            5,
            "the server sent what can't be right: a LIST response whose mailbox name has a line break or NUL in it",
        );
    }
}

#[test]
fn lists_that_are_malformed() {
    for line in ["* LIST", "* LIST ()", "* LIST () \"/\"", "* LIST () \"/\" ()"] {
        listing(format!("{line}\r\n"))
            .fails(5, "the server sent what can't be right: a LIST response without a mailbox name");
    }
    // Attributes and delimiters of nonsense hide no mailbox.
    listing("* LIST NIL NIL a\r\n* LIST (\\Noselect 5 (x)) \"\" b\r\n* LIST () x c\r\n")
        .prints("a\ta\ttrue\nb\tb\tfalse\nc\tc\ttrue\n");
}

#[test]
fn eight_bit_names_that_a_server_lists() {
    listing(b"* LIST () \"/\" \"caf\xe9\"\r\n").prints("caf\u{fffd}\tcaf?\ttrue\n");
}

/// What arrives at the server for a name in a script.
#[track_caller]
fn arrives(lua: &str, wire: &str) {
    let scripted = Scripted::new().capabilities("IMAP4rev1 NAMESPACE").greet().serve();
    let script =
        format!("local account = $LOGIN account:create({lua}) account:select({lua}) account:list('*')");
    let ended = Case::new(scripted).script(&script).changes().run(0);
    let texts: Vec<_> = ended.received.iter().map(|it| it.text.split_once(' ').unwrap().1).collect();
    for verb in ["CREATE", "SELECT"] {
        assert!(texts.contains(&format!("{verb} {wire}").as_str()), "{wire} is not in {texts:?}");
    }
}

#[test]
fn names_that_a_script_gives() {
    arrives(r#"'a "b" c'"#, r#""a \"b\" c""#);
    arrives(r"'a\\b'", r#""a\\b""#);
    arrives("'R&D'", "\"R&-D\"");
    arrives("'🏜'", "\"&2Dzf3A-\"");
    arrives("'Entwürfe'", "\"Entw&APw-rfe\"");
    arrives("'x{5}'", "\"x{5}\"");
    arrives("'{5+}'", "\"{5+}\"");
    arrives("'a) (b'", "\"a) (b\"");
    arrives("'% *'", "\"% *\"");
    arrives("'NIL'", "\"NIL\"");
    arrives("{ raw = 'R&D' }", "\"R&D\"");
    arrives("{ raw = 'caf\\xe9' }", "{4}\r\ncaf\u{fffd}");
    arrives("('x'):rep(2000)", &format!("{{2000}}\r\n{}", "x".repeat(2000)));
}

#[test]
fn names_that_cant_be() {
    for (lua, message) in [
        (r"'a\r\nA1 DELETE INBOX'", r"`a\r\nA1 DELETE INBOX` can't be a mailbox's name"),
        (r"'a\nb'", r"`a\nb` can't be a mailbox's name"),
        (r"'a\0b'", r"`a\u{0}b` can't be a mailbox's name"),
        (r"'\27[31m'", r"`\u{1b}[31m` can't be a mailbox's name"),
        (r"''", "`` can't be a mailbox's name"),
        (r"'a//b'", "`a//b` can't be a mailbox's name"),
        (r"{ raw = 'a\r\nb' }", "a raw mailbox name is empty or has CR, LF or NUL in it"),
        (r"{ raw = 'a\0b' }", "a raw mailbox name is empty or has CR, LF or NUL in it"),
        (r"{ raw = '' }", "a raw mailbox name is empty or has CR, LF or NUL in it"),
        (r"'caf\xe9'", "`VERB` got a mailbox name that is not UTF-8"),
        (r"{}", "`VERB` wants a mailbox name, or `{ raw = \"…\" }`, but got a table"),
        (r"5", "`VERB` wants a mailbox name but got 5"),
    ] {
        for verb in ["create", "select", "examine", "delete", "subscribe", "status"] {
            let scripted = Scripted::new().capabilities("IMAP4rev1 NAMESPACE").greet().serve();
            let ended = Case::new(scripted)
                .script(&format!("$LOGIN:{verb}({lua})"))
                .fails(1, &message.replace("VERB", verb));
            let forbidden = ["SELECT", "EXAMINE", "SUBSCRIBE", "STATUS"];
            assert!(!forbidden.iter().any(|verb| ended.got(verb)), "{:?}", ended.received);
        }
    }
}

#[test]
fn a_target_that_cant_be() {
    let scripted = Scripted::new().capabilities("IMAP4rev1 MOVE NAMESPACE").greet().serve();
    Case::new(scripted)
        .script(r#"$LOGIN:mailbox("INBOX"):all():move("x\r\nA1 EXPUNGE")"#)
        .fails(1, r"`x\r\nA1 EXPUNGE` can't be a mailbox's name");
}

#[test]
fn a_special_mailbox_that_is_not_there() {
    let scripted = Scripted::new().capabilities("IMAP4rev1 MOVE NAMESPACE").greet().serve();
    let scripted =
        scripted.on("LIST", "* LIST () \"/\" INBOX\r\n* LIST () \"/\" \"a\x1bb\"\r\n{tag} OK done\r\n");
    Case::new(scripted)
        .script(r#"$LOGIN:mailbox("INBOX"):all():trash()"#)
        .fails(6, "there is no `@trash` mailbox in this account (there are: INBOX, a\\u{1b}b)");
}
