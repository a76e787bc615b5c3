//! `watch { [mailbox] = function(new) … end }`: functions of the script's that are called as messages come.

use std::cell::RefCell;
use std::time::Duration;

use mlua::{Function, Lua, UserData, Value};

use super::args::Args;
use super::bind::{Promise, function, job, put};
use super::failure::{class, describe, hold, leaves_doubt_only, noting};
use super::judging::{lost, refuse_while_judging};
use super::mailbox::MailboxValue;
use super::selection::SelectionValue;
use super::vm::Raw;
use crate::engine::{Account, Event, NameSpec, News, Pace, Run, SelectionSet, Watch, Woken};
use crate::error::{Class, Error, Result, visible};

/// How often something is tried again that was done in part.
const TRIES: u32 = 3;

const USAGE: &str = "`watch { [account:mailbox \"INBOX\"] = function(new) … end }`";

/// A call of `watch` on its way.
struct Watching(RefCell<State>);

struct State {
    watch: Watch,
    /// How often a function failed.
    failed: usize,
}

/// What is new in a mailbox.
struct NewsValue(News);

impl UserData for Watching {}

impl UserData for NewsValue {}

/// Reads the mailboxes and their functions, and begins to watch.
fn read(run: &Run, args: &mut Args) -> Result<(Watching, Vec<Function>)> {
    let table = args.table("a table of mailboxes and functions")?;
    let mut pace = Pace::default();
    let mut mailboxes: Vec<(Account, NameSpec)> = Vec::new();
    let mut functions = Vec::new();
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair.map_err(lost)?;
        let mailbox = key.as_userdata().and_then(|data| data.borrow::<MailboxValue>().ok());
        match (mailbox, value) {
            (Some(mailbox), Value::Function(function)) => {
                mailboxes.push((mailbox.account().clone(), mailbox.spec().clone()));
                functions.push(function);
            }
            (Some(mailbox), value) => {
                let what = format!(
                    "`watch` wants a function for {} but got a {}",
                    mailbox.spec().shown(),
                    value.type_name()
                );
                return Err(Error::script(what, USAGE));
            }
            (None, value) => match key.as_string().map(mlua::LuaString::to_string_lossy).as_deref() {
                Some("renew") => pace.renew = seconds("renew", &value)?,
                Some("poll") => pace.poll = seconds("poll", &value)?,
                Some("connections") => pace.connections = Some(connections(&value)?),
                name => {
                    let key = name.map_or_else(
                        || format!("a {}", key.type_name()),
                        |name| format!("`{}`", visible(name)),
                    );
                    let hint = format!(
                        "{USAGE}; beside mailboxes there are `connections`, and `renew` and `poll` in seconds"
                    );
                    return Err(Error::script(
                        format!("`watch` wants mailboxes as keys but got {key}"),
                        hint,
                    ));
                }
            },
        }
    }
    if mailboxes.is_empty() {
        return Err(Error::script("`watch` got no mailbox", USAGE));
    }
    let watch = Watch::begin(run, mailboxes, pace)?;
    Ok((Watching(RefCell::new(State { watch, failed: 0 })), functions))
}

fn connections(value: &Value) -> Result<usize> {
    let number = value.as_i64().and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0);
    number.ok_or_else(|| Error::script("`connections` must be a positive whole number", USAGE))
}

fn seconds(name: &str, value: &Value) -> Result<Duration> {
    let number = value
        .as_f64()
        .or_else(|| value.as_i64().and_then(|number| u32::try_from(number).ok()).map(f64::from));
    let time = number.and_then(|number| Duration::try_from_secs_f64(number).ok());
    time.filter(|time| !time.is_zero())
        .ok_or_else(|| Error::script(format!("`{name}` must be a number of seconds above 0"), USAGE))
}

/// Waits for news: gives a mailbox's number, from 1, or nothing at the end.
fn wait(run: &Run, state: &mut State) -> Option<usize> {
    match state.watch.wait() {
        Woken::News(number) => Some(number + 1),
        Woken::Ended => {
            // What the user wanted is the end of the watch, and it has come.
            state.watch.end();
            run.context.interrupt.lower();
            None
        }
    }
}

