use super::class::class;
use super::escape::escape;
use super::group::{Kind, Open, opening};
use super::reference::Group;

/// What a pattern is translated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// `regex` on bytes.
    Bytes,
    /// `fancy-regex`.
    Around,
}

/// A translated pattern.
#[derive(Debug, Default)]
pub(super) struct Translated {
    pub(super) text: String,
    pub(super) dollar: bool,
    pub(super) lines: bool,
    /// It needs `fancy-regex`.
    pub(super) looks_around: bool,
    /// The number that PCRE gives each group of the translation: in `(?|` several have the same.
    pub(super) numbers: Vec<usize>,
}

/// The flags at one place of a pattern.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one of PCRE's flags")]
pub(super) struct Flags {
    pub(super) caseless: bool,
    pub(super) lines: bool,
    pub(super) dot_all: bool,
    pub(super) extended: bool,
    /// In classes, too.
    pub(super) spaced: bool,
    pub(super) ungreedy: bool,
    pub(super) names_only: bool,
    pub(super) duplicates: bool,
}

/// How long a translation may be: groups that are called are written out at each place.
const LONGEST: usize = 1 << 18;

/// A pattern that is being translated.
#[derive(Debug)]
pub(super) struct Translation<'a> {
    pub(super) whole: &'a [u8],
    pub(super) rest: &'a [u8],
    pub(super) engine: Engine,
    pub(super) flags: Flags,
    /// The groups that are open.
    pub(super) open: Vec<Open>,
    /// All groups of the pattern, where it was read before.
    pub(super) known: Option<&'a [Group]>,
    /// The groups so far.
    pub(super) groups: Vec<Group>,
    /// The number of the last group.
    pub(super) number: usize,
    /// The groups that are being written out where they are called.
    pub(super) called: Vec<usize>,
    /// A quantifier may come next.
    pub(super) repeatable: bool,
    /// The pattern is in UTF-8.
    pub(super) utf: bool,
    /// The last byte is part of a character beyond ASCII.
    wide: bool,
    pub(super) out: Translated,
}

