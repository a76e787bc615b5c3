//! Floor 0: mail's nouns, without any I/O.
//!
//! Everything above imports from here and nothing here imports from above, so a `Uid` means the same
//! thing to the parser, to the engine and to the sandbox server.

mod address;
mod attachment;
mod body_structure;
mod caseless;
mod charset;
mod date;
mod encoded_word;
mod field;
mod file_name;
mod flag;
mod header;
mod html;
mod internal_date;
mod label;
mod mailbox_name;
mod message;
mod mime;
mod modified_utf7;
mod namespace;
mod parameters;
mod secret;
mod transfer_encoding;
mod uid;
mod uid_set;

pub use address::Address;
pub use attachment::Attachment;
pub use body_structure::{BodyStructure, Disposition};
pub use caseless::caseless;
pub use encoded_word::decode as decode_encoded_words;
pub use field::Field;
pub use file_name::safe_file_name;
pub use flag::Flag;
pub use header::Headers;
pub use internal_date::InternalDate;
pub use label::Label;
pub use mailbox_name::MailboxName;
pub use message::Message;
pub use namespace::{Namespace, Namespaces};
pub use parameters::Parameters;
pub use secret::Secret;
pub use uid::{Uid, UidValidity};
pub use uid_set::UidSet;
