use super::{Key, Overlay};
use crate::engine::world::Run;
use crate::error::Result;
use crate::imap::Session;
use crate::mail::{MailboxName, UidSet, UidValidity};

/// A mailbox that a dry run asks its server about, and of which it only minds what would have left.
pub(in crate::engine) struct Still {
    overlay: Overlay,
    key: Key,
}

impl Still {
    /// Finds it. `None` where the run is no dry run.
    ///
    /// Error: there would be no such mailbox.
    pub(in crate::engine) fn find(
        session: &mut Session,
        run: &Run,
        name: &MailboxName,
    ) -> Result<Option<Self>> {
        let Some(overlay) = &run.overlay else { return Ok(None) };
        Ok(Some(Self { key: overlay.opened(session, name)?, overlay: overlay.clone() }))
    }

    /// Gives the mailbox that the server has. `None` where it would only be made.
    pub(in crate::engine) fn real(&self) -> Option<&MailboxName> {
        match &self.key {
            Key::Server(real) => Some(real),
            Key::New(_) => None,
        }
    }

    /// Gives what the UIDs of a mailbox that would be made are worth.
    pub(in crate::engine) fn validity(&self) -> Option<UidValidity> {
        self.key.validity()
    }

    /// Gives those of the messages that would still be there.
    pub(in crate::engine) fn there(&self, uids: &UidSet) -> UidSet {
        self.overlay.contents(&self.key, |contents| contents.still_there(uids))
    }
}
