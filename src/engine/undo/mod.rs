//! Takes back what a run did, as far as that can be done: messages go back to where they were, flags become what they
//! were, copies go to Trash, and mailboxes that were made and are empty go.
//!
//! It is a run like any other: limits, journal and locks are the same, and it can be cut and settled.

mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::account::Account;
use super::apply::{self, Across, Action, Alike, Task, find_alike};
use super::journal::{ActionId, Journal, PastAction, Purpose};
use super::limits::Reserved;
use super::names::NameSpec;
use super::query::Query;
use super::removal::{Removal, Waiting};
use super::report::{Remark, Report, Verb};
use super::selection::Selection;
use super::world::{Event, Run};
use crate::error::{Error, ErrorKind, Result};
use crate::mail::{Flag, MailboxName, Uid, UidSet, UidValidity};
use plan::{Back, Item, Plan, Spot, plan};

/// How taking a run back ended.
#[derive(Clone, Debug)]
pub struct Undone {
    /// The run that was taken back.
    pub run: i64,
    /// Its script.
    pub name: String,
    /// How many messages and mailboxes are as they were.
    pub count: usize,
    /// What could not be taken back, and why.
    pub left: Vec<String>,
    /// Something that was moved could only be marked where it was.
    pub held: bool,
}

/// Takes a run back: the one with this number, or the last one that changed anything and was no undo itself.
///
/// Errors: there is no such run; and whatever keeps an account from being changed.
pub fn undo(run: &Run, wanted: Option<i64>) -> Result<Undone> {
    let journal = run.journal()?;
    let runs = journal.runs()?;
    let chosen = match wanted {
        Some(id) => runs.into_iter().find(|run| run.id == id),
        None => runs.into_iter().find(|run| run.undoes.is_none() && !run.counts.is_empty()),
    };
    let Some(chosen) = chosen else {
        let what = match wanted {
            Some(id) => format!("there is no run {id}"),
            None => "there is no run to undo".to_owned(),
        };
        return Err(ErrorKind::Usage { what, hint: "`imapscript history` lists the runs".to_owned() }.into());
    };
    run.state.is_for(Purpose::Undo(chosen.id));
    run.limits.have_no_script();
    let shown = journal.shown()?;
    let mut undoing = Undoing {
        run,
        journal,
        accounts: BTreeMap::new(),
        shown,
        count: 0,
        moved: 0,
        left: Vec::new(),
        held: false,
        only_copies: BTreeSet::new(),
    };
    let journal = Arc::clone(&undoing.journal);
    let actions = journal.actions_of(chosen.id)?;
    // Where messages are shows only once it is settled what a run that was cut had begun: this undo, it may be.
    for account in actions.iter().map(|action| &action.account).collect::<BTreeSet<_>>() {
        undoing.account(account)?.read(|_, _| Ok(())).wait()?;
    }
    let ways = match actions.first() {
        Some(first) => journal.ways_since(first.id)?,
        None => plan::Ways::new(),
    };
    let plan = plan(&actions, &ways);
    undoing.left.clone_from(&plan.impossible);
    undoing.carry_out(plan)?;
    Ok(Undone {
        run: chosen.id,
        name: chosen.name,
        count: undoing.count,
        left: undoing.left,
        held: undoing.held,
    })
}

struct Undoing<'a> {
    run: &'a Run,
    journal: Arc<Journal>,
    accounts: BTreeMap<String, Account>,
    /// What people call mailboxes.
    shown: BTreeMap<MailboxName, String>,
    count: usize,
    /// How many messages were moved.
    moved: usize,
    left: Vec<String>,
    held: bool,
    /// What made copies whose originals are no messages again, or gone: the copies stay.
    only_copies: BTreeSet<(ActionId, Uid)>,
}

