use super::class::Set;
use super::property::property;
use super::reference::{call, named, refer, relative};
use super::translate::Translation;

const DIGIT: &[(u8, u8)] = &[(b'0', b'9')];
const WORD: &[(u8, u8)] = &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z'), (b'_', b'_')];
const SPACE: &[(u8, u8)] = &[(b'\t', b'\r'), (b' ', b' ')];
const HORIZONTAL: &[(u8, u8)] = &[(b'\t', b'\t'), (b' ', b' '), (0xa0, 0xa0)];
const VERTICAL: &[(u8, u8)] = &[(b'\n', b'\r'), (0x85, 0x85)];

/// What an escape sequence means wherever it stands.
pub(super) enum Meaning {
    /// One of a set.
    Set(Set),
    /// One of those with a property.
    Property(Set),
    Byte(u8),
}

/// Reads what follows a backslash.
pub(super) fn escape(it: &mut Translation<'_>) -> Result<(), String> {
    let Some(next) = it.rest.first().copied() else { return Err("a `\\` at the end".to_owned()) };
    let place = match next {
        b'b' => r"\b",
        b'B' => r"\B",
        // A search begins at the beginning.
        b'A' | b'G' => r"\A",
        b'z' => r"\z",
        _ => "",
    };
    if !place.is_empty() {
        it.next();
        it.put_place(place);
        return Ok(());
    }
    match next {
        b'K' | b'R' | b'X' if it.is_behind() => {
            return Err(format!("`\\{}` in a look-behind", char::from(next)));
        }
        b'1'..=b'9' => return digits(it),
        b'Z' | b'K' | b'R' | b'X' | b'C' | b'N' | b'Q' | b'E' | b'k' | b'g' => {
            it.next();
        }
        _ => {}
    }
    match next {
        b'Z' => it.end(),
        b'K' => {
            it.out.looks_around = true;
            it.put_place(r"\K");
        }
        b'R' | b'X' => {
            it.out.looks_around = true;
            let alone = if next == b'R' { Set::of(VERTICAL).text() } else { r"[\x00-\xFF]".to_owned() };
            it.put_item(&format!(r"(?>\r\n|{alone})"));
        }
        b'C' => it.put_item(r"[\x00-\xFF]"),
        b'N' if it.rest.starts_with(b"{U+") => return Err("`\\N{U+` is not known here".to_owned()),
        b'N' => it.put_item(r"[^\n]"),
        b'Q' => quoted(it)?,
        b'E' => {}
        b'k' => {
            let (name, _) = delimited(it)?.ok_or("`\\k` without a group")?;
            named(it, &name)?;
        }
        b'g' => group(it)?,
        _ => match meaning(it)? {
            Meaning::Set(set) => it.put_item(&set.text()),
            Meaning::Property(set) => it.put_item(&format!("(?-i:{})", set.text())),
            Meaning::Byte(byte) => it.literal(byte)?,
        },
    }
    Ok(())
}

/// Reads an escape sequence that means the same in a class.
pub(super) fn meaning(it: &mut Translation<'_>) -> Result<Meaning, String> {
    let Some(next) = it.next() else { return Err("a `\\` at the end".to_owned()) };
    let set = |ranges: &[(u8, u8)]| {
        let set = Set::of(ranges);
        Meaning::Set(if next.is_ascii_uppercase() { set.contrary() } else { set })
    };
    Ok(match next {
        b'd' | b'D' => set(DIGIT),
        b'w' | b'W' => set(WORD),
        b's' | b'S' => set(SPACE),
        b'h' | b'H' => set(HORIZONTAL),
        b'v' | b'V' => set(VERTICAL),
        b'p' | b'P' => Meaning::Property(property(it, next == b'p')?),
        b'n' => Meaning::Byte(b'\n'),
        b'r' => Meaning::Byte(b'\r'),
        b't' => Meaning::Byte(b'\t'),
        b'f' => Meaning::Byte(0x0c),
        b'e' => Meaning::Byte(0x1b),
        b'a' => Meaning::Byte(0x07),
        b'c' => match it.next() {
            Some(byte @ b' '..=b'~') => Meaning::Byte(byte.to_ascii_uppercase() ^ 0x40),
            _ => return Err("`\\c` is followed by no printable character of ASCII".to_owned()),
        },
        b'x' | b'o' => {
            let byte = if next == b'x' { hexadecimal(it)? } else { braced(it, 8)? };
            if byte >= 0x80 {
                it.only_bytes("a character beyond ASCII by its number")?;
            }
            Meaning::Byte(byte)
        }
        b'0'..=b'7' => Meaning::Byte(octal(it, next)?),
        byte if byte.is_ascii_alphabetic() => {
            return Err(format!("`\\{}` is not known here", char::from(byte)));
        }
        byte => Meaning::Byte(byte),
    })
}

