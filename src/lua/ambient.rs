//! The small functions around mail: time, programs, the log.

use std::time::{Duration, Instant};

use mlua::{Lua, Table, Value};

use super::bind::{Promise, function, job, put};
use super::failure::raise;
use super::program::{only_options, outcome, program, reads};
use crate::engine::{Event, Permission, Program, Run, long_ago};
use crate::error::{Error, ErrorKind, Result};

/// Installs `sleep`, `ago`, `timezone`, `run`, `allow` and `log`.
pub(super) fn install(lua: &Lua, run: &Run) -> mlua::Result<()> {
    let of = run.clone();
    put(
        lua,
        None,
        "sleep",
        job(lua, "sleep", 1, move |_, args| {
            let wanted = args.seconds()?;
            let run = of.clone();
            let start = Instant::now();
            Ok(Promise::at(start.checked_add(wanted), move |lua| {
                while let Some(left) = wanted.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
                    if run.is_interrupted() {
                        return Err(raise(lua, ErrorKind::Interrupted.into(), None));
                    }
                    std::thread::sleep(left.min(Duration::from_millis(100)));
                }
                lua.pack_multi(())
            }))
        })?,
    )?;
    let of = run.clone();
    put(
        lua,
        None,
        "ago",
        function(lua, "ago", move |_, args| {
            let text = args.text("an age such as \"30d\"")?;
            let bad = || {
                Error::script(
                    format!(
                        "`ago` wants an age such as \"30d\" but got \"{}\"",
                        crate::error::visible(&text)
                    ),
                    "",
                )
            };
            let then = long_ago(&text, &of.now()).ok_or_else(bad)?;
            Ok(then.strftime("%Y-%m-%d").to_string())
        })?,
    )?;
    let of = run.clone();
    let zone = function(lua, "timezone", move |_, args| {
        of.set_zone(&args.text("a name such as \"Europe/Vienna\"")?)
    })?;
    put(lua, None, "timezone", zone)?;
    let of = run.clone();
    put(
        lua,
        None,
        "run",
        job(lua, "run", 1, move |_, args| {
            let table = args.table("a table: a program and its arguments")?;
            let (program, stdin, reads) = order(&table)?;
            let run = of.clone();
            run.permit_program("run", reads)?;
            Ok(Promise::of(move |lua| {
                let done = program.carry_out(stdin, &run).map_err(|error| raise(lua, error, None))?;
                lua.pack_multi(outcome(lua, &done)?)
            }))
        })?,
    )?;
    let of = run.clone();
    put(
        lua,
        None,
        "allow",
        function(lua, "allow", move |_, args| {
            let mut any = false;
            while !args.is_nil() {
                of.permissions.allow(Permission::parse(&args.text("a permission such as \"purge\"")?)?);
                any = true;
            }
            if any { Ok(()) } else { Err(Error::script("`allow` got no permission", "`allow \"purge\"`")) }
        })?,
    )?;
    let log = lua.create_table()?;
    for (name, full) in [("info", "log.info"), ("warn", "log.warn"), ("error", "log.error")] {
        let of = run.clone();
        let say = function(lua, full, move |lua, args| {
            let value = args.value();
            let text = lua
                .globals()
                .raw_get::<mlua::Function>("tostring")
                .and_then(|f| f.call::<mlua::LuaString>(value));
            let text = text.map(|text| text.to_string_lossy()).unwrap_or_default();
            of.world.tell(Event::Log(name, text));
            Ok(())
        })?;
        put(lua, Some(("log", &log)), name, say)?;
    }
    put(lua, None, "log", log)?;
    if run.overlay.is_some() { hold_back(lua) } else { Ok(()) }
}

/// Takes away from a dry run what of Lua's own would change something behind its back.
fn hold_back(lua: &Lua) -> mlua::Result<()> {
    let reading = "a program that changes nothing may run: `run { \"program\", \"argument\", reads = true }`";
    let writing =
        "leave it out of a dry run; a program that changes nothing may run: `run { …, reads = true }`";
    let held_back: [(&str, &str, &'static str, &'static str); 4] = [
        ("os", "execute", "os.execute", reading),
        ("io", "popen", "io.popen", reading),
        ("os", "remove", "os.remove", writing),
        ("os", "rename", "os.rename", writing),
    ];
    for (table, name, full, hint) in held_back {
        let refuse = function(lua, full, move |_, _| -> Result<()> {
            Err(Error::script(format!("a dry run changes nothing, and `{full}` may: it is not done"), hint))
        })?;
        lua.globals().raw_get::<Table>(table)?.raw_set(name, refuse)?;
    }
    Ok(())
}

/// Reads what `run` is to do.
fn order(table: &Table) -> Result<(Program, Option<Vec<u8>>, bool)> {
    let usage = "`run { \"program\", \"argument\", stdin = \"text\" }`";
    let program = program("run", usage, table)?;
    only_options("run", usage, table, &["stdin", "reads"])?;
    let stdin = match table.get::<Value>("stdin") {
        Ok(Value::String(text)) => Some(text.as_bytes().to_vec()),
        Ok(Value::Nil) => None,
        _ => return Err(Error::script("`run` wants `stdin` as a string", usage)),
    };
    Ok((program, stdin, reads("run", usage, table)?))
}
