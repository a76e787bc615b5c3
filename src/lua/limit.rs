use mlua::{Lua, Value};

use super::args::Args;
use super::bind::{function, put};
use crate::engine::Run;
use crate::error::{Error, Result, visible};

/// Reads how many messages may be removed: a positive whole number.
pub(super) fn number(value: &Value) -> Result<usize> {
    let number = value.as_i64().and_then(|number| usize::try_from(number).ok());
    number.filter(|number| *number > 0).ok_or_else(|| {
        let got = match value {
            Value::String(text) => format!("\"{}\"", visible(&text.to_string_lossy())),
            Value::Number(_) | Value::Integer(_) => value.to_string().unwrap_or_default(),
            value => super::args::a_type(value),
        };
        Error::script(
            format!("a limit must be a positive whole number but is {got}"),
            "it says how many messages may be removed: `limit = 2000`",
        )
    })
}

/// Reads the options of an action that removes messages, `{ limit = 2000 }`, if it has any.
pub(super) fn own_limit(args: &mut Args) -> Result<Option<usize>> {
    if args.is_nil() {
        return Ok(None);
    }
    let options = args.table("options such as `{ limit = 2000 }`")?;
    let mut limit = None;
    for pair in options.pairs::<Value, Value>() {
        let (key, value) = pair.map_err(|error| Error::script(error.to_string(), ""))?;
        match key.as_string().map(mlua::LuaString::to_string_lossy).as_deref() {
            Some("limit") => limit = Some(number(&value)?),
            name => {
                let name = name.map_or_else(|| key.type_name().to_owned(), visible);
                return Err(Error::script(format!("there is no option `{name}`"), "there is `limit`"));
            }
        }
    }
    Ok(limit)
}

/// Installs `limit`.
pub(super) fn install(lua: &Lua, run: &Run) -> mlua::Result<()> {
    let of = run.clone();
    let limit = function(lua, "limit", move |_, args| {
        of.limits.set(number(&args.value())?);
        Ok(())
    })?;
    put(lua, None, "limit", limit)
}
