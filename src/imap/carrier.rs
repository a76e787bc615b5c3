use super::abreast::Share;
use super::session::Session;
use crate::error::{ErrorKind, Result};
use crate::wire::Guard;

/// What carries a session's commands.
#[derive(Debug)]
pub(super) enum Carrier {
    /// A connection of its own, as the `imap` crate has it and as we do.
    Own(Box<imap::Session<Guard>>, Guard),
    /// Another session's, on which it goes on beside others.
    Shared(Share),
}

impl Session {
    /// Gives the session's own connection.
    ///
    /// Error, here and below: it has none.
    pub(super) fn guard(&self) -> Result<Guard> {
        match &self.carrier {
            Carrier::Own(_, guard) => Ok(guard.clone()),
            Carrier::Shared(_) => Err(ErrorKind::Poisoned.into()),
        }
    }

    /// Gives the session's own connection as the `imap` crate has it.
    pub(super) fn inner(&mut self) -> Result<&mut imap::Session<Guard>> {
        match &mut self.carrier {
            Carrier::Own(inner, _) => Ok(inner),
            Carrier::Shared(_) => Err(ErrorKind::Poisoned.into()),
        }
    }

    /// Gives the connection up.
    pub(super) fn poison(&self) {
        if let Carrier::Own(_, guard) = &self.carrier {
            guard.poison();
        }
    }
}
