//! imapscript: Lua scripts for IMAP mailboxes.
pub mod engine;
pub mod error;
pub mod imap;
pub mod lua;
pub mod mail;
pub mod wire;
