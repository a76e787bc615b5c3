//! Values that stand for what is only known when a script runs: of the right type, and such that nothing is wrong
//! with them.

use std::rc::Rc;
use std::sync::Arc;

use mlua::{Function, Lua, MultiValue, ObjectLike as _, Table, Value};

use crate::engine::{
    Account, NameSpec, Permissions, Query, Run, Selection, SelectionSet, State, Wait, World,
};
use crate::lua::Failure;
use crate::lua::account::AccountValue;
use crate::lua::bind::Checking;
use crate::lua::declared::{Class, Declared, Type};
use crate::lua::failure::{describe, is_forbidden};
use crate::lua::mailbox::MailboxValue;
use crate::lua::selection::SelectionValue;
use crate::lua::vm::Vm;
use crate::mail::{MailboxName, UidSet};

/// What is known of an expression's value.
#[derive(Clone, Debug)]
pub(super) struct Guess {
    pub(super) kind: Type,
    /// The value, or one that stands for it.
    pub(super) value: Option<Value>,
    /// The entries of a table that is written out.
    pub(super) table: Option<Rc<Entries>>,
    /// Something is wrong with it, which was found already; or too little is known of it.
    pub(super) bad: bool,
}

impl Guess {
    pub(super) fn of(kind: Type) -> Self {
        Self { kind, value: None, table: None, bad: false }
    }

    pub(super) fn unknown() -> Self {
        Self::of(Type::Unknown)
    }
}

/// The entries of a table that is written out.
#[derive(Debug)]
pub(super) struct Entries {
    pub(super) list: Vec<Entry>,
    /// It has entries that only the run knows.
    pub(super) open: bool,
    pub(super) line: usize,
}

/// One entry: its name, or its number.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Result<String, usize>,
    pub(super) guess: Guess,
    pub(super) line: usize,
}

/// The Lua state in which values are tried: everything is checked in it, and nothing is done.
pub(super) struct Samples {
    pub(super) lua: Lua,
    pub(super) run: Run,
    pub(super) registered: Vec<String>,
    account: Value,
    mailbox: Value,
    selection: Value,
    pattern: Value,
    secret: Value,
    pub(super) nothing: Function,
}

impl Samples {
    pub(super) fn new(world: Arc<dyn World>) -> mlua::Result<Self> {
        let state = State::new(Err("nothing is changed by a check".to_owned()), String::new(), Wait::No);
        // It may not even read: no job of it ever reaches a server.
        let permissions = Arc::new(Permissions::only([]));
        let run = Run { permissions, ..Run::new(crate::imap::Context::default(), world, state) };
        let vm = Vm::new(&run)?;
        let (registered, lua) = (vm.registered(), vm.lua().clone());
        lua.set_app_data(Checking);
        let eval = |code: &str| lua.load(code).set_name("=[imapscript]").eval::<Value>();
        let account: Value =
            eval("return login { host = 'check.invalid', user = 'check', password = 'none' }")?;
        let (pattern, secret) = (eval("return regex 'x'")?, eval("return secret.env 'X'")?);
        let inner = account
            .as_userdata()
            .and_then(|data| data.borrow::<AccountValue>().ok().map(|account| account.account().clone()));
        let inner: Account = inner.ok_or_else(|| mlua::Error::runtime("no account to try things on"))?;
        let spec = NameSpec::Script("INBOX".to_owned());
        let selection = Selection {
            account: inner.clone(),
            spec: spec.clone(),
            shown: "INBOX".to_owned(),
            name: MailboxName::inbox(),
            validity: None,
            exists: None,
            uids: UidSet::new(),
            query: Query::everything(),
            rule: None,
            read_only: false,
        };
        let selection = SelectionValue::new(SelectionSet::from(selection));
        let mailbox = MailboxValue::new(inner, spec, None);
        let wrap = |value: mlua::Result<mlua::AnyUserData>| value.map(Value::UserData);
        Ok(Self {
            mailbox: wrap(lua.create_any_userdata(mailbox))?,
            selection: wrap(lua.create_any_userdata(selection))?,
            nothing: lua.create_function(|_, ()| Ok(()))?,
            lua,
            run,
            registered,
            account,
            pattern,
            secret,
        })
    }

