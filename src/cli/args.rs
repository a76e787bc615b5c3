use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use super::accounts::AddOptions;
use super::exit;
use super::imapfilter::ImapfilterOptions;
use super::oauth::LoginOptions;
use super::options::{Options, PlaceOptions};
use super::schedule::ScheduleOptions;

/// Lua scripts for IMAP mailboxes: filters and housekeeping that cannot lose mail.
#[derive(Debug, Parser)]
#[command(
    name = "imapscript",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    override_usage = "imapscript [OPTIONS] SCRIPT [ARGS]...\n       imapscript plan|apply|undo|settle|restore|history|why|check|repl|schedule|status|\n                  accounts|oauth|sandbox|imapfilter|types|completions|man …",
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

    /// Change nothing; show what would be done
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Run this by the shell if the script fails, with what went wrong on its standard input
    #[arg(long, value_name = "COMMAND")]
    pub on_failure: Option<String>,

    /// Fetch this URL when the script did all that it wanted, for a service that tells you when it stops coming
    #[arg(long, value_name = "URL")]
    pub ping: Option<String>,

    /// How it is run.
    #[command(flatten)]
    pub options: Options,
}

/// What can be done besides running a script.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Write down what a script would do, and change nothing
    Plan {
        /// The file to write the plan to
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// The script to run; `-` reads it from standard input
        #[arg(value_name = "SCRIPT")]
        script: PathBuf,
        /// What the script finds in `arg`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        arguments: Vec<String>,
        /// How it is run.
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Do what a plan says and nothing else
    Apply {
        /// The plan
        #[arg(value_name = "FILE")]
        plan: PathBuf,
        /// How it is run.
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Take back what a run did: the last one, unless its number is given
    Undo {
        /// The run's number, as `history` shows it
        #[arg(value_name = "RUN")]
        run: Option<i64>,
        /// How it is run.
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Look after what runs left open or in doubt, and hold nothing any more
    Settle {
        /// How it is run.
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Put what a purge has archived back into a mailbox, but what is there already
    Restore {
        /// The mbox file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The mailbox, which is created if it is missing
        #[arg(value_name = "MAILBOX")]
        mailbox: String,
        /// How it is run.
        #[command(flatten)]
        options: Box<Options>,
    },
    /// List the runs that changed something, or what one of them did
    History {
        /// The run's number
        #[arg(value_name = "RUN")]
        run: Option<i64>,
        /// Where the journal is.
        #[command(flatten)]
        place: PlaceOptions,
    },
    /// Tell which rule of which run touched a message, or which rule of a script would take it
    Why {
        /// The message's Message-ID, with or without its angle brackets
        #[arg(value_name = "MESSAGE-ID")]
        message_id: String,
        /// The script, which is run dry
        #[arg(value_name = "SCRIPT")]
        script: Option<PathBuf>,
        /// What the script finds in `arg`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        arguments: Vec<String>,
        /// How it is run.
        #[command(flatten)]
        options: Box<Options>,
    },
    /// List the accounts that scripts can use by their names
    #[command(args_conflicts_with_subcommands = true)]
    Accounts {
        /// What to do instead of listing them.
        #[command(subcommand)]
        command: Option<AccountsCommand>,
        /// How it is run.
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Find what is wrong with scripts without running them: no server is contacted and nothing is done
    Check {
        /// The scripts; `-` reads one from standard input
        #[arg(required = true, value_name = "SCRIPT")]
        scripts: Vec<PathBuf>,
    },
    /// Log in with the provider of an account that uses OAuth 2.0
    Oauth {
        /// What to do.
        #[command(subcommand)]
        command: OauthCommand,
    },
    /// Try things out, line by line
    Repl {
        /// Change nothing; show what would be done
        #[arg(short = 'n', long)]
        dry_run: bool,
        /// How it is run.
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Let a script run by itself, by systemd's timers or by cron
    Schedule(ScheduleOptions),
    /// Tell how scripts fared: when each last ran well, and what went wrong since
    Status {
        /// Only this one
        #[arg(value_name = "SCRIPT")]
        script: Option<PathBuf>,
        /// End with exit code 1 if one has not run well for so long, such as `2d`
        #[arg(long, value_name = "AGE")]
        max_age: Option<String>,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
        /// Where the journal is.
        #[command(flatten)]
        place: PlaceOptions,
    },
    /// Keep an embedded server with sample mail running, for any mail client
    Sandbox(SandboxOptions),
    /// Run an imapfilter configuration as it is
    Imapfilter(ImapfilterOptions),
    /// Write type files, so that an editor knows imapscript's functions
    Types {
        /// Where your scripts are
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Print what a shell needs to complete the command line
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// What can be done with accounts.
#[derive(Debug, clap::Subcommand)]
pub enum AccountsCommand {
    /// Find an address's server, try to log in, and add the account to the file
    Add {
        /// What is known of it.
        #[command(flatten)]
        new: Box<AddOptions>,
        /// How it is run.
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Log in to an account, or to all, and show what the server can do
    Test {
        /// The account
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// How it is run.
        #[command(flatten)]
        options: Box<Options>,
    },
}

/// What can be done with a provider's tokens.
#[derive(Debug, clap::Subcommand)]
pub enum OauthCommand {
    /// Log in, and keep what the provider gives; it is renewed by itself from then on
    Login {
        /// How.
        #[command(flatten)]
        login: LoginOptions,
        /// How it is run.
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Forget what the provider has given
    Logout {
        /// The account, as the accounts file names it; it need not be said if there is only one
        #[arg(value_name = "ACCOUNT")]
        name: Option<String>,
        /// How it is run.
        #[command(flatten)]
        options: Box<Options>,
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
