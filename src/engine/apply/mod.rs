//! The one place that changes anything on a server.
//!
//! Every action goes the same way: the mailbox is opened for writing and its UIDVALIDITY compared, the
//! messages' identities are fetched and the query is asked of them again, and only then a command that
//! changes anything may leave. A journal finds its place between the two.

mod flags;
mod mailboxes;
mod proof;
mod ready;
mod rungs;
mod transfer;

use super::connection::Ticket;
use super::names::NameSpec;
use super::report::{Report, Verb};
use super::selection::Selection;
use crate::error::{Error, ErrorKind};
use crate::imap::StoreMode;
use crate::mail::Flag;

pub use mailboxes::{Appended, append, create, delete, rename, subscribe};

/// What is to be done to messages.
#[derive(Clone, Debug)]
pub enum Action {
    /// Move them to a mailbox of the same account.
    Move(NameSpec),
    /// Copy them to a mailbox of the same account.
    Copy(NameSpec),
    /// Move them to Trash.
    Trash,
    /// Set flags.
    Mark(Vec<Flag>),
    /// Take flags away.
    Unmark(Vec<Flag>),
}

/// Does an action to a selection and reports message by message.
///
/// Errors mean that nothing was changed. Whatever fails once changing has begun is in the report.
pub fn apply(selection: Selection, action: Action) -> Ticket<Report> {
    let account = selection.account.clone();
    if selection.read_only {
        let kind = ErrorKind::ReadOnly { mailbox: selection.shown.clone() };
        return Ticket::failed(Error::from(kind).in_mailbox(&selection.shown), account.run());
    }
    account.change(move |session, run| {
        let shown = selection.shown.clone();
        let result = match action {
            Action::Move(target) => transfer::transfer(session, run, &selection, Verb::Move, &target),
            Action::Copy(target) => transfer::transfer(session, run, &selection, Verb::Copy, &target),
            Action::Trash => {
                let trash = NameSpec::Script("@trash".to_owned());
                transfer::transfer(session, run, &selection, Verb::Trash, &trash)
            }
            Action::Mark(flags) => flags::store(session, run, &selection, StoreMode::Add, &flags),
            Action::Unmark(flags) => flags::store(session, run, &selection, StoreMode::Remove, &flags),
        };
        result.map_err(|error| error.in_mailbox(&shown))
    })
}
