use std::collections::{BTreeMap, HashMap};

use rusqlite::{Row, params};

use super::Journal;
use super::entry::{AccountRow, Entry, Target};
use super::read::{entries, mailbox, target, uid, validity};
use super::trace::{Trace, trace};
use super::write::ActionId;
use crate::engine::report::Verb;
use crate::error::Result;
use crate::mail::{MailboxName, Uid, UidValidity};

/// An action of a run, as the journal has it.
#[derive(Clone, Debug)]
pub(in crate::engine) struct PastAction {
    pub(in crate::engine) id: ActionId,
    pub(in crate::engine) account: String,
    pub(in crate::engine) verb: Verb,
    pub(in crate::engine) object: Option<String>,
    pub(in crate::engine) mailbox: MailboxName,
    pub(in crate::engine) shown: String,
    pub(in crate::engine) validity: Option<UidValidity>,
    pub(in crate::engine) target: Option<Target>,
    /// It was done to a mailbox itself.
    pub(in crate::engine) whole: bool,
    /// It was taken back, as far as it is about a mailbox itself.
    pub(in crate::engine) undone: bool,
    pub(in crate::engine) entries: Vec<Entry>,
}

/// Where a message is: account, mailbox, its validity, and the UID there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::engine) struct Place {
    pub(in crate::engine) account: String,
    pub(in crate::engine) mailbox: MailboxName,
    pub(in crate::engine) validity: UidValidity,
    pub(in crate::engine) uid: Uid,
}

/// A run, as `history` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Its number.
    pub id: i64,
    /// The script, or the command.
    pub name: String,
    /// When it began, in seconds since 1970.
    pub began: i64,
    /// Its exit code, once it has ended.
    pub exit: Option<i64>,
    /// The run that it took back.
    pub undoes: Option<i64>,
    /// What was done, and to how many messages or mailboxes.
    pub counts: Vec<(Verb, usize)>,
}

fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        id: row.get("id")?,
        name: row.get("name")?,
        began: row.get("began")?,
        exit: row.get("exit")?,
        undoes: row.get("undoes")?,
        counts: Vec::new(),
    })
}

impl Journal {
    /// Gives the runs that changed something, the latest first.
    pub fn runs(&self) -> Result<Vec<RunRow>> {
        let db = self.db();
        let read = || -> rusqlite::Result<Vec<RunRow>> {
            let mut sql = db.prepare("SELECT * FROM runs ORDER BY id DESC")?;
            let mut runs: Vec<RunRow> = sql.query_map([], run_row)?.collect::<Result<_, _>>()?;
            let mut sql = db.prepare(
                "SELECT actions.run, actions.verb,
                   sum(CASE WHEN messages.uid IS NULL THEN actions.whole ELSE messages.fate IN (1, 4) END) AS count
                 FROM actions LEFT JOIN messages ON messages.action = actions.id
                 GROUP BY actions.run, actions.verb",
            )?;
            let mut rows = sql.query([])?;
            let mut counts: HashMap<i64, Vec<(Verb, usize)>> = HashMap::new();
            while let Some(row) = rows.next()? {
                let (word, count): (String, i64) = (row.get("verb")?, row.get("count")?);
                let count = usize::try_from(count).unwrap_or(0);
                if let Some(verb) = Verb::parse(&word).filter(|_| count > 0) {
                    counts.entry(row.get("run")?).or_default().push((verb, count));
                }
            }
            for run in &mut runs {
                run.counts = counts.remove(&run.id).unwrap_or_default();
            }
            Ok(runs)
        };
        self.told(read())
    }

    /// Gives what was done in a run, message by message.
    pub fn traces_of_run(&self, run: i64) -> Result<Vec<Trace>> {
        self.traces("actions.run = ?1", params![run])
    }

    /// Gives what was done to the messages with a Message-ID, without its angle brackets.
    pub fn traces_of_message(&self, message_id: &str) -> Result<Vec<Trace>> {
        self.traces("messages.message_id = ?1", params![message_id])
    }

    fn traces(&self, which: &str, key: impl rusqlite::Params) -> Result<Vec<Trace>> {
        let db = self.db();
        let read = || -> rusqlite::Result<Vec<Trace>> {
            let mut sql = db.prepare(&format!(
                "SELECT actions.*, runs.name, accounts.label, messages.uid, messages.message_id, messages.subject,
                   messages.fate, messages.reason, messages.undone AS message_undone
                 FROM actions JOIN runs ON runs.id = actions.run JOIN accounts ON accounts.id = actions.account
                 LEFT JOIN messages ON messages.action = actions.id
                 WHERE {which} ORDER BY actions.id, messages.uid"
            ))?;
            let rows = sql.query_map(key, trace)?;
            rows.filter_map(Result::transpose).collect()
        };
        self.told(read())
    }

    /// Gives the runs that applied a plan, the first one first. `None` where the plan is not known.
    pub(in crate::engine) fn runs_of_plan(&self, made: &str) -> Result<Option<Vec<i64>>> {
        let db = self.db();
        let read = || -> rusqlite::Result<Option<Vec<i64>>> {
            let mut known = db.prepare("SELECT 1 FROM plans WHERE made = ?1")?;
            if !known.exists(params![made])? {
                return Ok(None);
            }
            let mut sql = db.prepare("SELECT id FROM runs WHERE plan = ?1 ORDER BY id")?;
            let runs: rusqlite::Result<_> = sql.query_map(params![made], |row| row.get(0))?.collect();
            runs.map(Some)
        };
        self.told(read())
    }

