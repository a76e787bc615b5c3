//! The small functions around mail: time, programs, the log.

use std::io::{Read, Write as _};
use std::process::{Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mlua::{Lua, Table, Value};

use super::bind::{Promise, function, job, put};
use super::failure::raise;
use crate::engine::{Event, Run, long_ago};
use crate::error::{Error, ErrorKind, Result};

/// Installs `sleep`, `ago`, `run` and `log`.
pub(super) fn install(lua: &Lua, run: &Run) -> mlua::Result<()> {
    let of = run.clone();
    put(
        lua,
        None,
        "sleep",
        job(lua, "sleep", 1, move |_, args| {
            let value = args.value();
            let seconds = value
                .as_f64()
                .or(value.as_i64().map(|seconds| f64::from(i32::try_from(seconds).unwrap_or(i32::MAX))));
            let wanted = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            let wanted = wanted.ok_or_else(|| args.wrong("a number of seconds", &value))?;
            let run = of.clone();
            Ok(Promise::of(move |lua| {
                let start = Instant::now();
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
            let then = long_ago(&text, &of.world.now()).ok_or_else(bad)?;
            Ok(then.strftime("%Y-%m-%d").to_string())
        })?,
    )?;
    let of = run.clone();
    put(
        lua,
        None,
        "run",
        job(lua, "run", 1, move |_, args| {
            let table = args.table("a table: a program and its arguments")?;
            let order = Order::read(&table)?;
            let run = of.clone();
            Ok(Promise::of(move |lua| {
                let done = order.carry_out(&run).map_err(|error| raise(lua, error, None))?;
                let result = lua.create_table()?;
                result.raw_set("code", done.status.code())?;
                result.raw_set("ok", done.status.success())?;
                result.raw_set("stdout", lua.create_string(&done.stdout)?)?;
                result.raw_set("stderr", lua.create_string(&done.stderr)?)?;
                lua.pack_multi(result)
            }))
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
    put(lua, None, "log", log)
}

/// A program to run, without a shell.
struct Order {
    words: Vec<String>,
    stdin: Option<Vec<u8>>,
}

impl Order {
    fn read(table: &Table) -> Result<Self> {
        let usage = "`run { \"program\", \"argument\", stdin = \"text\" }`";
        let mut words = Vec::new();
        for word in table.sequence_values::<Value>() {
            match word {
                Ok(Value::String(word)) => words.push(word.to_string_lossy()),
                Ok(Value::Integer(number)) => words.push(number.to_string()),
                _ => return Err(Error::script("`run` wants its arguments as strings", usage)),
            }
        }
        if words.is_empty() {
            return Err(Error::script("`run` got no program", usage));
        }
        for pair in table.pairs::<Value, Value>() {
            if let Ok((Value::String(name), _)) = pair
                && name.to_string_lossy() != "stdin"
            {
                let name = crate::error::visible(&name.to_string_lossy());
                return Err(Error::script(format!("`run` has no option `{name}`"), usage));
            }
        }
        let stdin = match table.get::<Value>("stdin") {
            Ok(Value::String(text)) => Some(text.as_bytes().to_vec()),
            Ok(Value::Nil) => None,
            _ => return Err(Error::script("`run` wants `stdin` as a string", usage)),
        };
        Ok(Self { words, stdin })
    }

    /// Runs it to its end, or until the user wants the whole run to end: then it is killed.
    fn carry_out(self, run: &Run) -> Result<Output> {
        let Some((program, arguments)) = self.words.split_first() else {
            return Err(Error::script("`run` got no program", ""));
        };
        let failed = |error: std::io::Error| {
            Error::script(format!("the program `{program}` can't be run: {error}"), "check its name and PATH")
        };
        let input = if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        // Each pipe beside the others, so that neither side can wait for the other for ever. A program that
        // does not read all of its input is none of our business.
        if let Some((text, mut pipe)) = self.stdin.zip(child.stdin.take()) {
            std::thread::spawn(move || drop(pipe.write_all(&text)));
        }
        let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
        let mut pause = Duration::from_millis(1);
        let status = loop {
            let status = child.try_wait().map_err(failed)?;
            if let Some(status) = status.filter(|_| stdout.is_finished() && stderr.is_finished()) {
                break status;
            }
            if run.is_interrupted() {
                // Where it is gone already there is nothing to kill.
                let _ = child.kill();
                let _ = child.wait();
                return Err(ErrorKind::Interrupted.into());
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        };
        let text = |thread: JoinHandle<Vec<u8>>| thread.join().unwrap_or_default();
        Ok(Output { status, stdout: text(stdout), stderr: text(stderr) })
    }
}

/// Reads a pipe to its end.
fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before an error is what there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}
