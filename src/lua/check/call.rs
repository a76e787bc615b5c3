//! Calls, and what values have.

use mlua::Value;

use super::judge::failure;
use super::names::word;
use super::sample::Guess;
use super::tree::{Expr, Kind};
use super::walk::Walk;
use crate::error::{Class, Error, visible};
use crate::lua::Failure;
use crate::lua::bind::no_member;
use crate::lua::declared::Type;
use crate::lua::strict::no_global;

/// Tables of Lua's and ours whose names are all known.
const TABLES: [&str; 11] =
    ["string", "table", "math", "os", "io", "coroutine", "utf8", "json", "log", "secret", "package"];

impl Walk<'_> {
    pub(super) fn find_no_global(&mut self, line: usize, name: &str) {
        let globals = self.samples.lua.globals();
        let mut known: Vec<String> =
            globals.pairs::<String, Value>().flatten().map(|(name, _)| name).collect();
        known.extend(self.names.globals.keys().cloned());
        known.push("arg".to_owned());
        if name != "arg" {
            self.find(line, failure(&no_global(name, known)));
        }
    }

    /// Looks at `object.key` or `object[key]`.
    pub(super) fn index(&mut self, expr: &Expr, object: &Expr, key: &Expr) -> Guess {
        let word = word(key);
        if let (Kind::Name(table), Some(key)) = (&object.kind, &word)
            && TABLES.contains(&table.as_str())
            && self.is_ours(table)
        {
            return self.known_table(expr.line, table, key);
        }
        let of = self.expr(object, &Type::Unknown);
        self.expr(key, &Type::Unknown);
        match (self.declared.plain(&of.kind), word) {
            (Type::Class(class), Some(key)) => self.member(expr.line, &class, &key),
            (Type::List(of), None) => Guess::of(self.declared.plain(&of)),
            _ => Guess::unknown(),
        }
    }

    fn known_table(&mut self, line: usize, table: &str, key: &str) -> Guess {
        let there = self.samples.lua.globals().raw_get::<mlua::Table>(table);
        let Ok(there) = there else { return Guess::unknown() };
        let value = there.raw_get::<Value>(key).unwrap_or(Value::Nil);
        if value.is_nil() && !self.names.members.contains(key) && table != "package" {
            let names: Vec<String> = there.pairs::<String, Value>().flatten().map(|(name, _)| name).collect();
            let near = |name: &&String| crate::engine::query::distance(key, name);
            let hint = match names.iter().min_by_key(near) {
                Some(name) if near(&name) <= 2 => format!("did you mean `{table}.{name}`?"),
                _ => String::new(),
            };
            self.find(line, failure(&Error::script(format!("`{table}` has no `{}`", visible(key)), hint)));
        }
        match self.declared.functions.get(&format!("{table}.{key}")) {
            Some(of) if value.is_function() => Guess { value: Some(value), ..Guess::of(of.clone()) },
            _ => Guess::unknown(),
        }
    }

    /// Looks at what a value of a class has under a name.
    fn member(&mut self, line: usize, class: &str, name: &str) -> Guess {
        let Some(known) = self.declared.class(class) else { return Guess::unknown() };
        if let Some((of, _)) = known.fields.get(name) {
            return Guess::of(self.declared.plain(of));
        }
        if let Some(Type::Function(parameters, gives)) = known.methods.get(name) {
            // The object comes first where it is written as a function.
            let parameters =
                [Type::Class(class.to_owned())].into_iter().chain(parameters.iter().cloned()).collect();
            let value = self.samples.method(class, name).map(Value::Function);
            return Guess { value, ..Guess::of(Type::Function(parameters, gives.clone())) };
        }
        let members = self.samples.members(class);
        if members.is_empty() {
            return Guess::unknown();
        }
        self.find(line, failure(&no_member(class, name, &members)));
        Guess { bad: true, ..Guess::unknown() }
    }

    /// Looks at `object:name(…)`.
    pub(super) fn method(&mut self, line: usize, object: &Expr, name: &str, arguments: &[Expr]) -> Guess {
        let of = self.expr(object, &Type::Unknown);
        let plain = self.declared.plain(&of.kind);
        if let Type::Class(class) = plain {
            let callee = self.member(line, &class, name);
            if class == "Selection" && name == "purge" {
                self.purges.push(line);
            }
            return self.apply(line, callee, Some(Guess::of(Type::Class(class))), arguments);
        }
        if plain == Type::Text {
            self.known_table(line, "string", name);
        }
        // Whose method it is can't be told; but what has this name takes the same everywhere.
        let any = (plain == Type::Unknown && !self.names.members.contains(name))
            .then(|| self.declared.method_of_any(name))
            .flatten();
        let callee = match any {
            Some(Type::Function(parameters, gives)) => {
                let parameters = [Type::Unknown].into_iter().chain(parameters).collect();
                Guess::of(Type::Function(parameters, gives))
            }
            _ => Guess::unknown(),
        };
        self.apply(line, callee, Some(of), arguments);
        Guess::unknown()
    }

    /// Looks at `callee(…)`.
    pub(super) fn call(&mut self, line: usize, callee: &Expr, arguments: &[Expr]) -> Guess {
        let of = self.expr(callee, &Type::Unknown);
        let guess = self.apply(line, of, None, arguments);
        match &callee.kind {
            // What gives a function back is called when the script runs.
            Kind::Name(name) if name == "rules" => Guess { value: None, ..guess },
            Kind::Name(name) if name == "allow" && self.is_ours(name) => {
                self.allows = true;
                guess
            }
            _ => guess,
        }
    }

    /// Looks at the arguments of a call, and tries it.
    fn apply(&mut self, line: usize, callee: Guess, object: Option<Guess>, arguments: &[Expr]) -> Guess {
        let (parameters, outcome) = match callee.kind {
            Type::Function(parameters, outcome) => (parameters, *outcome),
            _ => (Vec::new(), Type::Unknown),
        };
        let before = self.found.len();
        let first = usize::from(object.is_some());
        let mut given: Vec<Guess> = object.into_iter().collect();
        for (at, argument) in arguments.iter().enumerate() {
            let of =
                parameters.get(at + first).or_else(|| parameters.last().filter(|_| first < parameters.len()));
            given.push(self.expr(argument, &of.cloned().unwrap_or(Type::Unknown)));
        }
        let is = |of: &Type, class: &str| {
            self.declared.alternatives(of).iter().any(|each| *each == Type::Class(class.to_owned()))
        };
        let asks = parameters.iter().any(|of| is(of, "Query"));
        let rules = matches!(parameters.first(), Some(Type::List(of)) if is(of, "Rule"));
        let clean = self.found.len() == before && !given.iter().any(|guess| guess.bad);
        let result = Guess::of(self.declared.plain(&outcome));
        if rules && clean {
            if let Some(Value::Table(list)) = given.first().and_then(|guess| guess.value.as_ref())
                && given.first().and_then(|guess| guess.table.as_ref()).is_some_and(|table| !table.open)
            {
                self.judge_rules(&list.clone(), line);
            }
            return result;
        }
        let Some(Value::Function(function)) = callee.value.filter(|_| clean) else { return result };
        if asks && given.last().is_some_and(|last| last.kind == Type::Table || last.value.is_none()) {
            return result;
        }
        self.trial(line, &function, &parameters, &given, result)
    }

    /// Calls a function of ours with what is known of its arguments.
    fn trial(
        &mut self,
        line: usize,
        function: &mlua::Function,
        parameters: &[Type],
        given: &[Guess],
        result: Guess,
    ) -> Guess {
        let mut values = Vec::new();
        for (at, guess) in given.iter().enumerate() {
            let of = parameters.get(at).cloned().unwrap_or(Type::Unknown);
            match self.samples.value(&self.declared, guess, "", &of) {
                Some(value) => values.push(value),
                None => return result,
            }
        }
        let of = parameters.get(given.len().saturating_sub(1)).cloned().unwrap_or(Type::Unknown);
        if let Some(entries) = given.last().and_then(|guess| guess.table.clone()) {
            let all = self.declared.alternatives(&of);
            let listed = all.iter().any(|each| matches!(each, Type::List(_)))
                && entries.list.iter().all(|entry| entry.key.is_err());
            let class = all.into_iter().find_map(|each| match each {
                Type::Class(name) if !listed => self.declared.class(&name).map(|_| name),
                _ => None,
            });
            let before = self.found.len();
            let rest: Vec<Value> = values.iter().take(values.len().saturating_sub(1)).cloned().collect();
            self.judge(class.as_deref(), &entries, &|walk, table| {
                let mut values = rest.clone();
                values.push(Value::Table(table.clone()));
                walk.samples.call(function, values).err().flatten().filter(is_about_the_script)
            });
            return if self.found.len() == before { result } else { Guess { bad: true, ..result } };
        }
        // Whether a text is an address, say, hangs on the text.
        let unsure = |guess: &Guess| {
            guess.value.is_none() && !matches!(guess.kind, Type::Class(_) | Type::Function(..))
        };
        if given.iter().any(unsure) {
            return result;
        }
        match self.samples.call(function, values) {
            Ok(value @ (Value::UserData(_) | Value::String(_))) => Guess { value: Some(value), ..result },
            Ok(_) | Err(None) => result,
            Err(Some(found)) => {
                if is_about_the_script(&found) {
                    self.find(line, found);
                    return Guess { bad: true, ..result };
                }
                result
            }
        }
    }
}

/// Tells whether a failure is the script's, and not of what it would meet where it runs.
fn is_about_the_script(failure: &Failure) -> bool {
    failure.class == Class::Script
}
