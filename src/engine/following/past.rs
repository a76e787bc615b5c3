//! What was done of a plan before: it is not done again.

use std::collections::{HashMap, HashSet, VecDeque};

use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::order::{Order, What};
use super::places::Frontier;
use crate::engine::apply::Action;
use crate::engine::journal::{Entry, Fate, Journal, PastAction, Target};
use crate::engine::names::NameSpec;
use crate::engine::report::Verb;
use crate::error::Result;
use crate::mail::{Flag, Label, MailboxName, Uid, UidValidity};

/// What was done before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// Where the message came to be, as far as the server said.
    pub(super) at: Option<(UidValidity, Uid)>,
    /// From where on it can be looked for.
    pub(super) frontier: Option<Frontier>,
}

/// What tells an action on one message, or on a mailbox, from any other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    account: String,
    verb: &'static str,
    mailbox: Vec<u8>,
    message: Option<(UidValidity, Uid)>,
    /// The target, the flags, or the digest of what was added.
    detail: Vec<u8>,
}

/// All that was done of a plan and that was not taken back.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// The first one first: a plan may say the same thing twice.
    done: HashMap<Key, VecDeque<Before>>,
    /// What may have been done to messages and is in doubt, so that they are held: a copy may be where they were to go.
    held: HashMap<Key, Before>,
    /// Actions on mailboxes of which it is not known whether they were done.
    begun: HashSet<Key>,
    /// Additions of which it can't be told whether they were done.
    doubts: HashSet<Key>,
}

impl Past {
    /// Reads it of the journal. `None` where the journal does not know the plan, and so not what was done of it.
    pub(super) fn of(journal: &Journal, made: &str) -> Result<Option<Self>> {
        let Some(runs) = journal.runs_of_plan(made)? else { return Ok(None) };
        let mut past = Self::default();
        for run in runs {
            journal.actions_of(run)?.iter().for_each(|action| past.add(action));
        }
        Ok(Some(past))
    }

    fn add(&mut self, action: &PastAction) {
        let next = action.target.as_ref().and_then(|target| Some((target.validity, target.next?)));
        if action.entries.is_empty() {
            let key = key_of(action, None, None);
            if action.undone {
                self.begun.remove(&key);
            } else if action.whole {
                self.done.entry(key).or_default().push_back(Before { at: None, frontier: None });
            } else {
                self.begun.insert(key);
            }
        }
        let in_doubt = |entry: &Entry| matches!(entry.fate, Fate::Open | Fate::Doubt) && !entry.released;
        if let (Verb::Append, None, [entry]) = (action.verb, &action.object, &*action.entries)
            && in_doubt(entry)
        {
            self.doubts.insert(key_of(action, None, entry.known.digest.as_deref()));
        }
        for entry in &action.entries {
            if action.target.is_some() && in_doubt(entry) {
                let key = key_of(action, action.validity.map(|validity| (validity, entry.uid)), None);
                self.held.insert(key, Before { at: entry.landed, frontier: next });
            }
            if matches!(entry.fate, Fate::Done | Fate::Marked) && !entry.undone {
                let key = match (action.verb, &action.object) {
                    (Verb::Append, Some(path)) => restored(&action.account, &action.mailbox, path, entry.uid),
                    (Verb::Append, None) => key_of(action, None, entry.known.digest.as_deref()),
                    _ => key_of(action, action.validity.map(|validity| (validity, entry.uid)), None),
                };
                let before = Before { at: entry.landed, frontier: next };
                self.done.entry(key).or_default().push_back(before);
            }
        }
    }

    /// Tells whether something was done, and where its message came to be. It counts once.
    pub(super) fn take(&mut self, key: &Key) -> Option<Before> {
        self.done.get_mut(key)?.pop_front()
    }

    /// Tells whether a message is held by something that may have been done to it, and where its copy would be.
    pub(super) fn held(&self, key: &Key) -> Option<Before> {
        self.held.get(key).copied()
    }

    /// Tells whether something was done.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.done.get(key).is_some_and(|done| !done.is_empty())
    }

    /// Tells whether a message may have been added, and nobody knows.
    pub(super) fn is_in_doubt(&self, key: &Key) -> bool {
        self.doubts.contains(key)
    }

    /// Tells whether something was begun to a mailbox: a run that was cut may have done it.
    pub(super) fn has_begun(&self, key: &Key) -> bool {
        self.begun.contains(key)
    }
}

fn key_of(action: &PastAction, message: Option<(UidValidity, Uid)>, digest: Option<&[u8]>) -> Key {
    let detail = match action.verb {
        Verb::Move | Verb::Copy | Verb::Rename => {
            let place = |target: &Target| detail(target.account.as_deref(), target.mailbox.wire());
            action.target.as_ref().map(place)
        }
        Verb::Mark | Verb::Unmark | Verb::Label | Verb::Unlabel => {
            action.object.clone().map(String::into_bytes)
        }
        _ => digest.map(<[u8]>::to_vec),
    };
    Key {
        account: action.account.clone(),
        verb: action.verb.name(),
        mailbox: action.mailbox.wire().to_vec(),
        message,
        detail: detail.unwrap_or_default(),
    }
}

/// Gives what tells a message of an mbox file that was added to a mailbox.
fn restored(account: &str, mailbox: &MailboxName, path: &str, number: Uid) -> Key {
    Key {
        account: account.to_owned(),
        verb: Verb::Restore.name(),
        mailbox: mailbox.wire().to_vec(),
        message: None,
        detail: format!("{number}\n{path}").into_bytes(),
    }
}

/// Names a target, in another account if it is one's.
fn detail(account: Option<&str>, mailbox: &[u8]) -> Vec<u8> {
    [account.unwrap_or_default().as_bytes(), b"\n", mailbox].concat()
}

impl Order {
    /// Gives what tells it from any other, when it restores the message with this number in the file.
    pub(super) fn key_of_restored(&self, path: &Path, number: Uid) -> Key {
        restored(&self.account.0, &self.mailbox, &path.display().to_string(), number)
    }

    /// Gives what tells it from any other, when done to this message.
    pub(super) fn key(&self, message: Option<(UidValidity, Uid)>) -> Key {
        let words = |flags: &[Flag]| flags.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let listed = |labels: &[Label]| labels.iter().map(Label::text).collect::<Vec<_>>().join("\n");
        let detail = match &self.what {
            What::Messages(Action::Move(NameSpec::Raw(target)) | Action::Copy(NameSpec::Raw(target)), _) => {
                let there = self.elsewhere.as_ref().map(|elsewhere| &*elsewhere.account.0);
                detail(there, target)
            }
            What::Messages(Action::Mark(flags) | Action::Unmark(flags), _) => words(flags).into_bytes(),
            What::Messages(Action::Label(labels) | Action::Unlabel(labels), _) => listed(labels).into_bytes(),
            What::Rename(target) => detail(None, target.wire()),
            What::Append(addition) => Sha256::digest(&addition.message).to_vec(),
            _ => Vec::new(),
        };
        Key {
            account: self.account.0.clone(),
            verb: self.verb.name(),
            mailbox: self.mailbox.wire().to_vec(),
            message,
            detail,
        }
    }
}
