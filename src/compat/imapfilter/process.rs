use std::io::{ErrorKind, Write as _};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use mlua::{Lua, LuaString, Table, Value};

use super::pattern::Pattern;
use super::vm::{soft, thrown};
use crate::engine::Run;
use crate::error::{self, Error};

/// Installs what has to do with other programs, time and the terminal, and patterns.
pub(super) fn install(lua: &Lua, native: &Table, run: &Run) -> mlua::Result<()> {
    native.raw_set(
        "pipe_to",
        lua.create_function(|lua, (command, data): (LuaString, LuaString)| {
            thrown(lua, feed(&command, &data.as_bytes()))
        })?,
    )?;
    native.raw_set(
        "pipe_from",
        lua.create_function(|lua, command: LuaString| {
            let output = shell(&command).stdout(Stdio::piped()).output();
            let output = thrown(lua, output.map_err(|error| not_run(&error)))?;
            Ok((code(output.status), lua.create_string(output.stdout)?))
        })?,
    )?;
    let of = run.clone();
    native.raw_set(
        "sleep",
        lua.create_function(move |lua, seconds: f64| {
            let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
            let start = Instant::now();
            while let Some(left) = time.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
                if of.is_interrupted() {
                    return thrown(lua, Err(error::ErrorKind::Interrupted.into()));
                }
                std::thread::sleep(left.min(Duration::from_millis(100)));
            }
            Ok(())
        })?,
    )?;
    let of = run.clone();
    native.raw_set(
        "password",
        lua.create_function(move |lua, prompt: LuaString| {
            match of.world.prompt(&prompt.to_string_lossy()) {
                Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
                Err(error) => {
                    let what = format!("no password could be asked for: {error}");
                    thrown(lua, Err(Error::script(what, "it needs a terminal")))
                }
                Ok(typed) => Ok(Some(typed)),
            }
        })?,
    )?;
    native.raw_set(
        "search",
        lua.create_function(|lua, (pattern, subject): (LuaString, LuaString)| {
            let Some(pattern) = soft(lua, Pattern::cached(lua, &pattern.as_bytes()))? else {
                return lua.pack_multi(Value::Nil);
            };
            let subject = subject.as_bytes();
            let Some(groups) = thrown(lua, pattern.find(&subject))? else {
                return lua.pack_multi(false);
            };
            let each = groups.into_iter().map(|group| match group.and_then(|group| subject.get(group)) {
                Some(text) => lua.create_string(text).map(Value::String),
                None => Ok(Value::Nil),
            });
            each.collect()
        })?,
    )
}

/// Makes a command of a line for the shell, as it stands in the configuration.
fn shell(line: &LuaString) -> Command {
    use std::os::unix::ffi::OsStrExt as _;
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(std::ffi::OsStr::from_bytes(&line.as_bytes()));
    command
}

fn feed(command: &LuaString, data: &[u8]) -> crate::error::Result<i64> {
    let mut child = shell(command).stdin(Stdio::piped()).spawn().map_err(|error| not_run(&error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read all of it has had enough.
        let _ = stdin.write_all(data);
    }
    Ok(code(child.wait().map_err(|error| not_run(&error))?))
}

/// Gives an exit code as a shell would.
fn code(status: ExitStatus) -> i64 {
    use std::os::unix::process::ExitStatusExt as _;
    let signal = || status.signal().map_or(-1, |signal| 128 + signal);
    i64::from(status.code().unwrap_or_else(signal))
}

fn not_run(error: &std::io::Error) -> Error {
    Error::script(format!("the shell can't be run: {error}"), "")
}
