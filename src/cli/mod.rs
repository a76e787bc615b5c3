//! Floor 5: the command line. The only floor that prints, reads the environment and knows the terminal.

mod accounts;
mod args;
mod check;
mod completions;
mod excerpt;
mod exit;
mod history;
mod imapfilter;
mod interrupt;
#[cfg(feature = "keyring")]
mod keyring;
#[cfg(not(feature = "keyring"))]
#[path = "no_keyring.rs"]
mod keyring;
mod log;
mod man;
mod news;
mod oauth;
mod options;
mod past_lines;
mod places;
mod plan;
mod planned;
mod progress;
mod record;
mod repl;
mod report;
mod restore;
mod run;
mod sandbox;
mod schedule;
mod script_error;
mod status;
mod summary;
mod surroundings;
mod terminal;
mod trace;
mod types;
mod undo;
mod why;

use std::process::ExitCode;

pub use args::Arguments;

/// Runs the program with the process's arguments and gives its exit code.
pub fn main() -> ExitCode {
    let arguments = match args::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match &arguments.command {
        Some(args::Subcommand::Accounts { command, options }) => match command {
            None => accounts::list(options),
            Some(args::AccountsCommand::Test { name, options }) => accounts::test(name.as_deref(), options),
            Some(args::AccountsCommand::Add { new, options }) => accounts::add(new, options),
        },
        Some(args::Subcommand::Oauth { command }) => match command {
            args::OauthCommand::Login { login, options } => oauth::login(login, options),
            args::OauthCommand::Logout { name, options } => oauth::logout(name.as_deref(), options),
        },
        Some(args::Subcommand::Sandbox(options)) => sandbox::keep_running(options),
        Some(args::Subcommand::Imapfilter(options)) => imapfilter::run(options),
        Some(args::Subcommand::Types { directory }) => types::write(directory),
        Some(args::Subcommand::Check { scripts }) => check::check(scripts),
        Some(args::Subcommand::Repl { dry_run, options }) => repl::repl(options, *dry_run),
        Some(args::Subcommand::Schedule(options)) => schedule::schedule(options),
        Some(args::Subcommand::Status { script, max_age, json, place }) => {
            status::status(script.as_deref(), max_age.as_deref(), *json, place)
        }
        Some(args::Subcommand::Completions { shell }) => completions::completions(*shell),
        Some(args::Subcommand::Man) => man::man(),
        Some(args::Subcommand::Plan { output, script, arguments, options }) => {
            plan::plan(script, arguments, output, options)
        }
        Some(args::Subcommand::Apply { plan, options }) => plan::apply(plan, options),
        Some(args::Subcommand::Undo { run, options }) => undo::undo(*run, options),
        Some(args::Subcommand::Settle { options }) => undo::settle(options),
        Some(args::Subcommand::Restore { file, mailbox, options }) => {
            restore::restore(file, mailbox, options)
        }
        Some(args::Subcommand::History { run, place }) => history::history(*run, place),
        Some(args::Subcommand::Why { message_id, script: None, options, .. }) => {
            history::why(message_id, &options.place)
        }
        Some(args::Subcommand::Why { message_id, script: Some(script), arguments, options }) => {
            why::why(message_id, script, arguments, options)
        }
        None => run::run(&arguments),
    }
}
