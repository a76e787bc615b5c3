use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use super::options::Options;
use super::report::{Loudness, Reporter, err};
use super::terminal::Terminal;
use super::{exit, interrupt, places, trace};
use crate::engine::{Accounts, Limits, Overlay, Permission, Permissions, Run, State, Wait};
use crate::imap::Context;
use crate::sandbox::{Options as SandboxOptions, Sandbox};
use crate::wire::{Timeouts, Transcript};

/// A failure before anything could begin: exit code, message, hint.
pub(super) type Refusal = (u8, String, &'static str);

/// What a run has around it: terminal, state, and perhaps a sandbox of its own.
pub(super) struct Surroundings {
    pub(super) run: Run,
    terminal: Arc<Terminal>,
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
        let terminal = Arc::new(Terminal { reporter: Mutex::new(Reporter::new(loudness, dry_run)) });
        let context = context(options)?;
        interrupt::watch(context.interrupt.clone());
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
        let state = State::new(directory, name, wait);
        let overlay = dry_run.then(Overlay::default);
        let limits = Arc::new(Limits::new(options.limit, options.no_create));
        let run = Run {
            sandbox,
            accounts: Arc::new(accounts),
            limits,
            permissions,
            overlay,
            ..Run::new(context, terminal.clone(), state)
        };
        Ok(Self { run, terminal, _embedded: embedded })
    }

    /// Gives the one that prints.
    pub(super) fn reporter(&self) -> MutexGuard<'_, Reporter> {
        self.terminal.reporter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the run: makes the exit code say what the journal left in doubt, and notes it.
    pub(super) fn end(self, code: u8) -> u8 {
        let code = if code == 0 && self.reporter().is_in_doubt() { exit::PARTIAL } else { code };
        if let Err(error) = self.run.state.end(code) {
            err(format_args!("warning: the end of this run could not be noted: {error}"));
        }
        code
    }
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
