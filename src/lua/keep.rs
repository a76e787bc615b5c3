//! What brings mail out of a mailbox: `save`, `export` and `pipe`, of messages and of selections.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use mlua::{Lua, UserDataRegistry, Value};

use super::account::thrown;
use super::args::Args;
use super::bind::{Promise, job_method};
use super::limit::number;
use super::message::MessageValue;
use super::program::{only_options, outcome, program, reads};
use super::report::{conclude, tell};
use super::selection::SelectionValue;
use super::several::first_of;
use crate::engine::apply::{Action, Whole};
use crate::engine::{Event, Permission, Program, Report, Selection, export, pipe, save, save_attachments};
use crate::error::{Error, Result};

/// Adds a message's methods.
pub(super) fn add_to_message(lua: &Lua, to: &mut UserDataRegistry<MessageValue>) -> mlua::Result<()> {
    job_method(lua, to, "save", 1, |_, this: &MessageValue, args| {
        let path = path(args, "the name of a file")?;
        let run = this.account().run().clone();
        run.permit(Permission::Write)?;
        let shown = format!("message {} of {} to {}", this.uid(), this.mailbox(), path.display());
        let (selection, uid) = (this.selection(), this.uid());
        Ok(this.promise(move |lua, message| {
            thrown(lua, save(&path, message.raw(), &selection, uid))?;
            if run.overlay.is_some() {
                run.world.tell(Event::Planned(format!("would save {shown}")));
            }
            Ok(())
        }))
    })?;
    job_method(lua, to, "pipe", 1, |_, this: &MessageValue, args| {
        let (program, reads) = order(args)?;
        let run = this.account().run().clone();
        run.permit_program("pipe", reads)?;
        Ok(this.promise(move |lua, message| {
            let ended = thrown(lua, program.carry_out(Some(message.raw().to_vec()), &run))?;
            outcome(lua, &ended)
        }))
    })
}

/// Adds a selection's methods.
pub(super) fn add_to_selection(lua: &Lua, to: &mut UserDataRegistry<SelectionValue>) -> mlua::Result<()> {
    job_method(lua, to, "save", 1, |lua, this: &SelectionValue, args| {
        let directory = path(args, "the name of a directory")?;
        each(lua, this, Permission::Write, move |part| save_attachments(part, &directory))
    })?;
    job_method(lua, to, "export", 1, |lua, this: &SelectionValue, args| {
        let path = path(args, "the name of an mbox file or a Maildir")?;
        let set = this.acting(lua)?.clone();
        permit(set.parts(), Permission::Write)?;
        Ok(Promise::of(move |lua| {
            let done = thrown(lua, export(&set, &path))?;
            for (report, part) in &done {
                tell(report, part);
            }
            conclude(lua, done, None)
        }))
    })?;
    job_method(lua, to, "pipe", 1, |lua, this: &SelectionValue, args| {
        let (program, _) = order(args)?;
        each(lua, this, Permission::Exec, move |part| pipe(part, &program))
    })
}

/// Reads the options of `purge`: the action, and a limit of its own if it has one.
pub(super) fn purging(args: &mut Args) -> Result<(Action, Option<usize>)> {
    if args.is_nil() {
        return Ok((Action::Purge, None));
    }
    let usage = "`purge { archive = \"old.mbox\" }`";
    let options = args.table("options such as `{ archive = \"old.mbox\" }`")?;
    only_options("purge", usage, &options, &["archive", "limit"])?;
    let get = |name: &str| options.raw_get(name).map_err(|error| Error::script(error.to_string(), usage));
    if options.raw_len() > 0 {
        return Err(Error::script("`purge` takes its options by their names", usage));
    }
    let limit = match get("limit")? {
        Value::Nil => None,
        value => Some(number(&value)?),
    };
    match get("archive")? {
        Value::Nil if limit.is_some() => Ok((Action::Purge, limit)),
        Value::String(path) => {
            Ok((Action::PurgeArchived(file(&path.as_bytes(), "the name of an mbox file")?), limit))
        }
        value => Err(args.wrong("`archive` as the name of an mbox file", &value)),
    }
}

/// Reads the options of `delete`: how a mailbox is deleted with its messages, if it may have any.
pub(super) fn deleting(args: &mut Args) -> Result<Option<Whole>> {
    if args.is_nil() {
        return Ok(None);
    }
    let usage = "`account:delete(name, { nonempty = true })`";
    let options = args.table("options such as `{ nonempty = true }`")?;
    only_options("delete", usage, &options, &["nonempty", "archive", "limit"])?;
    let get = |name: &str| options.raw_get(name).map_err(|error| Error::script(error.to_string(), usage));
    let nonempty = match get("nonempty")? {
        Value::Boolean(nonempty) => nonempty,
        Value::Nil => false,
        value => return Err(args.wrong("`nonempty` as true or false", &value)),
    };
    let limit = match get("limit")? {
        Value::Nil => None,
        value => Some(number(&value)?),
    };
    let archive = match get("archive")? {
        Value::Nil => None,
        Value::String(path) => Some(file(&path.as_bytes(), "the name of an mbox file")?),
        value => return Err(args.wrong("`archive` as the name of an mbox file", &value)),
    };
    match (nonempty, limit.is_some() || archive.is_some()) {
        (true, _) => Ok(Some(Whole::new(archive, limit))),
        (false, false) => Ok(None),
        (false, true) => Err(Error::script("`delete` archives and limits nothing without `nonempty`", usage)),
    }
}

/// Does something in each mailbox of a selection. What ends it in one of them does not keep it from the others,
/// but the user does.
fn each(
    lua: &Lua,
    this: &SelectionValue,
    permission: Permission,
    act: impl Fn(&Selection) -> (Report, Option<Error>) + 'static,
) -> Result<Promise> {
    let parts = this.acting(lua)?.occupied();
    permit(&parts, permission)?;
    Ok(Promise::of(move |lua| {
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for part in parts {
            let (report, error) = act(&part);
            tell(&report, &part);
            let interrupted = part.account.run().is_interrupted();
            done.push((report, part));
            failed.extend(error);
            if interrupted {
                break;
            }
        }
        conclude(lua, done, first_of(lua, failed))
    }))
}

fn permit(parts: &[Selection], permission: Permission) -> Result<()> {
    parts.first().map_or(Ok(()), |part| part.account.run().permit(permission))
}

fn order(args: &mut Args) -> Result<(Program, bool)> {
    let usage = "`pipe { \"program\", \"argument\" }`";
    let table = args.table("a table: a program and its arguments")?;
    only_options("pipe", usage, &table, &["reads"])?;
    Ok((program("pipe", usage, &table)?, reads("pipe", usage, &table)?))
}

pub(super) fn path(args: &mut Args, wanted: &str) -> Result<PathBuf> {
    file(&args.bytes(wanted)?, wanted)
}

fn file(bytes: &[u8], wanted: &str) -> Result<PathBuf> {
    if bytes.is_empty() || bytes.contains(&0) {
        return Err(Error::script(
            "a path is empty or has a NUL character in it",
            format!("it wants {wanted}"),
        ));
    }
    Ok(PathBuf::from(OsStr::from_bytes(bytes)))
}
