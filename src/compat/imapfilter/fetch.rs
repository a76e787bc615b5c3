use mlua::{Lua, LuaString, Table, UserDataRef, Value};

use super::mailbox::{MailboxHandle, uids};
use super::vm::{soft, thrown};
use crate::engine::{field, load_body};
use crate::error::{Error, visible};
use crate::imap::{Fetch, FetchItem, Section};
use crate::mail::{BodyStructure, UidSet};

/// Installs what looks into messages.
pub(super) fn install(lua: &Lua, native: &Table) -> mlua::Result<()> {
    native.raw_set("fetch", lua.create_function(fetch)?)?;
    native.raw_set("load", lua.create_function(load)?)
}

/// Gives a field, or several of the same name, without the empty line after it. Of a field that is missing a lone
/// carriage return is left, as of imapfilter's.
fn trimmed(content: &[u8]) -> &[u8] {
    content.strip_suffix(b"\r\n\r\n").or(content.strip_suffix(b"\n")).unwrap_or(content)
}

/// Gives the value that patterns see of a field: the first name is taken off, and the space after it.
pub(super) fn value(content: &[u8]) -> &[u8] {
    let content = trimmed(content);
    let after = content.iter().position(|byte| *byte == b':').and_then(|colon| content.get(colon + 1..));
    after.map_or(content, |value| value.strip_prefix(b" ").unwrap_or(value))
}

/// Fetches one thing of several messages: `header`, `flags`, `date`, `size`, `structure`, or the name of a field and a
/// colon. Gives them by UID, without those that are gone.
fn fetch(
    lua: &Lua,
    (mailbox, list, what): (UserDataRef<MailboxHandle>, Table, LuaString),
) -> mlua::Result<Table> {
    let found = lua.create_table()?;
    let what = what.to_string_lossy();
    let item = match what.as_str() {
        "flags" => FetchItem::Flags,
        "date" => FetchItem::InternalDate,
        "size" => FetchItem::Size,
        "structure" => FetchItem::BodyStructure,
        "header" => FetchItem::Section(Section::Header),
        name => {
            let name = name.trim_end_matches(':');
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
                let what = format!("`{}` is no name of a header field", visible(name));
                let hint = "header fields are named with ASCII letters, digits and hyphens";
                return thrown(lua, Err(Error::script(what, hint)));
            }
            FetchItem::Section(Section::with_fields(vec![name.to_owned()]))
        }
    };
    let Some(selection) = mailbox.selection(lua, uids(&list)?)? else { return Ok(found) };
    for fetch in thrown(lua, selection.fetch(vec![item.clone()]).wait())? {
        let Some(uid) = fetch.uid else { continue };
        if let Some(value) = given(lua, &fetch, &item, what.trim_end_matches(':'))? {
            found.raw_set(uid.get(), value)?;
        }
    }
    Ok(found)
}

/// Writes the day with two digits, as most servers do.
fn day_in_full(date: String) -> String {
    date.strip_prefix(' ').map(|rest| format!("0{rest}")).unwrap_or(date)
}

/// Makes of one message's answer what the configuration gets.
fn given(lua: &Lua, fetch: &Fetch, item: &FetchItem, name: &str) -> mlua::Result<Option<Value>> {
    Ok(match item {
        FetchItem::Flags => match &fetch.flags {
            Some(flags) => {
                Some(Value::Table(lua.create_sequence_from(flags.iter().map(ToString::to_string))?))
            }
            None => None,
        },
        FetchItem::InternalDate => match fetch.internal_date {
            Some(date) => Some(Value::String(lua.create_string(day_in_full(date.to_string()))?)),
            None => None,
        },
        FetchItem::Size => fetch.size.and_then(|size| i64::try_from(size).ok()).map(Value::Integer),
        FetchItem::BodyStructure => match &fetch.structure {
            Some(root) => {
                let table = lua.create_table()?;
                add_parts(lua, root, &table)?;
                Some(Value::Table(table))
            }
            None => None,
        },
        FetchItem::Section(section) => match (fetch.section(section), name) {
            (None, _) => None,
            (Some(header), "header") => Some(Value::String(lua.create_string(header)?)),
            (Some(header), name) => Some(Value::String(lua.create_string(trimmed(&field(header, name)))?)),
        },
        _ => None,
    })
}

/// Adds a part and those in it, by their numbers.
fn add_parts(lua: &Lua, part: &BodyStructure, to: &Table) -> mlua::Result<()> {
    if !part.id.is_empty() {
        let entry = lua.create_table()?;
        entry.raw_set("type", part.content_type())?;
        entry.raw_set("size", part.size)?;
        entry.raw_set("name", part.file_name())?;
        to.raw_set(part.id.as_str(), entry)?;
    }
    part.children.iter().try_for_each(|child| add_parts(lua, child, to))
}

/// Fetches contents of one message: `body`, `message`, or the number of a part. `size` is that of the
/// message, which must be known first. Gives nothing if it is gone.
fn load(
    lua: &Lua,
    (mailbox, uid, size, what): (UserDataRef<MailboxHandle>, Table, u64, LuaString),
) -> mlua::Result<Option<LuaString>> {
    let what = what.to_string_lossy();
    let section = match what.as_str() {
        "body" => Section::Text,
        "message" => Section::Whole,
        part => Section::Part(part.to_owned()),
    };
    let Some(uid) = uids(&uid)?.first() else { return Ok(None) };
    let Some(selection) = mailbox.selection(lua, UidSet::from(uid))? else { return Ok(None) };
    let body = soft(lua, load_body(&selection, uid, size, section).wait())?;
    body.map(|body| lua.create_string(body)).transpose()
}

#[cfg(test)]
mod tests {
    use super::{trimmed, value};

    #[test]
    fn fields_look_as_imapfilter_shows_them() {
        for (content, shown, seen) in [
            (&b"Subject: Hello\r\n you\r\n\r\n"[..], &b"Subject: Hello\r\n you"[..], &b"Hello\r\n you"[..]),
            (b"X: a\r\nX: b\r\n\r\n", b"X: a\r\nX: b", b"a\r\nX: b"),
            (b"\r\n", b"\r", b"\r"),
        ] {
            assert_eq!((trimmed(content), value(content)), (shown, seen));
        }
    }
}
