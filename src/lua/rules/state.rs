use mlua::{Function, Lua, Table, Value};

use crate::engine::apply::{Task, apply_all};
use crate::engine::query::Rest;
use crate::engine::rules::{Filled, Portion, Portions, task};
use crate::engine::{
    Match, Needs, Removal, Report, Reserved, Selection, SelectionSet, Sifted, Waiting, removed,
};
use crate::error::{Error, Result};
use crate::lua::args::a_type;
use crate::lua::bind::Promise;
use crate::lua::judging::{add_needs, lost};
use crate::lua::message::MessageValue;
use crate::lua::messages;
use crate::lua::report::{ReportValue, conclude, tell};
use crate::lua::rule::RuleValue;
use crate::lua::selection::SelectionValue;
use crate::lua::several::first_of;
use crate::mail::UidSet;

/// One mailbox of a call.
pub(super) struct Searched {
    pub(super) sifted: Sifted,
    /// Messages of which functions have a say, and what `matches_of` gives for them.
    pub(super) open: Vec<(Selection, Vec<Match>, Table)>,
    pub(super) collected: Portions,
}

/// What a call of `rules` has found, and is to do.
pub(super) struct State {
    pub(super) rules: Vec<RuleValue>,
    pub(super) searched: Vec<Searched>,
    /// Why other mailboxes could not be searched.
    pub(super) failed: Vec<Error>,
    /// Portions by the number of their mailbox, once everything is assigned.
    pub(super) portions: Vec<(usize, Portion)>,
    /// How many messages each rule is for.
    pub(super) matched: Vec<usize>,
    /// Rules one of whose functions failed: nothing is done for them.
    pub(super) dropped: Vec<usize>,
    /// What it may remove.
    pub(super) reserved: Reserved,
}

impl State {
    /// Makes a loop over the messages of which functions have a say.
    pub(super) fn open_messages(&self, lua: &Lua) -> Result<Function> {
        let mut needs = Needs::default();
        let mut set: Option<SelectionSet> = None;
        for (part, matches, _) in self.searched.iter().flat_map(|searched| &searched.open) {
            for each in matches {
                if let Rest::Open(ask) = &each.rest {
                    add_needs(ask, &mut needs);
                }
            }
            let part = SelectionSet::from(part.clone());
            set = Some(match set {
                Some(set) => set.union(&part)?,
                None => part,
            });
        }
        match set {
            Some(set) => messages::iterator(lua, &set, needs).map_err(lost),
            None => lua.create_function(|_, ()| Ok(())).map_err(lost),
        }
    }

