//! A dry run's actions: everything is looked at as in a real run, and then noted in the overlay instead of being done.

mod across;
mod archiving;
mod gmail;
mod leaving;
mod mailboxes;

use self::gmail::note_on_gmail;
use self::mailboxes::find_or_create;
use super::ready::{Before, Identities, look_again};
use super::step::{Kind, Step};
use crate::engine::account::Account;
use crate::engine::gmail::is_gmail;
use crate::engine::identity::{Identity, Inquiry};
use crate::engine::overlay::{
    Arrival, Change, Existing, Key, Origin, Overlay, PlannedAction, PlannedMessage, raw,
};
use crate::engine::query::{Needs, Query};
use crate::engine::report::Landing;
use crate::engine::sample::Sample;
use crate::engine::selection::Selection;
use crate::engine::world::{Event, Run};
use crate::error::{ErrorKind, Result};
use crate::imap::{Session, StoreMode};
use crate::mail::{Flag, Headers, MailboxName, Uid, UidSet, UidValidity};

pub(super) use self::across::{find as find_there, transfer};
pub(super) use self::archiving::{archive, delete_whole, restore};
pub(super) use self::mailboxes::{append, create, delete, on_mailbox, rename, subscribe};

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
    needs.labels |= is_gmail(session);
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
        if is_gmail(session) {
            note_on_gmail(session, overlay, step, &source, target, identities)?;
        } else {
            note(session, overlay, step, &source, target, identities);
        }
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
        Kind::Label(..) | Kind::Copy(_) | Kind::Remove(_) | Kind::Purge => None,
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
    report(step, target.filter(|_| told), (landed, pairs), identities);
}

/// Puts into a step's report what would be done.
fn report(
    step: &mut Step<'_>,
    target: Option<Target>,
    (landed, pairs): (UidSet, Vec<(Uid, Uid)>),
    identities: &Identities,
) {
    if let Some(Target { name, mailbox: Existing { validity: Some(validity), .. }, .. }) =
        target.filter(|_| !landed.is_empty())
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
        gmail_id: identity.gmail_id,
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
