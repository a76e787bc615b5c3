use std::fmt;

use rusqlite::Row;

use super::entry::Fate;
use super::read::uid;
use crate::engine::report::Verb;
use crate::error::visible;
use crate::mail::Uid;

/// What an action did to a message, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The run.
    pub run: i64,
    /// The script, or the command.
    pub name: String,
    /// When the action began, in seconds since 1970.
    pub began: i64,
    /// The account, as `user@host`.
    pub account: String,
    /// The action.
    pub verb: Verb,
    /// The rule that wanted it.
    pub rule: Option<String>,
    /// The mailbox.
    pub mailbox: String,
    /// Where the message was to go.
    pub target: Option<String>,
    /// The flags or labels.
    pub object: Option<String>,
    /// The message's UID in the mailbox, and in the target as far as it is known. `None` where the action was done to
    /// the mailbox itself.
    pub uid: Option<Uid>,
    /// Its Message-ID.
    pub message_id: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// What became of it.
    pub fate: &'static str,
    /// Why it is in doubt.
    pub reason: Option<String>,
}

/// Reads a trace.
pub(super) fn trace(row: &Row<'_>) -> rusqlite::Result<Option<Trace>> {
    let word: String = row.get("verb")?;
    let Some(verb) = Verb::parse(&word) else { return Ok(None) };
    let uid = uid(row, "uid")?;
    let fate: Option<i64> = row.get("fate")?;
    let undone = row.get::<_, Option<i64>>("message_undone")?.or(row.get("undone")?).is_some();
    let whole: bool = row.get("whole")?;
    let fate = match fate.map(Fate::of) {
        _ if undone => "undone",
        Some(fate) => fate.word(),
        None if whole => "done",
        None => "not done",
    };
    Ok(Some(Trace {
        run: row.get("run")?,
        name: row.get("name")?,
        began: row.get("began")?,
        account: row.get("label")?,
        verb,
        rule: row.get("rule")?,
        mailbox: row.get("shown")?,
        target: row.get("target_shown")?,
        object: row.get("object")?,
        uid: uid.filter(|_| verb != Verb::Append),
        message_id: row.get("message_id")?,
        subject: row.get("subject")?,
        fate,
        reason: row.get("reason")?,
    }))
}

impl fmt::Display for Trace {
    /// Writes what was done to the message, or to the mailbox, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", visible(&self.account), self.verb.name(), visible(&self.mailbox))?;
        if let Some(uid) = self.uid {
            write!(f, " UID {uid}")?;
        }
        if let Some(target) = self.target.as_ref().filter(|target| **target != self.mailbox) {
            write!(f, " to {}", visible(target))?;
        }
        if let Some(object) = &self.object {
            write!(f, " {}", visible(&object.replace('\n', ", ")))?;
        }
        if let Some(rule) = &self.rule {
            write!(f, " ({})", visible(rule))?;
        }
        if let Some(subject) = &self.subject {
            write!(f, " “{}”", visible(&subject.chars().take(60).collect::<String>()))?;
        }
        if let Some(id) = &self.message_id {
            write!(f, " <{}>", visible(id))?;
        }
        write!(f, ": {}", self.fate)?;
        match &self.reason {
            Some(reason) => write!(f, " ({})", visible(reason)),
            None => Ok(()),
        }
    }
}
