//! Does what a plan says and nothing else.
//!
//! Messages are named by mailbox, UIDVALIDITY and UID, and by what they are like: one that is another now is left alone.
//! What an earlier action of the plan brings is found where that action really put it. How accounts are reached is the
//! journal's to say, never the plan's.

mod order;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::account::Account;
use super::apply::{self, Action, Task, find_alike};
use super::export::export;
use super::names::NameSpec;
use super::overlay::Plan;
use super::query::Query;
use super::removal::{Removal, Waiting};
use super::report::Report;
use super::save_attachments;
use super::selection::Selection;
use super::selection_set::SelectionSet;
use super::world::{Event, Run};
use crate::error::{Error, ErrorKind, Result, visible};
use crate::mail::{MailboxName, Uid, UidSet, UidValidity};
use order::{Order, Outside, Wanted, What, orders};

/// How following a plan ended.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    /// What could not be done, and why.
    pub failed: Vec<String>,
    /// Something could only be marked in its mailbox.
    pub held: bool,
}

/// Where an action put a message: the target, its validity, and the UID there.
type Landed = (MailboxName, UidValidity, Uid);

/// Does what a plan says.
///
/// Errors: the plan makes no sense, an account is not known, or a limit forbids it; then nothing was done. And whatever
/// keeps an account from being changed at all.
pub fn follow(run: &Run, plan: &Plan) -> Result<Followed> {
    let orders = orders(plan)?;
    let mut following = Following {
        run,
        accounts: BTreeMap::new(),
        landed: HashMap::new(),
        appended: HashMap::new(),
        followed: Followed::default(),
    };
    for order in &orders {
        following.account(order)?;
    }
    let mut removals = Vec::new();
    for order in &orders {
        if let What::Messages(action, wanted) = &order.what {
            let uids: UidSet = wanted.iter().map(|wanted| wanted.uid).collect();
            let selection = following.selection(order, &order.mailbox, order.validity, uids)?;
            removals.extend(Removal::of(&selection, std::slice::from_ref(action), None));
        }
    }
    let reserved = Waiting::begin(removals)?.wait()?;
    let mut removed = 0;
    for (number, order) in orders.iter().enumerate() {
        removed += following.carry_out(number, order)?;
    }
    reserved.settle(removed);
    following.accounts.values().for_each(Account::log_out);
    Ok(following.followed)
}

/// Messages of an action by mailbox and validity, each with its UID there.
type Placed<'w> = BTreeMap<(MailboxName, Option<UidValidity>), Vec<(Uid, &'w Wanted)>>;

struct Following<'a> {
    run: &'a Run,
    accounts: BTreeMap<String, Account>,
    /// Where messages came to be, by the action that brought them and the UID by which the plan knows them.
    landed: HashMap<(usize, Uid), Landed>,
    /// Where messages that were added are, by the action; or only the mailbox, where the server did not say more.
    appended: HashMap<usize, std::result::Result<Landed, MailboxName>>,
    followed: Followed,
}

