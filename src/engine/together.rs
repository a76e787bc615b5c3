use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::account::Account;
use super::connection::Beside;

/// While it lives, jobs of accounts that only read are held back; at its end those of each account begin side by side,
/// on its one connection. Who makes it waits for none of their tickets before its end.
#[derive(Debug)]
#[must_use = "what is held back begins with its end"]
pub struct Together(Vec<Account>);

impl Together {
    /// Begins to hold jobs of these accounts back.
    pub fn of<'a>(accounts: impl IntoIterator<Item = &'a Account>) -> Self {
        let mut own = Vec::new();
        for account in accounts {
            let mut held = account.held().jobs();
            if held.is_none() {
                *held = Some(Vec::new());
                own.push(account.clone());
            }
        }
        Self(own)
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        for account in &self.0 {
            let jobs = account.held().jobs().take().unwrap_or_default();
            if !jobs.is_empty() {
                account.begin_abreast(jobs);
            }
        }
    }
}

/// Jobs of an account that are held back; `None` where none are to be.
#[derive(Default)]
pub(super) struct Held(Mutex<Option<Vec<Beside>>>);

impl Held {
    /// Gives them.
    pub(super) fn jobs(&self) -> MutexGuard<'_, Option<Vec<Beside>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held")
    }
}
