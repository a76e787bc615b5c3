use std::collections::HashSet;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::Journal;
use super::entry::{Intent, Outcome};
use super::write::ActionId;
use crate::error::Result;

/// Actions that this run has begun and that take more than one job: nothing else settles them or holds their messages
/// meanwhile. Once this is gone, those without an end are as a cut run's.
#[derive(Debug)]
pub(in crate::engine) struct UnderWay {
    journal: Arc<Journal>,
    ids: Vec<ActionId>,
}

impl UnderWay {
    pub(in crate::engine) fn new(journal: Arc<Journal>) -> Self {
        Self { journal, ids: Vec::new() }
    }

    /// Takes up an action that was begun before.
    pub(in crate::engine) fn take_up(&mut self, id: ActionId) {
        self.journal.under_way().insert(id);
        self.ids.push(id);
    }

    /// Notes what is about to be done in an account, as [`Journal::intend`].
    pub(in crate::engine) fn intend(&mut self, account: &str, intent: Intent) -> Result<Option<ActionId>> {
        // Kept while writing: nobody sees the action before it is known to be under way.
        let mut all = self.journal.under_way();
        let ids = self.journal.intend(account, &[intent])?;
        all.extend(&ids);
        self.ids.extend(&ids);
        Ok(ids.first().copied())
    }

    /// Notes what became of an action, as [`Journal::conclude`].
    pub(in crate::engine) fn conclude(&self, id: ActionId, outcome: Outcome) -> Result<()> {
        self.journal.conclude(&[(id, outcome)])
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut all = self.journal.under_way();
        for id in &self.ids {
            all.remove(id);
        }
    }
}

impl Journal {
    /// Gives the actions that are under way. Whoever takes the database, too, takes this first.
    pub(super) fn under_way(&self) -> MutexGuard<'_, HashSet<ActionId>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether this run has looked for what an action put into another account, in that account or from the other
    /// side.
    pub(in crate::engine) fn has_looked(&self, id: ActionId, there: bool) -> bool {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).contains(&(id, there))
    }

    /// Notes that it has.
    pub(in crate::engine) fn note_look(&self, id: ActionId, there: bool) {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).insert((id, there));
    }
}
