use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::exit;
use super::log::LogFormat;
use super::options::{Options, PlaceOptions};
use super::report::out;
use super::run::told;
use super::script_error;
use super::surroundings::{Refusal, Surroundings};
use crate::compat::imapfilter::{self, Settings};
use crate::engine::Permission;
use crate::error::Class;
use crate::lua::{How, Outcome, Script};

/// imapfilter's own options, and some of ours.
#[derive(Debug, clap::Args)]
#[command(disable_version_flag = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is one of imapfilter's flags")]
pub struct ImapfilterOptions {
    /// The configuration to run [default: `config.lua` in `$IMAPFILTER_HOME`, or in `~/.imapfilter`]; `-` reads it from standard input
    #[arg(short = 'c', value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Write a configuration down as a script of imapscript's, as far as that goes; nothing is connected or changed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "execute", "interactive"])]
    pub convert: Option<PathBuf>,

    /// Write what goes over the wire to a file, without the secrets
    #[arg(short = 'd', value_name = "FILE")]
    pub debug: Option<PathBuf>,

    /// Run this text in place of a configuration file
    #[arg(short = 'e', value_name = "COMMAND")]
    pub execute: Option<OsString>,

    /// Run lines from standard input after the configuration
    #[arg(short = 'i')]
    pub interactive: bool,

    /// Write errors to a file as well
    #[arg(short = 'l', value_name = "FILE")]
    pub log: Option<PathBuf>,

    /// Change nothing; show what would be done
    #[arg(short = 'n')]
    pub dry_run: bool,

    /// Write the process's number to a file while it runs
    #[arg(short = 'p', value_name = "FILE")]
    pub pid: Option<PathBuf>,

    /// Trust the certificate authorities in this file or directory
    #[arg(short = 't', value_name = "TRUSTSTORE")]
    pub truststore: Option<PathBuf>,

    /// Show the version
    #[arg(short = 'V')]
    pub version: bool,

    /// Print more: actions that found nothing to do, too
    #[arg(short = 'v')]
    pub verbose: bool,

    /// Let the run move away or delete at most this many messages; there is no limit otherwise
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,

    /// Where journal and locks are.
    #[command(flatten)]
    pub place: PlaceOptions,
}

/// Runs a configuration.
pub(super) fn run(options: &ImapfilterOptions) -> ExitCode {
    if options.version {
        out(format_args!("imapscript {}, as imapfilter 2.8", env!("CARGO_PKG_VERSION")));
        return ExitCode::SUCCESS;
    }
    told(prepare_and_run(options))
}

fn prepare_and_run(options: &ImapfilterOptions) -> Result<u8, Refusal> {
    let home = home();
    let script = script(options, home.as_deref())?;
    let ours = Options {
        place: options.place.clone(),
        config: None,
        account: None,
        allow: None,
        limit: options.limit,
        no_create: false,
        no_cache: false,
        wait: Some(None),
        timeout: None,
        quiet: options.convert.is_some(),
        verbose: u8::from(options.verbose),
        trace: options.debug.clone(),
        json: false,
        log: None,
        log_format: LogFormat::Text,
    };
    let around = Surroundings::new(&ours, script.name.clone(), options.dry_run)?;
    around.run.permissions.allow(Permission::Purge);
    around.run.limits.lift();
    let settings = Settings {
        truststore: options.truststore.clone(),
        certificates: home.map(|home| home.join("certificates")),
        // The process may change its directory.
        pid: options.pid.as_deref().and_then(|path| std::path::absolute(path).ok()),
        log: options.log.as_deref().and_then(|path| std::path::absolute(path).ok()),
        interactive: options.interactive,
        convert: options.convert.is_some(),
    };
    let _pid = PidFile::write(&settings)?;
    let broken = |error: mlua::Error| (FAILED, format!("Lua could not be started: {error}"), "");
    let outcome = imapfilter::run(&around.run, &settings, &script).map_err(broken)?;
    if let Some(failure) = outcome.failure.as_ref().filter(|failure| failure.exit.is_none()) {
        script_error::show(failure, &script);
        // What is on the terminal is enough where there is no log.
        let _ = settings.note(&failure.message);
    }
    let code = code(&outcome);
    let outcome = Outcome {
        caught: outcome.caught.into_iter().filter(|caught| caught.how == How::Held).collect(),
        ..outcome
    };
    around.reporter().finish(&outcome);
    Ok(around.end(code))
}

/// imapfilter's exit code for all that goes wrong.
const FAILED: u8 = 2;

/// Gives the exit code: imapfilter's own, but where mail is in doubt, a limit stopped it, or the user did.
fn code(outcome: &Outcome) -> u8 {
    let doubt = outcome.caught.iter().any(|caught| caught.how == How::Held);
    match &outcome.failure {
        Some(failure) if failure.class == Class::Interrupted => exit::code(Class::Interrupted),
        _ if doubt => exit::PARTIAL,
        Some(failure) => match (failure.exit, failure.class) {
            (Some(own), _) => own,
            (None, class @ (Class::Limit | Class::Partial)) => exit::code(class),
            (None, _) => FAILED,
        },
        None => 0,
    }
}

/// Finds the directory with the configuration and the certificates that were accepted.
fn home() -> Option<PathBuf> {
    match env::var_os("IMAPFILTER_HOME").filter(|home| !home.is_empty()) {
        Some(home) => Some(PathBuf::from(home)),
        None => env::home_dir().map(|home| home.join(".imapfilter")),
    }
}

/// Reads the configuration.
fn script(options: &ImapfilterOptions, home: Option<&Path>) -> Result<Script, Refusal> {
    use std::os::unix::ffi::OsStrExt as _;
    let make =
        |name: String, source: Vec<u8>| Script { name, source, arguments: Vec::new(), directory: None };
    if let Some(text) = &options.execute {
        return Ok(make("<command line>".to_owned(), text.as_bytes().to_vec()));
    }
    let default = || home.map(|home| home.join("config.lua"));
    let Some(path) = options.convert.clone().or(options.config.clone()).or_else(default) else {
        return Err((
            FAILED,
            "there is no home directory to find a configuration in".to_owned(),
            "give its path: `-c FILE`",
        ));
    };
    let mut source = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut source).map(drop)
    } else {
        fs::read(&path).map(|text| source = text)
    };
    let name = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
    match read {
        Ok(()) => Ok(make(name, source)),
        Err(error) => Err((
            FAILED,
            format!("the configuration `{name}` can't be read: {error}"),
            "give its path: `-c FILE`",
        )),
    }
}

/// A file with the process's number, which goes with the process.
struct PidFile<'a>(&'a Settings);

impl<'a> PidFile<'a> {
    fn write(settings: &'a Settings) -> Result<Self, Refusal> {
        settings.write_pid().map_err(|error| {
            let path = settings.pid.clone().unwrap_or_default();
            let message =
                format!("the file `{}` for the process's number can't be written: {error}", path.display());
            (FAILED, message, "name one in a directory you can write to")
        })?;
        Ok(Self(settings))
    }
}

impl Drop for PidFile<'_> {
    fn drop(&mut self) {
        if let Some(path) = &self.0.pid {
            // It may be gone already.
            let _ = fs::remove_file(path);
        }
    }
}
