//! Floors import only downward, and some things are done on one floor only. See the architecture in `src/lib.rs`.
//!
//! The files are read as words, without comments and strings; that is enough to find every path.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

/// The modules at the crate's root and how high they stand. `sandbox` stands beside the others and has its own rule.
const FLOORS: &[(&str, u8)] = &[
    ("mail", 0),
    ("error", 0),
    ("wire", 1),
    ("imap", 2),
    ("engine", 3),
    ("lua", 4),
    ("compat", 4),
    ("cli", 5),
];

#[test]
fn every_file_stands_on_a_floor() {
    check("give it a place in one of the floors, or the new floor a height in `FLOORS`", |file, _| {
        let known = file.floor.is_empty() || file.floor == "sandbox" || height(&file.floor).is_some();
        (!known).then(|| format!("`{}` is on no floor", file.floor))
    });
}

#[test]
fn imports_go_down() {
    check("move what is shared to a lower floor, or pass it in as a value or a closure", |file, at| {
        let (from, to) = (height(&file.floor)?, height(file.import(at)?)?);
        (to > from)
            .then(|| format!("`{}` imports `{}`, which is above it", file.floor, file.import(at).unwrap()))
    });
}

#[test]
fn the_sandbox_knows_only_mail() {
    check(
        "the sandbox must not share the client's mistakes: write it on imap-codec and `mail`",
        |file, at| {
            let to = file.import(at)?;
            (file.floor == "sandbox" && !["sandbox", "mail"].contains(&to))
                .then(|| format!("`sandbox` imports `{to}`"))
        },
    );
}

#[test]
fn only_the_command_line_starts_the_sandbox() {
    check("let `cli` start it and hand its address down", |file, at| {
        let outside = !["sandbox", "cli", ""].contains(&file.floor.as_str());
        (outside && file.import(at)? == "sandbox").then(|| format!("`{}` imports `sandbox`", file.floor))
    });
}

#[test]
fn nobody_imports_the_command_line() {
    check("pass in what is needed as a value or a closure", |file, at| {
        let outside = !["cli", ""].contains(&file.floor.as_str());
        (outside && file.import(at)? == "cli").then(|| format!("`{}` imports `cli`", file.floor))
    });
}

#[test]
fn only_imap_uses_the_imap_crate() {
    check("give `crate::imap` a function for it", |file, at| {
        let found = file.floor != "imap" && file.names_the_imap_crate(at);
        found.then(|| "uses the `imap` crate".to_owned())
    });
}

#[test]
fn only_the_command_line_prints() {
    const MACROS: &[&str] = &["print", "println", "eprint", "eprintln"];
    check("return a value, and let `cli` print it", |file, at| {
        let prints = MACROS.contains(&file.word(at)) && file.word(at + 1) == "!";
        (prints && !file.is_command_line()).then(|| format!("`{}!`", file.word(at)))
    });
}

#[test]
fn only_the_command_line_reads_the_environment() {
    const FUNCTIONS: &[&str] = &["var", "vars", "var_os", "vars_os", "args", "args_os", "home_dir"];
    check("take the value, or a closure that looks it up, as an argument", |file, at| {
        if file.is_command_line() || file.word(at) != "env" || file.word(at + 1) != "::" {
            return None;
        }
        let found = file.reached(at).into_iter().find(|word| FUNCTIONS.contains(word))?;
        Some(format!("`env::{found}`"))
    });
}

#[test]
fn paths_are_found_however_they_are_written() {
    let file = File::new(
        "src/wire/guard.rs",
        r##"
        use crate::{mail::{Uid, lua}, imap::{self, X}, cli};
        // use crate::engine::Rule;
        /* crate::engine /* crate::engine */ crate::engine */
        const TEXT: &str = "crate::engine \" crate::engine"; const RAW: &str = r#"crate::engine"#;
        fn f<'a>(x: &'a str) -> char { super::super::sandbox::start(crate::error::Error); '"' }
        fn g() { crate :: wire ::Guard; super::engine }
        "##,
    );
    let imports: Vec<&str> = (0..file.words.len()).filter_map(|at| file.import(at)).collect();
    assert_eq!(imports, ["mail", "imap", "cli", "sandbox", "error", "wire"]);
}

#[test]
fn the_imap_crate_is_told_from_our_floor() {
    let uses = |text: &str| {
        let file = File::new("src/lua/account.rs", text);
        (0..file.words.len()).any(|at| file.names_the_imap_crate(at))
    };
    for text in [
        "use imap::Session;",
        "use ::imap::Session;",
        "fn f(s: ::imap::Client) {}",
        "fn f(s: imap::Client) {}",
    ] {
        assert!(uses(text), "{text}");
    }
    for text in [
        "use crate::imap::Session;",
        "use crate::imap; fn f(s: imap::Session) {}",
        "use crate::{imap, mail}; fn f(s: imap::Session) {}",
        "pub mod imap;",
        "use imap_codec::imap_types;",
    ] {
        assert!(!uses(text), "{text}");
    }
}

/// Fails with all findings of a rule, which looks at each word of each file.
fn check(instead: &str, rule: impl Fn(&File, usize) -> Option<String>) {
    let mut complaints = String::new();
    for file in sources() {
        let mut found: Vec<(usize, String)> =
            (0..file.words.len()).filter_map(|at| Some((file.words[at].0, rule(&file, at)?))).collect();
        found.dedup_by(|next, first| next.1 == first.1);
        for (line, what) in found {
            writeln!(complaints, "{}:{line}: {what}", file.path).unwrap();
        }
    }
    assert!(complaints.is_empty(), "\n{complaints}instead: {instead}\n");
}

fn height(floor: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == floor).map(|(_, height)| *height)
}

