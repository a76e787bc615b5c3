use std::sync::Arc;

use super::memory::Draft;
use crate::imap::{Fetch, StoreMode};
use crate::mail::{Flag, Label, MailboxName, Uid, UidValidity};

/// What is planned for the flags and labels of a message: the last word on each.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Change {
    flags: Vec<(Flag, bool)>,
    /// All labels that a server would tell, where they are to change.
    labels: Option<Vec<Label>>,
}

impl Change {
    /// Sets flags, or takes them away.
    pub(in crate::engine) fn flags(mode: StoreMode, flags: &[Flag]) -> Self {
        let on = mode == StoreMode::Add;
        Self { flags: flags.iter().map(|flag| (flag.clone(), on)).collect(), labels: None }
    }

    /// Gives a message these labels and no others.
    pub(super) fn labels(labels: Vec<Label>) -> Self {
        Self { flags: Vec::new(), labels: Some(labels) }
    }

    /// Adds what comes later.
    pub(super) fn then(&mut self, later: &Self) {
        put(&mut self.flags, &later.flags);
        if later.labels.is_some() {
            self.labels.clone_from(&later.labels);
        }
    }

    /// Tells whether a message is seen afterwards.
    pub(super) fn is_seen(&self, before: bool) -> bool {
        self.flags.iter().find(|(flag, _)| *flag == Flag::Seen).map_or(before, |(_, on)| *on)
    }

    /// Makes what a server says of a message what it would say.
    pub(super) fn apply(&self, fetch: &mut Fetch) {
        if let Some(flags) = &mut fetch.flags {
            apply(&self.flags, flags);
        }
        if let (Some(labels), Some(planned)) = (&mut fetch.gmail_labels, &self.labels) {
            labels.clone_from(planned);
        }
    }
}

fn put<T: Clone + PartialEq>(list: &mut Vec<(T, bool)>, later: &[(T, bool)]) {
    list.retain(|(value, _)| later.iter().all(|(other, _)| other != value));
    list.extend_from_slice(later);
}

fn apply<T: Clone + PartialEq>(changes: &[(T, bool)], values: &mut Vec<T>) {
    for (value, on) in changes {
        match (values.contains(value), on) {
            (false, true) => values.push(value.clone()),
            (true, false) => values.retain(|other| other != value),
            _ => {}
        }
    }
}

/// Where a message that is to arrive really is.
#[derive(Clone, Debug)]
pub(in crate::engine) enum Origin {
    /// On the server.
    Server {
        /// The mailbox's real name.
        mailbox: MailboxName,
        /// What its UIDs were worth.
        validity: UidValidity,
        /// Its UID there.
        uid: Uid,
    },
    /// Nowhere yet: it is to be appended.
    Memory(Arc<Draft>),
}

/// A message that is to arrive, or that is to be changed where it is.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Arrival {
    /// Where it really is.
    pub(in crate::engine) origin: Origin,
    /// What is planned for it, all in all.
    pub(super) change: Change,
    /// It is seen where it really is.
    pub(super) seen: bool,
    /// The number of the action that made it.
    pub(in crate::engine) action: usize,
}

impl Arrival {
    /// Takes a message as it is.
    pub(in crate::engine) fn of(origin: Origin, seen: bool, action: usize) -> Self {
        Self { origin, change: Change::default(), seen, action }
    }

    pub(super) fn is_seen(&self) -> bool {
        self.change.is_seen(self.seen)
    }
}
