//! What can be asked of an account without changing anything.

use super::account::Account;
use super::connection::Ticket;
use super::names::{ListedMailbox, NameSpec, list};
use crate::imap::{Access, Fetch, FetchItem, MailboxStatus, QuotaRoot, Selected};
use crate::mail::Namespaces;

use super::selection::Selection;

impl Account {
    /// Opens a mailbox and gives what the server says of it.
    pub fn open(&self, spec: NameSpec, access: Access) -> Ticket<Selected> {
        self.read(move |session, _| {
            let shown = spec.shown();
            let opened = spec.resolve(session).and_then(|name| session.open_mailbox(&name, access).cloned());
            opened.map_err(|error| error.in_mailbox(&shown))
        })
    }

    /// Asks for a mailbox's numbers.
    pub fn status(&self, spec: NameSpec) -> Ticket<MailboxStatus> {
        self.read(move |session, _| {
            let shown = spec.shown();
            let status = spec.resolve(session).and_then(|name| session.status(&name));
            status.map_err(|error| error.in_mailbox(&shown))
        })
    }

    /// Lists the mailboxes that match a pattern, `*` and `%` as IMAP has them; all of them without one.
    pub fn list(&self, pattern: Option<String>, subscribed: bool) -> Ticket<Vec<ListedMailbox>> {
        self.read(move |session, _| list(session, pattern.as_deref(), subscribed))
    }

    /// Asks for the namespaces.
    pub fn namespaces(&self) -> Ticket<Namespaces> {
        self.read(|session, _| session.namespaces())
    }

    /// Gives the names of what the server can do.
    pub fn capabilities(&self) -> Ticket<Vec<String>> {
        self.read(|session, _| Ok(session.capabilities().iter().map(str::to_owned).collect()))
    }

    /// Asks what the server says of itself.
    pub fn id(&self) -> Ticket<Vec<(String, String)>> {
        self.read(|session, _| session.id())
    }

    /// Asks for a mailbox's quota. Where the server has no quotas there are none.
    pub fn quota(&self, spec: NameSpec) -> Ticket<Vec<QuotaRoot>> {
        self.read(move |session, _| {
            if !session.capabilities().has("QUOTA") {
                return Ok(Vec::new());
            }
            let name = spec.resolve(session)?;
            session.quota(&name)
        })
    }

    /// Asks for nothing, to hear what is new and to keep the session open.
    pub fn noop(&self) -> Ticket<()> {
        self.read(|session, _| session.noop())
    }
}

impl Selection {
    /// Fetches items of all messages of the selection, as the server gives them.
    pub fn fetch(&self, items: Vec<FetchItem>) -> Ticket<Vec<Fetch>> {
        let selection = self.clone();
        self.account.read(move |session, _| {
            let mut found = Vec::new();
            let result = super::messages::fetch(session, &selection, &selection.uids, &items, &mut |fetch| {
                found.push(fetch);
                Ok(())
            });
            result.map_err(|error| error.in_mailbox(&selection.shown))?;
            Ok(found)
        })
    }
}
