use super::encode::Command;
use super::fetch::{Fetch, FetchItem};
use super::message::{fetches, room};
use super::response::Response;
use super::selected::Access;
use super::session::Session;
use crate::error::{ErrorKind, Result};
use crate::mail::{MailboxName, UidSet};

/// What turns extensions on (RFC 5161).
const ENABLE: &str = "ENABLE";

/// What the server was asked to keep count of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Resync {
    /// Nothing yet.
    #[default]
    NotAsked,
    /// Changes of flags (CONDSTORE).
    Flags,
    /// These and which messages are gone (QRESYNC).
    Vanished,
}

/// Of messages that were asked about.
#[derive(Debug, Default)]
pub struct StillThere {
    /// Those that are there.
    pub uids: UidSet,
    /// Those that are not, whatever was told of them before.
    pub gone: UidSet,
    /// Those of them that are `\Recent`, which no mod-sequence tells.
    pub recent: UidSet,
}

/// What a command of a flight is for.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Changes,
    Recent,
    There,
}

impl Session {
    /// Tells whether it can be asked what has changed since a mod-sequence (RFC 7162).
    pub fn tells_changes(&self) -> bool {
        let offers = |name| self.capabilities().has(name);
        (offers("CONDSTORE") || offers("QRESYNC")) && offers("ESEARCH")
    }

    /// Has the server count changes, in the next flight and once a session: some tell a mod-sequence only then. One that
    /// can tell which messages are gone is asked for that as well (QRESYNC); it says VANISHED for EXPUNGE from there on.
    pub fn count_changes(&mut self) {
        if self.resync != Resync::NotAsked || !self.tells_changes() {
            return;
        }
        self.resync = Resync::Flags;
        if self.capabilities().has(ENABLE) {
            let quick = self.capabilities().has("QRESYNC");
            if quick {
                self.resync = Resync::Vanished;
            }
            self.errands.push(Command::new(ENABLE).syntax(if quick { "QRESYNC" } else { "CONDSTORE" }));
        }
    }

    /// Fetches items as [`Session::uid_fetch`], and in the same flight the flags of more messages, as far as they have
    /// changed since a mod-sequence (RFC 7162 §3.1.4.1). Gives those of them that are still there, by what the server
    /// says has vanished (§3.2.6), or else by a search; of these, what was not told is as it was. `None` where the server
    /// refuses it, or does not count changes from there on: then nothing is known of them but what was told.
    pub fn uid_fetch_since(
        &mut self,
        (name, access): (&MailboxName, Access),
        wanted: &[(UidSet, Vec<FetchItem>)],
        (set, since): (&UidSet, u64),
        each: &mut dyn FnMut(Fetch) -> Result<()>,
    ) -> Result<Option<StillThere>> {
        let mut commands = fetches(wanted)?;
        let certain = commands.len();
        let vanished = self.resync == Resync::Vanished;
        let modifiers = if vanished { " VANISHED" } else { "" };
        let changed = format!("(UID FLAGS) (CHANGEDSINCE {since}{modifiers})");
        let mut asked_for = vec![Asked::Changes; certain];
        for part in set.split(room(changed.len())) {
            let search = || Command::new("UID SEARCH").syntax("RETURN (ALL) UID").uids(&part);
            commands.push(Command::new("UID FETCH").uids(&part).syntax(&changed));
            commands.push(search().syntax("RECENT"));
            asked_for.extend([Asked::Changes, Asked::Recent]);
            if !vanished {
                commands.push(search());
                asked_for.push(Asked::There);
            }
        }
        let wants = |uid| set.contains(uid) || wanted.iter().any(|(set, _)| set.contains(uid));
        let (mut there, mut recent, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        let ends = self.run_in(name, access, false, &commands, &mut |at, response| match response {
            Response::Fetch(fetch) if fetch.uid.is_some_and(wants) => each(*fetch),
            Response::Vanished { uids, .. } => {
                gone.push(uids.intersection(set));
                Ok(())
            }
            Response::Search(found, _) => {
                match asked_for.get(at) {
                    Some(Asked::There) => there.push(found.intersection(set)),
                    Some(Asked::Recent) => recent.push(found.intersection(set)),
                    Some(Asked::Changes) | None => {}
                }
                Ok(())
            }
            _ => Ok(()),
        })?;
        let mut is_told = true;
        for (at, end) in ends.into_iter().enumerate() {
            match end.ok() {
                Err(error) if at >= certain && matches!(*error.kind, ErrorKind::Refused { .. }) => {
                    is_told = false;
                    // Perhaps it refused to tell what is gone.
                    self.resync = Resync::Flags;
                }
                end => drop(end?),
            }
        }
        let highest = self.selected().and_then(|selected| selected.mod_sequence);
        is_told &= highest.is_some_and(|highest| highest >= since);
        let there = if vanished { set.clone() } else { there.into_iter().collect() };
        let uids = there.difference(&gone.into_iter().collect());
        let gone = set.difference(&uids);
        let still = StillThere { uids, gone, recent: recent.into_iter().collect() };
        Ok(is_told.then_some(still))
    }
}
