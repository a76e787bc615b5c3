//! `parallel { f, g }`: functions of the script's that go on while others wait for their servers.

use std::time::Duration;

use mlua::{Function, Lua, Table, Value};

use super::args::{Args, a_type};
use super::bind::{function, put};
use super::failure::{class, noting, raise, set_aside};
use super::judging::lost;
use super::promise::{is_ready, keeper, tasks};
use super::vm::Raw;
use crate::engine::Run;
use crate::error::{Error, ErrorKind, Result, visible};

/// How many functions are under way at once, unless the script says it.
const AT_ONCE: usize = 16;

/// How long the wait for a server's answer is before it is looked whether the user wants an end, or a time has come.
const SLICE: Duration = Duration::from_millis(20);

const USAGE: &str = "`parallel { function() … end, function() … end, at_once = 4 }`";

/// Reads the functions, and how many of them may be under way at once.
fn read(args: &mut Args) -> Result<(Vec<Function>, usize)> {
    let table = args.table("a list of functions")?;
    let mut at_once = AT_ONCE;
    let count = table.raw_len();
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair.map_err(lost)?;
        let name = key.as_string().map(mlua::LuaString::to_string_lossy);
        if name.as_deref() == Some("at_once") {
            let number = value.as_i64().and_then(|number| usize::try_from(number).ok());
            at_once = number.filter(|number| *number > 0).ok_or_else(|| {
                Error::script("`at_once` must be a positive whole number".to_owned(), USAGE)
            })?;
        } else if !key.as_usize().is_some_and(|at| (1..=count).contains(&at)) {
            let key = name.map_or_else(|| a_type(&key), |name| format!("`{}`", visible(&name)));
            return Err(Error::script(format!("`parallel` got {key} among its functions"), USAGE));
        }
    }
    let mut functions = Vec::with_capacity(count);
    for value in table.sequence_values::<Value>() {
        match value.map_err(lost)? {
            Value::Function(function) => functions.push(function),
            value => {
                let (number, got) = (functions.len() + 1, a_type(&value));
                let hint = "each of the list is a function that is called: `function() … end`";
                return Err(Error::script(
                    format!("`parallel` wants functions, but number {number} is {got}"),
                    hint,
                ));
            }
        }
    }
    Ok((functions, at_once))
}

/// Installs `parallel`.
pub(super) fn install(lua: &Lua, raw: &Raw, run: &Run) -> mlua::Result<()> {
    let read = function(lua, "parallel", |_, args| read(args))?;
    let bell = run.bell.clone();
    let count = lua.create_function(move |_, ()| Ok(bell.count()))?;
    let of = run.clone();
    let wait = lua.create_function(move |lua, rung: u64| {
        of.bell.wait(rung, SLICE);
        of.progress.show(&*of.world);
        if of.is_interrupted() { Err(raise(lua, ErrorKind::Interrupted.into(), None)) } else { Ok(()) }
    })?;
    // What a task prints must not be mixed with what shows that others wait.
    let of = run.clone();
    let hide = lua.create_function(move |_, ()| {
        of.progress.hide(&*of.world);
        Ok(())
    })?;
    let (note, ends_run) = noting(lua)?;
    let worst = lua.create_function(|_, thrown: Table| {
        let classes: Vec<_> =
            thrown.sequence_values::<Value>().filter_map(mlua::Result::ok).map(|each| class(&each)).collect();
        let worst = classes.iter().copied().reduce(crate::error::Class::worse);
        Ok(classes.iter().position(|class| Some(*class) == worst).unwrap_or_default() + 1)
    })?;
    let aside = lua.create_function(|lua, thrown: Value| {
        set_aside(lua, &thrown);
        Ok(())
    })?;
    let chunk = lua.load(include_str!("parallel.lua")).set_name("=[imapscript]");
    let parallel: Function = chunk.call((
        raw.table(lua)?,
        read,
        tasks(lua)?,
        is_ready(lua)?,
        keeper(lua)?,
        count,
        wait,
        hide,
        note,
        ends_run,
        worst,
        aside,
    ))?;
    put(lua, None, "parallel", parallel)
}
