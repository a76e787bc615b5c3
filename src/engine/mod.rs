//! Floor 3: all policy. What a script's wishes mean in IMAP, and what may be done to mail.
//!
//! Knows no Lua, prints nothing, and reads neither the environment nor the terminal itself: what it needs
//! of these it asks of the [`World`]. Only [`apply`] changes anything on a server.

mod account;
mod account_record;
mod account_settings;
mod accounts;
mod accounts_file;
mod age;
pub mod apply;
mod asking;
mod attachments;
mod connection;
mod contents;
mod contradiction;
mod discovery;
mod export;
mod following;
mod gmail;
mod identity;
mod inspect;
mod journal;
mod limits;
mod literal;
mod lock;
mod logins;
mod messages;
mod names;
mod new_file;
mod outside;
mod overlay;
mod permission;
mod pipe;
mod program;
pub mod query;
mod removal;
mod report;
pub mod rules;
mod sample;
mod search;
mod secret_source;
mod selection;
mod selection_set;
mod sieve;
mod state;
mod template;
mod undo;
mod walk;
mod why;
mod world;

pub use account::Account;
pub use account_settings::{AccountSettings, Preferences, TlsMode};
pub use accounts::Accounts;
pub use accounts_file::AccountsFile;
pub use age::long_ago;
pub use attachments::save_attachments;
pub use connection::Ticket;
pub use discovery::{Candidate, Resolver, discover};
pub use export::export;
pub use following::{Followed, follow};
pub use journal::{AccountRow, Journal, RunRow, Trace};
pub use limits::{Limits, Reserved};
pub use literal::Literal;
pub use messages::{
    BODY_BATCH_BYTES, Gmail, Loaded, MESSAGE_CAP, Needs, load_bodies, load_body, load_headers,
};
pub use names::{ListedMailbox, NameSpec};
pub use new_file::save;
pub use overlay::{Overlay, Plan, PlannedAction, PlannedMessage};
pub use permission::{Permission, Permissions};
pub use pipe::pipe;
pub use program::Program;
pub use query::{Query, label};
pub use removal::{Removal, Waiting};
pub use report::{Remark, Report, Verb, messages, removed};
pub use sample::Sample;
pub use search::{Asked, Found, Match, Sifted, search, sift};
pub use secret_source::SecretSource;
pub use selection::Selection;
pub use selection_set::SelectionSet;
pub use state::{State, Wait};
pub use template::Template;
pub use undo::{Undone, undo};
pub use walk::{Met, Walk};
pub use why::{Explained, explain};
pub use world::{Event, Run, World};
