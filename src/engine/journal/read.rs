use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};

use rusqlite::{Connection, Row, params};

use super::Journal;
use super::entry::{Entry, Fate, Known, Target};
use super::write::ActionId;
use crate::engine::identity::Likeness;
use crate::engine::report::Verb;
use crate::error::Result;
use crate::mail::{Flag, MailboxName, Uid, UidSet, UidValidity};

/// An action whose end is not known: the run that began it was cut.
#[derive(Clone, Debug)]
pub(in crate::engine) struct OpenAction {
    pub(in crate::engine) id: ActionId,
    /// The run that began it, and what was run.
    pub(in crate::engine) run: (i64, String),
    pub(in crate::engine) verb: Verb,
    pub(in crate::engine) rule: Option<String>,
    pub(in crate::engine) object: Option<String>,
    pub(in crate::engine) mailbox: MailboxName,
    pub(in crate::engine) shown: String,
    pub(in crate::engine) validity: Option<UidValidity>,
    pub(in crate::engine) target: Option<Target>,
    /// All of its messages, what is known already of some among them.
    pub(in crate::engine) entries: Vec<Entry>,
}

/// What an earlier run of the same script had done to a message before it failed, for this one that wants the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Credit {
    pub(in crate::engine) action: ActionId,
    pub(in crate::engine) uid: Uid,
    /// The message now.
    pub(in crate::engine) of: Uid,
    pub(in crate::engine) landed: Option<(UidValidity, Uid)>,
}

