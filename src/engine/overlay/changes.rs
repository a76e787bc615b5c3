use std::path::PathBuf;
use std::sync::Arc;

use super::elsewhere::Reader;
use super::memory::Draft;
use crate::imap::{Fetch, StoreMode};
use crate::mail::{Flag, Label, MailboxName, Uid, UidValidity};

/// What is planned for the flags and labels of a message: the last word on each.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Change {
    flags: Vec<(Flag, bool)>,
    /// All labels that a server would tell, where they are to change.
    labels: Option<Vec<Label>>,
    /// What Gmail would call a message that comes to it from elsewhere.
    gmail_id: Option<u64>,
}

impl Change {
    /// Sets flags, or takes them away.
    pub(in crate::engine) fn flags(mode: StoreMode, flags: &[Flag]) -> Self {
        let on = mode == StoreMode::Add;
        Self { flags: flags.iter().map(|flag| (flag.clone(), on)).collect(), ..Self::default() }
    }

    /// Gives a message these labels and no others.
    pub(super) fn labels(labels: Vec<Label>) -> Self {
        Self { labels: Some(labels), ..Self::default() }
    }

    /// Adds what comes later.
    pub(super) fn then(&mut self, later: &Self) {
        put(&mut self.flags, &later.flags);
        if later.labels.is_some() {
            self.labels.clone_from(&later.labels);
        }
        self.gmail_id = later.gmail_id.or(self.gmail_id);
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
        if let Some(id) = self.gmail_id {
            fetch.gmail_message_id = fetch.gmail_message_id.map(|_| id);
            fetch.gmail_thread_id = fetch.gmail_thread_id.map(|_| id);
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
    /// On the server of another account.
    Elsewhere(Arc<Elsewhere>),
    /// In an mbox file, by its number there.
    File(Arc<PathBuf>, u32),
    /// Nowhere yet: it is to be appended.
    Memory(Arc<Draft>),
}

/// Where a message is on the server of another account.
#[derive(Debug)]
pub(in crate::engine) struct Elsewhere {
    /// Who reads it there.
    pub(super) reader: Arc<Reader>,
    /// The mailbox's real name.
    pub(super) mailbox: MailboxName,
    /// What its UIDs were worth.
    pub(super) validity: UidValidity,
    /// Its UID there.
    pub(super) uid: Uid,
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

    /// Gives it as an account with this identity has it to whom it comes; `from` reads the account that it leaves.
    pub(in crate::engine) fn carried(self, from: &Arc<Reader>, to: &str) -> Self {
        let origin = match self.origin {
            Origin::Elsewhere(there) if there.reader.is_of(to) => {
                let (mailbox, validity, uid) = (there.mailbox.clone(), there.validity, there.uid);
                Origin::Server { mailbox, validity, uid }
            }
            Origin::Server { mailbox, validity, uid } if !from.is_of(to) => {
                Origin::Elsewhere(Arc::new(Elsewhere { reader: Arc::clone(from), mailbox, validity, uid }))
            }
            other => other,
        };
        let change = Change { labels: None, gmail_id: None, ..self.change };
        Self { origin, change, ..self }
    }

    /// Gives it as Gmail would have it, under this identifier.
    pub(in crate::engine) fn known_as(self, id: u64) -> Self {
        let origin = match self.origin {
            Origin::Memory(draft) => Origin::Memory(Arc::new(Draft::clone(&draft).known_as(id))),
            other => other,
        };
        let change = Change { gmail_id: Some(id), labels: Some(Vec::new()), ..self.change };
        Self { origin, change, ..self }
    }

    /// Gives it as what another action brings.
    pub(in crate::engine) fn by(self, action: usize) -> Self {
        Self { action, ..self }
    }

    pub(super) fn is_seen(&self) -> bool {
        self.change.is_seen(self.seen)
    }
}
