use super::escape::{Meaning, meaning};
use super::translate::Translation;

/// A set of bytes.
#[derive(Clone, Debug)]
pub(super) struct Set([bool; 256]);

impl Default for Set {
    fn default() -> Self {
        Self([false; 256])
    }
}

impl Set {
    /// Makes a set of ranges.
    pub(super) fn of(ranges: &[(u8, u8)]) -> Self {
        let mut set = Self::default();
        for (from, to) in ranges {
            set.add(*from, *to);
        }
        set
    }

    pub(super) fn add(&mut self, from: u8, to: u8) {
        for byte in from..=to {
            if let Some(held) = self.0.get_mut(usize::from(byte)) {
                *held = true;
            }
        }
    }

    /// Keeps those that a test says so of.
    pub(super) fn retain(&mut self, test: impl Fn(u8) -> bool) {
        for (byte, held) in (u8::MIN..=u8::MAX).zip(&mut self.0) {
            *held &= test(byte);
        }
    }

    fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(held, also)| *held |= also);
    }

    /// Gives all bytes that are not in it.
    pub(super) fn contrary(&self) -> Self {
        Self(self.0.map(|held| !held))
    }

    fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).copied().unwrap_or(false)
    }

    /// Adds the other case of each ASCII letter.
    fn fold(&mut self) {
        for lower in b'a'..=b'z' {
            let upper = lower.to_ascii_uppercase();
            if self.has(lower) || self.has(upper) {
                self.add(lower, lower);
                self.add(upper, upper);
            }
        }
    }

    /// Writes it down.
    pub(super) fn text(&self) -> String {
        let mut ranges: Vec<(u8, u8)> = Vec::new();
        for byte in (u8::MIN..=u8::MAX).filter(|byte| self.has(*byte)) {
            match ranges.last_mut() {
                Some((_, to)) if to.checked_add(1) == Some(byte) => *to = byte,
                _ => ranges.push((byte, byte)),
            }
        }
        // A class of nothing is an error to some.
        if ranges.is_empty() {
            return r"[^\x00-\xFF]".to_owned();
        }
        let each: Vec<_> = ranges.iter().map(|(from, to)| format!("\\x{from:02X}-\\x{to:02X}")).collect();
        format!("[{}]", each.concat())
    }
}

/// Reads a class after its opening bracket.
pub(super) fn class(it: &mut Translation<'_>) -> Result<(), String> {
    for (end, sign) in [("[:<:]]", r"(?:\b(?=[0-9A-Za-z_]))"), ("[:>:]]", r"(?:\b(?<=[0-9A-Za-z_]))")] {
        if it.take(end) {
            it.out.looks_around = true;
            it.put_place(sign);
            return Ok(());
        }
    }
    if is_posix(it.rest) {
        return Err("`[:…:]` stands outside of a class: it is written `[[:…:]]`".to_owned());
    }
    let not = it.take("^");
    // Properties are not folded.
    let (mut set, mut properties) = (Set::default(), Set::default());
    let (mut first, mut quoted, mut has_properties) = (true, false, false);
    loop {
        let Some(byte) = it.next() else { return Err("missing terminating `]`".to_owned()) };
        let item = match byte {
            b'\\' if quoted && it.take("E") => {
                quoted = false;
                continue;
            }
            byte if quoted => Item::Byte(byte),
            b'\\' if it.take("Q") => {
                quoted = true;
                continue;
            }
            b'\\' if it.take("E") => continue,
            b' ' | b'\t' if it.flags.spaced => continue,
            b']' if !first => break,
            byte => item(it, byte)?,
        };
        first = false;
        match item {
            Item::Property(found) => {
                has_properties = true;
                properties.join(&found);
                no_range(it)?;
            }
            Item::Set(found) => {
                set.join(&found);
                no_range(it)?;
            }
            Item::Byte(from) => {
                let to = if quoted { None } else { range_end(it)? };
                let to = to.unwrap_or(from);
                if to < from {
                    return Err("range out of order in a class".to_owned());
                }
                if to >= 0x80 {
                    it.only_bytes("a character beyond ASCII in a class")?;
                }
                set.add(from, to);
            }
        }
    }
    if it.flags.caseless {
        set.fold();
    }
    set.join(&properties);
    let text = if not { set.contrary() } else { set }.text();
    it.put_item(&if has_properties && it.flags.caseless { format!("(?-i:{text})") } else { text });
    Ok(())
}

