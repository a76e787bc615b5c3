use std::collections::BTreeMap;
use std::sync::Arc;

use mlua::{Function, IntoLua, Lua, MetaMethod, UserDataMethods, Value};

use super::bind::{field, method, register};
use super::report::ReportValue;
use crate::engine::Report;
use crate::error::{Class, Error, ErrorKind, visible};

/// An error on its way through Lua.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub(super) struct Raised {
    error: Arc<Error>,
    report: Option<Arc<Report>>,
    /// Its number among the failures of the run.
    number: usize,
    /// Where it was thrown, if it has left the coroutine in which that was.
    places: Vec<Place>,
}

/// `os.exit` on its way through Lua. Nothing catches it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the script ended itself with code {0}")]
pub(crate) struct Exit(pub(crate) u8);

/// A failure that a script caught, as the end of the run sees it.
#[derive(Clone, Debug)]
pub struct Caught {
    /// What it means for the run.
    pub class: Class,
    /// What happened, in one line.
    pub message: String,
    /// How it came that the script did not end by it.
    pub how: How,
}

/// How it comes that a failure did not end a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The script caught it.
    Caught,
    /// It was never thrown, but must not go unheard.
    Held,
    /// Another one ended the script that happened beside it.
    Beside,
}

/// The failures of a run that nothing came of yet, by their numbers. The script must say `err:ignore()` of one that it
/// does not mind.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    open: BTreeMap<usize, Caught>,
    count: usize,
}

impl Failures {
    pub(super) fn add(&mut self, class: Class, message: String, how: How) -> usize {
        self.count += 1;
        self.open.insert(self.count, Caught { class, message, how });
        self.count
    }

    fn settle(&mut self, number: usize) {
        self.open.remove(&number);
    }

    /// Gives those that were caught and not ignored.
    pub(crate) fn open(&self) -> Vec<Caught> {
        self.open.values().cloned().collect()
    }
}

/// A place in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the script was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// Why a script ended before its end.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What it means for the run.
    pub class: Class,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where in the script it happened: the innermost place first.
    pub places: Vec<Place>,
    /// The account, mailbox and command it concerns.
    pub context: Vec<(&'static str, String)>,
    /// The script called `os.exit` with this code.
    pub exit: Option<u8>,
}

/// Makes an error ready to be thrown, and notes it as a failure of the run.
pub(crate) fn raise(lua: &Lua, error: Error, report: Option<Report>) -> mlua::Error {
    let number = lua
        .app_data_mut::<Failures>()
        .map_or(0, |mut failures| failures.add(error.kind.class(), error.to_string(), How::Caught));
    let places = Vec::new();
    mlua::Error::external(Raised { error: Arc::new(error), report: report.map(Arc::new), number, places })
}

/// Notes what is no reason to stop the script, but must end the run with an exit code of its own.
pub(crate) fn hold(lua: &Lua, message: String) {
    if let Some(mut failures) = lua.app_data_mut::<Failures>() {
        failures.add(Class::Partial, message, How::Held);
    }
}

/// Notes an error that is not thrown, because another one will be.
pub(super) fn also(lua: &Lua, thrown: &Value) {
    // Our own errors were noted when they were made.
    let Value::String(text) = thrown else { return };
    if let Some(mut failures) = lua.app_data_mut::<Failures>() {
        let message = text.to_string_lossy();
        failures.add(Class::Script, message, How::Held);
    }
}

/// Makes the functions for those who call functions of a script's and go on where these fail: one that takes what was
/// thrown with its places, and one that tells whether it ends the run.
pub(super) fn noting(lua: &Lua) -> mlua::Result<(Function, Function)> {
    Ok((
        lua.create_function(|lua, thrown: Value| Ok(with_places(lua, thrown)))?,
        lua.create_function(|_, thrown: Value| Ok(ends_run(&thrown)))?,
    ))
}

/// Takes what a coroutine threw with the places in the script it came through there.
fn with_places(lua: &Lua, thrown: Value) -> Value {
    let Some(raised) = raised(&thrown).filter(|raised| raised.places.is_empty()) else { return thrown };
    Value::Error(Box::new(mlua::Error::external(Raised { places: places(lua), ..raised })))
}

/// Tells whether what was thrown ends the run, and is not to be caught.
fn ends_run(thrown: &Value) -> bool {
    let exits = matches!(thrown, Value::Error(error) if find::<Exit>(error).is_some());
    exits || raised(thrown).is_some_and(|raised| matches!(*raised.error.kind, ErrorKind::Interrupted))
}

/// Gives what kind of failure was thrown.
pub(super) fn class(thrown: &Value) -> Class {
    raised(thrown).map_or(Class::Script, |raised| raised.error.kind.class())
}

