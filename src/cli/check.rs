use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::report::{error, out};
use super::run::{load, told};
use super::script_error;
use super::surroundings::Refusal;
use crate::engine::Nobody;
use crate::lua;

/// Shows what is wrong with scripts.
pub(super) fn check(scripts: &[PathBuf]) -> ExitCode {
    told(look(scripts))
}

/// Shows what is wrong with scripts, and gives the exit code.
pub(super) fn look(scripts: &[PathBuf]) -> Result<u8, Refusal> {
    let mut count = 0;
    for path in scripts {
        let script = load(path, &[])?;
        // A module that is a pipe would be waited for.
        let is_file = |path: &Path| fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        let read = |path: &Path| if is_file(path) { fs::read(path).ok() } else { None };
        let broken = |error: mlua::Error| (1, format!("Lua could not be started: {error}"), "");
        let found = lua::check(&script, Arc::new(Nobody), &read).map_err(broken)?;
        for failure in &found {
            script_error::show(failure, &script);
        }
        count += found.len();
    }
    if count > 0 {
        let s = if count == 1 { "" } else { "s" };
        error(&format!("{count} thing{s} to put right"), None);
        return Ok(1);
    }
    if std::io::stdout().is_terminal() {
        out("nothing is wrong that can be told without running it");
    }
    Ok(0)
}
