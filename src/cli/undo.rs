use std::process::ExitCode;

use super::exit;
use super::options::Options;
use super::report::{error, out};
use super::run::told;
use super::surroundings::{Refusal, Surroundings};
use crate::engine;
use crate::engine::messages;

/// Refuses to go on with what an embedded server had: the mail of an embedded sandbox does not outlive its run.
pub(super) fn refuse_embedded(options: &Options) -> Result<(), Refusal> {
    match options.place.sandbox {
        Some(None) => Err((
            exit::USAGE,
            "an embedded sandbox ends with its run: there is nothing left of it".to_owned(),
            "keep one running with `imapscript sandbox`, and name it: `--sandbox=127.0.0.1:1143`",
        )),
        _ => Ok(()),
    }
}

/// Takes a run back.
pub(super) fn undo(wanted: Option<i64>, options: &Options) -> ExitCode {
    let go = || -> Result<u8, Refusal> {
        refuse_embedded(options)?;
        let name = wanted.map_or_else(|| "undo".to_owned(), |run| format!("undo {run}"));
        let around = Surroundings::new(options, name, false)?;
        let code = match engine::undo(&around.run, wanted) {
            Ok(undone) => {
                let (run, name) = (undone.run, &undone.name);
                for left in &undone.left {
                    error(&format!("not undone: {left}"), None);
                }
                match (undone.count, undone.left.is_empty(), options.quiet) {
                    (_, _, true) => {}
                    (0, true, _) => out(format_args!("run {run} ({name}): nothing is left to undo")),
                    (count, true, _) => out(format_args!("run {run} ({name}) is undone: {count} put back")),
                    (count, false, _) => {
                        out(format_args!("run {run} ({name}) is undone in part: {count} put back"));
                    }
                }
                if undone.left.is_empty() && !undone.held { 0 } else { exit::PARTIAL }
            }
            Err(error) => around.failed(&error),
        };
        Ok(around.end(code))
    };
    told(go())
}

/// Looks after all that earlier runs left open or in doubt.
pub(super) fn settle(options: &Options) -> ExitCode {
    let go = || -> Result<u8, Refusal> {
        refuse_embedded(options)?;
        let around = Surroundings::new(options, "settle".to_owned(), false)?;
        let code = match engine::apply::settle_all(&around.run) {
            Ok(0) => {
                if !options.quiet {
                    out("nothing is open or in doubt");
                }
                0
            }
            Ok(_) => 0,
            Err(error) => around.failed(&error),
        };
        Ok(around.end(code))
    };
    told(go())
}

/// Says how many of what.
pub(super) fn counted(verb: engine::Verb, count: usize) -> String {
    use engine::Verb::{Create, Delete, Rename, Subscribe, Unsubscribe};
    let done = verb.done();
    match verb {
        Create | Delete | Rename | Subscribe | Unsubscribe if count == 1 => format!("{done} 1 mailbox"),
        Create | Delete | Rename | Subscribe | Unsubscribe => format!("{done} {count} mailboxes"),
        _ => format!("{done} {}", messages(count)),
    }
}
