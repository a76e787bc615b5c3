//! What could stand at the end of a line that is being written.

use mlua::Value;

use super::account::AccountValue;
use super::declared::{Class, Type};
use super::login::Accounts;
use super::repl::{Repl, class_of, names};
use crate::engine::{Account, Permission};

/// Words of Lua that begin something.
const WORDS: [&str; 12] =
    ["do", "else", "elseif", "end", "false", "for", "function", "if", "local", "nil", "return", "while"];

/// Methods whose first argument is a mailbox, and the rules' keys that take one.
const TAKE_MAILBOX: [&str; 11] = [
    "mailbox",
    "select",
    "examine",
    "status",
    "create",
    "delete",
    "rename",
    "subscribe",
    "unsubscribe",
    "move",
    "copy",
];

/// Where a line ends: in a string that began at a byte, and in brackets that are open, with where each began.
#[derive(Debug, Default)]
struct Place {
    quote: Option<usize>,
    open: Vec<usize>,
}

impl Place {
    fn of(text: &str) -> Self {
        let mut this = Self::default();
        let mut signs = text.char_indices();
        while let Some((at, sign)) = signs.next() {
            match (sign, this.quote) {
                ('\\', Some(_)) => {
                    signs.next();
                }
                (sign, Some(began)) if text.get(began..).is_some_and(|quoted| quoted.starts_with(sign)) => {
                    this.quote = None;
                }
                ('"' | '\'', None) => this.quote = Some(at),
                ('(' | '{' | '[', None) => this.open.push(at),
                (')' | '}' | ']', None) => {
                    this.open.pop();
                }
                _ => {}
            }
        }
        this
    }
}

