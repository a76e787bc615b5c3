//! What would go to another account.

use super::leaving::{Leaving, Then, leave};
use super::mailboxes::find_or_create;
use crate::engine::apply::across::Across;
use crate::engine::apply::source::Looked;
use crate::engine::gmail::is_gmail;
use crate::engine::names::script_name;
use crate::engine::overlay::{Arrival, Effect, Existing, Overlay, PlannedAction, PlannedMessage, raw};
use crate::engine::permission::Permission;
use crate::engine::report::{Landing, Report, Verb};
use crate::engine::selection::Selection;
use crate::engine::ticket::Ticket;
use crate::error::Result;
use crate::imap::Session;
use crate::mail::{MailboxName, Uid, UidSet};

/// The mailbox of another account, as it would be found.
#[derive(Clone)]
pub(in crate::engine::apply) struct There {
    pub(in crate::engine::apply) name: MailboxName,
    pub(in crate::engine::apply) shown: String,
    /// The largest message that the server takes.
    limit: Option<u64>,
}

/// Finds the mailbox that messages would be put into. It need not be there.
pub(in crate::engine::apply) fn find(across: &Across, permission: Permission) -> Ticket<There> {
    let spec = across.spec.clone();
    across.account.change(permission, move |session, run| {
        let wanted = spec.shown();
        let mut go = || {
            let name = spec.resolve(session, run)?;
            let shown = script_name(session, &name)?;
            let limits = session.capabilities().iter();
            let limits = limits.filter_map(|word| word.strip_prefix("APPENDLIMIT=")?.parse().ok());
            Ok(There { name, shown, limit: limits.min() })
        };
        go().map_err(|error: crate::error::Error| error.in_mailbox(&wanted))
    })
}

/// Notes what a copy or move to another account would do. Nothing waits for both of them at once.
pub(in crate::engine::apply) fn transfer(
    selection: &Selection,
    across: &Across,
    (there, permission): (There, Permission),
    (mut report, mut heads): Looked,
) -> Result<Report> {
    let moves = report.verb == Verb::Move;
    heads.retain(|head| {
        let fits = there.limit.is_none_or(|limit| head.size <= limit);
        if !fits {
            let why = format!("{} bytes, more than the other server takes", head.size);
            report.fail(UidSet::from(head.uid), why);
        }
        fits
    });
    if heads.is_empty() {
        return Ok(report);
    }
    let Some(overlay) = across.account.run().overlay.clone() else { return Ok(report) };
    let (of, name) = (overlay.clone(), there.clone());
    let found = across.account.change(permission, move |session, run| {
        let found = find_or_create(session, &of, &name.name)?;
        if found.1 {
            run.may_create(1, &name.shown)?;
            run.count_created();
        }
        Ok(found)
    });
    let (mailbox, created) = found.wait()?;
    if created {
        let target = report.object.clone().unwrap_or_default();
        report.notes.push(format!("would create mailbox {target}"));
    }
    let action = PlannedAction {
        target_account: across.account.label().to_owned(),
        target_account_key: across.account.row().identity.clone(),
        target_raw: raw(there.name.wire()),
        accept_rewritten: across.accept_rewritten,
        creates_target: created,
        ..PlannedAction::of(&report)
    };
    let then = if moves { Then::Go } else { Then::Stay };
    let of = selection.clone();
    let left = selection.account.change(permission, move |session, run| {
        let Some(overlay) = &run.overlay else { return Ok(None) };
        let left = leave(session, run, overlay, &of, (&heads, then), (action, &mut report))?;
        Ok(Some((left, report)))
    });
    let Some((Leaving { number, messages }, mut report)) = left.wait()? else {
        return Err(crate::error::Error::protocol("a dry run without a plan"));
    };
    let from = overlay.reader_of(&selection.account);
    let to = across.account.row().identity.clone();
    let (arrivals, mut planned): (Vec<_>, Vec<_>) =
        messages.into_iter().map(|(arrival, message)| (arrival.carried(&from, &to), message)).unzip();
    let target = (there.name.clone(), mailbox);
    let ticket = across.account.change(permission, move |session, run| match &run.overlay {
        Some(overlay) => land(session, overlay, &target, arrivals).map(|landed| (landed, target.1.validity)),
        None => Ok((Vec::new(), None)),
    });
    let (landed, validity) = ticket.wait()?;
    let pairs = note_landed(&mut planned, &landed);
    overlay.fill(number, planned);
    if let Some(validity) = validity {
        let uids = pairs.iter().map(|(_, new)| *new).collect();
        report.land(Landing { mailbox: there.name, validity, uids, pairs });
    }
    Ok(report)
}

/// Where a message would be, and by what number Gmail would know it.
pub(super) type Landed = (Option<Uid>, Option<u64>);

/// Has messages arrive in a mailbox.
pub(super) fn land(
    session: &mut Session,
    overlay: &Overlay,
    (name, Existing { key, .. }): &(MailboxName, Existing),
    arrivals: Vec<Arrival>,
) -> Result<Vec<Landed>> {
    if !is_gmail(session) {
        let arrive = |arrival| (overlay.contents(key, |contents| contents.plan_arrival(arrival)), None);
        return Ok(arrivals.into_iter().map(arrive).collect());
    }
    let here = overlay.spot(session, name, key)?;
    let mut ids = Vec::new();
    for arrival in arrivals {
        let id = overlay.new_gmail_id();
        overlay.plan_on_gmail(id, (arrival.known_as(id), Vec::new()), &here, Effect::Copy(&here));
        ids.push(id);
    }
    overlay.take_in(session, name, key)?;
    Ok(ids.into_iter().map(|id| (overlay.on_gmail(key, id), Some(id))).collect())
}

/// Notes where messages would be, and gives which would become which.
pub(super) fn note_landed(planned: &mut [PlannedMessage], landed: &[Landed]) -> Vec<(Uid, Uid)> {
    let mut pairs = Vec::new();
    for (message, (new, id)) in planned.iter_mut().zip(landed) {
        message.becomes = new.map(Uid::get);
        message.becomes_on_gmail = *id;
        pairs.extend(Uid::new(message.uid).zip(*new));
    }
    pairs
}
