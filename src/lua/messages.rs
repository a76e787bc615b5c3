use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::{Rc, Weak};

use mlua::{Function, Lua, MultiValue, Value};

use super::args::Args;
use super::bind::{Promise, job};
use super::failure::raise;
use super::message::MessageValue;
use crate::engine::{BODY_BATCH_BYTES, HEADER_BATCH, Loaded, Selection, load_bodies, load_headers};
use crate::error::{Error, Result};
use crate::mail::{Message, Uid, UidSet};

/// What a loop over messages said it will use.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    content: bool,
}

impl Wanted {
    /// Reads `{ "text", "html", "raw", "attachments" }`; nothing at all is fine too.
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
                Some("text" | "html" | "raw" | "headers" | "attachments") => wanted.content = true,
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
}

/// Messages' contents that were fetched ahead of a loop. A content is dropped when the loop goes on, so that
/// memory does not grow with the mailbox; a message that is kept fetches it again.
#[derive(Debug, Default)]
pub(super) struct Shelf(RefCell<HashMap<Uid, Rc<Message>>>);

impl Shelf {
    pub(super) fn get(&self, uid: Uid) -> Option<Rc<Message>> {
        self.0.borrow().get(&uid).cloned()
    }

    pub(super) fn put(&self, uid: Uid, message: Rc<Message>) {
        self.0.borrow_mut().insert(uid, message);
    }

    fn drop_content(&self, uid: Uid) {
        self.0.borrow_mut().remove(&uid);
    }
}

/// A loop over messages: what is loaded, and what is still to come.
struct Loop {
    selection: Selection,
    wanted: Wanted,
    /// Parts of the selection whose headers are not loaded.
    ahead: VecDeque<UidSet>,
    loaded: VecDeque<Loaded>,
    /// Contents of messages up to this one have been fetched.
    content_until: Option<Uid>,
    shelf: Rc<Shelf>,
    current: Option<Uid>,
}

/// Makes the function that a `for` loop calls for the next message.
pub(super) fn iterator(lua: &Lua, selection: Selection, wanted: Wanted) -> mlua::Result<Function> {
    let ahead = selection.uids.chunks(HEADER_BATCH).into();
    let state = Rc::new(RefCell::new(Loop {
        selection,
        wanted,
        ahead,
        loaded: VecDeque::new(),
        content_until: None,
        shelf: Rc::default(),
        current: None,
    }));
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

impl Loop {
    fn next(&mut self) -> Result<Option<MessageValue>> {
        if let Some(uid) = self.current.take() {
            self.shelf.drop_content(uid);
        }
        while self.loaded.is_empty() {
            let Some(part) = self.ahead.pop_front() else { return Ok(None) };
            self.loaded = load_headers(&self.selection, part).wait()?.into();
        }
        if self.wanted.content {
            self.fetch_contents()?;
        }
        let Some(loaded) = self.loaded.pop_front() else { return Ok(None) };
        self.current = Some(loaded.uid);
        Ok(Some(MessageValue::new(self.selection.clone(), loaded, Rc::downgrade(&self.shelf))))
    }

    /// Fetches the contents of the next messages, as many as a batch has room for.
    fn fetch_contents(&mut self) -> Result<()> {
        if self.loaded.front().is_some_and(|next| self.content_until.is_some_and(|until| next.uid <= until)) {
            return Ok(());
        }
        let mut batch = UidSet::new();
        let mut bytes = 0;
        for next in &self.loaded {
            if !batch.is_empty() && bytes + next.size > BODY_BATCH_BYTES {
                break;
            }
            self.content_until = Some(next.uid);
            // What is too large for one batch is fetched where it is asked for, and refused there.
            if next.size <= BODY_BATCH_BYTES {
                bytes += next.size;
                batch.insert(next.uid);
            }
        }
        for (uid, content) in load_bodies(&self.selection, batch).wait()? {
            self.shelf.put(uid, Rc::new(Message::parse(content)));
        }
        Ok(())
    }
}

/// A shelf that may be gone with its loop.
pub(super) type ShelfLink = Weak<Shelf>;
