//! The way through a script: every expression is looked at once, with what is known of its value.

use std::collections::HashMap;
use std::rc::Rc;

use mlua::Value;

use super::names::{Names, Scopes, word};
use super::sample::{Entries, Entry, Guess, Samples};
use super::tree::{Block, Expr, Field, Function, Key, Kind, Name, Statement};
use crate::lua::declared::{Declared, Type};
use crate::lua::{Failure, Place};

/// Globals of other Lua versions, for which scripts that run in any of them look.
const ELSEWHERE: [&str; 6] = ["unpack", "loadstring", "setfenv", "getfenv", "bit32", "jit"];

/// How long a string may be that is put together of others, in bytes.
const JOINED: usize = 64 << 10;

/// One script on the way.
pub(super) struct Walk<'a> {
    pub(super) file: &'a str,
    pub(super) samples: &'a Samples,
    pub(super) declared: Rc<Declared>,
    pub(super) names: &'a Names,
    pub(super) found: Vec<Failure>,
    /// Lines where it removes mail for good.
    pub(super) purges: Vec<usize>,
    /// It allows that, or may.
    pub(super) allows: bool,
    scopes: Scopes,
    locals: HashMap<usize, Guess>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(file: &'a str, samples: &'a Samples, declared: Rc<Declared>, names: &'a Names) -> Self {
        Self {
            file,
            samples,
            declared,
            names,
            found: Vec::new(),
            purges: Vec::new(),
            allows: false,
            scopes: Scopes::default(),
            locals: HashMap::new(),
        }
    }

    /// Notes what is wrong in a line, once.
    pub(super) fn find(&mut self, line: usize, found: Failure) {
        let place = Place { file: self.file.to_owned(), line };
        let known = |other: &Failure| other.message == found.message && other.places.first() == Some(&place);
        if !self.found.iter().any(known) {
            self.found.push(Failure { places: vec![place], ..found });
        }
    }

    /// Tells whether a name is a global that the script leaves as it is.
    pub(super) fn is_ours(&self, name: &str) -> bool {
        self.scopes.find(name).is_none() && !self.names.globals.contains_key(name)
    }

    pub(super) fn block(&mut self, block: &Block) {
        self.scopes.open();
        for statement in block {
            self.statement(statement);
        }
        self.scopes.close();
    }

    fn declare(&mut self, name: &Name, guess: Guess) {
        self.scopes.declare(name);
        let guess = if self.names.changed.contains(&name.at) { Guess::unknown() } else { guess };
        self.locals.insert(name.at, guess);
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Local(names, values) => {
                let guesses = self.all(values);
                let several =
                    values.last().is_some_and(|last| matches!(last.kind, Kind::Call(..) | Kind::Method(..)));
                let known = values.len() - usize::from(several && names.len() > values.len());
                for (at, name) in names.iter().enumerate() {
                    let guess = guesses.get(at).filter(|_| at < known || at + 1 == values.len());
                    self.declare(name, guess.cloned().unwrap_or_else(Guess::unknown));
                }
            }
            Statement::LocalFunction(name, function) => {
                let guess = self.function_value();
                self.declare(name, guess);
                self.function(function, &[]);
            }
            Statement::Assign(targets, values) => {
                self.all(values);
                for target in targets {
                    if let Kind::Index(table, key) = &target.kind {
                        self.expr(table, &Type::Unknown);
                        self.expr(key, &Type::Unknown);
                    }
                }
            }
            Statement::Call(call) => {
                self.expr(call, &Type::Unknown);
            }
            Statement::Do(block) => self.block(block),
            Statement::While(condition, block) => {
                self.expr(condition, &Type::Unknown);
                self.block(block);
            }
            Statement::Repeat(block, condition) => {
                self.scopes.open();
                for statement in block {
                    self.statement(statement);
                }
                self.expr(condition, &Type::Unknown);
                self.scopes.close();
            }
            Statement::If(ways, other) => {
                for (condition, block) in ways {
                    self.expr(condition, &Type::Unknown);
                    self.block(block);
                }
                self.block(other);
            }
            Statement::For(names, values, block, over) => {
                let kinds = if *over { self.loop_kinds(values) } else { self.numbers(values) };
                self.scopes.open();
                for (at, name) in names.iter().enumerate() {
                    let kind = kinds.get(at).cloned().unwrap_or(Type::Unknown);
                    self.declare(name, Guess::of(kind));
                }
                self.block(block);
                self.scopes.close();
            }
            Statement::Return(values) => {
                self.all(values);
            }
        }
    }

    fn all(&mut self, list: &[Expr]) -> Vec<Guess> {
        list.iter().map(|each| self.expr(each, &Type::Unknown)).collect()
    }

    fn numbers(&mut self, values: &[Expr]) -> Vec<Type> {
        self.all(values);
        vec![Type::Number]
    }

    /// Tells what the names of a `for … in` loop are.
    fn loop_kinds(&mut self, values: &[Expr]) -> Vec<Type> {
        if let [Expr { kind: Kind::Call(callee, arguments), .. }] = values
            && let Kind::Name(name) = &callee.kind
            && matches!(name.as_str(), "ipairs" | "pairs")
            && self.is_ours(name)
        {
            let guesses = self.all(arguments);
            return match guesses.first().map(|guess| self.declared.plain(&guess.kind)) {
                Some(Type::List(of)) => vec![Type::Number, self.declared.plain(&of)],
                _ => Vec::new(),
            };
        }
        match self.all(values).first().map(|guess| guess.kind.clone()) {
            Some(Type::Function(_, gives)) => vec![self.declared.plain(&gives)],
            _ => Vec::new(),
        }
    }

    fn function_value(&self) -> Guess {
        let kind = Type::Function(Vec::new(), Box::new(Type::Unknown));
        Guess { value: Some(Value::Function(self.samples.nothing.clone())), ..Guess::of(kind) }
    }

    fn function(&mut self, function: &Function, parameters: &[Type]) {
        self.scopes.open();
        for (at, name) in function.parameters.iter().enumerate() {
            let kind = parameters.get(at).map_or(Type::Unknown, |of| self.declared.plain(of));
            self.declare(name, Guess::of(kind));
        }
        self.block(&function.block);
        self.scopes.close();
    }

    /// Looks at an expression where something of a type is expected.
    pub(super) fn expr(&mut self, expr: &Expr, expected: &Type) -> Guess {
        match &expr.kind {
            Kind::Literal(text) => self.literal(text),
            Kind::Vararg => Guess::unknown(),
            Kind::Function(function) => {
                let wanted = self.declared.alternatives(expected).into_iter().find_map(|each| match each {
                    Type::Function(parameters, _) => Some(parameters),
                    _ => None,
                });
                self.function(function, &wanted.unwrap_or_default());
                self.function_value()
            }
            Kind::Name(name) => self.name(expr, name, expected),
            Kind::Index(object, key) => self.index(expr, object, key),
            Kind::Call(callee, arguments) => self.call(expr.line, callee, arguments),
            Kind::Method(object, name, arguments) => self.method(expr.line, object, name, arguments),
            Kind::Table(fields) => self.table(fields, expr.line, expected),
            Kind::Binary(operator, one, two) => self.binary(operator, one, two),
            Kind::Unary(operator, inner) => {
                let guess = self.expr(inner, &Type::Unknown);
                match (operator.as_str(), &guess.value) {
                    ("not", _) => Guess::of(Type::Boolean),
                    ("-", Some(Value::Integer(number))) => {
                        Guess { value: number.checked_neg().map(Value::Integer), ..Guess::of(Type::Number) }
                    }
                    _ => Guess::of(Type::Number),
                }
            }
            Kind::Grouped(inner) => self.expr(inner, expected),
        }
    }

    fn literal(&self, text: &str) -> Guess {
        let value = self.samples.lua.load(format!("return {text}")).eval::<Value>().ok();
        let kind = match &value {
            Some(Value::String(_)) => Type::Text,
            Some(Value::Integer(_) | Value::Number(_)) => Type::Number,
            Some(Value::Boolean(_)) => Type::Boolean,
            Some(Value::Nil) => Type::Nil,
            _ => Type::Unknown,
        };
        Guess { value, ..Guess::of(kind) }
    }

    fn name(&mut self, expr: &Expr, name: &str, expected: &Type) -> Guess {
        if let Some(declared) = self.scopes.find(name) {
            let guess = self.locals.get(&declared).cloned().unwrap_or_else(Guess::unknown);
            if let Some(entries) = &guess.table {
                self.judge_expected(entries, expected);
            }
            return guess;
        }
        if !self.is_ours(name) || name == "_ENV" {
            return Guess::unknown();
        }
        match self.samples.lua.globals().raw_get::<Value>(name) {
            Ok(Value::Nil) => {
                if !self.names.opaque {
                    self.find_no_global(expr.line, name);
                }
                Guess::unknown()
            }
            Ok(value) => match self.declared.functions.get(name) {
                Some(of) => Guess { value: Some(value), ..Guess::of(of.clone()) },
                None => Guess::unknown(),
            },
            Err(_) => Guess::unknown(),
        }
    }

    fn binary(&mut self, operator: &str, one: &Expr, two: &Expr) -> Guess {
        let left = self.expr(one, &Type::Unknown);
        let spare =
            matches!(&two.kind, Kind::Name(name) if operator == "or" && ELSEWHERE.contains(&name.as_str()));
        if spare {
            return Guess::unknown();
        }
        let right = self.expr(two, &Type::Unknown);
        let selection = Type::Class("Selection".to_owned());
        match operator {
            "and" | "or" if left.kind == right.kind => Guess::of(left.kind),
            "and" | "or" => Guess::unknown(),
            ".." => Guess { value: self.joined(&left, &right), ..Guess::of(Type::Text) },
            "==" | "~=" | "<" | ">" | "<=" | ">=" => Guess::of(Type::Boolean),
            "+" | "-" | "*" if left.kind == selection || right.kind == selection => Guess::of(selection),
            _ if left.kind == Type::Number && right.kind == Type::Number => Guess::of(Type::Number),
            _ => Guess::unknown(),
        }
    }

    fn joined(&self, left: &Guess, right: &Guess) -> Option<Value> {
        let (Some(Value::String(left)), Some(Value::String(right))) = (&left.value, &right.value) else {
            return None;
        };
        // What is put together again and again would not end.
        if left.as_bytes().len() + right.as_bytes().len() > JOINED {
            return None;
        }
        let both = [&*left.as_bytes(), &*right.as_bytes()].concat();
        self.samples.lua.create_string(both).ok().map(Value::String)
    }

    fn table(&mut self, fields: &[Field], line: usize, expected: &Type) -> Guess {
        let wanted = self.declared.alternatives(expected);
        let class = wanted.iter().find_map(|each| match each {
            Type::Class(name) => self.declared.class(name).map(|class| (name.clone(), class)),
            _ => None,
        });
        let listed = wanted.iter().find_map(|each| match each {
            Type::List(of) => Some((**of).clone()),
            _ => None,
        });
        // Where both a thing and a list of them will do, names tell which it is.
        let is_list = listed.is_some()
            && (class.is_none() || fields.iter().all(|field| matches!(field.key, Key::Position)));
        let mut entries = Entries { list: Vec::new(), open: false, line };
        let mut position = 0;
        for field in fields {
            let key = match &field.key {
                Key::Name(name) => Ok(name.clone()),
                Key::Position => {
                    position += 1;
                    Err(position)
                }
                Key::Computed(key) => {
                    self.expr(key, &Type::Unknown);
                    let Some(name) = word(key) else {
                        entries.open = true;
                        self.expr(&field.value, &Type::Unknown);
                        continue;
                    };
                    Ok(name)
                }
            };
            let of = match (&key, &listed, &class) {
                (Err(_), Some(of), _) if is_list => of.clone(),
                (Ok(name), _, Some((_, class))) if !is_list => {
                    class.fields.get(name).map_or(Type::Unknown, |(of, _)| of.clone())
                }
                (Err(at), _, Some((_, class))) if !is_list => {
                    let field = class.fields.get(&at.to_string()).or_else(|| class.fields.get("integer"));
                    field.map_or(Type::Unknown, |(of, _)| of.clone())
                }
                _ => Type::Unknown,
            };
            let guess = self.expr(&field.value, &of);
            let last = std::ptr::eq(field, fields.last().unwrap_or(field));
            let several = matches!(field.value.kind, Kind::Call(..) | Kind::Method(..) | Kind::Vararg);
            // What a call at the end of a list gives may be any number of values.
            let spreads = last && several && key.is_err() && guess.kind == Type::Unknown;
            entries.open |= spreads;
            entries.list.push(Entry { key, guess, line: field.line });
        }
        let entries = Rc::new(entries);
        let bad = entries.list.iter().any(|entry| entry.guess.bad);
        let before = self.found.len();
        if !is_list && let Some((name, _)) = &class {
            self.judge_as(name, &entries);
        }
        let class = class.filter(|_| !is_list).map(|(_, class)| class);
        let value = self.samples.table(&self.declared, &entries, class.as_ref(), |_| true);
        let unsure = class.as_ref().is_some_and(|class| self.is_vague(class, &entries));
        let bad = bad || unsure || self.found.len() > before;
        Guess { kind: Type::Table, value: value.map(Value::Table), table: Some(entries), bad }
    }

    /// Judges a table that was written out before, where it is used.
    fn judge_expected(&mut self, entries: &Rc<Entries>, expected: &Type) {
        for each in self.declared.alternatives(expected) {
            if let Type::Class(name) = each {
                self.judge_as(&name, entries);
            }
        }
    }
}
