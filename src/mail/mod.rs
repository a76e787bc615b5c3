//! Floor 0: mail's nouns, without any I/O.
//!
//! Everything above imports from here and nothing here imports from above, so a `Uid` means the same
//! thing to the parser, to the engine and to the sandbox server.

mod address;
mod charset;
mod date;
mod encoded_word;
mod flag;
mod header;
mod internal_date;
mod mailbox_name;
mod namespace;
mod secret;
mod transfer_encoding;
mod uid;
mod uid_set;

pub use address::Address;
pub use flag::Flag;
pub use header::Headers;
pub use internal_date::InternalDate;
pub use mailbox_name::MailboxName;
pub use namespace::{Namespace, Namespaces};
pub use secret::Secret;
pub use uid::{Uid, UidValidity};
pub use uid_set::UidSet;
