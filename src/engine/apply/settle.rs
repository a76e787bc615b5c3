//! Looks after what a run that was cut had begun: what of it was done, and what can be finished safely.
//!
//! Only a look tells. A message that is gone from the source and in the target was moved; one that is in both was
//! copied, and the move is finished by removing it; one that is in the source only was not touched. Messages that are
//! alike are matched by their number. What stays in doubt is kept in both places, held, and told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::across;
use super::flights::Left;
use super::proof::{Proof, copies_among};
use super::ready::{check_open, reopen};
use super::record::outcome;
use super::rungs;
use super::step::{Kind, Step};
use crate::engine::account::Account;
use crate::engine::gmail::is_gmail;
use crate::engine::identity::{Identity, Inquiry, Likeness};
use crate::engine::journal::{Entry, Fate, Journal, OpenAction, Outcome};
use crate::engine::names::NameSpec;
use crate::engine::permission::Permission;
use crate::engine::query::Query;
use crate::engine::report::{Report, Verb};
use crate::engine::selection::Selection;
use crate::engine::world::{Event, Run};
use crate::error::{ErrorKind, Result};
use crate::imap::{Access, Session};
use crate::mail::{Flag, MailboxName, Uid, UidSet, UidValidity};

/// What is known now of a message of a cut action.
pub(super) struct Seen<'a> {
    pub(super) entry: &'a Entry,
    /// It is in the source, and is what it was.
    pub(super) here: Option<&'a Identity>,
}

/// Settles an action whose end is not known, tells what became of it, and notes that in the journal.
///
/// Errors: it can't be looked after now, as the connection broke again.
pub(super) fn settle(
    session: &mut Session,
    run: &Run,
    account: &Account,
    journal: &Arc<Journal>,
    action: &OpenAction,
) -> Result<()> {
    let report = look(session, run, account, journal, action)?;
    tell(run, action, report);
    Ok(())
}

/// Looks once more after what actions hold, because the user asks for it. What is still in doubt is kept in both places
/// and not held any more.
///
/// Errors: as [`settle`].
pub(super) fn let_go(session: &mut Session, run: &Run, account: &Account) -> Result<()> {
    let journal = run.journal()?;
    for action in journal.holding_actions(&account.row().identity)? {
        // What can't be looked after now stays held.
        let Some(report) = look(session, run, account, &journal, &action)? else { continue };
        let held = action.entries.iter().map(|entry| entry.uid).collect();
        journal.release(action.id, &held)?;
        tell(run, &action, Some(report));
    }
    Ok(())
}

fn tell(run: &Run, action: &OpenAction, report: Option<Report>) {
    if let Some(mut report) = report {
        report.notes.push(format!("begun by run {} ({})", action.run.0, action.run.1));
        run.world.tell(Event::Settled(Box::new(report)));
    }
}

/// Looks after what is not settled of an action. `None` where there is nothing to tell.
fn look(
    session: &mut Session,
    run: &Run,
    account: &Account,
    journal: &Arc<Journal>,
    action: &OpenAction,
) -> Result<Option<Report>> {
    // What this run may not do waits for one that may; until then its messages are held.
    let needed = match action.verb {
        Verb::Move | Verb::Trash | Verb::Purge => Some(permission(action.verb)),
        _ => None,
    };
    if needed.is_some_and(|needed| run.permit(needed).is_err()) {
        return Ok(None);
    }
    let settled = |entry: &Entry| matches!(entry.fate, Fate::Done | Fate::Left) || entry.released;
    let entries: Vec<&Entry> = action.entries.iter().filter(|entry| !settled(entry)).collect();
    let uids: UidSet = entries.iter().map(|entry| entry.uid).collect();
    if uids.is_empty() {
        // A mailbox was made, renamed or the like; the script sees what there is.
        return journal.conclude(&[(action.id, Outcome::default())]).map(|()| None);
    }
    let mut release = UidSet::new();
    let report = if action.verb == Verb::Append {
        super::appending::settle(session, account, action)?
    } else {
        let selection = selection(account, action);
        let mut step = Step::unfinished(&selection, action);
        let elsewhere = action.target.as_ref().and_then(|target| Some((target, target.account.as_ref()?)));
        let found = match elsewhere {
            Some((target, account)) => match across::find(run, journal, action, target, account)? {
                Some(found) => Some(found),
                // Held until that account can be looked into.
                None => return Ok(None),
            },
            None => None,
        };
        match (open_source(session, &selection), &found) {
            (Ok(()), Some(found)) => across::finish(session, run, &mut step, action, &entries, found)?,
            (Ok(()), None) => look_after(session, &mut step, action, &entries)?,
            (Err(error), _) if session.is_poisoned() => return Err(error),
            // They went with it.
            (Err(_), None) if action.verb == Verb::Purge && is_gone(session, &action.mailbox)? => {
                step.report.done = uids.clone();
            }
            // Its UIDs mean nothing any more: there is nothing left to hold.
            (Err(error), _) => {
                step.report.doubt(uids.clone(), error.to_string());
                release = uids.clone();
            }
        }
        step.report
    };
    let credit = matches!(action.verb, Verb::Copy | Verb::Append);
    let ended = Outcome { credit, ..outcome(&report, &uids, session.is_poisoned()) };
    journal.conclude(&[(action.id, ended)])?;
    journal.release(action.id, &release)?;
    Ok(Some(report))
}

