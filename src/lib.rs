//! imapscript: Lua scripts for IMAP mailboxes.
//!
//! # Floors
//!
//! Imports go down only; a test holds them to it.
//!
//! | floor | module | what it knows |
//! |---|---|---|
//! | 5 | [`cli`] | the command line, the terminal, the environment; the only one that prints |
//! | 4 | [`lua`] | Lua's values and ours: conversion, and nothing else |
//! | 3 | [`engine`] | all policy: queries, what may be done to mail and how it is proven. Knows no Lua |
//! | 2 | [`imap`] | commands and responses of one session |
//! | 1 | [`wire`] | one guarded byte stream: TCP, TLS, framing under caps, transcript |
//! | 0 | [`mail`] | nouns without I/O: UIDs, flags, mailbox names, messages |
//! | 0 | [`error`](mod@error) | the one error type |
//!
//! [`sandbox`] stands beside the floors: an IMAP server that imports `mail` only and decodes commands with
//! another library than the one that encodes them here, so that one mistake can't cancel itself out.
//!
//! [`compat`] stands beside `lua`: what other programs' configurations call, in Lua on top of the engine.
//!
//! # The life of a script
//!
//! `cli` reads the script and makes a [`lua::Vm`] on the main thread. What the script calls starts a job on
//! the account's connection thread ([`engine::Ticket`]); the thread owns the one [`imap::Session`] and does
//! one job after another; jobs that only read may share it side by side ([`imap::Session::abreast`]). A handle in Lua is a name (account, mailbox, UIDVALIDITY, UIDs) and survives the
//! connection. The session hands its bytes to [`wire::Guard`], which frames what the server says and refuses
//! what no command of ours has asked for.
//!
//! # Where to change what
//!
//! - How mail is changed: [`engine::apply`] and nowhere else. It re-checks, proves, and reports.
//! - What a query may say: [`engine::query`]: `read` (from a table), `program` (what the server is asked),
//!   `judge` (what is decided here).
//! - A new IMAP command: a method of [`imap::Session`], built from [`imap::Command`]'s typed parts.
//! - A new Lua method: the file of its type in `lua`, and its type file.
//! - What `imapscript check` finds: `lua::check`; what a call's arguments may be it learns from the call itself.
//! - A new kind of failure: a variant of [`error::ErrorKind`] with its class and its hint.

pub mod cli;
pub mod compat;
pub mod engine;
pub mod error;
pub mod imap;
pub mod lua;
pub mod mail;
pub mod sandbox;
pub mod wire;
