use super::charset;

/// The longest file name that is given, in bytes: file systems allow 255, and others add to it.
const MAX_BYTES: usize = 200;
/// The longest extension that is kept when a name is cut.
const MAX_EXTENSION: usize = 20;
/// The name of what has none.
const NAMELESS: &str = "attachment";

/// Makes a name that is safe to create in a directory out of one that a stranger chose.
///
/// It takes the last component of a path of any system, and gives 1 to 200 bytes without separators,
/// control and direction-changing characters, without what Windows reserves, and never beginning
/// with a dot, a dash or a space. A name of which nothing is left is `attachment`.
pub fn safe_file_name(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).find(|part| !part.trim().is_empty()).unwrap_or_default();
    let shown = base.chars().filter(|&c| !is_invisible(c)).map(|c| if is_reserved(c) { '_' } else { c });
    let safe: String = shown.collect();
    // A dash would make the name an option to a program that is given it.
    let safe = safe.trim_start_matches(|c: char| matches!(c, '.' | '-') || c.is_whitespace());
    let safe = shortened(safe.trim_end_matches(|c: char| c == '.' || c.is_whitespace()));
    if safe.is_empty() {
        return NAMELESS.to_owned();
    }
    if is_device(&safe) { format!("_{safe}") } else { safe }
}

fn is_reserved(c: char) -> bool {
    c.is_control() || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '/' | '\\')
}

/// Tells whether a character is not seen or makes others be seen elsewhere (`gpj.exe` as `exe.jpg`).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Tells whether Windows takes the name for a device, with any extension (`nul.txt`).
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    if matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") {
        return true;
    }
    let number = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    number.is_some_and(|number| number.chars().count() == 1 && !number.chars().any(char::is_alphabetic))
}

/// Cuts a name at a character's border, out of its stem rather than its extension.
fn shortened(name: &str) -> String {
    // One byte less, for the underscore before a device's name.
    let room = MAX_BYTES - 1;
    if name.len() <= room {
        return name.to_owned();
    }
    let dot = name.rfind('.').filter(|&dot| dot > 0 && name.len() - dot <= MAX_EXTENSION);
    let (stem, extension) = name.split_at_checked(dot.unwrap_or(name.len())).unwrap_or((name, ""));
    let stem = charset::beginning(stem, room.saturating_sub(extension.len()));
    format!("{}{extension}", stem.trim_end())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::safe_file_name;

    #[test]
    fn names_become_harmless() {
        for (name, safe) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\system32\\cmd.exe", "cmd.exe"),
            ("dir/", "dir"),
            ("..", "attachment"),
            ("", "attachment"),
            ("/", "attachment"),
            (" . ", "attachment"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("a\0b\nc.txt", "a_b_c.txt"),
            ("a:b.txt", "a_b.txt"),
            ("CON", "_CON"),
            ("nul.txt", "_nul.txt"),
            ("Com1 .txt", "_Com1 .txt"),
            ("COM10", "COM10"),
            ("comx", "comx"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("日本語.txt", "日本語.txt"),
            ("trailing. . ", "trailing"),
        ] {
            assert_eq!(safe_file_name(name), safe, "{name:?}");
        }
        let long = safe_file_name(&format!("{}.pdf", "é".repeat(200)));
        assert!(long.len() <= 200 && long.ends_with("é.pdf"), "{long}");
        assert_eq!(safe_file_name(&format!("a.{}", "x".repeat(300))).len(), 199);
    }

    proptest! {
        #[test]
        fn every_name_is_one_component(name in any::<String>()) {
            let safe = safe_file_name(&name);
            prop_assert!(!safe.is_empty() && safe.len() <= 200);
            prop_assert!(!safe.starts_with('.') && !safe.contains(['/', '\\', '\0']));
            prop_assert_eq!(safe_file_name(&safe), safe.clone());
        }
    }
}
