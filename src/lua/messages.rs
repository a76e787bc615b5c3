use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::{Rc, Weak};

use mlua::{Function, Lua, MultiValue, Value};

use super::args::Args;
use super::bind::{Promise, job};
use super::failure::raise;
use super::message::MessageValue;
use crate::engine::{
    BODY_BATCH_BYTES, HEADER_BATCH, Loaded, Selection, SelectionSet, load_bodies, load_headers,
};
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
    parts: Vec<Selection>,
    wanted: Wanted,
    /// Header fields that are fetched beside the common ones.
    fields: Vec<String>,
    /// Messages of one part each, in their order, whose headers are not loaded.
    ahead: VecDeque<(usize, Vec<Uid>)>,
    /// The part that the loaded ones are of.
    part: usize,
    loaded: VecDeque<Loaded>,
    /// How many of the loaded ones have had their content fetched.
    ready: usize,
    shelf: Rc<Shelf>,
    current: Option<Uid>,
}

/// Cuts messages into runs of the same part, each short enough for one fetch.
fn runs(order: Vec<(usize, Uid)>) -> VecDeque<(usize, Vec<Uid>)> {
    let mut runs: VecDeque<(usize, Vec<Uid>)> = VecDeque::new();
    for (part, uid) in order {
        match runs.back_mut() {
            Some((of, run)) if *of == part && run.len() < HEADER_BATCH => run.push(uid),
            _ => runs.push_back((part, vec![uid])),
        }
    }
    runs
}

/// Makes the function that a `for` loop calls for the next message. `fields` are header fields that the loop
/// needs at hand beside the common ones.
pub(super) fn iterator(
    lua: &Lua,
    set: &SelectionSet,
    wanted: Wanted,
    fields: &[String],
) -> mlua::Result<Function> {
    let state = Rc::new(RefCell::new(Loop {
        parts: set.parts().to_vec(),
        wanted,
        fields: fields.to_vec(),
        ahead: runs(set.in_order()),
        part: 0,
        loaded: VecDeque::new(),
        ready: 0,
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
            let Some((part, run)) = self.ahead.pop_front() else { return Ok(None) };
            let Some(selection) = self.parts.get(part) else { return Ok(None) };
            let loaded = load_headers(selection, run.iter().copied().collect(), &self.fields).wait()?;
            let mut loaded: HashMap<Uid, Loaded> = loaded.into_iter().map(|each| (each.uid, each)).collect();
            self.loaded = run.iter().filter_map(|uid| loaded.remove(uid)).collect();
            self.part = part;
            self.ready = 0;
        }
        let Some(selection) = self.parts.get(self.part).cloned() else { return Ok(None) };
        if self.wanted.content && self.ready == 0 {
            self.fetch_contents(&selection)?;
        }
        let Some(loaded) = self.loaded.pop_front() else { return Ok(None) };
        self.ready = self.ready.saturating_sub(1);
        self.current = Some(loaded.uid);
        Ok(Some(MessageValue::new(selection, loaded, Rc::downgrade(&self.shelf))))
    }

    /// Fetches the contents of the next messages, as many as a batch has room for.
    fn fetch_contents(&mut self, selection: &Selection) -> Result<()> {
        let mut batch = UidSet::new();
        let mut bytes = 0;
        for next in &self.loaded {
            if self.ready > 0 && bytes + next.size > BODY_BATCH_BYTES {
                break;
            }
            self.ready += 1;
            // What is too large for one batch is fetched where it is asked for, and refused there.
            if next.size <= BODY_BATCH_BYTES {
                bytes += next.size;
                batch.insert(next.uid);
            }
        }
        for (uid, content) in load_bodies(selection, batch).wait()? {
            self.shelf.put(uid, Rc::new(Message::parse(content)));
        }
        Ok(())
    }
}

/// A shelf that may be gone with its loop.
pub(super) type ShelfLink = Weak<Shelf>;
