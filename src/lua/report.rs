use mlua::{Lua, MetaMethod, Table, UserDataMethods};

use super::bind::{field, register};
use super::selection::SelectionValue;
use crate::engine::{Remark, Report, Selection};
use crate::mail::Uid;

/// A report as a script sees it.
#[derive(Clone, Debug)]
pub(super) struct ReportValue {
    report: Report,
    /// The messages in the target, where the server said their UIDs.
    moved: Option<Selection>,
}

impl ReportValue {
    /// Takes a report without the messages in the target.
    pub(super) fn bare(report: Report) -> Self {
        Self { report, moved: None }
    }

    /// Takes a report of an action on this selection.
    pub(super) fn of(report: Report, selection: &Selection) -> Self {
        let moved = report.landed_selection(selection);
        Self { report, moved }
    }
}

/// Makes a list of `{ uids = {…}, reason = "…" }`.
fn remarks(lua: &Lua, list: &[Remark]) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    for remark in list {
        let entry = lua.create_table()?;
        entry.raw_set("uids", lua.create_sequence_from(remark.uids.iter().map(Uid::get))?)?;
        entry.raw_set("reason", remark.reason.clone())?;
        table.raw_push(entry)?;
    }
    Ok(table)
}

super::bind::handle!(ReportValue);

/// Registers the type.
pub(super) fn install(lua: &Lua) -> mlua::Result<()> {
    register(lua, |lua, to| {
        field(lua, to, "action", |_, this: &ReportValue| Ok(this.report.verb.done()));
        field(lua, to, "account", |_, this| Ok(this.report.account.clone()));
        field(lua, to, "mailbox", |_, this| Ok(this.report.mailbox.clone()));
        field(lua, to, "target", |_, this| Ok(this.report.object.clone()));
        field(lua, to, "count", |_, this| Ok(this.report.done.len()));
        field(lua, to, "uids", |lua, this| lua.create_sequence_from(this.report.done.iter().map(Uid::get)));
        field(lua, to, "moved", |_, this| Ok(this.moved.clone().map(SelectionValue::new)));
        field(lua, to, "skipped", |lua, this| remarks(lua, &this.report.skipped));
        field(lua, to, "failed", |lua, this| remarks(lua, &this.report.failed));
        field(lua, to, "in_doubt", |lua, this| remarks(lua, &this.report.in_doubt));
        field(lua, to, "notes", |lua, this| lua.create_sequence_from(this.report.notes.clone()));
        to.add_meta_method(MetaMethod::Len, |_, this, ()| Ok(this.report.done.len()));
        to.add_meta_method(MetaMethod::ToString, |_, this, ()| Ok(this.report.to_string()));
        Ok(())
    })
}
