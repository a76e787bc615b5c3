//! Floor 0: mail's nouns, without any I/O.
//!
//! Everything above imports from here and nothing here imports from above, so a `Uid` means the same
//! thing to the parser, to the engine and to the sandbox server.

mod flag;
mod mailbox_name;
mod namespace;
mod secret;
mod uid;
mod uid_set;

pub use flag::Flag;
pub use mailbox_name::MailboxName;
pub use namespace::{Namespace, Namespaces};
pub use secret::Secret;
pub use uid::{Uid, UidValidity};
pub use uid_set::UidSet;
