use std::cell::RefCell;

use mlua::{Function, HookTriggers, Lua, MultiValue, Value, VmState};

use super::bind::Registered;
use super::failure::{Caught, Exit, Failure, Failures, caught, describe, places, raise};
use super::login::Accounts;
use super::{
    account, address, ambient, json, judging, login, mailbox, message, report, secret, selection, strict,
};
use crate::engine::Run;
use crate::error::{Class, ErrorKind};

/// A script to be run.
#[derive(Clone, Debug)]
pub struct Script {
    /// What errors call it: its path, or `stdin`.
    pub name: String,
    /// Its text.
    pub source: Vec<u8>,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The directory where `require` looks first.
    pub directory: Option<String>,
}

/// How a script ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Why it ended before its end, if it did.
    pub failure: Option<Failure>,
    /// Failures that it caught and did not ignore.
    pub caught: Vec<Caught>,
}

/// One Lua state with everything of ours in it, used by one thread.
#[derive(Debug)]
pub struct Vm {
    lua: Lua,
    /// Lua's own `xpcall`, whose handler sees what was thrown as it is.
    xpcall: Function,
}

/// Functions of Lua's own that leave what was thrown as it is; scripts have others under their names.
pub(super) struct Raw {
    pcall: Function,
    xpcall: Function,
    resume: Function,
}

impl Raw {
    fn of(lua: &Lua) -> mlua::Result<Self> {
        let globals = lua.globals();
        Ok(Self {
            pcall: globals.raw_get("pcall")?,
            xpcall: globals.raw_get("xpcall")?,
            resume: globals.raw_get::<mlua::Table>("coroutine")?.raw_get("resume")?,
        })
    }

    /// Gives them as a table, for what is written in Lua.
    pub(super) fn table(&self, lua: &Lua) -> mlua::Result<mlua::Table> {
        lua.create_table_from([("pcall", &self.pcall), ("xpcall", &self.xpcall), ("resume", &self.resume)])
    }
}

/// How many instructions of Lua may pass before an interrupt is looked for.
const INSTRUCTIONS: u32 = 10_000;

/// Gives the Lua of a script's text: neither a byte order mark, which some editors write, nor a first line for the shell
/// is Lua.
///
/// Error: it is bytecode.
pub(crate) fn chunk(source: &[u8]) -> Result<Vec<u8>, Failure> {
    if source.starts_with(b"\x1b") {
        return Err(Failure {
            class: Class::Script,
            message: "this is Lua bytecode, which is not run".to_owned(),
            hint: Some("give the script's source".to_owned()),
            places: Vec::new(),
            context: Vec::new(),
            exit: None,
        });
    }
    let source = source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source);
    Ok(match source.strip_prefix(b"#") {
        Some(rest) => [b"--", rest].concat(),
        None => source.to_vec(),
    })
}

