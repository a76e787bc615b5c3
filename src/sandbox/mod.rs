//! The embedded IMAP server: `--sandbox`, `imapscript sandbox`, and the tests' server.
//!
//! `IMAP4rev1` (RFC 3501) with the extensions that [`Options::without`] can switch off, on a loopback
//! port, a thread a connection. Any name logs in and gets a store of its own, which lives as long as
//! the [`Sandbox`]. It is a sidecar: it imports `mail` only, decodes commands with the `imap-codec`
//! crate and writes its responses by itself, so that the client, which does both on its own, meets a
//! peer that does not share its mistakes.
//!
//! The way of a command: `connection` reads its bytes, `extension` and the codec decode them, `session`,
//! `commands` and `selected` answer by state, `account` and `mailbox` hold the mail, and `view` knows
//! what each client was told. `gmail` plays Gmail for the accounts that are there.

mod account;
mod address;
mod body_structure;
mod capability;
mod commands;
mod compression;
mod connection;
mod envelope;
mod extension;
mod fetch;
mod gmail;
mod header;
mod list;
mod mailbox;
mod message;
mod mime;
mod multiappend;
mod quote;
mod reply;
mod sample;
mod search;
mod section;
mod selected;
mod sequence;
mod server;
mod session;
mod text;
mod view;

#[cfg(test)]
mod transcripts;

pub use message::StoredMessage;
pub use server::{Options, Sandbox};
