//! The imapscript command.

use std::process::ExitCode;

fn main() -> ExitCode {
    imapscript::cli::main()
}