thread_local! {
    /// What the outermost handler found, on its way out of Lua.
    static FOUND: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

impl Vm {
    /// Makes a state with the standard library (without `debug`) and our own functions.
    pub fn new(run: &Run) -> mlua::Result<Self> {
        let lua = Lua::new();
        lua.set_app_data(Failures::default());
        lua.set_app_data(Accounts::default());
        lua.set_app_data(Registered::default());
        let raw = Raw::of(&lua)?;
        let catch = lua.create_function(|lua, value: Value| caught(lua, value))?;
        let exit = lua.create_function(|_, code: i64| -> mlua::Result<()> {
            Err(mlua::Error::external(Exit(u8::try_from(code).unwrap_or(1))))
        })?;
        lua.load(include_str!("prelude.lua")).set_name("=[imapscript]").call::<()>((catch, exit))?;
        super::promise::install(&lua)?;
        login::install(&lua, run)?;
        super::failure::install(&lua)?;
        address::install(&lua)?;
        report::install(&lua)?;
        let judges = judging::install(&lua)?;
        account::install(&lua, &judges)?;
        mailbox::install(&lua, &judges)?;
        selection::install(&lua, &judges)?;
        message::install(&lua)?;
        super::rules::install(&lua, &judges)?;
        secret::install(&lua)?;
        json::install(&lua)?;
        ambient::install(&lua, run)?;
        super::limit::install(&lua, run)?;
        strict::install(&lua)?;
        super::pattern::install(&lua)?;
        super::parallel::install(&lua, &raw, run)?;
        super::watch::install(&lua, &raw, run)?;
        watch(&lua, run)?;
        Ok(Self { lua, xpcall: raw.xpcall })
    }

    /// Gives the names of everything of ours that scripts can reach: `login`, `json.encode`, `Message.subject`,
    /// `Message:text`.
    pub fn registered(&self) -> Vec<String> {
        self.lua.app_data_ref::<Registered>().map(|names| names.0.clone()).unwrap_or_default()
    }

    /// Gives the state itself.
    pub(super) fn lua(&self) -> &Lua {
        &self.lua
    }

    /// Runs a script to its end and logs every account out.
    pub fn run(&self, script: &Script) -> mlua::Result<Outcome> {
        let failure = self.execute(script)?.or_else(|| super::promised::left_open(&self.lua));
        self.log_out();
        let caught = self.lua.app_data_ref::<Failures>().map(|failures| failures.open()).unwrap_or_default();
        Ok(Outcome { failure, caught })
    }

    fn execute(&self, script: &Script) -> mlua::Result<Option<Failure>> {
        self.prepare(script)?;
        let source = match chunk(&script.source) {
            Ok(source) => source,
            Err(failure) => return Ok(Some(failure)),
        };
        let name = format!("@{}", script.name);
        let chunk = self.lua.load(source).set_name(name).set_mode(mlua::chunk::ChunkMode::Text);
        let main = match chunk.into_function() {
            Ok(main) => main,
            Err(error) => {
                return Ok(Some(describe(&self.lua, &Value::Error(Box::new(error)), Vec::new())));
            }
        };
        Ok(self.call(main)?.err())
    }

    /// Gives scripts their arguments and their directory, and makes globals that do not exist an error.
    pub(super) fn prepare(&self, script: &Script) -> mlua::Result<()> {
        let lua = &self.lua;
        let arg = lua.create_table()?;
        for (at, argument) in script.arguments.iter().enumerate() {
            arg.raw_set(at + 1, argument.as_str())?;
        }
        arg.raw_set(0, script.name.as_str())?;
        strict::strict(lua, &arg)?;
        lua.globals().raw_set("arg", arg)?;
        if let Some(directory) = &script.directory {
            let package: mlua::Table = lua.globals().raw_get("package")?;
            let path: String = package.raw_get("path")?;
            package.raw_set("path", format!("{directory}/?.lua;{directory}/?/init.lua;{path}"))?;
        }
        strict::strict_globals(lua)
    }

    /// Calls a function of the script's with its arguments, and gives what that gives, or why it failed.
    pub(super) fn call(&self, main: Function) -> mlua::Result<Result<MultiValue, Failure>> {
        let arg: mlua::Table = self.lua.globals().raw_get("arg")?;
        let arguments = arg.sequence_values::<Value>().collect::<mlua::Result<Vec<_>>>()?;
        to_its_end(&self.lua, &self.xpcall, main, arguments)
    }

    /// Logs every account out.
    pub(super) fn log_out(&self) {
        if let Some(accounts) = self.lua.app_data_ref::<Accounts>() {
            crate::engine::Account::log_out_all(&accounts.all);
        }
    }
}

/// Lets Ctrl-C end whatever the state runs.
pub(crate) fn watch(lua: &Lua, run: &Run) -> mlua::Result<()> {
    let of = run.clone();
    lua.set_global_hook(HookTriggers::new().every_nth_instruction(INSTRUCTIONS), move |lua, _| {
        if of.is_interrupted() {
            Err(raise(lua, ErrorKind::Interrupted.into(), None))
        } else {
            Ok(VmState::Continue)
        }
    })
}

/// Calls a function, and gives what that gives, or why it ended before its end. `xpcall` is Lua's own.
pub(crate) fn to_its_end(
    lua: &Lua,
    xpcall: &Function,
    main: Function,
    arguments: Vec<Value>,
) -> mlua::Result<Result<MultiValue, Failure>> {
    let handler = lua.create_function(|lua, value: Value| {
        let failure = describe(lua, &value, places(lua));
        FOUND.with_borrow_mut(|found| *found = Some(failure));
        Ok(())
    })?;
    let outermost: Function = lua
        .load("local run, main, handler = ... return run(main, handler, select(4, ...))")
        .set_name("=[imapscript]")
        .into_function()?;
    let arguments: MultiValue = arguments.into_iter().collect();
    let ended = outermost.call::<MultiValue>((xpcall, main, handler, arguments));
    let found = FOUND.with_borrow_mut(Option::take);
    match (ended, found) {
        (_, Some(failure)) => Ok(Err(failure)),
        (Ok(mut values), None) => {
            // The first says that nothing failed.
            values.pop_front();
            Ok(Ok(values))
        }
        // What our `pcall` throws again leaves this way.
        (Err(error), None) => Ok(Err(describe(lua, &Value::Error(Box::new(error)), Vec::new()))),
    }
}
