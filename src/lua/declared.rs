//! What the type files declare: the same that editors are told.

use std::collections::BTreeMap;

use crate::lua::types::FILES;

/// A type, as far as a check needs to know it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    /// Anything.
    Unknown,
    Nil,
    Boolean,
    Number,
    Text,
    /// This text and no other.
    Word(String),
    /// What it takes, and what it gives.
    Function(Vec<Type>, Box<Type>),
    List(Box<Type>),
    /// A class of the type files.
    Class(String),
    /// A table of which no more is known.
    Table,
    Union(Vec<Type>),
}

/// A class: what its values have.
#[derive(Clone, Debug, Default)]
pub(super) struct Class {
    /// Fields with their types, and whether they may be missing.
    pub(super) fields: BTreeMap<String, (Type, bool)>,
    /// Methods, without the object that they are called on.
    pub(super) methods: BTreeMap<String, Type>,
    parents: Vec<String>,
}

/// Everything that the type files declare.
#[derive(Debug, Default)]
pub(super) struct Declared {
    classes: BTreeMap<String, Class>,
    aliases: BTreeMap<String, Type>,
    /// Functions by their full names, such as `secret.env`.
    pub(super) functions: BTreeMap<String, Type>,
}

impl Declared {
    /// Reads the type files.
    pub(super) fn read() -> Self {
        let mut this = Self::default();
        for (_, text) in FILES {
            this.file(text);
        }
        this
    }

    fn file(&mut self, text: &str) {
        let mut class = String::new();
        let (mut parameters, mut gives) = (Vec::new(), Type::Nil);
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("---@class ") {
                let (name, parents) = rest.split_once(':').unwrap_or((rest, ""));
                name.trim().clone_into(&mut class);
                let parents = parents.split(',').map(str::trim).filter(|name| !name.is_empty());
                let parents = parents.map(str::to_owned).collect();
                self.classes.entry(class.clone()).or_default().parents = parents;
            } else if let Some(rest) = line.strip_prefix("---@alias ") {
                if let Some((name, given)) = rest.split_once(' ') {
                    self.aliases.insert(name.to_owned(), parse(given));
                }
            } else if let Some(rest) = line.strip_prefix("---@field ") {
                // `[string] string?` is a type and may have spaces in it.
                let end = match rest.strip_prefix('[') {
                    Some(inner) => inner.find("] ").map(|end| end + 2),
                    None => rest.find(' '),
                };
                if let Some((name, given)) = end.and_then(|end| rest.split_at_checked(end)) {
                    let bare = name.trim_end_matches('?').trim_matches(['[', ']']);
                    let optional = name.ends_with('?') || matches!(name, "[integer]" | "[string]");
                    let field = (parse(given), optional);
                    self.classes.entry(class.clone()).or_default().fields.insert(bare.to_owned(), field);
                }
            } else if let Some(rest) = line.strip_prefix("---@param ") {
                parameters.extend(rest.split_once(' ').map(|(_, given)| parse(given)));
            } else if let Some(rest) = line.strip_prefix("---@return ") {
                gives = parse(rest);
            } else if let Some(rest) = line.strip_prefix("function ") {
                let name = rest.split('(').next().unwrap_or_default();
                let result = std::mem::replace(&mut gives, Type::Nil);
                let function = Type::Function(std::mem::take(&mut parameters), Box::new(result));
                match name.split_once(':') {
                    Some((of, method)) => {
                        let of = self.classes.entry(of.to_owned()).or_default();
                        of.methods.insert(method.to_owned(), function);
                    }
                    None => {
                        self.functions.insert(name.to_owned(), function);
                    }
                }
            }
        }
    }

    /// Gives a class with what it has of its parents.
    pub(super) fn class(&self, name: &str) -> Option<Class> {
        let mut class = self.classes.get(name)?.clone();
        for parent in std::mem::take(&mut class.parents) {
            if let Some(parent) = self.class(&parent) {
                class.fields.extend(parent.fields);
                class.methods.extend(parent.methods);
            }
        }
        Some(class)
    }

    /// Gives a type's alternatives, with aliases replaced.
    pub(super) fn alternatives(&self, of: &Type) -> Vec<Type> {
        match of {
            Type::Union(list) => list.iter().flat_map(|each| self.alternatives(each)).collect(),
            Type::Class(name) => match self.aliases.get(name) {
                Some(alias) => self.alternatives(alias),
                None => vec![of.clone()],
            },
            of => vec![of.clone()],
        }
    }

    /// Gives the only thing that a type can be, apart from nil.
    pub(super) fn plain(&self, of: &Type) -> Type {
        let mut all = self.alternatives(of);
        all.retain(|each| *each != Type::Nil);
        for word in all.iter_mut().filter(|each| matches!(each, Type::Word(_))) {
            *word = Type::Text;
        }
        match all.split_first() {
            Some((first, rest)) if rest.iter().all(|each| each == first) => first.clone(),
            _ => Type::Unknown,
        }
    }

    /// Gives what all classes with this method say of it, if they say the same of its first argument.
    pub(super) fn method_of_any(&self, method: &str) -> Option<Type> {
        let mut found = self.classes.values().filter_map(|class| class.methods.get(method));
        let first = found.next()?;
        let argument = |function: &Type| match function {
            Type::Function(parameters, _) => parameters.first().cloned(),
            _ => None,
        };
        found.all(|other| argument(other) == argument(first)).then(|| first.clone())
    }
}

