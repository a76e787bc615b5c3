use mlua::{Lua, MetaMethod, Table, UserData, UserDataFields, UserDataMethods};

use super::selection::SelectionValue;
use crate::engine::{Remark, Report, Selection};

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
        entry.raw_set("uids", lua.create_sequence_from(remark.uids.iter().map(crate::mail::Uid::get))?)?;
        entry.raw_set("reason", remark.reason.clone())?;
        table.raw_push(entry)?;
    }
    Ok(table)
}

impl UserData for ReportValue {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        fields.add_field_method_get("action", |_, this| Ok(this.report.verb.done()));
        fields.add_field_method_get("mailbox", |_, this| Ok(this.report.mailbox.clone()));
        fields.add_field_method_get("target", |_, this| Ok(this.report.object.clone()));
        fields.add_field_method_get("count", |_, this| Ok(this.report.done.len()));
        fields.add_field_method_get("uids", |lua, this| {
            lua.create_sequence_from(this.report.done.iter().map(crate::mail::Uid::get))
        });
        fields.add_field_method_get("moved", |_, this| Ok(this.moved.clone().map(SelectionValue::new)));
        fields.add_field_method_get("skipped", |lua, this| remarks(lua, &this.report.skipped));
        fields.add_field_method_get("failed", |lua, this| remarks(lua, &this.report.failed));
        fields.add_field_method_get("in_doubt", |lua, this| remarks(lua, &this.report.in_doubt));
        fields.add_field_method_get("notes", |lua, this| lua.create_sequence_from(this.report.notes.clone()));
    }

    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_meta_method(MetaMethod::Len, |_, this, ()| Ok(this.report.done.len()));
        methods.add_meta_method(MetaMethod::ToString, |_, this, ()| Ok(this.report.to_string()));
    }
}