impl<'a> Translation<'a> {
    fn new(whole: &'a [u8], engine: Engine, known: Option<&'a [Group]>) -> Self {
        Self {
            whole,
            rest: whole,
            engine,
            flags: Flags::default(),
            open: Vec::new(),
            known,
            groups: Vec::new(),
            number: 0,
            called: Vec::new(),
            repeatable: false,
            utf: false,
            wide: false,
            out: Translated::default(),
        }
    }

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
    pub(super) fn take_until(&mut self, end: u8) -> Option<String> {
        let at = self.rest.iter().position(|byte| *byte == end)?;
        let (found, rest) = self.rest.split_at_checked(at)?;
        self.rest = rest.get(1..)?;
        Some(String::from_utf8_lossy(found).into_owned())
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

    /// Puts what a quantifier may follow.
    pub(super) fn put_item(&mut self, text: &str) {
        self.put(text);
        self.repeatable = true;
    }

    /// Puts what only stands between characters.
    pub(super) fn put_place(&mut self, text: &str) {
        self.put(text);
        self.repeatable = false;
    }

    /// Puts a byte that stands for itself.
    pub(super) fn literal(&mut self, byte: u8) -> Result<(), String> {
        self.wide = byte >= 0x80;
        if self.wide && self.flags.caseless {
            self.only_bytes("a letter beyond ASCII after `(?i)`")?;
        }
        self.put_item(&literal(byte));
        Ok(())
    }

    /// Refuses what would see characters where only bytes are seen here.
    pub(super) fn only_bytes(&self, what: &str) -> Result<(), String> {
        if self.utf { Err(format!("{what} is not known here where `(*UTF)` is asked for")) } else { Ok(()) }
    }

    /// Tells whether this is in a look-behind.
    pub(super) fn is_behind(&self) -> bool {
        let around = self.open.iter().rev().find(|open| matches!(open.kind, Kind::Behind | Kind::Ahead));
        around.is_some_and(|open| open.kind == Kind::Behind)
    }

    fn dollar(&mut self) {
        match self.engine {
            _ if self.flags.lines => self.put_place("(?m:$)"),
            Engine::Around => self.put_place(r"(?=\n?\z)"),
            Engine::Bytes => {
                // What matches the line break itself can't be told in `regex`.
                self.out.looks_around |= !matches!(self.rest.first(), None | Some(b')' | b'|' | b'$'));
                self.out.dollar = true;
                self.put_place(r"\z");
            }
        }
    }

    /// Puts what matches at the end, and before a line break there.
    pub(super) fn end(&mut self) {
        let lines = std::mem::take(&mut self.flags.lines);
        self.dollar();
        self.flags.lines = lines;
    }

    /// Puts a quantifier, and whether it is lazy or possessive. `varies` says that not all its matches are as long as
    /// each other.
    fn quantify(&mut self, quantifier: &str, varies: bool) -> Result<(), String> {
        if !self.repeatable {
            return Err(format!("`{quantifier}` follows nothing that can be repeated"));
        }
        if varies && self.is_behind() {
            return Err(format!("`{quantifier}` in a look-behind, which must be of one length"));
        }
        if self.wide {
            self.only_bytes("a character beyond ASCII that is repeated")?;
        }
        self.put_place(quantifier);
        while self.flags.extended && self.rest.first().is_some_and(u8::is_ascii_whitespace) {
            self.next();
        }
        let lazy = self.take("?");
        if !lazy && self.take("+") {
            self.out.looks_around = true;
            self.put("+");
        } else if lazy != self.flags.ungreedy {
            self.put("?");
        }
        Ok(())
    }

    /// Reads `{2}`, `{2,}` or `{2,3}` after its brace; anything else is a brace.
    fn count(&mut self) -> Result<(), String> {
        let before = self.rest;
        let counted = (|| {
            let least = self.take_number()?;
            let most = if self.take(",") { self.take_number() } else { Some(least) };
            self.take("}").then_some((least, most))
        })();
        let Some((least, most)) = counted else {
            self.rest = before;
            return self.literal(b'{');
        };
        if least.max(most.unwrap_or(0)) > 65_535 {
            return Err("a number beyond 65535 in `{}`".to_owned());
        }
        match most {
            Some(most) if most == least => self.quantify(&format!("{{{least}}}"), false),
            Some(most) => self.quantify(&format!("{{{least},{most}}}"), true),
            None => self.quantify(&format!("{{{least},}}"), true),
        }
    }

    /// Translates the rest.
    pub(super) fn run(&mut self) -> Result<(), String> {
        while let Some(byte) = self.next() {
            let wide = std::mem::take(&mut self.wide);
            match byte {
                b'\\' => escape(self)?,
                b'[' => class(self)?,
                b'(' => opening(self)?,
                b')' => self.close()?,
                b'^' if self.flags.lines => {
                    self.out.lines = true;
                    self.put_place("(?m:^)");
                }
                b'^' => self.put_place(r"\A"),
                b'$' => self.dollar(),
                b'.' if self.flags.dot_all => self.put_item(r"[\x00-\xFF]"),
                b'.' => self.put_item(r"[^\n]"),
                b'*' | b'+' | b'?' => {
                    self.wide = wide;
                    self.quantify(&char::from(byte).to_string(), true)?;
                }
                b'{' => {
                    self.wide = wide;
                    self.count()?;
                }
                b'|' => self.branch()?,
                byte if self.flags.extended && byte.is_ascii_whitespace() => {}
                b'#' if self.flags.extended => {
                    if self.take_until(b'\n').is_none() {
                        self.rest = &[];
                    }
                }
                byte => self.literal(byte)?,
            }
            if self.out.text.len() > LONGEST {
                return Err("it is too long with its groups written out where they are called".to_owned());
            }
        }
        if self.open.is_empty() { Ok(()) } else { Err("missing closing parenthesis".to_owned()) }
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
    // What is referred to may come later: all groups must be known first.
    let mut first = Translation::new(pattern, engine, None);
    super::verb::leading(&mut first)?;
    first.run()?;
    let mut it = Translation::new(pattern, engine, Some(&first.groups));
    super::verb::leading(&mut it)?;
    it.run()?;
    it.out.numbers =
        it.groups.iter().filter(|group| group.engine.is_some()).map(|group| group.number).collect();
    Ok(it.out)
}
