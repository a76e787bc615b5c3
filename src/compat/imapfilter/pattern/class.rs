use super::escape::{Meaning, in_class, meaning};
use super::translate::Translation;

pub(super) const DIGIT: &str = "0-9";
pub(super) const WORD: &str = "0-9A-Za-z_";
pub(super) const SPACE: &str = r" \t\n\x0B\x0C\r";
pub(super) const VERTICAL: &str = r"\n\x0B\x0C\r\x85";

/// Reads a class after its opening bracket.
pub(super) fn class(it: &mut Translation<'_>) -> Result<(), String> {
    let mut out = String::from(if it.take("^") { "[^" } else { "[" });
    let mut first = true;
    loop {
        let Some(byte) = it.next() else { return Err("missing terminating `]`".to_owned()) };
        let item = match byte {
            b']' if !first => break,
            b'[' if it.rest.first() == Some(&b':') => named(it)?,
            b'\\' => match it.rest.first() {
                Some(b'b') => {
                    it.next();
                    Item::Byte(0x08)
                }
                Some(b'Q' | b'E') => {
                    it.next();
                    continue;
                }
                _ => match meaning(it)? {
                    Meaning::Set(set, true) => Item::Set(set.to_owned()),
                    Meaning::Set(set, false) => Item::Set(contrary(set)),
                    Meaning::Byte(byte) => Item::Byte(byte),
                },
            },
            byte => Item::Byte(byte),
        };
        first = false;
        match item {
            Item::Set(set) => out.push_str(&set),
            Item::Byte(from) => {
                out.push_str(&in_class(from));
                if let Some(to) = range_end(it)? {
                    if to < from {
                        return Err("range out of order in a class".to_owned());
                    }
                    out.push('-');
                    out.push_str(&in_class(to));
                }
            }
        }
    }
    out.push(']');
    it.put(&out);
    Ok(())
}

enum Item {
    Byte(u8),
    Set(String),
}

/// Takes `-z` of `a-z`. A hyphen before the end, or before a set, is one.
fn range_end(it: &mut Translation<'_>) -> Result<Option<u8>, String> {
    let before = it.rest;
    if !it.take("-") {
        return Ok(None);
    }
    match it.next() {
        None | Some(b']') => {}
        Some(b'[') if it.rest.first() == Some(&b':') => {}
        Some(b'\\') => {
            if let Meaning::Byte(to) = meaning(it)? {
                return Ok(Some(to));
            }
        }
        Some(to) => return Ok(Some(to)),
    }
    it.rest = before;
    Ok(None)
}

/// Reads `[:alpha:]` after its first bracket.
fn named(it: &mut Translation<'_>) -> Result<Item, String> {
    it.take(":");
    let not = it.take("^");
    let Some(name) = it.take_until(b':').map(<[u8]>::to_vec) else {
        return Ok(Item::Byte(b'['));
    };
    if !it.take("]") {
        return Err("`[:` without `:]`".to_owned());
    }
    let set = match name.as_slice() {
        b"alpha" => "A-Za-z",
        b"digit" => DIGIT,
        b"alnum" => "0-9A-Za-z",
        b"upper" => "A-Z",
        b"lower" => "a-z",
        b"space" => SPACE,
        b"blank" => r" \t",
        b"punct" => r"!-/:-@\[-`{-~",
        b"print" => r" -~",
        b"graph" => r"!-~",
        b"cntrl" => r"\x00-\x1F\x7F",
        b"xdigit" => "0-9A-Fa-f",
        b"word" => WORD,
        b"ascii" => r"\x00-\x7F",
        name => return Err(format!("`[:{}:]` is no class", String::from_utf8_lossy(name))),
    };
    Ok(Item::Set(if not { contrary(set) } else { set.to_owned() }))
}

/// Gives all bytes that are not in a set, written as in a class.
fn contrary(set: &str) -> String {
    match set {
        DIGIT => r"\x00-/:-\xFF",
        WORD => r"\x00-/:-@\[-\x5E`{-\xFF",
        SPACE => r"\x00-\x08\x0E-\x1F!-\xFF",
        VERTICAL => r"\x00-\t\x0E-\x84\x86-\xFF",
        r" \t\xA0" => r"\x00-\x08\n-\x1F!-\x9F\xA1-\xFF",
        "A-Za-z" => r"\x00-@\[-`{-\xFF",
        "0-9A-Za-z" => r"\x00-/:-@\[-`{-\xFF",
        "A-Z" => r"\x00-@\[-\xFF",
        "a-z" => r"\x00-`{-\xFF",
        r" \t" => r"\x00-\x08\n-\x1F!-\xFF",
        r"!-/:-@\[-`{-~" => r"\x00- 0-9A-Za-z\x7F-\xFF",
        r" -~" => r"\x00-\x1F\x7F-\xFF",
        r"!-~" => r"\x00- \x7F-\xFF",
        r"\x00-\x1F\x7F" => r" -~\x80-\xFF",
        "0-9A-Fa-f" => r"\x00-/:-@G-`g-\xFF",
        _ => r"\x80-\xFF",
    }
    .to_owned()
}
