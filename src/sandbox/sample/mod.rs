use jiff::Timestamp;

use super::account::Account;

/// Fills a new account with sample mail.
pub(super) fn fill(_account: &mut Account, _now: Timestamp) {}