/// Tells of an action that was done in part whether all that is left of it is in doubt, and nothing failed.
pub(super) fn leaves_doubt_only(thrown: &Value) -> bool {
    raised(thrown).and_then(|raised| raised.report).is_some_and(|report| report.failed.is_empty())
}

/// Notes that what was thrown happened beside something that ends the script. What ends the run is said once.
pub(super) fn set_aside(lua: &Lua, thrown: &Value) {
    let Some(mut failures) = lua.app_data_mut::<Failures>() else { return };
    match raised(thrown) {
        Some(raised) if ends_run(thrown) => failures.settle(raised.number),
        Some(raised) => {
            if let Some(caught) = failures.open.get_mut(&raised.number) {
                caught.how = How::Beside;
            }
        }
        None if ends_run(thrown) => {}
        None => {
            failures.add(Class::Script, describe_plainly(thrown), How::Beside);
        }
    }
}

/// Finds our own error in what was thrown.
fn raised(thrown: &Value) -> Option<Raised> {
    match thrown {
        Value::Error(error) => find(error),
        Value::UserData(data) => data.borrow::<ErrorValue>().ok().map(|value| value.0.clone()),
        _ => None,
    }
}

/// Gives the text of what Lua or a script threw.
fn describe_plainly(thrown: &Value) -> String {
    match thrown {
        Value::Error(error) => {
            let text = error.to_string();
            let text = text.split("\nstack traceback:").next().unwrap_or_default();
            text.trim_start_matches("runtime error: ").to_owned()
        }
        value => value.to_string().unwrap_or_else(|_| "the script threw a value that is no error".to_owned()),
    }
}

/// Finds our own error beneath what mlua wraps around it.
fn find<T: std::error::Error + Clone + 'static>(error: &mlua::Error) -> Option<T> {
    error.chain().find_map(|link| link.downcast_ref::<T>().cloned())
}

/// Tells whether a call failed because the run has no permission for it.
pub(super) fn is_forbidden(error: &mlua::Error) -> bool {
    find::<Raised>(error).is_some_and(|raised| matches!(*raised.error.kind, ErrorKind::Forbidden { .. }))
}

/// Makes a value of what a `pcall` caught: errors of ours become an error value, Lua's own stay what they
/// are. An interrupt and `os.exit` are not caught, but thrown again.
pub(crate) fn caught(lua: &Lua, value: Value) -> mlua::Result<Value> {
    let Value::Error(error) = value else { return Ok(value) };
    if find::<Exit>(&error).is_some() {
        return Err(*error);
    }
    match find::<Raised>(&error) {
        Some(raised) if matches!(*raised.error.kind, ErrorKind::Interrupted) => Err(*error),
        Some(raised) => ErrorValue(raised).into_lua(lua),
        None => Ok(Value::String(lua.create_string(describe_plainly(&Value::Error(error)))?)),
    }
}

/// Describes what nobody caught, with the places in the script it came through.
pub(crate) fn describe(lua: &Lua, value: &Value, places: Vec<Place>) -> Failure {
    let plain = |message: String, places| Failure {
        class: Class::Script,
        message,
        hint: None,
        places,
        context: Vec::new(),
        exit: None,
    };
    let raised = match value {
        Value::Error(error) => match (find::<Exit>(error), find::<Raised>(error)) {
            (Some(Exit(code)), _) => return Failure { exit: Some(code), ..plain(String::new(), places) },
            (None, Some(raised)) => raised,
            (None, None) => return from_text(&error.to_string(), places, plain),
        },
        Value::UserData(data) => match data.borrow::<ErrorValue>() {
            Ok(value) => value.0.clone(),
            Err(_) => return plain("the script threw a value that is no error".to_owned(), places),
        },
        Value::String(text) => return from_text(&text.to_string_lossy(), places, plain),
        Value::Integer(_) | Value::Number(_) => return plain(value.to_string().unwrap_or_default(), places),
        value => return plain(format!("the script threw a {}", value.type_name()), places),
    };
    if let Some(mut failures) = lua.app_data_mut::<Failures>() {
        failures.settle(raised.number);
    }
    let places = raised.places.iter().cloned().chain(places).collect();
    let error = &raised.error;
    let mut context = Vec::new();
    for (name, value) in
        [("account", &error.account), ("mailbox", &error.mailbox), ("command", &error.command)]
    {
        if let Some(value) = value {
            context.push((name, value.clone()));
        }
    }
    Failure {
        class: error.kind.class(),
        message: error.to_string(),
        hint: error.kind.hint().filter(|hint| !hint.is_empty()),
        places,
        context,
        exit: None,
    }
}

