use std::marker::PhantomData;
use std::sync::Arc;

use rusqlite::{OptionalExtension as _, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};

use super::Cache;
use crate::mail::{Uid, UidSet};

/// How many messages are read at once.
const WINDOW: usize = 500;

/// How many are written at once, and how many bytes of them: each time the database is locked and some of its pages are
/// written again.
const BATCH: usize = 4_000;
const BATCH_BYTES: usize = 512 << 10;

/// The length of a digest.
const DIGEST: usize = 16;

/// What is kept of a message.
pub(in crate::engine) trait Entry: Sized {
    /// Writes it down; `None` where it is too large to be kept.
    fn to_bytes(&self) -> Option<Vec<u8>>;

    /// Reads it.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

/// What was told of the messages of one mailbox.
pub(in crate::engine) struct Shelf<T> {
    cache: Arc<Cache>,
    id: i64,
    /// What it is of, and of whom.
    of: [u8; 32],
    /// What is to be kept.
    fresh: Vec<(Uid, Vec<u8>)>,
    /// How many bytes that is.
    bytes: usize,
    kind: PhantomData<T>,
}

impl<T> Shelf<T> {
    pub(super) fn new(cache: Arc<Cache>, id: i64, of: [u8; 32]) -> Self {
        Self { cache, id, of, fresh: Vec::new(), bytes: 0, kind: PhantomData }
    }

    /// Tells what a message's entry must begin with.
    fn digest(&self, uid: Uid, told: &[u8]) -> [u8; DIGEST] {
        let mut digest = Sha256::new();
        digest.update(self.of);
        digest.update(uid.get().to_be_bytes());
        digest.update(told);
        let whole: [u8; 32] = digest.finalize().into();
        whole.first_chunk().copied().unwrap_or_default()
    }

    /// Goes through those of the messages that are known, and gives their UIDs.
    pub(in crate::engine) fn each(&self, set: &UidSet, mut each: impl FnMut(Uid, T)) -> UidSet
    where
        T: Entry,
    {
        let mut known = UidSet::new();
        let mut done = 0;
        for (first, last) in set.ranges() {
            // What lies between is passed over, unless it was read already.
            while done < last {
                let Some(window) = self.window(first.max(done.saturating_add(1))) else { return known };
                done = match window.last() {
                    Some((uid, _)) if window.len() == WINDOW => *uid,
                    _ => u32::MAX,
                };
                for (uid, entry) in window {
                    let Some(uid) = Uid::new(uid).filter(|uid| set.contains(*uid)) else { continue };
                    if let Some(kept) = self.read(uid, &entry) {
                        known.insert(uid);
                        each(uid, kept);
                    }
                }
            }
        }
        known
    }

    /// Reads the first messages from a UID on.
    fn window(&self, from: u32) -> Option<Vec<(u32, Vec<u8>)>> {
        self.cache.with(|db| {
            let sql = format!(
                "SELECT uid, told FROM messages WHERE shelf = ?1 AND uid >= ?2 ORDER BY uid LIMIT {WINDOW}"
            );
            let mut sql = db.prepare(&sql)?;
            let rows = sql.query_map(params![self.id, from], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })
    }

    fn read(&self, uid: Uid, entry: &[u8]) -> Option<T>
    where
        T: Entry,
    {
        let (digest, told) = entry.split_first_chunk::<DIGEST>()?;
        (*digest == self.digest(uid, told)).then(|| T::from_bytes(told)).flatten()
    }

    /// Keeps what was told of a message.
    pub(in crate::engine) fn keep(&mut self, uid: Uid, kept: &T)
    where
        T: Entry,
    {
        if let Some(told) = kept.to_bytes() {
            self.bytes += told.len();
            self.fresh.push((uid, told));
        }
        if self.fresh.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.write();
        }
    }

    fn write(&mut self) {
        let fresh = std::mem::take(&mut self.fresh);
        self.bytes = 0;
        if fresh.is_empty() {
            return;
        }
        self.cache.with(|db| {
            let begun = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let there = "SELECT 1 FROM shelves WHERE id = ?1";
            // Another run may have forgotten the mailbox meanwhile.
            if begun.query_row(there, [self.id], |_| Ok(())).optional()?.is_some() {
                let mut sql = begun.prepare("INSERT OR REPLACE INTO messages VALUES (?1, ?2, ?3)")?;
                for (uid, told) in fresh {
                    let entry = [&self.digest(uid, &told)[..], &told].concat();
                    sql.execute(params![self.id, uid.get(), entry])?;
                }
            }
            begun.commit()
        });
    }
}

impl<T> Drop for Shelf<T> {
    fn drop(&mut self) {
        self.write();
    }
}