fn sources() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting = vec![root.join("src")];
    let mut paths: Vec<PathBuf> = vec![];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        File::new(&name, &fs::read_to_string(path).unwrap())
    };
    paths.iter().map(read).collect()
}

/// A source file as words, each with its line.
struct File {
    path: String,
    /// The module at the crate's root that the file belongs to; empty for `lib.rs` and `main.rs`.
    floor: String,
    /// How many modules deep it is.
    depth: usize,
    words: Vec<(usize, String)>,
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        let inner = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        let modules: Vec<&str> = inner.split('/').filter(|name| !["lib", "main"].contains(name)).collect();
        let floor = modules.first().copied().unwrap_or_default().to_owned();
        Self { path: path.into(), floor, depth: modules.len(), words: words(text) }
    }

    fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |(_, word)| word)
    }

    fn is_command_line(&self) -> bool {
        self.floor == "cli" || self.path == "src/main.rs"
    }

    /// The module at the crate's root that the word at `at` stands for, if that is what it does.
    fn import(&self, at: usize) -> Option<&str> {
        let name = self.word(at);
        if height(name).is_none() && name != "sandbox" {
            return None;
        }
        let mut open = 0;
        let mut back = at;
        // Back to the path's start: directly before the word, or before the braces that it stands in as a first name.
        if self.word(back.checked_sub(1)?) != "::" {
            while open == 0 {
                back = back.checked_sub(1)?;
                match self.word(back) {
                    "}" => back = self.opening(back)?,
                    "{" => open = 1,
                    ";" => return None,
                    _ => {}
                }
            }
            if !["{", ","].contains(&self.word(at - 1)) {
                return None;
            }
        }
        back = back.checked_sub(1).filter(|back| self.word(*back) == "::")?;
        let mut supers = 0;
        loop {
            back = back.checked_sub(1)?;
            match self.word(back) {
                "crate" | "imapscript" => return Some(name),
                "super" => supers += 1,
                _ => return None,
            }
            if supers == self.depth {
                return Some(name);
            }
            back = back.checked_sub(1).filter(|back| self.word(*back) == "::")?;
        }
    }

    /// The brace that the one at `at` closes.
    fn opening(&self, at: usize) -> Option<usize> {
        let mut depth = 0;
        (0..=at).rev().find(|back| {
            match self.word(*back) {
                "}" => depth += 1,
                "{" => depth -= 1,
                _ => {}
            }
            depth == 0
        })
    }

    /// The names that a path goes on with: the next one, or those in the braces.
    fn reached(&self, at: usize) -> Vec<&str> {
        match self.word(at + 2) {
            "{" => {
                (at + 3..self.words.len()).map(|at| self.word(at)).take_while(|word| *word != "}").collect()
            }
            word => vec![word],
        }
    }

    fn names_the_imap_crate(&self, at: usize) -> bool {
        if self.word(at) != "imap" {
            return false;
        }
        let (before, earlier) = (self.word(at.wrapping_sub(1)), self.word(at.wrapping_sub(2)));
        let follows_a_name =
            |word: &str| word.ends_with(|last: char| last.is_alphanumeric() || last == '_' || last == '>');
        match before {
            "::" => !follows_a_name(earlier) || ["use", "extern", "return"].contains(&earlier),
            "use" | "crate" => true,
            _ => self.word(at + 1) == "::" && self.import(at).is_none() && !self.imports_our_imap(),
        }
    }

    fn imports_our_imap(&self) -> bool {
        (0..self.words.len()).any(|at| {
            self.word(at) == "imap"
                && self.import(at).is_some()
                && [",", ";", "}"].contains(&self.word(at + 1))
        })
    }
}

/// Takes a source apart into names, `::` and single signs, without comments, strings and characters.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut words = vec![];
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let name = rest.find(|sign: char| !sign.is_alphanumeric() && sign != '_').unwrap_or(rest.len());
        let (length, word) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), false)
        } else if rest.starts_with("/*") {
            (comment(rest), false)
        } else if let Some(length) = string(rest) {
            (length, false)
        } else if rest.starts_with("::") {
            (2, true)
        } else if name > 0 {
            (name, true)
        } else {
            (first.len_utf8(), !first.is_whitespace())
        };
        if word {
            words.push((line, rest[..length].to_owned()));
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    words
}

/// The length of the block comment at the start; they nest.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        match text.get(at..at + 2) {
            Some("/*") => (depth, at) = (depth + 1, at + 2),
            Some("*/") => (depth, at) = (depth - 1, at + 2),
            _ if at >= text.len() => return text.len(),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
}

/// The length of the string or character at the start, with its prefix; a lifetime is none.
fn string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|prefix| {
        let after = text.strip_prefix(prefix).unwrap_or_default();
        let hashes = after.trim_start_matches('#');
        after.starts_with(['"', '\'']) || (prefix.ends_with('r') && hashes.starts_with('"'))
    })?;
    let body = &text[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let start = prefix.len() + hashes + 1;
        return Some(text[start..].find(&end).map_or(text.len(), |at| start + at + end.len()));
    }
    let quote = body.chars().next()?;
    if quote == '\'' && !body[1..].starts_with('\\') {
        let character = body[1..].chars().next()?;
        let end = 1 + character.len_utf8();
        return body[end..].starts_with('\'').then_some(prefix.len() + end + 1);
    }
    let mut escaped = false;
    let end = body.char_indices().skip(1).find(|(_, sign)| {
        let closes = *sign == quote && !escaped;
        escaped = *sign == '\\' && !escaped;
        closes
    });
    Some(prefix.len() + end.map_or(body.len(), |(at, _)| at + 1))
}
