use super::code::{Code, CopyUid};
use super::encode::{COMMAND_BYTES, Command};
use super::fetch::{Fetch, FetchItem};
use super::pipeline::Done;
use super::response::{Response, StatusLine};
use super::search::SearchKey;
use super::selected::Access;
use super::session::Session;
use crate::error::{Error, Result};
use crate::mail::{Flag, MailboxName, UidSet};

/// Whether STORE adds flags or takes them away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreMode {
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// What became of one part of a copy or move.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// The messages that the command named.
    pub named: UidSet,
    /// How it ended; `None` where the connection broke before the server said.
    pub done: Option<Done>,
    /// Every COPYUID that came with it, whether the command ended OK or not.
    pub copied: Vec<CopyUid>,
}

/// The parts of a set, each with the end of its command; `None` where the connection broke before.
pub type Parts = Vec<(UidSet, Option<Done>)>;

/// The most messages that a search may find: a server can name four billion in twelve bytes, and make us ask
/// for them.
const FOUND: usize = 5_000_000;

/// What a command has besides a set of UIDs: tag, verb, items.
fn room(rest: usize) -> usize {
    COMMAND_BYTES.saturating_sub(rest + 40).max(100)
}

impl Session {
    /// Searches a mailbox (RFC 3501 §6.4.4), which is opened in the same flight if need be.
    ///
    /// Errors: besides those of the connection, whatever the server does not understand or refuses.
    pub fn uid_search(&mut self, name: &MailboxName, access: Access, key: &SearchKey) -> Result<UidSet> {
        let charset = key.needs_charset();
        let mut commands = Vec::new();
        for part in key.clone().split(COMMAND_BYTES / 2) {
            let mut command = Command::new("UID SEARCH");
            if self.capabilities.has("ESEARCH") {
                command = command.syntax("RETURN (ALL)");
            }
            if charset {
                command = command.syntax("CHARSET UTF-8");
            }
            commands.push(part.encode_program(command)?);
        }
        let mut found = Vec::new();
        let ends = self.run_in(name, access, false, &commands, &mut |_, response| {
            if let Response::Search(set) = response {
                found.push(set);
            }
            Ok(())
        })?;
        for end in ends {
            end.ok()?;
        }
        let found: UidSet = found.into_iter().collect();
        if found.len() > FOUND {
            return Err(Error::protocol(format!("a search result of more than {FOUND} messages")));
        }
        Ok(found)
    }

    /// Fetches items of messages (RFC 3501 §6.4.5) and gives each response to `each` as it comes.
    ///
    /// Only responses about messages of `set` are given; they may come in any order, more than once, with
    /// fewer items than asked for (a flag changed meanwhile) or not at all (the message is gone).
    pub fn uid_fetch(
        &mut self,
        name: &MailboxName,
        access: Access,
        set: &UidSet,
        items: &[FetchItem],
        each: &mut dyn FnMut(Fetch) -> Result<()>,
    ) -> Result<()> {
        let items = FetchItem::list(items)?;
        let commands: Vec<_> = set
            .split(room(items.len()))
            .iter()
            .map(|part| Command::new("UID FETCH").uids(part).syntax(&items))
            .collect();
        if commands.is_empty() {
            return Ok(());
        }
        let ends = self.run_in(name, access, false, &commands, &mut |_, response| match response {
            Response::Fetch(fetch) if fetch.uid.is_some_and(|uid| set.contains(uid)) => each(*fetch),
            _ => Ok(()),
        })?;
        for end in ends {
            end.ok()?;
        }
        Ok(())
    }

