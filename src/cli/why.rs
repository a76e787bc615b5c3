use std::path::Path;
use std::process::ExitCode;

use super::options::Options;
use super::report::out;
use super::run::{execute, load, told};
use super::surroundings::{Refusal, Surroundings};
use crate::error::visible;

/// Runs a script dry, and tells what its rules say of a message.
pub(super) fn why(message_id: &str, script: &Path, arguments: &[String], options: &Options) -> ExitCode {
    let go = || -> Result<u8, Refusal> {
        let script = load(script, arguments)?;
        // Only the explanation matters.
        let options = Options { quiet: true, verbose: 0, ..options.clone() };
        let mut around = Surroundings::new(&options, script.name.clone(), true)?;
        let bare = message_id.trim().trim_start_matches('<').trim_end_matches('>');
        around.run.why = Some(bare.into());
        let code = execute(&around, &script)?;
        if !around.reporter().has_explained() {
            out(format_args!("no `rules` of the script came upon <{}>", visible(bare)));
        }
        Ok(around.end(code))
    };
    told(go())
}
