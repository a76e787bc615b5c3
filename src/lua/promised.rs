use mlua::{Function, Lua};

use super::args::Args;
use super::bind::function;
use super::failure::{Failure, Place, places};
use super::judging::lost;
use super::judging::refuse_while_judging;
use super::rule_list::mailboxes;
use crate::error::{Class, Result};

/// Calls of `rules` that were not given their table, by where they are.
#[derive(Debug, Default)]
struct Promised {
    open: Vec<(usize, Vec<Place>)>,
    count: usize,
}

/// Gives the failure of a script that ended with a call of `rules` that was not given its table.
pub(super) fn left_open(lua: &Lua) -> Option<Failure> {
    let promised = lua.app_data_ref::<Promised>()?;
    let (_, places) = promised.open.first()?;
    Some(Failure {
        class: Class::Script,
        message: "`rules` was never given its rules, so nothing was done for them".to_owned(),
        hint: Some(
            "the table comes after the mailboxes: `rules(inbox) { { \"name\", where = … } }`".to_owned(),
        ),
        places: places.clone(),
        context: Vec::new(),
        exit: None,
    })
}

/// Notes a call of `rules`, and gives the function that says that its table came.
fn promise_rules(lua: &Lua, args: &mut Args) -> Result<Function> {
    refuse_while_judging(lua)?;
    mailboxes(&args.value())?;
    let here = places(lua);
    let number = lua.app_data_mut::<Promised>().map_or(0, |mut promised| {
        promised.count += 1;
        let number = promised.count;
        promised.open.push((number, here));
        number
    });
    let given = lua.create_function(move |lua, ()| {
        if let Some(mut promised) = lua.app_data_mut::<Promised>() {
            promised.open.retain(|(other, _)| *other != number);
        }
        Ok(())
    });
    given.map_err(lost)
}

/// Makes the function that notes a call of `rules`.
pub(super) fn install(lua: &Lua) -> mlua::Result<Function> {
    lua.set_app_data(Promised::default());
    function(lua, "rules", promise_rules)
}
