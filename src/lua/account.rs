use mlua::{IntoLua, Lua, LuaString, MetaMethod, Table, UserDataMethods, Value};

use std::cell::RefCell;

use super::args::Args;
use super::bind::{Promise, field, job, job_method, lua_method, method, register};
use super::failure::raise;
use super::judging::{Judges, refuse_while_judging};
use super::mailbox::MailboxValue;
use super::report::ReportValue;
use super::{fetch, keep};
use crate::engine::{Account, Event, NameSpec, Report, Ticket, apply};
use crate::error::{Error, Result};
use crate::imap::Access;
use crate::mail::Namespace;

/// An account as a script holds it.
#[derive(Debug)]
pub(super) struct AccountValue {
    account: Account,
    /// The mailbox that `select` or `examine` opened last.
    open: RefCell<Option<(NameSpec, Access)>>,
}

impl AccountValue {
    pub(super) fn new(account: Account) -> Self {
        Self { account, open: RefCell::new(None) }
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }
}

/// Tells the user of a change to a mailbox, and gives it to the script.
fn told(account: &Account, ticket: Ticket<Report>) -> Promise {
    let run = account.run().clone();
    Promise::new(ticket, move |_, report| {
        run.world.tell(Event::Done(Box::new(report.clone())));
        Ok(ReportValue::bare(report))
    })
}

fn open(this: &AccountValue, args: &mut Args, access: Access) -> Result<Promise> {
    let spec = args.mailbox()?;
    let account = this.account.clone();
    *this.open.borrow_mut() = Some((spec.clone(), access));
    Ok(Promise::new(this.account.open(spec.clone(), access), move |_, ()| {
        Ok(MailboxValue::new(account, spec, Some(access)))
    }))
}

fn list(this: &AccountValue, args: &mut Args, subscribed: bool) -> Result<Promise> {
    let pattern = if args.is_nil() { None } else { Some(args.text("a pattern such as \"Archive/*\"")?) };
    Ok(Promise::new(this.account.list(pattern, subscribed), |lua, listed| {
        let all = lua.create_table()?;
        for mailbox in listed {
            let entry = lua.create_table()?;
            entry.raw_set("name", mailbox.name)?;
            entry.raw_set("raw", lua.create_string(mailbox.raw)?)?;
            entry.raw_set("attributes", mailbox.attributes)?;
            entry.raw_set("special_use", mailbox.special_use)?;
            entry.raw_set("selectable", mailbox.selectable)?;
            all.raw_push(entry)?;
        }
        Ok(all)
    }))
}

fn space(lua: &Lua, space: &Namespace) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("prefix", space.prefix.clone())?;
    table.raw_set("delimiter", space.delimiter.map(String::from))?;
    Ok(table)
}

/// Registers the type.
pub(super) fn install(lua: &Lua, judges: &Judges) -> mlua::Result<()> {
    register(lua, |lua, to| add(lua, to, judges))
}

