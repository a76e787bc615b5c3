use std::collections::BTreeSet;

use super::book::Book;
use super::copies::{Copy, Sent};
use super::target::{Stored, Target};
use crate::engine::apply::source::Head;
use crate::engine::report::{Landing, Report};
use crate::imap::NewMessage;
use crate::mail::UidSet;

/// Messages on their way into a mailbox, and what is said of them by their UIDs where they come from.
pub(super) struct Inflow {
    pub(super) target: Target,
    pub(super) report: Report,
    pub(super) book: Book,
    /// Messages that were sent and not yet looked for.
    pending: Vec<Sent>,
    /// What is said besides of messages that are where they were.
    stays: &'static str,
    unremoved: &'static str,
    /// Flags that the target does not keep.
    unkept: BTreeSet<String>,
}

impl Inflow {
    /// Begins with nothing sent. `moves` says that originals are removed after.
    pub(super) fn new(target: Target, report: Report, book: Book, moves: bool) -> Self {
        let (stays, unremoved) =
            if moves { (": the original stays", "; nothing was removed") } else { ("", "") };
        Self { target, report, book, pending: Vec::new(), stays, unremoved, unkept: BTreeSet::new() }
    }

    /// Makes of a message what can be sent; `None` where that is nothing, which is in the report.
    pub(super) fn offer(&mut self, head: Head, raw: Vec<u8>) -> Option<(Sent, NewMessage)> {
        let uid = UidSet::from(head.uid);
        if raw.contains(&0) {
            self.report.fail(uid, "it has a NUL character in it, which IMAP can't carry");
            return None;
        }
        if self.target.limit.is_some_and(|limit| raw.len() as u64 > limit) {
            let size = raw.len();
            self.report.fail(uid, format!("{size} bytes, more than the other server takes"));
            return None;
        }
        let message = self.target.message(raw, &head.flags, head.date);
        let rewritten = self.target.accepts_rewritten();
        Some((Sent::new(head.uid, head.known, &message, rewritten), message))
    }

    /// Does one turn on the target: sends messages and looks for those sent before. Gives what is proven to be
    /// there, and what broke it off.
    pub(super) fn store(&mut self, mut messages: Vec<(Sent, NewMessage)>) -> (UidSet, Option<String>) {
        let noted = self.book.begin(&self.target, messages.iter().map(|(sent, _)| sent));
        let unnoted = noted.err().map(|error| error.to_string());
        if let Some(why) = &unnoted {
            let uids = messages.drain(..).map(|(sent, _)| sent.uid).collect();
            self.report.fail(uids, format!("not begun: {why}"));
        }
        if messages.is_empty() && self.pending.is_empty() {
            return (UidSet::new(), unnoted);
        }
        let pending = std::mem::take(&mut self.pending);
        let before: Vec<_> = pending.iter().chain(messages.iter().map(|(sent, _)| sent)).cloned().collect();
        let mut stored = match self.target.store(pending, messages).wait() {
            Ok(stored) => stored,
            Err(error) => {
                // The connection could not be opened, or nobody knows how far it came.
                let why = error.to_string();
                self.pending = before.into_iter().map(|sent| sent.in_doubt(&why)).collect();
                return (UidSet::new(), Some(why));
            }
        };
        self.target.take(&mut stored);
        let Stored { seen, pending, refused, error, .. } = stored;
        self.pending = pending;
        for (uid, reason) in refused {
            self.report.fail(UidSet::from(uid), reason);
        }
        (self.judge(seen), unnoted.or(error))
    }

    /// Looks for what is left once more, on a new connection if the last one broke: what arrived is there.
    pub(super) fn finish(&mut self) -> UidSet {
        if self.pending.is_empty() {
            return UidSet::new();
        }
        let (proven, _) = self.store(Vec::new());
        for sent in std::mem::take(&mut self.pending) {
            let reason = sent.cut.unwrap_or_else(|| "it could not be looked for in the target".to_owned());
            self.book.cut(&UidSet::from(sent.uid));
            self.report.doubt(UidSet::from(sent.uid), format!("{reason}{}", self.unremoved));
        }
        proven
    }

    /// Takes in what is seen of messages in the target, and gives those that are there.
    fn judge(&mut self, seen: Vec<(Sent, Copy)>) -> UidSet {
        let mut proven = UidSet::new();
        for (sent, copy) in seen {
            let uid = UidSet::from(sent.uid);
            match copy {
                Copy::Same(validity, there, lost) => {
                    self.unkept.extend(lost.iter().map(ToString::to_string));
                    let (mailbox, uids) = (self.target.name.clone(), UidSet::from(there));
                    self.report.land(Landing { mailbox, validity, uids, pairs: vec![(sent.uid, there)] });
                    proven.insert(sent.uid);
                }
                Copy::Other(_, _, how) => {
                    self.report.doubt(uid, format!("there is a copy, but {how}{}", self.stays));
                }
                Copy::Unseen => {
                    if sent.cut.is_some() {
                        self.book.cut(&uid);
                    }
                    let why = sent.cut.unwrap_or_else(|| "the server said OK".to_owned());
                    let told = format!("{why}, but no copy is seen in the target{}", self.unremoved);
                    self.report.doubt(uid, told);
                }
            }
        }
        proven
    }

    /// Notes in the journal what is known by now.
    pub(super) fn conclude(&mut self) {
        self.book.conclude(&self.report, false);
    }

    /// Notes the rest, and gives the report.
    pub(super) fn end(mut self) -> Report {
        self.book.conclude(&self.report, true);
        if !self.unkept.is_empty() {
            let flags: Vec<_> = self.unkept.into_iter().collect();
            self.report.notes.push(format!("the target does not keep {}", flags.join(" ")));
        }
        self.report
    }
}
