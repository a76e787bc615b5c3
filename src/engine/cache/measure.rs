use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::{Cache, OwnCache};
use crate::mail::MailboxName;

/// What takes longer was not the server's doing, or is over.
const LONGEST: Duration = Duration::from_secs(1800);

/// How many are kept.
const KEPT: u32 = 1000;

/// What a server does for us, and takes its time for.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) enum Task<'a> {
    /// It searches a mailbox with a program of such keys.
    Search(&'a MailboxName, &'a str),
    /// It gives items of messages.
    Fetch(&'a str),
}

impl Task<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Search(..) => "search",
            Self::Fetch(_) => "fetch",
        }
    }

    /// Names it among all of its kind.
    fn name(&self) -> Vec<u8> {
        match self {
            Self::Search(mailbox, keys) => [mailbox.wire(), &[0], keys.as_bytes()].concat(),
            Self::Fetch(items) => items.as_bytes().to_vec(),
        }
    }
}

/// How long something took, the last time.
///
/// Unlike what is known of messages it carries no digest: whatever it says, what is found is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Measure {
    /// The time, including the line's.
    pub(in crate::engine) time: Duration,
    /// For so many messages.
    pub(in crate::engine) messages: u32,
}

impl Measure {
    /// Tells whether it can be true.
    fn is_likely(&self) -> bool {
        !self.time.is_zero() && self.time <= LONGEST && self.messages > 0
    }
}

impl OwnCache {
    /// Gives how long a task took the last time.
    pub(in crate::engine) fn measured(&self, task: Task<'_>) -> Option<Measure> {
        let sql = "SELECT nanoseconds, messages FROM measures WHERE account = ?1 AND kind = ?2 AND task = ?3";
        let of = params![self.owner, task.kind(), task.name()];
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let (time, messages) = self.cache.with(|db| db.query_row(sql, of, read).optional()).flatten()?;
        let time = Duration::from_nanos(u64::try_from(time).ok()?);
        Some(Measure { time, messages: u32::try_from(messages).ok()? }).filter(Measure::is_likely)
    }

    /// Keeps how long a task took, unless that can't be true.
    pub(in crate::engine) fn keep_measure(&self, task: Task<'_>, measure: Measure) {
        let Some(time) = i64::try_from(measure.time.as_nanos()).ok().filter(|_| measure.is_likely()) else {
            return;
        };
        let sql = "INSERT OR REPLACE INTO measures VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let taken = Timestamp::now().as_millisecond();
        let of = params![self.owner, task.kind(), task.name(), time, measure.messages, taken];
        self.cache.with(|db| db.execute(sql, of));
    }

    /// Tells of how many messages of a mailbox it is known what such a FETCH told.
    pub(in crate::engine) fn count(&self, mailbox: &MailboxName, items: &str) -> u32 {
        let sql = "SELECT count(*) FROM messages JOIN shelves ON shelves.id = shelf
                   WHERE account = ?1 AND mailbox = ?2 AND items = ?3";
        let of = params![self.owner, mailbox.wire(), items];
        self.cache.with(|db| db.query_row(sql, of, |row| row.get(0))).unwrap_or(0)
    }
}

impl Cache {
    /// Forgets all measures but the newest.
    pub(super) fn forget_measures(&self) {
        let sql = "DELETE FROM measures WHERE taken <
                   (SELECT taken FROM measures ORDER BY taken DESC LIMIT 1 OFFSET ?1)";
        self.with(|db| db.execute(sql, [KEPT - 1]));
    }
}
