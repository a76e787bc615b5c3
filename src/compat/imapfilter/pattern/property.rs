use regex::Regex;

use super::class::Set;
use super::translate::Translation;

/// Reads a property after `\p` or `\P`: the characters up to 255 that have it.
pub(super) fn property(it: &mut Translation<'_>, has: bool) -> Result<Set, String> {
    let name = match it.next() {
        Some(b'{') => it.take_until(b'}').ok_or("`\\p{` without `}`")?,
        Some(letter) => char::from(letter).to_string(),
        None => return Err("`\\p` without a property".to_owned()),
    };
    it.only_bytes(&format!("`\\p{{{name}}}`"))?;
    let plain: String = name.chars().filter(|c| !c.is_whitespace()).collect();
    let (not, plain) = plain.strip_prefix('^').map_or((false, plain.as_str()), |rest| (true, rest));
    let mut set = Set::default();
    for byte in u8::MIN..=u8::MAX {
        set.add(byte, byte);
    }
    let class = match plain.to_ascii_lowercase().as_str() {
        "ascii" => r"[\x00-\x7F]".to_owned(),
        "any" => r"[\x00-\x{10FFFF}]".to_owned(),
        "l&" => r"\p{LC}".to_owned(),
        "xan" => r"[\p{L}\p{N}]".to_owned(),
        "xwd" => r"[\p{L}\p{N}_]".to_owned(),
        "xsp" | "xps" => r"[\p{Z}\t\n\x0B\x0C\r\u{85}]".to_owned(),
        "xuc" => r"[$@`\u{A0}-\x{10FFFF}]".to_owned(),
        name => {
            let is = |kind: &str| Regex::new(&format!(r"\p{{{kind}={name}}}")).is_ok();
            // PCRE takes the name of a script for one of those that a character is used in, and has no long names for
            // its categories.
            match name.split_once(['=', ':']) {
                Some(("script" | "sc", script)) => format!(r"\p{{sc={script}}}"),
                Some(("scriptextensions" | "scx", script)) => format!(r"\p{{scx={script}}}"),
                None if is("scx") => format!(r"\p{{scx={name}}}"),
                None if !name.starts_with("is") && (name.len() < 3 || !is("gc")) => format!(r"\p{{{name}}}"),
                _ => String::from("["),
            }
        }
    };
    let regex = Regex::new(&format!("^{class}$")).map_err(|_| format!("`\\p{{{name}}}` is no property"))?;
    set.retain(|byte| regex.is_match(char::from(byte).encode_utf8(&mut [0; 4])) == (has != not));
    Ok(set)
}
