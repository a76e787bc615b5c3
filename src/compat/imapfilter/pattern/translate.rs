use super::class::class;
use super::escape::escape;
use super::group::{Opening, opening};

/// What a pattern is translated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// `regex` on bytes.
    Bytes,
    /// `fancy-regex`.
    Around,
}

/// A translated pattern.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) text: String,
    pub(super) dollar: bool,
    pub(super) lines: bool,
    /// It needs `fancy-regex`.
    pub(super) looks_around: bool,
}

/// The flags at one place of a pattern.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one of PCRE's flags")]
pub(super) struct Flags {
    pub(super) lines: bool,
    pub(super) dot_all: bool,
    pub(super) extended: bool,
    pub(super) ungreedy: bool,
}

/// A pattern that is being translated.
#[derive(Debug)]
pub(super) struct Translation<'a> {
    pub(super) rest: &'a [u8],
    pub(super) engine: Engine,
    pub(super) flags: Flags,
    /// The flags outside of each group that is open.
    pub(super) outside: Vec<Flags>,
    /// How many groups the pattern has that capture.
    pub(super) groups: usize,
    pub(super) out: Translated,
}

impl Translation<'_> {
    /// Takes the next byte.
    pub(super) fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// Takes these bytes if they are next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text.as_bytes());
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Takes all up to a byte, and that byte.
    pub(super) fn take_until(&mut self, end: u8) -> Option<&[u8]> {
        let at = self.rest.iter().position(|byte| *byte == end)?;
        let (found, rest) = self.rest.split_at_checked(at)?;
        self.rest = rest.get(1..)?;
        Some(found)
    }

    /// Takes a number in decimal digits.
    pub(super) fn take_number(&mut self) -> Option<usize> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        let number = std::str::from_utf8(number).ok()?.parse().ok()?;
        self.rest = rest;
        Some(number)
    }

    pub(super) fn put(&mut self, text: &str) {
        self.out.text.push_str(text);
    }

    /// Puts a byte that stands for itself.
    pub(super) fn literal(&mut self, byte: u8) {
        self.put(&literal(byte));
    }

    fn dollar(&mut self) {
        match self.engine {
            _ if self.flags.lines => self.put("(?m:$)"),
            Engine::Around => self.put(r"(?=\n?\z)"),
            Engine::Bytes => {
                self.out.dollar = true;
                self.put(r"\z");
            }
        }
    }

    /// Puts what matches at the end, and before a line break there.
    pub(super) fn end(&mut self) {
        let lines = std::mem::take(&mut self.flags.lines);
        self.dollar();
        self.flags.lines = lines;
    }

    /// Puts the end of a quantifier, if it has one: lazy or possessive.
    fn manner(&mut self) {
        let lazy = self.take("?");
        if !lazy && self.take("+") {
            self.out.looks_around = true;
            self.put("+");
        } else if lazy != self.flags.ungreedy {
            self.put("?");
        }
    }

    /// Reads `{2}`, `{2,}` or `{2,3}` after its brace; anything else is a brace.
    fn count(&mut self) {
        let before = self.rest;
        let counted = (|| {
            let least = self.take_number()?;
            let most = if self.take(",") { Some(self.take_number()) } else { None };
            self.take("}").then_some((least, most))
        })();
        match counted {
            None => {
                self.rest = before;
                self.put(r"\{");
                return;
            }
            Some((least, None)) => self.put(&format!("{{{least}}}")),
            Some((least, Some(None))) => self.put(&format!("{{{least},}}")),
            Some((least, Some(Some(most)))) => self.put(&format!("{{{least},{most}}}")),
        }
        self.manner();
    }
}

/// Writes a byte that stands for itself.
pub(super) fn literal(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b" _\"'%,;:=<>!/@`".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("\\x{byte:02X}")
    }
}

/// Translates a pattern of PCRE's.
///
/// Error: what of it is not known here.
pub(super) fn translate(pattern: &[u8], engine: Engine) -> Result<Translated, String> {
    let out = Translated { text: String::new(), dollar: false, lines: false, looks_around: false };
    let groups = pattern.windows(2).filter(|pair| matches!(pair, [b'(', next] if *next != b'?')).count()
        + pattern.windows(3).filter(|three| [&b"(?<"[..], b"(?P", b"(?'"].contains(three)).count();
    let mut it =
        Translation { rest: pattern, engine, flags: Flags::default(), outside: Vec::new(), groups, out };
    // `(*UTF8)` and its like.
    while it.take("(*") {
        it.take_until(b')').ok_or("`(*` without `)`")?;
    }
    while let Some(byte) = it.next() {
        match byte {
            b'\\' => escape(&mut it)?,
            b'[' => class(&mut it)?,
            b'(' => match opening(&mut it)? {
                Opening::Group(outside) => it.outside.push(outside),
                Opening::Nothing => {}
            },
            b')' => {
                it.flags = it.outside.pop().ok_or("unmatched `)`")?;
                it.put(")");
            }
            b'^' if it.flags.lines => {
                it.out.lines = true;
                it.put("(?m:^)");
            }
            b'^' => it.put(r"\A"),
            b'$' => it.dollar(),
            b'.' if it.flags.dot_all => it.put(r"[\x00-\xFF]"),
            b'.' => it.put(r"[^\n]"),
            b'*' | b'+' | b'?' => {
                it.out.text.push(char::from(byte));
                it.manner();
            }
            b'{' => it.count(),
            b'|' => it.put("|"),
            byte if it.flags.extended && byte.is_ascii_whitespace() => {}
            b'#' if it.flags.extended => {
                if it.take_until(b'\n').is_none() {
                    it.rest = &[];
                }
            }
            byte => it.literal(byte),
        }
    }
    if it.outside.is_empty() { Ok(it.out) } else { Err("missing closing parenthesis".to_owned()) }
}
