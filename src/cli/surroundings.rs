use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tempfile::TempDir;

use super::log::Log;
use super::options::Options;
use super::progress::Display;
use super::record::Record;
use super::report::{Loudness, Reporter, err, failure};
use super::terminal::Terminal;
use super::{exit, interrupt, places, record, report, trace};
use crate::engine::{Accounts, Limits, Overlay, Permission, Permissions, Run, State, Summons, Wait};
use crate::error::Error;
use crate::imap::Context;
use crate::sandbox::{Options as SandboxOptions, Sandbox};
use crate::wire::{Timeouts, Transcript};

/// A failure before anything could begin: exit code, message, hint.
pub(super) type Refusal = (u8, String, &'static str);

/// What a run has around it: terminal, state, and perhaps a sandbox of its own.
pub(super) struct Surroundings {
    pub(super) run: Run,
    terminal: Arc<Terminal>,
    name: String,
    /// Where what happened goes at the end, if it is wanted.
    json: Option<File>,
    /// They live as long as the run.
    _embedded: Option<(Sandbox, TempDir)>,
}

impl Surroundings {
    /// Makes them as the command line says; `name` is what history will call the run, and `dry_run` that nothing is
    /// changed.
    pub(super) fn new(options: &Options, name: String, dry_run: bool) -> Result<Self, Refusal> {
        let loudness = match (options.quiet, options.verbose) {
            (true, _) => Loudness::Quiet,
            (false, 0) => Loudness::Normal,
            (false, _) => Loudness::Verbose,
        };
        let json = if options.json { Some(take_output()?) } else { None };
        let record = options.json.then(|| Record::new(name.clone(), dry_run));
        let log = options.log.as_deref().map(|path| open_log(path, options)).transpose()?;
        let mut reporter = Reporter::new(loudness, dry_run, record, log);
        reporter.begin(&name);
        let display = Display::new(loudness != Loudness::Quiet && !options.json);
        let terminal = Arc::new(Terminal { reporter: Mutex::new(reporter), display: Mutex::new(display) });
        let context = context(options)?;
        let summons = Summons::default();
        interrupt::watch(context.interrupt.clone(), summons.clone());
        let embedded = match options.place.sandbox {
            Some(None) => Some(embed()?),
            _ => None,
        };
        if dry_run && loudness != Loudness::Quiet {
            err("dry run: nothing is changed");
        }
        let address = embedded.as_ref().map(|(sandbox, _)| sandbox.address());
        let sandbox = address.or(options.place.sandbox.flatten());
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
                err(
                    "sandbox: every account of the script is served by sample mail; no real server is contacted",
                );
            }
        }
        let directory = match &embedded {
            Some((_, passing)) => Ok(passing.path().to_owned()),
            None => places::state_directory(options.place.state.as_deref(), sandbox),
        };
        let wait = match options.wait {
            None => Wait::No,
            Some(None) => Wait::Forever,
            Some(Some(seconds)) => Wait::For(Duration::from_secs(seconds)),
        };
        let accounts = Accounts::new(
            places::accounts_file(options.config.as_deref()),
            places::home(),
            options.account.clone(),
            sandbox.is_some(),
        );
        let permissions = permissions(options)?;
        let state = State::new(directory, name.clone(), wait);
        let state = if options.no_cache { state.without_cache() } else { state };
        let overlay = dry_run.then(Overlay::default);
        let limits = Arc::new(Limits::new(options.limit, options.no_create));
        let run = Run {
            sandbox,
            accounts: Arc::new(accounts),
            limits,
            permissions,
            detailed: options.json || options.log.is_some(),
            overlay,
            summons,
            ..Run::new(context, terminal.clone(), state)
        };
        Ok(Self { run, terminal, name, json, _embedded: embedded })
    }

    /// Gives the one that prints.
    pub(super) fn reporter(&self) -> MutexGuard<'_, Reporter> {
        self.terminal.reporter()
    }

    /// Makes an exit code say what the journal left in doubt.
    pub(super) fn code(&self, code: u8) -> u8 {
        if code == 0 && self.reporter().is_in_doubt() { exit::PARTIAL } else { code }
    }

    /// Ends the run of a script, and notes how it fared.
    pub(super) fn end_of_script(self, code: u8) -> u8 {
        let code = self.code(code);
        let trouble = self.reporter().failures().first().cloned();
        // A run that changed nothing needs no journal. Who watches the script hears that it is not noted any more.
        let _ = self.run.state.note_health(code, trouble.as_deref(), &*self.run.world);
        self.end(code)
    }

    /// Ends the run: makes the exit code say what the journal left in doubt, and notes it.
    pub(super) fn end(self, code: u8) -> u8 {
        let code = self.code(code);
        if let Err(error) = self.run.state.end(code) {
            err(format_args!("warning: the end of this run could not be noted: {error}"));
        }
        let whole = self.reporter().end(&self.name, code);
        let (Some(whole), Some(mut output)) = (whole, self.json) else { return code };
        match writeln!(output, "{}", record::line(&whole)) {
            // Where nobody reads any more, there is nobody to tell.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                report::error(&format!("what happened can't be written: {error}"), None);
                match code {
                    0 if self.terminal.reporter().changed() => exit::PARTIAL,
                    0 => exit::CONFIG,
                    code => code,
                }
            }
            _ => code,
        }
    }

    /// Says what failed, and gives the exit code of its class.
    pub(super) fn failed(&self, error: &Error) -> u8 {
        let place = [("account", &error.account), ("mailbox", &error.mailbox)];
        let place: Vec<_> =
            place.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
        self.reporter().note_failure(&error.to_string(), error.kind.hint().as_deref(), &place);
        failure(error)
    }
}