    /// Adds or removes flags of messages in the open mailbox (RFC 3501 §6.4.6), without hearing the new
    /// ones. Gives each part of the set with its end.
    pub fn uid_store(&mut self, set: &UidSet, mode: StoreMode, flags: &[Flag]) -> (Parts, Option<Error>) {
        let item = match mode {
            StoreMode::Add => "+FLAGS.SILENT",
            StoreMode::Remove => "-FLAGS.SILENT",
        };
        let length: usize = flags.iter().map(|flag| flag.to_string().len() + 1).sum();
        let parts = set.split(room(length + item.len()));
        let commands: Vec<_> =
            parts.iter().map(|part| Command::new("UID STORE").uids(part).syntax(item).flags(flags)).collect();
        let (ends, error) = self.run_through(&commands, &mut |_, _| Ok(()));
        (parts.into_iter().zip(ends).collect(), error)
    }

    /// Copies messages of the open mailbox (RFC 3501 §6.4.7). Gives what became of each part, and the error
    /// that broke it off, if one did.
    pub fn uid_copy(&mut self, set: &UidSet, target: &MailboxName) -> (Vec<Transfer>, Option<Error>) {
        self.transfer("UID COPY", set, target)
    }

    /// Moves messages of the open mailbox (RFC 6851). Gives the same as [`Session::uid_copy`].
    pub fn uid_move(&mut self, set: &UidSet, target: &MailboxName) -> (Vec<Transfer>, Option<Error>) {
        self.transfer("UID MOVE", set, target)
    }

    fn transfer(
        &mut self,
        verb: &'static str,
        set: &UidSet,
        target: &MailboxName,
    ) -> (Vec<Transfer>, Option<Error>) {
        let parts = set.split(room(target.wire().len()));
        let commands: Vec<_> =
            parts.iter().map(|part| Command::new(verb).uids(part).mailbox(target)).collect();
        let mut copied = vec![Vec::new(); parts.len()];
        let mut keep = |at: usize, line: &StatusLine| {
            let Some(Code::CopyUid(copy)) = &line.code else { return };
            let source = copy.source();
            let mut of = at;
            // By what it names: Dovecot 2.3 sends the codes of all pipelined moves before the first one's end.
            for (part, list) in parts.iter().zip(&mut copied) {
                if !part.intersection(&source).is_empty() {
                    list.push(copy.clone());
                    of = usize::MAX;
                }
            }
            if let Some(list) = copied.get_mut(of) {
                list.push(copy.clone());
            }
        };
        let (ends, error) = self.run_through(&commands, &mut |at, response| {
            if let Response::Status(line) = &response {
                keep(at, line);
            }
            Ok(())
        });
        for (at, end) in ends.iter().enumerate() {
            if let Some(end) = end {
                keep(at, &end.line);
            }
        }
        let parts = parts.into_iter().zip(ends).zip(copied);
        let transfers = parts.map(|((named, done), copied)| Transfer { named, done, copied });
        (transfers.collect(), error)
    }

    /// Removes the messages of the set that are marked `\Deleted` from the open mailbox (RFC 4315 §2.1).
    /// There is no plain EXPUNGE here: it would remove what nobody named.
    pub fn uid_expunge(&mut self, set: &UidSet) -> (Parts, Option<Error>) {
        let parts = set.split(room(0));
        let commands: Vec<_> = parts.iter().map(|part| Command::new("UID EXPUNGE").uids(part)).collect();
        let (ends, error) = self.run_through(&commands, &mut |_, _| Ok(()));
        (parts.into_iter().zip(ends).collect(), error)
    }

    /// Adds a message to a mailbox, byte for byte (RFC 3501 §6.3.11). `date` is INTERNALDATE's form and
    /// must be well-formed. Gives how it ended; APPENDUID is in its code.
    pub fn append(
        &mut self,
        name: &MailboxName,
        flags: &[Flag],
        date: Option<&str>,
        message: Vec<u8>,
    ) -> Result<Done> {
        let mut command = Command::new("APPEND").mailbox(name).flags(flags);
        if let Some(date) = date {
            command = command.string(date.as_bytes())?;
        }
        let mut ends = self.run(&[command.literal(message)], &mut |_, _| Ok(()))?;
        ends.pop().ok_or_else(|| Error::protocol("no end of APPEND"))
    }
}
