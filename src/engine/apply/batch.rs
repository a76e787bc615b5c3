use super::proof::Proof;
use super::ready::{Before, Identities, check_open, make_ready};
use super::record::{conclude, noted, on_a_mailbox};
use super::step::{Kind, Names, Step};
use super::{Done, Task, flights, planning};
use crate::engine::identity::Identity;
use crate::engine::journal::{ActionId, Outcome};
use crate::engine::report::{Verb, messages};
use crate::engine::selection::Selection;
use crate::engine::title::Title;
use crate::engine::world::Run;
use crate::error::{ErrorKind, Result};
use crate::imap::Session;
use crate::mail::{MailboxName, UidSet};

/// Does the actions of tasks on messages of one mailbox: looks at everything first, in one flight, and then changes
/// it in as few flights as the order of the actions allows.
///
/// Errors mean that nothing was changed.
pub(super) fn carry_out(session: &mut Session, run: &Run, tasks: &[Task]) -> Result<Vec<Done>> {
    if run.is_interrupted() {
        return Err(ErrorKind::Interrupted.into());
    }
    let mut ended: Vec<(usize, Done)> = Vec::new();
    let mut steps: Vec<(usize, Step<'_>)> = Vec::new();
    let mut names = Names::default();
    // Messages with which an action can't be done: nothing that comes after it removes them.
    let mut barred = UidSet::new();
    let mut place = 0;
    for (number, task) in tasks.iter().enumerate() {
        let first = steps.len();
        for action in &task.actions {
            match Step::new(session, &mut names, number, task, action) {
                Ok(step) if step.over => ended.push((place, (number, Ok(step.report)))),
                Ok(mut step) => {
                    step.barred = barred.clone();
                    steps.push((place, step));
                }
                // An action that can't be done takes its task's others with it.
                Err(error) => {
                    steps.truncate(first);
                    barred = barred.union(&task.selection.uids);
                    ended.push((place, (number, Err(error))));
                    place += 1;
                    break;
                }
            }
            place += 1;
        }
    }
    let (places, mut steps): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
    let mut identities = Identities::new();
    if let Some(step) = steps.first() {
        let Selection { account, shown, .. } = step.selection;
        let looking = run.progress.begin(account.label(), format!("looking at {shown}"), None);
        let held = match steps.first() {
            Some(step) => held(run, step.selection)?,
            None => UidSet::new(),
        };
        identities = match &run.overlay {
            Some(overlay) => planning::make_ready(session, overlay, &mut steps, &held)?,
            None => make_ready(session, &mut steps, &held)?,
        };
        for step in &mut steps {
            step.error = step.check_flags(session).err();
            step.over |= step.uids.is_empty() || step.error.is_some();
        }
        refuse_creating(run, &mut steps);
        drop_tasks_with_errors(&mut steps);
        if run.is_interrupted() {
            return Err(ErrorKind::Interrupted.into());
        }
        if let Some(overlay) = &run.overlay {
            planning::carry_out(session, run, overlay, &mut steps, &identities)?;
        } else {
            take_credits(run, &mut steps, &identities)?;
            create_missing(session, run, &mut steps);
            drop(looking);
            flights::fly(session, run, &mut steps, &identities);
        }
    }
    ended.extend(places.into_iter().zip(steps).map(|(place, mut step)| {
        if run.detailed {
            for uid in step.selection.uids.iter() {
                if let Some(headers) = identities.get(&uid).and_then(|identity| identity.headers.as_ref()) {
                    step.report.entitle(uid, || Title::of(headers));
                }
            }
        }
        let end = match step.error {
            Some(error) => Err(error),
            None => Ok(step.report),
        };
        (place, (step.task, end))
    }));
    ended.sort_by_key(|(place, _)| *place);
    Ok(ended.into_iter().map(|(_, done)| done).collect())
}

/// Gives the messages of a selection's mailbox that nothing acts on.
pub(super) fn held(run: &Run, selection: &Selection) -> Result<UidSet> {
    let Some(validity) = selection.validity else { return Ok(UidSet::new()) };
    let Some(journal) = run.known_past()? else { return Ok(UidSet::new()) };
    let held = journal.held(&selection.account.row().identity, &selection.name, validity)?;
    Ok(held.into_iter().map(|(_, uid, _)| uid).collect())
}

/// Takes what a run of the same script had copied already, before it failed, off what is to be copied.
fn take_credits(run: &Run, steps: &mut [Step<'_>], identities: &Identities) -> Result<()> {
    for step in steps.iter_mut().filter(|step| !step.over) {
        let (Kind::Copy(target), Some(validity)) = (&step.kind, step.selection.validity) else { continue };
        let journal = run.journal()?;
        let account = &step.selection.account.row().identity;
        let from = (&step.selection.name, validity);
        let like = |uid| (uid, identities.get(&uid).and_then(Identity::likeness));
        let wanted: Vec<_> = step.uids.iter().map(like).collect();
        let credits = journal.take_copy_credits(account, from, (None, target), &wanted)?;
        if credits.is_empty() {
            continue;
        }
        let uids: UidSet = credits.iter().map(|credit| credit.of).collect();
        step.uids = step.uids.difference(&uids);
        step.over = step.uids.is_empty();
        let count = messages(uids.len());
        step.report.notes.push(format!("{count} of them had been copied by the run before, which failed"));
        let landed = credits.iter().filter_map(|credit| {
            let (validity, uid) = credit.landed?;
            Some((credit.of, validity, uid))
        });
        let mut proof = Proof::of(landed.collect());
        proof.shown = uids;
        step.take_done(&proof);
    }
    Ok(())
}

/// Ends the other steps of a task one of whose steps can't be done.
fn drop_tasks_with_errors(steps: &mut [Step<'_>]) {
    let failed: Vec<usize> = steps.iter().filter(|step| step.error.is_some()).map(|step| step.task).collect();
    for step in steps.iter_mut().filter(|step| failed.contains(&step.task)) {
        if !step.over {
            step.report
                .skip(std::mem::replace(&mut step.uids, UidSet::new()), "another action can't be done");
            step.over = true;
        }
    }
}

/// Makes the targets of which the server says that they are not there, in one flight.
fn create_missing(session: &mut Session, run: &Run, steps: &mut [Step<'_>]) {
    let mut missing: Vec<MailboxName> = Vec::new();
    for step in steps.iter().filter(|step| !step.over && step.before == Before::Missing) {
        missing.extend(step.target().filter(|target| !missing.contains(target)).cloned());
    }
    if missing.is_empty() {
        return;
    }
    let Ok(noted) = note_missing(run, steps, &missing) else {
        // The flight that comes next says why nothing can be noted.
        return;
    };
    let made = session.create_all(&missing);
    let ended = noted.into_iter().zip(&made);
    let whole = |made: &Result<bool>| Outcome { whole: matches!(made, Ok(true)), ..Outcome::default() };
    conclude(run, &ended.map(|(id, made)| (id, whole(made))).collect::<Vec<_>>());
    for step in steps.iter_mut().filter(|step| !step.over) {
        let at = step.target().and_then(|target| missing.iter().position(|name| name == target));
        if let Some(made) = at.and_then(|at| made.get(at)) {
            step.take_created(session, run, made);
        }
    }
}

/// Notes in the journal the mailboxes that are about to be made.
fn note_missing(run: &Run, steps: &[Step<'_>], missing: &[MailboxName]) -> Result<Vec<ActionId>> {
    let Some(account) = steps.first().map(|step| step.selection.account.row()) else { return Ok(Vec::new()) };
    let shown = |name: &MailboxName| {
        let step = steps.iter().find(|step| step.target() == Some(name));
        step.and_then(|step| step.report.object.clone()).unwrap_or_default()
    };
    let intents: Vec<_> =
        missing.iter().map(|name| on_a_mailbox(Verb::Create, (name, &shown(name)), None)).collect();
    run.journal()?.intend(&account.identity, &intents)
}

/// Refuses the tasks that would make mailboxes that the run may not, or more than it may.
fn refuse_creating(run: &Run, steps: &mut [Step<'_>]) {
    let mut missing: Vec<MailboxName> = Vec::new();
    for step in steps.iter().filter(|step| !step.over && step.before == Before::Missing) {
        missing.extend(step.target().filter(|target| !missing.contains(target)).cloned());
    }
    for step in steps.iter_mut().filter(|step| !step.over && step.before == Before::Missing) {
        let shown = step.report.object.clone().unwrap_or_default();
        step.error = run.may_create(missing.len(), &shown).err();
        step.over |= step.error.is_some();
    }
}

/// Makes the target of one step, for messages that could not be put there. Gives whether they may be tried again.
pub(super) fn create_target(session: &mut Session, run: &Run, step: &mut Step<'_>, wanted: &UidSet) -> bool {
    let Some(target) = step.target().cloned() else { return false };
    let shown = step.report.object.clone().unwrap_or_default();
    let intent = on_a_mailbox(Verb::Create, (&target, &shown), None);
    let open = check_open(session, step.selection);
    let account = &step.selection.account;
    let may = open.and_then(|()| run.may_create(1, &shown));
    let made = may.and_then(|()| noted(run, account, intent, || session.create(&target)));
    let failed = made.as_ref().err().map(ToString::to_string);
    step.take_created(session, run, &made);
    if let Some(reason) = failed {
        step.report.fail(wanted.clone(), format!("the target does not exist and can't be created: {reason}"));
        return false;
    }
    true
}
