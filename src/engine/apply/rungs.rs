//! The rungs of a move, by the safest way the server has, and what becomes of messages that an answer leaves open.
//!
//! a. `UID MOVE`: the server moves each message whole or not at all (RFC 6851 §3.3).
//! b. With UIDPLUS: `UID COPY`, proof of the copies, `\Deleted` on what is proven, `UID EXPUNGE` of the same.
//! c. Without: the same as b without the last step, and it is said that the messages stay marked.

use super::flights::{Left, may_try_again, may_wait};
use super::proof::{Proof, find_by_gmail_id, look_in_target};
use super::ready::{Before, Identities, check_open, reopen};
use super::step::{Step, cut, refusal};
use super::throttle;
use crate::engine::gmail::is_gmail;
use crate::engine::world::Run;
use crate::error::{ErrorKind, Result};
use crate::imap::{Change, Command, Part, Response, Session, StoreMode};
use crate::mail::{Flag, Uid, UidSet};

/// Takes in what became of a MOVE.
pub(super) fn take_moved(
    session: &mut Session,
    step: &mut Step<'_>,
    parts: &[Part],
    broken: Option<&str>,
    identities: &Identities,
) -> Left {
    let mut left = Left::default();
    let (mut unsettled, mut copied_all) = (UidSet::new(), UidSet::new());
    let mut reasons = Vec::new();
    for Part { named, done, copied } in parts {
        let proof = Proof::from_codes(copied, named);
        let rest = named.difference(&proof.shown);
        step.take_landed(&proof);
        match done {
            Some(done) if may_try_again(step, done, &proof) => left.again = left.again.union(&rest),
            Some(done) if copied.is_empty() && may_wait(step, done, &proof) => {
                left.later = left.later.union(&rest);
            }
            Some(done) if done.is_ok() => {
                step.report.done = step.report.done.union(&proof.shown);
                reasons.push((rest.clone(), refusal(done)));
                unsettled = unsettled.union(&rest);
            }
            // COPYUID comes before the originals go: after a refusal they must be looked for.
            Some(done) => {
                copied_all = copied_all.union(&proof.shown);
                reasons.push((named.clone(), step.refusal(done)));
                unsettled = unsettled.union(named);
            }
            None => {
                let cut = cut(broken);
                step.report.doubt(
                    proof.shown,
                    format!("it is in the target, and may still be in the mailbox: {cut}"),
                );
                step.report.doubt(rest, cut);
            }
        }
    }
    // What is in the target in spite of the refusal is not moved again.
    if !left.later.is_empty() && !is_gmail(session) {
        let there = look(session, step, identities, &left.later);
        let there = there.map_or_else(|_| left.later.clone(), |proof| proof.shown);
        left.later = left.later.difference(&there);
        reasons.push((there.clone(), "the server refused to move it".to_owned()));
        unsettled = unsettled.union(&there);
    }
    if !unsettled.is_empty()
        && let Err(error) = settle(session, step, identities, &unsettled, &copied_all, &reasons)
    {
        step.report.doubt(unsettled, format!("it could not be looked after: {error}"));
    }
    left
}

/// Finds out what became of messages of which MOVE's answer does not say it: what is still in the source and what
/// arrived in the target. `copied` are those whose copies COPYUID named.
fn settle(
    session: &mut Session,
    step: &mut Step<'_>,
    identities: &Identities,
    uids: &UidSet,
    copied: &UidSet,
    reasons: &[(UidSet, String)],
) -> Result<()> {
    // Another step of the flight may have looked into another mailbox, and found this one rebuilt.
    check_open(session, step.selection)?;
    let here = still_here(session, uids)?;
    let there = match look(session, step, identities, &uids.difference(copied)) {
        // A target that does not exist holds no copies.
        Err(error) if matches!(*error.kind, ErrorKind::Refused { .. }) => UidSet::new(),
        proof => proof?.shown,
    };
    let there = there.union(copied);
    let gone = uids.difference(&here);
    step.report.done = step.report.done.union(&gone.intersection(&there));
    step.report.doubt(
        gone.difference(&there),
        "no longer in the mailbox and not seen in the target; another client may have taken it",
    );
    step.report.doubt(
        here.intersection(&there),
        "the server left it in the mailbox and put a copy into the target; both are kept",
    );
    let left = here.difference(&there);
    for (named, reason) in reasons {
        step.report.fail(left.intersection(named), reason.clone());
    }
    Ok(())
}

