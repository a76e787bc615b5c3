//! What the journal is told of steps: before a flight what they are about to do, and after it what became of that.

use super::ready::{Before, Identities};
use super::step::{Kind, Step};
use crate::engine::account::Account;
use crate::engine::journal::{ActionId, Intent, Known, Outcome, Target};
use crate::engine::report::{Report, Verb};
use crate::engine::world::{Event, Run};
use crate::error::Result;
use crate::mail::{Label, MailboxName, Uid, UidSet};

/// Says what a step is about to do.
pub(super) fn intent(step: &Step<'_>, identities: &Identities) -> Intent {
    let known = |uid: Uid| identities.get(&uid).map(Known::from).unwrap_or_default();
    let selection = step.selection;
    let target = step.target().map(|mailbox| Target {
        account: None,
        mailbox: mailbox.clone(),
        shown: step.report.object.clone().unwrap_or_default(),
        validity: match step.before {
            Before::Next(validity, _) => validity,
            Before::Missing | Before::Unknown => None,
        },
        next: match step.before {
            Before::Next(_, next) => Some(next),
            // It was made by this run, so that all in it is new.
            Before::Missing => Some(Uid::MIN),
            Before::Unknown => None,
        },
    });
    Intent {
        verb: step.report.verb,
        rule: selection.rule.clone(),
        object: match &step.kind {
            Kind::Copy(_) | Kind::Remove(_) | Kind::Purge => None,
            Kind::Store(..) => step.report.object.clone(),
            // A label may have anything in it but this.
            Kind::Label(_, labels) => Some(labels.iter().map(Label::text).collect::<Vec<_>>().join("\n")),
        },
        mailbox: selection.name.clone(),
        shown: selection.shown.clone(),
        validity: selection.validity,
        target,
        messages: step.uids.iter().map(|uid| (uid, known(uid))).collect(),
    }
}

/// Says what is about to be done with a mailbox itself.
pub(super) fn on_a_mailbox(
    verb: Verb,
    (name, shown): (&MailboxName, &str),
    target: Option<&(MailboxName, String)>,
) -> Intent {
    let target = target.map(|(mailbox, shown)| Target {
        account: None,
        mailbox: mailbox.clone(),
        shown: shown.clone(),
        validity: None,
        next: None,
    });
    Intent {
        verb,
        rule: None,
        object: None,
        mailbox: name.clone(),
        shown: shown.to_owned(),
        validity: None,
        target,
        messages: Vec::new(),
    }
}

/// Notes an intent, does it, and notes whether it was done.
pub(super) fn noted<T>(
    run: &Run,
    account: &Account,
    intent: Intent,
    job: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let ids = run.journal()?.intend(&account.row().identity, &[intent])?;
    let result = job();
    let outcome = Outcome { whole: result.is_ok(), ..Outcome::default() };
    conclude(run, &ids.into_iter().map(|id| (id, outcome.clone())).collect::<Vec<_>>());
    result
}

/// Notes what became of actions. Where that can't be noted it was done all the same: the next run finds the actions
/// open, and looks after them.
pub(super) fn conclude(run: &Run, ended: &[(ActionId, Outcome)]) {
    if let Err(error) = run.journal().and_then(|journal| journal.conclude(ended)) {
        run.world.tell(Event::Warning(format!("what was done could not be noted: {error}")));
    }
}

/// Says what became of messages, by the report of what was done to them. `cut` says that the connection broke, so that
/// what is in doubt can be settled by looking.
pub(super) fn outcome(report: &Report, uids: &UidSet, cut: bool) -> Outcome {
    let landed: std::collections::BTreeMap<Uid, _> = report
        .landed
        .iter()
        .flat_map(|landing| landing.pairs.iter().map(|&(from, uid)| (from, (landing.validity, uid))))
        .collect();
    let doubt: Vec<(UidSet, String)> = report
        .in_doubt
        .iter()
        .map(|remark| (remark.uids.intersection(uids), remark.reason.clone()))
        .filter(|(uids, _)| !uids.is_empty())
        .collect();
    let marked = report.held.intersection(uids);
    let done = report.done.intersection(uids).difference(&marked);
    let known = doubt.iter().fold(done.union(&marked), |sum, (uids, _)| sum.union(uids));
    Outcome {
        done: done.iter().map(|uid| (uid, landed.get(&uid).copied())).collect(),
        left: uids.difference(&known),
        cut: cut && !doubt.is_empty(),
        doubt,
        marked,
        ..Outcome::default()
    }
}
