use std::cell::Cell;
use std::rc::Rc;

use mlua::{Function, Lua, MetaMethod, UserDataMethods, Value};

use super::account::thrown;
use super::args::Args;
use super::bind::{Promise, field, function, job, job_method, lua_method, method, register};
use super::destination;
use super::judging::{Judges, Open, refuse_while_judging};
use super::keep;
use super::labels;
use super::limit::own_limit;
use super::mailbox::flags;
use super::message::MessageValue;
use super::messages::{self, Wanted};
use super::report::{conclude, tell};
use super::several::first_of;
use crate::engine::apply::{Action, apply};
use crate::engine::{
    NameSpec, Query, Removal, Report, Reserved, Selection, SelectionSet, Ticket, Together, Waiting, removed,
    search,
};
use crate::error::{Error, Result};
use crate::imap::{Access, Fetch, FetchItem, Section};
use crate::mail::{Flag, Headers, UidValidity};

/// A selection as a script holds it.
#[derive(Clone, Debug)]
pub(super) struct SelectionValue {
    set: SelectionSet,
    /// A removing action was done to it: its messages are not there any more.
    spent: Rc<Cell<bool>>,
}

super::bind::handle!(SelectionValue);

impl SelectionValue {
    pub(super) fn new(set: impl Into<SelectionSet>) -> Self {
        Self { set: set.into(), spent: Rc::default() }
    }

    /// Refuses a selection whose messages were moved away.
    pub(super) fn check(&self) -> Result<&SelectionSet> {
        if self.spent.get() {
            return Err(Error::script(
                "this selection was moved away: its messages are not in the mailbox any more",
                "the report of the action has them as `report.moved`",
            ));
        }
        Ok(&self.set)
    }

    /// Gives its messages to an action, which must not come from a function that judges messages.
    pub(super) fn acting(&self, lua: &Lua) -> Result<&SelectionSet> {
        refuse_while_judging(lua)?;
        self.check()
    }

    /// Does an action in each mailbox, tells the user, and throws if any of it failed.
    fn act(&self, lua: &Lua, action: Action) -> Result<Promise> {
        self.act_within(lua, action, None)
    }

    /// Does the same with an action that may have a limit of its own.
    fn act_within(&self, lua: &Lua, action: Action, limit: Option<usize>) -> Result<Promise> {
        let parts = self.acting(lua)?.occupied();
        let removals =
            parts.iter().filter_map(|part| Removal::of(part, std::slice::from_ref(&action), limit));
        let waiting = Waiting::begin(removals.collect())?;
        let spent = Rc::clone(&self.spent);
        if waiting.is_over() {
            return Ok(carry_out(parts, &action, waiting.wait()?, spent));
        }
        Ok(Promise::then(waiting.signals(), move |lua| {
            let reserved = thrown(lua, waiting.wait())?;
            Ok(carry_out(parts, &action, reserved, spent))
        }))
    }

    /// Reads the other operand of `+`, `*` or `-`.
    fn operand(lua: &Lua, value: &Value) -> mlua::Result<SelectionSet> {
        let other = value.as_userdata().and_then(|data| data.borrow::<Self>().ok());
        let set = match &other {
            Some(other) => other.check().cloned(),
            None => Err(Error::script(
                format!("a selection can't be combined with a {}", value.type_name()),
                "`+`, `*` and `-` join, cross and subtract selections",
            )),
        };
        thrown(lua, set)
    }
}

/// Reads the flags of `mark` and `unmark`: an action that adds them or takes them away.
///
/// Errors: there are none, or `\\Deleted` is to be taken away.
pub(super) fn marking(args: &mut Args, on: bool) -> Result<Action> {
    let mut all = Vec::new();
    while !args.is_nil() {
        let value = args.value();
        all.extend(flags(args, &value)?);
    }
    if all.is_empty() {
        let hint = "name them: `mark(\"seen\")`, `mark(\"flagged\", \"$Important\")`";
        return Err(Error::script("no flags were given", hint));
    }
    if all.contains(&Flag::Deleted) && !on {
        return Err(Error::script(
            "\\Deleted can't be taken away: the original of a message that was moved would come back",
            "`copy` one that was marked by mistake",
        ));
    }
    Ok(if on { Action::Mark(all) } else { Action::Unmark(all) })
}

/// What messages can be put in order by.
#[derive(Clone, Copy, Debug)]
enum Key {
    Received,
    Size,
    Date,
    Subject,
    From,
}

