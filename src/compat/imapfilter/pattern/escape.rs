use super::class::{DIGIT, SPACE, VERTICAL, WORD};
use super::translate::{Translation, literal};

/// What an escape sequence means wherever it stands.
pub(super) enum Meaning {
    /// One of a set, written as in a class, or none of it.
    Set(&'static str, bool),
    Byte(u8),
}

/// Reads what follows a backslash.
pub(super) fn escape(it: &mut Translation<'_>) -> Result<(), String> {
    let Some(next) = it.rest.first().copied() else { return Err("a `\\` at the end".to_owned()) };
    let skipped = it.rest.get(1..).unwrap_or_default();
    match next {
        b'b' | b'B' => {
            it.rest = skipped;
            it.put(if next == b'b' { r"\b" } else { r"\B" });
        }
        b'A' | b'z' => {
            it.rest = skipped;
            it.put(if next == b'A' { r"\A" } else { r"\z" });
        }
        b'Z' => {
            it.rest = skipped;
            it.end();
        }
        b'K' => {
            it.rest = skipped;
            it.out.looks_around = true;
            it.put(r"\K");
        }
        b'R' => {
            it.rest = skipped;
            it.put(&format!(r"(?:\r\n|[{VERTICAL}])"));
        }
        b'N' => {
            it.rest = skipped;
            it.put(r"[^\n]");
        }
        b'Q' => {
            it.rest = skipped;
            quoted(it);
        }
        b'E' => it.rest = skipped,
        b'p' | b'P' => property(it)?,
        b'k' | b'g' => back(it)?,
        b'G' | b'X' | b'C' => return Err(format!("`\\{}` is not known here", char::from(next))),
        b'1'..=b'9' => {
            let before = it.rest;
            match it.take_number() {
                Some(number) if number < 10 || number <= it.groups => refer(it, &number.to_string()),
                _ => {
                    it.rest = before;
                    let byte = octal(it);
                    it.literal(byte);
                }
            }
        }
        _ => match meaning(it)? {
            Meaning::Set(set, true) => it.put(&format!("[{set}]")),
            Meaning::Set(set, false) => it.put(&format!("[^{set}]")),
            Meaning::Byte(byte) => it.literal(byte),
        },
    }
    Ok(())
}

/// Reads an escape sequence that means the same in a class.
pub(super) fn meaning(it: &mut Translation<'_>) -> Result<Meaning, String> {
    let Some(next) = it.next() else { return Err("a `\\` at the end".to_owned()) };
    Ok(match next {
        b'd' | b'D' => Meaning::Set(DIGIT, next == b'd'),
        b'w' | b'W' => Meaning::Set(WORD, next == b'w'),
        b's' | b'S' => Meaning::Set(SPACE, next == b's'),
        b'h' | b'H' => Meaning::Set(r" \t\xA0", next == b'h'),
        b'v' | b'V' => Meaning::Set(VERTICAL, next == b'v'),
        b'n' => Meaning::Byte(b'\n'),
        b'r' => Meaning::Byte(b'\r'),
        b't' => Meaning::Byte(b'\t'),
        b'f' => Meaning::Byte(0x0c),
        b'e' => Meaning::Byte(0x1b),
        b'a' => Meaning::Byte(0x07),
        b'c' => Meaning::Byte(it.next().ok_or("`\\c` at the end")?.to_ascii_uppercase() ^ 0x40),
        b'x' => Meaning::Byte(hexadecimal(it)?),
        b'0'..=b'7' => Meaning::Byte(octal_from(it, next)),
        byte if byte.is_ascii_alphabetic() => {
            return Err(format!("`\\{}` is not known here", char::from(byte)));
        }
        byte => Meaning::Byte(byte),
    })
}

/// Takes up to three octal digits.
fn octal(it: &mut Translation<'_>) -> u8 {
    match it.rest.first().copied() {
        Some(first @ b'0'..=b'7') => {
            it.next();
            octal_from(it, first)
        }
        first => {
            it.next();
            first.unwrap_or(b'\\')
        }
    }
}

fn octal_from(it: &mut Translation<'_>, first: u8) -> u8 {
    let mut number = u32::from(first - b'0');
    for _ in 0..2 {
        let Some(digit @ b'0'..=b'7') = it.rest.first().copied() else { break };
        number = number * 8 + u32::from(digit - b'0');
        it.next();
    }
    u8::try_from(number & 0xff).unwrap_or(0)
}

fn hexadecimal(it: &mut Translation<'_>) -> Result<u8, String> {
    let digits: Vec<u8> = if it.take("{") {
        it.take_until(b'}').ok_or("`\\x{` without `}`")?.to_vec()
    } else {
        let count = it.rest.iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
        let digits = it.rest.get(..count).unwrap_or_default().to_vec();
        it.rest = it.rest.get(count..).unwrap_or_default();
        digits
    };
    if digits.is_empty() {
        return Ok(0);
    }
    let number = std::str::from_utf8(&digits).ok().and_then(|text| u32::from_str_radix(text, 16).ok());
    let byte = number.and_then(|number| u8::try_from(number).ok());
    byte.ok_or_else(|| "a character beyond 255: write its bytes in UTF-8".to_owned())
}

/// Takes everything up to `\E` as it stands.
fn quoted(it: &mut Translation<'_>) {
    while !it.take(r"\E") {
        let Some(byte) = it.next() else { break };
        it.literal(byte);
    }
}

fn property(it: &mut Translation<'_>) -> Result<(), String> {
    let kind = it.next().unwrap_or(b'p');
    let name = match it.next() {
        Some(b'{') => it.take_until(b'}').map(|name| String::from_utf8_lossy(name).into_owned()),
        Some(letter) => Some(char::from(letter).to_string()),
        None => None,
    };
    let name = name.ok_or("`\\p` without a property")?;
    it.out.looks_around = true;
    it.put(&format!("\\{}{{{name}}}", char::from(kind)));
    Ok(())
}

/// Reads a reference to a group after `\k` or `\g`.
fn back(it: &mut Translation<'_>) -> Result<(), String> {
    it.next();
    let name = match it.rest.first() {
        Some(b'{') => (b'}', true),
        Some(b'<') => (b'>', true),
        Some(b'\'') => (b'\'', true),
        _ => (0, false),
    };
    let name = if name.1 {
        it.next();
        it.take_until(name.0).map(|name| String::from_utf8_lossy(name).into_owned())
    } else {
        it.take_number().map(|number| number.to_string())
    };
    let name = name.ok_or("a reference without a group")?;
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err("a reference to a group by its distance is not known here".to_owned());
    }
    refer(it, &name);
    Ok(())
}

fn refer(it: &mut Translation<'_>, group: &str) {
    it.out.looks_around = true;
    if group.bytes().all(|byte| byte.is_ascii_digit()) {
        it.put(&format!("(?:\\{group})"));
    } else {
        it.put(&format!("\\k<{group}>"));
    }
}

/// Writes a byte that stands for itself in a class.
pub(super) fn in_class(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() { literal(byte) } else { format!("\\x{byte:02X}") }
}
