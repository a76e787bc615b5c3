use std::sync::Arc;
use std::time::Duration;

use super::account::Account;
use super::names::NameSpec;
use super::ticket::Ticket;
use crate::imap::{Access, Patience};

/// How waiting for news ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idled {
    /// The server can't tell news by itself.
    Unsupported,
    /// It told this: `EXISTS` and the like.
    Event(String),
    /// Whoever waited was to go on.
    Stopped,
}

/// Tells whether a wait is to end.
pub type Stop = dyn Fn() -> bool + Send + Sync;

/// Waits until a mailbox has new messages, or for `any` news of it. `stop` is asked again and again.
pub fn idle(
    account: &Account,
    spec: NameSpec,
    patience: Duration,
    any: bool,
    stop: Arc<Stop>,
) -> Ticket<Idled> {
    account.read(move |session, run| {
        if !session.capabilities().has("IDLE") {
            return Ok(Idled::Unsupported);
        }
        let shown = spec.shown();
        let name = spec.resolve(session, run)?;
        let access = if run.overlay.is_some() { Access::Read } else { Access::Write };
        let wakes = |word: &str| any || ["EXISTS", "RECENT"].contains(&word);
        let interrupted = || run.is_interrupted() || stop();
        let patience = Patience { clock: &*run.context.clock, most: patience, stop: &interrupted };
        let woken = session.idle(&name, access, patience, &wakes);
        Ok(woken.map_err(|error| error.in_mailbox(&shown))?.map_or(Idled::Stopped, Idled::Event))
    })
}
