use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{ScheduleOptions, Wrong, unusable};
use crate::cli::{exit, places};

/// A script and all that belongs to it, by absolute paths.
#[derive(Debug)]
pub(super) struct Job {
    /// What units and lines are called: by the script's path, so that the same script always has the same.
    pub(super) name: String,
    /// A number that is always the same for the script, too.
    pub(super) seed: u32,
    pub(super) script: PathBuf,
    pub(super) directory: PathBuf,
    /// The program and its arguments.
    pub(super) words: Vec<String>,
    pub(super) writable: Vec<String>,
    /// Names and files.
    pub(super) credentials: Vec<(String, String)>,
}

impl Job {
    pub(super) fn of(options: &ScheduleOptions) -> Result<Self, Wrong> {
        let given = options.script.as_deref().unwrap_or(Path::new(""));
        // A script that is gone can still be taken out.
        let script = match fs::canonicalize(given) {
            Err(_) if options.remove => std::path::absolute(given),
            path => path,
        };
        let script = script
            .map_err(|why| unusable(&format!("the script `{}` can't be used", given.display()), why))?;
        let program = std::env::current_exe().map_err(|why| unusable("this program can't be found", why))?;
        let state = places::state_directory(options.state.as_deref(), None).map_err(|why| {
            (
                exit::CONFIG,
                format!("there is no place for the journal: {why}"),
                "`--state DIR` names one".to_owned(),
            )
        })?;
        let state = absolute(&state)?;
        if !options.remove {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&state);
            made.map_err(|why| unusable(&format!("the directory `{}` can't be made", state.display()), why))?;
        }
        let mut words = vec![text(&program)?, "--state".to_owned(), text(&state)?];
        if let Some(config) = &options.config {
            words.extend(["--config".to_owned(), text(&absolute(config)?)?]);
        }
        words.push(text(&script)?);
        for argument in &options.arguments {
            words.push(harmless(argument.clone())?);
        }
        let mut writable = vec![text(&state)?];
        for directory in &options.write {
            writable.push(text(&absolute(directory)?)?);
        }
        let mut credentials = Vec::new();
        for given in &options.credential {
            let parts = given.split_once('=').filter(|(name, file)| {
                !file.is_empty()
                    && !name.is_empty()
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
            });
            let (name, file) = parts.ok_or_else(|| {
                let hint = "`--credential imap=/path/of/the/file`".to_owned();
                (exit::USAGE, format!("`{given}` is no credential"), hint)
            })?;
            credentials.push((name.to_owned(), text(&absolute(Path::new(file))?)?));
        }
        let digest = Sha256::digest(script.as_os_str().as_encoded_bytes());
        let seed = digest.iter().take(3).fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        let stem = script.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
        let stem: String = stem.chars().take(40).map(plain).collect();
        let directory = script.parent().map(Path::to_owned).unwrap_or_default();
        if text(&directory)?.ends_with(char::is_whitespace) {
            let what =
                format!("systemd can't name the directory `{}`: it ends with a space", directory.display());
            return Err((exit::USAGE, what, "rename it".to_owned()));
        }
        Ok(Self {
            name: format!("imapscript-{stem}-{seed:06x}"),
            seed,
            directory,
            script,
            words,
            writable,
            credentials,
        })
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Wrong> {
    std::path::absolute(path).map_err(|why| unusable(&format!("`{}` can't be used", path.display()), why))
}

fn text(path: &Path) -> Result<String, Wrong> {
    match path.to_str() {
        Some(text) => harmless(text.to_owned()),
        None => {
            Err((exit::USAGE, format!("the path `{}` is not UTF-8", path.display()), "rename it".to_owned()))
        }
    }
}

/// Refuses what no unit and no crontab can hold.
fn harmless(text: String) -> Result<String, Wrong> {
    if text.chars().any(char::is_control) || text.ends_with('\\') {
        let hint = "rename it, or leave it away".to_owned();
        let what = format!(
            "`{text}` has a control character in it, or a backslash at its end, which can't be scheduled"
        );
        return Err((exit::USAGE, what, hint));
    }
    Ok(text)
}
