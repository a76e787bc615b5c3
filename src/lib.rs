//! imapscript: Lua scripts for IMAP mailboxes.
pub mod mail;