    /// Gives the actions of a run in the order they were begun.
    pub(in crate::engine) fn actions_of(&self, run: i64) -> Result<Vec<PastAction>> {
        let db = self.db();
        let read = || -> rusqlite::Result<Vec<PastAction>> {
            let mut sql = db.prepare(
                "SELECT actions.*, own.identity, other.identity AS target_identity
                 FROM actions JOIN accounts AS own ON own.id = actions.account
                 LEFT JOIN accounts AS other ON other.id = actions.target_account
                 WHERE actions.run = ?1 ORDER BY actions.id",
            )?;
            let mut rows = sql.query(params![run])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let word: String = row.get("verb")?;
                let (Some(verb), Some(name)) = (Verb::parse(&word), mailbox(row, "mailbox")?) else {
                    continue;
                };
                let id = ActionId(row.get("id")?);
                found.push(PastAction {
                    id,
                    account: row.get("identity")?,
                    verb,
                    object: row.get("object")?,
                    mailbox: name,
                    shown: row.get("shown")?,
                    validity: validity(row, "validity")?,
                    target: target(row)?,
                    whole: row.get("whole")?,
                    undone: row.get::<_, Option<i64>>("undone")?.is_some(),
                    entries: entries(&db, id)?,
                });
            }
            Ok(found)
        };
        self.told(read())
    }

    /// Gives where messages went since an action: from each place the next one.
    pub(in crate::engine) fn ways_since(&self, action: ActionId) -> Result<HashMap<Place, Place>> {
        let db = self.db();
        let read = || -> rusqlite::Result<HashMap<Place, Place>> {
            let mut sql = db.prepare(
                "SELECT own.identity, coalesce(other.identity, own.identity) AS target_identity,
                   actions.mailbox, actions.validity, actions.target,
                   messages.uid, messages.landed_validity, messages.landed_uid
                 FROM messages JOIN actions ON actions.id = messages.action
                 JOIN accounts AS own ON own.id = actions.account
                 LEFT JOIN accounts AS other ON other.id = actions.target_account
                 WHERE actions.id >= ?1 AND actions.verb IN ('move', 'trash') AND messages.fate IN (1, 4)
                   AND messages.landed_uid IS NOT NULL
                 ORDER BY actions.id",
            )?;
            let mut rows = sql.query(params![action.0])?;
            let mut ways = HashMap::new();
            while let Some(row) = rows.next()? {
                let place =
                    |account: &str, name: &str, valid: &str, of: &str| -> rusqlite::Result<Option<Place>> {
                        let (Some(mailbox), Some(validity), Some(uid)) =
                            (mailbox(row, name)?, validity(row, valid)?, uid(row, of)?)
                        else {
                            return Ok(None);
                        };
                        Ok(Some(Place { account: row.get(account)?, mailbox, validity, uid }))
                    };
                let from = place("identity", "mailbox", "validity", "uid")?;
                let to = place("target_identity", "target", "landed_validity", "landed_uid")?;
                ways.extend(from.zip(to));
            }
            Ok(ways)
        };
        self.told(read())
    }

    /// Gives what people call the mailboxes that the journal knows.
    pub(in crate::engine) fn shown(&self) -> Result<BTreeMap<MailboxName, String>> {
        let db = self.db();
        let read = || -> rusqlite::Result<BTreeMap<MailboxName, String>> {
            let mut sql = db.prepare(
                "SELECT mailbox, shown FROM actions
                 UNION SELECT target, target_shown FROM actions WHERE target_shown IS NOT NULL",
            )?;
            let rows = sql.query_map([], |row| Ok(mailbox(row, "mailbox")?.zip(row.get("shown")?)))?;
            rows.filter_map(Result::transpose).collect()
        };
        self.told(read())
    }

    /// Gives an account that the journal knows.
    pub(in crate::engine) fn account(&self, identity: &str) -> Result<Option<AccountRow>> {
        let accounts = self.accounts("identity = ?1", params![identity])?;
        Ok(accounts.into_iter().next())
    }

    /// Gives all accounts that the journal knows.
    pub(in crate::engine) fn known_accounts(&self) -> Result<Vec<AccountRow>> {
        self.accounts("1", [])
    }

    /// Gives the accounts in which something is open or held.
    pub(in crate::engine) fn accounts_in_doubt(&self) -> Result<Vec<AccountRow>> {
        self.accounts(
            "id IN (SELECT account FROM actions WHERE ended IS NULL UNION
                    SELECT account FROM actions JOIN messages ON messages.action = actions.id
                    WHERE fate NOT IN (1, 2) AND released = 0)",
            [],
        )
    }

    fn accounts(&self, which: &str, key: impl rusqlite::Params) -> Result<Vec<AccountRow>> {
        let db = self.db();
        let read = || -> rusqlite::Result<Vec<AccountRow>> {
            let mut sql = db.prepare(&format!("SELECT * FROM accounts WHERE {which} ORDER BY id"))?;
            let row = |row: &Row<'_>| {
                Ok(AccountRow {
                    identity: row.get("identity")?,
                    label: row.get("label")?,
                    connection: row.get("connection")?,
                })
            };
            sql.query_map(key, row)?.collect()
        };
        self.told(read())
    }
}
