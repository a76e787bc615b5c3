use super::account::Account;
use super::names::NameSpec;
use super::query::Query;
use crate::mail::{MailboxName, UidSet, UidValidity};

/// Messages that a search found: UIDs pinned to account, mailbox and UIDVALIDITY. It never changes.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The account.
    pub account: Account,
    /// The mailbox as the script named it.
    pub spec: NameSpec,
    /// The mailbox as reports show it.
    pub shown: String,
    /// The mailbox on the server.
    pub name: MailboxName,
    /// What the UIDs are worth; `None` where the server gave none, and then they are only good for reading.
    pub validity: Option<UidValidity>,
    /// How many messages the mailbox had then, where that is known.
    pub exists: Option<u32>,
    /// The messages.
    pub uids: UidSet,
    /// What found them. It is asked again before anything is removed.
    pub query: Query,
    /// The rule that they are for, if it is one: for reports.
    pub rule: Option<String>,
    /// The script opened the mailbox with `examine`: nothing in it is to be changed.
    pub read_only: bool,
}

impl Selection {
    /// Tells whether both are of the same mailbox.
    pub fn is_mailbox_of(&self, other: &Self) -> bool {
        self.account == other.account && self.name == other.name
    }

    /// Gives the same with other messages of the same mailbox.
    #[must_use]
    pub fn with_uids(&self, uids: UidSet) -> Self {
        Self { uids, ..self.clone() }
    }
}
