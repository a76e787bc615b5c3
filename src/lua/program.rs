//! Programs as scripts name them: a list of words, without a shell.

use std::process::Output;

use mlua::{Lua, Table, Value};

use crate::engine::Program;
use crate::error::{Error, Result};

/// Reads a program and its arguments of a list. `function` is who asks, `usage` how it is called.
pub(super) fn program(function: &str, usage: &str, table: &Table) -> Result<Program> {
    let mut words = Vec::new();
    for word in table.sequence_values::<Value>() {
        match word {
            Ok(Value::String(word)) => words.push(word.to_string_lossy()),
            Ok(Value::Integer(number)) => words.push(number.to_string()),
            _ => return Err(Error::script(format!("`{function}` wants its arguments as strings"), usage)),
        }
    }
    Program::new(words).ok_or_else(|| Error::script(format!("`{function}` got no program"), usage))
}

/// Reads whether the script says that the program changes nothing, so that a dry run may run it.
pub(super) fn reads(function: &str, usage: &str, table: &Table) -> Result<bool> {
    match table.get::<Value>("reads") {
        Ok(Value::Boolean(reads)) => Ok(reads),
        Ok(Value::Nil) => Ok(false),
        _ => Err(Error::script(format!("`{function}` wants `reads` as true or false"), usage)),
    }
}

/// Refuses names in the table other than these.
pub(super) fn only_options(function: &str, usage: &str, table: &Table, known: &[&str]) -> Result<()> {
    for pair in table.pairs::<Value, Value>() {
        if let Ok((Value::String(name), _)) = pair
            && !known.contains(&&*name.to_string_lossy())
        {
            let name = crate::error::visible(&name.to_string_lossy());
            return Err(Error::script(format!("`{function}` has no option `{name}`"), usage));
        }
    }
    Ok(())
}

/// Makes a table of how a program ended.
pub(super) fn outcome(lua: &Lua, output: &Output) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("code", output.status.code())?;
    table.raw_set("ok", output.status.success())?;
    table.raw_set("stdout", lua.create_string(&output.stdout)?)?;
    table.raw_set("stderr", lua.create_string(&output.stderr)?)?;
    Ok(table)
}
