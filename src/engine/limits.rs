//! How many messages may be removed, at once and in a run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::removal::Removal;
use super::report::messages;
use crate::error::{Error, ErrorKind, Result};

/// The most that one call may remove.
const CALL: usize = 1_000;

/// The most that a run may remove.
const RUN: usize = 5_000;

/// A mailbox of fewer messages may be emptied.
const SMALL: usize = 20;

/// The limits of a run, and what it has removed.
#[derive(Debug, Default)]
pub struct Limits {
    /// What the command line says, which has the last word.
    command_line: Option<usize>,
    /// Targets that do not exist are not created.
    pub no_create: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What the script says.
    script: Option<usize>,
    /// Nothing is limited but by the command line.
    lifted: bool,
    /// There is no script that could say more.
    no_script: bool,
    /// How many messages the run has removed, or is removing.
    removed: usize,
    /// The same of each account whose owner has set a limit, by how the journal knows it.
    of_accounts: BTreeMap<String, usize>,
}

impl Limits {
    /// Makes those of a run whose command line names the number of messages that it may remove.
    pub fn new(command_line: Option<usize>, no_create: bool) -> Self {
        Self { command_line, no_create, state: Mutex::default() }
    }

    /// Lets the run remove this many messages, in one call or several, unless the command line says otherwise.
    pub fn set(&self, limit: usize) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).script = Some(limit);
    }

    /// Says that there is no script in the run that could raise a limit.
    pub(super) fn have_no_script(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).no_script = true;
    }

    /// Forgets what was removed.
    pub(super) fn begin_anew(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.removed = 0;
        state.of_accounts.clear();
    }

    /// Takes all limits away that are not on the command line.
    pub fn lift(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).lifted = true;
    }

    /// Tells whether mailboxes may be created without a limit.
    pub(super) fn are_lifted(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).lifted
    }

    /// Tells whether a call may remove what it wants to, and counts it as removed.
    ///
    /// Error: [`ErrorKind::Limit`]. Nothing is counted then.
    pub(super) fn reserve(self: &Arc<Self>, removals: &[Removal]) -> Result<Reserved> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = self.command_line.or(state.script).or(state.lifted.then_some(usize::MAX));
        let count = judge(removals, whole, &state)?;
        state.removed += count;
        let mut of_accounts = BTreeMap::new();
        for removal in removals.iter().filter(|removal| removal.counts() && removal.account_limit().is_some())
        {
            let identity = &removal.account.row().identity;
            *of_accounts.entry(identity.clone()).or_default() += removal.count;
            *state.of_accounts.entry(identity.clone()).or_default() += removal.count;
        }
        Ok(Reserved { limits: Some(Arc::clone(self)), count, of_accounts })
    }
}

/// What a call may remove. What it did not is given back.
#[derive(Debug, Default)]
pub struct Reserved {
    limits: Option<Arc<Limits>>,
    count: usize,
    of_accounts: BTreeMap<String, usize>,
}

impl Reserved {
    /// Ends it: so many messages were removed, or may have been.
    pub fn settle(mut self, removed: usize) {
        self.count = self.count.saturating_sub(removed);
        let several = self.of_accounts.len() > 1;
        for count in self.of_accounts.values_mut() {
            // Of which of them it was is not known.
            *count = if several && removed > 0 { 0 } else { count.saturating_sub(removed) };
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(limits) = &self.limits {
            let mut state = limits.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.removed = state.removed.saturating_sub(self.count);
            for (account, count) in &self.of_accounts {
                if let Some(removed) = state.of_accounts.get_mut(account) {
                    *removed = removed.saturating_sub(*count);
                }
            }
        }
    }
}

/// Counts what a call would remove, of a run that has removed some and has perhaps been told how many it may.
///
/// Error: it is too much.
fn judge(removals: &[Removal], whole: Option<usize>, state: &State) -> Result<usize> {
    let removed = state.removed;
    let counted: Vec<&Removal> = removals.iter().filter(|removal| removal.counts()).collect();
    let all = sum(&counted);
    let most = whole.unwrap_or(RUN);
    let stop = Stop { run: removed + all, fits: removed + all <= most, no_script: state.no_script };
    let mut by_rule: BTreeMap<Option<&str>, Vec<&Removal>> = BTreeMap::new();
    for removal in &counted {
        by_rule.entry(removal.rule.as_deref()).or_default().push(removal);
    }
    for (rule, of) in &by_rule {
        if let Some(limit) = of.first().and_then(|removal| removal.limit).filter(|limit| sum(of) > *limit) {
            let subject = match rule {
                Some(rule) => format!("rule `{}`", crate::error::visible(rule)),
                None => "this".to_owned(),
            };
            return Err(stop.error(of, &subject, &format!("and its `limit` is {limit}"), Raise::Own));
        }
    }
    if whole.is_none() {
        judge_accounts(&counted, &stop, state)?;
        let free = counted.iter().copied();
        let free: Vec<&Removal> =
            free.filter(|removal| removal.limit.or(removal.account_limit()).is_none()).collect();
        for first in &free {
            let of: Vec<_> = free.iter().copied().filter(|other| other.is_of_mailbox_of(first)).collect();
            if first.is_too_much(sum(&of)) {
                return Err(stop.error(&of, "this", "which is more than half of them", Raise::Any));
            }
        }
        if sum(&free) > CALL {
            let why = format!("and at once {CALL} are the most");
            return Err(stop.error(&free, "this", &why, Raise::Any));
        }
    }
    let own = |removal: &&Removal| whole.is_none() && removal.account_limit().is_some();
    if removed + all > most && !counted.iter().all(own) {
        let why = match removed {
            0 => format!("and {most} are the most in a run"),
            removed => format!("after {removed} before, and {most} are the most in a run"),
        };
        return Err(stop.error(&counted, "this", &why, Raise::Run));
    }
    Ok(all)
}

/// Holds each account to the limit that its owner has set.
fn judge_accounts(counted: &[&Removal], stop: &Stop, state: &State) -> Result<()> {
    let mut by_account: BTreeMap<&str, Vec<&Removal>> = BTreeMap::new();
    for removal in counted {
        by_account.entry(&removal.account.row().identity).or_default().push(removal);
    }
    for (identity, of) in by_account {
        let before = state.of_accounts.get(identity).copied().unwrap_or_default();
        let limit = of.first().and_then(|removal| removal.account_limit());
        if let Some(limit) = limit.filter(|limit| before + sum(&of) > *limit) {
            let why = match before {
                0 => format!("and {limit} are the most of this account in a run"),
                before => format!("after {before} before, and {limit} are the most of this account in a run"),
            };
            return Err(stop.error(&of, "this", &why, Raise::Account));
        }
    }
    Ok(())
}

fn sum(removals: &[&Removal]) -> usize {
    removals.iter().map(|removal| removal.count).sum()
}

/// Which limits may be raised to let a call through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Raise {
    /// Its own.
    Own,
    /// Its own, or the run's.
    Any,
    /// The run's.
    Run,
    /// The account's, or the run's.
    Account,
}

