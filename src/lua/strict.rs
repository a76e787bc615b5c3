use mlua::{Lua, Table, Value};

use super::bind::{function, put};
use super::failure::raise;
use crate::error::{Error, visible};

/// Makes reading a name that a table does not have an error. Values that are tables become strict too.
pub(super) fn strict(lua: &Lua, table: &Table) -> mlua::Result<()> {
    if table.metatable().is_some() {
        return Ok(());
    }
    let metatable = lua.create_table()?;
    let missing = lua.create_function(|lua, (_, key): (Table, Value)| -> mlua::Result<Value> {
        let key = match key {
            // The end of a list is asked for by `ipairs`.
            Value::Integer(_) => return Ok(Value::Nil),
            Value::String(key) => key.to_string_lossy(),
            key => key.type_name().to_owned(),
        };
        let what = format!("there is no `{}` in this table", visible(&key));
        Err(raise(lua, Error::script(what, "`rawget(table, key)` asks without an error"), None))
    })?;
    metatable.raw_set("__index", missing)?;
    table.set_metatable(Some(metatable))?;
    for pair in table.pairs::<Value, Value>() {
        if let (_, Value::Table(inner)) = pair? {
            strict(lua, &inner)?;
        }
    }
    Ok(())
}

/// Makes the error of reading a global that does not exist; `known` are those that do.
pub(super) fn no_global(key: &str, mut known: Vec<String>) -> Error {
    known.sort();
    let nearest = known.iter().min_by_key(|name| {
        // Letters are forgotten more often than added.
        (crate::engine::query::distance(key, name), std::cmp::Reverse(name.len()))
    });
    let hint = match nearest {
        Some(name) if crate::engine::query::distance(key, name) <= 2 => format!("did you mean `{name}`?"),
        _ => "a variable must have a value before it is read; `local` ones only exist below their line"
            .to_owned(),
    };
    Error::script(format!("there is no `{}` here", visible(key)), hint)
}

/// Makes a global that does not exist an error, with the nearest that does.
pub(super) fn strict_globals(lua: &Lua) -> mlua::Result<()> {
    let metatable = lua.create_table()?;
    let missing = lua.create_function(|lua, (globals, key): (Table, Value)| -> mlua::Result<Value> {
        let key = match &key {
            Value::String(key) => key.to_string_lossy(),
            key => key.type_name().to_owned(),
        };
        let mut known = Vec::new();
        for pair in globals.pairs::<Value, Value>() {
            if let (Value::String(name), _) = pair? {
                known.push(name.to_string_lossy());
            }
        }
        Err(raise(lua, no_global(&key, known), None))
    })?;
    metatable.raw_set("__index", missing)?;
    lua.globals().set_metatable(Some(metatable))
}

/// Installs `strict(table)`.
pub(super) fn install(lua: &Lua) -> mlua::Result<()> {
    let strict_function = function(lua, "strict", |lua, args| {
        let table = args.table("a table")?;
        strict(lua, &table).map_err(|error| Error::script(error.to_string(), ""))?;
        Ok(table)
    })?;
    put(lua, None, "strict", strict_function)
}
