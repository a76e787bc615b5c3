use super::translate::{Flags, Translation};

/// What a parenthesis begins.
pub(super) enum Opening {
    /// A group; after it, the flags are as before.
    Group(Flags),
    /// A comment, or flags for the rest of the group that it is in.
    Nothing,
}

/// Reads what follows an opening parenthesis.
pub(super) fn opening(it: &mut Translation<'_>) -> Result<Opening, String> {
    let outside = it.flags;
    if !it.take("?") {
        it.put("(");
        return Ok(Opening::Group(outside));
    }
    if it.take("#") {
        it.take_until(b')').ok_or("a comment without its end")?;
        return Ok(Opening::Nothing);
    }
    for (sign, is_around) in [(":", false), ("=", true), ("!", true), ("<=", true), ("<!", true), (">", true)]
    {
        if it.take(sign) {
            it.out.looks_around |= is_around;
            it.put(&format!("(?{sign}"));
            return Ok(Opening::Group(outside));
        }
    }
    if it.take("P=") {
        let name = name(it, b')')?;
        it.out.looks_around = true;
        it.put(&format!("\\k<{name}>"));
        return Ok(Opening::Nothing);
    }
    for (sign, end) in [("<", b'>'), ("P<", b'>'), ("'", b'\'')] {
        if it.take(sign) {
            let name = name(it, end)?;
            it.put(&format!("(?P<{name}>"));
            return Ok(Opening::Group(outside));
        }
    }
    if it.take("(") {
        let condition = name(it, b')').map_err(|_| "a condition that is no group is not known here")?;
        it.out.looks_around = true;
        it.put(&format!("(?({condition})"));
        return Ok(Opening::Group(outside));
    }
    flags(it, outside)
}

/// Takes the name or number of a group.
fn name(it: &mut Translation<'_>, end: u8) -> Result<String, String> {
    let name = it.take_until(end).ok_or("a group's name without its end")?;
    let name = String::from_utf8_lossy(name).trim_matches(['<', '>', '\'']).to_owned();
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Ok(name);
    }
    Err("a group's name has ASCII letters, digits and underscores".to_owned())
}

/// Reads `(?i)` and `(?i:`.
fn flags(it: &mut Translation<'_>, outside: Flags) -> Result<Opening, String> {
    let (mut on, mut caseless) = (true, None);
    loop {
        match it.next() {
            Some(b'-') => on = false,
            Some(b'^') => (it.flags, caseless) = (Flags::default(), Some(false)),
            Some(b'i') => caseless = Some(on),
            Some(b'm') => it.flags.lines = on,
            Some(b's') => it.flags.dot_all = on,
            Some(b'x') => it.flags.extended = on,
            Some(b'U') => it.flags.ungreedy = on,
            Some(b'J' | b'X') => {}
            end @ Some(b')' | b':') => {
                let group = end == Some(b':');
                let sign = match caseless {
                    Some(true) => "i",
                    Some(false) => "-i",
                    None => "",
                };
                match (group, sign) {
                    (true, sign) => it.put(&format!("(?{sign}:")),
                    (false, "") => {}
                    (false, sign) => it.put(&format!("(?{sign})")),
                }
                return Ok(if group { Opening::Group(outside) } else { Opening::Nothing });
            }
            Some(byte) => return Err(format!("`(?{}` is not known here", char::from(byte).escape_default())),
            None => return Err("missing closing parenthesis".to_owned()),
        }
    }
}
