//! Which names a script declares, and what it does to them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::tree::{Block, Expr, Function, Key, Kind, Name, Statement};

/// The local names that can be seen at a place, innermost last.
#[derive(Debug, Default)]
pub(super) struct Scopes(Vec<HashMap<String, usize>>);

impl Scopes {
    pub(super) fn open(&mut self) {
        self.0.push(HashMap::new());
    }

    pub(super) fn close(&mut self) {
        self.0.pop();
    }

    pub(super) fn declare(&mut self, name: &Name) {
        if let Some(scope) = self.0.last_mut() {
            scope.insert(name.text.clone(), name.at);
        }
    }

    /// Finds where a name was declared; `None` for a global.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().rev().find_map(|scope| scope.get(name).copied())
    }
}

/// What a script does to its names.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Local names, by their declaration, that get another value later, or whose tables do.
    pub(super) changed: HashSet<usize>,
    /// Globals that it sets, and how often.
    pub(super) globals: BTreeMap<String, usize>,
    /// Names that it gives to values in tables, of whatever table.
    pub(super) members: BTreeSet<String>,
    /// It does something after which nobody can tell which globals there are.
    pub(super) opaque: bool,
    /// Modules that it requires by their names.
    pub(super) required: Vec<String>,
    scopes: Scopes,
}

impl Names {
    /// Looks through a script.
    pub(super) fn of(script: &Block) -> Self {
        let mut this = Self::default();
        this.block(script, &[]);
        this
    }

    fn block(&mut self, block: &Block, with: &[Name]) {
        self.scopes.open();
        for name in with {
            self.scopes.declare(name);
        }
        for statement in block {
            self.statement(statement);
        }
        self.scopes.close();
    }

    fn function(&mut self, function: &Function) {
        self.block(&function.block, &function.parameters);
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Local(names, values) => {
                self.all(values);
                for name in names {
                    self.scopes.declare(name);
                }
            }
            Statement::LocalFunction(name, function) => {
                self.scopes.declare(name);
                self.function(function);
            }
            Statement::Assign(targets, values) => {
                self.all(values);
                for target in targets {
                    self.target(target);
                }
            }
            Statement::Call(call) => self.expr(call),
            Statement::Do(block) => self.block(block, &[]),
            Statement::While(condition, block) => {
                self.expr(condition);
                self.block(block, &[]);
            }
            Statement::Repeat(block, condition) => {
                self.scopes.open();
                for statement in block {
                    self.statement(statement);
                }
                self.expr(condition);
                self.scopes.close();
            }
            Statement::If(ways, other) => {
                for (condition, block) in ways {
                    self.expr(condition);
                    self.block(block, &[]);
                }
                self.block(other, &[]);
            }
            Statement::For(names, values, block, _) => {
                self.all(values);
                self.block(block, names);
            }
            Statement::Return(values) => self.all(values),
        }
    }

    /// Takes in what is set: a name, or a value in a table.
    fn target(&mut self, target: &Expr) {
        match &target.kind {
            Kind::Name(name) => match self.scopes.find(name) {
                Some(declared) => {
                    self.changed.insert(declared);
                }
                None => *self.globals.entry(name.clone()).or_default() += 1,
            },
            Kind::Index(table, key) => {
                self.expr(table);
                self.expr(key);
                let member = word(key);
                self.members.extend(member.clone());
                match &root(table).kind {
                    Kind::Name(name) if matches!(name.as_str(), "_G" | "_ENV") => match member {
                        Some(member) => *self.globals.entry(member).or_default() += 1,
                        None => self.opaque = true,
                    },
                    Kind::Name(name) => self.changed.extend(self.scopes.find(name)),
                    _ => {}
                }
            }
            _ => self.expr(target),
        }
    }

    fn all(&mut self, list: &[Expr]) {
        for each in list {
            self.expr(each);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            Kind::Literal(_) | Kind::Vararg => {}
            Kind::Name(name) => {
                let local = self.scopes.find(name).is_some();
                self.opaque |= !local && matches!(name.as_str(), "dofile" | "loadfile" | "load" | "_ENV");
            }
            Kind::Function(function) => self.function(function),
            Kind::Index(one, two) | Kind::Binary(_, one, two) => {
                self.expr(one);
                self.expr(two);
            }
            Kind::Call(callee, arguments) => {
                self.expr(callee);
                self.call(callee, arguments);
                self.all(arguments);
            }
            Kind::Method(object, _, arguments) => {
                self.expr(object);
                self.all(arguments);
            }
            Kind::Table(fields) => {
                for field in fields {
                    match &field.key {
                        Key::Position => {}
                        Key::Name(name) => {
                            if matches!(field.value.kind, Kind::Function(_)) {
                                self.members.insert(name.clone());
                            }
                        }
                        Key::Computed(key) => self.expr(key),
                    }
                    self.expr(&field.value);
                }
            }
            Kind::Unary(_, inner) | Kind::Grouped(inner) => self.expr(inner),
        }
    }

    /// Takes in calls that are about names.
    fn call(&mut self, callee: &Expr, arguments: &[Expr]) {
        let Kind::Name(function) = &callee.kind else { return };
        let first = arguments.first();
        match (function.as_str(), first.map(|first| &first.kind)) {
            ("require", Some(Kind::Literal(_))) => self.required.extend(first.and_then(word)),
            ("setmetatable" | "rawset", Some(Kind::Name(table))) => match self.scopes.find(table) {
                Some(declared) => {
                    self.changed.insert(declared);
                }
                None => self.opaque |= table == "_G",
            },
            // Lua's own that change the table they are given.
            _ => {}
        }
    }
}

/// Gives the text of a plain string.
pub(super) fn word(expr: &Expr) -> Option<String> {
    let Kind::Literal(text) = &expr.kind else { return None };
    let inner = text.strip_prefix(['"', '\''])?.strip_suffix(['"', '\''])?;
    (!inner.contains('\\')).then(|| inner.to_owned())
}

/// Gives what an expression such as `a.b.c` begins with.
fn root(expr: &Expr) -> &Expr {
    match &expr.kind {
        Kind::Index(inner, _) | Kind::Grouped(inner) => root(inner),
        _ => expr,
    }
}
