//! What can be asked of an account without changing anything.

use super::account::Account;
use super::names::{ListedMailbox, NameSpec, list};
use super::selection::Selection;
use super::ticket::Ticket;
use super::world::Run;
use crate::error::Result;
use crate::imap::{Access, Fetch, FetchItem, ListEntry, MailboxStatus, QuotaRoot, Session};
use crate::mail::{MailboxName, Namespaces};

impl Account {
    /// Opens a mailbox.
    pub fn open(&self, spec: NameSpec, access: Access) -> Ticket<()> {
        self.read(move |session, run| {
            let shown = spec.shown();
            let opened = spec.resolve(session, run).and_then(|name| run.open(session, &name, access));
            opened.map_err(|error| error.in_mailbox(&shown))
        })
    }

    /// Asks for a mailbox's numbers.
    pub fn status(&self, spec: NameSpec) -> Ticket<MailboxStatus> {
        self.read(move |session, run| {
            let shown = spec.shown();
            let status = spec.resolve(session, run).and_then(|name| run.status(session, &name));
            status.map_err(|error| error.in_mailbox(&shown))
        })
    }

    /// Asks for a mailbox's numbers as every client sees them: it is closed first, as an open one still has the messages
    /// that were `\Recent` when it was opened (RFC 3501 §6.3.10).
    pub fn status_closed(&self, spec: NameSpec) -> Ticket<MailboxStatus> {
        self.read(move |session, run| {
            let shown = spec.shown();
            let status = spec.resolve(session, run).and_then(|name| {
                session.leave(&name)?;
                run.status(session, &name)
            });
            status.map_err(|error| error.in_mailbox(&shown))
        })
    }

    /// Lists the mailboxes that match a pattern, `*` and `%` as IMAP has them; all of them without one.
    pub fn list(&self, pattern: Option<String>, subscribed: bool) -> Ticket<Vec<ListedMailbox>> {
        self.read(move |session, run| list(session, run, pattern.as_deref(), subscribed))
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
        self.read(move |session, run| {
            if !session.capabilities().has("QUOTA") {
                return Ok(Vec::new());
            }
            let name = spec.resolve(session, run)?;
            session.quota(&name)
        })
    }

    /// Asks for nothing, to hear what is new and to keep the session open.
    pub fn noop(&self) -> Ticket<()> {
        self.read(|session, _| session.noop())
    }
}

impl Run {
    /// Opens a mailbox; in a dry run, only to read it.
    fn open(&self, session: &mut Session, name: &MailboxName, access: Access) -> Result<()> {
        let Some(overlay) = &self.overlay else { return session.open_mailbox(name, access).map(drop) };
        overlay.open(session, name)
    }

    /// Gives a mailbox's numbers; in a dry run, as they would be.
    pub(super) fn status(&self, session: &mut Session, name: &MailboxName) -> Result<MailboxStatus> {
        match &self.overlay {
            None => session.status(name),
            Some(overlay) => overlay.status(session, name),
        }
    }

    /// Lists mailboxes; in a dry run, as they would be.
    pub(super) fn list(&self, session: &mut Session, pattern: &MailboxName) -> Result<Vec<ListEntry>> {
        match &self.overlay {
            None => session.list(pattern),
            Some(overlay) => overlay.list(session, pattern, false),
        }
    }

    /// Lists the mailboxes that are subscribed to; in a dry run, as they would be.
    pub(super) fn lsub(&self, session: &mut Session, pattern: &MailboxName) -> Result<Vec<ListEntry>> {
        match &self.overlay {
            None => session.lsub(pattern),
            Some(overlay) => overlay.list(session, pattern, true),
        }
    }
}

impl Selection {
    /// Fetches items of all messages of the selection, as the server gives them.
    pub fn fetch(&self, items: Vec<FetchItem>) -> Ticket<Vec<Fetch>> {
        let selection = self.clone();
        self.account.read_beside(move |session, _| {
            let mut found = Vec::new();
            let result = super::messages::fetch(session, &selection, &selection.uids, &items, &mut |fetch| {
                found.push(fetch);
                Ok(())
            });
            result.map_err(|error| error.in_mailbox(&selection.shown))?;
            if selection.account.run().overlay.is_some() {
                // As a server gives them: where they really are, is in no order.
                found.sort_by_key(|fetch| fetch.uid);
            }
            Ok(found)
        })
    }
}
