//! A dry run's actions: everything is looked at as in a real run, and then noted in the overlay instead of being done.

use std::sync::Arc;

use super::ready::{Before, Identities, look_again};
use super::step::{Kind, Step};
use crate::engine::account::Account;
use crate::engine::identity::{Identity, Inquiry};
use crate::engine::names::script_name;
use crate::engine::overlay::{
    Arrival, Change, Draft, Existing, Key, Origin, Overlay, PlannedAction, PlannedMessage, Turn, missing, raw,
};
use crate::engine::query::{Needs, Query};
use crate::engine::report::{Landing, Report, Sample};
use crate::engine::selection::Selection;
use crate::engine::world::{Event, Run};
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{Session, StoreMode};
use crate::mail::{Flag, Headers, MailboxName, Uid, UidSet, UidValidity};

/// Looks at each message of the steps again, where it really is and with what is planned for it, and at their targets.
///
/// Errors: as in a real run, but for what shows only when a mailbox is opened for writing.
pub(super) fn make_ready(
    session: &mut Session,
    overlay: &Overlay,
    steps: &mut [Step<'_>],
    held: &UidSet,
) -> Result<Identities> {
    let Some(first) = steps.first().map(|step| step.selection) else { return Ok(Identities::new()) };
    for step in steps.iter() {
        check_validity(first, step.selection)?;
    }
    let queries: Vec<_> = steps.iter().map(|step| step.selection.query.clone()).collect();
    let mut needs = Needs { structure: false, ..Query::Any(queries).needs() };
    needs.fields.extend(["subject", "from"].map(str::to_owned));
    let inquiry = Inquiry::for_search(session, needs)?;
    let wanted = steps.iter().fold(UidSet::new(), |sum, step| sum.union(&step.selection.uids));
    let identities = overlay.identities(session, first, &wanted, &inquiry)?;
    let targets: Vec<MailboxName> = steps.iter().filter_map(Step::target).cloned().collect();
    overlay.look_for(session, &targets)?;
    for step in steps.iter_mut() {
        if let Some(target) = step.target().cloned()
            && overlay.existing(session, &target)?.is_none()
        {
            step.before = Before::Missing;
        }
        look_again(step, &identities, held);
    }
    Ok(identities)
}

fn check_validity(first: &Selection, selection: &Selection) -> Result<()> {
    let mailbox = || selection.shown.clone();
    match (first.validity, selection.validity) {
        (Some(was), Some(is)) if was == is => Ok(()),
        (Some(was), Some(is)) => {
            let (was, is) = (was.get(), is.get());
            Err(ErrorKind::UidValidityChanged { mailbox: mailbox(), was, is }.into())
        }
        _ => Err(ErrorKind::NoUidValidity { mailbox: mailbox() }.into()),
    }
}

/// Notes what the steps would do, in their order.
pub(super) fn carry_out(
    session: &mut Session,
    run: &Run,
    overlay: &Overlay,
    steps: &mut [Step<'_>],
    identities: &Identities,
) -> Result<()> {
    for step in steps.iter_mut().filter(|step| !step.over) {
        let source = overlay.opened(session, &step.selection.name)?;
        let there = overlay.still_there(&source, &step.uids);
        step.report.skip(step.uids.difference(&there), "no longer in the mailbox");
        step.uids = there;
        let target = match step.target().cloned() {
            Some(name) => Some(find_target(session, run, overlay, step, name)?),
            None => None,
        };
        note(session, overlay, step, &source, target, identities);
        step.over = true;
    }
    Ok(())
}

/// Where messages would go.
struct Target {
    name: MailboxName,
    mailbox: Existing,
    created: bool,
}

/// Finds a step's target, which is planned to be made where it is missing.
fn find_target(
    session: &mut Session,
    run: &Run,
    overlay: &Overlay,
    step: &mut Step<'_>,
    name: MailboxName,
) -> Result<Target> {
    let (mailbox, created) = find_or_create(session, overlay, &name)?;
    if created {
        run.count_created();
        let shown = step.report.object.clone().unwrap_or_default();
        step.report.notes.push(format!("would create mailbox {shown}"));
    }
    Ok(Target { name, mailbox, created })
}

/// Finds a mailbox, which is planned to be made where it is missing. Tells whether it is.
fn find_or_create(session: &mut Session, overlay: &Overlay, name: &MailboxName) -> Result<(Existing, bool)> {
    if let Some(mailbox) = overlay.existing(session, name)? {
        return Ok((mailbox, false));
    }
    overlay.turn(Turn::Created(name.clone()));
    let made = overlay.existing(session, name)?;
    let made = made.ok_or_else(|| Error::protocol("a mailbox that is planned and not there"))?;
    Ok((made, true))
}

fn note(
    session: &Session,
    overlay: &Overlay,
    step: &mut Step<'_>,
    source: &Key,
    target: Option<Target>,
    identities: &Identities,
) {
    let (moves, uidplus) = (session.capabilities().has("MOVE"), session.capabilities().has("UIDPLUS"));
    let change = match &step.kind {
        Kind::Store(mode, flags) => Some(Change::flags(*mode, flags)),
        Kind::Label(mode, labels) => Some(Change::labels(*mode, labels)),
        Kind::Copy(_) | Kind::Remove(_) | Kind::Purge => None,
    };
    let can_remove = uidplus || moves && !matches!(step.kind, Kind::Purge);
    let marked = Change::flags(StoreMode::Add, &[Flag::Deleted]);
    let number = overlay.record(action(step, target.as_ref()));
    let (mut messages, mut landed, mut pairs) = (Vec::new(), UidSet::new(), Vec::new());
    let unknown = Identity::default();
    for uid in step.uids.iter() {
        let identity = identities.get(&uid).unwrap_or(&unknown);
        let seen = identity.flags.as_ref().is_some_and(|flags| flags.contains(&Flag::Seen));
        let mut message = describe(uid, identity);
        let plain = origin(source, step.selection, uid).map(|origin| Arrival::of(origin, seen, number));
        let arrival = overlay.contents(source, |contents| {
            message.brought_by = contents.arrival(uid).map(|arrival| arrival.action);
            contents.copy_of(uid, plain, number)
        });
        if let (Some(target), Some(arrival)) = (&target, arrival) {
            let new = overlay.contents(&target.mailbox.key, |contents| contents.plan_arrival(arrival));
            message.becomes = new.map(Uid::get);
            if let Some(new) = new {
                landed.insert(new);
                pairs.push((uid, new));
            }
        }
        overlay.contents(source, |contents| match &change {
            Some(change) => contents.plan_change(uid, change, seen),
            None if !step.removes() => {}
            None if can_remove => contents.plan_leave(uid, seen),
            // As in a real run, they would stay there, marked.
            None => contents.plan_change(uid, &marked, seen),
        });
        messages.push(message);
    }
    overlay.fill(number, messages);
    if step.removes() && !can_remove {
        let what = if target.is_some() { "originals" } else { "messages" };
        step.report.notes.push(format!(
            "the {what} would stay in {}, marked \\Deleted: this server can't remove single messages",
            step.selection.shown
        ));
    }
    // Where a real run would not learn their UIDs, the script does not either.
    let told = uidplus || matches!(step.kind, Kind::Remove(_)) && !moves;
    if let Some(Target { name, mailbox: Existing { validity: Some(validity), .. }, .. }) =
        target.filter(|_| told && !landed.is_empty())
    {
        step.report.landed.push(Landing { mailbox: name, validity, uids: landed, pairs });
    }
    step.report.done = std::mem::take(&mut step.uids);
    let samples = step.report.done.iter().filter_map(|uid| identities.get(&uid)).take(Sample::COUNT);
    step.report.samples = samples.map(sample).collect();
}

fn sample(identity: &Identity) -> Sample {
    let nothing = Headers::default();
    Sample::of(identity.date, identity.headers.as_ref().unwrap_or(&nothing))
}

/// Tells where a message of the server's is; `None` for one that is to arrive.
fn origin(source: &Key, selection: &Selection, uid: Uid) -> Option<Origin> {
    match (source, selection.validity) {
        (Key::Server(name), Some(validity)) => Some(Origin::Server { mailbox: name.clone(), validity, uid }),
        _ => None,
    }
}

fn describe(uid: Uid, identity: &Identity) -> PlannedMessage {
    PlannedMessage {
        uid: uid.get(),
        size: identity.size,
        date: identity.date.map(crate::mail::InternalDate::to_rfc_3339),
        message_id: identity.headers.as_ref().and_then(Headers::message_id),
        subject: identity.headers.as_ref().and_then(Headers::subject),
        ..PlannedMessage::default()
    }
}

fn action(step: &Step<'_>, target: Option<&Target>) -> PlannedAction {
    let flags = match &step.kind {
        Kind::Store(_, flags) => flags.iter().map(ToString::to_string).collect(),
        Kind::Label(_, labels) => labels.iter().map(|label| label.text().to_owned()).collect(),
        Kind::Copy(_) | Kind::Remove(_) | Kind::Purge => Vec::new(),
    };
    PlannedAction {
        mailbox_raw: raw(step.selection.name.wire()),
        uid_validity: step.selection.validity.map(UidValidity::get),
        target_raw: target.map(|target| raw(target.name.wire())).unwrap_or_default(),
        creates_target: target.is_some_and(|target| target.created),
        flags,
        ..PlannedAction::of(&step.report)
    }
}

/// Notes a mailbox to be made. `false` where there is one.
pub(super) fn create(session: &mut Session, overlay: &Overlay, name: &MailboxName) -> Result<bool> {
    find_or_create(session, overlay, name).map(|(_, created)| created)
}

/// Notes that a mailbox, which is empty, is deleted.
pub(super) fn delete(overlay: &Overlay, name: &MailboxName) {
    overlay.turn(Turn::Deleted(name.clone()));
}

/// Notes that a mailbox gets another name.
///
/// Errors: there is none, or the other name is taken.
pub(super) fn rename(
    session: &mut Session,
    overlay: &Overlay,
    from: &MailboxName,
    to: &MailboxName,
) -> Result<()> {
    if overlay.existing(session, from)?.is_none() {
        return Err(missing("RENAME", &script_name(session, from)?));
    }
    if overlay.existing(session, to)?.is_some() {
        let text = format!("mailbox `{}` exists already", script_name(session, to)?);
        return Err(ErrorKind::Refused { command: "RENAME".to_owned(), status: "NO", text }.into());
    }
    let delimiter = session.namespaces()?.personal.delimiter;
    overlay.turn(Turn::Renamed { from: from.clone(), to: to.clone(), delimiter });
    Ok(())
}

/// Notes that a subscription begins or ends.
pub(super) fn subscribe(
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
pub(super) fn on_mailbox(overlay: &Overlay, name: &MailboxName, report: Report) -> Report {
    let report = Report { planned: true, ..report };
    overlay.record(PlannedAction { mailbox_raw: raw(name.wire()), ..PlannedAction::of(&report) });
    report
}

/// Says what a real run would do before anything else: look after what a run that was cut had begun.
pub(super) fn make_way(run: &Run, overlay: &Overlay, account: &Account) {
    let Some(journal) = run.state.past() else { return };
    let open = journal.open_actions(&account.row().identity).is_ok_and(|open| !open.is_empty());
    if open && overlay.is_first_change() {
        run.world.tell(Event::Warning(format!(
            "{}: an earlier run was cut, and what it had begun would be looked after first; that is not foreseen",
            account.label()
        )));
    }
}

/// Notes a message to be added to a mailbox, and gives the UID by which it is known where a real run would learn one.
pub(super) fn append(
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
    let arrival = Arrival::of(Origin::Memory(Arc::new(draft)), seen, number);
    let uid = overlay.contents(&key, |contents| contents.plan_arrival(arrival));
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
