use std::os::unix::ffi::OsStrExt as _;

use mlua::{BString, Lua, MetaMethod, Table, UserDataMethods};

use super::bind::{Given, field, partial, register};
use super::failure::{hold, raise};
use super::selection::SelectionValue;
use crate::engine::{Account, Event, NameSpec, Remark, Report, Selection, SelectionSet};
use crate::error::Error;
use crate::mail::{Uid, UidSet};

/// A report as a script sees it: one action in one mailbox or several.
#[derive(Clone, Debug)]
pub(super) struct ReportValue {
    reports: Vec<Report>,
    /// The messages in the target, where the server said their UIDs.
    moved: Option<SelectionSet>,
}

impl ReportValue {
    /// Takes a report without the messages in the target.
    pub(super) fn bare(report: Report) -> Self {
        Self { reports: vec![report], moved: None }
    }

    /// Takes the report of messages that came from a file.
    pub(super) fn restored(report: Report, account: &Account) -> Self {
        let landed = report.landed.first().filter(|_| report.landed.len() == 1);
        let moved = landed.map(|landing| {
            let spec = NameSpec::Raw(landing.mailbox.wire().to_vec());
            SelectionSet::from(landing.selection(account.clone(), spec, report.mailbox.clone()))
        });
        Self { reports: vec![report], moved }
    }

    /// Takes the reports of an action on these selections.
    pub(super) fn of(done: Vec<(Report, Selection)>) -> Self {
        let mut moved: Option<SelectionSet> = None;
        let mut whole = true;
        for (report, selection) in &done {
            match (report.landed_selection(selection).map(SelectionSet::from), moved.take()) {
                (Some(landed), Some(before)) => moved = before.union(&landed).ok(),
                (Some(landed), None) => moved = Some(landed),
                (None, _) => whole &= report.done.is_empty(),
            }
        }
        let nothing = || {
            let (report, selection) = done.first()?;
            report.landed_nothing(selection).map(SelectionSet::from)
        };
        let moved = moved.or_else(nothing).filter(|_| whole);
        Self { reports: done.into_iter().map(|(report, _)| report).collect(), moved }
    }

    /// Gives the messages with which something failed, or may have.
    pub(super) fn troubled(&self) -> UidSet {
        let remarks = self.reports.iter().flat_map(|report| report.failed.iter().chain(&report.in_doubt));
        remarks.fold(UidSet::new(), |sum, remark| sum.union(&remark.uids))
    }

    fn first<T>(&self, of: impl Fn(&Report) -> T) -> Option<T> {
        self.reports.first().map(of)
    }

    fn count(&self) -> usize {
        self.reports.iter().map(|report| report.done.len()).sum()
    }

    fn remarks(&self, lua: &Lua, of: impl Fn(&Report) -> &Vec<Remark>) -> mlua::Result<Table> {
        remarks(lua, self.reports.iter().flat_map(of))
    }
}

/// Tells the user what an action did in a mailbox.
pub(super) fn tell(report: &Report, part: &Selection) {
    part.account.run().world.tell(Event::Done(Box::new(report.clone())));
}

/// Gives the script what an action did in each mailbox, or throws if any of it failed. `failed` is what ended it
/// somewhere.
pub(super) fn conclude(lua: &Lua, mut done: Vec<(Report, Selection)>, failed: Option<Error>) -> Given {
    for (report, _) in done.iter().filter(|(report, _)| !report.held.is_empty()) {
        let count = crate::engine::messages(report.held.len());
        hold(lua, format!("{count} of {} could only be copied and marked \\Deleted", report.mailbox));
    }
    if let Some(error) = failed {
        return Err(raise(lua, error, done.pop().map(|(report, _)| report)));
    }
    if let Some((report, _)) = done.iter().find(|(report, _)| !report.is_clean()) {
        return Err(raise(lua, partial(report), Some(report.clone())));
    }
    lua.pack_multi(ReportValue::of(done))
}

/// Makes a list of `{ uids = {…}, reason = "…" }`.
fn remarks<'a>(lua: &Lua, list: impl Iterator<Item = &'a Remark>) -> mlua::Result<Table> {
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
        field(lua, to, "action", |_, this: &ReportValue| Ok(this.first(|report| report.verb.done())));
        field(lua, to, "account", |_, this| Ok(this.first(|report| report.account.clone())));
        field(lua, to, "mailbox", |_, this| Ok(this.first(|report| report.mailbox.clone())));
        field(lua, to, "target", |_, this| Ok(this.first(|report| report.object.clone()).flatten()));
        field(lua, to, "count", |_, this| Ok(this.count()));
        field(lua, to, "uids", |lua, this| {
            let uids = this.reports.iter().flat_map(|report| report.done.iter().map(Uid::get));
            lua.create_sequence_from(uids)
        });
        field(lua, to, "moved", |_, this| Ok(this.moved.clone().map(SelectionValue::new)));
        field(lua, to, "saved", |lua, this| {
            let files = this.reports.iter().flat_map(|report| &report.files);
            lua.create_sequence_from(files.map(|path| BString::from(path.as_os_str().as_bytes())))
        });
        field(lua, to, "skipped", |lua, this| this.remarks(lua, |report| &report.skipped));
        field(lua, to, "failed", |lua, this| this.remarks(lua, |report| &report.failed));
        field(lua, to, "in_doubt", |lua, this| this.remarks(lua, |report| &report.in_doubt));
        field(lua, to, "notes", |lua, this| {
            lua.create_sequence_from(this.reports.iter().flat_map(|report| report.notes.clone()))
        });
        to.add_meta_method(MetaMethod::Len, |_, this, ()| Ok(this.count()));
        to.add_meta_method(MetaMethod::ToString, |_, this, ()| {
            let texts: Vec<_> = this.reports.iter().map(ToString::to_string).collect();
            Ok(texts.join("\n"))
        });
        Ok(())
    })
}