fn selection(account: &Account, action: &OpenAction) -> Selection {
    let uids: UidSet = action.entries.iter().map(|entry| entry.uid).collect();
    Selection {
        account: account.clone(),
        spec: NameSpec::Raw(action.mailbox.wire().to_vec()),
        shown: action.shown.clone(),
        name: action.mailbox.clone(),
        validity: action.validity,
        exists: None,
        query: Query::Uids(uids.clone()),
        uids,
        rule: action.rule.clone(),
        read_only: false,
    }
}

fn is_gone(session: &mut Session, mailbox: &MailboxName) -> Result<bool> {
    let there = session.list(mailbox)?;
    Ok(!there.iter().any(|entry| entry.name == *mailbox && entry.is_selectable()))
}

fn open_source(session: &mut Session, selection: &Selection) -> Result<()> {
    session.open_mailbox(&selection.name, Access::Write)?;
    check_open(session, selection)
}

/// Looks after the messages of an action, in the open source.
fn look_after(
    session: &mut Session,
    step: &mut Step<'_>,
    action: &OpenAction,
    entries: &[&Entry],
) -> Result<()> {
    let uids = entries.iter().map(|entry| entry.uid).collect();
    let identities = Inquiry::new(session, None)?.ask(session, &uids)?;
    let (mut seen, mut marked) = (Vec::new(), Vec::new());
    for entry in entries {
        let here = identities.get(&entry.uid);
        if here.is_some_and(|here| here.likeness() != entry.known.likeness()) {
            let reason = "another message has its UID now, which no server may do: nothing was done to it";
            step.report.doubt(entry.uid.into(), reason);
            continue;
        }
        let of = if entry.fate == Fate::Marked { &mut marked } else { &mut seen };
        of.push(Seen { entry, here });
    }
    finish_marked(session, step, &marked)?;
    match &step.kind {
        Kind::Store(..) | Kind::Label(..) => {
            look_at_flags(step, &seen);
            Ok(())
        }
        Kind::Purge => finish_marked(session, step, &seen),
        Kind::Copy(target) | Kind::Remove(target) => {
            let target = target.clone();
            let taken = landed_before(action);
            let copies = copies(session, step, action, &target, &taken)?;
            finish_transfer(session, step, &seen, copies);
            Ok(())
        }
    }
}

/// Flags and labels are seen on the messages; those that miss them are left to the script.
fn look_at_flags(step: &mut Step<'_>, seen: &[Seen<'_>]) {
    let has =
        |identity: &Identity, flag: &Flag| identity.flags.as_ref().is_some_and(|flags| flags.contains(flag));
    let Kind::Store(mode, flags) = step.kind.clone() else { return };
    let set = mode == crate::imap::StoreMode::Add;
    for Seen { entry, here } in seen {
        if here.is_some_and(|here| flags.iter().all(|flag| has(here, flag) == set)) {
            step.report.done.insert(entry.uid);
        }
    }
}

/// Gives what a run must be allowed to finish an action that removes messages.
fn permission(verb: Verb) -> Permission {
    match verb {
        Verb::Purge => Permission::Purge,
        Verb::Trash => Permission::Trash,
        _ => Permission::Move,
    }
}

/// Finishes the removal of what is marked already.
pub(super) fn finish_marked(session: &mut Session, step: &mut Step<'_>, seen: &[Seen<'_>]) -> Result<()> {
    let mut left = Left::default();
    let is_marked = |flags: Option<&Vec<Flag>>| flags.is_some_and(|flags| flags.contains(&Flag::Deleted));
    for Seen { entry, here } in seen {
        // A mark that was there before says nothing of what was done.
        let own = entry.fate == Fate::Marked || !is_marked(Some(&entry.known.flags));
        match here {
            None => step.report.done.insert(entry.uid),
            Some(here) if own && is_marked(here.flags.as_ref()) => left.marked.insert(entry.uid),
            Some(_) => {}
        }
    }
    if !left.marked.is_empty() {
        check_open(session, step.selection)?;
        rungs::remove(session, std::slice::from_mut(step), &mut [(0, left)]);
    }
    Ok(())
}

/// Gives the UIDs in the target that are known to be copies of other messages of the action.
fn landed_before(action: &OpenAction) -> UidSet {
    action.entries.iter().filter_map(|entry| entry.landed).map(|(_, uid)| uid).collect()
}

/// UIDs in the target, by what they have in common with messages of the source.
type Alike = BTreeMap<Likeness, Vec<Uid>>;

/// What was found in the target.
enum Copies {
    /// Only copies can be among these; with the target's validity. The last have been there and were taken on by another
    /// action.
    New(UidValidity, Alike, BTreeSet<Likeness>),
    /// Old messages can't be told from new ones: none that is alike is proof, but where none is alike, none is a copy.
    Any(Alike),
}

