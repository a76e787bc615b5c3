use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;

use super::messages::{BODY_BATCH_BYTES, Loaded, Needs, load_bodies, load_headers};
use super::selection::Selection;
use super::selection_set::SelectionSet;
use super::ticket::Ticket;
use super::together::Together;
use crate::error::{Error, Result};
use crate::mail::{Uid, UidSet};

/// How many messages' headers are fetched at once.
const WINDOW: usize = 1_000;
/// The same, where more is fetched of each than the common fields.
const WIDE_WINDOW: usize = 500;

/// A message that a walk has come to.
#[derive(Debug)]
pub struct Met {
    /// What it is of.
    pub selection: Rc<Selection>,
    /// What is known of it.
    pub loaded: Loaded,
    /// Its content, where it is needed, still there and not too large for a batch.
    pub content: Option<Vec<u8>>,
}

/// A message in its order: the number of its part, and its UID.
type Place = (usize, Uid);
/// What is known of a message before its content: the number of its part, and the rest.
type Head = (usize, Loaded);
/// The contents of messages of one part.
type Contents = Vec<(Uid, Vec<u8>)>;

/// Goes through messages in their order and fetches ahead what will be needed of them.
///
/// What is asked for next is under way while the messages before it are worked on, once half of those are
/// done: on a slow line the two take their time together, in memory there are one and a half batches, and who
/// stops at the first message has fetched one. Every fetch is a job that ends by itself, so that whatever
/// else is asked of the account meanwhile has its turn.
#[derive(Debug)]
pub struct Walk {
    parts: Vec<Rc<Selection>>,
    needs: Needs,
    /// Messages of which nothing was asked.
    ahead: VecDeque<Place>,
    /// Headers that are under way.
    window: Option<Flight<Vec<Loaded>>>,
    /// Messages whose content was not asked for.
    heads: VecDeque<Head>,
    /// Messages whose content is under way.
    batch: Option<(Vec<Head>, Flight<Contents>)>,
    ready: VecDeque<Met>,
    /// When fewer than so many are ready, the next batch is asked for.
    low: usize,
    /// What went wrong while looking ahead, for when what is ready is used up.
    failed: Option<Error>,
}

/// What was asked for: the messages, and the promise of each part's.
#[derive(Debug)]
struct Flight<T> {
    order: Vec<Place>,
    tickets: Vec<(usize, Ticket<T>)>,
}

impl<T> Flight<T> {
    /// Asks for messages, of each part at once.
    fn start(
        parts: &[Rc<Selection>],
        order: Vec<Place>,
        ask: impl Fn(&Selection, UidSet) -> Ticket<T>,
    ) -> Self {
        let mut sets: BTreeMap<usize, UidSet> = BTreeMap::new();
        for (part, uid) in &order {
            sets.entry(*part).or_default().insert(*uid);
        }
        let ticket = |(part, uids): (usize, UidSet)| Some((part, ask(parts.get(part)?.as_ref(), uids)));
        let _together = Together::of(parts.iter().map(|part| &part.account));
        Self { tickets: sets.into_iter().filter_map(ticket).collect(), order }
    }
}

impl Walk {
    /// Begins before the first message. Nothing is asked for yet.
    pub fn new(set: &SelectionSet, needs: Needs) -> Self {
        Self {
            parts: set.parts().iter().cloned().map(Rc::new).collect(),
            needs,
            ahead: set.in_order().into(),
            window: None,
            heads: VecDeque::new(),
            batch: None,
            ready: VecDeque::new(),
            low: 0,
            failed: None,
        }
    }

    /// Goes on to the next message; those that are gone are passed over. `None` after the last.
    pub fn step(&mut self) -> Result<Option<Met>> {
        while self.ready.is_empty() {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if self.batch.is_none() && !self.ask_for_contents()? {
                return Ok(None);
            }
            self.take_contents()?;
        }
        let met = self.ready.pop_front();
        self.look_ahead();
        Ok(met)
    }

    fn look_ahead(&mut self) {
        if self.heads.len() + self.ready.len() < self.window_size() / 4 * 3 {
            self.ask_for_headers();
        }
        if self.needs.content && self.ready.len() < self.low && self.batch.is_none() && self.failed.is_none()
        {
            self.failed = self.ask_for_contents().err();
        }
    }

    fn window_size(&self) -> usize {
        // With the content, neither header nor structure is fetched by itself.
        let wide = !self.needs.content && (self.needs.header || self.needs.structure);
        if wide { WIDE_WINDOW } else { WINDOW }
    }

    fn ask_for_headers(&mut self) {
        if self.window.is_none() && !self.ahead.is_empty() {
            let count = self.window_size().min(self.ahead.len());
            let order = self.ahead.drain(..count).collect();
            let needs = &self.needs;
            self.window =
                Some(Flight::start(&self.parts, order, |part, uids| load_headers(part, uids, needs)));
        }
    }

    /// Waits for the headers that are under way. `false` where there are none any more.
    fn take_headers(&mut self) -> Result<bool> {
        self.ask_for_headers();
        let Some(flight) = self.window.take() else { return Ok(false) };
        let mut found = HashMap::new();
        for (part, ticket) in flight.tickets {
            found.extend(ticket.wait()?.into_iter().map(|loaded| ((part, loaded.uid), loaded)));
        }
        for place in flight.order {
            self.heads.extend(found.remove(&place).map(|loaded| (place.0, loaded)));
        }
        Ok(true)
    }

    /// Asks for the contents of the next messages, as many as a batch has room for. `false` after the last
    /// message.
    fn ask_for_contents(&mut self) -> Result<bool> {
        while self.heads.is_empty() {
            if !self.take_headers()? {
                return Ok(false);
            }
        }
        let (mut heads, mut order, mut bytes) = (Vec::new(), Vec::new(), 0_u64);
        while let Some((part, next)) = self.heads.front() {
            // What is too large for one batch is fetched where it is asked for, and refused there.
            if self.needs.content && next.size <= BODY_BATCH_BYTES {
                bytes += next.size;
                if bytes > BODY_BATCH_BYTES {
                    break;
                }
                order.push((*part, next.uid));
            }
            heads.extend(self.heads.pop_front());
        }
        self.batch = Some((heads, Flight::start(&self.parts, order, load_bodies)));
        Ok(true)
    }

    /// Waits for the contents that are under way.
    fn take_contents(&mut self) -> Result<()> {
        let Some((heads, flight)) = self.batch.take() else { return Ok(()) };
        let mut found = HashMap::new();
        for (part, ticket) in flight.tickets {
            found.extend(ticket.wait()?.into_iter().map(|(uid, content)| ((part, uid), content)));
        }
        for (part, loaded) in heads {
            let content = found.remove(&(part, loaded.uid));
            let met = |selection: &Rc<Selection>| Met { selection: Rc::clone(selection), loaded, content };
            self.ready.extend(self.parts.get(part).map(met));
        }
        self.low = self.ready.len().div_ceil(2);
        Ok(())
    }
}
