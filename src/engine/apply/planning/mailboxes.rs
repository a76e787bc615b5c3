use std::sync::Arc;

use crate::engine::gmail::is_gmail;
use crate::engine::names::script_name;
use crate::engine::overlay::{
    Arrival, Draft, Effect, Existing, Origin, Overlay, PlannedAction, PlannedMessage, Turn, VIRTUAL,
    is_beneath, missing, raw,
};
use crate::engine::report::{Landing, Report};
use crate::engine::sample::Sample;
use crate::error::{Error, ErrorKind, Result};
use crate::imap::Session;
use crate::mail::{MailboxName, Uid, UidSet, UidValidity};

/// Finds a mailbox, which is planned to be made where it is missing. Tells whether it is.
pub(super) fn find_or_create(
    session: &mut Session,
    overlay: &Overlay,
    name: &MailboxName,
) -> Result<(Existing, bool)> {
    if let Some(mailbox) = overlay.existing(session, name)? {
        return Ok((mailbox, false));
    }
    overlay.turn(Turn::Created(name.clone()));
    let made = overlay.existing(session, name)?;
    let made = made.ok_or_else(|| Error::protocol("a mailbox that is planned and not there"))?;
    Ok((made, true))
}

/// Notes a mailbox to be made. `false` where there is one.
pub(in crate::engine::apply) fn create(
    session: &mut Session,
    overlay: &Overlay,
    name: &MailboxName,
) -> Result<bool> {
    find_or_create(session, overlay, name).map(|(_, created)| created)
}

/// Notes that a mailbox, which is empty, is deleted.
pub(in crate::engine::apply) fn delete(overlay: &Overlay, name: &MailboxName) {
    overlay.turn(Turn::Deleted(name.clone()));
}

/// Notes that a mailbox gets another name.
///
/// Errors: there is none, or the other name is taken.
pub(in crate::engine::apply) fn rename(
    session: &mut Session,
    overlay: &Overlay,
    from: &MailboxName,
    to: &MailboxName,
) -> Result<()> {
    // What only stands above others can be renamed with them (RFC 3501 §6.3.5).
    let listed = overlay.list(session, from, false)?;
    if listed.iter().all(|entry| entry.name != *from) {
        return Err(missing("RENAME", &script_name(session, from)?));
    }
    if overlay.existing(session, to)?.is_some() {
        let text = format!("mailbox `{}` exists already", script_name(session, to)?);
        return Err(ErrorKind::Refused { command: "RENAME".to_owned(), status: "NO", text }.into());
    }
    let delimiter = session.namespaces()?.personal.delimiter;
    if is_beneath(to, from, delimiter) {
        let text = "a mailbox can't become a part of itself".to_owned();
        return Err(ErrorKind::Refused { command: "RENAME".to_owned(), status: "NO", text }.into());
    }
    overlay.turn(Turn::Renamed { from: from.clone(), to: to.clone(), delimiter });
    Ok(())
}

/// Notes that a subscription begins or ends.
pub(in crate::engine::apply) fn subscribe(
    session: &mut Session,
    overlay: &Overlay,
    name: &MailboxName,
    shown: &str,
    on: bool,
) -> Result<()> {
    if on && overlay.existing(session, name)?.is_none() {
        return Err(missing("SUBSCRIBE", shown));
    }
    overlay.subscribe(name.clone(), on);
    Ok(())
}

/// Notes what would be done to a mailbox, and makes its report that of a plan.
pub(in crate::engine::apply) fn on_mailbox(
    overlay: &Overlay,
    name: &MailboxName,
    target: Option<&MailboxName>,
    report: Report,
) -> Report {
    let report = Report { planned: true, ..report };
    overlay.record(PlannedAction {
        mailbox_raw: raw(name.wire()),
        target_raw: target.map(|target| raw(target.wire())).unwrap_or_default(),
        ..PlannedAction::of(&report)
    });
    report
}

/// Notes a message to be added to a mailbox, and gives the UID by which it is known where a real run would learn one.
pub(in crate::engine::apply) fn append(
    session: &mut Session,
    overlay: &Overlay,
    report: &mut Report,
    name: &MailboxName,
    draft: Draft,
) -> Result<Option<Uid>> {
    let (Existing { key, validity }, created) = find_or_create(session, overlay, name)?;
    if created {
        report.notes.push(format!("would create mailbox {}", report.mailbox));
    }
    report.samples = vec![Sample::of(draft.date(), draft.message().headers())];
    report.planned = true;
    let number = overlay.record(PlannedAction {
        mailbox_raw: raw(name.wire()),
        uid_validity: validity.map(UidValidity::get),
        creates_target: created,
        ..PlannedAction::of(report)
    });
    overlay.amend(number, |action| draft.describe(action));
    let seen = draft.is_seen();
    let uid = if is_gmail(session) {
        let id = overlay.new_gmail_id();
        let arrival = Arrival::of(Origin::Memory(Arc::new(draft.known_as(id))), seen, number);
        // Later actions know it by this number, until the server gives it another.
        let message = PlannedMessage { uid: VIRTUAL, gmail_id: Some(id), ..PlannedMessage::default() };
        overlay.fill(number, vec![message]);
        let here = overlay.spot(session, name, &key)?;
        overlay.plan_on_gmail(id, (arrival, Vec::new()), &here, Effect::Copy(&here));
        overlay.take_in(session, name, &key)?;
        overlay.on_gmail(&key, id)
    } else {
        let arrival = Arrival::of(Origin::Memory(Arc::new(draft)), seen, number);
        overlay.contents(&key, |contents| contents.plan_arrival(arrival))
    };
    let told = uid.filter(|_| session.capabilities().has("UIDPLUS"));
    if let (Some(uid), Some(validity)) = (told, validity) {
        report.landed.push(Landing {
            mailbox: name.clone(),
            validity,
            uids: UidSet::from(uid),
            pairs: Vec::new(),
        });
    }
    Ok(told)
}
