use std::rc::Rc;

use mlua::{Lua, MetaMethod, Table, UserDataMethods};

use super::account::{bytes, thrown};
use super::address::{AddressValue, list};
use super::bind::{Promise, field, job_method, method, register, register_open};
use super::messages::Desk;
use crate::engine::{Account, Loaded, Selection, Ticket, load_body};
use crate::error::{Error, Result};
use crate::imap::{FetchItem, Section};
use crate::mail::{Attachment, Flag, Headers, InternalDate, Label, Message, Uid, UidSet};

/// How many characters of a subject name a message in errors.
const SHOWN: usize = 80;

/// A message as a script sees it: what every loop has at hand, and where the rest is fetched from.
#[derive(Clone, Debug)]
pub(super) struct MessageValue {
    selection: Rc<Selection>,
    loaded: Rc<Loaded>,
    desk: Rc<Desk>,
}

super::bind::handle!(MessageValue);

impl MessageValue {
    pub(super) fn new(selection: Rc<Selection>, loaded: Loaded, desk: Rc<Desk>) -> Self {
        Self { selection, loaded: Rc::new(loaded), desk }
    }

    /// Gives its mailbox's name.
    pub(super) fn mailbox(&self) -> &str {
        &self.selection.shown
    }

    /// Gives its UID.
    pub(super) fn uid(&self) -> Uid {
        self.loaded.uid
    }

    /// Gives what found it.
    pub(super) fn selection(&self) -> Rc<Selection> {
        Rc::clone(&self.selection)
    }

    /// Tells whether it is a message of this mailbox.
    pub(super) fn is_of(&self, selection: &Selection) -> bool {
        self.selection.is_mailbox_of(selection)
    }

    /// Gives the account that it is in.
    pub(super) fn account(&self) -> &Account {
        &self.selection.account
    }

    fn headers(&self) -> &Headers {
        &self.loaded.headers
    }

    /// Gives the decoded values of all header fields with this name.
    pub(super) fn field_values(&self, name: &str) -> Result<Vec<String>> {
        if self.loaded.whole_header || self.loaded.fields.iter().any(|known| known.eq_ignore_ascii_case(name))
        {
            return Ok(self.headers().all(name));
        }
        Ok(self.all_headers()?.all(name))
    }

    fn has(&self, flag: &Flag) -> bool {
        self.loaded.flags.contains(flag)
    }

    /// Gives the whole message: what the loop has fetched, or else from the server.
    pub(super) fn content(&self) -> Result<Rc<Message>> {
        self.desk.message(|| self.ask_for_content().wait().map(Message::parse))
    }

    fn ask_for_content(&self) -> Ticket<Vec<u8>> {
        load_body(&self.selection, self.loaded.uid, self.loaded.size, Section::Whole)
    }

    /// Gives the whole header: what the loop has fetched, or else from the server.
    pub(super) fn all_headers(&self) -> Result<Rc<Headers>> {
        self.desk.headers(|| {
            if self.loaded.whole_header {
                return Ok(self.loaded.headers.clone());
            }
            if let Some(message) = self.desk.content() {
                return Ok(message.headers().clone());
            }
            let block = load_body(&self.selection, self.loaded.uid, 0, Section::Header).wait()?;
            Ok(Headers::parse(&block))
        })
    }

    /// Gives the attachments: what the loop has fetched, or else as the server describes the message.
    pub(super) fn attachments(&self) -> Result<Rc<Vec<Attachment>>> {
        self.desk.attachments(|| {
            if let Some(structure) = &self.loaded.structure {
                return Ok(structure.attachments());
            }
            if let Some(message) = self.desk.content() {
                return Ok(message.attachments());
            }
            let only = self.selection.with_uids(UidSet::from(self.loaded.uid));
            let told = only.fetch(vec![FetchItem::BodyStructure]).wait()?;
            match told.into_iter().find_map(|fetch| fetch.structure) {
                Some(structure) => Ok(structure.attachments()),
                // A server may not be able to describe a message that is broken, or nested too deep.
                None => Ok(self.content()?.attachments()),
            }
        })
    }

    /// Promises something of the whole message.
    pub(super) fn promise<R: mlua::IntoLuaMulti>(
        &self,
        give: impl FnOnce(&Lua, &Message) -> mlua::Result<R> + 'static,
    ) -> Promise {
        let this = self.clone();
        let asked = this.desk.content().is_none().then(|| this.ask_for_content());
        let signal = asked.as_ref().map(Ticket::signal);
        Promise::after(signal, move |lua| {
            let content = match asked {
                Some(asked) => this.desk.message(|| asked.wait().map(Message::parse)),
                None => this.content(),
            };
            let message: Rc<Message> = thrown(lua, content)?;
            give(lua, &message)?.into_lua_multi(lua)
        })
    }
}

/// All header fields of a message, by name without regard to case.
#[derive(Clone, Debug)]
struct HeadersValue(Rc<Headers>);

super::bind::handle!(HeadersValue);

fn add_headers(lua: &Lua, to: &mut mlua::UserDataRegistry<HeadersValue>) -> mlua::Result<()> {
    method(lua, to, "all", |_, this: &HeadersValue, args| {
        Ok(this.0.all(&args.text("a header field's name")?))
    })?;
    to.add_meta_method(MetaMethod::Index, |_, this, name: String| Ok(this.0.get(&name)));
    to.add_meta_method(MetaMethod::Len, |_, this, ()| Ok(this.0.len()));
    Ok(())
}

