use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{Journal, health};
use crate::engine::new_file::private_file;
use crate::error::{Error, ErrorKind, Result, visible};

/// The database's version, in its `user_version`.
const VERSION: i64 = 4;

/// How long to wait for another run's write.
const PATIENCE: Duration = Duration::from_secs(30);

/// The file's name in the state directory.
const NAME: &str = "journal.db";

const TABLES: &str = "
CREATE TABLE accounts (
  id INTEGER PRIMARY KEY,
  identity TEXT NOT NULL UNIQUE,
  label TEXT NOT NULL,
  connection TEXT NOT NULL
);
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  began INTEGER NOT NULL,
  ended INTEGER,
  exit INTEGER,
  undoes INTEGER
);
CREATE TABLE actions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  account INTEGER NOT NULL REFERENCES accounts,
  verb TEXT NOT NULL,
  rule TEXT,
  object TEXT,
  mailbox BLOB NOT NULL,
  shown TEXT NOT NULL,
  validity INTEGER,
  target_account INTEGER REFERENCES accounts,
  target BLOB,
  target_shown TEXT,
  target_validity INTEGER,
  target_next INTEGER,
  began INTEGER NOT NULL,
  ended INTEGER,
  whole INTEGER NOT NULL DEFAULT 0,
  undone INTEGER
);
CREATE INDEX actions_of_run ON actions (run);
CREATE INDEX actions_open ON actions (account) WHERE ended IS NULL;
CREATE TABLE messages (
  action INTEGER NOT NULL REFERENCES actions ON DELETE CASCADE,
  uid INTEGER NOT NULL,
  size INTEGER,
  date INTEGER,
  message_id TEXT,
  gmail_id INTEGER,
  flags TEXT NOT NULL,
  subject TEXT,
  digest BLOB,
  fate INTEGER NOT NULL DEFAULT 0,
  reason TEXT,
  landed_validity INTEGER,
  landed_uid INTEGER,
  released INTEGER NOT NULL DEFAULT 0,
  credit INTEGER NOT NULL DEFAULT 0,
  undone INTEGER,
  PRIMARY KEY (action, uid)
) WITHOUT ROWID;
CREATE INDEX messages_by_id ON messages (message_id) WHERE message_id IS NOT NULL;
";

/// What version 2 knows besides: plans, and which runs apply them.
const PLANS: &str = "
CREATE TABLE plans (
  made TEXT PRIMARY KEY,
  noted INTEGER NOT NULL
) WITHOUT ROWID;
ALTER TABLE runs ADD COLUMN plan TEXT;
CREATE INDEX runs_of_plan ON runs (plan) WHERE plan IS NOT NULL;
";

/// Which messages are held, as version 4 finds them. Of more than two numbers in its condition a table is made, for
/// each message that is noted.
const HELD: &str = "
DROP INDEX IF EXISTS messages_held;
CREATE INDEX messages_held ON messages (action) WHERE fate NOT IN (1, 2) AND released = 0;
";

/// Says why the journal can't be used.
pub(in crate::engine) fn failed(path: &str, error: &rusqlite::Error) -> Error {
    let cause = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full".to_owned(),
        Some(ErrorCode::ReadOnly) => "it can't be written to".to_owned(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program keeps it locked".to_owned()
        }
        _ => error.to_string(),
    };
    unusable(path, &cause)
}

fn unusable(path: &str, cause: &str) -> Error {
    let what = format!("the journal `{}` can't be used: {}", visible(path), visible(cause));
    let hint = "nothing is changed without it; `--state DIR` names another directory for it".to_owned();
    ErrorKind::Config { what, hint }.into()
}

impl Journal {
    /// Opens the journal of a state directory; both are made, for their owner only, where they are missing.
    ///
    /// A file that is no database any more is set aside, and `warn` is told its new name.
    ///
    /// Errors: it can't be read or written, or a newer version of imapscript has written it.
    pub fn open(directory: &Path, warn: &dyn Fn(String)) -> Result<Self> {
        let path = directory.join(NAME);
        let shown = path.display().to_string();
        let failed_io = |error: io::Error| unusable(&shown, &error.to_string());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed_io)?;
        private_file(&path).map_err(failed_io)?;
        let db = match connect(&path) {
            Ok(db) => db,
            Err(error) if is_corrupt(&error) => {
                let aside = set_aside(&path).map_err(failed_io)?;
                warn(format!(
                    "the journal `{shown}` was damaged and is now `{}`: a new one was begun, and what earlier runs left in doubt is not known any more",
                    aside.display()
                ));
                private_file(&path).map_err(failed_io)?;
                connect(&path).map_err(|error| failed(&shown, &error))?
            }
            Err(error) => return Err(failed(&shown, &error)),
        };
        let version: i64 = db
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(|error| failed(&shown, &error))?;
        check_version(version, &shown)?;
        Ok(Self::of(db, shown))
    }

    /// Opens the journal of a state directory for reading only. `None` where there is none.
    ///
    /// Errors: it can't be read, or a newer version of imapscript has written it.
    pub fn look(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join(NAME);
        let shown = path.display().to_string();
        match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(&shown, &error.to_string())),
            Ok(_) => {}
        }
        let open = || -> rusqlite::Result<(Connection, i64)> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let db = Connection::open_with_flags(&path, flags)?;
            db.busy_timeout(PATIENCE)?;
            let version = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            Ok((db, version))
        };
        let (db, version) = open().map_err(|error| failed(&shown, &error))?;
        check_version(version, &shown)?;
        // A run is just making it.
        Ok((version > 0).then(|| Self::of(db, shown)))
    }

    fn of(db: Connection, path: String) -> Self {
        Self {
            db: Mutex::new(db),
            path,
            run: Mutex::new(None),
            used: Mutex::default(),
            under_way: Mutex::default(),
            looked: Mutex::default(),
        }
    }

    /// Tells whether a state directory has a journal.
    pub fn exists(directory: &Path) -> bool {
        directory.join(NAME).is_file()
    }
}

/// Refuses what a newer version has written.
fn check_version(version: i64, path: &str) -> Result<()> {
    if version <= VERSION {
        return Ok(());
    }
    let what = format!(
        "the journal `{}` was written by a newer imapscript (version {version}; this one knows {VERSION})",
        visible(path)
    );
    let hint = "use that imapscript, or another directory: `--state DIR`".to_owned();
    Err(ErrorKind::Config { what, hint }.into())
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(PATIENCE)?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "FULL")?;
    let begun = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = begun.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 {
        begun.execute_batch(TABLES)?;
    }
    if version < 2 {
        begun.execute_batch(PLANS)?;
    }
    if version < 3 {
        begun.execute_batch(health::TABLE)?;
    }
    if version < 4 {
        begun.execute_batch(HELD)?;
        begun.pragma_update(None, "user_version", VERSION)?;
    }
    begun.commit()?;
    Ok(db)
}

fn is_corrupt(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// Gives a damaged file a name that says so.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = path.with_file_name(format!("{NAME}.damaged-{}", Timestamp::now().as_second()));
    fs::rename(path, &aside)?;
    for end in ["-wal", "-shm"] {
        let of = path.with_file_name(format!("{NAME}{end}"));
        if of.exists() {
            let mut name = aside.as_os_str().to_owned();
            name.push(end);
            fs::rename(&of, name)?;
        }
    }
    Ok(aside)
}
