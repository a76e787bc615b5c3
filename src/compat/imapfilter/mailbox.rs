use std::cell::RefCell;

use mlua::{Lua, LuaString, MultiValue, Table, UserData, UserDataRef, Value};

use super::account::AccountHandle;
use super::sought;
use super::vm::{soft, thrown};
use crate::engine::{Account, NameSpec, Selection, seek};
use crate::error::{Error, ErrorKind};
use crate::imap::Access;
use crate::mail::{MailboxName, Uid, UidSet};

/// A mailbox as the Lua parts hold it.
#[derive(Debug)]
pub(super) struct MailboxHandle {
    account: Account,
    spec: NameSpec,
    /// What the last search found out of it: a selection of no messages.
    known: RefCell<Option<Selection>>,
}

impl UserData for MailboxHandle {}

impl MailboxHandle {
    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    pub(super) fn spec(&self) -> &NameSpec {
        &self.spec
    }

    /// Gives messages of it, which are looked for first if it was never searched: then it is not known what their UIDs
    /// are worth. `None` where there is no such mailbox.
    pub(super) fn selection(&self, lua: &Lua, uids: UidSet) -> mlua::Result<Option<Selection>> {
        let known = self.known.borrow().clone();
        if let Some(known) = known {
            return Ok(Some(known.with_uids(uids)));
        }
        let ticket = seek(&self.account, self.spec.clone(), Access::Write, vec![sought::none()]);
        let Some(found) = thrown_or_missing(lua, ticket.wait())? else { return Ok(None) };
        let found = found.into_iter().next();
        self.known.borrow_mut().clone_from(&found);
        Ok(found.map(|found| found.with_uids(uids)))
    }
}

/// Gives `None` for a mailbox that is missing, which is told; throws any other error.
fn thrown_or_missing<T>(lua: &Lua, result: crate::error::Result<T>) -> mlua::Result<Option<T>> {
    match result {
        Err(error) if is_missing(&error) => soft(lua, Err(error)),
        result => thrown(lua, result).map(Some),
    }
}

/// Tells whether a server would not open the mailbox.
fn is_missing(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Refused { command, .. } if ["SELECT", "EXAMINE"].contains(&command.as_str()))
}

/// Reads a list of UIDs.
pub(super) fn uids(list: &Table) -> mlua::Result<UidSet> {
    let each = list.sequence_values::<i64>().map(|uid| {
        let uid = uid?;
        let known = u32::try_from(uid).ok().and_then(Uid::new);
        known.ok_or_else(|| mlua::Error::runtime(format!("{uid} is no UID")))
    });
    each.collect()
}

/// Installs what is done with mailboxes.
pub(super) fn install(lua: &Lua, native: &Table) -> mlua::Result<()> {
    native.raw_set("mailbox", lua.create_function(named)?)?;
    native.raw_set("seek", lua.create_function(|lua, wishes: Table| search(lua, &wishes))?)?;
    native.raw_set(
        "status",
        lua.create_function(|lua, mailbox: UserDataRef<MailboxHandle>| status(lua, &mailbox))?,
    )
}

/// Gives the mailbox of a name: the server's own (`raw`), or one in the user's namespace. `charset` says what it is
/// written in.
fn named(
    lua: &Lua,
    (account, name, raw, charset): (UserDataRef<AccountHandle>, LuaString, bool, LuaString),
) -> mlua::Result<MailboxHandle> {
    let name = sought::decoded(lua, &name, &charset)?;
    let own = raw.then(|| MailboxName::new(&name)).flatten();
    let spec = own.map_or(NameSpec::Plain(name), |own| NameSpec::Raw(own.wire().to_vec()));
    Ok(MailboxHandle { account: account.0.clone(), spec, known: RefCell::default() })
}

/// Searches mailboxes, all at once: a list of `{ mailbox, { wish, … } }`. Gives for each a list of lists of UIDs, which
/// are empty where the mailbox is missing.
fn search(lua: &Lua, wishes: &Table) -> mlua::Result<Table> {
    let mut asked = Vec::new();
    for entry in wishes.sequence_values::<Table>() {
        let entry = entry?;
        let mailbox: UserDataRef<MailboxHandle> = entry.raw_get(1)?;
        let list: Table = entry.raw_get(2)?;
        let wishes = list.sequence_values::<Value>().map(|wish| sought::read(&wish?));
        let wishes = wishes.collect::<mlua::Result<Vec<_>>>()?;
        let count = wishes.len();
        let ticket = seek(&mailbox.account, mailbox.spec.clone(), Access::Write, wishes);
        asked.push((mailbox, ticket, count));
    }
    let all = lua.create_table()?;
    for (mailbox, ticket, count) in asked {
        let lists = lua.create_table()?;
        match thrown_or_missing(lua, ticket.wait())? {
            Some(found) => {
                for selection in &found {
                    lists.raw_push(lua.create_sequence_from(selection.uids.iter().map(Uid::get))?)?;
                }
                let known = found.into_iter().next().map(|first| first.with_uids(UidSet::new()));
                *mailbox.known.borrow_mut() = known;
            }
            None => {
                for _ in 0..count {
                    lists.raw_push(lua.create_table()?)?;
                }
            }
        }
        all.raw_push(lists)?;
    }
    Ok(all)
}

/// Gives a mailbox's numbers: messages, recent, unseen, and the next UID; nothing where it is missing.
fn status(lua: &Lua, mailbox: &MailboxHandle) -> mlua::Result<MultiValue> {
    let status = mailbox.account.status_closed(mailbox.spec.clone()).wait();
    match soft(lua, status)? {
        Some(status) => {
            let next = status.uid_next.map_or(-1, |uid| i64::from(uid.get()));
            let number = |number: Option<u32>| number.map_or(-1, i64::from);
            let numbers = [number(status.messages), number(status.recent), number(status.unseen), next];
            Ok(numbers.into_iter().map(Value::Integer).collect())
        }
        None => Ok(MultiValue::new()),
    }
}
