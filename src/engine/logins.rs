use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::account_settings::Preferences;
use super::journal::AccountRow;
use super::opener::Opener;

/// How an account is opened, and what its owner has decided for it.
type Login = (Opener, Arc<Preferences>);

/// How a run logs in to its accounts, by how the journal knows them.
#[derive(Debug, Default)]
pub struct Logins(Mutex<BTreeMap<String, Login>>);

impl Logins {
    /// Notes how an account is opened.
    pub(super) fn add(&self, account: &AccountRow, opener: &Opener, preferences: &Arc<Preferences>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(account.identity.clone(), (opener.clone(), Arc::clone(preferences)));
    }

    /// Gives how an account is opened, if the run has logged in to it or said how it would.
    pub(super) fn find(&self, identity: &str) -> Option<Login> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(identity).cloned()
    }
}
