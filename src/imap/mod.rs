//! Floor 2: one IMAP session: commands out, typed responses in.
//!
//! The `imap` crate keeps the session itself (greeting, login, tags, LOGOUT) and is used nowhere else.
//! Commands are built from typed parts in [`Command`]; what the server says is read by our own tolerant
//! parser. Nothing here decides what should happen to mail.

mod abreast;
mod append;
mod body_structure;
mod capability;
mod carrier;
mod changed_since;
mod clock;
mod code;
mod encode;
mod envelope;
mod fetch;
mod idle;
mod list;
mod login;
mod mailbox;
mod mechanism;
mod message;
mod notify;
mod pipeline;
mod prepared;
mod response;
mod sasl;
mod saved_search;
mod search;
mod selected;
mod session;
mod token;

pub use abreast::Side;
pub use append::{Added, Addition, NewMessage};
pub use capability::Capabilities;
pub use changed_since::StillThere;
pub use clock::{Clock, MachineClock, Patience};
pub use code::{Code, CopyUid};
pub use encode::{COMMAND_BYTES, Command};
pub use envelope::{Envelope, EnvelopeAddress};
pub use fetch::{Fetch, FetchItem, Section};
pub use list::{ListEntry, MailboxStatus, QuotaRoot, SpecialUse};
pub use login::{Credentials, Proof, Security, ServerAddress};
pub use mechanism::Mechanism;
pub use message::{Change, Part, StoreMode};
pub use pipeline::Done;
pub use response::{Response, Status, StatusLine};
pub use saved_search::{Answers, Finds};
pub use search::{KnownKeys, SearchKey, SearchLimits};
pub use selected::{Access, Selected};
pub use session::{Context, Notice, Session};
