//! Copy and move, by the safest way the server has.
//!
//! a. `UID MOVE`: the server moves each message whole or not at all (RFC 6851 §3.3).
//! b. With UIDPLUS: `UID COPY`, proof of the copies, `\Deleted` on what is proven, `UID EXPUNGE` of the same.
//! c. Without: the same as b without the last step, and it is said that the messages stay marked.

use super::proof::Proof;
use super::ready::{Before, Ready, check_open, make_ready};
use crate::engine::names::{NameSpec, has_special_use, script_name};
use crate::engine::report::{Landing, Report, Verb};
use crate::engine::selection::Selection;
use crate::engine::world::Run;
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{Code, Done, Session, SpecialUse};
use crate::mail::{Flag, MailboxName, UidSet};

/// A transfer on its way.
pub(super) struct Way<'a> {
    pub(super) selection: &'a Selection,
    pub(super) target: MailboxName,
    pub(super) ready: Ready,
    pub(super) report: Report,
    /// CREATE was sent for the target.
    pub(super) tried: bool,
    created: bool,
}

/// Copies or moves a selection's messages to another mailbox of the same account.
pub(super) fn transfer(
    session: &mut Session,
    run: &Run,
    selection: &Selection,
    verb: Verb,
    target: &NameSpec,
) -> Result<Report> {
    let name = target.resolve(session)?;
    let shown = script_name(session, &name)?;
    let mut report = Report::new(verb, selection.account.label(), &selection.shown, Some(shown.clone()));
    if selection.uids.is_empty() {
        return Ok(report);
    }
    let delimiter = session.namespaces()?.personal.delimiter;
    if canonical(&name, delimiter) == canonical(&selection.name, delimiter) {
        let reason = if verb == Verb::Trash {
            "already in Trash; `trash` never removes for good"
        } else {
            "already there"
        };
        report.skip(selection.uids.clone(), reason);
        return Ok(report);
    }
    if verb != Verb::Copy {
        refuse_all_mail(session, &selection.name)?;
    }
    let ready = make_ready(session, run, selection, Some(&name), &mut report)?;
    let moves = session.capabilities().has("MOVE");
    let keeps_deleted = session.selected().is_none_or(|selected| selected.keeps(&Flag::Deleted));
    if verb != Verb::Copy && !moves && !keeps_deleted {
        let kind = ErrorKind::FlagNotKept { mailbox: selection.shown.clone(), flag: "\\Deleted".to_owned() };
        return Err(kind.into());
    }
    if ready.uids.is_empty() {
        return Ok(report);
    }
    if run.is_interrupted() {
        return Err(ErrorKind::Interrupted.into());
    }
    if verb != Verb::Copy && !ready.unchecked.is_empty() {
        let count = ready.unchecked.len();
        report.notes.push(format!(
            "{count} of them without a second look: bodies, attachments and functions are not asked again"
        ));
    }
    let uids = ready.uids.clone();
    let mut way = Way { selection, target: name, ready, report, tried: false, created: false };
    if verb == Verb::Copy {
        way.copy(session, &uids);
    } else if moves {
        way.move_(session, &uids);
    } else {
        way.copy_and_remove(session, &uids);
    }
    if way.created {
        way.report.notes.push(format!("created mailbox {shown}"));
    }
    Ok(way.report)
}

/// Gives a name in the one spelling that stands for all that servers take for the same: `INBOX.Q.` is `INBOX.Q`
/// to Cyrus, and `inbox.Q` to most.
fn canonical(name: &MailboxName, delimiter: Option<char>) -> Vec<u8> {
    let delimiter = delimiter.and_then(|delimiter| u8::try_from(delimiter).ok());
    let mut wire = name.wire();
    while let Some((_, rest)) = wire.split_last().filter(|(last, _)| Some(**last) == delimiter) {
        wire = rest;
    }
    let first = wire.split(|&byte| Some(byte) == delimiter).next().unwrap_or_default();
    let mut spelt = wire.to_vec();
    if first.eq_ignore_ascii_case(b"INBOX") {
        spelt.iter_mut().take(first.len()).for_each(u8::make_ascii_uppercase);
    }
    spelt
}