impl Undoing<'_> {
    fn action(&mut self, spot: &Spot) -> Result<Action> {
        let raw = |name: &MailboxName| NameSpec::Raw(name.wire().to_vec());
        Ok(match &spot.back {
            Back::Mark(flags) => Action::Mark(flags.clone()),
            Back::Unmark(flags) => Action::Unmark(flags.clone()),
            Back::Move(origin) => Action::Move(raw(origin)),
            Back::MoveAcross(account, origin) => {
                let account = self.account(account)?;
                Action::MoveAcross(Across { account, spec: raw(origin), accept_rewritten: false })
            }
            Back::Trash => Action::Trash,
        })
    }

    fn account(&mut self, identity: &str) -> Result<Account> {
        if let Some(account) = self.accounts.get(identity) {
            return Ok(account.clone());
        }
        let row = self.journal.account(identity)?;
        let row =
            row.ok_or_else(|| Error::protocol("an action of an account that the journal does not know"))?;
        let account = Account::known(&row, self.run)?;
        self.accounts.insert(identity.to_owned(), account.clone());
        Ok(account)
    }

    fn carry_out(&mut self, mut plan: Plan) -> Result<()> {
        self.place(&mut plan)?;
        let reserved = self.keep_to_limits(&plan)?;
        let (renames, others): (Vec<_>, Vec<_>) =
            plan.mailboxes.into_iter().partition(|action| action.verb == Verb::Rename);
        for action in &renames {
            self.take_back_on_mailbox(action)?;
        }
        // The spots of one mailbox go together; flags first.
        let mut rest = plan.spots.into_iter().peekable();
        while let Some((first, items)) = rest.next() {
            let mut together = vec![(first, items)];
            while let Some(next) = rest.next_if(|(spot, _)| is_beside(&together, spot)) {
                together.push(next);
            }
            self.spare_only_copies(&mut together);
            self.take_back(&together)?;
        }
        for action in &others {
            self.take_back_on_mailbox(action)?;
        }
        reserved.settle(self.moved);
        self.accounts.values().for_each(Account::log_out);
        Ok(())
    }

    /// Counts what would be taken out of each mailbox before anything is.
    ///
    /// Error: it is more than a run may.
    fn keep_to_limits(&mut self, plan: &Plan) -> Result<Reserved> {
        let mut removals = Vec::new();
        for (spot, items) in plan.spots.iter().filter(|(spot, _)| spot.moves) {
            let selection = self.selection(spot, items.keys().copied().collect())?;
            removals.extend(Removal::of(&selection, &[self.action(spot)?], None));
        }
        Waiting::begin(removals)?.wait()
    }

    fn selection(&mut self, spot: &Spot, uids: UidSet) -> Result<Selection> {
        Ok(Selection {
            account: self.account(&spot.account)?,
            spec: NameSpec::Raw(spot.mailbox.wire().to_vec()),
            shown: self.shown.get(&spot.mailbox).cloned().unwrap_or_default(),
            name: spot.mailbox.clone(),
            validity: UidValidity::new(spot.validity),
            exists: None,
            query: Query::Uids(uids.clone()),
            uids,
            rule: None,
            read_only: false,
        })
    }

    /// Finds messages of which no server said where they are, by what they are like.
    fn place(&mut self, plan: &mut Plan) -> Result<()> {
        type Somewhere = (String, MailboxName, Option<UidValidity>, Uid);
        let mut by_mailbox: BTreeMap<Somewhere, Vec<(Back, Item)>> = BTreeMap::new();
        for each in std::mem::take(&mut plan.unplaced) {
            let key = (each.account, each.mailbox, each.validity, each.next);
            by_mailbox.entry(key).or_default().push((each.back, each.item));
        }
        for ((identity, mailbox, was, next), wanted) in by_mailbox {
            let account = self.account(&identity)?;
            let alike = wanted.iter().map(|(_, item)| item.likeness.clone()).collect();
            let found = find_alike(&account, mailbox.clone(), (was, next), alike).wait()?;
            for ((back, item), found) in wanted.into_iter().zip(found) {
                let Some(Alike { validity, uid, marked }) = found else {
                    let shown = self.shown.get(&mailbox).cloned().unwrap_or_default();
                    self.left.push(format!("a message is not in {shown} any more"));
                    continue;
                };
                if marked {
                    // It was taken back before, and could only be marked here.
                    continue;
                }
                let moves = true;
                let (account, mailbox) = (identity.clone(), mailbox.clone());
                let spot = Spot { account, moves, mailbox, validity: validity.get(), back };
                plan.spots.entry(spot).or_default().insert(uid, item);
            }
        }
        Ok(())
    }

    /// Leaves copies where they are whose originals are not.
    fn spare_only_copies(&mut self, spots: &mut Vec<(Spot, BTreeMap<Uid, Item>)>) {
        for (spot, items) in &mut *spots {
            let count = items.len();
            items.retain(|_, item| !item.of.iter().any(|of| self.only_copies.contains(of)));
            if items.len() < count {
                let count = super::messages(count - items.len());
                let shown = self.shown.get(&spot.mailbox).cloned().unwrap_or_default();
                self.left.push(format!("{count} in {shown}: the original is not as it was"));
            }
        }
        spots.retain(|(_, items)| !items.is_empty());
    }

    /// Takes back what was done to messages that are in one mailbox now.
    fn take_back(&mut self, spots: &[(Spot, BTreeMap<Uid, Item>)]) -> Result<()> {
        let Some((first, _)) = spots.first() else { return Ok(()) };
        let account = self.account(&first.account)?;
        let mut tasks = Vec::new();
        for (spot, items) in spots {
            let expected =
                items.iter().filter_map(|(uid, item)| Some((*uid, item.likeness.clone()?))).collect();
            tasks.push(Task {
                selection: self.selection(spot, items.keys().copied().collect())?,
                actions: vec![self.action(spot)?],
                expected: Some(Arc::new(expected)),
                // An original that stayed marked is held for just that.
                even_held: matches!(&spot.back, Back::Unmark(flags) if flags.contains(&Flag::Deleted)),
            });
        }
        let originals =
            spots.iter().flat_map(|(_, items)| items.values()).filter_map(|item| item.original_of);
        self.only_copies.extend(originals);
        let ended = match apply::apply_all(&account, tasks).wait() {
            Ok(ended) => ended,
            Err(error) => return self.leave(spots, error),
        };
        for (number, result) in ended {
            let Some((_, items)) = spots.get(number) else { continue };
            match result {
                Ok(report) => {
                    if first.moves {
                        self.moved += report.done.len();
                    }
                    self.take(report, items)?;
                }
                Err(error) => self.left.push(error.to_string()),
            }
        }
        Ok(())
    }

    /// Goes on with the other mailboxes where one can't be changed any more, unless no other can either.
    fn leave(&mut self, spots: &[(Spot, BTreeMap<Uid, Item>)], error: Error) -> Result<()> {
        let of_the_mailbox = matches!(
            *error.kind,
            ErrorKind::Refused { .. }
                | ErrorKind::UidValidityChanged { .. }
                | ErrorKind::NoUidValidity { .. }
                | ErrorKind::ReadOnly { .. }
        );
        if !of_the_mailbox {
            return Err(error);
        }
        let count = spots.iter().map(|(_, items)| items.len()).sum();
        self.left.push(format!("{}: {error}", super::messages(count)));
        Ok(())
    }

    fn take(&mut self, report: Report, items: &BTreeMap<Uid, Item>) -> Result<()> {
        let done = || report.done.iter().filter_map(|uid| items.get(&uid));
        for original_of in done().filter_map(|item| item.original_of) {
            self.only_copies.remove(&original_of);
        }
        let undone: Vec<(ActionId, Option<Uid>)> =
            done().flat_map(|item| item.of.iter().map(|(action, uid)| (*action, Some(*uid)))).collect();
        self.count += report.done.len();
        self.held |= !report.held.is_empty();
        self.journal.undone(&undone)?;
        // A copy that was thrown away since is where it would go.
        let there = |remark: &&Remark| remark.reason != apply::THROWN_AWAY;
        for remark in report.failed.iter().chain(&report.in_doubt).chain(report.skipped.iter().filter(there))
        {
            let count = super::messages(remark.uids.len());
            self.left.push(format!("{count} in {}: {}", report.mailbox, remark.reason));
        }
        self.run.world.tell(Event::Done(Box::new(report)));
        Ok(())
    }

    fn take_back_on_mailbox(&mut self, action: &PastAction) -> Result<()> {
        let account = self.account(&action.account)?;
        let raw = |name: &MailboxName| NameSpec::Raw(name.wire().to_vec());
        let name = raw(&action.mailbox);
        let ticket = match (action.verb, &action.target) {
            (Verb::Create, _) => apply::delete(&account, name),
            (Verb::Delete, _) => apply::create(&account, name),
            (Verb::Rename, Some(target)) => apply::rename(&account, raw(&target.mailbox), name),
            (Verb::Subscribe, _) => apply::subscribe(&account, name, false),
            (Verb::Unsubscribe, _) => apply::subscribe(&account, name, true),
            _ => return Ok(()),
        };
        match ticket.wait() {
            Ok(report) => {
                self.count += 1;
                self.journal.undone(&[(action.id, None)])?;
                self.run.world.tell(Event::Done(Box::new(report)));
                Ok(())
            }
            Err(error) if matches!(*error.kind, ErrorKind::NotEmpty { .. } | ErrorKind::Refused { .. }) => {
                self.left.push(format!("{} {}: {error}", action.verb.done(), action.shown));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn is_beside(together: &[(Spot, BTreeMap<Uid, Item>)], spot: &Spot) -> bool {
    together.first().is_some_and(|(first, _)| {
        first.account == spot.account
            && first.moves == spot.moves
            && first.mailbox == spot.mailbox
            && first.validity == spot.validity
    })
}
