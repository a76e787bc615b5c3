use mlua::{AnyUserData, Function, Lua, Table, UserData, Value};

use super::bind::{Promise, function};
use super::failure::{blame, raise};
use super::message::MessageValue;
use super::messages;
use super::selection::SelectionValue;
use crate::engine::query::{Ask, Subject};
use crate::engine::{Found, Needs, Selection, SelectionSet, Ticket};
use crate::error::{Error, Result};
use crate::mail::Uid;

/// How deep the script is in functions that judge messages. They may look at mail but not change it.
#[derive(Debug, Default)]
struct Judging(usize);

/// Tells whether a function of the script's judges messages.
pub(super) fn is_judging(lua: &Lua) -> bool {
    lua.app_data_ref::<Judging>().is_some_and(|judging| judging.0 > 0)
}

/// Refuses what changes anything while a function of the script's judges messages.
pub(super) fn refuse_while_judging(lua: &Lua) -> Result<()> {
    if is_judging(lua) {
        return Err(Error::script(
            "a function that judges messages can't change anything",
            "let it return true or false, and act on the selection that comes of it",
        ));
    }
    Ok(())
}

/// What calls a script's functions, for those who have such functions.
pub(super) struct Judges {
    /// `ask(f, value, message, rule)`: calls it, without letting it act.
    pub(super) ask: Function,
    /// `holds(ask, message, rule)`: answers what was left open of a query.
    pub(super) holds: Function,
    /// `searching(start)`: makes a search of a function that gives [`Open`].
    pub(super) searching: Function,
}

/// A search that leaves some messages to the script's functions.
pub(super) struct Open {
    /// The selection that was searched, if it was not a mailbox.
    within: Option<SelectionSet>,
    found: Vec<Found>,
    /// What is to be asked about messages of each mailbox.
    asks: Vec<(Selection, Table)>,
}

impl UserData for Open {}

impl Open {
    /// Promises a search's result.
    pub(super) fn promise(
        tickets: Vec<Ticket<Found>>,
        functions: Vec<Function>,
        within: Option<SelectionSet>,
    ) -> Promise {
        let signals: Vec<_> = tickets.iter().map(Ticket::signal).collect();
        Promise::after(signals, move |lua| {
            let mut all = Vec::new();
            let mut asks = Vec::new();
            for ticket in tickets {
                let found = ticket.wait().map_err(|error| raise(lua, error, None))?;
                for (ask, uids) in &found.open {
                    let table = tree(lua, ask, &functions)?;
                    asks.push((found.selection.with_uids(uids.clone()), table));
                }
                all.push(found);
            }
            lua.pack_multi(Self { within, found: all, asks })
        })
    }

    /// Makes a loop over the messages that are open, which fetches what the functions are called with.
    fn messages(&self, lua: &Lua) -> Result<Function> {
        let mut needs = Needs::default();
        for (ask, _) in self.found.iter().flat_map(|found| &found.open) {
            add_needs(ask, &mut needs);
        }
        let mut set: Option<SelectionSet> = None;
        for (part, _) in &self.asks {
            let part = SelectionSet::from(part.clone());
            set = Some(match set {
                Some(set) => set.union(&part)?,
                None => part,
            });
        }
        match set {
            Some(set) => messages::iterator(lua, &set, needs).map_err(lost),
            None => lua.create_function(|_, ()| Ok(())).map_err(lost),
        }
    }

    /// Gives what was found with the messages that the functions kept.
    fn finish(&self, kept: &[AnyUserData]) -> Result<SelectionSet> {
        let mut yes: Vec<Vec<Uid>> = vec![Vec::new(); self.found.len()];
        for value in kept {
            let message = value.borrow::<MessageValue>().map_err(lost)?;
            let of = |(found, _): &(&Found, &mut Vec<Uid>)| message.is_of(&found.selection);
            if let Some((_, uids)) = self.found.iter().zip(&mut yes).find(of) {
                uids.push(message.uid());
            }
        }
        let mut found = Vec::new();
        for (each, uids) in self.found.iter().zip(yes) {
            let uids = each.selection.uids.union(&uids.into_iter().collect());
            found.push(each.selection.with_uids(uids));
        }
        match (&self.within, found.pop()) {
            (None, Some(only)) => Ok(only.into()),
            (Some(set), last) => {
                found.extend(last);
                set.gather(&found)
            }
            (None, None) => Err(Error::script("a search of no mailbox", "")),
        }
    }
}

