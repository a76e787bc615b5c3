//! `account:fetch(selection, items)`: IMAP's own FETCH, for scripts that want it as it is.

use mlua::{Lua, Table, Value};

use super::account::{bytes, thrown};
use super::args::Args;
use super::bind::Promise;
use super::selection::SelectionValue;
use crate::engine::Ticket;
use crate::error::{Error, Result};
use crate::imap::{Envelope, Fetch, FetchItem, Section};
use crate::mail::{BodyStructure, Label};

/// Starts it: a selection, and the items' names as IMAP has them.
pub(super) fn start(args: &mut Args) -> Result<Promise> {
    let selection = args.this::<SelectionValue>().map_err(|_| {
        Error::script(
            "`fetch` wants a selection",
            "`account:fetch(account:search { seen = false }, { \"FLAGS\" })`",
        )
    })?;
    let set = selection.check()?.clone();
    let list = args.table("a list of items such as `{ \"FLAGS\", \"BODY[HEADER]\" }`")?;
    let mut wanted = Vec::new();
    for value in list.sequence_values::<Value>() {
        let value = value.map_err(|error| Error::script(error.to_string(), ""))?;
        let name = value.as_string().map(mlua::LuaString::to_string_lossy).unwrap_or_default();
        let item = item(&name).ok_or_else(|| {
            let hint = "there are FLAGS, INTERNALDATE, RFC822.SIZE, ENVELOPE, BODYSTRUCTURE, BODY[…], and on Gmail X-GM-MSGID, X-GM-THRID and X-GM-LABELS";
            Error::script(format!("`fetch` has no item `{}`", crate::error::visible(&name)), hint)
        })?;
        wanted.push((name, item));
    }
    let items: Vec<_> = wanted.iter().map(|(_, item)| item.clone()).collect();
    let tickets: Vec<_> = set.occupied().iter().map(|part| part.fetch(items.clone())).collect();
    let signals: Vec<_> = tickets.iter().map(Ticket::signal).collect();
    Ok(Promise::after(signals, move |lua| {
        let all = lua.create_table()?;
        for ticket in tickets {
            for fetch in thrown(lua, ticket.wait())? {
                all.raw_push(table(lua, &fetch, &wanted)?)?;
            }
        }
        lua.pack_multi(all)
    }))
}

/// Reads an item's name.
fn item(name: &str) -> Option<FetchItem> {
    let name = name.to_ascii_uppercase();
    Some(match name.as_str() {
        "FLAGS" => FetchItem::Flags,
        "INTERNALDATE" => FetchItem::InternalDate,
        "RFC822.SIZE" => FetchItem::Size,
        "ENVELOPE" => FetchItem::Envelope,
        "BODYSTRUCTURE" => FetchItem::BodyStructure,
        "X-GM-MSGID" => FetchItem::GmailMessageId,
        "X-GM-THRID" => FetchItem::GmailThreadId,
        "X-GM-LABELS" => FetchItem::GmailLabels,
        name => {
            let inner = name.strip_prefix("BODY.PEEK[").or_else(|| name.strip_prefix("BODY["))?;
            let (inner, after) = inner.rsplit_once(']')?;
            let section = section(inner)?;
            if after.is_empty() {
                return Some(FetchItem::Section(section));
            }
            let (from, count) = after.strip_prefix('<')?.strip_suffix('>')?.split_once('.')?;
            FetchItem::Partial(section, from.parse().ok()?, count.parse().ok()?)
        }
    })
}

fn section(inner: &str) -> Option<Section> {
    Some(match inner {
        "" => Section::Whole,
        "HEADER" => Section::Header,
        "TEXT" => Section::Text,
        inner => {
            if let Some(fields) = inner.strip_prefix("HEADER.FIELDS (") {
                let fields = fields.strip_suffix(')')?;
                return Some(Section::Fields(fields.split_whitespace().map(str::to_owned).collect()));
            }
            match inner.strip_suffix(".MIME") {
                Some(part) => Section::PartMime(part.to_owned()),
                None => Section::Part(inner.to_owned()),
            }
        }
    })
}

/// Makes a table of what came: sections under the names that the script asked for them by.
fn table(lua: &Lua, fetch: &Fetch, wanted: &[(String, FetchItem)]) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("UID", fetch.uid.map(crate::mail::Uid::get))?;
    if let Some(flags) = &fetch.flags {
        table.raw_set("FLAGS", flags.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    }
    table.raw_set("INTERNALDATE", fetch.internal_date.map(|date| date.to_string()))?;
    table.raw_set("RFC822.SIZE", fetch.size)?;
    table.raw_set("X-GM-MSGID", fetch.gmail_message_id.map(|number| number.to_string()))?;
    table.raw_set("X-GM-THRID", fetch.gmail_thread_id.map(|number| number.to_string()))?;
    if let Some(labels) = &fetch.gmail_labels {
        table.raw_set("X-GM-LABELS", labels.iter().map(Label::text).collect::<Vec<_>>())?;
    }
    if let Some(envelope_) = &fetch.envelope {
        table.raw_set("ENVELOPE", envelope(lua, envelope_)?)?;
    }
    if let Some(root) = &fetch.structure {
        table.raw_set("BODYSTRUCTURE", structure(lua, root)?)?;
    }
    for (name, item) in wanted {
        if let FetchItem::Section(section) | FetchItem::Partial(section, ..) = item
            && let Some(content) = fetch.section(section)
        {
            table.raw_set(name.as_str(), bytes(lua, content)?)?;
        }
    }
    Ok(table)
}

fn envelope(lua: &Lua, envelope: &Envelope) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("date", envelope.date.clone())?;
    table.raw_set("subject", envelope.subject.clone())?;
    table.raw_set("in_reply_to", envelope.in_reply_to.clone())?;
    table.raw_set("message_id", envelope.message_id.clone())?;
    for (field, addresses) in &envelope.addresses {
        let list = lua.create_table()?;
        for (name, email) in addresses {
            let address = lua.create_table()?;
            address.raw_set("name", name.clone())?;
            address.raw_set("email", email.clone())?;
            list.raw_push(address)?;
        }
        table.raw_set(*field, list)?;
    }
    Ok(table)
}

/// Makes a table of a part and the parts in it; their depth is capped where they are parsed.
fn structure(lua: &Lua, part: &BodyStructure) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("part", part.id.clone())?;
    table.raw_set("content_type", part.content_type())?;
    table.raw_set("params", lua.create_table_from(part.params.clone())?)?;
    table.raw_set("encoding", part.encoding.clone())?;
    table.raw_set("size", part.size)?;
    table.raw_set("name", part.file_name())?;
    table.raw_set("disposition", part.disposition.as_ref().map(|disposition| disposition.kind.clone()))?;
    let parts = part.children.iter().map(|child| structure(lua, child)).collect::<mlua::Result<Vec<_>>>()?;
    table.raw_set("parts", parts)?;
    Ok(table)
}