/// Looks for copies in the target, among what can only have come there since.
fn copies(
    session: &mut Session,
    step: &Step<'_>,
    action: &OpenAction,
    target: &MailboxName,
    taken: &UidSet,
) -> Result<Copies> {
    let found = match session.open_mailbox(target, Access::Read) {
        Ok(open) => {
            let is = open.validity;
            let known = action.target.as_ref().and_then(|target| Some((target.validity, target.next?)));
            // Rebuilt meanwhile, old messages would pass for new ones.
            match (known, is) {
                (Some((was, next)), Some(is)) if was.is_none_or(|was| was == is) => {
                    let journal = step.selection.account.run().journal()?;
                    let account = &step.selection.account.row().identity;
                    let taken = taken.union(&journal.landed_since(account, target, is, next)?);
                    let gone = journal.taken_since(account, target, is, next)?.into_iter();
                    let gone = gone.filter(|entry| !taken.contains(entry.uid));
                    let gone = gone.filter_map(|entry| entry.known.likeness()).collect();
                    Copies::New(is, copies_among(session, &UidSet::range(next, Uid::MAX), &taken)?, gone)
                }
                _ => Copies::Any(copies_among(session, &UidSet::range(Uid::MIN, Uid::MAX), &UidSet::new())?),
            }
        }
        // A target that does not exist holds no copies; one that can't be looked into may.
        Err(error) if matches!(*error.kind, ErrorKind::Refused { .. }) => {
            let there = session.list(target)?.iter().any(|entry| entry.name == *target);
            if there {
                return Err(error);
            }
            Copies::Any(Alike::new())
        }
        Err(error) => return Err(error),
    };
    reopen(session, step.selection)?;
    Ok(found)
}

/// Finishes a copy or a move: tells what was done, and removes what is in both mailboxes of a move.
fn finish_transfer(session: &mut Session, step: &mut Step<'_>, seen: &[Seen<'_>], copies: Copies) {
    let (validity, mut copies, taken_on) = match copies {
        Copies::New(validity, copies, taken_on) => (validity, copies, taken_on),
        Copies::Any(alike) => return tell_apart(step, seen, &alike),
    };
    let mut groups: BTreeMap<Option<Likeness>, Vec<&Seen<'_>>> = BTreeMap::new();
    for each in seen {
        groups.entry(each.entry.known.likeness()).or_default().push(each);
    }
    let removes = step.removes();
    let (mut arrived, mut proven) = (Vec::new(), UidSet::new());
    for (likeness, group) in groups {
        let was_there = likeness.as_ref().is_some_and(|likeness| taken_on.contains(likeness));
        let mut found = likeness.and_then(|likeness| copies.remove(&likeness)).unwrap_or_default();
        let (here, gone): (Vec<_>, Vec<_>) = group.into_iter().partition(|seen| seen.here.is_some());
        for seen in gone {
            match found.pop() {
                Some(copy) => arrived.push((seen.entry.uid, validity, copy)),
                None if removes => step.report.doubt(seen.entry.uid.into(), TAKEN),
                None => {}
            }
        }
        if removes && !found.is_empty() && found.len() < here.len() {
            let all = here.iter().map(|seen| seen.entry.uid).collect();
            let reason = "some of several that are alike are in the target; all are kept";
            step.report.doubt(all, reason);
            continue;
        }
        for seen in here {
            let Some(copy) = found.pop() else {
                if was_there {
                    let reason =
                        "one like it was in the target, and another action took it on; both are kept";
                    step.report.doubt(seen.entry.uid.into(), reason);
                }
                continue;
            };
            arrived.push((seen.entry.uid, validity, copy));
            proven.insert(seen.entry.uid);
        }
    }
    if !removes {
        step.take_done(&Proof::of(arrived));
        return;
    }
    let proof = Proof::of(arrived);
    step.report.done = step.report.done.union(&proof.shown.difference(&proven));
    // On Gmail a message in two places is one message with two labels: the script moves it again.
    if is_gmail(session) {
        return;
    }
    step.take_landed(&proof);
    let left = Left { proven, ..Left::default() };
    rungs::remove(session, std::slice::from_mut(step), &mut [(0, left)]);
}

/// What is said of messages that are nowhere.
pub(super) const TAKEN: &str =
    "no longer in the mailbox and not seen in the target; another client may have taken it";

/// Tells messages of which nothing alike is in the target, so that nothing was done to them, from the others, of which it
/// can't be told.
fn tell_apart(step: &mut Step<'_>, seen: &[Seen<'_>], alike: &Alike) {
    let removes = step.removes();
    for Seen { entry, here } in seen {
        let maybe = entry.known.likeness().is_none_or(|likeness| alike.contains_key(&likeness));
        match (here, maybe) {
            (_, true) => {
                let reason = "one like it is in the target, where old messages can't be told from new ones";
                step.report.doubt(entry.uid.into(), reason);
            }
            (None, false) if removes => step.report.doubt(entry.uid.into(), TAKEN),
            (_, false) => {}
        }
    }
}
