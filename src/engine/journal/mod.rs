//! The journal: what is about to be done to mail is written here before the command leaves, and what became of it
//! after.
//!
//! It is a database of the user's own, which several runs may use at once. Every write is durable when it
//! returns. A run that finds an action without an outcome knows that it was cut, and settles it first.

mod entry;
mod health;
mod open;
mod past;
mod read;
mod trace;
mod under_way;
mod write;

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::error::Result;
use crate::mail::Uid;

pub use entry::AccountRow;
pub(super) use entry::{Entry, Fate, Intent, Known, Outcome, Target};
pub use health::Health;
pub(super) use open::failed;
pub use past::RunRow;
pub(super) use past::{PastAction, Place};
pub(super) use read::OpenAction;
pub use trace::Trace;
pub(super) use under_way::UnderWay;
pub(super) use write::{ActionId, Purpose};

/// The journal of one state directory, and the run that writes to it.
#[derive(Debug)]
pub struct Journal {
    db: Mutex<Connection>,
    /// The name of the file, for errors.
    path: String,
    /// This run's number, once it has one.
    run: Mutex<Option<i64>>,
    /// What earlier runs had done and this one has been credited with.
    used: Mutex<HashSet<(ActionId, Uid)>>,
    /// What this run has begun and is still at.
    under_way: Mutex<HashSet<ActionId>>,
    /// What this run has looked for in another account, in that account or from the other side.
    looked: Mutex<HashSet<(ActionId, bool)>>,
}

impl Journal {
    fn db(&self) -> MutexGuard<'_, Connection> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what the database gave a result of ours.
    fn told<T>(&self, result: rusqlite::Result<T>) -> Result<T> {
        result.map_err(|error| failed(&self.path, &error))
    }
}