impl Key {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "received" => Self::Received,
            "size" => Self::Size,
            "date" => Self::Date,
            "subject" => Self::Subject,
            "from" => Self::From,
            _ => return None,
        })
    }

    /// Gives what must be fetched for it, and nothing else.
    fn item(self) -> FetchItem {
        match self {
            Self::Received => FetchItem::InternalDate,
            Self::Size => FetchItem::Size,
            Self::Date | Self::Subject | Self::From => FetchItem::Section(self.section()),
        }
    }

    fn section(self) -> Section {
        let name = match self {
            Self::Subject => "subject",
            Self::From => "from",
            Self::Received | Self::Size | Self::Date => "date",
        };
        Section::Fields(vec![name.to_owned()])
    }

    /// Gives what is compared: a number, and a text among equal numbers.
    fn of(self, fetch: &Fetch) -> (i64, String) {
        let headers = fetch.section(&self.section()).map(Headers::parse).unwrap_or_default();
        match self {
            Self::Received => {
                (fetch.internal_date.map_or(0, |date| date.timestamp().as_second()), String::new())
            }
            Self::Size => (fetch.size.and_then(|size| i64::try_from(size).ok()).unwrap_or(0), String::new()),
            Self::Date => (headers.date().map_or(0, |date| date.timestamp().as_second()), String::new()),
            Self::Subject => (0, headers.subject().unwrap_or_default().to_lowercase()),
            Self::From => {
                let first = headers.addresses("from").into_iter().next().unwrap_or_default();
                (0, first.email.to_lowercase())
            }
        }
    }
}

/// Begins an action in each mailbox, and promises the report of it.
fn carry_out(parts: Vec<Selection>, action: &Action, reserved: Reserved, spent: Rc<Cell<bool>>) -> Promise {
    let removes = action.removes();
    let begin = |part: Selection| (apply(part.clone(), action.clone()), part);
    let jobs: Vec<(Ticket<Report>, Selection)> = parts.into_iter().map(begin).collect();
    let signals: Vec<_> = jobs.iter().map(|(ticket, _)| ticket.signal()).collect();
    Promise::after(signals, move |lua| {
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for (ticket, part) in jobs {
            match ticket.wait() {
                Ok(report) => {
                    tell(&report, &part);
                    done.push((report, part));
                }
                // Nothing was changed in this mailbox.
                Err(error) => failed.push(error),
            }
        }
        reserved.settle(removed(done.iter().map(|(report, _)| report)));
        spent.set(removes && !done.is_empty());
        conclude(lua, done, first_of(lua, failed))
    })
}

/// Puts a selection in order by a key, and keeps the first `count`.
fn arrange(this: &SelectionValue, key: Key, descending: bool, count: usize) -> Result<Promise> {
    let set = this.check()?.clone();
    let together = Together::of(set.parts().iter().map(|part| &part.account));
    let tickets: Vec<_> = set.parts().iter().map(|part| part.fetch(vec![key.item()])).collect();
    drop(together);
    let signals: Vec<_> = tickets.iter().map(Ticket::signal).collect();
    Ok(Promise::after(signals, move |lua| {
        let mut keys = Vec::with_capacity(set.len());
        for (at, ticket) in tickets.into_iter().enumerate() {
            for fetch in thrown(lua, ticket.wait())? {
                keys.extend(fetch.uid.map(|uid| (key.of(&fetch), at, uid)));
            }
        }
        keys.sort_by(|(a, a_part, a_uid), (b, b_part, b_uid)| {
            let order = if descending { b.cmp(a) } else { a.cmp(b) };
            order.then((a_part, a_uid).cmp(&(b_part, b_uid)))
        });
        keys.dedup_by_key(|(_, at, uid)| (*at, *uid));
        keys.truncate(count);
        let list = keys.into_iter().map(|(_, at, uid)| (at, uid)).collect();
        lua.pack_multi(SelectionValue::new(set.pick(list)))
    }))
}

fn count(args: &mut Args) -> Result<usize> {
    let value = args.value();
    let number = value.as_i64().and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| args.wrong("how many messages", &value))
}

fn sort(this: &SelectionValue, args: &mut Args) -> Result<Promise> {
    let text = args.text("what to sort by, such as \"received\" or \"-size\"")?;
    let (descending, name) = text.strip_prefix('-').map_or((false, text.as_str()), |name| (true, name));
    let key = Key::read(name).ok_or_else(|| {
        let what = format!("messages can't be sorted by `{}`", crate::error::visible(name));
        Error::script(
            what,
            "there are received, date, size, subject and from; a leading `-` turns the order round",
        )
    })?;
    arrange(this, key, descending, usize::MAX)
}

/// Searches within a selection.
fn search_within(this: &SelectionValue, args: &mut Args) -> Result<Promise> {
    let set = this.check()?.clone();
    let (literal, functions) = args.query()?;
    let _together = Together::of(set.parts().iter().map(|part| &part.account));
    let mut tickets = Vec::new();
    for part in set.parts().iter().filter(|part| !part.uids.is_empty()) {
        let asked = Query::read(&literal, &part.account.run().now())?;
        let query = Query::All(vec![Query::Uids(part.uids.clone()), part.query.clone(), asked]);
        let opened = part.read_only.then_some(Access::Read);
        let spec = NameSpec::Raw(part.name.wire().to_vec());
        tickets.push(search(&part.account, spec, opened, query));
    }
    Ok(Open::promise(tickets, functions, Some(set)))
}

/// Gives those messages of a selection that are in a list of messages.
fn pick(this: &SelectionValue, args: &mut Args) -> Result<SelectionValue> {
    let set = this.check()?;
    let mut list = Vec::new();
    for value in args.table("a list of messages")?.sequence_values::<mlua::AnyUserData>() {
        let value = value.map_err(|error| Error::script(error.to_string(), ""))?;
        let message = value.borrow::<MessageValue>().map_err(|error| Error::script(error.to_string(), ""))?;
        list.extend(set.parts().iter().position(|part| message.is_of(part)).map(|at| (at, message.uid())));
    }
    Ok(SelectionValue::new(set.pick(list)))
}

