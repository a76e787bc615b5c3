use std::sync::Arc;

use super::code::Code;
use super::encode::Command;
use super::pipeline::Done;
use super::response::Response;
use super::selected::{Access, Selected};
use super::session::Session;
use crate::error::{Error, Result};
use crate::mail::{Flag, InternalDate, MailboxName, Uid, UidValidity};

/// How many messages one command has at the most, so that its text stays short on servers that count it.
const TOGETHER: usize = 250;

/// A message to be added to a mailbox.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Its bytes. There must be no NUL among them, which IMAP can't carry.
    pub raw: Arc<Vec<u8>>,
    /// Its flags; `\Recent` is left out.
    pub flags: Vec<Flag>,
    /// When it arrived; without it, now.
    pub date: Option<InternalDate>,
}

/// What became of a message that was to be added.
#[derive(Clone, Debug)]
pub struct Added {
    /// How its command ended; `None` where the connection broke before the server said.
    pub done: Option<Done>,
    /// Its UID in the mailbox, where the server said it.
    pub uid: Option<(UidValidity, Uid)>,
    /// Its command had other messages too: all of them were added or none (RFC 3502).
    pub together: bool,
}

/// What became of messages that were to be added in one flight.
#[derive(Debug)]
pub struct Addition {
    /// What became of each, in their order.
    pub added: Vec<Added>,
    /// What became of the commands that came before them.
    pub before: Vec<Option<Done>>,
    /// What broke the flight off.
    pub error: Option<Error>,
}

impl Session {
    /// Adds a message to a mailbox, byte for byte (RFC 3501 §6.3.11). Gives how it ended; APPENDUID is in its code.
    pub fn append(&mut self, name: &MailboxName, message: &NewMessage) -> Result<Done> {
        let messages = std::slice::from_ref(message);
        let Addition { mut added, error, .. } =
            self.append_all(name, &[], messages, false, &mut |_| Ok(()))?;
        match error {
            Some(error) => Err(error),
            None => {
                added.pop().and_then(|added| added.done).ok_or_else(|| Error::protocol("no end of APPEND"))
            }
        }
    }

    /// Adds messages to a mailbox in one flight: many with one command where the server has MULTIAPPEND (RFC 3502)
    /// and `together` allows it, else each with its own. `before` are commands that change nothing; if there are
    /// any, the mailbox is opened for reading with them, and what they give goes to `each`.
    ///
    /// Errors: nothing was sent. What broke a flight off is in the result.
    pub fn append_all(
        &mut self,
        name: &MailboxName,
        before: &[Command],
        messages: &[NewMessage],
        together: bool,
        each: &mut dyn FnMut(Response) -> Result<()>,
    ) -> Result<Addition> {
        let addition = self.add(name, before, messages, together, each)?;
        if self.adds_if_written || !self.is_read(name) || !is_shut_out(&addition) {
            return Ok(addition);
        }
        // Courier: "NO Current box is selected READ-ONLY." It adds to this mailbox if none or another is open.
        self.adds_if_written = true;
        let again = self.add(name, &[], messages, together, &mut |_| Ok(()))?;
        Ok(Addition { before: addition.before, ..again })
    }

    fn is_read(&self, name: &MailboxName) -> bool {
        self.selected().is_some_and(|open| open.name == *name && open.access == Access::Read)
    }

    fn add(
        &mut self,
        name: &MailboxName,
        before: &[Command],
        messages: &[NewMessage],
        together: bool,
        each: &mut dyn FnMut(Response) -> Result<()>,
    ) -> Result<Addition> {
        let together = together && self.capabilities.has("MULTIAPPEND");
        let mut flight = Vec::new();
        let access = if self.adds_if_written { Access::Write } else { Access::Read };
        if !before.is_empty() || (self.adds_if_written && self.is_read(name)) {
            flight.push(access.command().mailbox(name));
            flight.extend_from_slice(before);
        }
        let first = flight.len();
        let groups: Vec<_> = messages.chunks(if together { TOGETHER } else { 1 }).collect();
        for group in &groups {
            let command = Command::new("APPEND").mailbox(name);
            flight.push(group.iter().try_fold(command, with_message)?);
        }
        if first > 0 {
            self.selected = Some(Selected::new(name.clone(), access));
        }
        let (mut ends, error) = self.run_through(&flight, &mut |at, response| {
            if at < first { each(response) } else { Ok(()) }
        });
        let appended = ends.split_off(first.min(ends.len()));
        if first > 0 {
            let opened = ends.remove(0);
            if !opened.as_ref().is_some_and(Done::is_ok) {
                self.selected = None;
                // Without the mailbox, what came after it says nothing.
                for end in &mut ends {
                    end.clone_from(&opened);
                }
            }
        }
        let added = groups.iter().zip(appended).flat_map(|(group, done)| settle(group.len(), done.as_ref()));
        Ok(Addition { added: added.collect(), before: ends, error })
    }
}

/// Tells whether nothing was added since the mailbox is open for reading only.
fn is_shut_out(addition: &Addition) -> bool {
    let says_so = |done: &Done| !done.is_ok() && done.line.text.to_ascii_lowercase().contains("read-only");
    let mut added = addition.added.iter();
    addition.error.is_none()
        && !addition.added.is_empty()
        && added.all(|added| added.done.as_ref().is_some_and(says_so))
}

fn with_message(command: Command, message: &NewMessage) -> Result<Command> {
    let mut command = command.flags(&message.flags);
    if let Some(date) = message.date {
        command = command.string(date.to_string().as_bytes())?;
    }
    if message.raw.contains(&0) {
        return Err(Error::script(
            "the message has a NUL character in it, which IMAP can't carry",
            "encode binary content (base64) before it becomes a message",
        ));
    }
    Ok(command.message(Arc::clone(&message.raw)))
}

/// Gives each message of a command its end and its UID: the n-th UID belongs to the n-th message, and a list of
/// another length tells nothing about any.
fn settle(count: usize, done: Option<&Done>) -> Vec<Added> {
    let uids = match done.filter(|done| done.is_ok()).and_then(|done| done.line.code.as_ref()) {
        Some(code @ Code::AppendUid(validity, _)) => {
            code.appended(count).unwrap_or_default().into_iter().map(|uid| Some((*validity, uid))).collect()
        }
        _ => Vec::new(),
    };
    let uids = uids.into_iter().chain(std::iter::repeat(None)).take(count);
    uids.map(|uid| Added { done: done.cloned(), uid, together: count > 1 }).collect()
}
