use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::account::Opener;
use super::journal::AccountRow;

/// How a run logs in to its accounts, by how the journal knows them.
#[derive(Debug, Default)]
pub struct Logins(Mutex<BTreeMap<String, Opener>>);

impl Logins {
    /// Notes how an account is opened.
    pub(super) fn add(&self, account: &AccountRow, opener: &Opener) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(account.identity.clone(), opener.clone());
    }

    /// Gives how an account is opened, if the run has logged in to it or said how it would.
    pub(super) fn find(&self, identity: &str) -> Option<Opener> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(identity).cloned()
    }
}
