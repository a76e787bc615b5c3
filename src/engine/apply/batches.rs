use std::collections::{HashMap, VecDeque};

use super::source::Head;
use crate::engine::messages::load_bodies;
use crate::engine::progress::UnderWay;
use crate::engine::selection::Selection;
use crate::engine::ticket::Ticket;
use crate::error::Result;
use crate::mail::{Uid, UidSet};

/// How many bytes of messages are on their way at once, as far as messages are not larger by themselves.
const BATCH_BYTES: u64 = 7 << 20;

/// How many messages are on their way at once.
const BATCH_MESSAGES: usize = 500;

/// Messages with their contents; those that are gone have none.
pub(super) type Batch = Vec<(Head, Option<Vec<u8>>)>;

type Loading = Ticket<Vec<(Uid, Vec<u8>)>>;

/// The batches of messages that are to be loaded, of which one is under way.
pub(super) struct Batches {
    selection: Selection,
    heads: VecDeque<Head>,
    loading: Option<(Vec<Head>, Loading)>,
    /// Counts those that were given.
    progress: UnderWay,
}

impl Batches {
    /// Begins with the first, which is asked for at once.
    pub(super) fn start(selection: &Selection, heads: Vec<Head>) -> Self {
        let (account, what) = (&selection.account, format!("carrying messages of {}", selection.shown));
        let progress = account.run().progress.begin(account.label(), what, Some(heads.len()));
        let mut batches = Self { selection: selection.clone(), heads: heads.into(), loading: None, progress };
        batches.ask();
        batches
    }

    /// Gives the messages that were not given yet.
    pub(super) fn rest(&self) -> UidSet {
        let loading = self.loading.iter().flat_map(|(heads, _)| heads);
        loading.chain(&self.heads).map(|head| head.uid).collect()
    }

    /// Waits for the next batch, and asks for the one after it unless one of the two is large by itself. Messages
    /// that are gone by now are not among those given with their contents.
    pub(super) fn next(&mut self) -> Option<Result<Batch>> {
        self.ask();
        let bytes = |heads: &[Head]| heads.iter().map(|head| head.size).sum::<u64>();
        let (heads, ticket) = self.loading.take()?;
        let contents = match ticket.wait() {
            Ok(contents) => contents,
            Err(error) => {
                // They stay among the rest.
                for head in heads.into_iter().rev() {
                    self.heads.push_front(head);
                }
                return Some(Err(error));
            }
        };
        self.progress.count(heads.len());
        let next = self.heads.front().map_or(0, |head| head.size);
        if bytes(&heads).max(next) <= BATCH_BYTES {
            self.ask();
        }
        let mut contents: HashMap<Uid, Vec<u8>> = contents.into_iter().collect();
        let with_content = |head: Head| {
            let content = contents.remove(&head.uid);
            (head, content)
        };
        Some(Ok(heads.into_iter().map(with_content).collect()))
    }

    fn ask(&mut self) {
        if self.loading.is_some() || self.heads.is_empty() {
            return;
        }
        let (mut heads, mut bytes) = (Vec::new(), 0);
        while let Some(head) = self.heads.front() {
            bytes += head.size;
            if !heads.is_empty() && (bytes > BATCH_BYTES || heads.len() >= BATCH_MESSAGES) {
                break;
            }
            heads.extend(self.heads.pop_front());
        }
        let uids = heads.iter().map(|head| head.uid).collect();
        self.loading = Some((heads, load_bodies(&self.selection, uids)));
    }
}
