use std::cell::RefCell;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use mlua::chunk::ChunkMode;
use mlua::{Function, Lua, LuaOptions, StdLib, Table, Value};

use super::wording::{hint, reworded};
use super::{account, action, daemon, fetch, mailbox, process, sought};
use crate::engine::{Account, Event, Run};
use crate::error::{Class, Error, ErrorKind, Result, visible};
use crate::lua::{
    Exit, Failures, Outcome, Script, caught, chunk, describe, install_errors, raise, to_its_end, watch,
};

/// What the command line says of a run beside the configuration itself.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where certificates are found of authorities to trust, and those that the user has accepted.
    pub truststore: Option<PathBuf>,
    /// A file with certificates that are trusted as well.
    pub certificates: Option<PathBuf>,
    /// Where the process's number is written.
    pub pid: Option<PathBuf>,
    /// Where errors are written as well.
    pub log: Option<PathBuf>,
    /// The configuration is not run but written down as a script of ours.
    pub convert: bool,
    /// Lines from standard input are run after the configuration.
    pub interactive: bool,
}

impl Settings {
    /// Writes the process's number, where it is wanted.
    pub fn write_pid(&self) -> io::Result<()> {
        self.pid.as_ref().map_or(Ok(()), |path| fs::write(path, format!("{}\n", std::process::id())))
    }

    /// Writes an error down, where that is wanted.
    pub fn note(&self, text: &str) -> io::Result<()> {
        let Some(path) = &self.log else { return Ok(()) };
        let mut file = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        writeln!(file, "{} {}", jiff::ZonedDateTime::now().strftime("%F %T"), visible(text))
    }
}

/// All accounts of the run that have been connected.
#[derive(Debug, Default)]
pub(super) struct Connected(pub(super) RefCell<Vec<Account>>);

/// The parts of the interface, in the order in which they are loaded.
const PARTS: [(&str, &str); 10] = [
    ("core", include_str!("core.lua")),
    ("options", include_str!("options.lua")),
    ("set", include_str!("set.lua")),
    ("search", include_str!("search.lua")),
    ("action", include_str!("action.lua")),
    ("message", include_str!("message.lua")),
    ("account", include_str!("account.lua")),
    ("auxiliary", include_str!("auxiliary.lua")),
    ("query", include_str!("query.lua")),
    ("convert", include_str!("convert.lua")),
];

/// Runs a configuration to its end, and logs every account out.
pub fn run(run: &Run, settings: &Settings, script: &Script) -> mlua::Result<Outcome> {
    let lua = state();
    lua.set_app_data(Failures::default());
    lua.set_app_data(Connected::default());
    lua.set_app_data(run.clone());
    lua.set_app_data(settings.clone());
    install_errors(&lua)?;
    watch(&lua, run)?;
    let xpcall: Function = lua.globals().raw_get("xpcall")?;
    let native = native(&lua, run, settings)?;
    let own = lua.create_table()?;
    for (name, source) in PARTS {
        let part = lua.load(source).set_name(format!("=[{name}]")).set_mode(ChunkMode::Text);
        part.call::<()>((&native, &own))?;
    }
    let loaded = chunk(&script.source).and_then(|source| {
        let chunk = lua.load(source).set_name(chunk_name(&script.name)).set_mode(ChunkMode::Text);
        chunk.into_function().map_err(|error| describe(&lua, &Value::Error(Box::new(error)), Vec::new()))
    });
    let failure = match loaded {
        Ok(main) => {
            let main: Function =
                own.get::<Function>("main")?.call((main, settings.interactive, settings.convert))?;
            to_its_end(&lua, &xpcall, main, Vec::new())?.err()
        }
        Err(failure) => Some(failure),
    };
    if let Some(connected) = lua.app_data_ref::<Connected>() {
        connected.0.borrow().iter().for_each(Account::log_out);
    }
    let caught = lua.app_data_ref::<Failures>().map(|failures| failures.open()).unwrap_or_default();
    Ok(Outcome { failure, caught })
}

/// Makes the name of a chunk such that errors show it as imapfilter does.
fn chunk_name(name: &str) -> String {
    if name == "<command line>" { format!("={name}") } else { format!("@{name}") }
}

/// Makes a state with the whole standard library, as configurations have it with imapfilter.
#[expect(
    unsafe_code,
    reason = "configurations use `debug`, which mlua gives only so; C modules are refused in core.lua"
)]
fn state() -> Lua {
    // SAFETY: configurations are trusted code, as the manual says. Nothing here relies on what `debug` can break.
    unsafe { Lua::unsafe_new_with(StdLib::ALL, LuaOptions::default()) }
}

/// Makes the table of what the Lua parts call.
fn native(lua: &Lua, run: &Run, settings: &Settings) -> mlua::Result<Table> {
    let native = lua.create_table()?;
    native.raw_set("caught", lua.create_function(|lua, value: Value| caught(lua, value))?)?;
    native.raw_set(
        "exit",
        lua.create_function(|_, code: i64| -> mlua::Result<()> {
            Err(mlua::Error::external(Exit(u8::try_from(code & 0xff).unwrap_or(1))))
        })?,
    )?;
    let of = run.clone();
    native.raw_set(
        "warn",
        lua.create_function(move |_, text: mlua::LuaString| {
            of.world.tell(Event::Warning(text.to_string_lossy()));
            Ok(())
        })?,
    )?;
    native.raw_set("dryrun", run.overlay.is_some())?;
    account::install(lua, &native, run, settings)?;
    mailbox::install(lua, &native)?;
    sought::install(lua, &native)?;
    action::install(lua, &native)?;
    fetch::install(lua, &native)?;
    process::install(lua, &native, run)?;
    daemon::install(lua, &native, run, settings)?;
    Ok(native)
}

/// Throws an error of ours. Trouble with TLS ends the run, as it does with imapfilter.
pub(super) fn thrown<T>(lua: &Lua, result: Result<T>) -> mlua::Result<T> {
    result.map_err(|error| {
        if !matches!(*error.kind, ErrorKind::Tls { .. }) {
            return raise(lua, reworded(error), None);
        }
        tell(lua, &error);
        if let (Some(run), Some(hint)) = (lua.app_data_ref::<Run>(), hint(&error.kind)) {
            run.world.tell(Event::Log("hint", hint.to_owned()));
        }
        mlua::Error::external(Exit(TLS))
    })
}

/// The exit code of imapfilter's where TLS can't be set up.
const TLS: u8 = 5;

/// Tells of what a server refused, where imapfilter goes on; throws any other error.
pub(super) fn soft<T>(lua: &Lua, result: Result<T>) -> mlua::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(*error.kind, ErrorKind::UidValidityChanged { .. }) => thrown(lua, Err(error)),
        Err(error) if matches!(error.kind.class(), Class::Refused | Class::Script) => {
            tell(lua, &error);
            Ok(None)
        }
        Err(error) => thrown(lua, Err(error)),
    }
}

fn tell(lua: &Lua, error: &Error) {
    let Some(run) = lua.app_data_ref::<Run>() else { return };
    let place = match (&error.account, &error.mailbox) {
        (Some(account), Some(mailbox)) => format!("{account}, {mailbox}: "),
        (Some(account), None) => format!("{account}: "),
        _ => String::new(),
    };
    let text = format!("{place}{error}");
    if let Some(settings) = lua.app_data_ref::<Settings>() {
        // Who reads the terminal has it anyway.
        let _ = settings.note(&text);
    }
    run.world.tell(Event::Log("error", text));
}
