use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// How many lines are remembered.
const MOST: usize = 1000;

/// What a line may not have in it to be written down, in any case: there may be a secret beside it.
const SECRETS: [&str; 6] = ["password", "passwd", "passphrase", "token", "client_secret", "api_key"];

/// The lines of earlier sessions, in a file of the user's own. One line of it is one entry: line ends within an entry are
/// written as `\n`, and backslashes double.
#[derive(Debug)]
pub(super) struct PastLines {
    file: Option<File>,
    lines: Vec<String>,
}

impl PastLines {
    /// Opens those of a state directory, which is made if it is missing. Without one, nothing is remembered.
    pub(super) fn open(directory: Option<&Path>) -> Self {
        let opened = directory.map(|directory| {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            Self::read(&directory.join("repl_history"))
        });
        match opened {
            Some(Ok(this)) => this,
            _ => Self { file: None, lines: Vec::new() },
        }
    }

    fn read(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        let mut file = options.open(path)?;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut lines: Vec<String> = String::from_utf8_lossy(&bytes).lines().map(unescaped).collect();
        if lines.len() > 2 * MOST {
            lines.drain(..lines.len() - MOST);
            let kept: String = lines.iter().map(|line| escaped(line)).collect();
            file.set_len(0)?;
            file.write_all(kept.as_bytes())?;
        }
        Ok(Self { file: Some(file), lines })
    }

    /// Gives the last ones, the oldest first.
    pub(super) fn lines(&self) -> &[String] {
        self.lines.get(self.lines.len().saturating_sub(MOST)..).unwrap_or_default()
    }

    /// Writes a line down, unless there may be a secret in it.
    pub(super) fn add(&mut self, line: &str) -> io::Result<()> {
        let small = line.to_lowercase();
        match &mut self.file {
            Some(file) if !SECRETS.iter().any(|word| small.contains(word)) => {
                file.write_all(escaped(line).as_bytes())
            }
            _ => Ok(()),
        }
    }
}

fn escaped(line: &str) -> String {
    format!("{}\n", line.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r"))
}

fn unescaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut signs = line.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => match signs.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some(other) => out.push(other),
                None => {}
            },
            sign => out.push(sign),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{escaped, unescaped};

    #[test]
    fn an_entry_is_one_line_and_comes_back_as_it_was() {
        for line in ["x", "a\nb\\n\r\n", "\\", "print \"\\\\\"", "ü\n\n"] {
            let written = escaped(line);
            assert_eq!(written.matches('\n').count(), 1);
            assert_eq!(unescaped(written.trim_end_matches('\n')), line);
        }
    }
}
