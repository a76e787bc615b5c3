use mlua::{Function, MultiValue, Table, Value};

use super::args::{Args, a_type};
use super::labels;
use super::limit::number;
use super::literal::with_functions;
use super::mailbox::MailboxValue;
use super::program::only_options;
use super::selection::marking;
use crate::engine::apply::{Across, Action};
use crate::engine::query::{Query, Subject, distance};
use crate::engine::rules::{Elsewhere, Rule, RuleAction, Target};
use crate::engine::{Literal, NameSpec, Template};
use crate::error::{Error, ErrorKind, Result, visible};

/// A rule as a script writes it.
#[derive(Debug)]
pub(super) struct RuleValue {
    pub(super) rule: Rule,
    /// Its query as the script wrote it.
    pub(super) condition: Literal,
    /// The functions among its targets, by the target's number.
    pub(super) functions: Vec<(usize, Function)>,
    /// The number of the target of `save`.
    pub(super) save: Option<usize>,
    /// The number of the target of `export`.
    pub(super) export: Option<usize>,
    pub(super) pipe: Option<Table>,
    pub(super) call: Option<Function>,
}

/// Everything that a rule may have.
const KEYS: [&str; 16] = [
    "accept_rewritten",
    "call",
    "copy",
    "export",
    "label",
    "limit",
    "mark",
    "move",
    "pipe",
    "purge",
    "save",
    "stop",
    "trash",
    "unlabel",
    "unmark",
    "where",
];

impl RuleValue {
    /// Reads a rule. The functions of its query are added to `asked`.
    ///
    /// Errors name the rule: it has no name, condition or action, or something in it can't be meant.
    pub(super) fn read(table: &Table, asked: &mut Vec<Function>, now: &jiff::ZonedDateTime) -> Result<Self> {
        let named = table.raw_get::<Value>(1).map_err(|error| Error::script(error.to_string(), ""))?;
        let name = match named.as_string().map(mlua::LuaString::to_string_lossy) {
            Some(name) if !name.trim().is_empty() => name,
            _ => {
                let hint = "`{ \"newsletters\", where = { list = true }, move = \"@archive\" }`";
                return Err(Error::script("a rule has no name", hint));
            }
        };
        Self::read_named(&name, table, asked, now).map_err(|error| match *error.kind {
            ErrorKind::Script { what, hint } => {
                Error::script(format!("rule `{}`: {what}", visible(&name)), hint)
            }
            kind => kind.into(),
        })
    }

    fn read_named(
        name: &str,
        table: &Table,
        asked: &mut Vec<Function>,
        now: &jiff::ZonedDateTime,
    ) -> Result<Self> {
        refuse_unknown(table)?;
        let get = |key: &str| table.raw_get::<Value>(key).unwrap_or(Value::Nil);
        let condition = with_functions(&get("where"), asked)?;
        let query = query(&condition, now)?;
        let stop = switch("stop", &get("stop"))?;
        let rule = Rule {
            name: name.to_owned(),
            query,
            targets: Vec::new(),
            actions: Vec::new(),
            stop,
            limit: None,
        };
        let mut this =
            Self { rule, condition, functions: Vec::new(), save: None, export: None, pipe: None, call: None };
        this.save = this.target("save", &get("save"))?;
        this.export = this.target("export", &get("export"))?;
        this.pipe = match get("pipe") {
            Value::Nil => None,
            Value::Table(command) => Some(command),
            value => {
                return Err(wrong("pipe", "a program and its arguments, `{ \"cmd\", \"arg\" }`,", &value));
            }
        };
        this.call = match get("call") {
            Value::Nil => None,
            Value::Function(function) => Some(function),
            value => return Err(wrong("call", "a function", &value)),
        };
        this.add_plain(&get)?;
        let accept_rewritten = switch("accept_rewritten", &get("accept_rewritten"))?;
        this.add_transfer("copy", &get("copy"), accept_rewritten)?;
        this.add_transfer("move", &get("move"), accept_rewritten)?;
        let mut way = (!matches!(get("move"), Value::Nil)).then_some("move");
        for key in ["trash", "purge"] {
            let action = match get(key) {
                Value::Table(options) if key == "purge" => {
                    only_options(key, "`purge = { archive = \"old.mbox\" }`", &options, &["archive"])?;
                    let path = options.raw_get("archive").unwrap_or(Value::Nil);
                    let number = this.target("archive", &path)?;
                    RuleAction::Archive(number.ok_or_else(|| wrong("archive", "the name of a file", &path))?)
                }
                value if !switch(key, &value)? => continue,
                _ if key == "purge" => RuleAction::Plain(Action::Purge),
                _ => RuleAction::Plain(Action::Trash),
            };
            if let Some(other) = way.replace(key) {
                let what = format!("both `{other}` and `{key}`");
                return Err(Error::script(what, "a message can go one way only"));
            }
            this.rule.actions.push(action);
        }
        if let Some(value) = Some(get("limit")).filter(|value| !value.is_nil()) {
            this.rule.limit = Some(number(&value)?);
            if !this.rule.removes() {
                let hint = "`limit` says how many messages may be moved away, trashed or purged";
                return Err(Error::script("it has a `limit` but removes nothing", hint));
            }
        }
        let outside =
            this.save.is_some() || this.export.is_some() || this.pipe.is_some() || this.call.is_some();
        if this.rule.actions.is_empty() && !outside && !stop {
            let hint =
                "give it an action, such as `move = \"@archive\"`; `stop = true` keeps later rules away";
            return Err(Error::script("it does nothing", hint));
        }
        Ok(this)
    }

