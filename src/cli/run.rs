use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use super::args::Arguments;
use super::news;
use super::report::error;
use super::surroundings::{Refusal, Surroundings};
use super::{exit, script_error};
use crate::lua::{Script, Vm};

/// Runs a script.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    told(prepare_and_run(arguments))
}

/// Gives the exit code of what was run, or says why it could not begin.
pub(super) fn told(result: Result<u8, Refusal>) -> ExitCode {
    match result {
        Ok(code) => code.into(),
        Err((code, message, hint)) => {
            error(&message, Some(hint).filter(|hint| !hint.is_empty()));
            code.into()
        }
    }
}

fn prepare_and_run(arguments: &Arguments) -> Result<u8, Refusal> {
    let path = arguments.script.as_deref().unwrap_or(Path::new("-"));
    let script = load(path, &arguments.arguments)?;
    let around = Surroundings::new(&arguments.options, script.name.clone(), arguments.dry_run)?;
    let code = execute(&around, &script)?;
    let code = around.code(code);
    if arguments.dry_run {
        return Ok(around.end(code));
    }
    news::tell(&around, &arguments.options, &script.name, code);
    if path == Path::new("-") {
        return Ok(around.end(code));
    }
    Ok(around.end_of(&whole_path(path), code))
}

/// Gives a script's path as it is wherever one stands.
pub(super) fn whole_path(path: &Path) -> String {
    let whole = std::fs::canonicalize(path).or_else(|_| std::path::absolute(path));
    whole.unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}

/// Runs a script, says how it ended, and gives the exit code.
pub(super) fn execute(around: &Surroundings, script: &Script) -> Result<u8, Refusal> {
    let broken = |error: mlua::Error| (1, format!("Lua could not be started: {error}"), "");
    let vm = Vm::new(&around.run).map_err(broken)?;
    let outcome = vm.run(script).map_err(broken)?;
    drop(vm);
    if let Some(failure) = outcome.failure.as_ref().filter(|failure| failure.exit.is_none()) {
        script_error::show(failure, script);
    }
    around.reporter().finish(&outcome);
    let changed = around.reporter().changed();
    Ok(exit::of(&outcome, changed))
}

/// Reads the script's text.
pub(super) fn load(path: &Path, arguments: &[String]) -> Result<Script, Refusal> {
    let mut source = Vec::new();
    let (name, directory, read) = if path == Path::new("-") {
        ("stdin".to_owned(), None, std::io::stdin().lock().read_to_end(&mut source).map(|_| ()))
    } else {
        let directory = path.parent().map(|parent| match parent.to_string_lossy() {
            parent if parent.is_empty() => ".".to_owned(),
            parent => parent.into_owned(),
        });
        (path.display().to_string(), directory, std::fs::read(path).map(|text| source = text))
    };
    read.map_err(|error| {
        (
            1,
            format!("the script `{name}` can't be read: {error}"),
            "give the path of a Lua file, or `-` for standard input",
        )
    })?;
    Ok(Script { name, source, arguments: arguments.to_vec(), directory })
}
