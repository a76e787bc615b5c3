//! How Rust functions become Lua functions.
//!
//! What needs a server is two halves: the first starts a job and gives a promise, the second waits for it and
//! converts the result. The shim between them is Lua, so that a task of the script's may be put to sleep
//! there.

use mlua::{
    Function, IntoLuaMulti, Lua, MetaMethod, MultiValue, Table, UserDataFields, UserDataMethods,
    UserDataRegistry, Value,
};

use super::args::Args;
use super::failure::raise;
use super::promise;
pub(super) use super::promise::Promise;
use crate::engine::Report;
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

/// The names of everything that scripts can reach, as `Type.name` or `table.name`. The type files are held
/// against it.
#[derive(Debug, Default)]
pub(super) struct Registered(pub(super) Vec<String>);

fn note(lua: &Lua, name: String) {
    if let Some(mut names) = lua.app_data_mut::<Registered>() {
        names.0.push(name);
    }
}

/// Gives what scripts know a Rust type as: `AccountValue` is `Account`.
fn script_type<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    let name = name.rsplit("::").next().unwrap_or(name);
    name.strip_suffix("Value").unwrap_or(name)
}

/// Registers a type's fields and methods. Reading anything else is an error: a misspelt
/// `not message.flaged` must not be true of every message.
pub(super) fn register<T: 'static>(
    lua: &Lua,
    add: impl FnOnce(&Lua, &mut UserDataRegistry<T>) -> mlua::Result<()>,
) -> mlua::Result<()> {
    register_open::<T>(lua, |lua, registry| {
        add(lua, registry)?;
        let what = script_type::<T>();
        let mine = |name: &String| {
            name.strip_prefix(what).and_then(|name| name.strip_prefix(['.', ':'])).map(str::to_owned)
        };
        let noted = lua.app_data_ref::<Registered>();
        let names: Vec<String> = noted.iter().flat_map(|noted| noted.0.iter().filter_map(mine)).collect();
        registry.add_meta_function(
            MetaMethod::Index,
            move |lua, (_, key): (Value, Value)| -> mlua::Result<Value> {
                let key = match &key {
                    Value::String(key) => key.to_string_lossy(),
                    key => key.type_name().to_owned(),
                };
                Err(raise(lua, no_member(what, &key, &names), None))
            },
        );
        Ok(())
    })
}

/// Makes the error of reading what a value of a type does not have; `names` are those that it has.
pub(super) fn no_member(what: &str, key: &str, names: &[String]) -> Error {
    let distance = |name: &&String| crate::engine::query::distance(key, name);
    let hint = match names.iter().min_by_key(distance) {
        Some(name) if distance(&name) <= 2 => format!("did you mean `{name}`?"),
        _ => format!("it has {}", names.join(", ")),
    };
    let what = what.to_lowercase();
    let article = if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    Error::script(format!("{article} {what} has no `{}`", crate::error::visible(key)), hint)
}

/// Registers a type's fields and methods, where it answers to other names by itself.
pub(super) fn register_open<T: 'static>(
    lua: &Lua,
    add: impl FnOnce(&Lua, &mut UserDataRegistry<T>) -> mlua::Result<()>,
) -> mlua::Result<()> {
    let mut added = Ok(());
    lua.register_userdata_type::<T>(|registry| added = add(lua, registry))?;
    added
}

/// Adds a field that is worked out when it is read.
pub(super) fn field<T: 'static, R: mlua::IntoLua>(
    lua: &Lua,
    registry: &mut UserDataRegistry<T>,
    name: &'static str,
    get: impl Fn(&Lua, &T) -> mlua::Result<R> + 'static,
) {
    note(lua, format!("{}.{name}", script_type::<T>()));
    registry.add_field_method_get(name, get);
}

/// Says of a Lua state that a script is only checked in it: calls read their arguments, and then end.
#[derive(Debug)]
pub(super) struct Checking;

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

/// Makes a function that a server has to answer. It takes `most` arguments and not one more: what an
/// argument too many was to say must not be lost, and once the job has begun it is too late to ask.
pub(super) fn job(
    lua: &Lua,
    name: &'static str,
    most: usize,
    start: impl Fn(&Lua, &mut Args) -> Result<Promise> + 'static,
) -> mlua::Result<Function> {
    let start = lua.create_function(move |lua, values: MultiValue| {
        let mut args = Args::new(name, values);
        args.at_most(most).and_then(|()| start(lua, &mut args)).map_err(|error| raise(lua, error, None))
    })?;
    promise::shim(lua)?.call(start)
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
    note(lua, format!("{}:{name}", script_type::<T>()));
    registry.add_field(name, function);
    Ok(())
}

/// Adds a method that a server has to answer, with `most` arguments beside the object.
pub(super) fn job_method<T: 'static>(
    lua: &Lua,
    registry: &mut UserDataRegistry<T>,
    name: &'static str,
    most: usize,
    start: impl Fn(&Lua, &T, &mut Args) -> Result<Promise> + 'static,
) -> mlua::Result<()> {
    let function = job(lua, name, most.saturating_add(1), move |lua, args| {
        let this = args.this::<T>()?;
        start(lua, &this, args)
    })?;
    note(lua, format!("{}:{name}", script_type::<T>()));
    registry.add_field(name, function);
    Ok(())
}

/// Adds a method that is written in Lua.
pub(super) fn lua_method<T: 'static>(
    lua: &Lua,
    registry: &mut UserDataRegistry<T>,
    name: &'static str,
    function: Function,
) {
    note(lua, format!("{}:{name}", script_type::<T>()));
    registry.add_field(name, function);
}

/// Puts a function or value into a table, or among the globals, under its name there.
pub(super) fn put(
    lua: &Lua,
    table: Option<(&str, &Table)>,
    name: &str,
    value: impl mlua::IntoLua,
) -> mlua::Result<()> {
    let Some((prefix, table)) = table else {
        note(lua, name.to_owned());
        return lua.globals().raw_set(name, value);
    };
    note(lua, format!("{prefix}.{name}"));
    table.raw_set(name, value)
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
