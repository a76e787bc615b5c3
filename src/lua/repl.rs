use std::cell::RefCell;
use std::collections::HashMap;

use mlua::{Function, Lua, Table, Value};

use super::account::AccountValue;
use super::address::AddressValue;
use super::declared::Declared;
use super::failure::{ErrorValue, Failure, Place, describe};
use super::login::Accounts;
use super::mailbox::MailboxValue;
use super::message::MessageValue;
use super::report::ReportValue;
use super::selection::SelectionValue;
use super::vm::{Script, Vm};
use crate::engine::Run;

/// What errors call a line.
const NAME: &str = "repl";

/// A Lua state that is asked line by line, and completes them.
pub struct Repl {
    vm: Vm,
    show: Function,
    pub(super) run: Run,
    pub(super) declared: Declared,
    /// The names of the mailboxes of accounts, as their servers gave them once.
    pub(super) mailboxes: RefCell<HashMap<String, Vec<String>>>,
}

impl std::fmt::Debug for Repl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repl").finish_non_exhaustive()
    }
}

/// What a line gave.
#[derive(Debug)]
pub enum Answer {
    /// What it is worth, line by line.
    Done {
        /** The lines. */
        lines: Vec<String>,
        /** They are nothing but reports of actions, of which the user was told when they ended. */
        reports: bool,
    },
    /// Why it failed.
    Failed(Box<Failure>),
}

impl Repl {
    /// Makes one with everything that scripts have.
    pub fn new(run: &Run) -> mlua::Result<Self> {
        let vm = Vm::new(run)?;
        let script = Self::script("");
        vm.prepare(&Script { directory: Some(".".to_owned()), ..script })?;
        let class_of = vm.lua().create_function(|_, value: Value| Ok(class_of(&value)))?;
        let show = vm.lua().load(include_str!("repl.lua")).set_name("=[imapscript]").call(class_of)?;
        let (run, declared) = (run.clone(), Declared::read());
        Ok(Self { vm, show, run, declared, mailboxes: RefCell::default() })
    }

    /// Gives a line as a script, for its errors.
    pub fn script(line: &str) -> Script {
        let (name, source) = (NAME.to_owned(), line.as_bytes().to_vec());
        Script { name, source, arguments: Vec::new(), directory: None }
    }

    pub(super) fn lua(&self) -> &Lua {
        self.vm.lua()
    }

    pub(super) fn registered(&self) -> Vec<String> {
        self.vm.registered()
    }

    /// Tells whether what was written so far needs another line.
    pub fn is_incomplete(&self, text: &str) -> bool {
        matches!(self.compile(text), Err(mlua::Error::SyntaxError { incomplete_input: true, .. }))
    }

    /// Compiles an expression, or else statements. A line is a whole of its own, so what it declares `local` would be gone
    /// at its end: at its beginning the word is left out.
    fn compile(&self, text: &str) -> mlua::Result<Function> {
        let compiled = |source: String| {
            let chunk = self.lua().load(source).set_name(format!("@{NAME}"));
            chunk.set_mode(mlua::chunk::ChunkMode::Text).into_function()
        };
        if let Ok(expression) = compiled(format!("return {text}")) {
            return Ok(expression);
        }
        if let Some(rest) = text.trim_start().strip_prefix("local ")
            && let Ok(statements) = compiled(rest.to_owned())
        {
            return Ok(statements);
        }
        compiled(text.to_owned())
    }

    /// Does what a line says.
    pub fn answer(&self, text: &str) -> mlua::Result<Answer> {
        let failed = |failure| Ok(Answer::Failed(Box::new(failure)));
        let main = match self.compile(text) {
            Ok(main) => main,
            Err(error) => {
                return failed(describe(self.lua(), &Value::Error(Box::new(error)), Vec::new()));
            }
        };
        let ended = self.vm.call(self.show.call(main)?)?;
        let mut values = match ended {
            Ok(values) => values,
            Err(mut failure) => {
                // What a line calls last takes its place, and then knows no line.
                if failure.places.is_empty() {
                    failure.places.push(Place { file: NAME.to_owned(), line: 1 });
                }
                return failed(failure);
            }
        };
        let reports = matches!(values.pop_front(), Some(Value::Boolean(true)));
        let lines = match values.pop_front() {
            Some(Value::Table(lines)) => lines,
            _ => self.lua().create_table()?,
        };
        let text = |line: mlua::Result<mlua::LuaString>| line.map(|line| line.to_string_lossy());
        let lines = lines.sequence_values().map(text).collect::<mlua::Result<_>>()?;
        Ok(Answer::Done { lines, reports })
    }

    /// Waits, after an interrupt, until nothing of what was begun is at work any more.
    pub fn come_to_rest(&self) {
        if let Some(accounts) = self.lua().app_data_ref::<Accounts>() {
            accounts.all.iter().for_each(crate::engine::Account::come_to_rest);
        }
    }

    /// Logs every account out.
    pub fn log_out(&self) {
        self.vm.log_out();
    }
}

/// Gives what scripts know a value's type as.
pub(super) fn class_of(value: &Value) -> Option<&'static str> {
    let data = value.as_userdata()?;
    Some(match () {
        () if data.is::<AccountValue>() => "Account",
        () if data.is::<MailboxValue>() => "Mailbox",
        () if data.is::<SelectionValue>() => "Selection",
        () if data.is::<MessageValue>() => "Message",
        () if data.is::<ReportValue>() => "Report",
        () if data.is::<AddressValue>() => "Address",
        () if data.is::<ErrorValue>() => "Error",
        () => return None,
    })
}

/// Gives the names that a table has.
pub(super) fn names(table: &Table) -> Vec<String> {
    table
        .pairs::<Value, Value>()
        .flatten()
        .filter_map(|(key, _)| Some(key.as_string()?.to_string_lossy()))
        .collect()
}