/// Reads `\1`, which is a reference, or a character where there are not so many groups.
fn digits(it: &mut Translation<'_>) -> Result<(), String> {
    let before = it.rest;
    let number = it.take_number().unwrap_or(usize::MAX);
    let most = it.known.unwrap_or_default().iter().map(|group| group.number).max().unwrap_or(0);
    let first = before.first().copied().unwrap_or_default();
    if number < 10 || first >= b'8' || it.known.is_some() && number <= most {
        return refer(it, number);
    }
    it.rest = before.get(1..).unwrap_or_default();
    let byte = octal(it, first)?;
    it.literal(byte)
}

/// Takes up to three octal digits, of which the first is known.
fn octal(it: &mut Translation<'_>, first: u8) -> Result<u8, String> {
    let mut number = u32::from(first - b'0');
    for _ in 0..2 {
        let Some(digit @ b'0'..=b'7') = it.rest.first().copied() else { break };
        number = number * 8 + u32::from(digit - b'0');
        it.next();
    }
    u8::try_from(number).map_err(|_| "an octal number beyond 377".to_owned())
}

fn hexadecimal(it: &mut Translation<'_>) -> Result<u8, String> {
    if it.rest.first() == Some(&b'{') {
        return braced(it, 16);
    }
    let mut number = 0;
    for _ in 0..2 {
        let digit = it.rest.first().and_then(|byte| char::from(*byte).to_digit(16));
        let Some(digit) = digit.and_then(|digit| u8::try_from(digit).ok()) else { break };
        number = number << 4 | digit;
        it.next();
    }
    Ok(number)
}

/// Reads a number in braces.
fn braced(it: &mut Translation<'_>, radix: u32) -> Result<u8, String> {
    let text = if it.take("{") { it.take_until(b'}') } else { None };
    let text = text.ok_or("a number of a character without its braces")?;
    let number =
        u32::from_str_radix(&text, radix).map_err(|_| format!("`{text}` is no number of a character"))?;
    u8::try_from(number).map_err(|_| "a character beyond 255: write its bytes in UTF-8".to_owned())
}

/// Takes everything up to `\E` as it stands.
fn quoted(it: &mut Translation<'_>) -> Result<(), String> {
    while !it.take(r"\E") {
        let Some(byte) = it.next() else { break };
        it.literal(byte)?;
    }
    Ok(())
}

/// Takes the name of a group in braces, angle brackets or quotes, and its closing sign.
fn delimited(it: &mut Translation<'_>) -> Result<Option<(String, u8)>, String> {
    let end = match it.rest.first() {
        Some(b'{') => b'}',
        Some(b'<') => b'>',
        Some(b'\'') => b'\'',
        _ => return Ok(None),
    };
    it.next();
    let name = it.take_until(end).ok_or("a reference without its end")?;
    Ok(Some((name, end)))
}

/// Reads what follows `\g`: a reference back, or in angle brackets and quotes a call.
fn group(it: &mut Translation<'_>) -> Result<(), String> {
    let which = match delimited(it)? {
        Some((which, b'}')) => which,
        Some((which, _)) => return call(it, &which),
        None => {
            let sign = if it.take("-") {
                "-"
            } else if it.take("+") {
                "+"
            } else {
                ""
            };
            let number = it.take_number().ok_or("`\\g` without a group")?;
            format!("{sign}{number}")
        }
    };
    if which.trim_start_matches(['+', '-']).parse::<usize>().is_ok() {
        let number = relative(it, &which)?;
        return refer(it, number);
    }
    named(it, &which)
}
