use mlua::{Lua, LuaString, Table, UserDataRef};

use super::mailbox::{MailboxHandle, uids};
use super::vm::soft;
use crate::engine::apply::{Across, Action, append, apply};
use crate::engine::{Event, Removal, Report, Waiting, messages};
use crate::error::{Error, visible};
use crate::lua::hold;
use crate::mail::{Flag, InternalDate};

/// Installs what changes messages.
pub(super) fn install(lua: &Lua, native: &Table) -> mlua::Result<()> {
    native.raw_set("act", lua.create_function(act)?)?;
    native.raw_set("append", lua.create_function(add)?)
}

/// Reads a list of flags as IMAP writes them. `\Recent` can't be set and is passed over, as it comes along with what
/// `fetch_flags` gives.
fn flags(lua: &Lua, list: &Table) -> mlua::Result<Option<Vec<Flag>>> {
    let mut all = Vec::new();
    for text in list.sequence_values::<LuaString>() {
        let text = text?.to_string_lossy();
        let flag = Flag::parse(&text).ok_or_else(|| {
            Error::script(format!("`{}` is no flag", visible(&text)), "a keyword is one word of ASCII")
        });
        match soft(lua, flag)? {
            Some(Flag::Recent) => {}
            Some(flag) => all.push(flag),
            None => return Ok(None),
        }
    }
    Ok(Some(all))
}

/// Reads what is to be done.
fn action(lua: &Lua, table: &Table) -> mlua::Result<Option<Action>> {
    let verb: LuaString = table.raw_get("verb")?;
    let across = || -> mlua::Result<Across> {
        let to: UserDataRef<MailboxHandle> = table.raw_get("to")?;
        Ok(Across { account: to.account().clone(), spec: to.spec().clone(), accept_rewritten: false })
    };
    let marks = || -> mlua::Result<Option<Vec<Flag>>> { flags(lua, &table.raw_get("flags")?) };
    Ok(match verb.as_bytes().as_ref() {
        b"move" => Some(Action::MoveAcross(across()?)),
        b"copy" => Some(Action::CopyAcross(across()?)),
        b"purge" => Some(Action::Purge),
        b"unmark" => marks()?.map(Action::Unmark),
        _ => marks()?.map(Action::Mark),
    })
}

/// Does something to messages of a mailbox, and says whether it was done to all.
fn act(
    lua: &Lua,
    (mailbox, list, table, info): (UserDataRef<MailboxHandle>, Table, Table, bool),
) -> mlua::Result<bool> {
    let (Some(action), Some(selection)) = (action(lua, &table)?, mailbox.selection(lua, uids(&list)?)?)
    else {
        return Ok(false);
    };
    let run = mailbox.account().run();
    let before = run.created.load(std::sync::atomic::Ordering::Relaxed);
    let removals = Removal::of(&selection, std::slice::from_ref(&action), None);
    let reserved = Waiting::begin(removals.into_iter().collect()).and_then(Waiting::wait);
    let Some(reserved) = soft(lua, reserved)? else { return Ok(false) };
    let report = soft(lua, apply(selection, action.clone()).wait())?;
    reserved.settle(crate::engine::removed(report.iter()));
    let Some(report) = report else { return Ok(false) };
    let other = |to: &Across| to.account != *mailbox.account();
    let across = matches!(&action, Action::MoveAcross(to) | Action::CopyAcross(to) if other(to));
    // Of messages that are all gone nothing reaches another account: imapfilter says so.
    let none = across && report.done.is_empty() && !report.planned;
    let done = concluded(lua, &mailbox, &report, info) && !none;
    let created = run.created.load(std::sync::atomic::Ordering::Relaxed) > before;
    if let (true, true, Action::MoveAcross(to) | Action::CopyAcross(to)) =
        (created, table.raw_get("subscribe")?, &action)
    {
        soft(lua, crate::engine::apply::subscribe(&to.account, to.spec.clone(), true).wait())?;
    }
    Ok(done)
}

/// Tells what was done, and says whether that is all that was wanted. What is held ends the run with an exit code of its
/// own.
fn concluded(lua: &Lua, mailbox: &MailboxHandle, report: &Report, info: bool) -> bool {
    let clean = report.is_clean();
    // Who runs it dry wants to see it whatever the configuration says.
    if info || !clean || report.planned {
        mailbox.account().run().world.tell(Event::Done(Box::new(report.clone())));
    }
    if !report.held.is_empty() {
        let count = messages(report.held.len());
        hold(lua, format!("{count} of {} could only be copied and marked \\Deleted", report.mailbox));
    }
    if !report.in_doubt.is_empty() {
        hold(lua, format!("it is in doubt what became of messages of {}", report.mailbox));
    }
    clean
}

/// Adds a message to a mailbox, and says whether it was.
fn add(
    lua: &Lua,
    (mailbox, message, set, date, info, subscribe): (
        UserDataRef<MailboxHandle>,
        LuaString,
        Option<Table>,
        Option<LuaString>,
        bool,
        bool,
    ),
) -> mlua::Result<bool> {
    let Some(flags) = set.map_or(Ok(Some(Vec::new())), |set| flags(lua, &set))? else { return Ok(false) };
    let date = match date.map(|date| date.to_string_lossy()) {
        None => None,
        Some(text) => {
            let hint = "as `fetch_date()` gives it: `01-Jan-2007 10:00:00 +0000`";
            let date = InternalDate::parse(&text);
            let date = date.ok_or_else(|| Error::script(format!("`{}` is no date", visible(&text)), hint));
            match soft(lua, date)? {
                None => return Ok(false),
                date => date,
            }
        }
    };
    let run = mailbox.account().run();
    let before = run.created.load(std::sync::atomic::Ordering::Relaxed);
    let ticket = append(mailbox.account(), mailbox.spec().clone(), message.as_bytes().to_vec(), flags, date);
    let Some(appended) = soft(lua, ticket.wait())? else { return Ok(false) };
    let done = concluded(lua, &mailbox, &appended.report, info);
    if subscribe && run.created.load(std::sync::atomic::Ordering::Relaxed) > before {
        let ticket = crate::engine::apply::subscribe(mailbox.account(), mailbox.spec().clone(), true);
        soft(lua, ticket.wait())?;
    }
    Ok(done)
}
