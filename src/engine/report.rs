use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::account::Account;
use super::names::NameSpec;
use super::query::Query;
use super::sample::Sample;
use super::selection::Selection;
use super::title::Title;
pub use super::verb::Verb;
use crate::error::{Error, ErrorKind};
use crate::mail::{MailboxName, Uid, UidSet, UidValidity};

/// Messages of the source, and something to say about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The messages.
    pub uids: UidSet,
    /// What is to be said.
    pub reason: String,
}

/// Where messages came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landing {
    /// The target on the server.
    pub mailbox: MailboxName,
    /// The target's validity.
    pub validity: UidValidity,
    /// The messages' UIDs there.
    pub uids: UidSet,
    /// Which message became which: UIDs in the source, and there.
    pub pairs: Vec<(Uid, Uid)>,
}

/// What an action did, message by message.
#[derive(Clone, Debug)]
pub struct Report {
    /// The action.
    pub verb: Verb,
    /// It was not done: a dry run says what would be.
    pub planned: bool,
    /// Some of the messages, in a dry run.
    pub samples: Vec<Sample>,
    /// What each message is known by, where the run wants to say it.
    pub titles: BTreeMap<Uid, Title>,
    /// The run wants to say it.
    pub(super) detailed: bool,
    /// The rule that wanted it.
    pub rule: Option<String>,
    /// The account, as `user@host`.
    pub account: String,
    /// The mailbox it was done in.
    pub mailbox: String,
    /// The target mailbox, the flags, the new name, the path or the program, as the verb needs it.
    pub object: Option<String>,
    /// The messages it was done to.
    pub done: UidSet,
    /// Where they are now, as far as the server says.
    pub landed: Vec<Landing>,
    /// The account and mailbox that it put messages into, where that is another account.
    pub elsewhere: Option<(Account, String)>,
    /// The files that were written of attachments.
    pub files: Vec<PathBuf>,
    /// Messages to which it did not apply.
    pub skipped: Vec<Remark>,
    /// Messages with which it failed. They are where they were.
    pub failed: Vec<Remark>,
    /// Messages of which it can't be told whether it was done. They may be in both mailboxes.
    pub in_doubt: Vec<Remark>,
    /// Messages that were copied but could only be marked `\Deleted` in the source: nothing acts on them again
    /// until they are gone.
    pub held: UidSet,
    /// What else happened: a mailbox was created, a message stays marked.
    pub notes: Vec<String>,
}

impl Landing {
    /// Gives the messages as a selection.
    pub fn selection(&self, account: Account, spec: NameSpec, shown: String) -> Selection {
        Selection {
            account,
            spec,
            shown,
            name: self.mailbox.clone(),
            validity: Some(self.validity),
            exists: None,
            query: Query::Uids(self.uids.clone()),
            uids: self.uids.clone(),
            rule: None,
            read_only: false,
        }
    }
}

impl Report {
    pub(super) fn new(verb: Verb, account: &str, mailbox: &str, object: Option<String>) -> Self {
        Self {
            verb,
            planned: false,
            samples: Vec::new(),
            titles: BTreeMap::new(),
            detailed: false,
            rule: None,
            account: account.to_owned(),
            mailbox: mailbox.to_owned(),
            object,
            done: UidSet::new(),
            landed: Vec::new(),
            elsewhere: None,
            files: Vec::new(),
            skipped: Vec::new(),
            failed: Vec::new(),
            in_doubt: Vec::new(),
            held: UidSet::new(),
            notes: Vec::new(),
        }
    }

    /// Makes one of an action on a selection.
    pub(super) fn of(verb: Verb, selection: &Selection, object: impl Into<Option<String>>) -> Self {
        let report = Self::new(verb, selection.account.label(), &selection.shown, object.into());
        let run = selection.account.run();
        let (planned, detailed) = (run.overlay.is_some(), run.detailed);
        Self { rule: selection.rule.clone(), planned, detailed, ..report }
    }

    /// Tells whether everything that was wanted was done, or did not apply.
    pub fn is_clean(&self) -> bool {
        self.failed.is_empty() && self.in_doubt.is_empty()
    }

    /// Tells whether anything was done, or may have been.
    pub fn has_changed(&self) -> bool {
        !self.done.is_empty() || !self.in_doubt.is_empty() || !self.is_about_messages()
    }

    /// Tells whether there is nothing to report.
    pub fn is_idle(&self) -> bool {
        self.is_clean() && self.done.is_empty() && self.notes.is_empty() && self.is_about_messages()
    }

    /// Gives the messages in the target, where the server said all their UIDs.
    pub fn landed_selection(&self, source: &Selection) -> Option<Selection> {
        let [landing] = self.landed.as_slice() else { return None };
        if landing.uids.len() != self.done.len() {
            return None;
        }
        let here = || (source.account.clone(), self.object.clone().unwrap_or_default());
        let (account, shown) = self.elsewhere.clone().unwrap_or_else(here);
        let spec = NameSpec::Raw(landing.mailbox.wire().to_vec());
        Some(landing.selection(account, spec, shown))
    }

    /// Gives a selection of no messages in the target, where none of the source's were to be put there.
    pub fn landed_nothing(&self, source: &Selection) -> Option<Selection> {
        let puts = matches!(self.verb, Verb::Move | Verb::Copy | Verb::Trash);
        let puts = puts && self.is_clean() && self.done.is_empty();
        let shown = self.object.clone().filter(|_| puts)?;
        let (account, shown) = self.elsewhere.clone().unwrap_or((source.account.clone(), shown));
        Some(Selection { account, shown, ..source.with_uids(UidSet::new()) })
    }

