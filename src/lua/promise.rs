use std::time::Instant;

use mlua::{AnyUserData, Function, IntoLua, IntoLuaMulti, Lua, MultiValue, Table, UserData, Value};

use super::bind::{Checking, Given};
use super::failure::raise;
use super::judging::is_judging;
use crate::engine::{Signal, Ticket};

/// The second half of a call that a server has to answer.
pub(super) struct Promise {
    /// `None` once it was kept.
    finish: Option<Finish>,
    /// The jobs that it waits for.
    signals: Vec<Signal>,
    /// The time that it waits for.
    until: Option<Instant>,
}

/// What is left to do for a call's result.
type Finish = Box<dyn FnOnce(&Lua) -> mlua::Result<Step>>;

enum Step {
    /// The result.
    Given(MultiValue),
    /// What had to be known first is known; now the result is waited for.
    More(Promise),
}

impl UserData for Promise {}

impl Promise {
    /// Promises a ticket's result, converted by `convert`.
    pub(super) fn new<T: 'static, R: IntoLuaMulti>(
        ticket: Ticket<T>,
        convert: impl FnOnce(&Lua, T) -> mlua::Result<R> + 'static,
    ) -> Self {
        Self::after([ticket.signal()], move |lua| {
            let result = ticket.wait().map_err(|error| raise(lua, error, None))?;
            convert(lua, result)?.into_lua_multi(lua)
        })
    }

    /// Promises what `finish` gives, which nothing is waited for.
    pub(super) fn of(finish: impl FnOnce(&Lua) -> Given + 'static) -> Self {
        Self::after([], finish)
    }

    /// Promises what `finish` gives, which waits for these jobs.
    pub(super) fn after(
        signals: impl IntoIterator<Item = Signal>,
        finish: impl FnOnce(&Lua) -> Given + 'static,
    ) -> Self {
        let finish: Finish = Box::new(move |lua| finish(lua).map(Step::Given));
        Self { finish: Some(finish), signals: signals.into_iter().collect(), until: None }
    }

    /// Promises what comes of the promise that `go_on` gives, which waits for these jobs.
    pub(super) fn then(
        signals: impl IntoIterator<Item = Signal>,
        go_on: impl FnOnce(&Lua) -> mlua::Result<Self> + 'static,
    ) -> Self {
        let finish: Finish = Box::new(move |lua| go_on(lua).map(Step::More));
        Self { finish: Some(finish), signals: signals.into_iter().collect(), until: None }
    }

    /// Promises what `finish` gives, which waits for a time, if there is one that far.
    pub(super) fn at(time: Option<Instant>, finish: impl FnOnce(&Lua) -> Given + 'static) -> Self {
        Self { until: time, ..Self::of(finish) }
    }

    /// Tells whether it can be kept without waiting.
    fn is_ready(&self) -> bool {
        self.signals.iter().all(Signal::is_raised) && self.until.is_none_or(|until| Instant::now() >= until)
    }
}

/// Keeps a promise: gives nothing and its result, or else the next promise.
fn keep(lua: &Lua, promise: &AnyUserData) -> Given {
    let finish = promise.borrow_mut::<Promise>()?.finish.take();
    match finish {
        Some(finish) if lua.app_data_ref::<Checking>().is_none() => match finish(lua)? {
            Step::Given(mut values) => {
                values.push_front(Value::Nil);
                Ok(values)
            }
            Step::More(next) => lua.pack_multi(next.into_lua(lua)?),
        },
        _ => lua.pack_multi(()),
    }
}

/// Makes functions of the halves of calls.
struct Shim {
    make: Function,
    /// The coroutines that are put to sleep where a server is waited for.
    tasks: Table,
}

/// Gives the function that makes one of the first half of a call.
pub(super) fn shim(lua: &Lua) -> mlua::Result<Function> {
    let shim = lua.app_data_ref::<Shim>();
    shim.map(|shim| shim.make.clone()).ok_or_else(|| mlua::Error::runtime("a state without promises"))
}

/// Gives the table whose keys are the coroutines that are put to sleep where a server is waited for.
pub(super) fn tasks(lua: &Lua) -> mlua::Result<Table> {
    let shim = lua.app_data_ref::<Shim>();
    shim.map(|shim| shim.tasks.clone()).ok_or_else(|| mlua::Error::runtime("a state without promises"))
}

/// Makes the function that tells whether what a task waits for is there. What is no promise is not waited for.
pub(super) fn is_ready(lua: &Lua) -> mlua::Result<Function> {
    lua.create_function(|_, value: Value| {
        let promise = value.as_userdata().and_then(|data| data.borrow::<Promise>().ok());
        Ok(promise.is_none_or(|promise| promise.is_ready()))
    })
}

/// Makes the function that keeps a promise, step by step.
pub(super) fn keeper(lua: &Lua) -> mlua::Result<Function> {
    lua.create_function(|lua, promise: AnyUserData| keep(lua, &promise))
}

/// Makes what turns calls' halves into functions.
pub(super) fn install(lua: &Lua) -> mlua::Result<()> {
    let tasks = lua.create_table()?;
    // A function that judges messages is not put to sleep: what other tasks do meanwhile would be held for its doing.
    let may_sleep = lua.create_function(|lua, ()| Ok(!is_judging(lua)))?;
    let chunk = lua.load(include_str!("promise.lua")).set_name("=[imapscript]");
    let make = chunk.call((keeper(lua)?, &tasks, may_sleep))?;
    lua.set_app_data(Shim { make, tasks });
    Ok(())
}
