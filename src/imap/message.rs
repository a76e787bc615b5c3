use std::time::Duration;

use super::code::{Code, CopyUid};
use super::encode::{COMMAND_BYTES, Command};
use super::fetch::{Fetch, FetchItem};
use super::pipeline::Done;
use super::response::{Response, StatusLine};
use super::saved_search::Finds;
use super::search::SearchKey;
use super::selected::Access;
use super::session::Session;
use crate::error::{Error, Result};
use crate::mail::{Flag, Label, MailboxName, Uid, UidSet};

/// Whether STORE adds flags or takes them away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreMode {
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// A command that changes messages of the open mailbox. There is no plain EXPUNGE: it would remove what nobody
/// named.
#[derive(Clone, Debug)]
pub enum Change {
    /// Adds flags or takes them away, without hearing the new ones (RFC 3501 §6.4.6).
    Store(UidSet, StoreMode, Vec<Flag>),
    /// Adds Gmail's labels or takes them away, without hearing the new ones (`X-GM-EXT-1`).
    Label(UidSet, StoreMode, Vec<Label>),
    /// Copies messages (RFC 3501 §6.4.7).
    Copy(UidSet, MailboxName),
    /// Moves messages (RFC 6851).
    Move(UidSet, MailboxName),
    /// Removes those that are marked `\Deleted` (RFC 4315 §2.1).
    Expunge(UidSet),
}

impl Change {
    fn set(&self) -> &UidSet {
        match self {
            Self::Store(set, ..)
            | Self::Label(set, ..)
            | Self::Copy(set, _)
            | Self::Move(set, _)
            | Self::Expunge(set) => set,
        }
    }

    /// Gives the messages by commands of a reasonable length, of at most so many messages.
    fn parts(&self, most: usize) -> Vec<UidSet> {
        let parts = self.set().split(room(match self {
            Self::Store(_, _, flags) => {
                flags.iter().map(|flag| flag.to_string().len() + 1).sum::<usize>() + 13
            }
            Self::Label(_, _, labels) => {
                labels.iter().map(|label| 2 * label.wire().len() + 3).sum::<usize>() + 20
            }
            Self::Copy(_, target) | Self::Move(_, target) => target.wire().len(),
            Self::Expunge(_) => 0,
        }));
        if parts.iter().all(|part| part.len() <= most) {
            return parts;
        }
        let uids: Vec<Uid> = self.set().iter().collect();
        let few = uids.chunks(most.max(1)).map(|few| few.iter().copied().collect::<UidSet>());
        few.flat_map(|few| few.split(room(0))).collect()
    }

    fn command(&self, part: &UidSet) -> Command {
        match self {
            Self::Store(_, mode, flags) => {
                let item = match mode {
                    StoreMode::Add => "+FLAGS.SILENT",
                    StoreMode::Remove => "-FLAGS.SILENT",
                };
                Command::new("UID STORE").uids(part).syntax(item).flags(flags)
            }
            Self::Label(_, mode, labels) => {
                let item = match mode {
                    StoreMode::Add => "+X-GM-LABELS.SILENT",
                    StoreMode::Remove => "-X-GM-LABELS.SILENT",
                };
                Command::new("UID STORE").uids(part).syntax(item).labels(labels)
            }
            Self::Copy(_, target) => Command::new("UID COPY").uids(part).mailbox(target),
            Self::Move(_, target) => Command::new("UID MOVE").uids(part).mailbox(target),
            Self::Expunge(_) => Command::new("UID EXPUNGE").uids(part),
        }
    }

    fn is_transfer(&self) -> bool {
        matches!(self, Self::Copy(..) | Self::Move(..))
    }
}

/// What became of the messages that one command named.
#[derive(Clone, Debug)]
pub struct Part {
    /// The messages that the command named.
    pub named: UidSet,
    /// How it ended; `None` where the connection broke before the server said.
    pub done: Option<Done>,
    /// Every COPYUID that came with it, whether the command ended OK or not.
    pub copied: Vec<CopyUid>,
}

/// The most messages that a search may find: a server can name four billion in twelve bytes, and make us ask
/// for them.
const FOUND: usize = 5_000_000;

/// The most bytes of a SEARCH program.
pub(super) const PROGRAM_BYTES: usize = COMMAND_BYTES / 2;

/// Gives a search for a key, with what RFC 4731 has it return.
pub(super) fn search(key: &SearchKey, returns: Option<&str>) -> Result<Command> {
    let mut command = Command::new("UID SEARCH");
    if let Some(returns) = returns {
        command = command.syntax(returns);
    }
    if key.needs_charset() {
        command = command.syntax("CHARSET UTF-8");
    }
    key.encode_program(command)
}

/// Gives what searches found, unless it is too much.
pub(super) fn within_bounds(found: Vec<UidSet>) -> Result<Vec<UidSet>> {
    if found.iter().map(UidSet::len).sum::<usize>() > FOUND {
        return Err(Error::protocol(format!("a search result of more than {FOUND} messages")));
    }
    Ok(found)
}

/// Gives the commands that fetch items of messages, of each set its own.
pub(super) fn fetches(wanted: &[(UidSet, Vec<FetchItem>)]) -> Result<Vec<Command>> {
    let mut commands = Vec::new();
    for (set, items) in wanted {
        let items = FetchItem::list(items)?;
        for part in set.split(room(items.len())) {
            commands.push(Command::new("UID FETCH").uids(&part).syntax(&items));
        }
    }
    Ok(commands)
}