/// Tells of something that went wrong.
fn tell(lua: &Lua, run: &Run, state: &mut State, number: usize, thrown: &Value, again: bool) {
    let failure = describe(lua, thrown, Vec::new());
    let place =
        failure.places.first().map(|place| format!(" ({}:{})", place.file, place.line)).unwrap_or_default();
    let hint = if again { "; it is tried again" } else { "" };
    let text = format!("{}: {}{place}{hint}", state.watch.shown(number), failure.message);
    // A line that breaks now and then is no news. One that stays down is.
    if !again || state.watch.failures(number) + 1 == TRIES {
        run.world.tell(Event::Log("error", text));
    }
    state.failed += usize::from(!again);
}

/// Installs `watch`.
pub(super) fn install(lua: &Lua, raw: &Raw, run: &Run) -> mlua::Result<()> {
    let of = run.clone();
    let read = function(lua, "watch", move |lua, args| {
        refuse_while_judging(lua)?;
        read(&of, args)
    })?;
    let of = run.clone();
    let wait = function(lua, "watch", move |_, args| {
        let watching = args.this::<Watching>()?;
        args.value();
        let mut state = watching.0.borrow_mut();
        Ok(wait(&of, &mut state))
    })?;
    let look = job(lua, "watch", 2, |_, args| {
        let watching = args.this::<Watching>()?;
        let ticket = watching.0.borrow().watch.look(number(args));
        let ticket = ticket.ok_or_else(|| lost("a mailbox that is not watched"))?;
        Ok(Promise::new(ticket, |_, news| Ok(NewsValue(news))))
    })?;
    let has_begun = function(lua, "watch", |_, args| {
        let watching = args.this::<Watching>()?;
        let begun = watching.0.borrow().watch.has_begun(number(args));
        Ok(begun)
    })?;
    let selection_of = function(lua, "watch", |_, args| {
        Ok(SelectionValue::new(SelectionSet::from(args.this::<NewsValue>()?.0.selection.clone())))
    })?;
    let done = function(lua, "watch", |_, args| {
        let watching = args.this::<Watching>()?;
        let number = number(args);
        let news = args.value();
        let well = args.value() == Value::Boolean(true);
        let news = news.as_userdata().and_then(|data| data.borrow::<NewsValue>().ok());
        match news {
            Some(news) => watching.0.borrow_mut().watch.done(number, &news.0, well),
            None => Err(lost("no news")),
        }
    })?;
    let put_off = function(lua, "watch", |_, args| {
        let watching = args.this::<Watching>()?;
        let number = number(args);
        watching.0.borrow_mut().watch.put_off(number)
    })?;
    let finish = function(lua, "watch", |lua, args| {
        let watching = args.this::<Watching>()?;
        let mut state = watching.0.borrow_mut();
        state.watch.end();
        match std::mem::take(&mut state.failed) {
            0 => {}
            1 => hold(lua, "a function of `watch` failed once".to_owned()),
            times => hold(lua, format!("functions of `watch` failed {times} times")),
        }
        Ok(())
    })?;
    let (note, ends_run) = noting(lua)?;
    let passes = function(lua, "watch", |_, args| {
        let watching = args.this::<Watching>()?;
        let number = number(args);
        let tries = watching.0.borrow().watch.failures(number);
        let thrown = args.value();
        Ok(match class(&thrown) {
            Class::Connection | Class::Locked => true,
            // What a broken connection left in doubt is settled when it is tried again. What a server refuses it may
            // refuse again and again.
            Class::Partial => leaves_doubt_only(&thrown) || tries < TRIES,
            _ => false,
        })
    })?;
    let of = run.clone();
    let tell = function(lua, "watch", move |lua, args| {
        let watching = args.this::<Watching>()?;
        let number = number(args);
        let thrown = args.value();
        let again = args.value() == Value::Boolean(true);
        tell(lua, &of, &mut watching.0.borrow_mut(), number, &thrown, again);
        Ok(())
    })?;
    let chunk = lua.load(include_str!("watch.lua")).set_name("=[imapscript]");
    let watch: Function = chunk.call((
        raw.table(lua)?,
        read,
        wait,
        look,
        has_begun,
        selection_of,
        done,
        put_off,
        finish,
        note,
        ends_run,
        passes,
        tell,
    ))?;
    put(lua, None, "watch", watch)
}

/// Reads a mailbox's number: they count from 0 where they are kept.
fn number(args: &mut Args) -> usize {
    args.value().as_usize().and_then(|number| number.checked_sub(1)).unwrap_or(usize::MAX)
}
