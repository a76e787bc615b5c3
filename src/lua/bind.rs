//! How Rust functions become Lua functions.
//!
//! What needs a server is two halves: the first starts a job and gives a promise, the second waits for it and
//! converts the result. The shim between them is Lua, so that a task of the script's may be put to sleep
//! there.

use mlua::{AnyUserData, Function, IntoLuaMulti, Lua, MultiValue, UserData, UserDataRegistry};

use super::args::Args;
use super::failure::raise;
use crate::engine::{Report, Ticket};
use crate::error::{Error, ErrorKind, Result};

/// What a Lua function of ours gives.
pub(super) type Given = mlua::Result<MultiValue>;

/// Makes a type whose methods are registered by its file's `install` a Lua value.
macro_rules! handle {
    ($type:ty) => {
        impl mlua::IntoLua for $type {
            fn into_lua(self, lua: &mlua::Lua) -> mlua::Result<mlua::Value> {
                lua.create_any_userdata(self).map(mlua::Value::UserData)
            }
        }
    };
}

pub(super) use handle;

/// What is left to do for a call's result.
type Finish = Box<dyn FnOnce(&Lua) -> Given>;

/// The second half of a call that a server has to answer.
pub(super) struct Promise(Option<Finish>);

impl UserData for Promise {}

impl Promise {
    /// Promises a ticket's result, converted by `convert`.
    pub(super) fn new<T: 'static, R: IntoLuaMulti>(
        ticket: Ticket<T>,
        convert: impl FnOnce(&Lua, T) -> mlua::Result<R> + 'static,
    ) -> Self {
        Self(Some(Box::new(move |lua| {
            let result = ticket.wait().map_err(|error| raise(lua, error, None))?;
            convert(lua, result)?.into_lua_multi(lua)
        })))
    }

    /// Promises what `finish` gives.
    pub(super) fn of(finish: impl FnOnce(&Lua) -> Given + 'static) -> Self {
        Self(Some(Box::new(finish)))
    }
}

/// Makes a function that answers at once.
pub(super) fn function<R: IntoLuaMulti>(
    lua: &Lua,
    name: &'static str,
    body: impl Fn(&Lua, &mut Args) -> Result<R> + 'static,
) -> mlua::Result<Function> {
    lua.create_function(move |lua, values: MultiValue| {
        let mut args = Args::new(name, values);
        let given = body(lua, &mut args).and_then(|given| args.done().map(|()| given));
        given.map_err(|error| raise(lua, error, None))?.into_lua_multi(lua)
    })
}

/// Makes a function that a server has to answer.
pub(super) fn job(
    lua: &Lua,
    name: &'static str,
    start: impl Fn(&Lua, &mut Args) -> Result<Promise> + 'static,
) -> mlua::Result<Function> {
    let start = lua.create_function(move |lua, values: MultiValue| {
        let mut args = Args::new(name, values);
        start(lua, &mut args).map_err(|error| raise(lua, error, None))
    })?;
    let take = lua.create_function(|lua, promise: AnyUserData| {
        let finish = promise.borrow_mut::<Promise>()?.0.take();
        match finish {
            Some(finish) => finish(lua),
            None => lua.pack_multi(()),
        }
    })?;
    let shim = "local start, take = ... return function(...) return take(start(...)) end";
    lua.load(shim).set_name("=[imapscript]").call((start, take))
}

/// Adds a method that answers at once. `this` is the first argument of `body`'s.
pub(super) fn method<T: 'static, R: IntoLuaMulti>(
    lua: &Lua,
    registry: &mut UserDataRegistry<T>,
    name: &'static str,
    body: impl Fn(&Lua, &T, &mut Args) -> Result<R> + 'static,
) -> mlua::Result<()> {
    let function = function(lua, name, move |lua, args| {
        let this = args.this::<T>()?;
        body(lua, &this, args)
    })?;
    mlua::UserDataFields::add_field(registry, name, function);
    Ok(())
}

/// Adds a method that a server has to answer.
pub(super) fn job_method<T: 'static>(
    lua: &Lua,
    registry: &mut UserDataRegistry<T>,
    name: &'static str,
    start: impl Fn(&Lua, &T, &mut Args) -> Result<Promise> + 'static,
) -> mlua::Result<()> {
    let function = job(lua, name, move |lua, args| {
        let this = args.this::<T>()?;
        start(lua, &this, args)
    })?;
    mlua::UserDataFields::add_field(registry, name, function);
    Ok(())
}

/// Makes the error of an action that was done only in part: what happened to how many.
pub(super) fn partial(report: &Report) -> Error {
    let count = |list: &[crate::engine::Remark]| list.iter().map(|remark| remark.uids.len()).sum::<usize>();
    let first = report.failed.iter().chain(&report.in_doubt).next();
    let reason = first.map(|remark| remark.reason.clone()).unwrap_or_default();
    let what = format!(
        "{} {}, failed {}, in doubt {}: {reason}",
        report.verb.done(),
        report.done.len(),
        count(&report.failed),
        count(&report.in_doubt)
    );
    Error::from(ErrorKind::Partial { what }).in_account(&report.account).in_mailbox(&report.mailbox)
}
