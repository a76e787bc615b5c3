use std::sync::LazyLock;

use regex::Regex;

use crate::error::visible;

/// How much of a line is shown.
const LONGEST: usize = 160;

/// A string that a line gives to something that sounds like a secret. It may be cut off by the line's end.
static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let named = r#"(?i)((?:pass|pwd|\bpw|secret|token|oauth|bearer)\w*['"\]\s]*[=(,]\s*)"#;
    let string = r#"(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|\[=*\[.*?(?:\]=*\]|$))"#;
    // What is put together of strings is one.
    Regex::new(&format!(r"{named}{string}(?:\s*(?:\.\.\s*)?{string})*")).ok()
});

/// Makes a script's line fit to be shown: not too long, without control characters, and without passwords.
pub(super) fn excerpt(line: &str) -> String {
    let line = match &*SECRET {
        Some(secret) => secret.replace_all(line, "$1…"),
        None => return String::new(),
    };
    visible(&line.replace('\t', "    ").chars().take(LONGEST).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn passwords_are_not_shown() {
        for (line, shown) in [
            ("login { user = \"me\", password = \"hunter2\" }", "login { user = \"me\", password = … }"),
            ("IMAP{username='me',password='hunter2'}.INBOX", "IMAP{username='me',password=…}.INBOX"),
            ("local my_pass = [[hunter2]] -- mine", "local my_pass = … -- mine"),
            ("{ [\"password\"] = \"hunter\\\"2\" }", "{ [\"password\"] = … }"),
            ("password = \"hunter2", "password = …"),
            ("password = 'hunt' .. 'er' \"2\" }", "password = … }"),
            ("oauth2 = 'hunter2', x = 1", "oauth2 = …, x = 1"),
            ("access_token = [==[hunter2]==]", "access_token = …"),
            ("set_password(\"hunter2\")", "set_password(…)"),
        ] {
            assert_eq!(excerpt(line), shown);
        }
        for line in ["print('pass')", "where = { from = \"ci@example.org\" }", "secret.env \"NAME\""] {
            assert_eq!(excerpt(line), line);
        }
    }
}
