use std::io::Write as _;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::args::Arguments;

/// Prints what a shell needs to complete the command line.
pub(super) fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "imapscript", &mut script);
    // Where nobody reads any more, there is nobody to tell.
    let _ = std::io::stdout().write_all(&script);
    ExitCode::SUCCESS
}