    fn is_about_messages(&self) -> bool {
        use Verb::{Copy, Export, Label, Mark, Move, Pipe, Purge, Save, Trash, Unlabel, Unmark};
        matches!(
            self.verb,
            Purge | Move | Copy | Trash | Mark | Unmark | Label | Unlabel | Save | Export | Pipe
        )
    }

    /// Takes the error that ended the action before its end: what is left of `all` has failed with it. Where
    /// nothing was done, or the user wanted the end, it is given back, to be thrown by itself.
    pub(super) fn cut_short(&mut self, all: &UidSet, error: Error) -> Option<Error> {
        if self.done.is_empty() || matches!(*error.kind, ErrorKind::Interrupted) {
            return Some(error);
        }
        let told = [&self.skipped, &self.failed, &self.in_doubt].into_iter().flatten();
        let rest = told.fold(all.difference(&self.done), |rest, remark| rest.difference(&remark.uids));
        self.fail(rest, error.to_string());
        None
    }

    /// Adds an example where there are too few of them yet; only a dry run has any.
    pub(super) fn add_sample(&mut self, sample: impl FnOnce() -> Sample) {
        if self.planned && self.samples.len() < Sample::COUNT {
            self.samples.push(sample());
        }
    }

    /// Adds what a message is known by, where the run wants to say it.
    pub(super) fn entitle(&mut self, uid: Uid, title: impl FnOnce() -> Title) {
        if self.detailed {
            self.titles.insert(uid, title());
        }
    }

    /// Adds where a message came to be.
    pub(super) fn land(&mut self, landing: Landing) {
        match self.landed.iter_mut().find(|known| known.validity == landing.validity) {
            Some(known) => {
                known.uids = known.uids.union(&landing.uids);
                known.pairs.extend(landing.pairs);
            }
            None => self.landed.push(landing),
        }
    }

    pub(super) fn skip(&mut self, uids: UidSet, reason: impl Into<String>) {
        remark(&mut self.skipped, uids, reason.into());
    }

    pub(super) fn fail(&mut self, uids: UidSet, reason: impl Into<String>) {
        remark(&mut self.failed, uids, reason.into());
    }

    pub(super) fn doubt(&mut self, uids: UidSet, reason: impl Into<String>) {
        remark(&mut self.in_doubt, uids, reason.into());
    }
}

fn remark(list: &mut Vec<Remark>, uids: UidSet, reason: String) {
    if uids.is_empty() {
        return;
    }
    match list.iter_mut().find(|remark| remark.reason == reason) {
        Some(remark) => remark.uids = remark.uids.union(&uids),
        None => list.push(Remark { uids, reason }),
    }
}

/// Counts the messages that actions have removed, or may have.
pub fn removed<'a>(reports: impl Iterator<Item = &'a Report>) -> usize {
    let removing = reports.filter(|report| matches!(report.verb, Verb::Move | Verb::Trash | Verb::Purge));
    let of = |report: &Report| {
        report.done.len() + report.in_doubt.iter().map(|remark| remark.uids.len()).sum::<usize>()
    };
    removing.map(of).sum()
}

/// Says `1 message` or `5 messages`.
pub fn messages(count: usize) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

/// Says `2 messages (UID 3,5)`; many UIDs are cut short.
pub(super) fn named(uids: &UidSet) -> String {
    named_by("UID", uids)
}

fn named_by(what: &str, uids: &UidSet) -> String {
    let mut list = uids.to_string();
    if list.len() > 60 {
        list.truncate(list.get(..57).and_then(|head| head.rfind(',')).unwrap_or(57));
        list.push_str(",…");
    }
    format!("{} ({what} {list})", messages(uids.len()))
}

impl fmt::Display for Report {
    /// Writes what was done in one line, and a line for each remark.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = self.object.as_deref().unwrap_or_default();
        let verb = self.verb;
        let done = if self.planned { format!("would {}", verb.plain()) } else { verb.done().to_owned() };
        let (mailbox, account) = (&self.mailbox, &self.account);
        match self.verb {
            Verb::Move | Verb::Copy | Verb::Trash | Verb::Purge | Verb::Export | Verb::Pipe => {
                write!(f, "{account}: {done} {} from {mailbox}", messages(self.done.len()))?;
                if !object.is_empty() {
                    write!(f, " to {object}")?;
                }
            }
            Verb::Mark | Verb::Unmark | Verb::Label | Verb::Unlabel => {
                write!(f, "{account}: {done} {} in {mailbox}: {object}", messages(self.done.len()))?;
            }
            Verb::Save => {
                let files = match self.files.len() {
                    1 => "1 attachment".to_owned(),
                    count => format!("{count} attachments"),
                };
                let of = messages(self.done.len());
                write!(f, "{account}: {done} {files} of {of} from {mailbox} to {object}")?;
            }
            Verb::Restore => {
                write!(f, "{account}: {done} {} from {object} to {mailbox}", messages(self.done.len()))?;
            }
            Verb::Append => write!(f, "{account}: {done} 1 message to {mailbox}")?,
            Verb::Rename => write!(f, "{account}: {done} {mailbox} to {object}")?,
            Verb::Create | Verb::Delete | Verb::Subscribe | Verb::Unsubscribe => {
                write!(f, "{account}: {done} {mailbox}")?;
            }
        }
        if let Some(rule) = &self.rule {
            write!(f, " ({rule})")?;
        }
        for note in &self.notes {
            write!(f, "\n  {note}")?;
        }
        for (what, list) in
            [("skipped", &self.skipped), ("FAILED", &self.failed), ("IN DOUBT", &self.in_doubt)]
        {
            for remark in list {
                // What comes from a file has no UIDs there.
                let by = if self.verb == Verb::Restore { "number" } else { "UID" };
                write!(f, "\n  {what} {}: {}", named_by(by, &remark.uids), remark.reason)?;
            }
        }
        Ok(())
    }
}
