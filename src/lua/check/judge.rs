//! What is wrong with a table that is written out: each of its entries is tried by itself, by the code that reads it
//! when the script runs.

use mlua::{MultiValue, Table, Value};

use super::sample::{Entries, Entry, field, may_be_off};
use super::walk::Walk;
use crate::engine::Query;
use crate::error::{Error, ErrorKind, Result};
use crate::lua::args::Args;
use crate::lua::declared::{Class, Type};
use crate::lua::rule::RuleValue;
use crate::lua::rule_list::read_rules;
use crate::lua::{Failure, literal};

/// Tries a table: what is wrong with it, if anything.
pub(super) type Trial<'a> = dyn Fn(&Walk<'_>, &Table) -> Option<Failure> + 'a;

/// Makes a failure of an error of ours.
pub(super) fn failure(error: &Error) -> Failure {
    Failure {
        class: error.kind.class(),
        message: error.to_string(),
        hint: error.kind.hint().filter(|hint| !hint.is_empty()),
        places: Vec::new(),
        context: Vec::new(),
        exit: None,
    }
}

fn told<T>(result: Result<T>) -> Option<Failure> {
    result.err().map(|error| failure(&error))
}

/// Settings of `login` of which one must be there.
const PROOFS: [&str; 4] = ["password", "access_token", "oauth2", "client_certificate"];

impl Walk<'_> {
    /// Judges a query or a rule, if this is one.
    pub(super) fn judge_as(&mut self, class: &str, entries: &Entries) {
        match class {
            "Query" => self.judge(Some(class), entries, &|walk, table| {
                let mut functions = Vec::new();
                let literal = literal::with_functions(&Value::Table(table.clone()), &mut functions);
                told(literal.and_then(|literal| Query::read(&literal, &walk.samples.run.now())))
            }),
            "Rule" => {
                let purge = entries.list.iter().find(|entry| entry.key.as_deref() == Ok("purge"));
                if let Some(purge) =
                    purge.filter(|purge| !matches!(purge.guess.value, Some(Value::Boolean(false))))
                {
                    self.purges.push(purge.line);
                }
                self.judge(Some(class), entries, &|walk, table| {
                    told(RuleValue::read(table, &mut Vec::new(), &walk.samples.run.now()))
                });
            }
            _ => {}
        }
    }

    /// Judges a list of rules as a whole.
    pub(super) fn judge_rules(&mut self, list: &Table, line: usize) {
        let now = self.samples.run.now();
        let mut args = Args::new("rules", MultiValue::from_iter([Value::Table(list.clone())]));
        if let Some(found) = told(read_rules(&mut args, &now, &mut Vec::new())) {
            self.find(line, found);
        }
    }

    /// Tries a table: with all that is known of each entry in turn and fitting values for the others, and at last
    /// with all that is known.
    pub(super) fn judge(&mut self, class: Option<&str>, entries: &Entries, trial: &Trial<'_>) {
        let before = self.found.len();
        let name = class;
        let class = class.and_then(|class| self.declared.class(class));
        let mut vague = entries.open;
        if let Some(class) = &class {
            let unknown = entries.list.iter().any(|entry| field(class, entry).is_none());
            vague |= self.is_vague(class, entries);
            let mut masked = None;
            if !vague && !unknown {
                let table = self.samples.table(&self.declared, entries, Some(class), |_| false);
                if let Some(found) = table.and_then(|table| trial(self, &table)) {
                    masked = Some(found.message.clone());
                    self.find(entries.line, found);
                }
            }
            // Of what is not known at all, only the name can be wrong.
            let known = |entry: &Entry| {
                let unknown = entry.guess.value.is_none() && entry.guess.kind == Type::Unknown;
                !(entry.guess.bad || unknown && field(class, entry).is_some())
            };
            for (number, entry) in entries.list.iter().enumerate().filter(|(_, entry)| known(entry)) {
                let Some(table) =
                    self.samples.table(&self.declared, entries, Some(class), |other| other == number)
                else {
                    continue;
                };
                let whole = self.samples.add_missing(&self.declared, &table, class);
                complete(name, &table);
                let found = whole.and_then(|()| trial(self, &table));
                if let Some(found) = found.filter(|found| masked.as_ref() != Some(&found.message)) {
                    self.find(entry.line, found);
                }
            }
        }
        if self.found.len() == before && !vague && !entries.list.iter().any(|entry| entry.guess.bad) {
            let table = self.samples.table(&self.declared, entries, class.as_ref(), |_| true);
            if let Some(found) = table.and_then(|table| trial(self, &table)) {
                self.find(entries.line, found);
            }
        }
    }

    /// Tells whether only a run knows which entries there are.
    pub(super) fn is_vague(&self, class: &Class, entries: &Entries) -> bool {
        let off =
            |entry: &Entry| field(class, entry).is_some_and(|(of, _)| may_be_off(&self.declared, entry, of));
        entries.open || entries.list.iter().any(off)
    }

    /// Says of each removal for good that the script does not allow it.
    pub(super) fn judge_permissions(&mut self) {
        let kind = ErrorKind::Forbidden { permission: "purge", by_script: true };
        let error = Error::from(kind);
        for line in std::mem::take(&mut self.purges) {
            self.find(line, failure(&error));
        }
    }
}

/// Adds what a table must have one of: that may be the entry that is not understood.
fn complete(class: Option<&str>, table: &Table) {
    let lacks =
        |keys: &[&str]| keys.iter().all(|key| table.raw_get(*key).is_ok_and(|value: Value| value.is_nil()));
    let added = match class {
        Some("Rule") if lacks(&["stop"]) => table.raw_set("stop", true),
        Some("LoginSettings") if lacks(&PROOFS) => table.raw_set("password", "1"),
        _ => Ok(()),
    };
    // Without memory, nothing is found.
    let _ = added;
}
