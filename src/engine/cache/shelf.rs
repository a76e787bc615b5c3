use std::sync::Arc;

use rusqlite::{OptionalExtension as _, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};

use super::Cache;
use crate::imap::{Fetch, FetchItem, Section};
use crate::mail::{BodyStructure, InternalDate, Uid, UidSet};

/// How many messages are read or written at once.
const WINDOW: usize = 500;

/// What is larger is not kept.
const LARGEST: usize = 64 << 10;

/// The length of a digest.
const DIGEST: usize = 16;

/// What a server said of a message and can't change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Kept {
    /// Its size in bytes.
    pub(in crate::engine) size: u64,
    /// When it arrived, where that was asked for.
    pub(in crate::engine) date: Option<InternalDate>,
    /// The header fields that were asked for, as the server sent them.
    pub(in crate::engine) header: Vec<u8>,
    /// Its parts, where they were asked for.
    pub(in crate::engine) structure: Option<BodyStructure>,
}

impl Kept {
    /// Tells whether it holds all that is fetched, but the flags.
    pub(in crate::engine) fn holds(items: &[FetchItem]) -> bool {
        items.iter().all(|item| match item {
            FetchItem::Flags | FetchItem::InternalDate | FetchItem::Size | FetchItem::BodyStructure => true,
            // A whole header would be too much.
            FetchItem::Section(section) => matches!(section, Section::Fields(_)),
            _ => false,
        })
    }

    /// Gives what there is to keep of what a server told of a message; `None` where that is not all that was fetched.
    pub(in crate::engine) fn of(items: &[FetchItem], fetch: &Fetch) -> Option<Self> {
        let mut kept = Self { size: fetch.size?, date: None, header: Vec::new(), structure: None };
        for item in items {
            match item {
                FetchItem::InternalDate => kept.date = Some(fetch.internal_date?),
                FetchItem::BodyStructure => kept.structure = Some(fetch.structure.clone()?),
                FetchItem::Section(section) => kept.header = fetch.section(section)?.to_vec(),
                _ => {}
            }
        }
        Some(kept)
    }

    /// Writes it down; `None` where it is too large to be kept.
    fn to_bytes(&self) -> Option<Vec<u8>> {
        let date = self.date.map(|date| date.to_string()).unwrap_or_default();
        let structure = match &self.structure {
            Some(structure) => serde_json::to_vec(structure).ok()?,
            None => Vec::new(),
        };
        if self.header.len().saturating_add(structure.len()) > LARGEST {
            return None;
        }
        let lengths = (u8::try_from(date.len()).ok()?, u32::try_from(self.header.len()).ok()?);
        Some(
            [
                &self.size.to_be_bytes()[..],
                &[lengths.0],
                date.as_bytes(),
                &lengths.1.to_be_bytes(),
                &self.header,
                &structure,
            ]
            .concat(),
        )
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (size, rest) = bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let (date, rest) = rest.split_at_checked(usize::from(*length))?;
        let (length, rest) = rest.split_first_chunk()?;
        let (header, structure) =
            rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        let date = match date {
            [] => None,
            date => Some(InternalDate::parse(std::str::from_utf8(date).ok()?)?),
        };
        let structure = match structure {
            [] => None,
            structure => Some(serde_json::from_slice(structure).ok()?),
        };
        Some(Self { size: u64::from_be_bytes(*size), date, header: header.to_vec(), structure })
    }
}

/// What one FETCH told of the messages of one mailbox.
pub(in crate::engine) struct Shelf {
    cache: Arc<Cache>,
    id: i64,
    /// What it is of, and of whom.
    of: [u8; 32],
    /// What is to be kept.
    fresh: Vec<(Uid, Vec<u8>)>,
}

impl Shelf {
    pub(super) fn new(cache: Arc<Cache>, id: i64, of: [u8; 32]) -> Self {
        Self { cache, id, of, fresh: Vec::new() }
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
    pub(in crate::engine) fn each(&self, set: &UidSet, mut each: impl FnMut(Uid, Kept)) -> UidSet {
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

    fn read(&self, uid: Uid, entry: &[u8]) -> Option<Kept> {
        let (digest, told) = entry.split_first_chunk::<DIGEST>()?;
        (*digest == self.digest(uid, told)).then(|| Kept::from_bytes(told)).flatten()
    }

    /// Keeps what was told of a message.
    pub(in crate::engine) fn keep(&mut self, uid: Uid, kept: &Kept) {
        if let Some(told) = kept.to_bytes() {
            self.fresh.push((uid, told));
        }
        if self.fresh.len() >= WINDOW {
            self.write();
        }
    }

    fn write(&mut self) {
        let fresh = std::mem::take(&mut self.fresh);
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

impl Drop for Shelf {
    fn drop(&mut self) {
        self.write();
    }
}
