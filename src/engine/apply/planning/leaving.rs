use crate::engine::apply::source::Head;
use crate::engine::gmail::is_gmail;
use crate::engine::identity::Inquiry;
use crate::engine::names::NameSpec;
use crate::engine::overlay::{
    Arrival, Change, Effect, Key, Overlay, PlannedAction, PlannedMessage, Spot, raw,
};
use crate::engine::query::Needs;
use crate::engine::report::Report;
use crate::engine::sample::Sample;
use crate::engine::selection::Selection;
use crate::engine::world::Run;
use crate::error::Result;
use crate::imap::{Session, StoreMode};
use crate::mail::{Flag, UidSet, UidValidity};

use super::origin;

/// What becomes of messages in their mailbox once they are stored elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// They stay.
    Stay,
    /// They are removed; on Gmail they go to Trash.
    Go,
    /// They are removed for good.
    Vanish,
}

/// Messages as they leave.
pub(super) struct Leaving {
    /// The number of the action.
    pub(super) number: usize,
    /// As they were, and how the plan knows them.
    pub(super) messages: Vec<(Arrival, PlannedMessage)>,
}

/// Notes an action that stores messages elsewhere, and what becomes of them here.
pub(super) fn leave(
    session: &mut Session,
    run: &Run,
    overlay: &Overlay,
    selection: &Selection,
    (heads, then): (&[Head], Then),
    (action, report): (PlannedAction, &mut Report),
) -> Result<Leaving> {
    let source = overlay.opened(session, &selection.name)?;
    let number = overlay.record(PlannedAction {
        mailbox_raw: raw(selection.name.wire()),
        uid_validity: selection.validity.map(UidValidity::get),
        ..action
    });
    let gmail = is_gmail(session).then(|| on_gmail(session, run, overlay, selection, &source)).transpose()?;
    let can_remove = session.capabilities().has("UIDPLUS");
    let marked = Change::flags(StoreMode::Add, &[Flag::Deleted]);
    let mut messages = Vec::new();
    for head in heads {
        let seen = head.flags.contains(&Flag::Seen);
        let plain = origin(&source, selection, head.uid).map(|origin| Arrival::of(origin, seen, number));
        let mut message = describe(head);
        let arrival = overlay.contents(&source, |contents| {
            message.brought_by = contents.arrival(head.uid).map(|arrival| arrival.action);
            contents.copy_of(head.uid, plain, number)
        });
        let Some(arrival) = arrival else { continue };
        match (then, &gmail, head.known.gmail_id) {
            (Then::Stay, ..) => {}
            (_, Some((here, trash)), Some(id)) => {
                let labels = labels(session, overlay, selection, head, here)?;
                let effect = if then == Then::Go { Effect::Move(trash) } else { Effect::Purge };
                overlay.plan_on_gmail(id, (arrival.clone(), labels), here, effect);
            }
            _ => overlay.contents(&source, |contents| {
                if can_remove {
                    contents.plan_leave(head.uid, seen);
                } else {
                    // As in a real run, they would stay there, marked.
                    contents.plan_change(head.uid, &marked, seen);
                }
            }),
        }
        report.done.insert(head.uid);
        messages.push((arrival, message));
    }
    report.samples = heads.iter().filter_map(|head| head.sample.clone()).take(Sample::COUNT).collect();
    if then != Then::Stay && gmail.is_none() && !can_remove {
        let what = if then == Then::Go { "originals" } else { "messages" };
        report.notes.push(format!(
            "the {what} would stay in {}, marked \\Deleted: this server can't remove single messages",
            selection.shown
        ));
    }
    Ok(Leaving { number, messages })
}

/// Finds what the mailbox and Trash are on Gmail.
fn on_gmail(
    session: &mut Session,
    run: &Run,
    overlay: &Overlay,
    selection: &Selection,
    source: &Key,
) -> Result<(Spot, Spot)> {
    let here = overlay.spot(session, &selection.name, source)?;
    let name = NameSpec::Script("@trash".to_owned()).resolve(session, run)?;
    let key = overlay.opened(session, &name)?;
    Ok((here, overlay.spot(session, &name, &key)?))
}

/// Gives all labels that a message has on Gmail, that of the mailbox through which it is seen included.
fn labels(
    session: &mut Session,
    overlay: &Overlay,
    selection: &Selection,
    head: &Head,
    here: &Spot,
) -> Result<Vec<crate::mail::Label>> {
    let inquiry = Inquiry::for_search(session, Needs { labels: true, ..Needs::default() })?;
    let mut found = overlay.identities(session, selection, &UidSet::from(head.uid), &inquiry)?;
    let mut labels = found.remove(&head.uid).and_then(|identity| identity.labels).unwrap_or_default();
    if let Spot::Label(own) = here {
        labels.push(own.clone());
    }
    Ok(labels)
}

/// Gives a message as a plan names it.
pub(super) fn describe(head: &Head) -> PlannedMessage {
    PlannedMessage {
        uid: head.uid.get(),
        size: Some(head.size),
        date: head.date.map(crate::mail::InternalDate::to_rfc_3339),
        gmail_id: head.known.gmail_id,
        message_id: head.known.message_id.clone(),
        subject: head.known.subject.clone(),
        ..PlannedMessage::default()
    }
}
