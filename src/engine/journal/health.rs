use jiff::Timestamp;
use rusqlite::{Row, params};

use super::Journal;
use crate::error::Result;

/// How long a script that is not run any more is remembered, in seconds: a year.
const RETENTION: i64 = 365 * 24 * 60 * 60;

/// How much of an error is kept, in characters.
const LONGEST: usize = 1000;

/// What version 3 of the database knows besides: how scripts fared, whether they changed anything or not.
pub(super) const TABLE: &str = "
CREATE TABLE health (
  script TEXT PRIMARY KEY,
  runs INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  last_good INTEGER,
  last_failure INTEGER,
  exit INTEGER,
  error TEXT
) WITHOUT ROWID;
";

/// How a script fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Its path.
    pub script: String,
    /// How often it was run.
    pub runs: i64,
    /// How often it failed.
    pub failures: i64,
    /// When it last ended with code 0, in seconds since 1970.
    pub last_good: Option<i64>,
    /// When it last failed, in seconds since 1970.
    pub last_failure: Option<i64>,
    /// The exit code of its last failure.
    pub exit: Option<i64>,
    /// What went wrong then.
    pub error: Option<String>,
}

fn health(row: &Row<'_>) -> rusqlite::Result<Health> {
    Ok(Health {
        script: row.get("script")?,
        runs: row.get("runs")?,
        failures: row.get("failures")?,
        last_good: row.get("last_good")?,
        last_failure: row.get("last_failure")?,
        exit: row.get("exit")?,
        error: row.get("error")?,
    })
}

impl Journal {
    /// Notes that a script has ended, and with which exit code; `error` says what went wrong.
    pub fn note_health(&self, script: &str, exit: u8, error: Option<&str>) -> Result<()> {
        let now = Timestamp::now().as_second();
        self.write(|begun| {
            begun.execute(
                "DELETE FROM health WHERE max(coalesce(last_good, 0), coalesce(last_failure, 0)) < ?1",
                params![now - RETENTION],
            )?;
            begun.execute(
                "INSERT INTO health (script, runs, failures) VALUES (?1, 0, 0) ON CONFLICT (script) DO NOTHING",
                params![script],
            )?;
            if exit == 0 {
                let sql = "UPDATE health SET runs = runs + 1, last_good = ?2 WHERE script = ?1";
                return begun.execute(sql, params![script, now]).map(drop);
            }
            let error: Option<String> = error.map(|error| error.chars().take(LONGEST).collect());
            let sql = "UPDATE health SET runs = runs + 1, failures = failures + 1, last_failure = ?2, exit = ?3, error = ?4
                 WHERE script = ?1";
            begun.execute(sql, params![script, now, exit, error]).map(drop)
        })
    }

    /// Gives how scripts fared, in the order of their paths.
    pub fn health(&self) -> Result<Vec<Health>> {
        let db = self.db();
        let read = || -> rusqlite::Result<Vec<Health>> {
            // An older journal that is only read has no such table.
            if !db.table_exists(None, "health")? {
                return Ok(Vec::new());
            }
            let mut sql = db.prepare("SELECT * FROM health ORDER BY script")?;
            sql.query_map([], health)?.collect()
        };
        self.told(read())
    }
}
