use super::ready::make_ready;
use crate::engine::report::{Report, Verb};
use crate::engine::selection::Selection;
use crate::engine::world::Run;
use crate::error::{ErrorKind, Result};
use crate::imap::{Session, StoreMode};
use crate::mail::Flag;

/// Sets or takes away flags of a selection's messages.
pub(super) fn store(
    session: &mut Session,
    run: &Run,
    selection: &Selection,
    mode: StoreMode,
    flags: &[Flag],
) -> Result<Report> {
    let verb = if mode == StoreMode::Add { Verb::Mark } else { Verb::Unmark };
    let words: Vec<_> = flags.iter().map(ToString::to_string).collect();
    let mut report = Report::new(verb, selection.account.label(), &selection.shown, Some(words.join(" ")));
    if selection.uids.is_empty() {
        return Ok(report);
    }
    let ready = make_ready(session, run, selection, None, &mut report)?;
    if let Some(flag) = flags.iter().find(|flag| session.selected().is_some_and(|open| !open.keeps(flag))) {
        let kind = ErrorKind::FlagNotKept { mailbox: selection.shown.clone(), flag: flag.to_string() };
        return Err(kind.into());
    }
    if ready.uids.is_empty() {
        return Ok(report);
    }
    if run.is_interrupted() {
        return Err(ErrorKind::Interrupted.into());
    }
    let (parts, error) = session.uid_store(&ready.uids, mode, flags);
    let broken = error.map(|error| error.to_string()).unwrap_or_default();
    for (named, end) in parts {
        match end {
            Some(done) if done.is_ok() => report.done = report.done.union(&named),
            Some(done) => {
                let (status, text) = (done.line.status.word(), &done.line.text);
                report.fail(named, format!("the server refused UID STORE: {status} {text}"));
            }
            None => {
                report.doubt(named, format!("the connection broke before the server answered ({broken})"));
            }
        }
    }
    Ok(report)
}
