//! `rules(mailboxes) { … }`: judges every message once, and does what the rules say in as few flights as can be.

mod state;

use std::cell::RefCell;

use mlua::{Function, Lua, Table, UserData, Value};

use super::account::thrown;
use super::args::Args;
use super::bind::{Promise, function, job, put};
use super::failure::{also, raise};
use super::judging::{Judges, lost, refuse_while_judging, tree};
use super::mailbox::MailboxValue;
use super::message::MessageValue;
use super::promised;
use super::report::ReportValue;
use super::rule::RuleValue;
use super::rule_list::{mailboxes, read_rules};
use super::several::{first_of, set_all_aside};
use crate::engine::query::{Rest, conditions};
use crate::engine::rules::{Portions, Rule, assign};
use crate::engine::{Asked, Explained, Match, Reserved, Sifted, Ticket, Together, explain};
use crate::error::{ErrorKind, Result};

use state::{Searched, State};

/// A call of `rules` on its way.
struct Running(RefCell<State>);

impl UserData for Running {}

/// Reads everything, and starts all searches.
fn begin(args: &mut Args) -> Result<Promise> {
    let mailboxes = mailboxes(&args.value())?;
    let mut functions = Vec::new();
    let now = mailboxes.first().map(|first| first.account().run().now()).unwrap_or_default();
    let rules = read_rules(args, &now, &mut functions)?;
    let asked =
        |value: &RuleValue| Asked { query: value.rule.query.clone(), templates: value.rule.templates() };
    let asked: Vec<Asked> = rules.iter().map(asked).collect();
    let together = Together::of(mailboxes.iter().map(MailboxValue::account));
    let tickets: Vec<Ticket<Sifted>> = mailboxes.iter().map(|mailbox| mailbox.sift(asked.clone())).collect();
    drop(together);
    let signals: Vec<_> = tickets.iter().map(Ticket::signal).collect();
    Ok(Promise::after(signals, move |lua| {
        let mut searched: Vec<Searched> = Vec::new();
        let mut failed = Vec::new();
        for ticket in tickets {
            let sifted = match ticket.wait() {
                Ok(sifted) => sifted,
                // One mailbox keeps the rules from no other.
                Err(error) if !matches!(*error.kind, ErrorKind::Interrupted) => {
                    failed.push(error);
                    continue;
                }
                Err(error) => return Err(raise(lua, error, None)),
            };
            // The same mailbox twice in the list, or under two names, is one mailbox.
            if !searched.iter().any(|other| other.sifted.selection.is_mailbox_of(&sifted.selection)) {
                thrown(lua, tell_why(&sifted, &rules))?;
                searched.push(sort(lua, sifted, &rules, &functions)?);
            }
        }
        if searched.is_empty() {
            // All of them failed.
            if let Some(error) = first_of(lua, std::mem::take(&mut failed)) {
                return Err(raise(lua, error, None));
            }
        }
        let matched = vec![0; rules.len()];
        let state = State {
            rules,
            searched,
            failed,
            portions: Vec::new(),
            matched,
            dropped: Vec::new(),
            reserved: Reserved::default(),
        };
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

/// Tells why the rules take the message that the run is asked about, or do not, if it is asked.
fn tell_why(sifted: &Sifted, values: &[RuleValue]) -> Result<()> {
    let run = sifted.selection.account.run();
    if run.why.is_none() {
        return Ok(());
    }
    let now = run.now();
    let explained = |value: &RuleValue| {
        let conditions = conditions(&value.condition, &now)?;
        Ok(Explained { rule: value.rule.clone(), conditions })
    };
    explain(run, sifted, &values.iter().map(explained).collect::<Result<Vec<_>>>()?)
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

/// Installs `rules`.
pub(super) fn install(lua: &Lua, judges: &Judges) -> mlua::Result<()> {
    let promised = promised::install(lua)?;
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
    let within = job(lua, "rules", 1, |_, args| {
        let running = args.this::<Running>()?;
        running.0.borrow_mut().divide();
        let waiting = running.0.borrow().ask_limits()?;
        Ok(Promise::after(waiting.signals(), move |lua| {
            running.0.borrow_mut().reserved = thrown(lua, waiting.wait())?;
            lua.pack_multi(())
        }))
    })?;
    let set_aside = function(lua, "rules", |lua, args| {
        let failed = std::mem::take(&mut args.this::<Running>()?.0.borrow_mut().failed);
        set_all_aside(lua, failed);
        Ok(())
    })?;
    let portions = function(lua, "rules", |lua, args| {
        let running = args.this::<Running>()?;
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
        within,
        set_aside,
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