fn attachment(lua: &Lua, attachment: &Attachment) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("name", attachment.name.clone())?;
    table.raw_set("content_type", attachment.content_type.clone())?;
    table.raw_set("size", attachment.size)?;
    table.raw_set("part", attachment.part.clone())?;
    Ok(table)
}

/// Registers the type.
pub(super) fn install(lua: &Lua) -> mlua::Result<()> {
    register(lua, |lua, to| {
        add_fields(lua, to);
        add_methods(lua, to)
    })?;
    register_open(lua, add_headers)
}

fn add_fields(lua: &Lua, to: &mut mlua::UserDataRegistry<MessageValue>) {
    field(lua, to, "uid", |_, this| Ok(this.loaded.uid.get()));
    field(lua, to, "mailbox", |_, this| Ok(this.selection.shown.clone()));
    field(lua, to, "size", |_, this| Ok(this.loaded.size));
    field(lua, to, "flags", |lua, this| {
        lua.create_sequence_from(this.loaded.flags.iter().map(ToString::to_string))
    });
    field(lua, to, "seen", |_, this| Ok(this.has(&Flag::Seen)));
    field(lua, to, "answered", |_, this| Ok(this.has(&Flag::Answered)));
    field(lua, to, "flagged", |_, this| Ok(this.has(&Flag::Flagged)));
    field(lua, to, "deleted", |_, this| Ok(this.has(&Flag::Deleted)));
    field(lua, to, "draft", |_, this| Ok(this.has(&Flag::Draft)));
    field(lua, to, "recent", |_, this| Ok(this.has(&Flag::Recent)));
    field(lua, to, "received", |_, this| Ok(this.loaded.date.map(InternalDate::to_rfc_3339)));
    field(lua, to, "date", |_, this| {
        Ok(this.headers().date().map(|date| date.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()))
    });
    field(lua, to, "subject", |_, this| Ok(this.headers().subject().unwrap_or_default()));
    field(lua, to, "from", |_, this| {
        // Always an address, if an empty one: a broken message must not end the loop.
        Ok(AddressValue(this.headers().addresses("from").into_iter().next().unwrap_or_default()))
    });
    for name in ["to", "cc", "bcc"] {
        field(lua, to, name, move |lua, this| list(lua, this.headers().addresses(name)));
    }
    field(lua, to, "reply_to", |lua, this| list(lua, this.headers().addresses("reply-to")));
    field(lua, to, "message_id", |_, this| Ok(this.headers().message_id()));
    field(lua, to, "in_reply_to", |_, this| Ok(this.headers().in_reply_to()));
    field(lua, to, "references", |_, this| Ok(this.headers().references()));
    field(lua, to, "list_id", |_, this| Ok(this.headers().list_id()));
    // Numbers of 64 bits are text, as Lua has them signed.
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    field(lua, to, "gmail_message_id", move |_, this| {
        Ok(this.loaded.gmail.as_ref().and_then(|gmail| number(gmail.message_id)))
    });
    field(lua, to, "gmail_thread_id", move |_, this| {
        Ok(this.loaded.gmail.as_ref().and_then(|gmail| number(gmail.thread_id)))
    });
    field(lua, to, "labels", |lua, this| {
        let labels = this.loaded.gmail.as_ref().and_then(|gmail| gmail.labels.as_ref());
        labels.map(|labels| lua.create_sequence_from(labels.iter().map(Label::text))).transpose()
    });
    field(lua, to, "headers", |lua, this| Ok(HeadersValue(thrown(lua, this.all_headers())?)));
    field(lua, to, "attachments", |lua, this| {
        let all = thrown(lua, this.attachments())?;
        all.iter().map(|each| attachment(lua, each)).collect::<mlua::Result<Vec<_>>>()
    });
    to.add_meta_method(MetaMethod::ToString, |_, this, ()| {
        let subject = this.headers().subject().unwrap_or_default();
        let shown: String = subject.chars().take(SHOWN + 1).collect();
        let shown = crate::error::visible(&shown);
        let subject = match shown.char_indices().nth(SHOWN) {
            Some((at, _)) => format!("{}…", shown.get(..at).unwrap_or_default()),
            None => shown,
        };
        Ok(format!("message {} of {}: {subject}", this.loaded.uid, this.selection.shown))
    });
}

fn add_methods(lua: &Lua, to: &mut mlua::UserDataRegistry<MessageValue>) -> mlua::Result<()> {
    job_method(lua, to, "text", 0, |_, this: &MessageValue, _| {
        Ok(this.promise(|_, message| Ok(message.text())))
    })?;
    job_method(lua, to, "html", 0, |_, this: &MessageValue, _| {
        Ok(this.promise(|_, message| Ok(message.html())))
    })?;
    job_method(lua, to, "raw", 0, |_, this: &MessageValue, _| {
        Ok(this.promise(|lua, message| bytes(lua, message.raw())))
    })?;
    job_method(lua, to, "part", 1, |_, this: &MessageValue, args| {
        let id = args.text("a part number such as \"1.2\"")?;
        Ok(this.promise(move |lua, message| {
            let what = || format!("the message has no part `{}`", crate::error::visible(&id));
            let part =
                message.part(&id).ok_or_else(|| Error::script(what(), "`msg.attachments` has the numbers"));
            bytes(lua, &thrown(lua, part)?)
        }))
    })?;
    super::keep::add_to_message(lua, to)
}
