use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mlua::{Function, Lua, MultiValue, Value};

use super::args::Args;
use super::bind::{Promise, job};
use super::failure::raise;
use super::message::MessageValue;
use crate::engine::{Needs, SelectionSet, Walk};
use crate::error::{Error, Result};
use crate::mail::{Attachment, Headers, Message};

/// What a loop over messages said it will use.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    header: bool,
    structure: bool,
    content: bool,
}

impl Wanted {
    /// Reads `{ "text", "html", "raw", "headers", "attachments" }`; nothing at all is fine too.
    pub(super) fn read(args: &mut Args) -> Result<Self> {
        let mut wanted = Self::default();
        if args.is_nil() {
            return Ok(wanted);
        }
        let list = args.table("a list such as `{ \"text\" }`")?;
        for value in list.sequence_values::<Value>() {
            let value = value.map_err(|error| Error::script(error.to_string(), ""))?;
            let name = value.as_string().map(mlua::LuaString::to_string_lossy);
            match name.as_deref() {
                Some("text" | "html" | "raw") => wanted.content = true,
                Some("headers") => wanted.header = true,
                Some("attachments") => wanted.structure = true,
                _ => {
                    return Err(args.wrong(
                        "a list of \"text\", \"html\", \"raw\", \"headers\", \"attachments\"",
                        &value,
                    ));
                }
            }
        }
        Ok(wanted)
    }

    /// Gives what must be fetched for it.
    pub(super) fn needs(self) -> Needs {
        let Self { header, structure, content } = self;
        Needs { fields: Vec::new(), header, structure, content }
    }
}

/// What was fetched of the message that a loop is at. All of it is dropped when the loop goes on, so that
/// memory does not grow with the mailbox; a message that is kept fetches it again.
#[derive(Debug, Default)]
pub(super) struct Desk {
    closed: Cell<bool>,
    /// The content as it came; it is taken apart when something of it is asked for.
    raw: RefCell<Option<Vec<u8>>>,
    message: Place<Message>,
    headers: Place<Headers>,
    attachments: Place<Vec<Attachment>>,
}

type Place<T> = RefCell<Option<Rc<T>>>;

impl Desk {
    /// Lays the content on it, if that came with the loop.
    fn with(content: Option<Vec<u8>>) -> Rc<Self> {
        Rc::new(Self { raw: RefCell::new(content), ..Self::default() })
    }

    /// Gives the content if it is there.
    pub(super) fn content(&self) -> Option<Rc<Message>> {
        if let Some(raw) = self.raw.take() {
            *self.message.borrow_mut() = Some(Rc::new(Message::parse(raw)));
        }
        self.message.borrow().clone()
    }

    /// Gives the content, which is fetched if need be.
    pub(super) fn message(&self, fetch: impl FnOnce() -> Result<Message>) -> Result<Rc<Message>> {
        self.content().map_or_else(|| self.once(&self.message, fetch), Ok)
    }

    /// Gives the whole header, which is fetched if need be.
    pub(super) fn headers(&self, fetch: impl FnOnce() -> Result<Headers>) -> Result<Rc<Headers>> {
        self.once(&self.headers, fetch)
    }

    /// Gives the attachments, which are asked for if need be.
    pub(super) fn attachments(
        &self,
        fetch: impl FnOnce() -> Result<Vec<Attachment>>,
    ) -> Result<Rc<Vec<Attachment>>> {
        self.once(&self.attachments, fetch)
    }

    /// Gives what lies there, or else fetches it and, while the loop is there, leaves it there.
    fn once<T>(&self, place: &Place<T>, fetch: impl FnOnce() -> Result<T>) -> Result<Rc<T>> {
        if let Some(known) = &*place.borrow() {
            return Ok(Rc::clone(known));
        }
        let fetched = Rc::new(fetch()?);
        if !self.closed.get() {
            *place.borrow_mut() = Some(Rc::clone(&fetched));
        }
        Ok(fetched)
    }

    fn close(&self) {
        self.closed.set(true);
        self.raw.take();
        self.message.take();
        self.headers.take();
        self.attachments.take();
    }
}

/// A loop over messages: the way, and the desk of the message it is at.
struct Loop {
    walk: Walk,
    desk: Option<Rc<Desk>>,
}

impl Loop {
    fn next(&mut self) -> Result<Option<MessageValue>> {
        if let Some(desk) = self.desk.take() {
            desk.close();
        }
        let Some(met) = self.walk.step()? else { return Ok(None) };
        let desk = Desk::with(met.content);
        self.desk = Some(Rc::clone(&desk));
        Ok(Some(MessageValue::new(met.selection, met.loaded, desk)))
    }
}

/// Makes the function that a `for` loop calls for the next message. `fields` are header fields that the loop
/// needs at hand beside the common ones.
pub(super) fn iterator(lua: &Lua, set: &SelectionSet, needs: Needs) -> mlua::Result<Function> {
    let state = Loop { walk: Walk::new(set, needs), desk: None };
    let state = Rc::new(RefCell::new(state));
    job(lua, "messages", 2, move |_, args| {
        // A `for` loop passes its state and control variable.
        args.value();
        args.value();
        let state = Rc::clone(&state);
        Ok(Promise::of(move |lua| {
            let next = state.borrow_mut().next().map_err(|error| raise(lua, error, None))?;
            match next {
                Some(message) => lua.pack_multi(message),
                None => Ok(MultiValue::from_iter([Value::Nil])),
            }
        }))
    })
}
