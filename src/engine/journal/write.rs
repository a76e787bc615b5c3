use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::Journal;
use super::entry::{AccountRow, Fate, Intent, Outcome};
use crate::error::Result;
use crate::mail::{Flag, Uid, UidSet, UidValidity};

/// How long runs are kept, in seconds: 90 days.
const RETENTION: i64 = 90 * 24 * 60 * 60;

/// What a run is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Purpose {
    /// To do what a script says, or what a command does by itself.
    Script,
    /// To take back the run with this number.
    Undo(i64),
    /// To apply the plan that was made then.
    Plan(String),
}

/// An action's number in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::engine) struct ActionId(pub(in crate::engine) i64);

fn now() -> i64 {
    Timestamp::now().as_second()
}

/// Writes flags as the journal keeps them.
pub(super) fn words(flags: &[Flag]) -> String {
    flags.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

impl Journal {
    /// Does something in one durable transaction.
    pub(super) fn write<T>(&self, job: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let mut db = self.db();
        let result = db.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|begun| {
            let given = job(&begun)?;
            begun.commit()?;
            Ok(given)
        });
        self.told(result)
    }

    /// Notes this run, at its first change, and gives its number. Runs older than 90 days are forgotten then, unless
    /// something of theirs is still open or held.
    pub(in crate::engine) fn begin_run(&self, name: &str, purpose: &Purpose) -> Result<i64> {
        let mut run = self.run.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(id) = *run {
            return Ok(id);
        }
        let id = self.write(|begun| {
            begun.execute(
                "DELETE FROM runs WHERE began < ?1 AND NOT EXISTS (
                   SELECT 1 FROM actions JOIN messages ON messages.action = actions.id
                   WHERE actions.run = runs.id AND fate NOT IN (1, 2) AND released = 0)",
                params![now() - RETENTION],
            )?;
            // No later than what was done of them: without that, all of a plan would seem to be left.
            begun.execute("DELETE FROM plans WHERE noted < ?1", params![now() - RETENTION])?;
            let (undoes, plan) = match purpose {
                Purpose::Script => (None, None),
                Purpose::Undo(run) => (Some(run), None),
                Purpose::Plan(made) => (None, Some(made)),
            };
            begun.execute(
                "INSERT INTO runs (name, began, undoes, plan) VALUES (?1, ?2, ?3, ?4)",
                params![name, now(), undoes, plan],
            )?;
            Ok(begun.last_insert_rowid())
        })?;
        *run = Some(id);
        Ok(id)
    }

    /// Gives this run's number, if it has changed anything.
    pub(in crate::engine) fn run(&self) -> Option<i64> {
        *self.run.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Notes how this run ended, if it has changed anything.
    pub fn end_run(&self, exit: u8) -> Result<()> {
        let Some(run) = self.run() else { return Ok(()) };
        self.write(|begun| {
            let sql = "UPDATE runs SET ended = ?1, exit = ?2 WHERE id = ?3";
            begun.execute(sql, params![now(), exit, run]).map(|_| ())
        })
    }

    /// Notes how an account is reached, by its identity.
    pub fn note_account(&self, account: &AccountRow) -> Result<()> {
        let sql = "INSERT INTO accounts (identity, label, connection) VALUES (?1, ?2, ?3)
                   ON CONFLICT (identity) DO UPDATE SET label = ?2, connection = ?3
                   WHERE label <> ?2 OR connection <> ?3";
        let AccountRow { identity, label, connection } = account;
        self.write(|begun| begun.execute(sql, params![identity, label, connection]).map(|_| ()))
    }

    /// Notes that a plan was made: only a journal that knows of it knows what was done of it.
    pub fn note_plan(&self, made: &str) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO plans (made, noted) VALUES (?1, ?2)";
        self.write(|begun| begun.execute(sql, params![made, now()]).map(|_| ()))
    }

    /// Notes what is about to be done in an account, and gives the actions' numbers in the same order. It is durable
    /// when this returns: only then may a command leave.
    pub(in crate::engine) fn intend(&self, account: &str, intents: &[Intent]) -> Result<Vec<ActionId>> {
        let run = self.run();
        self.write(|begun| intents.iter().map(|intent| insert(begun, run, account, intent)).collect())
    }

    /// Notes what became of an action.
    pub(in crate::engine) fn conclude(&self, ended: &[(ActionId, Outcome)]) -> Result<()> {
        if ended.is_empty() {
            return Ok(());
        }
        self.write(|begun| ended.iter().try_for_each(|(id, outcome)| update(begun, *id, outcome)))
    }

    /// Notes where a message of an action without an end was seen to have come.
    pub(in crate::engine) fn note_landed(
        &self,
        action: ActionId,
        landed: &[(Uid, UidValidity, Uid)],
    ) -> Result<()> {
        if landed.is_empty() {
            return Ok(());
        }
        self.write(|begun| {
            let mut sql = begun.prepare(
                "UPDATE messages SET landed_validity = ?3, landed_uid = ?4 WHERE action = ?1 AND uid = ?2",
            )?;
            landed.iter().try_for_each(|(uid, validity, there)| {
                sql.execute(params![action.0, uid.get(), validity.get(), there.get()]).map(|_| ())
            })
        })
    }

    /// Notes that nothing acts on these messages of an action any more, or that they may be acted on again.
    pub(in crate::engine) fn release(&self, action: ActionId, uids: &UidSet) -> Result<()> {
        self.write(|begun| {
            let mut sql = begun.prepare("UPDATE messages SET released = 1 WHERE action = ?1 AND uid = ?2")?;
            uids.iter().try_for_each(|uid| sql.execute(params![action.0, uid.get()]).map(|_| ()))
        })
    }

    /// Notes that what actions did was taken back by this run: to these messages, or, without a UID, to the mailbox.
    pub(in crate::engine) fn undone(&self, of: &[(ActionId, Option<Uid>)]) -> Result<()> {
        let run = self.run();
        if of.is_empty() {
            return Ok(());
        }
        self.write(|begun| {
            let mut message = begun
                .prepare("UPDATE messages SET undone = ?3, released = 1 WHERE action = ?1 AND uid = ?2")?;
            let mut whole = begun.prepare("UPDATE actions SET undone = ?2 WHERE id = ?1")?;
            of.iter().try_for_each(|(action, uid)| {
                match uid {
                    Some(uid) => message.execute(params![action.0, uid.get(), run])?,
                    None => whole.execute(params![action.0, run])?,
                };
                Ok(())
            })
        })
    }
}

