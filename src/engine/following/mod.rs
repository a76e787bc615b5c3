//! Does what a plan says and nothing else.
//!
//! Messages are named by mailbox, UIDVALIDITY and UID, and by what they are like: one that is another now is left alone.
//! What an earlier action of the plan brings is found where that action really put it. What was done of the plan before
//! is not done again. As in a script, nothing is done after what failed. How accounts are reached is the journal's to
//! say, never the plan's.

mod beside;
mod mailboxes;
mod order;
mod past;
mod places;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::account::Account;
use super::apply::{self, Across, Action, Task};
use super::journal::Purpose;
use super::limits::Reserved;
use super::names::NameSpec;
use super::overlay::Plan;
use super::permission::Permission;
use super::query::Query;
use super::removal::{Removal, Waiting};
use super::report::{Report, messages};
use super::selection::Selection;
use super::world::{Event, Run};
use crate::error::{Class, Error, ErrorKind, Result, visible};
use crate::mail::{MailboxName, Uid, UidSet, UidValidity};
use order::{Order, Wanted, What, orders};
use past::{Before, Past};
use places::{Frontier, Places};

/// What is said of messages that an earlier run has done this to.
const BEFORE: &str = "done already when the plan was applied before";

/// How following a plan ended.
#[derive(Debug, Default)]
pub struct Followed {
    /// Messages that could only be copied and marked in their mailboxes, or that an earlier run left in doubt, for
    /// people.
    pub held: Vec<String>,
    /// How many actions, but those on messages, had been done when the plan was applied before.
    pub before: usize,
    /// What ended it before its end, and how many actions were left.
    pub stopped: Option<(Error, usize)>,
}

/// Does what a plan says.
///
/// Errors: the plan makes no sense, an account is not known, or a limit or permission forbids it; then nothing was done.
pub fn follow(run: &Run, plan: &Plan) -> Result<Followed> {
    let orders = orders(plan)?;
    for order in &orders {
        order.permissions().into_iter().try_for_each(|permission| run.permit(permission))?;
    }
    run.state.is_for(Purpose::Plan(plan.made.clone()));
    run.limits.have_no_script();
    let mut following = Following {
        run,
        accounts: BTreeMap::new(),
        places: Places::new(&orders),
        past: Past::default(),
        reserved: HashMap::new(),
        followed: Followed::default(),
    };
    for order in &orders {
        following.account(&order.account)?;
        order.changed().try_for_each(|account| following.account(account).map(drop))?;
    }
    following.look_back(plan, &orders)?;
    for (number, order) in orders.iter().enumerate() {
        following.reserve(number, order)?;
    }
    for (number, order) in orders.iter().enumerate() {
        if let Err(error) = following.carry_out(number, order) {
            let error = error.in_account(&order.account.1).in_mailbox(&order.shown);
            following.followed.stopped = Some((error, orders.len() - number - 1));
            break;
        }
    }
    following.accounts.values().for_each(Account::log_out);
    Ok(following.followed)
}

struct Following<'a> {
    run: &'a Run,
    accounts: BTreeMap<String, Account>,
    places: Places,
    past: Past,
    /// What actions may remove, by their numbers.
    reserved: HashMap<usize, Reserved>,
    followed: Followed,
}

