use super::quote;

/// One address of an ENVELOPE (RFC 3501 §7.4.2); a group's start has no host, its end nothing at all.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) name: Option<Vec<u8>>,
    pub(super) mailbox: Option<Vec<u8>>,
    pub(super) host: Option<Vec<u8>>,
}

impl Address {
    /// Reads an unfolded address list (RFC 5322 §3.4). Broken ones give what can be made of them.
    pub(super) fn parse_list(value: &[u8]) -> Vec<Self> {
        let mut list = Vec::new();
        let mut words = Words::default();
        let mut in_group = false;
        let mut bytes = Tokens { text: value };
        while let Some(token) = bytes.next() {
            match token {
                Token::Word(word) => words.phrase.push(word),
                Token::Comment(text) => words.comment = Some(text),
                Token::Angle(text) => words.angle = Some(text),
                Token::Special(b',') => list.extend(words.take()),
                Token::Special(b':') if !in_group && words.angle.is_none() => {
                    in_group = true;
                    let name = std::mem::take(&mut words).text();
                    list.push(Self { mailbox: Some(name), ..Self::default() });
                }
                Token::Special(b';') => {
                    list.extend(words.take());
                    if std::mem::take(&mut in_group) {
                        list.push(Self::default());
                    }
                }
                Token::Special(byte) => words.phrase.push(vec![byte]),
            }
        }
        list.extend(words.take());
        if in_group {
            list.push(Self::default());
        }
        list
    }

    /// Writes the address as ENVELOPE has it. Source routes are not kept.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'(');
        quote::nstring(out, self.name.as_deref());
        out.extend_from_slice(b" NIL ");
        quote::nstring(out, self.mailbox.as_deref());
        out.push(b' ');
        quote::nstring(out, self.host.as_deref());
        out.push(b')');
    }
}

/// The words of one address, until its comma.
#[derive(Default)]
struct Words {
    phrase: Vec<Vec<u8>>,
    angle: Option<Vec<u8>>,
    comment: Option<Vec<u8>>,
}

impl Words {
    /// Joins the words as a phrase: with single spaces.
    fn text(self) -> Vec<u8> {
        self.phrase.join(&b' ')
    }

    /// Gives the address, if there is one, and begins anew.
    fn take(&mut self) -> Option<Address> {
        let mut whole = std::mem::take(self);
        let (name, spec) = match whole.angle.take() {
            Some(spec) => {
                let name = whole.text();
                (Some(name).filter(|name| !name.is_empty()), spec)
            }
            None if whole.phrase.is_empty() => return None,
            None => {
                let comment = whole.comment.take();
                (comment, whole.phrase.concat())
            }
        };
        // A source route ends at its colon: `@a,@b:user@host`.
        let spec = match spec.iter().position(|&b| b == b':') {
            Some(at) if spec.starts_with(b"@") => spec.get(at + 1..).unwrap_or_default().to_vec(),
            _ => spec,
        };
        let (mailbox, host) = match spec.iter().rposition(|&b| b == b'@') {
            Some(at) => {
                let (mailbox, host) = spec.split_at(at);
                (mailbox.to_vec(), host.get(1..).unwrap_or_default().to_vec())
            }
            // A NIL host would make it a group.
            None => (spec, Vec::new()),
        };
        Some(Address {
            name,
            mailbox: Some(unquote(mailbox.trim_ascii())),
            host: Some(host.trim_ascii().to_vec()),
        })
    }
}

enum Token {
    Word(Vec<u8>),
    Comment(Vec<u8>),
    Angle(Vec<u8>),
    Special(u8),
}

struct Tokens<'a> {
    text: &'a [u8],
}

impl Tokens<'_> {
    /// Takes bytes up to an unescaped `end`, and `end` with them.
    fn until(&mut self, end: u8) -> Vec<u8> {
        let mut taken = Vec::new();
        while let Some((&byte, rest)) = self.text.split_first() {
            self.text = rest;
            match byte {
                b'\\' => {
                    if let Some((&escaped, rest)) = self.text.split_first() {
                        taken.push(escaped);
                        self.text = rest;
                    }
                }
                byte if byte == end => break,
                byte => taken.push(byte),
            }
        }
        taken
    }

    fn next(&mut self) -> Option<Token> {
        self.text = self.text.trim_ascii_start();
        let (&byte, rest) = self.text.split_first()?;
        if matches!(byte, b'"' | b'(' | b'<' | b',' | b':' | b';' | b'@') {
            self.text = rest;
        }
        Some(match byte {
            b'"' => Token::Word(self.until(b'"')),
            b'(' => Token::Comment(self.until(b')')),
            b'<' => Token::Angle(self.until(b'>')),
            b',' | b':' | b';' | b'@' => Token::Special(byte),
            _ => {
                let ends = |b: &u8| b.is_ascii_whitespace() || b"\"(<,:;@".contains(b);
                let length = self.text.iter().position(ends).unwrap_or(self.text.len());
                let (word, rest) = self.text.split_at(length);
                self.text = rest;
                Token::Word(word.to_vec())
            }
        })
    }
}

fn unquote(mailbox: &[u8]) -> Vec<u8> {
    mailbox.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(mailbox).to_vec()
}

#[cfg(test)]
mod tests {
    use super::Address;

    fn written(value: &str) -> String {
        let mut out = Vec::new();
        for address in Address::parse_list(value.as_bytes()) {
            address.write(&mut out);
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn the_usual_forms_are_read() {
        assert_eq!(written("a@b.example"), r#"(NIL NIL "a" "b.example")"#);
        assert_eq!(written("Jo Doe <jo@x.example>"), r#"("Jo Doe" NIL "jo" "x.example")"#);
        assert_eq!(
            written(r#""Doe, \"J\"" <jo@x.example>, b@c"#),
            r#"("Doe, \"J\"" NIL "jo" "x.example")(NIL NIL "b" "c")"#
        );
        assert_eq!(written("jo@x.example (Jo)"), r#"("Jo" NIL "jo" "x.example")"#);
        assert_eq!(
            written("=?utf-8?q?J=C3=B6?= <@r.example:jo@x.example>"),
            r#"("=?utf-8?q?J=C3=B6?=" NIL "jo" "x.example")"#
        );
    }

    #[test]
    fn groups_have_a_start_and_an_end() {
        assert_eq!(
            written("Friends: a@b, C <c@d>;"),
            r#"(NIL NIL "Friends" NIL)(NIL NIL "a" "b")("C" NIL "c" "d")(NIL NIL NIL NIL)"#
        );
        assert_eq!(
            written("undisclosed-recipients:;"),
            r#"(NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)"#
        );
    }

    #[test]
    fn broken_ones_give_something_and_never_a_group() {
        assert_eq!(written("nobody"), r#"(NIL NIL "nobody" "")"#);
        assert_eq!(written("<"), r#"(NIL NIL "" "")"#);
        assert_eq!(written(""), "");
    }
}