fn add(lua: &Lua, to: &mut mlua::UserDataRegistry<AccountValue>, judges: &Judges) -> mlua::Result<()> {
    method(lua, to, "mailbox", |_, this: &AccountValue, args| {
        Ok(MailboxValue::new(this.account.clone(), args.mailbox()?, None))
    })?;
    job_method(lua, to, "select", 1, |_, this, args| open(this, args, Access::Write))?;
    job_method(lua, to, "examine", 1, |_, this, args| open(this, args, Access::Read))?;
    let start = job(lua, "search", 2, |_, args| {
        let this = args.this::<AccountValue>()?;
        let (spec, access) = this.open.borrow().clone().ok_or_else(|| {
            Error::script(
                "no mailbox is selected",
                "call `select` or `examine` first, or search a `mailbox(name)`",
            )
        })?;
        MailboxValue::new(this.account.clone(), spec, Some(access)).search(args)
    })?;
    lua_method(lua, to, "search", judges.searching.call(start)?);
    job_method(lua, to, "fetch", 2, |_, _, args| fetch::start(args))?;
    job_method(lua, to, "list", 1, |_, this, args| list(this, args, false))?;
    job_method(lua, to, "lsub", 1, |_, this, args| list(this, args, true))?;
    job_method(lua, to, "status", 1, |_, this: &AccountValue, args| {
        Ok(super::mailbox::status(&this.account, args.mailbox()?))
    })?;
    job_method(lua, to, "create", 1, |lua, this: &AccountValue, args| {
        refuse_while_judging(lua)?;
        Ok(told(&this.account, apply::create(&this.account, args.mailbox()?)))
    })?;
    job_method(lua, to, "delete", 2, |lua, this: &AccountValue, args| {
        refuse_while_judging(lua)?;
        let spec = args.mailbox()?;
        let ticket = match keep::deleting(args)? {
            None => apply::delete(&this.account, spec),
            Some(how) => apply::delete_whole(&this.account, spec, how),
        };
        Ok(told(&this.account, ticket))
    })?;
    job_method(lua, to, "rename", 2, |lua, this: &AccountValue, args| {
        refuse_while_judging(lua)?;
        let (from, into) = (args.mailbox()?, args.mailbox()?);
        Ok(told(&this.account, apply::rename(&this.account, from, into)))
    })?;
    job_method(lua, to, "subscribe", 1, |lua, this: &AccountValue, args| {
        refuse_while_judging(lua)?;
        Ok(told(&this.account, apply::subscribe(&this.account, args.mailbox()?, true)))
    })?;
    job_method(lua, to, "unsubscribe", 1, |lua, this: &AccountValue, args| {
        refuse_while_judging(lua)?;
        Ok(told(&this.account, apply::subscribe(&this.account, args.mailbox()?, false)))
    })?;
    add_inquiries(lua, to)?;
    method(lua, to, "logout", |_, this: &AccountValue, _| {
        this.account.log_out();
        *this.open.borrow_mut() = None;
        Ok(())
    })?;
    field(lua, to, "name", |_, this| Ok(this.account.label().to_owned()));
    to.add_meta_method(MetaMethod::ToString, |_, this, ()| Ok(format!("account {}", this.account.label())));
    Ok(())
}

/// What is asked of a server about itself.
fn add_inquiries(lua: &Lua, to: &mut mlua::UserDataRegistry<AccountValue>) -> mlua::Result<()> {
    job_method(lua, to, "namespace", 0, |_, this: &AccountValue, _| {
        Ok(Promise::new(this.account.namespaces(), |lua, spaces| {
            let table = lua.create_table()?;
            table.raw_set("personal", space(lua, &spaces.personal)?)?;
            let others =
                spaces.others.iter().map(|other| space(lua, other)).collect::<mlua::Result<Vec<_>>>()?;
            table.raw_set("others", others)?;
            Ok(table)
        }))
    })?;
    job_method(lua, to, "capabilities", 0, |_, this: &AccountValue, _| {
        Ok(Promise::new(this.account.capabilities(), |_, names| Ok(names)))
    })?;
    job_method(lua, to, "id", 0, |_, this: &AccountValue, _| {
        Ok(Promise::new(this.account.id(), mlua::Lua::create_table_from))
    })?;
    job_method(lua, to, "quota", 1, |_, this: &AccountValue, args| {
        let spec = if args.is_nil() { NameSpec::Script("INBOX".to_owned()) } else { args.mailbox()? };
        Ok(Promise::new(this.account.quota(spec), |lua, roots| {
            let all = lua.create_table()?;
            for root in roots {
                let table = lua.create_table()?;
                table.raw_set("root", root.name)?;
                for (resource, used, limit) in root.resources {
                    let numbers = lua.create_table()?;
                    numbers.raw_set("used", used)?;
                    numbers.raw_set("limit", limit)?;
                    table.raw_set(resource.to_lowercase(), numbers)?;
                }
                all.raw_push(table)?;
            }
            Ok(all)
        }))
    })?;
    job_method(lua, to, "noop", 0, |_, this: &AccountValue, _| {
        Ok(Promise::new(this.account.noop(), |_, ()| Ok(())))
    })
}

super::bind::handle!(AccountValue);

/// Makes a Lua string of bytes.
pub(super) fn bytes(lua: &Lua, bytes: &[u8]) -> mlua::Result<Value> {
    let text: LuaString = lua.create_string(bytes)?;
    text.into_lua(lua)
}

/// Throws an error of ours from inside a conversion.
pub(super) fn thrown<T>(lua: &Lua, result: Result<T>) -> mlua::Result<T> {
    result.map_err(|error| raise(lua, error, None))
}