impl Following<'_> {
    fn account(&mut self, (identity, label): &(String, String)) -> Result<Account> {
        if let Some(account) = self.accounts.get(identity) {
            return Ok(account.clone());
        }
        let row = self.run.journal()?.account(identity)?.ok_or_else(|| {
            let what = format!("the journal does not know how to reach the account {}", visible(label));
            let hint = "plan on this machine and with this `--state`, where the plan is applied".to_owned();
            Error::from(ErrorKind::Config { what, hint })
        })?;
        let account = Account::known(&row, self.run)?;
        self.accounts.insert(identity.clone(), account.clone());
        Ok(account)
    }

    /// Finds out what was done of the plan before: while it is found out and from then on no other run changes the
    /// accounts, and what a run had begun that was cut is settled.
    ///
    /// Errors: another run changes an account, or the journal does not know the plan.
    fn look_back(&mut self, plan: &Plan, orders: &[Order]) -> Result<()> {
        let identities: BTreeSet<&str> =
            orders.iter().flat_map(Order::changed).map(|(it, _)| &**it).collect();
        for account in identities.iter().filter_map(|identity| self.accounts.get(*identity)) {
            account.change(Permission::Read, |_, _| Ok(())).wait()?;
        }
        self.past = Past::of(&*self.run.journal()?, &plan.made)?.ok_or_else(|| {
            let what = "the journal does not know this plan, nor what was done of it".to_owned();
            let hint =
                "plan again, where it is applied and with the same `--state`; plans are known for 90 days";
            Error::from(ErrorKind::Config { what, hint: hint.to_owned() })
        })?;
        Ok(())
    }

    fn selection(
        &mut self,
        order: &Order,
        (mailbox, validity): (&MailboxName, Option<UidValidity>),
        uids: UidSet,
    ) -> Result<Selection> {
        Ok(Selection {
            account: self.account(&order.account)?,
            spec: NameSpec::Raw(mailbox.wire().to_vec()),
            shown: order.shown.clone(),
            name: mailbox.clone(),
            validity,
            exists: None,
            query: Query::Uids(uids.clone()),
            uids,
            rule: order.rule.clone(),
            read_only: false,
        })
    }

    /// Counts what an action would remove of what is there now, before anything is done.
    ///
    /// Error: it is more than a run may.
    fn reserve(&mut self, number: usize, order: &Order) -> Result<()> {
        let (action, wanted) = match &order.what {
            What::Messages(action, wanted) => (action, wanted),
            What::DeleteWhole(wanted, _) => (&Action::Purge, wanted),
            _ => return Ok(()),
        };
        let key = |uid| order.key(order.validity.map(|validity| (validity, uid)));
        let is_new = |uid: &Uid| !self.past.has(&key(*uid));
        let here = wanted.iter().filter(|wanted| wanted.brought_by.is_none());
        let uids: UidSet = here.map(|wanted| wanted.uid).filter(is_new).collect();
        if uids.is_empty() {
            return Ok(());
        }
        let selection = self.selection(order, (&order.mailbox, order.validity), uids)?;
        match let_through(&selection, action) {
            Ok(reserved) => {
                self.reserved.insert(number, reserved);
                Ok(())
            }
            // The mailbox gets its name by an action of the plan: it is counted when its turn comes.
            Err(error) if error.kind.class() == Class::Refused => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn carry_out(&mut self, number: usize, order: &Order) -> Result<()> {
        match &order.what {
            What::Messages(action, wanted) => self.on_messages(number, order, action, wanted),
            What::Outside(outside, wanted) => self.outside(order, outside, wanted),
            What::Append(addition) => self.append(number, order, addition),
            What::Restore(path, brought) => self.restore(number, order, (path, brought)),
            What::Create | What::Delete | What::DeleteWhole(..) | What::Rename(_) | What::Subscribe(_) => {
                self.on_mailbox(number, order)
            }
        }
    }

    /// Says what an action did.
    ///
    /// Error: something failed.
    fn tell(&mut self, report: Report) -> Result<()> {
        if !report.held.is_empty() {
            let count = messages(report.held.len());
            let what = format!("{count} of {} could only be copied and marked \\Deleted", report.mailbox);
            self.followed.held.push(what);
        }
        let failed = report.failed.iter().chain(&report.in_doubt).next();
        let failed = failed.map(|remark| {
            let what = format!("{} in {}: {}", messages(remark.uids.len()), report.mailbox, remark.reason);
            Error::from(ErrorKind::Partial { what })
        });
        self.run.world.tell(Event::Done(Box::new(report)));
        failed.map_or(Ok(()), Err)
    }

    fn on_messages(
        &mut self,
        number: usize,
        order: &Order,
        action: &Action,
        wanted: &[Wanted],
    ) -> Result<()> {
        let account = self.account(&order.account)?;
        let (placed, missing) = self.places.find(&account, order, wanted)?;
        self.say_missing(order, missing)?;
        let there = match &order.elsewhere {
            Some(elsewhere) => self.account(&elsewhere.account)?,
            None => account.clone(),
        };
        let (counted, mut removed) = (self.reserved.remove(&number), 0);
        for ((mailbox, validity), found) in placed {
            let (mut rest, mut before) = (Vec::new(), UidSet::new());
            let mut lost: HashMap<Option<Frontier>, Vec<&Wanted>> = HashMap::new();
            for (uid, wanted) in found {
                match self.past.take(&order.key(validity.map(|validity| (validity, uid)))) {
                    None => rest.push((uid, wanted)),
                    Some(Before { at, frontier }) => {
                        before.insert(uid);
                        match at {
                            Some(at) => self.places.put(number, wanted, at),
                            None => lost.entry(frontier).or_default().push(wanted),
                        }
                    }
                }
            }
            self.look_for((number, order), &there, lost)?;
            let frontier = match &order.target {
                Some(target) => self.places.frontier(number, &there, target)?,
                None => None,
            };
            let mut report = if rest.is_empty() {
                order.report()
            } else {
                let uids = rest.iter().map(|(uid, _)| *uid).collect();
                let selection = self.selection(order, (&mailbox, validity), uids)?;
                let late = |wanted: &Wanted| counted.is_none() || wanted.brought_by.is_some();
                let late = rest.iter().filter(|(_, wanted)| late(wanted)).map(|(uid, _)| *uid).collect();
                let late = let_through(&selection.with_uids(late), action)?;
                let action = leading(&there, order, action);
                let report = self.act(&account, selection, &action, &rest)?;
                if action.removes() {
                    late.settle(report.done.len());
                    removed += report.done.len();
                }
                report
            };
            report.skip(before, BEFORE);
            let taken = self.places.take((number, order), &there, (&rest, &report), frontier);
            let kept = self.go_on_with_held((number, order), &there, validity, (&rest, &report));
            self.tell(report)?;
            taken?;
            kept?;
        }
        if let Some(reserved) = counted {
            reserved.settle(removed);
        }
        Ok(())
    }

    /// Looks where an action was to put messages for those that the server did not say to be anywhere.
    fn look_for(
        &mut self,
        of: (usize, &Order),
        there: &Account,
        lost: HashMap<Option<Frontier>, Vec<&Wanted>>,
    ) -> Result<()> {
        lost.into_iter().try_for_each(|(frontier, lost)| self.places.look_for(of, there, frontier, lost))
    }

    /// Goes on with the copies of messages that an earlier run of the plan left in doubt and that are held for it: what
    /// later actions want is done to these. That the originals are still there is told.
    fn go_on_with_held(
        &mut self,
        (number, order): (usize, &Order),
        there: &Account,
        validity: Option<UidValidity>,
        (messages_of, report): (&[(Uid, &Wanted)], &Report),
    ) -> Result<()> {
        let mut lost: HashMap<Option<Frontier>, Vec<&Wanted>> = HashMap::new();
        let mut count = 0;
        for (uid, wanted) in messages_of.iter().filter(|(uid, _)| !report.done.contains(*uid)) {
            let key = order.key(validity.map(|validity| (validity, *uid)));
            let Some(Before { at, frontier }) = self.past.held(&key) else { continue };
            count += 1;
            match at {
                Some(at) => self.places.put(number, wanted, at),
                None => lost.entry(frontier).or_default().push(wanted),
            }
        }
        if count > 0 {
            let what = format!("{} of {} left in doubt by an earlier run", messages(count), order.shown);
            self.followed.held.push(what);
        }
        self.look_for((number, order), there, lost)
    }

    fn act(
        &self,
        account: &Account,
        selection: Selection,
        action: &Action,
        rest: &[(Uid, &Wanted)],
    ) -> Result<Report> {
        let like = |(uid, of): &(Uid, &Wanted)| Some((*uid, self.places.likeness(of)?));
        let expected = Some(Arc::new(rest.iter().filter_map(like).collect()));
        let task = Task { selection, actions: vec![action.clone()], expected, even_held: false };
        let mut ended = apply::apply_all(account, vec![task]).wait()?;
        ended.pop().ok_or_else(|| Error::protocol("no report of the action"))?.1
    }

    /// Says that messages are not where an earlier action should have brought them.
    fn say_missing(&mut self, order: &Order, missing: usize) -> Result<()> {
        if missing == 0 {
            return Ok(());
        }
        let mut report = order.report();
        report.notes.push(format!("not found: {} that an earlier action was to bring", messages(missing)));
        self.tell(report)
    }
}

/// Gives an action as one that leads to another account, if it does.
fn leading(there: &Account, order: &Order, action: &Action) -> Action {
    let Some(elsewhere) = &order.elsewhere else { return action.clone() };
    let across = |spec: &NameSpec| Across {
        account: there.clone(),
        spec: spec.clone(),
        accept_rewritten: elsewhere.accept_rewritten,
    };
    match action {
        Action::Move(spec) => Action::MoveAcross(across(spec)),
        Action::Copy(spec) => Action::CopyAcross(across(spec)),
        other => other.clone(),
    }
}

/// Reserves what an action may remove.
///
/// Error: a limit forbids it.
fn let_through(selection: &Selection, action: &Action) -> Result<Reserved> {
    let removal = Removal::of(selection, std::slice::from_ref(action), None);
    Waiting::begin(removal.into_iter().filter(|_| !selection.uids.is_empty()).collect())?.wait()
}