/// Takes Lua's own errors, whose text begins with the place.
fn from_text(text: &str, places: Vec<Place>, plain: impl Fn(String, Vec<Place>) -> Failure) -> Failure {
    let text = text.split("\nstack traceback:").next().unwrap_or_default();
    let text = text.trim_start_matches("runtime error: ").trim_start_matches("syntax error: ");
    match split_place(text) {
        Some((place, mut message)) => {
            // `coroutine.wrap` puts the place before it once more.
            while let Some((again, rest)) = split_place(message)
                && again.file == place.file
            {
                message = rest;
            }
            // Chunks of our own are called `[account]`: where they were called from says more.
            let mut all = if is_own(&place.file) { Vec::new() } else { vec![place] };
            all.extend(places);
            all.dedup();
            plain(without_strings(message), all)
        }
        None => plain(text.to_owned(), places),
    }
}

/// Tells whether a chunk's name is one that only this program gives.
fn is_own(name: &str) -> bool {
    let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    inner.is_some_and(|inner| !inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// Leaves the string out that Lua could not make sense of: it may be a password.
fn without_strings(message: &str) -> String {
    match message.split_once(" near '") {
        Some((what, token)) if token.starts_with(['"', '\'', '[']) => what.to_owned(),
        _ => message.to_owned(),
    }
}

/// Gives the places in scripts that led here, the innermost first.
pub(super) fn places(lua: &Lua) -> Vec<Place> {
    let mut places = Vec::new();
    for level in 0..200 {
        let place = lua.inspect_stack(level, |frame| {
            let source = frame.source();
            let file = source.source.as_deref()?.strip_prefix('@')?.to_owned();
            Some(Place { file, line: frame.current_line()? })
        });
        match place {
            None => break,
            Some(place) => places.extend(place),
        }
    }
    places
}

/// Makes an error of what a function of the script's threw, that names the message it was called for.
pub(super) fn blame(lua: &Lua, thrown: Value, message: &str, rule: Option<&str>) -> Value {
    let function = match rule {
        Some(rule) => format!("rule `{}`", visible(rule)),
        None => "the function".to_owned(),
    };
    let place = |text: String| match places(lua).first() {
        Some(place) => format!("{}:{}: {text}", place.file, place.line),
        None => text,
    };
    let (cause, class, report) = match &thrown {
        Value::String(text) => (text.to_string_lossy(), Class::Script, None),
        Value::UserData(data) => match data.borrow::<ErrorValue>() {
            Ok(value) if !matches!(*value.0.error.kind, ErrorKind::Function { .. }) => {
                let raised = &value.0;
                if let Some(mut failures) = lua.app_data_mut::<Failures>() {
                    failures.settle(raised.number);
                }
                (place(raised.error.to_string()), raised.error.kind.class(), raised.report.clone())
            }
            _ => return thrown,
        },
        _ => return thrown,
    };
    let kind = ErrorKind::Function { function, message: message.to_owned(), cause, class };
    let error = raise(lua, kind.into(), report.map(|report| (*report).clone()));
    // What the script threw itself is its own business if it catches it.
    if let (Value::String(_), Some(raised)) = (&thrown, find::<Raised>(&error))
        && let Some(mut failures) = lua.app_data_mut::<Failures>()
    {
        failures.settle(raised.number);
    }
    Value::Error(Box::new(error))
}

/// Splits `file:12: message`.
pub(super) fn split_place(text: &str) -> Option<(Place, &str)> {
    for (at, _) in text.match_indices(':') {
        let (file, rest) = (text.get(..at)?, text.get(at + 1..)?);
        if let Some((line, message)) = rest.split_once(": ")
            && let Ok(line) = line.parse()
        {
            return Some((Place { file: file.to_owned(), line }, message));
        }
    }
    None
}

/// An error as a script sees it after `pcall`.
#[derive(Debug)]
pub(super) struct ErrorValue(Raised);

super::bind::handle!(ErrorValue);

/// Registers the type.
pub(crate) fn install(lua: &Lua) -> mlua::Result<()> {
    register(lua, |lua, to| {
        field(lua, to, "kind", |_, this: &ErrorValue| Ok(this.0.error.kind.name()));
        field(lua, to, "message", |_, this| Ok(this.0.error.to_string()));
        field(lua, to, "hint", |_, this| Ok(this.0.error.kind.hint()));
        field(lua, to, "account", |_, this| Ok(this.0.error.account.clone()));
        field(lua, to, "mailbox", |_, this| Ok(this.0.error.mailbox.clone()));
        field(lua, to, "command", |_, this| Ok(this.0.error.command.clone()));
        field(lua, to, "report", |_, this| {
            Ok(this.0.report.as_ref().map(|report| ReportValue::bare((**report).clone())))
        });
        method(lua, to, "ignore", |lua, this: &ErrorValue, _| {
            if let Some(mut failures) = lua.app_data_mut::<Failures>() {
                failures.settle(this.0.number);
            }
            Ok(())
        })?;
        to.add_meta_method(MetaMethod::ToString, |_, this, ()| Ok(this.0.error.to_string()));
        Ok(())
    })
}
