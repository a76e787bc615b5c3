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

/// Of messages that were asked about.
#[derive(Debug, Default)]
pub struct StillThere {
    /// Those that are there.
    pub uids: UidSet,
    /// Those of them that are `\Recent`, which no mod-sequence tells.
    pub recent: UidSet,
}

impl Session {
    /// Tells whether it can be asked what has changed since a mod-sequence (RFC 7162).
    pub fn tells_changes(&self) -> bool {
        let offers = |name| self.capabilities().has(name);
        (offers("CONDSTORE") || offers("QRESYNC")) && offers("ESEARCH")
    }

    /// Has the server count changes, in the next flight and once a session: some tell a mod-sequence only then.
    pub fn count_changes(&mut self) {
        if !std::mem::replace(&mut self.counts_changes, true)
            && self.tells_changes()
            && self.capabilities().has(ENABLE)
        {
            self.errands.push(Command::new(ENABLE).syntax("CONDSTORE"));
        }
    }

    /// Fetches items as [`Session::uid_fetch`], and in the same flight the flags of more messages, as far as they have
    /// changed since a mod-sequence (RFC 7162 §3.1.4.1). Gives those of them that are still there; of these, what was
    /// not told is as it was. `None` where the server refuses it, or does not count changes from there on: then nothing
    /// is known of them but what was told.
    pub fn uid_fetch_since(
        &mut self,
        (name, access): (&MailboxName, Access),
        wanted: &[(UidSet, Vec<FetchItem>)],
        (set, since): (&UidSet, u64),
        each: &mut dyn FnMut(Fetch) -> Result<()>,
    ) -> Result<Option<StillThere>> {
        let mut commands = fetches(wanted)?;
        let certain = commands.len();
        let changed = format!("(UID FLAGS) (CHANGEDSINCE {since})");
        for part in set.split(room(changed.len())) {
            commands.push(Command::new("UID FETCH").uids(&part).syntax(&changed));
            let search = || Command::new("UID SEARCH").syntax("RETURN (ALL) UID").uids(&part);
            commands.extend([search(), search().syntax("RECENT")]);
        }
        let asked = |uid| set.contains(uid) || wanted.iter().any(|(set, _)| set.contains(uid));
        let (mut there, mut recent) = (Vec::new(), Vec::new());
        let ends = self.run_in(name, access, false, &commands, &mut |at, response| match response {
            Response::Fetch(fetch) if fetch.uid.is_some_and(asked) => each(*fetch),
            Response::Search(found, _) => {
                let of = if at.saturating_sub(certain) % 3 == 1 { &mut there } else { &mut recent };
                of.push(found.intersection(set));
                Ok(())
            }
            _ => Ok(()),
        })?;
        let mut is_told = true;
        for (at, end) in ends.into_iter().enumerate() {
            match end.ok() {
                Err(error) if at >= certain && matches!(*error.kind, ErrorKind::Refused { .. }) => {
                    is_told = false;
                }
                end => drop(end?),
            }
        }
        let highest = self.selected().and_then(|selected| selected.mod_sequence);
        is_told &= highest.is_some_and(|highest| highest >= since);
        let still = StillThere { uids: there.into_iter().collect(), recent: recent.into_iter().collect() };
        Ok(is_told.then_some(still))
    }
}