enum Item {
    Byte(u8),
    Set(Set),
    Property(Set),
}

fn item(it: &mut Translation<'_>, byte: u8) -> Result<Item, String> {
    match byte {
        b'[' if is_posix(it.rest) && it.rest.first() == Some(&b':') => named(it).map(Item::Set),
        b'[' if is_posix(it.rest) => Err("`[.` and `[=` in a class are not known to PCRE either".to_owned()),
        b'\\' if it.take("b") => Ok(Item::Byte(0x08)),
        b'\\' => Ok(match meaning(it)? {
            Meaning::Set(set) => Item::Set(set),
            Meaning::Property(set) => Item::Property(set),
            Meaning::Byte(byte) => Item::Byte(byte),
        }),
        byte => Ok(Item::Byte(byte)),
    }
}

/// Tells whether this is `:alpha:]` and so on.
fn is_posix(text: &[u8]) -> bool {
    let Some((sign @ (b':' | b'.' | b'='), rest)) = text.split_first() else { return false };
    let end = rest.iter().position(|byte| matches!(byte, b']' | b'\\' | b'[') || byte == sign);
    end.is_some_and(|end| rest.get(end..end + 2) == Some(&[*sign, b']']))
}

/// Refuses `\w-z`: what PCRE refuses finds nothing with imapfilter.
fn no_range(it: &mut Translation<'_>) -> Result<(), String> {
    match it.rest {
        [b'-', b']', ..] | [b'-'] => Ok(()),
        [b'-', ..] => Err("a range in a class begins with a set: write the hyphen last".to_owned()),
        _ => Ok(()),
    }
}

/// Takes `-z` of `a-z`. A hyphen before the end is one.
fn range_end(it: &mut Translation<'_>) -> Result<Option<u8>, String> {
    let before = it.rest;
    if !it.take("-") {
        return Ok(None);
    }
    match it.next() {
        None | Some(b']') => {
            it.rest = before;
            Ok(None)
        }
        Some(byte) => match item(it, byte)? {
            Item::Byte(to) => Ok(Some(to)),
            _ => Err("a range in a class ends with a set: write the hyphen last".to_owned()),
        },
    }
}

/// Reads `[:alpha:]` after its first bracket.
fn named(it: &mut Translation<'_>) -> Result<Set, String> {
    it.take(":");
    let not = it.take("^");
    let name = it.take_until(b':').unwrap_or_default();
    it.take("]");
    let test: fn(u8) -> bool = match name.as_str() {
        "alpha" => |byte| byte.is_ascii_alphabetic(),
        "digit" => |byte| byte.is_ascii_digit(),
        "alnum" => |byte| byte.is_ascii_alphanumeric(),
        "upper" => |byte| byte.is_ascii_uppercase(),
        "lower" => |byte| byte.is_ascii_lowercase(),
        "space" => |byte| byte == 0x0b || byte.is_ascii_whitespace(),
        "blank" => |byte| byte == b' ' || byte == b'\t',
        "punct" => |byte| byte.is_ascii_punctuation(),
        "print" => |byte| byte == b' ' || byte.is_ascii_graphic(),
        "graph" => |byte| byte.is_ascii_graphic(),
        "cntrl" => |byte| byte.is_ascii_control(),
        "xdigit" => |byte| byte.is_ascii_hexdigit(),
        "word" => |byte| byte == b'_' || byte.is_ascii_alphanumeric(),
        "ascii" => |byte| byte.is_ascii(),
        name => return Err(format!("`[:{name}:]` is no class")),
    };
    let mut set = Set::of(&[(0, 0xff)]);
    set.retain(|byte| test(byte) != not);
    Ok(set)
}
