use std::time::Duration;

use mlua::{Lua, MetaMethod, UserDataMethods, Value};

use super::args::Args;
use super::bind::{Promise, field, job, job_method, lua_method, partial, register};
use super::failure::raise;
use super::judging::{Judges, Open, refuse_while_judging};
use super::keep::path;
use super::report::ReportValue;
use super::selection::SelectionValue;
use crate::engine::{Account, Asked, Event, NameSpec, Query, Sifted, Ticket, apply, search, sift, wait};
use crate::error::{Error, Result};
use crate::imap::Access;
use crate::mail::{Flag, InternalDate};

/// A mailbox as a script holds it: an account and a name, and how it is to be opened.
#[derive(Clone, Debug)]
pub(super) struct MailboxValue {
    account: Account,
    spec: NameSpec,
    access: Option<Access>,
}

super::bind::handle!(MailboxValue);

impl MailboxValue {
    pub(super) fn new(account: Account, spec: NameSpec, access: Option<Access>) -> Self {
        Self { account, spec, access }
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// Gives the name by which the script calls it.
    pub(super) fn spec(&self) -> &NameSpec {
        &self.spec
    }

    /// Asks several queries of it at once.
    pub(super) fn sift(&self, asked: Vec<Asked>) -> Ticket<Sifted> {
        sift(&self.account, self.spec.clone(), self.access, asked)
    }

    /// Searches it, with EXAMINE unless it was opened with `select`.
    pub(super) fn search(&self, args: &mut Args) -> Result<Promise> {
        let (literal, functions) = args.query()?;
        let query = Query::read(&literal, &self.account.run().now())?;
        let ticket = search(&self.account, self.spec.clone(), self.access, query);
        Ok(Open::promise(vec![ticket], functions, None))
    }
}

/// Asks for a mailbox's numbers and makes a table of them.
pub(super) fn status(account: &Account, spec: NameSpec) -> Promise {
    Promise::new(account.status(spec), |lua, status| {
        let table = lua.create_table()?;
        table.raw_set("messages", status.messages)?;
        table.raw_set("recent", status.recent)?;
        table.raw_set("unseen", status.unseen)?;
        table.raw_set("uid_next", status.uid_next.map(crate::mail::Uid::get))?;
        table.raw_set("uid_validity", status.uid_validity.map(crate::mail::UidValidity::get))?;
        Ok(table)
    })
}

/// Reads the flags of `{ "seen", "$Forwarded" }` or of one string.
pub(super) fn flags(args: &Args, value: &Value) -> Result<Vec<Flag>> {
    let one = |value: &Value| -> Result<Flag> {
        let wanted = "a flag such as \"seen\" or a keyword such as \"$Forwarded\"";
        let Value::String(text) = value else { return Err(args.wrong(wanted, value)) };
        let text = text.to_string_lossy();
        let flag = Flag::from_script(&text).ok_or_else(|| args.wrong(wanted, value))?;
        if flag == Flag::Recent {
            return Err(Error::script("only a server can set \\Recent", "leave it out"));
        }
        Ok(flag)
    };
    match value {
        Value::Table(list) => {
            let mut all = Vec::new();
            for value in list.sequence_values::<Value>() {
                all.push(one(&value.map_err(|error| Error::script(error.to_string(), ""))?)?);
            }
            Ok(all)
        }
        value => Ok(vec![one(value)?]),
    }
}

fn append(this: &MailboxValue, args: &mut Args) -> Result<Promise> {
    let raw = args.bytes("a message as a string")?;
    if raw.is_empty() {
        return Err(Error::script("`append` got an empty message", "it wants a whole one, header and body"));
    }
    let (mut set, mut date) = (Vec::new(), None);
    if !args.is_nil() {
        let options = args.table("options such as `{ flags = { \"seen\" } }`")?;
        for pair in options.pairs::<String, Value>() {
            let (name, value) = pair.map_err(|error| Error::script(error.to_string(), ""))?;
            match name.as_str() {
                "flags" => set = flags(args, &value)?,
                "date" => date = Some(internal_date(args, &value)?),
                _ => {
                    let what = format!("`append` has no option `{}`", crate::error::visible(&name));
                    return Err(Error::script(what, "it has `flags` and `date`"));
                }
            }
        }
    }
    let run = this.account.run().clone();
    let account = this.account.clone();
    let spec = this.spec.clone();
    let ticket = apply::append(&this.account, spec.clone(), raw, set, date);
    Ok(Promise::new(ticket, move |_, appended| {
        run.world.tell(Event::Done(Box::new(appended.report.clone())));
        let selection = appended.selection(account, spec);
        Ok(selection.map(SelectionValue::new))
    }))
}

/// Reads a date: RFC 3339's `2024-02-29T10:00:00+01:00`, as messages give it, or INTERNALDATE's own form.
fn internal_date(args: &Args, value: &Value) -> Result<InternalDate> {
    let bad = || args.wrong("`date` as \"2024-02-29T10:00:00+01:00\"", value);
    let Value::String(text) = value else { return Err(bad()) };
    let text = text.to_string_lossy();
    InternalDate::parse(&text).or_else(|| InternalDate::from_rfc_3339(&text)).ok_or_else(bad)
}

/// Registers the type.
pub(super) fn install(lua: &Lua, judges: &Judges) -> mlua::Result<()> {
    register(lua, |lua, to| add(lua, to, judges))
}

fn add(lua: &Lua, to: &mut mlua::UserDataRegistry<MailboxValue>, judges: &Judges) -> mlua::Result<()> {
    let start = job(lua, "search", 2, |_, args| args.this::<MailboxValue>()?.search(args))?;
    lua_method(lua, to, "search", judges.searching.call(start)?);
    job_method(lua, to, "all", 0, |_, this: &MailboxValue, _| {
        let ticket = search(&this.account, this.spec.clone(), this.access, Query::everything());
        Ok(Promise::new(ticket, |_, found| Ok(SelectionValue::new(found.selection))))
    })?;
    job_method(lua, to, "append", 2, |lua, this, args| {
        refuse_while_judging(lua)?;
        append(this, args)
    })?;
    job_method(lua, to, "restore", 1, |lua, this: &MailboxValue, args| {
        refuse_while_judging(lua)?;
        let path = path(args, "the name of an mbox file")?;
        let (run, account) = (this.account.run().clone(), this.account.clone());
        let ticket = apply::restore(&this.account, this.spec.clone(), path);
        Ok(Promise::after([ticket.signal()], move |lua| {
            let report = ticket.wait().map_err(|error| raise(lua, error, None))?;
            run.world.tell(Event::Done(Box::new(report.clone())));
            if !report.is_clean() {
                return Err(raise(lua, partial(&report), Some(report)));
            }
            lua.pack_multi(ReportValue::restored(report, &account))
        }))
    })?;
    job_method(lua, to, "status", 0, |_, this: &MailboxValue, _| {
        Ok(status(&this.account, this.spec.clone()))
    })?;
    job_method(lua, to, "wait", 1, |_, this: &MailboxValue, args| {
        let time = if args.is_nil() { Duration::MAX } else { args.seconds()? };
        let ticket = wait(&this.account, this.spec.clone(), time);
        Ok(Promise::new(ticket, |_, new| Ok(SelectionValue::new(new))))
    })?;
    field(lua, to, "name", |_, this| Ok(this.spec.shown()));
    to.add_meta_method(MetaMethod::ToString, |_, this, ()| {
        Ok(format!("mailbox {} of {}", this.spec.shown(), this.account.label()))
    });
    Ok(())
}
