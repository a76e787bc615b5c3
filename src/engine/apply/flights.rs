//! Carries steps out in as few flights as their order allows.

use super::batch::create_target;
use super::proof::Proof;
use super::ready::{Identities, check_open};
use super::record::{conclude, intent, outcome};
use super::rungs;
use super::step::{Kind, Step, cut, refusal};
use super::throttle;
use crate::engine::gmail::is_gmail;
use crate::engine::journal::ActionId;
use crate::engine::report::messages;
use crate::engine::selection::Selection;
use crate::engine::world::Run;
use crate::error::Error;
use crate::imap::{Code, Done, Part, Session};
use crate::mail::UidSet;

/// Carries out what is not over. Messages of one flight are named by one transfer only, since the server's proof
/// names no more than them; and what removes messages waits for what else its task does to them.
pub(super) fn fly(session: &mut Session, run: &Run, steps: &mut [Step<'_>], identities: &Identities) {
    loop {
        leave_out_failed(steps);
        let picked = pick(steps);
        let Some(selection) = picked.first().and_then(|at| steps.get(*at)).map(|step| step.selection) else {
            return;
        };
        let open = if session.is_poisoned() {
            Err("the connection broke before".to_owned())
        } else {
            check_open(session, selection).map_err(|error| error.to_string())
        };
        if let Err(reason) = open {
            for step in steps.iter_mut().filter(|step| !step.over) {
                step.report.fail(step.uids.clone(), format!("not begun: {reason}"));
                step.over = true;
            }
            return;
        }
        round(session, run, steps, &picked, identities);
    }
}

/// Takes from what removes messages those with which an earlier action failed.
fn leave_out_failed(steps: &mut [Step<'_>]) {
    for at in 0..steps.len() {
        let (before, after) = steps.split_at_mut(at);
        let Some(step) = after.first_mut().filter(|step| !step.over && step.removes()) else { continue };
        let mut bad = step.barred.clone();
        for earlier in before.iter() {
            if earlier.error.is_some() {
                bad = bad.union(&earlier.selection.uids);
            }
            let remarks = earlier.report.failed.iter().chain(&earlier.report.in_doubt);
            bad = remarks.fold(bad, |sum, remark| sum.union(&remark.uids));
        }
        let bad = step.uids.intersection(&bad);
        if !bad.is_empty() {
            step.uids = step.uids.difference(&bad);
            step.report.skip(bad, "left where it is: an earlier action on it failed");
            step.over |= step.uids.is_empty();
        }
    }
}

/// Picks the steps of the next flight, in order.
fn pick(steps: &[Step<'_>]) -> Vec<usize> {
    let (mut picked, mut busy, mut waiting) = (Vec::new(), UidSet::new(), UidSet::new());
    for (at, step) in steps.iter().enumerate().filter(|(_, step)| !step.over) {
        let purges = matches!(step.kind, Kind::Purge);
        let waits_for = |other: &Step<'_>| {
            !other.over
                && (other.task == step.task || purges && !other.uids.intersection(&step.uids).is_empty())
        };
        let earlier = || steps.iter().take(at).any(waits_for);
        let clashes = |with: &UidSet| !step.uids.intersection(with).is_empty();
        let transfers = step.target().is_some();
        if step.removes() && earlier() || clashes(&waiting) || transfers && clashes(&busy) {
            waiting = waiting.union(&step.uids);
            continue;
        }
        if transfers {
            busy = busy.union(&step.uids);
        }
        picked.push(at);
    }
    picked
}

/// What a flight leaves to be done for a step.
#[derive(Default)]
pub(super) struct Left {
    /// To be tried again once the target is there.
    pub(super) again: UidSet,
    /// To be tried again after a pause: the server wants less at a time.
    pub(super) later: UidSet,
    /// Messages whose copies are proven, and that are to be removed.
    pub(super) proven: UidSet,
    /// Messages that are marked `\Deleted`, and that are to be expunged.
    pub(super) marked: UidSet,
}

fn round(
    session: &mut Session,
    run: &Run,
    steps: &mut [Step<'_>],
    picked: &[usize],
    identities: &Identities,
) {
    let moves = session.capabilities().has("MOVE");
    let flying: Vec<(usize, UidSet)> =
        picked.iter().filter_map(|at| Some((*at, steps.get(*at)?.uids.clone()))).collect();
    // Durable before anything leaves: a run that is cut after this is settled by the next one.
    let noted = match note(run, steps, picked, identities) {
        Ok(noted) => noted,
        Err(error) => {
            give_up(steps, error);
            return;
        }
    };
    let changes: Vec<_> =
        picked.iter().filter_map(|at| steps.get(*at)).map(|step| step.change(moves)).collect();
    let slowed = picked.iter().filter_map(|at| steps.get(*at)).map(|step| step.slowed).max();
    let changing = picked.first().and_then(|at| steps.get(*at)).map(|step| {
        let Selection { account, shown, .. } = step.selection;
        run.progress.begin(account.label(), format!("changing {shown}: {}", plan(steps, picked)), None)
    });
    let (parts, error) = session.change(&changes, throttle::most(slowed.unwrap_or(0)));
    let broken = error.map(|error| error.to_string());
    let broken = broken.as_deref();
    let mut left: Vec<(usize, Left)> = Vec::new();
    for (at, parts) in picked.iter().zip(parts) {
        let Some(step) = steps.get_mut(*at) else { continue };
        let rest = match &step.kind {
            Kind::Store(..) | Kind::Label(..) => take_stored(step, &parts, broken),
            Kind::Copy(_) => take_copied(session, step, &parts, broken, identities),
            Kind::Purge => take_marked(step, &parts, broken),
            Kind::Remove(_) if moves => rungs::take_moved(session, step, &parts, broken, identities),
            Kind::Remove(_) => rungs::take_proofs(session, step, &parts, broken, identities),
        };
        left.push((*at, rest));
    }
    rungs::remove(session, steps, &mut left);
    drop(changing);
    let cut = session.is_poisoned();
    let ended = flying.iter().filter_map(|(at, uids)| Some(outcome(&steps.get(*at)?.report, uids, cut)));
    let ended: Vec<_> = noted.into_iter().zip(ended).collect();
    conclude(run, &ended);
    let tries = left.iter().filter(|(_, rest)| !rest.later.is_empty());
    let tries = tries.filter_map(|(at, _)| steps.get(*at)).map(|step| step.slowed).max();
    let goes_on = tries.is_none_or(|tries| throttle::pause(run, tries));
    for (at, rest) in left {
        let Some(step) = steps.get_mut(at) else { continue };
        step.uids = match rest.again {
            again if again.is_empty() || !create_target(session, run, step, &again) => UidSet::new(),
            again => again,
        };
        if goes_on {
            step.slowed += usize::from(!rest.later.is_empty());
            step.uids = step.uids.union(&rest.later);
        } else {
            step.report.fail(rest.later, "not tried again after the server wanted a pause: interrupted");
        }
        step.over = step.uids.is_empty();
    }
}

/// Says what the steps of a flight do.
fn plan(steps: &[Step<'_>], picked: &[usize]) -> String {
    let flying = picked.iter().filter_map(|at| steps.get(*at));
    let each = flying.map(|step| format!("{} {}", step.report.verb.plain(), messages(step.uids.len())));
    each.collect::<Vec<_>>().join(", ")
}

/// Notes in the journal what the steps of a flight are about to do.
fn note(
    run: &Run,
    steps: &[Step<'_>],
    picked: &[usize],
    identities: &Identities,
) -> crate::error::Result<Vec<ActionId>> {
    let flying = || picked.iter().filter_map(|at| steps.get(*at));
    let Some(account) = flying().next().map(|step| step.selection.account.clone()) else {
        return Ok(Vec::new());
    };
    let intents: Vec<_> = flying().map(|step| intent(step, identities)).collect();
    run.journal()?.intend(&account.row().identity, &intents)
}

/// Ends all steps because the journal can't be written to any more. Nothing of this flight has left.
fn give_up(steps: &mut [Step<'_>], error: Error) {
    let reason = format!("not begun: {error}");
    let mut error = Some(error);
    for step in steps.iter_mut().filter(|step| !step.over) {
        step.over = true;
        if step.report.done.is_empty() && error.is_some() {
            step.error = error.take();
        } else {
            step.report.fail(step.uids.clone(), reason.clone());
        }
    }
}

fn take_stored(step: &mut Step<'_>, parts: &[Part], broken: Option<&str>) -> Left {
    let mut left = Left::default();
    for Part { named, done, .. } in parts {
        match done {
            Some(done) if done.is_ok() => step.report.done = step.report.done.union(named),
            Some(done) if throttle::may_pass(done, step.slowed) => left.later = left.later.union(named),
            Some(done) => step.report.fail(named.clone(), refusal(done)),
            None => step.report.doubt(named.clone(), cut(broken)),
        }
    }
    left
}

/// Takes in what became of the marks that come before a removal for good.
fn take_marked(step: &mut Step<'_>, parts: &[Part], broken: Option<&str>) -> Left {
    let mut left = Left::default();
    for Part { named, done, .. } in parts {
        match done {
            Some(done) if done.is_ok() => left.marked = left.marked.union(named),
            Some(done) if throttle::may_pass(done, step.slowed) => left.later = left.later.union(named),
            Some(done) => step.report.fail(named.clone(), refusal(done)),
            None => step.report.doubt(named.clone(), cut(broken)),
        }
    }
    left
}

fn take_copied(
    session: &mut Session,
    step: &mut Step<'_>,
    parts: &[Part],
    broken: Option<&str>,
    identities: &Identities,
) -> Left {
    let mut left = Left::default();
    let mut unnamed = UidSet::new();
    for Part { named, done, copied } in parts {
        let proof = Proof::from_codes(copied, named);
        let rest = named.difference(&proof.shown);
        step.take_done(&proof);
        match done {
            // RFC 3501 §6.4.7: all are copied or none, and without UIDPLUS OK is all there is.
            Some(done) if done.is_ok() && copied.is_empty() => {
                step.report.done = step.report.done.union(named);
            }
            Some(done) if may_try_again(step, done, &proof) => left.again = left.again.union(&rest),
            Some(done) if may_wait(step, done, &proof) => left.later = left.later.union(&rest),
            Some(done) if done.is_ok() => unnamed = unnamed.union(&rest),
            Some(done) => step.report.fail(rest, step.refusal(done)),
            None => step.report.doubt(rest, cut(broken)),
        }
    }
    // On Gmail they may have been in the target before.
    if is_gmail(session) {
        let proof = rungs::look(session, step, identities, &unnamed).unwrap_or_default();
        step.take_done(&proof);
        unnamed = unnamed.difference(&proof.shown);
    }
    step.report.doubt(unnamed, "the server said OK but named no copy of it");
    rungs::leave_out_copied(session, step, identities, &mut left);
    left
}

/// Tells whether a refusal means that the target is missing and nothing was done yet.
pub(super) fn may_try_again(step: &Step<'_>, done: &Done, proof: &Proof) -> bool {
    let missing = done.has(&Code::TryCreate) || done.has(&Code::NonExistent);
    !done.is_ok() && missing && proof.shown.is_empty() && !step.tried
}

/// Tells whether a refusal means that the server wants less at a time and nothing was done yet.
pub(super) fn may_wait(step: &Step<'_>, done: &Done, proof: &Proof) -> bool {
    proof.shown.is_empty() && throttle::may_pass(done, step.slowed)
}
