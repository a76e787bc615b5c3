use std::collections::BTreeMap;

use super::step::{Step, canonical};
use crate::engine::identity::{Identity, Inquiry, Likeness};
use crate::engine::query::{Query, Verdict};
use crate::engine::report::Report;
use crate::engine::selection::Selection;
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{Access, Command, Response, Selected, Session};
use crate::mail::{MailboxName, Uid, UidSet, UidValidity};

/// What a target was before anything was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// It does not exist, or the server would not speak of it.
    Missing,
    /// Whatever comes later has this UID or a higher one, as long as the validity is this one.
    Next(Option<UidValidity>, Uid),
    /// It is there, and new messages can't be told from old ones.
    Unknown,
}

/// What the messages of all steps are now.
pub(super) type Identities = BTreeMap<Uid, Identity>;

/// Opens the mailbox for writing, compares its UIDVALIDITY, and looks at each message of the steps again, all in
/// one flight in which nothing changes. What each step may act on, and what its target is, is noted in it.
///
/// Messages that are gone or `held`, or of which the server's word and what is seen here differ, go into the reports as
/// skipped. Errors: the mailbox was rebuilt, gives no UIDVALIDITY, or can't be written to.
pub(super) fn make_ready(session: &mut Session, steps: &mut [Step<'_>], held: &UidSet) -> Result<Identities> {
    let Some(first) = steps.first().map(|step| step.selection) else { return Ok(Identities::new()) };
    let queries: Vec<_> = steps.iter().map(|step| step.selection.query.clone()).collect();
    let wanted = steps.iter().fold(UidSet::new(), |sum, step| sum.union(&step.selection.uids));
    let inquiry = Inquiry::new(session, Some(&Query::Any(queries)))?;
    let mut commands = inquiry.commands(&wanted);
    let fetches = commands.len();
    let mut targets: Vec<MailboxName> = Vec::new();
    for target in steps.iter().filter_map(Step::target) {
        if !targets.contains(target) {
            targets.push(target.clone());
        }
    }
    commands.extend(
        targets.iter().map(|name| Command::new("STATUS").mailbox(name).syntax("(UIDNEXT UIDVALIDITY)")),
    );
    let mut identities = Identities::new();
    let mut told: Vec<Told> = Vec::new();
    let ends = session.run_in(&first.name, Access::Write, false, &commands, &mut |_, response| {
        match response {
            // Not by its place: Dovecot answers it before a FETCH that takes its time.
            Response::MailboxStatus(status) => told.push((status.name, status.uid_validity, status.uid_next)),
            response => inquiry.take(&mut identities, &wanted, response),
        }
        Ok(())
    })?;
    for step in steps.iter() {
        check_open(session, step.selection)?;
    }
    let mut ends = ends.into_iter();
    for end in ends.by_ref().take(fetches) {
        end.ok()?;
    }
    if identities.values().any(|identity| identity.flags.is_none()) {
        return Err(Error::protocol("FETCH answers without the flags that were asked for"));
    }
    let exists: Vec<bool> = ends.map(|end| end.is_ok()).collect();
    for step in steps.iter_mut() {
        if let Some(target) = step.target()
            && let Some(at) = targets.iter().position(|name| name == target)
        {
            step.before = match (exists.get(at), next_uid(&told, target, targets.len() == 1)) {
                (Some(false), _) => Before::Missing,
                (_, Some((validity, next))) => Before::Next(validity, next),
                (_, None) => Before::Unknown,
            };
        }
        look_again(step, &identities, held);
    }
    Ok(identities)
}

/// What STATUS says of a target: its name, its validity, and the next UID.
type Told = (MailboxName, Option<UidValidity>, Option<Uid>);

/// Finds what the server said of a target, however it spells the name: the only answer is for the only question.
fn next_uid(told: &[Told], target: &MailboxName, only: bool) -> Option<(Option<UidValidity>, Uid)> {
    let alike = |name: &MailboxName| canonical(name, None) == canonical(target, None);
    let of =
        told.iter().find(|(name, ..)| name == target).or_else(|| told.iter().find(|(name, ..)| alike(name)));
    let of = of.or_else(|| told.first().filter(|_| only && told.len() == 1));
    of.and_then(|(_, validity, next)| Some((*validity, (*next)?)))
}

/// Asks a step's query of its messages again, and leaves alone what does not match any more.
pub(super) fn look_again(step: &mut Step<'_>, identities: &Identities, held: &UidSet) {
    let removes = step.removes();
    let expected = step.expected.clone();
    let none = UidSet::new();
    let held = if step.even_held { &none } else { held };
    step.uids = judge_again(step.selection, identities, held, expected.as_deref(), &mut step.report, removes);
}

/// Gives the messages of a selection that its query still matches and that are not held. What is to be said of the
/// others goes into the report.
pub(super) fn judge_again(
    selection: &Selection,
    identities: &Identities,
    held: &UidSet,
    expected: Option<&BTreeMap<Uid, Likeness>>,
    report: &mut Report,
    removes: bool,
) -> UidSet {
    let (mut gone, mut differing, mut on_hold) = (UidSet::new(), UidSet::new(), UidSet::new());
    let (mut ready, mut unchecked) = (Vec::new(), 0);
    let needs = selection.query.needs();
    for uid in selection.uids.iter() {
        let Some(identity) = identities.get(&uid) else {
            gone.insert(uid);
            continue;
        };
        if held.contains(uid) {
            on_hold.insert(uid);
            continue;
        }
        let is_expected = expected.is_none_or(|all| {
            all.get(&uid).is_none_or(|likeness| {
                [identity.likeness(), identity.mail_likeness()].iter().flatten().any(|is| is == likeness)
            })
        });
        if !is_expected {
            differing.insert(uid);
            continue;
        }
        match identity.judge(uid, &selection.query, &needs, None, &[]) {
            Verdict::No => differing.insert(uid),
            Verdict::Yes => ready.push(uid),
            Verdict::Unknown => {
                ready.push(uid);
                unchecked += 1;
            }
        }
    }
    report.skip(gone, "no longer in the mailbox");
    report
        .skip(on_hold, "held since an earlier run left them in doubt: `imapscript settle` looks after them");
    report.skip(differing, "left alone: what is seen now does not match what was searched for");
    if removes && unchecked > 0 {
        report.notes.push(format!(
            "{unchecked} of them without a second look: bodies, attachments and functions are not asked again"
        ));
    }
    ready.into_iter().collect()
}

/// Makes sure that the selection's mailbox is open for writing and that its UIDs mean what they meant.
pub(super) fn check_open(session: &Session, selection: &Selection) -> Result<()> {
    if check_readable(session, selection)?.read_only {
        return Err(ErrorKind::ReadOnly { mailbox: selection.shown.clone() }.into());
    }
    Ok(())
}

/// Makes sure that the selection's mailbox is open and that its UIDs mean what they meant.
pub(super) fn check_readable<'a>(session: &'a Session, selection: &Selection) -> Result<&'a Selected> {
    let selected = session.selected().ok_or_else(|| Error::protocol("no mailbox is open after SELECT"))?;
    let mailbox = || selection.shown.clone();
    match (selection.validity, selected.validity) {
        (Some(was), Some(is)) if was == is => {}
        (Some(was), Some(is)) => {
            let kind = ErrorKind::UidValidityChanged { mailbox: mailbox(), was: was.get(), is: is.get() };
            return Err(kind.into());
        }
        _ => return Err(ErrorKind::NoUidValidity { mailbox: mailbox() }.into()),
    }
    Ok(selected)
}

/// Opens the selection's mailbox again after another one was looked at.
pub(super) fn reopen(session: &mut Session, selection: &Selection) -> Result<()> {
    session.open_mailbox(&selection.name, Access::Write)?;
    check_open(session, selection)
}
