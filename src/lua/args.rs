use std::collections::VecDeque;
use std::time::Duration;

use mlua::{Function, MultiValue, Table, UserDataRef, Value};

use super::literal;
use crate::engine::{Literal, NameSpec};
use crate::error::{Error, Result};

/// The arguments of one call from Lua, taken one after the other; each error names the function.
#[derive(Debug)]
pub(super) struct Args {
    function: &'static str,
    values: VecDeque<Value>,
}

impl Args {
    pub(super) fn new(function: &'static str, values: MultiValue) -> Self {
        Self { function, values: values.into_iter().collect() }
    }

    /// Takes the object that a method is called on.
    pub(super) fn this<T: 'static>(&mut self) -> Result<UserDataRef<T>> {
        let this = self.values.pop_front();
        let this = this.as_ref().and_then(Value::as_userdata).and_then(|data| data.borrow::<T>().ok());
        this.ok_or_else(|| {
            let what = format!("`{}` was called without its object", self.function);
            Error::script(what, format!("write a colon, not a dot: `object:{}(…)`", self.function))
        })
    }

    /// Takes the next argument; nil where there is none.
    pub(super) fn value(&mut self) -> Value {
        self.values.pop_front().unwrap_or(Value::Nil)
    }

    /// Tells whether the next argument is absent or nil.
    pub(super) fn is_nil(&self) -> bool {
        self.values.front().is_none_or(Value::is_nil)
    }

    /// Makes the error for an argument of the wrong type.
    pub(super) fn wrong(&self, wanted: &str, value: &Value) -> Error {
        let got = match value {
            Value::Nil => "nothing".to_owned(),
            Value::String(text) => format!("\"{}\"", crate::error::visible(&text.to_string_lossy())),
            Value::Integer(number) => number.to_string(),
            value => a_type(value),
        };
        Error::script(format!("`{}` wants {wanted} but got {got}", self.function), "")
    }

    /// Takes text, which must be UTF-8.
    pub(super) fn text(&mut self, wanted: &str) -> Result<String> {
        match self.value() {
            Value::String(text) => match text.to_str() {
                Ok(text) => Ok(text.to_owned()),
                Err(_) => Err(Error::script(
                    format!("`{}` got {wanted} that is not UTF-8", self.function),
                    "save the script as UTF-8",
                )),
            },
            value => Err(self.wrong(wanted, &value)),
        }
    }

    /// Takes a number of seconds.
    pub(super) fn seconds(&mut self) -> Result<Duration> {
        let value = self.value();
        let whole = || value.as_i64().map(|seconds| f64::from(i32::try_from(seconds).unwrap_or(i32::MAX)));
        let time =
            value.as_f64().or_else(whole).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        time.ok_or_else(|| self.wrong("a number of seconds", &value))
    }

    /// Takes bytes.
    pub(super) fn bytes(&mut self, wanted: &str) -> Result<Vec<u8>> {
        match self.value() {
            Value::String(text) => Ok(text.as_bytes().to_vec()),
            value => Err(self.wrong(wanted, &value)),
        }
    }

    /// Takes a table.
    pub(super) fn table(&mut self, wanted: &str) -> Result<Table> {
        match self.value() {
            Value::Table(table) => Ok(table),
            value => Err(self.wrong(wanted, &value)),
        }
    }

    /// Takes a query, and the functions in it.
    pub(super) fn query(&mut self) -> Result<(Literal, Vec<Function>)> {
        let mut functions = Vec::new();
        let literal = literal::with_functions(&self.value(), &mut functions)?;
        Ok((literal, functions))
    }

    /// Takes a mailbox's name: text, or `{ raw = "…" }`.
    pub(super) fn mailbox(&mut self) -> Result<NameSpec> {
        let value = self.value();
        self.mailbox_from(&value)
    }

    /// Reads a mailbox's name of a value.
    pub(super) fn mailbox_from(&self, value: &Value) -> Result<NameSpec> {
        match value {
            Value::String(text) => match text.to_str() {
                Ok(name) => Ok(NameSpec::Script(name.to_owned())),
                Err(_) => Err(Error::script(
                    format!("`{}` got a mailbox name that is not UTF-8", self.function),
                    "`{ raw = … }` takes the bytes that the server has",
                )),
            },
            Value::Table(table) => match table.raw_get::<Value>("raw") {
                Ok(Value::String(raw)) => Ok(NameSpec::Raw(raw.as_bytes().to_vec())),
                _ => Err(self.wrong("a mailbox name, or `{ raw = \"…\" }`,", value)),
            },
            value => Err(self.wrong("a mailbox name", value)),
        }
    }

    /// Refuses arguments that are left.
    pub(super) fn done(self) -> Result<()> {
        self.at_most(0)
    }

    /// Refuses more than so many arguments.
    pub(super) fn at_most(&self, most: usize) -> Result<()> {
        match self.values.iter().skip(most).find(|value| !value.is_nil()) {
            None => Ok(()),
            Some(value) => {
                Err(Error::script(format!("`{}` got {} too many", self.function, a_type(value)), ""))
            }
        }
    }
}

/// Names a value's type with its article; `nothing` for nil.
pub(super) fn a_type(value: &Value) -> String {
    match value.type_name() {
        "nil" => "nothing".to_owned(),
        name if name.starts_with(['a', 'e', 'i', 'o']) => format!("an {name}"),
        name => format!("a {name}"),
    }
}
