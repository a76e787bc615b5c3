//! The flags that messages had when an earlier run asked, so that the server need only tell which have changed since.

use std::collections::BTreeMap;

use super::cache::{FlagsThen, Shelf};
use super::selection::Selection;
use crate::imap::{Session, StillThere};
use crate::mail::{Flag, Uid, UidSet};

/// What flags are called among what is kept of a mailbox.
const ITEMS: &str = "FLAGS";

/// What is known of the flags of a selection's messages.
pub(super) struct KnownFlags {
    shelf: Shelf<FlagsThen>,
    then: BTreeMap<Uid, FlagsThen>,
}

impl KnownFlags {
    /// Finds what is known of messages. `None` where nothing can be, as the server does not tell changes (RFC 7162).
    pub(super) fn find(session: &mut Session, selection: &Selection, among: &UidSet) -> Option<Self> {
        let (cache, validity) = selection.account.cache().zip(selection.validity)?;
        if !session.tells_changes() {
            return None;
        }
        session.count_changes();
        let shelf = cache.shelf(&selection.name, validity, ITEMS)?;
        let mut then = BTreeMap::new();
        shelf.each(among, |uid, flags| drop(then.insert(uid, flags)));
        Some(Self { shelf, then })
    }

    /// Gives those of some messages whose flags are known, and the mod-sequence since which the server must tell their
    /// changes; `None` where there are none.
    pub(super) fn since(&self, among: &UidSet) -> Option<(UidSet, u64)> {
        let then = || self.then.iter().filter(|(uid, _)| among.contains(**uid));
        let oldest = then().map(|(_, then)| then.mod_sequence).min()?;
        Some((then().map(|(uid, _)| *uid).collect(), oldest))
    }

    /// Fills in the flags of messages of which the server did not tell that they have changed, and keeps what is known
    /// now. Nobody but the server can tell which messages are `\Recent`.
    pub(super) fn fill<'a>(
        mut self,
        session: &Session,
        still: &StillThere,
        flags: impl Iterator<Item = (Uid, &'a mut Option<Vec<Flag>>)>,
    ) {
        let mut now = Vec::new();
        let mut changed = 0;
        for (uid, flags) in flags {
            let then = self.then.get(&uid).map(|then| &*then.flags);
            match (&mut *flags, then) {
                (Some(told), then) => {
                    changed += usize::from(then.is_some());
                    let lasting: Vec<Flag> =
                        told.iter().filter(|flag| **flag != Flag::Recent).cloned().collect();
                    let is_new = then != Some(&lasting);
                    now.push((uid, lasting, is_new));
                }
                (none, Some(then)) if still.uids.contains(uid) => {
                    now.push((uid, then.to_vec(), false));
                    let recent = still.recent.contains(uid).then_some(Flag::Recent);
                    *none = Some(then.iter().cloned().chain(recent).collect());
                }
                _ => {}
            }
        }
        let Some(mod_sequence) = session.selected().and_then(|selected| selected.mod_sequence) else {
            return;
        };
        // What has changed is told again each time, until all are known as of a later mod-sequence.
        let all = changed > 20 + self.then.len() / 10;
        for (uid, flags, is_new) in now {
            if all || is_new {
                self.shelf.keep(uid, &FlagsThen { mod_sequence, flags });
            }
        }
    }
}