/// Takes in what became of a COPY whose originals are to be removed: on rungs b and c.
pub(super) fn take_proofs(
    session: &mut Session,
    step: &mut Step<'_>,
    parts: &[Part],
    broken: Option<&str>,
    identities: &Identities,
) -> Left {
    let mut left = Left::default();
    let mut to_look_for: Vec<UidSet> = Vec::new();
    for Part { named, done, copied } in parts {
        let proof = Proof::from_codes(copied, named);
        match done {
            Some(done) if done.is_ok() && proof.shown == *named => {
                left.proven = left.proven.union(named);
                step.take_landed(&proof);
            }
            Some(done) if may_try_again(step, done, &proof) => left.again = left.again.union(named),
            Some(done) if copied.is_empty() && may_wait(step, done, &proof) => {
                left.later = left.later.union(named);
            }
            Some(done) if done.is_ok() => to_look_for.push(named.clone()),
            Some(done) => step.report.fail(named.clone(), step.refusal(done)),
            None => step.report.doubt(
                named.clone(),
                format!("{}; nothing was removed, a copy may be in the target", cut(broken)),
            ),
        }
    }
    // In one look, so that one copy can't stand for two messages of different batches.
    let wanted = to_look_for.iter().fold(UidSet::new(), |sum, named| sum.union(named));
    match look(session, step, identities, &wanted) {
        Ok(proof) => {
            step.take_landed(&proof);
            for named in to_look_for {
                let shown = proof.shown.intersection(&named);
                // All of a batch or nothing: a copy too few is a server that can't be trusted with the rest.
                if shown == named {
                    left.proven = left.proven.union(&named);
                    continue;
                }
                step.report.doubt(
                    named.difference(&shown),
                    "the server said OK, but no copy is seen in the target: nothing was removed",
                );
                step.report.doubt(
                    shown,
                    "a copy is in the target, but not of every message of the batch: nothing was removed",
                );
            }
        }
        Err(error) => step.report.doubt(wanted, format!("nothing was removed: {error}")),
    }
    leave_out_copied(session, step, identities, &mut left);
    left
}

/// Looks, before messages are copied again that a server refused to copy for now, whether copies are in the target in
/// spite of that: those are not copied a second time. A server that tells no old message there from a new one is
/// believed, and on Gmail no copy is a second one.
pub(super) fn leave_out_copied(
    session: &mut Session,
    step: &mut Step<'_>,
    identities: &Identities,
    left: &mut Left,
) {
    if left.later.is_empty() || is_gmail(session) {
        return;
    }
    match look(session, step, identities, &left.later) {
        Ok(proof) => {
            step.take_landed(&proof);
            left.later = left.later.difference(&proof.shown);
            step.report.doubt(proof.shown, "the server refused to copy it, but a copy is in the target");
        }
        Err(error) => step.report.doubt(
            std::mem::take(&mut left.later),
            format!(
                "the server refused to copy it, and whether a copy is in the target can't be seen: {error}"
            ),
        ),
    }
}

/// Looks for copies in the target, among what can only have come there by this transfer, and opens the source again.
pub(super) fn look(
    session: &mut Session,
    step: &Step<'_>,
    identities: &Identities,
    wanted: &UidSet,
) -> Result<Proof> {
    let Some(target) = step.target().filter(|_| !wanted.is_empty()) else { return Ok(Proof::default()) };
    let gmail_ids: Option<Vec<u64>> = wanted.iter().map(|uid| identities.get(&uid)?.gmail_id).collect();
    let among = match (gmail_ids, step.before) {
        // The message may have been there before, at any UID.
        (Some(ids), _) => find_by_gmail_id(session, target, &ids)?,
        (None, Before::Next(_, next)) => UidSet::range(next, Uid::MAX),
        (None, Before::Missing) if step.tried => UidSet::range(Uid::MIN, Uid::MAX),
        // What is there may have been there before, or be the source itself under another name.
        (None, Before::Missing | Before::Unknown) => return Ok(Proof::default()),
    };
    let landed = step.report.landed.iter();
    let taken = landed.fold(UidSet::new(), |sum, landing| sum.union(&landing.uids));
    let proof = look_in_target(session, target, &among, &taken, wanted, identities);
    // Whoever goes on with the source looks first whether it is open: what was seen counts all the same.
    drop(reopen(session, step.selection));
    proof
}