/// Gives the name that a text ends with, without a bracket, a comma or an equals sign after it.
fn last_name(text: &str) -> &str {
    let text = text.trim_end().trim_end_matches(['(', '=']).trim_end();
    let start = text
        .rfind(|c: char| !c.is_alphanumeric() && c != '_')
        .map_or(0, |at| at + text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    text.get(start..).unwrap_or_default()
}

impl Repl {
    /// Gives what could be written at the end of a text, and from which byte on it would stand.
    pub fn complete(&self, text: &str) -> (usize, Vec<String>) {
        let place = Place::of(text);
        let (start, mut all) = match place.quote {
            Some(quote) => (quote + 1, self.in_string(text.get(..quote).unwrap_or_default())),
            None => self.in_code(text, &place),
        };
        let begun = text.get(start..).unwrap_or_default();
        all.retain(|word| word.starts_with(begun));
        all.sort();
        all.dedup();
        (start, all)
    }

    fn in_string(&self, before: &str) -> Vec<String> {
        match last_name(before) {
            "account" => self
                .run
                .accounts
                .file()
                .map(|file| file.accounts().map(|(name, _)| name.to_owned()).collect())
                .unwrap_or_default(),
            "allow" => Permission::EACH.iter().map(|each| each.name().to_owned()).collect(),
            "sort" => ["received", "date", "size", "subject", "from"].map(str::to_owned).to_vec(),
            "mark" | "unmark" => ["seen", "answered", "flagged", "draft"].map(str::to_owned).to_vec(),
            name if TAKE_MAILBOX.contains(&name) => self.mailbox_names(before),
            _ => Vec::new(),
        }
    }

    /// Gives the names of the account's mailboxes that a call is of, or of all accounts'.
    fn mailbox_names(&self, before: &str) -> Vec<String> {
        let object = before.rsplit_once(':').map(|(object, _)| last_name(object));
        let value = object.and_then(|name| self.lua().globals().raw_get::<Value>(name).ok());
        let own = value
            .as_ref()
            .and_then(Value::as_userdata)
            .and_then(|data| data.borrow::<AccountValue>().ok().map(|account| account.account().clone()));
        let accounts = match own {
            Some(account) => vec![account],
            None => self.lua().app_data_ref::<Accounts>().map(|known| known.all.clone()).unwrap_or_default(),
        };
        let mut all: Vec<String> =
            ["@inbox", "@trash", "@archive", "@junk", "@sent", "@drafts"].map(str::to_owned).to_vec();
        for account in accounts {
            all.extend(self.list(&account));
        }
        // What would have to be written otherwise in a string is left to its writer.
        all.retain(|name| !name.contains(['"', '\'', '\\']));
        all
    }

    /// Asks a server for its mailboxes, once. One that does not answer has none.
    fn list(&self, account: &Account) -> Vec<String> {
        let label = account.label().to_owned();
        if let Some(known) = self.mailboxes.borrow().get(&label) {
            return known.clone();
        }
        let Ok(listed) = account.list(None, false).wait() else { return Vec::new() };
        let found: Vec<String> =
            listed.into_iter().filter(|mailbox| mailbox.selectable).map(|mailbox| mailbox.name).collect();
        self.mailboxes.borrow_mut().insert(label, found.clone());
        found
    }

    fn in_code(&self, text: &str, place: &Place) -> (usize, Vec<String>) {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':');
        let path = text.rfind(|c: char| !is_part(c)).map_or(0, |at| {
            at + text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
        });
        let token = text.get(path..).unwrap_or_default();
        if let Some(at) = token.rfind(['.', ':']) {
            let (base, sign) = token.split_at(at);
            return (path + at + 1, self.members(base, sign.starts_with(':')));
        }
        let before = text.get(..path).unwrap_or_default();
        let fresh = before.trim_end().ends_with(['{', ',']);
        if let Some(open) = place.open.last().filter(|_| fresh)
            && let Some(class) = self.table_of(before, place, *open)
        {
            let named = |name: &String| name.parse::<usize>().is_err() && name != "integer";
            return (path, class.fields.into_keys().filter(named).map(|key| format!("{key} = ")).collect());
        }
        let mut all = names(&self.lua().globals());
        all.extend(WORDS.map(str::to_owned));
        (path, all)
    }

    /// Gives what may be in a table that is being written, by what stands before it.
    fn table_of(&self, text: &str, place: &Place, open: usize) -> Option<Class> {
        let before = text.get(..open)?.trim_end();
        if !text.get(open..)?.starts_with('{') {
            return None;
        }
        let class = match last_name(before) {
            "search" | "filter" | "where" | "any" | "all" | "except" => "Query",
            "login" => "LoginSettings",
            "move" => "MoveOptions",
            "purge" => "PurgeOptions",
            "" if before.ends_with(['{', ',']) => {
                // A table in a list: of rules, or of queries.
                let outer = place.open.iter().rev().find(|at| **at < open)?;
                let head = text.get(..*outer)?.trim_end();
                match last_name(head) {
                    "any" | "all" | "except" => "Query",
                    _ if head.ends_with(')') && head.contains("rules") => "Rule",
                    _ => return None,
                }
            }
            _ => return None,
        };
        self.declared.class(class)
    }

    /// Gives what a value that is named has: methods after a colon, anything after a point.
    fn members(&self, base: &str, methods: bool) -> Vec<String> {
        let mut parts = base.split(['.', ':']);
        let Some(Ok(mut value)) = parts.next().map(|name| self.lua().globals().raw_get::<Value>(name)) else {
            return Vec::new();
        };
        let mut class = class_of(&value).map(str::to_owned);
        for part in parts {
            // Reading what a value has could ask a server; its type is known without.
            let known = class.as_ref().and_then(|name| self.declared.class(name));
            let of = known.and_then(|known| known.fields.get(part).map(|(of, _)| self.declared.plain(of)));
            if let Some(Type::Class(name)) = of {
                class = Some(name);
                value = Value::Nil;
            } else {
                value = value.as_table().and_then(|table| table.raw_get(part).ok()).unwrap_or(Value::Nil);
                class = class_of(&value).map(str::to_owned);
            }
        }
        match (class, value) {
            (Some(class), _) => {
                let sign = if methods { ':' } else { '.' };
                let member = |name: &String| name.strip_prefix(&class)?.strip_prefix(sign).map(str::to_owned);
                self.registered().iter().filter_map(member).collect()
            }
            (None, Value::Table(table)) => names(&table),
            (None, Value::String(_)) if methods => {
                self.lua().globals().raw_get("string").map(|table| names(&table)).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }
}
