//! Floor 5: the command line. The only floor that prints, reads the environment and knows the terminal.

mod args;
mod exit;
mod interrupt;
mod report;
mod run;
mod sandbox;
mod script_error;
mod state;
mod terminal;
mod trace;
mod types;

use std::process::ExitCode;

pub use args::Arguments;

/// Runs the program with the process's arguments and gives its exit code.
pub fn main() -> ExitCode {
    let arguments = match args::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match &arguments.command {
        Some(args::Subcommand::Sandbox(options)) => sandbox::keep_running(options),
        Some(args::Subcommand::Types { directory }) => types::write(directory),
        None => run::run(&arguments),
    }
}
