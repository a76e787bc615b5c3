use std::io::Read;
use std::process::ExitCode;

use super::args::Arguments;
use super::report::error;
use super::surroundings::{Refusal, Surroundings};
use super::{exit, script_error};
use crate::lua::{Script, Vm};

/// Runs a script.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match prepare_and_run(arguments) {
        Ok(code) => code.into(),
        Err((code, message, hint)) => {
            error(&message, Some(hint).filter(|hint| !hint.is_empty()));
            code.into()
        }
    }
}

fn prepare_and_run(arguments: &Arguments) -> Result<u8, Refusal> {
    let script = load(arguments)?;
    let around = Surroundings::new(&arguments.options, script.name.clone(), arguments.dry_run)?;
    let broken = |error: mlua::Error| (1, format!("Lua could not be started: {error}"), "");
    let vm = Vm::new(&around.run).map_err(broken)?;
    let outcome = vm.run(&script).map_err(broken)?;
    drop(vm);
    if let Some(failure) = outcome.failure.as_ref().filter(|failure| failure.exit.is_none()) {
        script_error::show(failure, &script);
    }
    around.reporter().finish(&outcome);
    let changed = around.reporter().changed();
    Ok(around.end(exit::of(&outcome, changed)))
}

/// Reads the script's text.
fn load(arguments: &Arguments) -> Result<Script, Refusal> {
    let path = arguments.script.as_deref().unwrap_or(std::path::Path::new("-"));
    let mut source = Vec::new();
    let (name, directory, read) = if path == std::path::Path::new("-") {
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
    Ok(Script { name, source, arguments: arguments.arguments.clone(), directory })
}