/// Registers the type.
pub(super) fn install(lua: &Lua, judges: &Judges) -> mlua::Result<()> {
    let pick = function(lua, "filter", |_, args| {
        let this = args.this::<SelectionValue>()?;
        pick(&this, args)
    })?;
    let within: Function = judges.searching.call(job(lua, "filter", 2, |_, args| {
        let this = args.this::<SelectionValue>()?;
        search_within(&this, args)
    })?)?;
    let chunk = lua.load(include_str!("selection.lua")).set_name("=[imapscript]");
    let (filter, group_by): (Function, Function) = chunk.call((&judges.ask, pick, within))?;
    register(lua, |lua, to| {
        lua_method(lua, to, "filter", filter);
        lua_method(lua, to, "group_by", group_by);
        add_actions(lua, to)?;
        add(lua, to)
    })
}

fn add_actions(lua: &Lua, to: &mut mlua::UserDataRegistry<SelectionValue>) -> mlua::Result<()> {
    job_method(lua, to, "move", 2, |lua, this: &SelectionValue, args| {
        let (action, limit) = destination::read(args, true)?;
        this.act_within(lua, action, limit)
    })?;
    job_method(lua, to, "copy", 2, |lua, this: &SelectionValue, args| {
        this.act(lua, destination::read(args, false)?.0)
    })?;
    job_method(lua, to, "purge", 1, |lua, this: &SelectionValue, args| {
        let (action, limit) = keep::purging(args)?;
        this.act_within(lua, action, limit)
    })?;
    job_method(lua, to, "trash", 1, |lua, this: &SelectionValue, args| {
        this.act_within(lua, Action::Trash, own_limit(args)?)
    })?;
    keep::add_to_selection(lua, to)?;
    job_method(lua, to, "mark", usize::MAX, |lua, this: &SelectionValue, args| {
        this.act(lua, marking(args, true)?)
    })?;
    job_method(lua, to, "unmark", usize::MAX, |lua, this: &SelectionValue, args| {
        this.act(lua, marking(args, false)?)
    })?;
    job_method(lua, to, "label", usize::MAX, |lua, this: &SelectionValue, args| {
        this.act(lua, Action::Label(labels::read(args)?))
    })?;
    job_method(lua, to, "unlabel", usize::MAX, |lua, this: &SelectionValue, args| {
        this.act(lua, Action::Unlabel(labels::read(args)?))
    })
}

/// What `+`, `*` and `-` do.
type Operation = fn(&SelectionSet, &SelectionSet) -> Result<SelectionSet>;

fn add(lua: &Lua, to: &mut mlua::UserDataRegistry<SelectionValue>) -> mlua::Result<()> {
    job_method(lua, to, "newest", 1, |_, this, args| arrange(this, Key::Received, true, count(args)?))?;
    job_method(lua, to, "oldest", 1, |_, this, args| arrange(this, Key::Received, false, count(args)?))?;
    job_method(lua, to, "sort", 1, |_, this, args| sort(this, args))?;
    method(lua, to, "messages", |lua, this: &SelectionValue, args| {
        let wanted = Wanted::read(args)?;
        let step = messages::iterator(lua, this.check()?, wanted.needs());
        step.map_err(|error| Error::script(error.to_string(), ""))
    })?;
    field(lua, to, "uids", |lua, this| {
        lua.create_sequence_from(this.set.in_order().into_iter().map(|(_, uid)| uid.get()))
    });
    field(lua, to, "mailbox", |_, this| Ok(this.set.parts().first().map(|part| part.shown.clone())));
    field(lua, to, "mailboxes", |lua, this| {
        lua.create_sequence_from(this.set.occupied().into_iter().map(|part| part.shown))
    });
    field(lua, to, "uid_validity", |_, this| {
        Ok(this.set.parts().first().and_then(|part| part.validity).map(UidValidity::get))
    });
    let operations: [(MetaMethod, Operation); 3] = [
        (MetaMethod::Add, SelectionSet::union),
        (MetaMethod::Mul, SelectionSet::intersection),
        (MetaMethod::Sub, SelectionSet::difference),
    ];
    for (name, operation) in operations {
        to.add_meta_function(name, move |lua, (a, b): (Value, Value)| {
            let (a, b) = (SelectionValue::operand(lua, &a)?, SelectionValue::operand(lua, &b)?);
            Ok(SelectionValue::new(thrown(lua, operation(&a, &b))?))
        });
    }
    to.add_meta_method(MetaMethod::Len, |_, this, ()| Ok(this.set.len()));
    to.add_meta_method(MetaMethod::ToString, |_, this, ()| {
        let shown: Vec<_> = this.set.occupied().into_iter().map(|part| part.shown).collect();
        Ok(format!("{} of {}", crate::engine::messages(this.set.len()), shown.join(", ")))
    });
    Ok(())
}