    /// Gives a value of a class.
    pub(super) fn of_class(&self, class: &str) -> Option<Value> {
        match class {
            "Account" => Some(self.account.clone()),
            "Mailbox" => Some(self.mailbox.clone()),
            "Selection" => Some(self.selection.clone()),
            "Pattern" => Some(self.pattern.clone()),
            "Secret" => Some(self.secret.clone()),
            _ => None,
        }
    }

    fn text(&self, text: &str) -> Option<Value> {
        self.lua.create_string(text).ok().map(Value::String)
    }

    /// Gives a value that a key takes.
    fn of_key(&self, declared: &Declared, key: &str, of: &Type) -> Option<Value> {
        let seen = || {
            let table = self.lua.create_table().ok()?;
            table.raw_set("seen", true).ok()?;
            Some(Value::Table(table))
        };
        match key {
            "older_than" | "newer_than" => self.text("1d"),
            "before" | "on" | "since" | "sent_before" | "sent_on" | "sent_since" => self.text("2024-02-29"),
            "date" => self.text("2024-02-29T10:00:00+01:00"),
            "larger_than" | "smaller_than" => self.text("1MB"),
            "raw" => self.text("ALL"),
            "pin" => self.text(&format!("sha256:{}", "00".repeat(32))),
            "proxy" => self.text("socks5://127.0.0.1:1080"),
            key if key.ends_with("_url") => self.text("https://check.invalid/"),
            "any" | "all" => self.lua.create_sequence_from([seen()?]).ok().map(Value::Table),
            "except" | "where" => seen(),
            _ => self.of_type(declared, of),
        }
    }

    fn of_type(&self, declared: &Declared, of: &Type) -> Option<Value> {
        let all = declared.alternatives(of);
        let first = |wanted: &Type| all.contains(wanted);
        let word = all.iter().find_map(|each| match each {
            Type::Word(word) => Some(word),
            _ => None,
        });
        if let Some(word) = word {
            self.text(word)
        } else if first(&Type::Text) {
            self.text("1")
        } else if first(&Type::Number) {
            Some(Value::Integer(1))
        } else if first(&Type::Boolean) {
            Some(Value::Boolean(true))
        } else if all.iter().any(|each| matches!(each, Type::Function(..))) {
            Some(Value::Function(self.nothing.clone()))
        } else {
            all.iter().find_map(|each| match each {
                Type::Class(class) => self.of_class(class),
                Type::List(inner) => {
                    let one = self.of_type(declared, inner)?;
                    self.lua.create_sequence_from([one]).ok().map(Value::Table)
                }
                _ => None,
            })
        }
    }

    /// Gives what stands for a value in the place of a key, or of an argument, that takes a type.
    pub(super) fn value(&self, declared: &Declared, guess: &Guess, key: &str, of: &Type) -> Option<Value> {
        if let Some(value) = guess.value.as_ref().filter(|_| !guess.bad) {
            return Some(value.clone());
        }
        let fits = self.of_key(declared, key, of);
        let right = |value: &Value| match &guess.kind {
            Type::Text => value.is_string(),
            Type::Number => value.is_integer(),
            Type::Boolean => value.is_boolean(),
            _ => true,
        };
        match &guess.kind {
            Type::Class(class) if guess.value.is_none() => self.of_class(class).or(fits),
            Type::Function(..) => Some(Value::Function(self.nothing.clone())),
            Type::Text if !fits.as_ref().is_some_and(right) => self.text("1"),
            Type::Number if !fits.as_ref().is_some_and(right) => Some(Value::Integer(1)),
            Type::Boolean if !fits.as_ref().is_some_and(right) => Some(Value::Boolean(true)),
            _ => fits,
        }
    }