/// What a command has besides a set of UIDs: tag, verb, items.
pub(super) fn room(rest: usize) -> usize {
    COMMAND_BYTES.saturating_sub(rest + 40).max(100)
}

impl Session {
    /// Searches a mailbox (RFC 3501 §6.4.4), which is opened in the same flight if need be.
    ///
    /// Errors: besides those of the connection, whatever the server does not understand or refuses.
    pub fn uid_search(&mut self, name: &MailboxName, access: Access, key: &SearchKey) -> Result<UidSet> {
        let each = self.uid_search_each(name, access, std::slice::from_ref(key))?;
        Ok(each.sets.into_iter().next().unwrap_or_default())
    }

    /// Searches a mailbox for several keys, and gives what each finds. Where answers name their questions
    /// (RFC 4731) all travel together.
    ///
    /// Errors: as [`Session::uid_search`]. The answer to one key is not known then, so none is given.
    pub fn uid_search_each(
        &mut self,
        name: &MailboxName,
        access: Access,
        keys: &[SearchKey],
    ) -> Result<Finds> {
        if let [first, others @ ..] = keys
            && !others.is_empty()
            && !self.capabilities.has("ESEARCH")
        {
            let mut finds = self.uid_search_each(name, access, std::slice::from_ref(first))?;
            for key in others {
                finds.sets.push(self.uid_search(name, access, key)?);
            }
            return Ok(finds);
        }
        let returns = self.capabilities.has("ESEARCH").then_some("RETURN (ALL)");
        let mut commands = Vec::new();
        let mut of = Vec::new();
        for (number, key) in keys.iter().enumerate() {
            for part in key.clone().split(PROGRAM_BYTES) {
                commands.push(search(&part, returns)?);
                of.push(number);
            }
        }
        let mut found: Vec<Vec<UidSet>> = vec![Vec::new(); keys.len()];
        let ends = self.run_in(name, access, false, &commands, &mut |at, response| {
            if let Response::Search(set, _) = response
                && let Some(sets) = of.get(at).or(of.last()).and_then(|number| found.get_mut(*number))
            {
                sets.push(set);
            }
            Ok(())
        })?;
        let mut took = Duration::ZERO;
        for (end, number) in ends.into_iter().zip(of) {
            if number == 0 {
                took += end.took;
            }
            end.ok()?;
        }
        let sets = within_bounds(found.into_iter().map(|sets| sets.into_iter().collect()).collect())?;
        Ok(Finds { sets, took })
    }

    /// Fetches items of messages (RFC 3501 §6.4.5), of each set its own and all in one flight, and gives each
    /// response to `each` as it comes.
    ///
    /// Only responses about messages of the sets are given; they may come in any order, more than once, with
    /// fewer items than asked for (a flag changed meanwhile) or not at all (the message is gone).
    pub fn uid_fetch(
        &mut self,
        name: &MailboxName,
        access: Access,
        wanted: &[(UidSet, Vec<FetchItem>)],
        each: &mut dyn FnMut(Fetch) -> Result<()>,
    ) -> Result<()> {
        let commands = fetches(wanted)?;
        if commands.is_empty() {
            return Ok(());
        }
        let asked = |uid| wanted.iter().any(|(set, _)| set.contains(uid));
        let ends = self.run_in(name, access, false, &commands, &mut |_, response| match response {
            Response::Fetch(fetch) if fetch.uid.is_some_and(asked) => each(*fetch),
            _ => Ok(()),
        })?;
        for end in ends {
            end.ok()?;
        }
        Ok(())
    }

    /// Changes messages of the open mailbox, all in one flight and in this order. Gives what became of the parts
    /// of each change, and the error that broke it off, if one did.
    ///
    /// A command names at most `most` messages. A COPYUID belongs to the copy or move that named its messages: the sets of those must have none in common.
    pub fn change(&mut self, changes: &[Change], most: usize) -> (Vec<Vec<Part>>, Option<Error>) {
        let mut parts: Vec<(usize, Part)> = Vec::new();
        let mut commands = Vec::new();
        for (of, change) in changes.iter().enumerate() {
            for named in change.parts(most) {
                commands.push(change.command(&named));
                parts.push((of, Part { named, done: None, copied: Vec::new() }));
            }
        }
        let mut keep = |at: usize, line: &StatusLine| {
            let Some(Code::CopyUid(copy)) = &line.code else { return };
            let source = copy.source();
            let mut credited = false;
            // By what it names: Dovecot 2.3 sends the codes of all pipelined moves before the first one's end.
            let transfers =
                parts.iter_mut().filter(|(of, _)| changes.get(*of).is_some_and(Change::is_transfer));
            for (_, part) in transfers.filter(|(_, part)| !part.named.intersection(&source).is_empty()) {
                part.copied.push(copy.clone());
                credited = true;
            }
            if !credited && let Some((_, part)) = parts.get_mut(at) {
                part.copied.push(copy.clone());
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
        let mut by_change = vec![Vec::new(); changes.len()];
        for ((of, mut part), end) in parts.into_iter().zip(ends) {
            part.done = end;
            if let Some(list) = by_change.get_mut(of) {
                list.push(part);
            }
        }
        (by_change, error)
    }
}
