//! The cache: what a server said of messages and can't change, so that it need not be asked again.
//!
//! It is a database of the user's own, which several runs may use at once. Nothing relies on it: where it can't be used,
//! everything is as if there were none, and it may be deleted at any time. What is taken from it carries a digest of
//! what it is and of whom, so that a damaged file, or one that was exchanged beneath a run, gives nothing in place of
//! something wrong.

mod flags_then;
mod kept;
mod measure;
mod shelf;

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};

use super::journal::AccountRow;
use super::new_file::private_file;
use crate::mail::{MailboxName, UidValidity};

pub(super) use flags_then::FlagsThen;
pub(super) use kept::Kept;
pub(super) use measure::{Measure, Task};
pub(super) use shelf::Shelf;

/// The database's version, in its `user_version`. One of another version is begun anew.
const VERSION: i64 = 3;

/// How long to wait for another run's write.
const PATIENCE: Duration = Duration::from_millis(250);

/// How large its pages are, in bytes. It is mostly written on and on, which is quicker in large pieces.
const PAGE: i64 = 16 << 10;

/// How many KiB of it are held in memory.
const PAGES_KIB: i64 = 512;

/// The file's name in the state directory.
const NAME: &str = "cache.db";

/// How many bytes are kept at most, as counted at the end of a run.
const MOST: i64 = 200 << 20;

/// Numbers of shelves are never used twice: who has one can't meet another's messages there.
const TABLES: &str = "
CREATE TABLE shelves (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account BLOB NOT NULL,
  mailbox BLOB NOT NULL,
  validity INTEGER NOT NULL,
  items TEXT NOT NULL,
  used INTEGER NOT NULL,
  UNIQUE (account, mailbox, validity, items)
);
CREATE TABLE messages (
  shelf INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  told BLOB NOT NULL,
  PRIMARY KEY (shelf, uid)
) WITHOUT ROWID;
CREATE TABLE measures (
  account BLOB NOT NULL,
  kind TEXT NOT NULL,
  task BLOB NOT NULL,
  nanoseconds INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  taken INTEGER NOT NULL,
  PRIMARY KEY (account, kind, task)
) WITHOUT ROWID;
";

/// The cache of one state directory.
#[derive(Debug)]
pub(super) struct Cache {
    path: PathBuf,
    /// `None` once something went wrong: it is not used any more then.
    db: Mutex<Option<Connection>>,
}

/// The cache, for one account.
#[derive(Clone, Debug)]
pub(super) struct OwnCache {
    cache: Arc<Cache>,
    /// As whom it is reached, where, and how. Whoever changes how, as by trusting a server less, begins anew.
    owner: [u8; 32],
}

impl Cache {
    /// Opens the cache of a state directory; both are made, for their owner only, where they are missing. What is no
    /// cache of this version is deleted first. `None` where it can't be used.
    pub(super) fn open(directory: &Path) -> Option<Self> {
        let path = directory.join(NAME);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).ok()?;
        let db = match connect(&path) {
            Ok(Some(db)) => db,
            Err(error) if !is_damage(&error) => return None,
            Ok(None) | Err(_) => {
                remove(&path);
                connect(&path).ok()??
            }
        };
        Some(Self { path, db: Mutex::new(Some(db)) })
    }

    /// Does something with the database. After an error it is not used again in this run; if it is damaged, it is deleted.
    fn with<T>(&self, job: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Option<T> {
        let mut slot = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        match job(slot.as_mut()?) {
            Ok(given) => Some(given),
            Err(error) => {
                *slot = None;
                if is_damage(&error) {
                    remove(&self.path);
                }
                None
            }
        }
    }

    /// Makes room at the end of a run: what was not used for the longest time goes, until it is within its bounds.
    pub(super) fn tidy(&self) {
        self.forget_measures();
        self.shrink_to(MOST);
    }

    fn shrink_to(&self, most: i64) {
        self.with(|db| {
            if bytes(db)? <= most {
                return Ok(());
            }
            // Some room more, so that not every run must look for some.
            while bytes(db)? > most / 4 * 3 {
                let begun = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let oldest = "SELECT id FROM shelves ORDER BY used, id LIMIT 1";
                let Some(id) = begun.query_row(oldest, [], |row| row.get::<_, i64>(0)).optional()? else {
                    break;
                };
                begun.execute("DELETE FROM messages WHERE shelf = ?1", [id])?;
                begun.execute("DELETE FROM shelves WHERE id = ?1", [id])?;
                begun.commit()?;
            }
            Ok(())
        });
    }
}

