use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Parser};

use super::exit;

/// Lua scripts for IMAP mailboxes: filters and housekeeping that cannot lose mail.
#[derive(Debug, Parser)]
#[command(
    name = "imapscript",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    override_usage = "imapscript [OPTIONS] SCRIPT [ARGS]...\n       imapscript sandbox [OPTIONS]\n       imapscript types DIR",
    after_help = "Exit codes: 0 done, 1 the script failed, 2 usage, 3 configuration, 4 authentication, 5 connection,\n\
                  6 the server refused, 7 a limit stopped it, 8 partly done or in doubt, 9 another run is at work,\n\
                  130 interrupted."
)]
pub struct Arguments {
    /// What to do instead of running a script.
    #[command(subcommand)]
    pub command: Option<Subcommand>,

    /// The script to run; `-` reads it from standard input
    #[arg(required = true, value_name = "SCRIPT")]
    pub script: Option<PathBuf>,

    /// What the script finds in `arg`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    pub arguments: Vec<String>,

    /// Run against an embedded server full of sample mail, or against one that `imapscript sandbox` started
    #[arg(long, value_name = "ADDR", num_args = 0..=1, require_equals = true)]
    pub sandbox: Option<Option<SocketAddr>>,

    /// Let the script do only this: words such as `read,mark,move`, joined by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub allow: Option<Vec<String>>,

    /// Keep the journal and the locks here [default: where the system keeps programs' state]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,

    /// Wait until no other run changes the account; not longer than so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true)]
    pub wait: Option<Option<u64>>,

    /// Wait this long for the server, in seconds, each time
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: Option<u64>,

    /// Print nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print more: actions that found nothing to do, too
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    /// Write what goes over the wire to a file, without the secrets
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
}

/// What can be done besides running a script.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Keep an embedded server with sample mail running, for any mail client
    Sandbox(SandboxOptions),
    /// Write type files, so that an editor knows imapscript's functions
    Types {
        /// Where your scripts are
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

/// How the embedded server is to be.
#[derive(Debug, clap::Args)]
pub struct SandboxOptions {
    /// The loopback port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 1143)]
    pub port: u16,

    /// Switch a capability off, such as MOVE; may be given several times
    #[arg(long, value_name = "CAPABILITY")]
    pub without: Vec<String>,

    /// Start with empty mailboxes
    #[arg(long)]
    pub empty: bool,
}

/// Reads the command line. What clap has to say instead (help, version, an error) is printed here, and its
/// exit code given.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Arguments, ExitCode> {
    Arguments::try_parse_from(words).map_err(|error| {
        // Printing can only fail where nobody reads.
        let _ = error.print();
        if error.use_stderr() { exit::USAGE.into() } else { ExitCode::SUCCESS }
    })
}
