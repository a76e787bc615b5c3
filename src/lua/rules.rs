//! `rules(mailboxes) { … }`: judges every message once, and does what the rules say in as few flights as can be.

use std::cell::RefCell;

use mlua::{AnyUserData, Function, Lua, Table, UserData, Value};

use super::args::{Args, a_type};
use super::bind::{Promise, function, job, put};
use super::failure::{Failure, Place, also, places, raise};
use super::judging::{Judges, add_needs, refuse_while_judging, tree};
use super::mailbox::MailboxValue;
use super::message::MessageValue;
use super::messages;
use super::report::{ReportValue, conclude, tell};
use super::rule::RuleValue;
use super::selection::SelectionValue;
use crate::engine::apply::{Task, apply_all};
use crate::engine::query::Rest;
use crate::engine::rules::{Filled, Portion, Portions, Rule, assign, task};
use crate::engine::{Asked, Match, Needs, Report, Selection, SelectionSet, Sifted, Ticket};
use crate::error::{Class, Error, Result};
use crate::mail::UidSet;

/// Calls of `rules` that were not given their table, by where they are.
#[derive(Debug, Default)]
struct Promised {
    open: Vec<(usize, Vec<Place>)>,
    count: usize,
}

/// Gives the failure of a script that ended with a call of `rules` that was not given its table.
pub(super) fn left_open(lua: &Lua) -> Option<Failure> {
    let promised = lua.app_data_ref::<Promised>()?;
    let (_, places) = promised.open.first()?;
    Some(Failure {
        class: Class::Script,
        message: "`rules` was never given its rules, so nothing was done for them".to_owned(),
        hint: Some(
            "the table comes after the mailboxes: `rules(inbox) { { \"name\", where = … } }`".to_owned(),
        ),
        places: places.clone(),
        context: Vec::new(),
        exit: None,
    })
}

/// One mailbox of a call.
struct Searched {
    sifted: Sifted,
    /// Messages of which functions have a say, and what `matches_of` gives for them.
    open: Vec<(Selection, Vec<Match>, Table)>,
    collected: Portions,
}

/// A call of `rules` on its way.
struct Running(RefCell<State>);

struct State {
    rules: Vec<RuleValue>,
    searched: Vec<Searched>,
    /// Portions by the number of their mailbox, once everything is assigned.
    portions: Vec<(usize, Portion)>,
    /// How many messages each rule is for.
    matched: Vec<usize>,
    /// Rules one of whose functions failed: nothing is done for them.
    dropped: Vec<usize>,
}

impl UserData for Running {}

fn lost(error: impl std::fmt::Display) -> Error {
    Error::script(error.to_string(), "")
}

/// Reads a mailbox, or a list of them.
fn mailboxes(value: &Value) -> Result<Vec<MailboxValue>> {
    let bad = |value: &Value| {
        let what = format!("`rules` wants a mailbox or a list of them but got {}", a_type(value));
        Error::script(what, "`rules(account:mailbox \"INBOX\") { … }`")
    };
    let one = |value: &Value| match value.as_userdata().map(AnyUserData::borrow::<MailboxValue>) {
        Some(Ok(mailbox)) => Ok(mailbox.clone()),
        _ => Err(bad(value)),
    };
    match value {
        Value::Table(list) => {
            let each = list.sequence_values::<Value>().map(|value| one(&value.map_err(lost)?));
            let all = each.collect::<Result<Vec<_>>>()?;
            if all.is_empty() || list.raw_len() != all.len() { Err(bad(&Value::Nil)) } else { Ok(all) }
        }
        value => Ok(vec![one(value)?]),
    }
}

fn read_rules(
    args: &mut Args,
    now: &jiff::ZonedDateTime,
    asked: &mut Vec<Function>,
) -> Result<Vec<RuleValue>> {
    let list = args.table("a list of rules")?;
    let mut rules: Vec<RuleValue> = Vec::new();
    for pair in list.pairs::<Value, Value>() {
        match pair.map_err(lost)? {
            (Value::Integer(_), Value::Table(_)) => {}
            (Value::Integer(_), value) => {
                let what = format!("`rules` wants a list of tables, and has {} in it", a_type(&value));
                return Err(Error::script(
                    what,
                    "each rule is a table: `{ \"name\", where = { … }, move = \"…\" }`",
                ));
            }
            _ => {
                let hint = "each rule is a table in a list: `rules(inbox) { { \"name\", where = … } }`";
                return Err(Error::script("`rules` got one table with names, not a list of rules", hint));
            }
        }
    }
    let count = list.pairs::<Value, Value>().count();
    for table in list.sequence_values::<Table>() {
        let rule = RuleValue::read(&table.map_err(lost)?, asked, now)?;
        if rules.iter().any(|other| other.rule.name == rule.rule.name) {
            let what = format!("there are two rules `{}`", crate::error::visible(&rule.rule.name));
            return Err(Error::script(what, "reports tell rules by their names"));
        }
        rules.push(rule);
    }
    if rules.is_empty() || rules.len() != count {
        let hint = "a variable that is nil leaves a hole in the list, and what comes after it would be lost";
        return Err(Error::script("the list of rules is empty or has a nil in it", hint));
    }
    Ok(rules)
}

