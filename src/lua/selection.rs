use std::cell::Cell;
use std::rc::Rc;

use mlua::{Lua, MetaMethod, UserDataMethods};

use super::args::Args;
use super::bind::{Promise, field, job_method, method, partial, register};
use super::failure::raise;
use super::mailbox::flags;
use super::messages::{self, Wanted};
use super::report::ReportValue;
use crate::engine::apply::{Action, apply};
use crate::engine::{Event, Selection};
use crate::error::{Error, ErrorKind, Result};
use crate::mail::{Flag, Uid};

/// A selection as a script holds it.
#[derive(Clone, Debug)]
pub(super) struct SelectionValue {
    pub(super) selection: Selection,
    /// A removing action was done to it: its messages are not there any more.
    spent: Rc<Cell<bool>>,
    /// Its mailbox was opened with `examine`.
    read_only: bool,
}

super::bind::handle!(SelectionValue);

impl SelectionValue {
    pub(super) fn new(selection: Selection) -> Self {
        Self { selection, spent: Rc::default(), read_only: false }
    }

    pub(super) fn read_only(self, read_only: bool) -> Self {
        Self { read_only, ..self }
    }

    /// Refuses a selection whose messages were moved away.
    pub(super) fn check(&self) -> Result<&Selection> {
        if self.spent.get() {
            return Err(Error::script(
                "this selection was moved away: its messages are not in the mailbox any more",
                "the report of the action has them as `report.moved`",
            ));
        }
        Ok(&self.selection)
    }

    /// Does an action, tells the user, and throws if any of it failed.
    fn act(&self, action: Action) -> Result<Promise> {
        let selection = self.check()?.clone();
        if self.read_only {
            return Err(ErrorKind::ReadOnly { mailbox: selection.shown }.into());
        }
        if matches!(action, Action::Move(_) | Action::Trash) {
            self.spent.set(true);
        }
        let run = selection.account.run().clone();
        let ticket = apply(selection.clone(), action);
        let spent = Rc::clone(&self.spent);
        Ok(Promise::of(move |lua| {
            let report = match ticket.wait() {
                Ok(report) => report,
                Err(error) => {
                    // Nothing was changed.
                    spent.set(false);
                    return Err(raise(lua, error, None));
                }
            };
            run.world.tell(Event::Done(report.clone()));
            if !report.is_clean() {
                return Err(raise(lua, partial(&report), Some(report)));
            }
            lua.pack_multi(ReportValue::of(report, &selection))
        }))
    }
}

fn mark(this: &SelectionValue, args: &mut Args, on: bool) -> Result<Promise> {
    let mut all = Vec::new();
    while !args.is_nil() {
        let value = args.value();
        all.extend(flags(args, &value)?);
    }
    if all.is_empty() {
        let hint = "name them: `mark(\"seen\")`, `mark(\"flagged\", \"$Important\")`";
        return Err(Error::script("no flags were given", hint));
    }
    if all.contains(&Flag::Deleted) {
        return Err(Error::script(
            "marking messages \\Deleted lets any other program remove them for good",
            "use `trash()`, which can be taken back",
        ));
    }
    this.act(if on { Action::Mark(all) } else { Action::Unmark(all) })
}

/// Registers the type.
pub(super) fn install(lua: &Lua) -> mlua::Result<()> {
    register(lua, add)
}

fn add(lua: &Lua, to: &mut mlua::UserDataRegistry<SelectionValue>) -> mlua::Result<()> {
    job_method(lua, to, "move", 1, |_, this: &SelectionValue, args| this.act(Action::Move(args.mailbox()?)))?;
    job_method(lua, to, "copy", 1, |_, this: &SelectionValue, args| this.act(Action::Copy(args.mailbox()?)))?;
    job_method(lua, to, "trash", 0, |_, this: &SelectionValue, _| this.act(Action::Trash))?;
    job_method(lua, to, "mark", usize::MAX, |_, this, args| mark(this, args, true))?;
    job_method(lua, to, "unmark", usize::MAX, |_, this, args| mark(this, args, false))?;
    method(lua, to, "messages", |lua, this: &SelectionValue, args| {
        let wanted = Wanted::read(args)?;
        let step = messages::iterator(lua, this.check()?.clone(), wanted);
        step.map_err(|error| Error::script(error.to_string(), ""))
    })?;
    field(lua, to, "uids", |lua, this| lua.create_sequence_from(this.selection.uids.iter().map(Uid::get)));
    field(lua, to, "mailbox", |_, this| Ok(this.selection.shown.clone()));
    field(lua, to, "uid_validity", |_, this| Ok(this.selection.validity.map(crate::mail::UidValidity::get)));
    to.add_meta_method(MetaMethod::Len, |_, this, ()| Ok(this.selection.uids.len()));
    to.add_meta_method(MetaMethod::ToString, |_, this, ()| {
        Ok(format!("{} of {}", crate::engine::messages(this.selection.uids.len()), this.selection.shown))
    });
    Ok(())
}