/// Makes a table of what is to be asked, with the functions at its leaves.
pub(super) fn tree(lua: &Lua, ask: &Ask, functions: &[Function]) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    match ask {
        Ask::All(list) | Ask::Any(list) => {
            let each = list.iter().map(|ask| tree(lua, ask, functions)).collect::<mlua::Result<Vec<_>>>()?;
            table.raw_set(if matches!(ask, Ask::All(_)) { "all" } else { "any" }, each)?;
        }
        Ask::Function { number, about, holds } => {
            table.raw_set("call", functions.get(*number).cloned())?;
            table.raw_set("holds", *holds)?;
            table.raw_set(
                "about",
                match about {
                    Subject::Message => "message".to_owned(),
                    Subject::AnyHeader => "header".to_owned(),
                    Subject::Body => "body".to_owned(),
                    Subject::Text => "text".to_owned(),
                    Subject::Attachment => "attachment".to_owned(),
                    // A colon can't be in a field's name, nor in the words above.
                    Subject::Header(name) => format!("{name}:"),
                },
            )?;
        }
    }
    Ok(table)
}

/// Adds what functions are called with, beside what every loop has at hand.
pub(super) fn add_needs(ask: &Ask, needs: &mut Needs) {
    match ask {
        Ask::All(list) | Ask::Any(list) => list.iter().for_each(|ask| add_needs(ask, needs)),
        Ask::Function { about: Subject::Header(name), .. } => needs.fields.push(name.clone()),
        Ask::Function { about: Subject::AnyHeader, .. } => needs.header = true,
        Ask::Function { about: Subject::Body | Subject::Text, .. } => needs.content = true,
        Ask::Function { about: Subject::Attachment, .. } => needs.structure = true,
        Ask::Function { about: Subject::Message, .. } => {}
    }
}

/// Gives what a function is called with, one after the other.
fn values(message: &MessageValue, about: &str) -> Result<Vec<String>> {
    match (about, about.strip_suffix(':')) {
        (_, Some(name)) => message.field_values(name),
        ("header", _) => {
            let headers = message.all_headers()?;
            Ok(headers.iter().map(|(name, value)| format!("{name}: {value}")).collect())
        }
        ("body", _) => Ok(vec![message.content()?.text()]),
        ("text", _) => {
            let content = message.content()?;
            let fields = content.headers().iter().map(|(_, value)| value);
            Ok(fields.chain([content.text()]).collect())
        }
        _ => Ok(message.attachments()?.iter().filter_map(|attachment| attachment.name.clone()).collect()),
    }
}

/// Makes an error of what Lua itself could not do.
pub(super) fn lost(error: impl std::fmt::Display) -> Error {
    Error::script(error.to_string(), "")
}

/// Makes the functions that call a script's functions.
pub(super) fn install(lua: &Lua) -> mlua::Result<Judges> {
    lua.set_app_data(Judging::default());
    let judge = lua.create_function(|lua, begins: bool| {
        if let Some(mut judging) = lua.app_data_mut::<Judging>() {
            judging.0 = if begins { judging.0 + 1 } else { judging.0.saturating_sub(1) };
        }
        Ok(())
    })?;
    let blame = lua.create_function(|lua, (thrown, message, rule): (Value, Value, Option<String>)| {
        let shown = message.to_string().unwrap_or_default();
        Ok(blame(lua, thrown, &shown, rule.as_deref()))
    })?;
    let values = function(lua, "search", |_, args| {
        let message = args.this::<MessageValue>()?;
        let about = args.text("what to ask about")?;
        values(&message, &about)
    })?;
    let open = function(lua, "search", |lua, args| args.this::<Open>()?.messages(lua))?;
    let ask_of = function(lua, "search", |_, args| {
        let open = args.this::<Open>()?;
        let message = args.this::<MessageValue>()?;
        let is = |(part, _): &&(Selection, Table)| message.is_of(part) && part.uids.contains(message.uid());
        Ok(open.asks.iter().find(is).map(|(_, ask)| ask.clone()))
    })?;
    let finish = function(lua, "search", |_, args| {
        let open = args.this::<Open>()?;
        let kept = args.table("a list of messages")?;
        let kept = kept.sequence_values().collect::<mlua::Result<Vec<_>>>().map_err(lost)?;
        Ok(SelectionValue::new(open.finish(&kept)?))
    })?;
    let chunk = lua.load(include_str!("judging.lua")).set_name("=[imapscript]");
    let (ask, holds, searching) = chunk.call((judge, blame, values, open, ask_of, finish))?;
    Ok(Judges { ask, holds, searching })
}
