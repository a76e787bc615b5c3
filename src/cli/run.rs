use std::io::Read;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::args::Arguments;
use super::report::{Loudness, Reporter, err, error};
use super::terminal::Terminal;
use super::{exit, interrupt, script_error, state, trace};
use crate::engine::{Permission, Permissions, Run, State, Wait};
use crate::imap::Context;
use crate::lua::{Script, Vm};
use crate::sandbox::{Options, Sandbox};
use crate::wire::{Timeouts, Transcript};

/// A failure before the script could begin: exit code, message, hint.
type Refusal = (u8, String, &'static str);

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
    let loudness = match (arguments.quiet, arguments.verbose) {
        (true, _) => Loudness::Quiet,
        (false, 0) => Loudness::Normal,
        (false, _) => Loudness::Verbose,
    };
    let script = load(arguments)?;
    let terminal = Arc::new(Terminal { reporter: Mutex::new(Reporter::new(loudness)) });
    let context = context(arguments)?;
    interrupt::watch(context.interrupt.clone());
    let embedded = match arguments.sandbox {
        Some(None) => {
            Some(Sandbox::start(Options { sample: true, ..Options::default() }).map_err(|error| {
                (
                    exit::CONFIG,
                    format!("the sandbox can't be started: {error}"),
                    "it needs a free loopback port",
                )
            })?)
        }
        _ => None,
    };
    let sandbox = embedded.as_ref().map(Sandbox::address).or(arguments.sandbox.flatten());
    if let Some(address) = sandbox {
        if !address.ip().is_loopback() {
            let message = format!("`--sandbox={address}` is not on this machine");
            return Err((
                exit::USAGE,
                message,
                "a sandbox listens on a loopback address such as 127.0.0.1:1143",
            ));
        }
        if loudness != Loudness::Quiet {
            err("sandbox: every account of the script is served by sample mail; no real server is contacted");
        }
    }
    let permissions = permissions(arguments)?;
    // The mail of an embedded sandbox ends with the run, and so does all that is known of it.
    let passing = match &embedded {
        Some(_) => Some(tempfile::tempdir().map_err(|error| {
            let message = format!("no temporary directory can be made: {error}");
            (exit::CONFIG, message, "set TMPDIR to a directory that you can write to")
        })?),
        None => None,
    };
    let directory = match &passing {
        Some(passing) => Ok(passing.path().to_owned()),
        None => state::directory(arguments.state.as_deref(), sandbox),
    };
    let wait = match arguments.wait {
        None => Wait::No,
        Some(None) => Wait::Forever,
        Some(Some(seconds)) => Wait::For(Duration::from_secs(seconds)),
    };
    let state = State::new(directory, script.name.clone(), wait);
    let run = Run { sandbox, permissions, ..Run::new(context, terminal.clone(), state) };
    let broken = |error: mlua::Error| (1, format!("Lua could not be started: {error}"), "");
    let vm = Vm::new(&run).map_err(broken)?;
    let outcome = vm.run(&script).map_err(broken)?;
    drop(vm);
    if let Some(failure) = outcome.failure.as_ref().filter(|failure| failure.exit.is_none()) {
        script_error::show(failure, &script);
    }
    let reporter = || terminal.reporter.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    reporter().finish(&outcome);
    let code = match exit::of(&outcome) {
        0 if reporter().is_in_doubt() => exit::PARTIAL,
        code => code,
    };
    if let Err(error) = run.state.end(code) {
        err(format_args!("warning: the end of this run could not be noted: {error}"));
    }
    Ok(code)
}

/// Reads what the command line allows.
fn permissions(arguments: &Arguments) -> Result<Arc<Permissions>, Refusal> {
    let Some(words) = &arguments.allow else { return Ok(Arc::default()) };
    let each =
        words.iter().map(|word| Permission::parse(word.trim())).collect::<crate::error::Result<Vec<_>>>();
    let refused = |error: crate::error::Error| {
        (exit::USAGE, format!("`--allow`: {error}"), "for example `--allow read,mark,move`")
    };
    Ok(Arc::new(Permissions::only(each.map_err(refused)?)))
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

fn context(arguments: &Arguments) -> Result<Context, Refusal> {
    let transcript = match &arguments.trace {
        None => None,
        Some(path) => Some(trace::create(path).map_err(|error| {
            let message = format!("the trace file `{}` can't be written: {error}", path.display());
            (exit::CONFIG, message, "it must be in a directory you can write to, and no symbolic link")
        })?),
    };
    Ok(Context {
        timeouts: arguments
            .timeout
            .map_or_else(Timeouts::default, |seconds| Timeouts::all(Duration::from_secs(seconds))),
        transcript: transcript.map(|file| Transcript::new(Box::new(file))),
        ..Context::default()
    })
}
