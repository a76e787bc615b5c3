use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory as _;

use super::args::Arguments;
use super::news;
use super::places;
use super::report::error;
use super::surroundings::{Refusal, Surroundings};
use super::{exit, script_error};
use crate::engine::{Journal, Nobody, State, Wait};
use crate::lua::{Script, Vm};

/// Runs a script, and tells whoever wants to know how it fared: also where it could not even begin.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let path = arguments.script.as_deref().unwrap_or(Path::new("-"));
    let is_real = !arguments.dry_run && arguments.options.place.sandbox.is_none();
    let (code, failures) = prepare_and_run(path, arguments).unwrap_or_else(|refusal| {
        let message = refusal.1.clone();
        let code = refused(refusal);
        if is_real {
            note_refusal(path, arguments, code, &message);
        }
        (code, vec![message])
    });
    // What is only tried is no news.
    if is_real {
        news::tell(arguments, &path.to_string_lossy(), code, &failures);
    }
    code.into()
}

/// Notes that a script could not begin, as how it fared. One that is not there is noted only if it was run before: else it
/// is a slip of the hand.
fn note_refusal(path: &Path, arguments: &Arguments, code: u8, message: &str) {
    let script = whole_path(path);
    let Ok(directory) = places::state_directory(arguments.options.place.state.as_deref(), None) else {
        return;
    };
    let is_known = || {
        let health = Journal::look(&directory).ok().flatten().and_then(|journal| journal.health().ok());
        health.is_some_and(|all| all.iter().any(|health| health.script == script))
    };
    if path != Path::new("-") && (path.is_file() || is_known()) {
        let state = State::new(Ok(directory), script.clone(), Wait::No);
        state.is_of_script(script);
        // Who watches the script hears that it is not noted any more.
        let _ = state.note_health(code, Some(message), &Nobody);
    }
}

/// Gives the exit code of what was run, or says why it could not begin.
pub(super) fn told(result: Result<u8, Refusal>) -> ExitCode {
    result.unwrap_or_else(refused).into()
}

/// Says why something could not begin, and gives the exit code.
fn refused((code, message, hint): Refusal) -> u8 {
    error(&message, Some(hint).filter(|hint| !hint.is_empty()));
    code
}

/// Runs a script, and gives the exit code and what failed.
fn prepare_and_run(path: &Path, arguments: &Arguments) -> Result<(u8, Vec<String>), Refusal> {
    let script = load(path, &arguments.arguments)?;
    let around = Surroundings::new(&arguments.options, script.name.clone(), arguments.dry_run)?;
    if !arguments.dry_run && path != Path::new("-") {
        around.run.state.is_of_script(whole_path(path));
    }
    let code = execute(&around, &script)?;
    let failures = around.reporter().failures().to_vec();
    let code = around.end_of_script(code);
    Ok((code, failures))
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
        let hint = if Arguments::command().find_subcommand(&name).is_some() {
            "a command stands before its options: `imapscript history --state DIR`"
        } else {
            "give the path of a Lua file, or `-` for standard input"
        };
        (1, format!("the script `{name}` can't be read: {error}"), hint)
    })?;
    Ok(Script { name, source, arguments: arguments.to_vec(), directory })
}