    /// Adds the actions without a target.
    fn add_plain(&mut self, get: &impl Fn(&str) -> Value) -> Result<()> {
        type Read = fn(&mut Args) -> Result<Action>;
        let kinds: [(&'static str, Read); 4] = [
            ("mark", |args| marking(args, true)),
            ("unmark", |args| marking(args, false)),
            ("label", |args| labels::read(args).map(Action::Label)),
            ("unlabel", |args| labels::read(args).map(Action::Unlabel)),
        ];
        for (key, read) in kinds {
            let value = get(key);
            if !value.is_nil() {
                let action = read(&mut Args::new(key, MultiValue::from_iter([value])))?;
                self.rule.actions.push(RuleAction::Plain(action));
            }
        }
        Ok(())
    }

    /// Adds a copy or a move, to a target in the messages' account or in another.
    fn add_transfer(&mut self, key: &'static str, value: &Value, accept_rewritten: bool) -> Result<()> {
        let moves = key == "move";
        let mailbox = value.as_userdata().and_then(|data| data.borrow::<MailboxValue>().ok());
        let Some(mailbox) = mailbox else {
            if let Some(number) = self.target(key, value)? {
                self.rule.actions.push(if moves {
                    RuleAction::Move(number)
                } else {
                    RuleAction::Copy(number)
                });
            }
            return Ok(());
        };
        let account = mailbox.account().clone();
        let action = match mailbox.spec() {
            NameSpec::Script(name) => {
                self.rule.targets.push(Target::Template(Template::parse(name)?));
                let number = self.rule.targets.len() - 1;
                let to = Elsewhere { account, accept_rewritten };
                if moves { RuleAction::MoveAcross(number, to) } else { RuleAction::CopyAcross(number, to) }
            }
            raw @ (NameSpec::Raw(_) | NameSpec::Plain(_)) => {
                let across = Across { account, spec: raw.clone(), accept_rewritten };
                RuleAction::Plain(if moves { Action::MoveAcross(across) } else { Action::CopyAcross(across) })
            }
        };
        self.rule.actions.push(action);
        Ok(())
    }

    /// Reads a target, and gives its number.
    fn target(&mut self, key: &'static str, value: &Value) -> Result<Option<usize>> {
        let target = match value {
            Value::Nil => return Ok(None),
            Value::Function(function) => {
                self.functions.push((self.rule.targets.len(), function.clone()));
                Target::Function
            }
            Value::String(text) => match text.to_str() {
                Ok(text) if !text.trim().is_empty() => Target::Template(Template::parse(&text)?),
                _ => return Err(wrong(key, "text in UTF-8, and not empty,", value)),
            },
            value => return Err(wrong(key, "a name, or a function that gives one,", value)),
        };
        self.rule.targets.push(target);
        Ok(Some(self.rule.targets.len() - 1))
    }
}

fn wrong(key: &str, wanted: &str, value: &Value) -> Error {
    Error::script(format!("`{key}` must be {wanted} but is {}", a_type(value)), "")
}

/// Reads `true` or `false`; nothing is `false`.
fn switch(key: &str, value: &Value) -> Result<bool> {
    match value {
        Value::Nil => Ok(false),
        Value::Boolean(on) => Ok(*on),
        value => Err(wrong(key, "`true` or `false`", value)),
    }
}

fn query(condition: &Literal, now: &jiff::ZonedDateTime) -> Result<Query> {
    match condition {
        Literal::Function(number) => Ok(Query::Predicate(Some(*number), Subject::Message)),
        Literal::Other("nil") => Err(Error::script(
            "it has no `where`",
            "say which messages it is for: `where = { from = \"shop\", older_than = \"30d\" }`",
        )),
        literal => Query::read(literal, now),
    }
}

fn refuse_unknown(table: &Table) -> Result<()> {
    for pair in table.pairs::<Value, Value>() {
        let (key, _) = pair.map_err(|error| Error::script(error.to_string(), ""))?;
        let name = match &key {
            Value::Integer(1) => continue,
            Value::String(name) => name.to_string_lossy(),
            key => key.to_string().unwrap_or_default(),
        };
        if !KEYS.contains(&name.as_str()) {
            let nearest = KEYS.iter().min_by_key(|known| distance(&name, known));
            let hint = match nearest {
                _ if name == "name" => {
                    "the name comes first, without a key: `{ \"newsletters\", where = … }`".to_owned()
                }
                Some(nearest) if distance(&name, nearest) <= 2 => format!("did you mean `{nearest}`?"),
                _ => format!("it may have {}", KEYS.join(", ")),
            };
            return Err(Error::script(format!("a rule has no `{}`", visible(&name)), hint));
        }
    }
    Ok(())
}