    /// Makes a table of entries, with what is known of those that `actual` names and something that fits for the
    /// others. Of those, what the class does not have is left out.
    pub(super) fn table(
        &self,
        declared: &Declared,
        entries: &Entries,
        class: Option<&Class>,
        actual: impl Fn(usize) -> bool,
    ) -> Option<Table> {
        let table = self.lua.create_table().ok()?;
        for (number, entry) in entries.list.iter().enumerate() {
            let field = class.and_then(|class| field(class, entry));
            let of = field.map_or(Type::Text, |(of, _)| of.clone());
            let name = entry.key.as_ref().map(String::as_str).unwrap_or_default();
            // Errors are read more easily with the names of rules; and what is switched off conflicts with nothing.
            let kept = match entry.guess.value {
                Some(Value::Boolean(_)) => declared.alternatives(&of).contains(&Type::Boolean),
                Some(Value::String(_)) => entry.key.is_err(),
                _ => false,
            };
            let unsaid = class.is_none() && entry.key.is_ok() && entry.guess.value.is_none();
            if unsaid || (field.is_some() && may_be_off(declared, entry, &of)) {
                continue;
            }
            let value = if actual(number) || kept {
                self.value(declared, &entry.guess, name, &of)
            } else if class.is_some() && field.is_none() {
                continue;
            } else {
                self.of_key(declared, name, &of)
            };
            match &entry.key {
                Ok(name) => table.raw_set(name.as_str(), value?).ok()?,
                Err(at) => table.raw_set(*at, value?).ok()?,
            }
        }
        Some(table)
    }

    /// Gives what a table has to have and does not.
    pub(super) fn add_missing(&self, declared: &Declared, table: &Table, class: &Class) -> Option<()> {
        for (name, (of, _)) in class.fields.iter().filter(|(_, (_, optional))| !optional) {
            let number = name.parse::<i64>().ok();
            let there: Value = match number {
                Some(number) => table.raw_get(number).ok()?,
                None => table.raw_get(name.as_str()).ok()?,
            };
            if there.is_nil() {
                let value = self.of_key(declared, name, of)?;
                match number {
                    Some(number) => table.raw_set(number, value).ok()?,
                    None => table.raw_set(name.as_str(), value).ok()?,
                }
            }
        }
        Some(())
    }

    /// Calls a function of ours, which only looks at what it is given. `Err(None)` where the failure says nothing of
    /// the script.
    pub(super) fn call(&self, function: &Function, given: Vec<Value>) -> Result<Value, Option<Failure>> {
        function.call::<Value>(MultiValue::from_iter(given)).map_err(|error| {
            if is_forbidden(&error) {
                return None;
            }
            Some(describe(&self.lua, &Value::Error(Box::new(error)), Vec::new()))
        })
    }

    /// Gives a method of a value of a class.
    pub(super) fn method(&self, class: &str, name: &str) -> Option<Function> {
        let Value::UserData(object) = self.of_class(class)? else { return None };
        object.get::<Function>(name).ok()
    }

    /// Gives the names of what a class's values have at run time; none where they are plain tables, or take any name.
    pub(super) fn members(&self, class: &str) -> Vec<String> {
        let of = |name: &String| {
            name.strip_prefix(class).and_then(|name| name.strip_prefix(['.', ':'])).map(str::to_owned)
        };
        if class == "Headers" { Vec::new() } else { self.registered.iter().filter_map(of).collect() }
    }
}

/// Gives what a class says of an entry.
pub(super) fn field<'a>(class: &'a Class, entry: &Entry) -> Option<&'a (Type, bool)> {
    match &entry.key {
        Ok(name) => class.fields.get(name),
        Err(at) => class.fields.get(&at.to_string()).or_else(|| class.fields.get("integer")),
    }
}

/// Tells whether an entry, whose value is not known, may turn something off: then it conflicts with nothing.
pub(super) fn may_be_off(declared: &Declared, entry: &Entry, of: &Type) -> bool {
    let unsure = matches!(entry.guess.kind, Type::Unknown | Type::Boolean);
    unsure && entry.guess.value.is_none() && declared.alternatives(of).contains(&Type::Boolean)
}
