use std::collections::BTreeMap;

use super::mailboxes::find_or_create;
use super::{Target, action, describe, origin, report};
use crate::engine::apply::ready::Identities;
use crate::engine::apply::step::{Kind, Step};
use crate::engine::overlay::{Arrival, Effect, Key, Overlay, Spot};
use crate::error::Result;
use crate::imap::{Session, StoreMode};
use crate::mail::{Flag, Label, MailboxName, UidSet};

/// Notes what a step would do on Gmail, where a message is in several mailboxes.
pub(super) fn note_on_gmail(
    session: &mut Session,
    overlay: &Overlay,
    step: &mut Step<'_>,
    source: &Key,
    target: Option<Target>,
    identities: &Identities,
) -> Result<()> {
    let here = overlay.spot(session, &step.selection.name, source)?;
    let there = match &target {
        Some(target) => Some(overlay.spot(session, &target.name, &target.mailbox.key)?),
        None => None,
    };
    let effect = match (&step.kind, &there) {
        (Kind::Store(mode, flags), _) => Effect::Flags(*mode, flags),
        (Kind::Label(mode, labels), _) => {
            if *mode == StoreMode::Add {
                create_labels(session, overlay, labels)?;
            }
            Effect::Labels(*mode, labels)
        }
        (Kind::Copy(_), Some(there)) => Effect::Copy(there),
        (Kind::Remove(_), Some(there)) => Effect::Move(there),
        _ => Effect::Purge,
    };
    let number = overlay.record(action(step, target.as_ref()));
    let (mut messages, mut ids) = (Vec::new(), Vec::new());
    for uid in step.uids.iter() {
        let Some(identity) = identities.get(&uid) else { continue };
        let mut message = describe(uid, identity);
        let seen = identity.flags.as_ref().is_some_and(|flags| flags.contains(&Flag::Seen));
        let plain = origin(source, step.selection, uid).map(|origin| Arrival::of(origin, seen, number));
        let arrival = overlay.contents(source, |contents| {
            message.brought_by = contents.arrival(uid).map(|arrival| arrival.action);
            contents.copy_of(uid, plain, number)
        });
        if let (Some(id), Some(arrival)) = (identity.gmail_id, arrival) {
            let mut labels = identity.labels.clone().unwrap_or_default();
            if let Spot::Label(own) = &here {
                labels.push(own.clone());
            }
            overlay.plan_on_gmail(id, (arrival, labels), &here, effect);
            ids.push((uid, id));
        }
        messages.push(message);
    }
    let (mut landed, mut pairs) = (UidSet::new(), Vec::new());
    if let Some(target) = &target {
        overlay.take_in(session, &target.name, &target.mailbox.key)?;
        for (uid, id) in ids {
            if let Some(new) = overlay.on_gmail(&target.mailbox.key, id) {
                landed.insert(new);
                pairs.push((uid, new));
            }
        }
    }
    let becomes: BTreeMap<u32, u32> = pairs.iter().map(|(uid, new)| (uid.get(), new.get())).collect();
    for message in &mut messages {
        message.becomes = becomes.get(&message.uid).copied();
    }
    overlay.fill(number, messages);
    let told = session.capabilities().has("UIDPLUS");
    report(step, target.filter(|_| told), (landed, pairs), identities);
    Ok(())
}

/// Plans the mailboxes of labels that there are not yet.
fn create_labels(session: &mut Session, overlay: &Overlay, labels: &[Label]) -> Result<()> {
    for label in labels.iter().filter(|label| !label.is_system()) {
        if let Some(name) = MailboxName::from_wire(label.wire()) {
            find_or_create(session, overlay, &name)?;
        }
    }
    Ok(())
}