impl Following<'_> {
    fn account(&mut self, order: &Order) -> Result<Account> {
        let (identity, label) = &order.account;
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

    fn selection(
        &mut self,
        order: &Order,
        mailbox: &MailboxName,
        validity: Option<UidValidity>,
        uids: UidSet,
    ) -> Result<Selection> {
        Ok(Selection {
            account: self.account(order)?,
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

    /// Does one action, and gives how many messages it removed.
    fn carry_out(&mut self, number: usize, order: &Order) -> Result<usize> {
        let account = self.account(order)?;
        let name = NameSpec::Raw(order.mailbox.wire().to_vec());
        let on_mailbox = match &order.what {
            What::Messages(action, wanted) => return self.on_messages(number, order, action, wanted),
            What::Outside(outside, wanted) => return self.outside(order, outside, wanted).map(|()| 0),
            What::Append { message, flags, date } => {
                let ticket = apply::append(&account, name, message.clone(), flags.clone(), *date);
                ticket.wait().map(|appended| appended.report)
            }
            What::Create => apply::create(&account, name).wait(),
            What::Delete => apply::delete(&account, name).wait(),
            What::Rename(target) => apply::rename(&account, name, target.clone()).wait(),
            What::Subscribe(on) => apply::subscribe(&account, name, *on).wait(),
        };
        match on_mailbox {
            Ok(report) => {
                if matches!(order.what, What::Append { .. }) {
                    let landing = report.landed.first();
                    let at = landing.and_then(|at| Some((at.mailbox.clone(), at.validity, at.uids.first()?)));
                    self.appended.insert(number, at.ok_or_else(|| order.mailbox.clone()));
                }
                self.run.world.tell(Event::Done(Box::new(report)));
            }
            Err(error) => self.fail(error)?,
        }
        Ok(0)
    }

    /// Notes what failed; what fails for all that comes ends it.
    fn fail(&mut self, error: Error) -> Result<()> {
        use crate::error::Class;
        match error.kind.class() {
            Class::Refused | Class::Partial | Class::Script => {
                let place = error.mailbox.clone().unwrap_or_default();
                self.followed.failed.push(format!("{place}: {error}"));
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// Finds the messages of an action where they are now, by mailbox and validity. Those that an earlier action should
    /// have brought and did not are told.
    fn placed<'w>(&mut self, order: &Order, wanted: &'w [Wanted]) -> Result<Placed<'w>> {
        let mut placed: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut missing = 0;
        for each in wanted {
            let Some(by) = each.brought_by else {
                placed.entry((order.mailbox.clone(), order.validity)).or_default().push((each.uid, each));
                continue;
            };
            match self.brought(order, by, each)? {
                Some((mailbox, validity, uid)) => {
                    placed.entry((mailbox, Some(validity))).or_default().push((uid, each));
                }
                None => missing += 1,
            }
        }
        if missing > 0 {
            let count = super::messages(missing);
            let what = format!("{}: {count} did not come there, so nothing was done to them", order.shown);
            self.followed.failed.push(what);
        }
        Ok(placed)
    }

    /// Finds a message that an earlier action should have brought.
    fn brought(&mut self, order: &Order, by: usize, wanted: &Wanted) -> Result<Option<Landed>> {
        if let Some(landed) = self.landed.get(&(by, wanted.uid)) {
            return Ok(Some(landed.clone()));
        }
        match self.appended.get(&by).cloned() {
            None => Ok(None),
            Some(Ok(landed)) => Ok(Some(landed)),
            Some(Err(mailbox)) => {
                let account = self.account(order)?;
                let likes = vec![wanted.likeness.clone()];
                let found = find_alike(&account, mailbox.clone(), (None, Uid::MIN), likes).wait()?;
                let found = found.into_iter().next().flatten();
                Ok(found.filter(|found| !found.marked).map(|found| (mailbox, found.validity, found.uid)))
            }
        }
    }

    fn on_messages(
        &mut self,
        number: usize,
        order: &Order,
        action: &Action,
        wanted: &[Wanted],
    ) -> Result<usize> {
        let account = self.account(order)?;
        let mut removed = 0;
        for ((mailbox, validity), messages) in self.placed(order, wanted)? {
            let uids: UidSet = messages.iter().map(|(uid, _)| *uid).collect();
            // What was added is known by where it was put; when it arrived is the server's to say.
            let added = |of: &Wanted| of.brought_by.is_some_and(|by| self.appended.contains_key(&by));
            let like = |(uid, of): &(Uid, &Wanted)| Some((*uid, of.likeness.clone().filter(|_| !added(of))?));
            let expected = messages.iter().filter_map(like).collect();
            let selection = self.selection(order, &mailbox, validity, uids)?;
            let expected = Some(Arc::new(expected));
            let task = Task { selection, actions: vec![action.clone()], expected, even_held: false };
            let ended = apply::apply_all(&account, vec![task]).wait();
            let reports: Vec<Result<Report>> = match ended {
                Ok(ended) => ended.into_iter().map(|(_, report)| report).collect(),
                Err(error) => vec![Err(error)],
            };
            for report in reports {
                match report {
                    Ok(report) => {
                        if action.removes() {
                            removed += report.done.len();
                        }
                        self.take((number, order), &account, &messages, report)?;
                    }
                    Err(error) => self.fail(error)?,
                }
            }
        }
        Ok(removed)
    }

    /// Takes in what became of messages, and where they are now.
    fn take(
        &mut self,
        (number, order): (usize, &Order),
        account: &Account,
        messages: &[(Uid, &Wanted)],
        report: Report,
    ) -> Result<()> {
        let of: HashMap<Uid, &Wanted> = messages.iter().copied().collect();
        for landing in &report.landed {
            for (from, uid) in &landing.pairs {
                if let Some(becomes) = of.get(from).and_then(|wanted| wanted.becomes) {
                    let at = (landing.mailbox.clone(), landing.validity, *uid);
                    self.landed.insert((number, becomes), at);
                }
            }
        }
        self.look_for((number, order), account, messages, &report)?;
        self.followed.held |= !report.held.is_empty();
        for remark in report.failed.iter().chain(&report.in_doubt) {
            let count = super::messages(remark.uids.len());
            self.followed.failed.push(format!("{count} in {}: {}", report.mailbox, remark.reason));
        }
        self.run.world.tell(Event::Done(Box::new(report)));
        Ok(())
    }

    /// Looks for what was moved or copied where the server does not say where it is, if a later action wants it.
    fn look_for(
        &mut self,
        (number, order): (usize, &Order),
        account: &Account,
        messages: &[(Uid, &Wanted)],
        report: &Report,
    ) -> Result<()> {
        let lost: Vec<&Wanted> = messages
            .iter()
            .filter(|(uid, wanted)| report.done.contains(*uid) && wanted.becomes.is_some())
            .map(|(_, wanted)| *wanted)
            .filter(|wanted| {
                !wanted.becomes.is_some_and(|becomes| self.landed.contains_key(&(number, becomes)))
            })
            .collect();
        let Some(target) = order.target.clone().filter(|_| !lost.is_empty()) else { return Ok(()) };
        let likes = lost.iter().map(|wanted| wanted.likeness.clone()).collect();
        let found = find_alike(account, target.clone(), (None, Uid::MIN), likes).wait()?;
        for (wanted, found) in lost.into_iter().zip(found) {
            if let (Some(becomes), Some(found)) = (wanted.becomes, found.filter(|found| !found.marked)) {
                self.landed.insert((number, becomes), (target.clone(), found.validity, found.uid));
            }
        }
        Ok(())
    }

    fn outside(&mut self, order: &Order, outside: &Outside, wanted: &[Wanted]) -> Result<()> {
        for ((mailbox, validity), messages) in self.placed(order, wanted)? {
            let uids: UidSet = messages.iter().map(|(uid, _)| *uid).collect();
            let selection = self.selection(order, &mailbox, validity, uids)?;
            let (reports, error) = match outside {
                Outside::Save(directory) => {
                    let (report, error) = save_attachments(&selection, Path::new(directory));
                    (vec![report], error)
                }
                Outside::Export(path) => match export(&SelectionSet::from(selection), Path::new(path)) {
                    Ok(done) => (done.into_iter().map(|(report, _)| report).collect(), None),
                    Err(error) => (Vec::new(), Some(error)),
                },
            };
            for report in reports {
                for remark in &report.failed {
                    let count = super::messages(remark.uids.len());
                    self.followed.failed.push(format!("{count} in {}: {}", report.mailbox, remark.reason));
                }
                self.run.world.tell(Event::Done(Box::new(report)));
            }
            if let Some(error) = error {
                return Err(error);
            }
        }
        Ok(())
    }
}
