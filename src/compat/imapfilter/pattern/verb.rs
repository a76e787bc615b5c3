use super::group::{Kind, begin};
use super::translate::Translation;

/// Reads what may only stand at the very beginning: `(*UTF8)` and its like.
pub(super) fn leading(it: &mut Translation<'_>) -> Result<(), String> {
    loop {
        let before = it.rest;
        if !it.take("(*") {
            return Ok(());
        }
        let verb = it.take_until(b')').ok_or("`(*` without `)`")?;
        match verb.as_str() {
            "UTF" | "UTF8" => it.utf = true,
            // What only says how PCRE goes about it.
            "NO_START_OPT" | "NO_AUTO_POSSESS" | "NO_JIT" | "NO_DOTSTAR_ANCHOR" | "LF" | "BSR_UNICODE" => {}
            limit if limit.starts_with("LIMIT_") => {}
            _ => {
                it.rest = before;
                return Ok(());
            }
        }
    }
}

/// Reads what follows `(*`.
pub(super) fn verb(it: &mut Translation<'_>) -> Result<(), String> {
    for (names, sign, kind) in [
        (["pla:", "positive_lookahead:"], "(?=", Kind::Ahead),
        (["nla:", "negative_lookahead:"], "(?!", Kind::Ahead),
        (["plb:", "positive_lookbehind:"], "(?<=", Kind::Behind),
        (["nlb:", "negative_lookbehind:"], "(?<!", Kind::Behind),
        (["atomic:", "atomic:"], "(?>", Kind::Plain),
    ] {
        if names.into_iter().any(|name| it.take(name)) {
            it.out.looks_around = true;
            begin(it, sign, ")", kind);
            return Ok(());
        }
    }
    let verb = it.take_until(b')').ok_or("`(*` without `)`")?;
    match verb.as_str() {
        "F" | "FAIL" => {
            it.out.looks_around = true;
            it.put_place("(?!)");
        }
        // It only gives a name to a place.
        mark if mark.starts_with(':') || mark.starts_with("MARK:") => it.repeatable = false,
        verb => return Err(format!("`(*{verb})` is not known here")),
    }
    Ok(())
}