/// Reads a type as the files write it, up to where its description begins.
pub(super) fn parse(text: &str) -> Type {
    let mut reader = Reader(text.trim_start());
    reader.union()
}

struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn take(&mut self, start: &str) -> bool {
        match self.0.strip_prefix(start) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn skip(&mut self, count: usize) {
        self.0 = self.0.get(count..).unwrap_or_default();
    }

    fn union(&mut self) -> Type {
        let mut all = vec![self.one()];
        while self.take("|") {
            all.push(self.one());
        }
        if all.len() == 1 { all.remove(0) } else { Type::Union(all) }
    }

    fn one(&mut self) -> Type {
        let mut found = self.bare();
        loop {
            if self.take("[]") {
                found = Type::List(Box::new(found));
            } else if self.take("?") {
                found = Type::Union(vec![found, Type::Nil]);
            } else {
                return found;
            }
        }
    }

    fn bare(&mut self) -> Type {
        if self.take("(") {
            let inner = self.union();
            self.take(")");
            return inner;
        }
        if self.take("fun(") {
            return self.function();
        }
        if self.0.starts_with(['{', '<']) {
            self.balanced();
            return Type::Table;
        }
        if self.take("\"") {
            let (word, rest) = self.0.split_once('"').unwrap_or((self.0, ""));
            self.0 = rest;
            return Type::Word(word.to_owned());
        }
        let end = self.0.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.0.len());
        let name = self.0.get(..end).unwrap_or_default().to_owned();
        self.skip(end);
        if self.0.starts_with('<') {
            self.balanced();
        }
        match name.as_str() {
            "string" => Type::Text,
            "integer" | "number" => Type::Number,
            "boolean" | "true" | "false" => Type::Boolean,
            "nil" => Type::Nil,
            "table" => Type::Table,
            "" | "any" | "function" => Type::Unknown,
            _ => Type::Class(name),
        }
    }

    /// Reads on after `fun(`.
    fn function(&mut self) -> Type {
        let mut parameters = Vec::new();
        while !self.0.is_empty() && !self.take(")") {
            match self.0.find([':', ')', ',']) {
                Some(end) if self.0.get(end..).is_some_and(|rest| rest.starts_with(':')) => {
                    self.skip(end + 1);
                    while self.take(" ") {}
                    parameters.push(self.union());
                }
                Some(end) => self.skip(end),
                None => self.0 = "",
            }
            while self.take(",") || self.take(" ") {}
        }
        let gives = if self.take(": ") { self.one() } else { Type::Nil };
        Type::Function(parameters, Box::new(gives))
    }

    /// Skips what stands in braces or angle brackets.
    fn balanced(&mut self) {
        let mut depth = 0_usize;
        for (at, sign) in self.0.char_indices() {
            match sign {
                '{' | '<' | '(' => depth += 1,
                '}' | '>' | ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.skip(at + 1);
                return;
            }
        }
        self.0 = "";
    }
}

#[cfg(test)]
mod tests {
    use super::{Declared, Type, parse};

    #[test]
    fn types_are_read_as_they_are_written() {
        let message = || Type::Class("Message".to_owned());
        let word = |text: &str| Type::Word(text.to_owned());
        for (text, wanted) in [
            ("string Such as this.", Type::Text),
            ("integer|string", Type::Union(vec![Type::Number, Type::Text])),
            ("Message[] All of them", Type::List(Box::new(message()))),
            ("\"a b\"|\"c\" One", Type::Union(vec![word("a b"), word("c")])),
            ("table<string, { a: b }>", Type::Table),
            ("{ personal: { prefix: string }, others: x[] }", Type::Table),
            (
                "fun(a: Message, b: string): any",
                Type::Function(vec![message(), Type::Text], Box::new(Type::Unknown)),
            ),
            ("fun(): Message?", Type::Function(vec![], Box::new(Type::Union(vec![message(), Type::Nil])))),
            ("(string|Pattern)[]", {
                let pattern = Type::Class("Pattern".to_owned());
                Type::List(Box::new(Type::Union(vec![Type::Text, pattern])))
            }),
        ] {
            assert_eq!(parse(text), wanted, "{text}");
        }
    }

    #[test]
    fn the_files_are_understood() {
        let declared = Declared::read();
        let selection = declared.class("Selection").unwrap_or_default();
        assert!(selection.methods.contains_key("move") && selection.fields.contains_key("uids"));
        let options = declared.class("MoveOptions").unwrap_or_default();
        assert!(options.fields.contains_key("limit") && options.fields.contains_key("accept_rewritten"));
        assert!(declared.functions.contains_key("secret.env"));
        assert!(declared.method_of_any("search").is_some());
    }
}