fn insert(
    begun: &Transaction<'_>,
    run: Option<i64>,
    account: &str,
    intent: &Intent,
) -> rusqlite::Result<ActionId> {
    let id_of = |identity: &str| -> rusqlite::Result<Option<i64>> {
        begun
            .query_row("SELECT id FROM accounts WHERE identity = ?1", params![identity], |row| row.get(0))
            .optional()
    };
    let target = intent.target.as_ref();
    let other = match target.and_then(|target| target.account.as_deref()) {
        // Without it, a mailbox of another account would pass for one of the same.
        Some(identity) => Some(id_of(identity)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?),
        None => None,
    };
    let mut sql = begun.prepare(
        "INSERT INTO actions (run, account, verb, rule, object, mailbox, shown, validity,
           target_account, target, target_shown, target_validity, target_next, began)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    sql.execute(params![
        run,
        id_of(account)?,
        intent.verb.name(),
        intent.rule,
        intent.object,
        intent.mailbox.wire(),
        intent.shown,
        intent.validity.map(crate::mail::UidValidity::get),
        other,
        target.map(|target| target.mailbox.wire()),
        target.map(|target| &target.shown),
        target.and_then(|target| target.validity).map(crate::mail::UidValidity::get),
        target.and_then(|target| target.next).map(Uid::get),
        now(),
    ])?;
    let action = begun.last_insert_rowid();
    let mut sql = begun.prepare(
        "INSERT INTO messages (action, uid, size, date, message_id, gmail_id, flags, subject, digest)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for (uid, known) in &intent.messages {
        // SQLite's numbers have a sign: the bits are the same.
        let gmail_id = known.gmail_id.map(u64::cast_signed);
        sql.execute(params![
            action,
            uid.get(),
            known.size.map(u64::cast_signed),
            known.date,
            known.message_id,
            gmail_id,
            words(&known.flags),
            known.subject,
            known.digest,
        ])?;
    }
    Ok(ActionId(action))
}

fn update(begun: &Transaction<'_>, id: ActionId, outcome: &Outcome) -> rusqlite::Result<()> {
    let mut sql = begun.prepare(
        "UPDATE messages SET fate = ?3, reason = ?4, landed_validity = ?5, landed_uid = ?6
         WHERE action = ?1 AND uid = ?2",
    )?;
    let mut credit = begun.prepare("UPDATE messages SET credit = 1 WHERE action = ?1 AND uid = ?2")?;
    for (uid, landed) in &outcome.done {
        let (validity, target) = landed.map(|(validity, uid)| (validity.get(), uid.get())).unzip();
        sql.execute(params![id.0, uid.get(), Fate::Done.number(), None::<String>, validity, target])?;
        if outcome.credit {
            credit.execute(params![id.0, uid.get()])?;
        }
    }
    let rest = [(&outcome.left, Fate::Left), (&outcome.marked, Fate::Marked)];
    let doubt = outcome.doubt.iter().map(|(uids, reason)| (uids, Fate::Doubt, Some(reason)));
    for (uids, fate, reason) in rest.into_iter().map(|(uids, fate)| (uids, fate, None)).chain(doubt) {
        for uid in uids.iter() {
            sql.execute(params![id.0, uid.get(), fate.number(), reason, None::<u32>, None::<u32>])?;
        }
    }
    if !outcome.cut {
        begun.execute(
            "UPDATE actions SET ended = ?2, whole = ?3 WHERE id = ?1",
            params![id.0, now(), outcome.whole],
        )?;
    }
    Ok(())
}
