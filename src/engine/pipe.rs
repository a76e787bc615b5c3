use std::process::Output;

use super::contents::each_content;
use super::outside::plan_outside;
use super::program::Program;
use super::report::{Report, Verb};
use super::selection::Selection;
use crate::error::{Error, visible};
use crate::mail::UidSet;

/// Runs a program once for each message, which it reads whole from its standard input. What it prints is not
/// kept. A message with which it does not succeed has failed.
///
/// With the report of what was done comes the error that ended it before its end, if one did.
pub fn pipe(selection: &Selection, program: &Program) -> (Report, Option<Error>) {
    if let Some(overlay) = &selection.account.run().overlay {
        return plan_outside(overlay, Verb::Pipe, selection, program.name.clone(), None);
    }
    let mut report = Report::of(Verb::Pipe, selection, program.name.clone());
    let run = selection.account.run();
    let done = each_content(selection, &mut report, |report, loaded, raw| {
        let uid = UidSet::from(loaded.uid);
        let ended = program.carry_out(Some(raw), run)?;
        if ended.status.success() {
            report.done.insert(loaded.uid);
        } else {
            report.fail(uid, reason(&ended));
        }
        Ok(())
    });
    let error = done.err().and_then(|error| report.cut_short(&selection.uids, error));
    (report, error)
}

/// Says how a program failed: its code, and the first thing that it complained of.
fn reason(ended: &Output) -> String {
    let how = match ended.status.code() {
        Some(code) => format!("it ended with code {code}"),
        None => format!("it ended with {}", ended.status),
    };
    let complaint = String::from_utf8_lossy(&ended.stderr);
    match complaint.lines().find(|line| !line.trim().is_empty()) {
        Some(line) => format!("{how}: {}", visible(line.trim())),
        None => how,
    }
}