impl OwnCache {
    pub(super) fn new(cache: Arc<Cache>, account: &AccountRow) -> Self {
        let mut owner = Sha256::new();
        owner.update(&account.identity);
        owner.update([0]);
        owner.update(&account.connection);
        Self { cache, owner: owner.finalize().into() }
    }

    /// Tells whether anything is known of a mailbox that such a FETCH told.
    pub(super) fn knows(&self, mailbox: &MailboxName, items: &str) -> bool {
        let sql = "SELECT 1 FROM shelves WHERE account = ?1 AND mailbox = ?2 AND items = ?3
                   AND EXISTS (SELECT 1 FROM messages WHERE shelf = id)";
        let of = params![self.owner, mailbox.wire(), items];
        self.cache.with(|db| db.query_row(sql, of, |_| Ok(())).optional()).flatten().is_some()
    }

    /// Gives the place of what one FETCH tells of the messages of a mailbox; `items` is what is fetched. What was known of
    /// the mailbox under another validity is forgotten.
    pub(super) fn shelf<T>(
        &self,
        mailbox: &MailboxName,
        validity: UidValidity,
        items: &str,
    ) -> Option<Shelf<T>> {
        let id = self.cache.with(|db| {
            let begun = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let of = params![self.owner, mailbox.wire(), validity.get()];
            begun.execute(
                "DELETE FROM messages WHERE shelf IN (SELECT id FROM shelves
                 WHERE account = ?1 AND mailbox = ?2 AND validity <> ?3)",
                of,
            )?;
            let sql = "DELETE FROM shelves WHERE account = ?1 AND mailbox = ?2 AND validity <> ?3";
            begun.execute(sql, of)?;
            let id: i64 = begun.query_row(
                "INSERT INTO shelves (account, mailbox, validity, items, used) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET used = ?5 RETURNING id",
                params![self.owner, mailbox.wire(), validity.get(), items, Timestamp::now().as_millisecond()],
                |row| row.get(0),
            )?;
            begun.commit()?;
            Ok(id)
        })?;
        let mut of = Sha256::new();
        of.update(self.owner);
        of.update(validity.get().to_be_bytes());
        for text in [mailbox.wire(), items.as_bytes()] {
            of.update(text.len().to_be_bytes());
            of.update(text);
        }
        Some(Shelf::new(Arc::clone(&self.cache), id, of.finalize().into()))
    }
}

/// Opens the database; `None` where it is of another version.
fn connect(path: &Path) -> rusqlite::Result<Option<Connection>> {
    if !path.exists() {
        // What is left of one whose other files were deleted would be taken for this one's.
        remove(path);
    }
    private_file(path).map_err(|_| rusqlite::Error::InvalidPath(path.to_owned()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(PATIENCE)?;
    // A database that is there keeps what it has.
    db.pragma_update(None, "page_size", PAGE)?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // What a crash takes is fetched again, and what it leaves half is told by the digests.
    db.pragma_update(None, "synchronous", "OFF")?;
    db.pragma_update(None, "cell_size_check", true)?;
    // It is read and written in order: what was passed is not needed again.
    db.pragma_update(None, "cache_size", -PAGES_KIB)?;
    let begun = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = begun.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 {
        begun.execute_batch(TABLES)?;
        begun.pragma_update(None, "user_version", VERSION)?;
    } else if version != VERSION {
        return Ok(None);
    }
    begun.commit()?;
    Ok(Some(db))
}

/// Tells how large it is, without the room in it that is free.
fn bytes(db: &Connection) -> rusqlite::Result<i64> {
    let number = |name: &str| db.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let pages = number("page_count")?.saturating_sub(number("freelist_count")?);
    Ok(pages.saturating_mul(number("page_size")?))
}

/// Tells whether the file is no database, or not this one's.
fn is_damage(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => matches!(
            code,
            ErrorCode::NotADatabase
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::TypeMismatch
                | ErrorCode::Unknown
        ),
        None => !matches!(error, rusqlite::Error::InvalidPath(_)),
    }
}

/// Deletes the database. Where that can't be done, it is not used either.
fn remove(path: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        let gone: io::Result<()> = fs::remove_file(name);
        drop(gone);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