/// Removes the messages whose copies are proven, and those that were marked to be removed for good: marks them, and
/// expunges these and no others.
pub(super) fn remove(session: &mut Session, steps: &mut [Step<'_>], left: &mut [(usize, Left)]) {
    let Some(selection) = steps.first().map(|step| step.selection) else { return };
    let run = selection.account.run();
    let all = union(left, |left| &left.proven);
    if !all.is_empty() {
        if let Err(error) = check_open(session, selection) {
            let told = |step: &mut Step<'_>, of| step.report.doubt(of, not_removed(&error.to_string()));
            tell(steps, left, |left| &left.proven, &all, &told);
        } else {
            mark_proven(session, run, steps, left, all);
        }
    }
    let marked = union(left, |left| &left.marked);
    if marked.is_empty() {
        return;
    }
    if !session.capabilities().has("UIDPLUS") {
        let hold = |step: &mut Step<'_>, of: UidSet| {
            let what = if step.target().is_some() { "originals" } else { "messages" };
            step.report.notes.push(format!(
                "the {what} (UID {of}) stay in {}, marked \\Deleted: this server can't remove single messages",
                step.selection.shown
            ));
            step.report.done = step.report.done.union(&of);
            step.report.held = step.report.held.union(&of);
        };
        tell(steps, left, |left| &left.marked, &marked, &hold);
        return;
    }
    let (expunged, error) = change(session, run, marked, Change::Expunge);
    let broken = cut(error.as_deref());
    for Part { named, done, .. } in expunged {
        let reason = match done {
            Some(done) if done.is_ok() => {
                let done = |step: &mut Step<'_>, of| step.report.done = step.report.done.union(&of);
                tell(steps, left, |left| &left.marked, &named, &done);
                continue;
            }
            Some(done) => format!("stays marked \\Deleted: {}", refusal(&done)),
            None => format!("is marked \\Deleted: {broken}"),
        };
        let told = |step: &mut Step<'_>, of| {
            let subject = if step.target().is_some() { "copied; the original" } else { "it" };
            step.report.doubt(of, format!("{subject} {reason}"));
        };
        tell(steps, left, |left| &left.marked, &named, &told);
    }
}

/// Marks the messages whose copies are proven.
fn mark_proven(
    session: &mut Session,
    run: &Run,
    steps: &mut [Step<'_>],
    left: &mut [(usize, Left)],
    all: UidSet,
) {
    let mark = |uids| Change::Store(uids, StoreMode::Add, vec![Flag::Deleted]);
    let (stored, error) = change(session, run, all, mark);
    let broken = cut(error.as_deref());
    for Part { named, done, .. } in stored {
        let reason = match done {
            Some(done) if done.is_ok() => {
                for (_, left) in left.iter_mut() {
                    left.marked = left.marked.union(&left.proven.intersection(&named));
                }
                continue;
            }
            Some(done) => refusal(&done),
            None => broken.clone(),
        };
        let told = |step: &mut Step<'_>, of| step.report.doubt(of, not_removed(&reason));
        tell(steps, left, |left| &left.proven, &named, &told);
    }
}

fn not_removed(reason: &str) -> String {
    format!("copied, but not removed here: {reason}")
}

fn union(left: &[(usize, Left)], of: impl Fn(&Left) -> &UidSet) -> UidSet {
    left.iter().fold(UidSet::new(), |sum, (_, left)| sum.union(of(left)))
}

/// Tells each step what became of those of its messages that are among `uids`.
fn tell(
    steps: &mut [Step<'_>],
    left: &[(usize, Left)],
    of: impl Fn(&Left) -> &UidSet,
    uids: &UidSet,
    told: &dyn Fn(&mut Step<'_>, UidSet),
) {
    for (at, left) in left {
        let mine = of(left).intersection(uids);
        if let Some(step) = steps.get_mut(*at).filter(|_| !mine.is_empty()) {
            told(step, mine);
        }
    }
}

/// Sends a change whose doing twice is doing it once. Where the server wants less at a time, it is tried again.
fn change(
    session: &mut Session,
    run: &Run,
    uids: UidSet,
    make: impl Fn(UidSet) -> Change,
) -> (Vec<Part>, Option<String>) {
    let (mut all, mut open, mut tries) = (Vec::new(), uids, 0);
    loop {
        let (parts, error) = session.change(&[make(open)], throttle::most(tries));
        let (later, ended): (Vec<Part>, Vec<Part>) = parts.into_iter().flatten().partition(|part| {
            error.is_none() && part.done.as_ref().is_some_and(|done| throttle::may_pass(done, tries))
        });
        all.extend(ended);
        if later.is_empty() || !throttle::pause(run, tries) {
            all.extend(later);
            return (all, error.map(|error| error.to_string()));
        }
        open = later.iter().fold(UidSet::new(), |sum, part| sum.union(&part.named));
        tries += 1;
    }
}

/// Finds which of the messages are still in the open mailbox.
fn still_here(session: &mut Session, uids: &UidSet) -> Result<UidSet> {
    let mut here = Vec::new();
    let parts = uids.split(crate::imap::COMMAND_BYTES - 100);
    let commands: Vec<_> =
        parts.iter().map(|part| Command::new("UID FETCH").uids(part).syntax("(UID)")).collect();
    let ends = session.run(&commands, &mut |_, response| {
        if let Response::Fetch(fetch) = response
            && let Some(uid) = fetch.uid
            && uids.contains(uid)
        {
            here.push(uid);
        }
        Ok(())
    })?;
    for end in ends {
        end.ok()?;
    }
    Ok(here.into_iter().collect())
}