/// Reads everything, and starts all searches.
fn begin(args: &mut Args) -> Result<Promise> {
    let mailboxes = mailboxes(&args.value())?;
    let mut functions = Vec::new();
    let now = mailboxes.first().map(|first| first.account().run().now()).unwrap_or_default();
    let rules = read_rules(args, &now, &mut functions)?;
    let asked =
        |value: &RuleValue| Asked { query: value.rule.query.clone(), templates: value.rule.templates() };
    let asked: Vec<Asked> = rules.iter().map(asked).collect();
    let tickets: Vec<Ticket<Sifted>> = mailboxes.iter().map(|mailbox| mailbox.sift(asked.clone())).collect();
    Ok(Promise::of(move |lua| {
        let mut searched: Vec<Searched> = Vec::new();
        for ticket in tickets {
            let sifted = ticket.wait().map_err(|error| raise(lua, error, None))?;
            // The same mailbox twice in the list, or under two names, is one mailbox.
            if !searched.iter().any(|other| other.sifted.selection.is_mailbox_of(&sifted.selection)) {
                searched.push(sort(lua, sifted, &rules, &functions)?);
            }
        }
        let matched = vec![0; rules.len()];
        let state = State { rules, searched, portions: Vec::new(), matched, dropped: Vec::new() };
        lua.pack_multi(Running(RefCell::new(state)))
    }))
}

/// Assigns what needs no function.
fn sort(lua: &Lua, sifted: Sifted, values: &[RuleValue], functions: &[Function]) -> mlua::Result<Searched> {
    let rules: Vec<Rule> = values.iter().map(|value| value.rule.clone()).collect();
    let mut open = Vec::new();
    let mut collected = Portions::default();
    for (matches, uids) in &sifted.groups {
        if let Some(assigned) = assign(&rules, matches) {
            collected.add(assigned, uids);
        } else {
            let table = matches_table(lua, matches, values, functions)?;
            open.push((sifted.selection.with_uids(uids.clone()), matches.clone(), table));
        }
    }
    Ok(Searched { sifted, open, collected })
}

fn matches_table(
    lua: &Lua,
    matches: &[Match],
    values: &[RuleValue],
    functions: &[Function],
) -> mlua::Result<Table> {
    let list = lua.create_table()?;
    for each in matches {
        let Some(value) = values.get(each.query) else { continue };
        let entry = lua.create_table()?;
        entry.raw_set("rule", each.query)?;
        entry.raw_set("name", value.rule.name.as_str())?;
        entry.raw_set("ends", value.rule.ends())?;
        if let Rest::Open(ask) = &each.rest {
            entry.raw_set("ask", tree(lua, ask, functions)?)?;
        }
        let targets = lua.create_table()?;
        for (number, function) in &value.functions {
            targets.raw_set(*number, function)?;
        }
        entry.raw_set("functions", targets)?;
        list.raw_push(entry)?;
    }
    Ok(list)
}

