use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ArgAction;

use super::log::LogFormat;

/// Where journal and locks are.
#[expect(clippy::option_option, reason = "clap's form of an option whose value may be left out")]
#[derive(Clone, Debug, clap::Args)]
pub struct PlaceOptions {
    /// Run against an embedded server full of sample mail, or against one that `imapscript sandbox` started
    #[arg(long, value_name = "ADDR", num_args = 0..=1, require_equals = true)]
    pub sandbox: Option<Option<SocketAddr>>,

    /// Keep the journal and the locks here [default: where the system keeps programs' state]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

/// What everything that works on accounts can be told.
#[expect(clippy::option_option, reason = "clap's form of an option whose value may be left out")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Where journal and locks are.
    #[command(flatten)]
    pub place: PlaceOptions,

    /// Read the accounts from here [default: imapscript/accounts.toml where you keep programs' settings]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Mean this account where a script says `account()`
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,

    /// Do only this, whatever the script wants: words such as `read,mark,move`, joined by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub allow: Option<Vec<String>>,

    /// Let the run move away, trash or purge at most this many messages, in one action or several, in place of 1000 and
    /// half of a mailbox at once and 5000 in all
    #[arg(long, value_name = "N", value_parser = positive)]
    pub limit: Option<usize>,

    /// Create no mailboxes for messages that are moved, copied or added
    #[arg(long)]
    pub no_create: bool,

    /// Remember nothing of messages from run to run, and use nothing that was remembered
    #[arg(long)]
    pub no_cache: bool,

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

    /// Print what happened as one JSON object at the end, in place of lines; what the script prints itself goes to
    /// standard error then
    #[arg(long)]
    pub json: bool,

    /// Add what happens to this file, with every message that is acted on
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,

    /// Write the log as `text` or as `json`
    #[arg(long, value_name = "FORMAT", requires = "log", value_enum, hide_possible_values = true, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Write what goes over the wire to a file, without the secrets
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
}

/// Reads a number of messages.
fn positive(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "it must be a positive whole number".to_owned())
}
