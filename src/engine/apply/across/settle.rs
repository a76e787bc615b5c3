//! Looks after what was to go to another account when a run was cut.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::arrivals::{self, Arrival};
use crate::engine::account::Account;
use crate::engine::apply::settle::{Seen, TAKEN, finish_marked};
use crate::engine::apply::source::{remove_here, take_removed};
use crate::engine::apply::step::Step;
use crate::engine::identity::Inquiry;
use crate::engine::journal::{Entry, Fate, Journal, OpenAction, Target, UnderWay};
use crate::engine::report::{Landing, messages};
use crate::engine::world::{Event, Run};
use crate::error::{Class, Error, Result};
use crate::imap::Session;
use crate::mail::{Uid, UidSet};

/// Finds out which messages have come to the other account. `None` where it can't be looked into, and this run does not
/// log in to it itself: it is told, and the messages are held.
///
/// Errors: another run changes that account, and what keeps an account from being looked into that this run uses.
pub(in crate::engine::apply) fn find(
    run: &Run,
    journal: &Arc<Journal>,
    action: &OpenAction,
    target: &Target,
    identity: &str,
) -> Result<Option<BTreeMap<Uid, Arrival>>> {
    let used = run.logins.find(identity).is_some();
    if !used && journal.has_looked(action.id, false) {
        return Ok(None);
    }
    match look(run, journal, action, target, identity) {
        Ok(found) => Ok(Some(found)),
        Err(error) if used || matches!(error.kind.class(), Class::Locked) => Err(error),
        Err(error) => {
            journal.note_look(action.id, false);
            let (count, from) = (messages(action.entries.len()), &action.shown);
            let text = format!(
                "{count} that went from {from} to {} of another account when run {} was cut are held until it can be looked into: {error}",
                target.shown, action.run.0
            );
            run.world.tell(Event::Warning(text));
            Ok(None)
        }
    }
}

fn look(
    run: &Run,
    journal: &Arc<Journal>,
    action: &OpenAction,
    target: &Target,
    identity: &str,
) -> Result<BTreeMap<Uid, Arrival>> {
    let row = journal.account(identity)?;
    let row =
        row.ok_or_else(|| Error::protocol("an action into an account that the journal does not know"))?;
    // Nobody moves the copies away meanwhile.
    run.state.begin(&row, &*run.world, &run.context.interrupt)?;
    let open = |entry: &&Entry| !matches!(entry.fate, Fate::Done | Fate::Left) && !entry.released;
    let entries: Vec<Entry> = action.entries.iter().filter(open).cloned().collect();
    let (of, target, identity) = (Arc::clone(journal), target.clone(), identity.to_owned());
    let account = Account::known(&row, run)?;
    let found =
        account.peek(move |session, _| arrivals::find(session, &of, &identity, &target, &entries)).wait();
    account.log_out();
    found
}

/// Finishes a copy or a move to another account, in the open source: what is in both is removed here.
pub(in crate::engine::apply) fn finish(
    session: &mut Session,
    run: &Run,
    step: &mut Step<'_>,
    action: &OpenAction,
    entries: &[&Entry],
    found: &BTreeMap<Uid, Arrival>,
) -> Result<()> {
    let Some(target) = &action.target else { return Ok(()) };
    let uids = entries.iter().map(|entry| entry.uid).collect();
    let identities = Inquiry::new(session, None)?.ask(session, &uids)?;
    let removes = step.removes();
    let (mut proven, mut marked) = (UidSet::new(), Vec::new());
    for &entry in entries {
        let (uid, here) = (entry.uid, identities.get(&entry.uid));
        if here.is_some_and(|here| here.likeness() != entry.known.likeness()) {
            let reason = "another message has its UID now, which no server may do: nothing was done to it";
            step.report.doubt(uid.into(), reason);
            continue;
        }
        if entry.fate == Fate::Marked {
            marked.push(Seen { entry, here });
            continue;
        }
        match (found.get(&uid), here) {
            (Some(Arrival::Here(validity, there)), here) => {
                let (mailbox, uids) = (target.mailbox.clone(), UidSet::from(*there));
                step.report.land(Landing { mailbox, validity: *validity, uids, pairs: vec![(uid, *there)] });
                if removes && here.is_some() {
                    proven.insert(uid);
                } else {
                    step.report.done.insert(uid);
                }
            }
            (Some(Arrival::Maybe(why)), _) => step.report.doubt(uid.into(), *why),
            (None, None) if removes => step.report.doubt(uid.into(), TAKEN),
            (None, _) => {}
        }
    }
    finish_marked(session, step, &marked)?;
    if !proven.is_empty() {
        // Its messages are not held for what finishes it.
        let mut under_way = UnderWay::new(run.journal()?);
        under_way.take_up(action.id);
        let ended = remove_here(session, run, step.selection, &target.mailbox, proven.clone());
        take_removed(&mut step.report, &proven, ended, "copied");
    }
    Ok(())
}
