//! Rules: queries with actions, of which each message is judged once.

use std::collections::BTreeMap;

use super::account::Account;
use super::apply::{Across, Action, Task};
use super::names::NameSpec;
use super::query::{Query, Rest};
use super::report::{Report, Verb};
use super::search::{Match, Sifted};
use super::selection::Selection;
use super::template::Template;
use crate::mail::UidSet;

/// One rule, with what it does on a server. What it does elsewhere is the business of whoever runs it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What reports call it.
    pub name: String,
    /// Which messages it is for.
    pub query: Query,
    /// The targets of its actions that have one, in the order of `actions`; then those of the caller's.
    pub targets: Vec<Target>,
    /// What is done, in order; what removes comes last.
    pub actions: Vec<RuleAction>,
    /// Later rules do not see its messages.
    pub stop: bool,
    /// How many messages it may remove, where it says so itself.
    pub limit: Option<usize>,
}

/// What a rule does to its messages.
#[derive(Clone, Debug)]
pub enum RuleAction {
    /// It needs no target.
    Plain(Action),
    /// It copies to the target with this number.
    Copy(usize),
    /// It moves to the target with this number.
    Move(usize),
    /// It puts into the file with this number, and removes for good.
    Archive(usize),
    /// It copies to the target with this number in another account.
    CopyAcross(usize, Elsewhere),
    /// It moves to the target with this number in another account.
    MoveAcross(usize, Elsewhere),
}

/// The account of a target that is not the messages' own.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// The account.
    pub account: Account,
    /// Copies that the server has written anew count if they say the same.
    pub accept_rewritten: bool,
}

impl Elsewhere {
    fn mailbox(&self, spec: NameSpec) -> Across {
        Across { account: self.account.clone(), spec, accept_rewritten: self.accept_rewritten }
    }
}

/// Where a rule puts messages.
#[derive(Clone, Debug)]
pub enum Target {
    /// What the template says.
    Template(Template),
    /// What a function of the script's says.
    Function,
}

/// What a target became for a message: a name, or why there is none.
pub type Filled = Result<String, String>;

impl Rule {
    /// Tells whether no later rule is for its messages.
    pub fn ends(&self) -> bool {
        self.stop || self.removes()
    }

    /// Gives the templates of its targets.
    pub fn templates(&self) -> Vec<Option<Template>> {
        let template = |target: &Target| match target {
            Target::Template(template) => Some(template.clone()),
            Target::Function => None,
        };
        self.targets.iter().map(template).collect()
    }

    /// Gives messages of a mailbox as the rule's own.
    pub fn selection(&self, mailbox: &Selection, uids: UidSet) -> Selection {
        let query = self.query.clone().without_deleted().answered();
        Selection { uids, query, rule: Some(self.name.clone()), ..mailbox.clone() }
    }

    /// Reports messages that are left where they are, and why.
    pub fn left_alone(&self, mailbox: &Selection, uids: UidSet, reason: &str) -> Report {
        let verb = if self.removes() { Verb::Move } else { Verb::Copy };
        let mut report = Report::of(verb, &self.selection(mailbox, uids.clone()), None);
        report.skip(uids, reason);
        report
    }

    /// Tells whether its messages are not in their mailbox afterwards.
    pub fn removes(&self) -> bool {
        self.actions.iter().any(|action| match action {
            RuleAction::Plain(action) => action.removes(),
            RuleAction::Move(_) | RuleAction::MoveAcross(..) | RuleAction::Archive(_) => true,
            RuleAction::Copy(_) | RuleAction::CopyAcross(..) => false,
        })
    }
}

/// Messages of one mailbox that one rule is for and that go the same way.
#[derive(Clone, Debug)]
pub struct Portion {
    /// The rule's number.
    pub rule: usize,
    /// What its targets became.
    pub targets: Vec<Filled>,
    /// The messages.
    pub uids: UidSet,
}

/// Gives the rules that are for a message, of those that match it: up to the first that ends its way. `None` where
/// that is the script's functions' to say.
pub fn assign(rules: &[Rule], matches: &[Match]) -> Option<Vec<(usize, Vec<Filled>)>> {
    let mut assigned = Vec::new();
    for each in matches {
        let rule = rules.get(each.query)?;
        let open = matches!(each.rest, Rest::Open(_));
        if open || rule.targets.iter().any(|target| matches!(target, Target::Function)) {
            return None;
        }
        assigned.push((each.query, each.filled.clone()));
        if rule.ends() {
            break;
        }
    }
    Some(assigned)
}

/// Collects what is assigned to messages of one mailbox.
#[derive(Clone, Debug, Default)]
pub struct Portions(BTreeMap<(usize, Vec<Filled>), Vec<UidSet>>);

impl Portions {
    /// Adds messages to the portions of their rules.
    pub fn add(&mut self, assigned: Vec<(usize, Vec<Filled>)>, uids: &UidSet) {
        for of in assigned {
            self.0.entry(of).or_default().push(uids.clone());
        }
    }

    /// Gives the portions in the order of the rules.
    pub fn finish(self) -> Vec<Portion> {
        let portion = |((rule, targets), sets): ((usize, Vec<Filled>), Vec<UidSet>)| {
            let uids = sets.iter().flat_map(UidSet::iter).collect();
            Portion { rule, targets, uids }
        };
        self.0.into_iter().map(portion).collect()
    }
}

/// Makes the task of a portion: what is to be done on the server. What the portion's messages have no target for is
/// said as the reason why there is none.
pub fn task(rule: &Rule, portion: &Portion, sifted: &Sifted) -> Result<Option<Task>, String> {
    let target = |number: &usize| -> Result<NameSpec, String> {
        match portion.targets.get(*number) {
            Some(Ok(name)) => Ok(NameSpec::Script(name.clone())),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err("left alone: it has no target".to_owned()),
        }
    };
    let mut actions = Vec::new();
    for action in &rule.actions {
        actions.push(match action {
            RuleAction::Plain(action) => action.clone(),
            RuleAction::Copy(number) => Action::Copy(target(number)?),
            RuleAction::Move(number) => Action::Move(target(number)?),
            RuleAction::Archive(number) => match portion.targets.get(*number) {
                Some(Ok(path)) => Action::PurgeArchived(path.into()),
                Some(Err(reason)) => return Err(reason.clone()),
                None => return Err("left alone: it has no target".to_owned()),
            },
            RuleAction::CopyAcross(number, to) => Action::CopyAcross(to.mailbox(target(number)?)),
            RuleAction::MoveAcross(number, to) => Action::MoveAcross(to.mailbox(target(number)?)),
        });
    }
    if actions.is_empty() || portion.uids.is_empty() {
        return Ok(None);
    }
    let selection = rule.selection(&sifted.selection, portion.uids.clone());
    Ok(Some(Task { selection, actions, expected: None, even_held: false }))
}