impl State {
    /// Makes a loop over the messages of which functions have a say.
    fn open_messages(&self, lua: &Lua) -> Result<Function> {
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

    fn open_of<'a>(
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
    fn assign(&mut self, message: &MessageValue, list: &Table) -> Result<()> {
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
    fn divide(&mut self) {
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
    fn outside(&self, lua: &Lua) -> mlua::Result<Table> {
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
    fn leave_out(&mut self, number: usize, report: Option<&ReportValue>) {
        if let Some((_, portion)) = self.portions.get_mut(number) {
            let bad = report.map_or_else(|| portion.uids.clone(), ReportValue::troubled);
            portion.uids = portion.uids.difference(&bad);
        }
    }

    /// Does what is to be done on the servers.
    fn carry_out(&mut self) -> Promise {
        let mut jobs = Vec::new();
        let matched = self.matched.clone();
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
                let account = &searched.sifted.selection.account;
                jobs.push((apply_all(account, tasks), searched.sifted.selection.clone()));
            }
        }
        let names: Vec<String> = self.rules.iter().map(|value| value.rule.name.clone()).collect();
        Promise::of(move |lua| {
            let mut done: Vec<(Report, Selection)> = Vec::new();
            let mut failed: Option<Error> = None;
            for (ticket, selection) in jobs {
                let ended = ticket.wait().unwrap_or_else(|error| vec![(0, Err(error))]);
                for (_, result) in ended {
                    match result {
                        Ok(report) => {
                            tell(&report, &selection);
                            done.push((report, selection.clone()));
                        }
                        Err(error) => failed = failed.or(Some(error)),
                    }
                }
            }
            let changed = done.iter().any(|(report, _)| !report.done.is_empty());
            let failed = failed.map(|error| if changed { error.after_changes() } else { error });
            let table = results(lua, &names, &matched, &done)?;
            conclude(lua, done, failed)?;
            lua.pack_multi(table)
        })
    }
}

/// Makes the table that `rules` gives: for each rule how many messages it was for, and the reports.
fn results(
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

/// Notes a call of `rules`, and gives the function that says that its table came.
fn promise_rules(lua: &Lua, args: &mut Args) -> Result<Function> {
    refuse_while_judging(lua)?;
    mailboxes(&args.value())?;
    let here = places(lua);
    let number = lua.app_data_mut::<Promised>().map_or(0, |mut promised| {
        promised.count += 1;
        let number = promised.count;
        promised.open.push((number, here));
        number
    });
    let given = lua.create_function(move |lua, ()| {
        if let Some(mut promised) = lua.app_data_mut::<Promised>() {
            promised.open.retain(|(other, _)| *other != number);
        }
        Ok(())
    });
    given.map_err(lost)
}

/// Installs `rules`.
pub(super) fn install(lua: &Lua, judges: &Judges) -> mlua::Result<()> {
    lua.set_app_data(Promised::default());
    let promised = function(lua, "rules", promise_rules)?;
    let begin = job(lua, "rules", 2, |lua, args| {
        refuse_while_judging(lua)?;
        begin(args)
    })?;
    let open = function(lua, "rules", |lua, args| args.this::<Running>()?.0.borrow().open_messages(lua))?;
    let matches_of = function(lua, "rules", |_, args| {
        let (running, message) = (args.this::<Running>()?, args.this::<MessageValue>()?);
        let table = running.0.borrow_mut().open_of(&message).map(|(_, _, table)| table.clone());
        Ok(table)
    })?;
    let assign = function(lua, "rules", |_, args| {
        let (running, message) = (args.this::<Running>()?, args.this::<MessageValue>()?);
        let list = args.table("a list of rules")?;
        running.0.borrow_mut().assign(&message, &list)
    })?;
    let portions = function(lua, "rules", |lua, args| {
        let running = args.this::<Running>()?;
        running.0.borrow_mut().divide();
        let outside = running.0.borrow().outside(lua);
        outside.map_err(lost)
    })?;
    let leave_out = function(lua, "rules", |_, args| {
        let running = args.this::<Running>()?;
        let number = args.value().as_usize().unwrap_or(usize::MAX);
        let report = args.value();
        let report = report.as_userdata().and_then(|data| data.borrow::<ReportValue>().ok());
        running.0.borrow_mut().leave_out(number, report.as_deref());
        Ok(())
    })?;
    let drop = function(lua, "rules", |_, args| {
        let running = args.this::<Running>()?;
        let number = args.value().as_usize().unwrap_or(usize::MAX);
        running.0.borrow_mut().dropped.push(number);
        Ok(())
    })?;
    let also = lua.create_function(|lua, thrown: Value| {
        also(lua, &thrown);
        Ok(())
    })?;
    let carry_out = job(lua, "rules", 1, |_, args| Ok(args.this::<Running>()?.0.borrow_mut().carry_out()))?;
    let chunk = lua.load(include_str!("rules.lua")).set_name("=[imapscript]");
    let rules: Function = chunk.call((
        promised,
        begin,
        open,
        matches_of,
        assign,
        portions,
        leave_out,
        carry_out,
        drop,
        also,
        &judges.holds,
        &judges.ask,
    ))?;
    put(lua, None, "rules", rules)
}