    pub(super) fn open_of<'a>(
        &'a mut self,
        message: &MessageValue,
    ) -> Option<(&'a mut Portions, &'a [Match], &'a Table)> {
        let is = |(part, ..): &&(Selection, Vec<Match>, Table)| {
            message.is_of(part) && part.uids.contains(message.uid())
        };
        self.searched.iter_mut().find_map(|searched| {
            let (_, matches, table) = searched.open.iter().find(is)?;
            Some((&mut searched.collected, matches.as_slice(), table))
        })
    }

    /// Takes in which rules are for a message, with what the functions among their targets gave.
    pub(super) fn assign(&mut self, message: &MessageValue, list: &Table) -> Result<()> {
        let mut assigned: Vec<(usize, Vec<Filled>)> = Vec::new();
        let names: Vec<String> = self.rules.iter().map(|value| value.rule.name.clone()).collect();
        let Some((collected, matches, _)) = self.open_of(message) else { return Ok(()) };
        for entry in list.sequence_values::<Table>() {
            let entry = entry.map_err(lost)?;
            let rule: usize = entry.raw_get("rule").map_err(lost)?;
            let Some(found) = matches.iter().find(|each| each.query == rule) else { continue };
            let given: Table = entry.raw_get("targets").map_err(lost)?;
            let mut targets = found.filled.clone();
            for (number, target) in targets.iter_mut().enumerate() {
                *target = match given.raw_get::<Value>(number).map_err(lost)? {
                    Value::Nil => continue,
                    Value::Boolean(false) => Err("left alone: the function gave no target".to_owned()),
                    Value::String(name) if !name.as_bytes().is_empty() => Ok(name.to_string_lossy()),
                    value => {
                        let name = names.get(rule).map(String::as_str).unwrap_or_default();
                        let what = format!(
                            "the function of rule `{}` gave {} as target of message {} of {}",
                            crate::error::visible(name),
                            a_type(&value),
                            message.uid(),
                            message.mailbox()
                        );
                        return Err(Error::script(
                            what,
                            "it must give a name, or nil to leave the message alone",
                        ));
                    }
                };
            }
            assigned.push((rule, targets));
        }
        collected.add(assigned, &UidSet::from(message.uid()));
        Ok(())
    }

    /// Ends the assigning. What has no target is told now; everything else is a portion.
    pub(super) fn divide(&mut self) {
        for (at, searched) in self.searched.iter_mut().enumerate() {
            for mut portion in std::mem::take(&mut searched.collected).finish() {
                let Some(value) = self.rules.get(portion.rule) else { continue };
                if self.dropped.contains(&portion.rule) {
                    continue;
                }
                if let Some(count) = self.matched.get_mut(portion.rule) {
                    *count += portion.uids.len();
                }
                let reason = portion.targets.iter().find_map(|target| target.as_ref().err());
                if let Some(reason) = reason {
                    let selection = &searched.sifted.selection;
                    let report = value.rule.left_alone(selection, portion.uids.clone(), reason);
                    tell(&report, selection);
                    portion.uids = UidSet::new();
                }
                self.portions.push((at, portion));
            }
        }
    }

    /// Gives what is to be done beside the server.
    pub(super) fn outside(&self, lua: &Lua) -> mlua::Result<Table> {
        let list = lua.create_table()?;
        for (number, (at, portion)) in self.portions.iter().enumerate() {
            let (Some(value), Some(searched)) = (self.rules.get(portion.rule), self.searched.get(*at)) else {
                continue;
            };
            let target = |number: Option<usize>| {
                number.and_then(|number| portion.targets.get(number)).and_then(|target| target.clone().ok())
            };
            let (save, export) = (target(value.save), target(value.export));
            let any = save.is_some() || export.is_some() || value.pipe.is_some() || value.call.is_some();
            if !any || portion.uids.is_empty() {
                continue;
            }
            let entry = lua.create_table()?;
            entry.raw_set("number", number)?;
            let selection = value.rule.selection(&searched.sifted.selection, portion.uids.clone());
            entry.raw_set("selection", SelectionValue::new(selection))?;
            entry.raw_set("save", save)?;
            entry.raw_set("export", export)?;
            entry.raw_set("pipe", value.pipe.clone())?;
            entry.raw_set("call", value.call.clone())?;
            list.raw_push(entry)?;
        }
        Ok(list)
    }

    /// Keeps what comes later from messages with which something failed: all of a portion, or those that the report
    /// names.
    pub(super) fn leave_out(&mut self, number: usize, report: Option<&ReportValue>) {
        if let Some((_, portion)) = self.portions.get_mut(number) {
            let bad = report.map_or_else(|| portion.uids.clone(), ReportValue::troubled);
            portion.uids = portion.uids.difference(&bad);
        }
    }

    /// Gives what is to be done on the servers, for each mailbox.
    pub(super) fn tasks(&self) -> Vec<(Selection, Vec<Task>)> {
        let mut all = Vec::new();
        for (at, searched) in self.searched.iter().enumerate() {
            let mut tasks: Vec<Task> = Vec::new();
            for (_, portion) in self.portions.iter().filter(|(of, _)| *of == at) {
                let Some(value) = self.rules.get(portion.rule) else { continue };
                let Ok(Some(task)) = task(&value.rule, portion, &searched.sifted) else { continue };
                // Portions that differ only in what was done beside the server go together there.
                let same = |other: &&mut Task| {
                    other.selection.rule == task.selection.rule && other.actions == task.actions
                };
                match tasks.iter_mut().find(same) {
                    Some(other) => other.selection.uids = other.selection.uids.union(&task.selection.uids),
                    None => tasks.push(task),
                }
            }
            if !tasks.is_empty() {
                all.push((searched.sifted.selection.clone(), tasks));
            }
        }
        all
    }

    /// Asks whether the run's limits let through what the rules would remove.
    pub(super) fn ask_limits(&self) -> Result<Waiting> {
        let limit = |name: &Option<String>| {
            let mut rules = self.rules.iter().map(|value| &value.rule);
            rules.find(|rule| Some(&rule.name) == name.as_ref()).and_then(|rule| rule.limit)
        };
        let tasks = self.tasks();
        let tasks = tasks.iter().flat_map(|(_, tasks)| tasks);
        let removal = |task: &Task| Removal::of(&task.selection, &task.actions, limit(&task.selection.rule));
        Waiting::begin(tasks.filter_map(removal).collect())
    }

    /// Does what is to be done on the servers.
    pub(super) fn carry_out(&mut self) -> Promise {
        let matched = self.matched.clone();
        let reserved = std::mem::take(&mut self.reserved);
        let mut failed = std::mem::take(&mut self.failed);
        let job =
            |(selection, tasks): (Selection, Vec<Task>)| (apply_all(&selection.account, tasks), selection);
        let jobs: Vec<_> = self.tasks().into_iter().map(job).collect();
        let names: Vec<String> = self.rules.iter().map(|value| value.rule.name.clone()).collect();
        let signals: Vec<_> = jobs.iter().map(|(ticket, _)| ticket.signal()).collect();
        Promise::after(signals, move |lua| {
            let mut done: Vec<(Report, Selection)> = Vec::new();
            for (ticket, selection) in jobs {
                let ended = ticket.wait().unwrap_or_else(|error| vec![(0, Err(error))]);
                for (_, result) in ended {
                    match result {
                        Ok(report) => {
                            tell(&report, &selection);
                            done.push((report, selection.clone()));
                        }
                        Err(error) => failed.push(error),
                    }
                }
            }
            reserved.settle(removed(done.iter().map(|(report, _)| report)));
            let changed = done.iter().any(|(report, _)| !report.done.is_empty());
            let failed = first_of(lua, failed);
            let failed = failed.map(|error| if changed { error.after_changes() } else { error });
            let table = results(lua, &names, &matched, &done)?;
            conclude(lua, done, failed)?;
            lua.pack_multi(table)
        })
    }
}

/// Makes the table that `rules` gives: for each rule how many messages it was for, and the reports.
pub(super) fn results(
    lua: &Lua,
    names: &[String],
    matched: &[usize],
    done: &[(Report, Selection)],
) -> mlua::Result<Table> {
    let all = lua.create_table()?;
    for (name, matched) in names.iter().zip(matched) {
        let entry = lua.create_table()?;
        entry.raw_set("matched", *matched)?;
        let reports = lua.create_table()?;
        for (report, selection) in done.iter().filter(|(report, _)| report.rule.as_ref() == Some(name)) {
            reports.raw_push(ReportValue::of(vec![(report.clone(), selection.clone())]))?;
        }
        entry.raw_set("reports", reports)?;
        all.raw_set(name.as_str(), entry)?;
    }
    Ok(all)
}