/// Keeps standard output for what is printed at the end: whatever else is written to it goes to standard error.
fn take_output() -> Result<File, Refusal> {
    let take = || -> io::Result<File> {
        let own = rustix::io::dup(rustix::stdio::stdout())?;
        rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
        Ok(File::from(own))
    };
    take().map_err(|error| {
        (exit::CONFIG, format!("standard output can't be used: {error}"), "`--json` writes to it")
    })
}

/// Opens the log.
fn open_log(path: &Path, options: &Options) -> Result<Log, Refusal> {
    Log::open(path, options.log_format).map_err(|error| {
        let message = format!("the log `{}` can't be written: {error}", path.display());
        (exit::CONFIG, message, "`--log` names a file in a directory that you can write to")
    })
}

/// Starts a sandbox. Its mail ends with the run, and so does all that is known of it.
fn embed() -> Result<(Sandbox, TempDir), Refusal> {
    let started = Sandbox::start(SandboxOptions { sample: true, ..SandboxOptions::default() });
    let sandbox = started.map_err(|error| {
        (exit::CONFIG, format!("the sandbox can't be started: {error}"), "it needs a free loopback port")
    })?;
    let passing = tempfile::tempdir().map_err(|error| {
        let message = format!("no temporary directory can be made: {error}");
        (exit::CONFIG, message, "set TMPDIR to a directory that you can write to")
    })?;
    Ok((sandbox, passing))
}

/// Reads what the command line allows.
fn permissions(options: &Options) -> Result<Arc<Permissions>, Refusal> {
    let Some(words) = &options.allow else { return Ok(Arc::default()) };
    let each =
        words.iter().map(|word| Permission::parse(word.trim())).collect::<crate::error::Result<Vec<_>>>();
    let refused = |error: crate::error::Error| {
        (exit::USAGE, format!("`--allow`: {error}"), "for example `--allow read,mark,move`")
    };
    Ok(Arc::new(Permissions::only(each.map_err(refused)?)))
}

fn context(options: &Options) -> Result<Context, Refusal> {
    let transcript = match &options.trace {
        None => None,
        Some(path) => Some(trace::create(path).map_err(|error| {
            let message = format!("the trace file `{}` can't be written: {error}", path.display());
            (exit::CONFIG, message, "it must be in a directory you can write to, and no symbolic link")
        })?),
    };
    Ok(Context {
        timeouts: options.timeout.map(|seconds| Timeouts::all(Duration::from_secs(seconds))),
        transcript: transcript.map(|file| Transcript::new(Box::new(file))),
        ..Context::default()
    })
}