pub(super) fn mailbox(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<MailboxName>> {
    let wire: Option<Vec<u8>> = row.get(column)?;
    Ok(wire.and_then(|wire| MailboxName::from_wire(&wire)))
}

pub(super) fn uid(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Uid>> {
    Ok(row.get::<_, Option<u32>>(column)?.and_then(Uid::new))
}

pub(super) fn validity(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<UidValidity>> {
    Ok(row.get::<_, Option<u32>>(column)?.and_then(UidValidity::new))
}

pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Option<Entry>> {
    let Some(of) = uid(row, "uid")? else { return Ok(None) };
    let unsigned = |column: &str| -> rusqlite::Result<_> {
        Ok(row.get::<_, Option<i64>>(column)?.map(i64::cast_unsigned))
    };
    let flags: String = row.get("flags")?;
    let known = Known {
        size: unsigned("size")?,
        date: row.get("date")?,
        message_id: row.get("message_id")?,
        gmail_id: unsigned("gmail_id")?,
        flags: flags.split_whitespace().filter_map(Flag::parse).collect(),
        subject: row.get("subject")?,
        digest: row.get("digest")?,
    };
    let landed = validity(row, "landed_validity")?.zip(uid(row, "landed_uid")?);
    Ok(Some(Entry {
        uid: of,
        known,
        fate: Fate::of(row.get("fate")?),
        landed,
        released: row.get("released")?,
        undone: row.get::<_, Option<i64>>("undone")?.is_some(),
    }))
}

/// Reads the messages of an action.
pub(super) fn entries(db: &Connection, action: ActionId) -> rusqlite::Result<Vec<Entry>> {
    let mut sql = db.prepare("SELECT * FROM messages WHERE action = ?1 ORDER BY uid")?;
    let rows = sql.query_map(params![action.0], entry)?;
    rows.filter_map(Result::transpose).collect()
}

/// Reads where an action was to put messages.
pub(super) fn target(row: &Row<'_>) -> rusqlite::Result<Option<Target>> {
    let Some(name) = mailbox(row, "target")? else { return Ok(None) };
    let shown: Option<String> = row.get("target_shown")?;
    Ok(Some(Target {
        account: row.get("target_identity")?,
        mailbox: name,
        shown: shown.unwrap_or_default(),
        validity: validity(row, "target_validity")?,
        next: uid(row, "target_next")?,
    }))
}

impl Journal {
    /// Gives the actions in an account whose end is not known, oldest first.
    pub(in crate::engine) fn open_actions(&self, account: &str) -> Result<Vec<OpenAction>> {
        self.unsettled(account, "actions.ended IS NULL")
    }

    /// Gives the actions in an account that hold messages, oldest first.
    pub(in crate::engine) fn holding_actions(&self, account: &str) -> Result<Vec<OpenAction>> {
        let holding = "EXISTS (SELECT 1 FROM messages WHERE messages.action = actions.id
                                AND fate NOT IN (1, 2) AND released = 0)";
        self.unsettled(account, holding)
    }

    /// Gives the actions without an end that put messages into an account from another, oldest first.
    pub(in crate::engine) fn open_actions_into(&self, account: &str) -> Result<Vec<OpenAction>> {
        self.unsettled_by("target_account", account, "actions.ended IS NULL")
    }

    fn unsettled(&self, account: &str, which: &str) -> Result<Vec<OpenAction>> {
        self.unsettled_by("account", account, which)
    }

    fn unsettled_by(&self, side: &str, account: &str, which: &str) -> Result<Vec<OpenAction>> {
        let under_way = self.under_way();
        let db = self.db();
        let read = || -> rusqlite::Result<Vec<OpenAction>> {
            let mut sql = db.prepare(&format!(
                "SELECT actions.*, runs.name, other.identity AS target_identity
                 FROM actions JOIN runs ON runs.id = actions.run
                 LEFT JOIN accounts AS other ON other.id = actions.target_account
                 WHERE {which} AND actions.{side} = (SELECT id FROM accounts WHERE identity = ?1)
                 ORDER BY actions.id",
            ))?;
            let mut rows = sql.query(params![account])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let verb: String = row.get("verb")?;
                let (Some(verb), Some(name)) = (Verb::parse(&verb), mailbox(row, "mailbox")?) else {
                    continue;
                };
                let id = ActionId(row.get("id")?);
                if under_way.contains(&id) {
                    continue;
                }
                found.push(OpenAction {
                    id,
                    run: (row.get("run")?, row.get("name")?),
                    verb,
                    rule: row.get("rule")?,
                    object: row.get("object")?,
                    mailbox: name,
                    shown: row.get("shown")?,
                    validity: validity(row, "validity")?,
                    target: target(row)?,
                    entries: entries(&db, id)?,
                });
            }
            Ok(found)
        };
        self.told(read())
    }

    /// Gives the messages of a mailbox that are held, with the run that left them so.
    pub(in crate::engine) fn held(
        &self,
        account: &str,
        mailbox: &MailboxName,
        validity: UidValidity,
    ) -> Result<Vec<(ActionId, Uid, i64)>> {
        let under_way = self.under_way();
        let db = self.db();
        let read = || -> rusqlite::Result<Vec<_>> {
            let mut sql = db.prepare(
                "SELECT messages.action, messages.uid, actions.run FROM messages
                 JOIN actions ON actions.id = messages.action
                 JOIN accounts ON accounts.id = actions.account
                 WHERE fate NOT IN (1, 2) AND released = 0
                   AND accounts.identity = ?1 AND actions.mailbox = ?2 AND actions.validity = ?3
                   AND actions.verb <> 'append'",
            )?;
            let rows = sql.query_map(params![account, mailbox.wire(), validity.get()], |row| {
                Ok(uid(row, "uid")?.map(|uid| (row.get("action").map(ActionId), uid, row.get("run"))))
            })?;
            let mut held = Vec::new();
            for row in rows {
                if let Some((action, uid, run)) = row? {
                    let action = action?;
                    if !under_way.contains(&action) {
                        held.push((action, uid, run?));
                    }
                }
            }
            Ok(held)
        };
        self.told(read())
    }

    /// Gives the UIDs from `next` on in a mailbox that are known to have come there by an action.
    pub(in crate::engine) fn landed_since(
        &self,
        account: &str,
        mailbox: &MailboxName,
        validity: UidValidity,
        next: Uid,
    ) -> Result<UidSet> {
        let db = self.db();
        let read = || -> rusqlite::Result<UidSet> {
            let mut sql = db.prepare(
                "SELECT landed_uid FROM messages JOIN actions ON actions.id = messages.action
                 WHERE landed_validity = ?3 AND landed_uid >= ?4
                   AND coalesce(actions.target, actions.mailbox) = ?2
                   AND coalesce(actions.target_account, actions.account) =
                     (SELECT id FROM accounts WHERE identity = ?1)",
            )?;
            let key = params![account, mailbox.wire(), validity.get(), next.get()];
            let rows = sql.query_map(key, |row| uid(row, "landed_uid"))?;
            rows.filter_map(Result::transpose).collect()
        };
        self.told(read())
    }

    /// Gives the messages with UIDs from `next` on that actions have taken out of a mailbox.
    pub(in crate::engine) fn taken_since(
        &self,
        account: &str,
        mailbox: &MailboxName,
        validity: UidValidity,
        next: Uid,
    ) -> Result<Vec<Entry>> {
        let db = self.db();
        let read = || -> rusqlite::Result<Vec<Entry>> {
            let mut sql = db.prepare(
                "SELECT messages.* FROM messages JOIN actions ON actions.id = messages.action
                 WHERE actions.mailbox = ?2 AND actions.validity = ?3 AND messages.uid >= ?4
                   AND actions.verb IN ('move', 'trash', 'purge') AND fate IN (1, 4) AND messages.undone IS NULL
                   AND actions.account = (SELECT id FROM accounts WHERE identity = ?1)",
            )?;
            let key = params![account, mailbox.wire(), validity.get(), next.get()];
            let rows = sql.query_map(key, entry)?;
            rows.filter_map(Result::transpose).collect()
        };
        self.told(read())
    }

    /// Takes what runs of the same name had done since the last that went well: copies of the wanted messages from a
    /// mailbox to a target, `elsewhere` if that is another account, by UID, or, where the mailbox was rebuilt since, by
    /// what they are like. Each is given once in a run.
    pub(in crate::engine) fn take_copy_credits(
        &self,
        account: &str,
        (mailbox, of): (&MailboxName, UidValidity),
        (elsewhere, target): (Option<&str>, &MailboxName),
        wanted: &[(Uid, Option<Likeness>)],
    ) -> Result<Vec<Credit>> {
        type Known = (Option<UidValidity>, Credit, Option<Likeness>);
        let db = self.db();
        let read = || -> rusqlite::Result<Vec<Known>> {
            let mut sql = db.prepare(&credits(
                "verb = 'copy' AND actions.mailbox = ?3 AND coalesce(actions.target, '') = ?4
                   AND actions.target_account IS (SELECT id FROM accounts WHERE identity = ?5)",
            ))?;
            let mut rows =
                sql.query(params![account, self.run(), mailbox.wire(), target.wire(), elsewhere])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                if let (Some(credit), Some(entry)) = (credit(row)?, entry(row)?) {
                    found.push((validity(row, "action_validity")?, credit, entry.known.likeness()));
                }
            }
            Ok(found)
        };
        let mut found = self.told(read())?;
        let mut used = self.used();
        let mut taken = Vec::new();
        for (uid, likeness) in wanted {
            let is = |(validity, credit, like): &Known| {
                let same = if *validity == Some(of) {
                    credit.uid == *uid
                } else {
                    like == likeness && like.is_some()
                };
                same && !used.contains(&(credit.action, credit.uid))
            };
            if let Some(at) = found.iter().position(is) {
                let (_, credit, _) = found.swap_remove(at);
                used.insert((credit.action, credit.uid));
                taken.push(Credit { of: *uid, ..credit });
            }
        }
        Ok(taken)
    }

    /// Takes what a run of the same name had added to a mailbox since the last that went well: a message with this digest.
    pub(in crate::engine) fn take_append_credit(
        &self,
        account: &str,
        mailbox: &MailboxName,
        digest: &[u8],
    ) -> Result<Option<Credit>> {
        let db = self.db();
        let read = || -> rusqlite::Result<Vec<Credit>> {
            let mut sql = db.prepare(&credits("verb = 'append' AND actions.mailbox = ?3 AND digest = ?4"))?;
            let rows = sql.query_map(params![account, self.run(), mailbox.wire(), digest], credit)?;
            rows.filter_map(Result::transpose).collect()
        };
        let found: Vec<Credit> = self.told(read())?;
        let mut used = self.used();
        Ok(found.into_iter().find(|credit| used.insert((credit.action, credit.uid))))
    }

    fn used(&self) -> MutexGuard<'_, HashSet<(ActionId, Uid)>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn credits(which: &str) -> String {
    format!(
        "SELECT messages.*, actions.validity AS action_validity FROM messages
         JOIN actions ON actions.id = messages.action
         JOIN accounts ON accounts.id = actions.account
         JOIN runs ON runs.id = actions.run
         WHERE fate = 1 AND messages.undone IS NULL AND accounts.identity = ?1 AND {which}
           AND runs.name = (SELECT name FROM runs WHERE id = ?2) AND runs.plan IS NULL AND (runs.id <> ?2 OR credit = 1)
           AND runs.id > coalesce(
             (SELECT max(id) FROM runs AS good
              WHERE good.exit = 0 AND good.name = (SELECT name FROM runs WHERE id = ?2)), 0)
         ORDER BY messages.action, messages.uid"
    )
}

fn credit(row: &Row<'_>) -> rusqlite::Result<Option<Credit>> {
    let Some(entry) = entry(row)? else { return Ok(None) };
    let action = ActionId(row.get("action")?);
    Ok(Some(Credit { action, uid: entry.uid, of: entry.uid, landed: entry.landed }))
}
