use std::collections::BTreeMap;

use crate::engine::identity::{Identity, Inquiry};
use crate::engine::query::Verdict;
use crate::engine::report::Report;
use crate::engine::selection::Selection;
use crate::engine::world::Run;
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{Access, Command, Response, Session};
use crate::mail::{MailboxName, Uid, UidSet};

/// Messages that may be acted on now.
pub(super) struct Ready {
    pub(super) uids: UidSet,
    /// Those of them of which only the server can tell that they match.
    pub(super) unchecked: UidSet,
    pub(super) identities: BTreeMap<Uid, Identity>,
    pub(super) before: Before,
}

/// What the target was before anything was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// It does not exist, or the server would not speak of it.
    Missing,
    /// Whatever comes later has this UID or a higher one.
    Next(Uid),
    /// It is there, and new messages can't be told from old ones.
    Unknown,
}

/// Opens the selection's mailbox for writing, compares its UIDVALIDITY, and looks at each message again, all
/// in one flight in which nothing changes.
///
/// Messages that are gone, or of which the server's word and what is seen here differ, go into the report as
/// skipped. Errors: the mailbox was rebuilt, gives no UIDVALIDITY, or can't be written to.
pub(super) fn make_ready(
    session: &mut Session,
    run: &Run,
    selection: &Selection,
    target: Option<&MailboxName>,
    report: &mut Report,
) -> Result<Ready> {
    if run.is_interrupted() {
        return Err(ErrorKind::Interrupted.into());
    }
    let inquiry = Inquiry::new(session, Some(&selection.query))?;
    let mut commands = inquiry.commands(&selection.uids);
    let fetches = commands.len();
    if let Some(target) = target {
        commands.push(Command::new("STATUS").mailbox(target).syntax("(UIDNEXT)"));
    }
    let mut identities = BTreeMap::new();
    let mut target_next = None;
    let ends = session.run_in(&selection.name, Access::Write, false, &commands, &mut |_, response| {
        match response {
            // It is the only one that was asked for, whenever it comes (Dovecot answers it before a FETCH that
            // takes its time) and however the server spells the name.
            Response::MailboxStatus(status) => target_next = status.uid_next,
            response => inquiry.take(&mut identities, &selection.uids, response),
        }
        Ok(())
    })?;
    check_open(session, selection)?;
    let mut ends = ends.into_iter();
    for end in ends.by_ref().take(fetches) {
        end.ok()?;
    }
    let before = match (ends.next(), target_next) {
        (Some(end), _) if !end.is_ok() => Before::Missing,
        (_, Some(next)) => Before::Next(next),
        (_, None) => Before::Unknown,
    };
    let all_there: UidSet = identities.keys().copied().collect();
    report.skip(selection.uids.difference(&all_there), "no longer in the mailbox");
    let mut uids = UidSet::new();
    let (mut differing, mut unchecked) = (UidSet::new(), UidSet::new());
    for (uid, identity) in &identities {
        if identity.flags.is_none() {
            return Err(Error::protocol("FETCH answers without the flags that were asked for"));
        }
        match identity.judge(*uid, &selection.query, None, &[]) {
            Verdict::No => differing.insert(*uid),
            Verdict::Yes => uids.insert(*uid),
            Verdict::Unknown => {
                uids.insert(*uid);
                unchecked.insert(*uid);
            }
        }
    }
    report.skip(differing, "left alone: what is seen now does not match what was searched for");
    Ok(Ready { uids, unchecked, identities, before })
}

/// Makes sure that the selection's mailbox is open for writing and that its UIDs mean what they meant.
pub(super) fn check_open(session: &Session, selection: &Selection) -> Result<()> {
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
    if selected.read_only {
        return Err(ErrorKind::ReadOnly { mailbox: mailbox() }.into());
    }
    Ok(())
}

/// Opens the selection's mailbox again after another one was looked at.
pub(super) fn reopen(session: &mut Session, selection: &Selection) -> Result<()> {
    session.open_mailbox(&selection.name, Access::Write)?;
    check_open(session, selection)
}