/// Gmail's All Mail holds every message under all its labels: what is moved out of it is not what a script
/// means.
fn refuse_all_mail(session: &mut Session, source: &MailboxName) -> Result<()> {
    if session.capabilities().has("X-GM-EXT-1") && has_special_use(session, source, SpecialUse::All) {
        return Err(Error::script(
            "messages can't be moved out of Gmail's All Mail: it holds every message, whatever its labels",
            "move them out of the label's own mailbox, such as INBOX",
        ));
    }
    Ok(())
}

impl Way<'_> {
    /// Copies, and is done.
    fn copy(&mut self, session: &mut Session, uids: &UidSet) {
        let (transfers, error) = session.uid_copy(uids, &self.target);
        let broken = error.map(|error| error.to_string());
        let mut again = UidSet::new();
        for transfer in &transfers {
            let proof = Proof::from_codes(&transfer.copied, &transfer.named);
            let rest = transfer.named.difference(&proof.shown);
            self.take_done(&proof);
            match &transfer.done {
                // RFC 3501 §6.4.7: all are copied or none, and without UIDPLUS OK is all there is.
                Some(done) if done.is_ok() && transfer.copied.is_empty() => {
                    self.report.done = self.report.done.union(&transfer.named);
                }
                Some(done) if self.may_try_again(done, &proof) => again = again.union(&rest),
                Some(done) if done.is_ok() => {
                    self.report.doubt(rest, "the server said OK but named no copy of it");
                }
                Some(done) => self.report.fail(rest, refusal(done)),
                None => self.report.doubt(rest, cut(broken.as_deref())),
            }
        }
        if !again.is_empty() && self.create_target(session, &again) {
            self.copy(session, &again);
        }
    }

    pub(super) fn take_done(&mut self, proof: &Proof) {
        self.report.done = self.report.done.union(&proof.shown);
        self.take_landed(proof);
    }

    pub(super) fn take_landed(&mut self, proof: &Proof) {
        for (validity, uids) in &proof.landed {
            match self.report.landed.iter_mut().find(|landing| landing.validity == *validity) {
                Some(landing) => landing.uids = landing.uids.union(uids),
                None => self.report.landed.push(Landing {
                    mailbox: self.target.clone(),
                    validity: *validity,
                    uids: uids.clone(),
                }),
            }
        }
    }

    /// Tells whether a refusal means that the target is missing and nothing was done yet.
    pub(super) fn may_try_again(&self, done: &Done, proof: &Proof) -> bool {
        // Some servers forget the code.
        let missing = done.has(&Code::TryCreate)
            || done.has(&Code::NonExistent)
            || self.ready.before == Before::Missing;
        !done.is_ok() && missing && proof.shown.is_empty() && !self.tried
    }

    pub(super) fn create_target(&mut self, session: &mut Session, for_: &UidSet) -> bool {
        self.tried = true;
        if let Err(error) = check_open(session, self.selection) {
            self.report.fail(for_.clone(), error.to_string());
            return false;
        }
        match session.create(&self.target) {
            Ok(new) => {
                self.created = new;
                true
            }
            Err(error) => {
                self.report
                    .fail(for_.clone(), format!("the target does not exist and can't be created: {error}"));
                false
            }
        }
    }
}

pub(super) fn refusal(done: &Done) -> String {
    let (status, text) = (done.line.status.word(), &done.line.text);
    if done.is_ok() {
        format!("the server said {status} but left it where it was")
    } else {
        format!("the server refused {}: {status} {text}", done.verb)
    }
}

pub(super) fn cut(error: Option<&str>) -> String {
    format!("the connection broke before the server answered ({})", error.unwrap_or("no reason known"))
}