/// A call that is not let through.
struct Stop {
    /// What the run would have removed after it.
    run: usize,
    /// The run may remove that.
    fits: bool,
    /// Only the command line can raise a limit.
    no_script: bool,
}

impl Stop {
    fn error(&self, of: &[&Removal], subject: &str, why: &str, raise: Raise) -> Error {
        let count = sum(of);
        let mut mailboxes: Vec<(&Removal, usize)> = Vec::new();
        let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
        for removal in of {
            match mailboxes.iter_mut().find(|(other, _)| other.is_of_mailbox_of(removal)) {
                Some((_, count)) => *count += removal.count,
                None => mailboxes.push((removal, removal.count)),
            }
            if let Some(rule) = &removal.rule {
                *rules.entry(rule).or_default() += removal.count;
            }
        }
        let place = |(removal, count): &(&Removal, usize)| match removal.exists {
            Some(exists) => format!("{count} of the {exists} messages of {}", removal.mailbox()),
            None => format!("{} of {}", messages(*count), removal.mailbox()),
        };
        let mut places: Vec<_> = mailboxes.iter().map(place).collect();
        shorten(&mut places, "mailboxes");
        let mut what = match places.as_slice() {
            [only] => format!("{subject} would remove {only}, {why}"),
            places => format!("{subject} would remove {} ({}), {why}", messages(count), places.join(", ")),
        };
        if !rules.is_empty() && subject == "this" {
            let each = |(rule, count): (&&str, &usize)| format!("`{}` {count}", crate::error::visible(rule));
            let mut each: Vec<_> = rules.iter().map(each).collect();
            shorten(&mut each, "rules");
            what = format!("{what} (by rule: {})", each.join(", "));
        }
        let own = match rules.len() {
            0 => format!("`{{ limit = {count} }}` as the action's last argument"),
            1 => format!("`limit = {count}` in the rule"),
            _ => "a `limit` in each rule".to_owned(),
        };
        let run = format!("`--limit {}`", self.run);
        let run = if self.no_script { run } else { format!("`limit({})` in the script, or {run}", self.run) };
        let how = match (raise, self.fits) {
            (Raise::Own | Raise::Any, _) if self.no_script => run,
            (Raise::Account, _) if self.no_script => format!("`limit` in the account's settings, or {run}"),
            (Raise::Own, true) => own,
            (Raise::Any, true) => format!("{own}, {run}"),
            (Raise::Own, false) => format!("{own}, and {run}"),
            (Raise::Account, _) => format!("`limit` in the account's settings, {run}"),
            (Raise::Any | Raise::Run, _) => run,
        };
        let hint = format!("nothing of it was done; if it is meant, say how many: {how}");
        let error = Error::from(ErrorKind::Limit { what, hint });
        match mailboxes.as_slice() {
            [(only, _)] => error.in_account(only.account.label()).in_mailbox(&only.shown),
            _ => error,
        }
    }
}

/// Keeps the first few of a list.
fn shorten(list: &mut Vec<String>, what: &str) {
    const SHOWN: usize = 5;
    if list.len() > SHOWN + 1 {
        let rest = list.len() - SHOWN;
        list.truncate(SHOWN);
        list.push(format!("and {rest} other {what}"));
    }
}

/// Tells whether so many messages are too many of a mailbox that has so many.
pub(super) fn is_most(count: usize, exists: u32) -> bool {
    let exists = usize::try_from(exists).unwrap_or(usize::MAX);
    exists >= SMALL && count > exists / 2
}

/// Tells whether so many messages may be too many of a mailbox of which nothing is known.
pub(super) fn may_be_most(count: usize) -> bool {
    count > SMALL / 2
}
