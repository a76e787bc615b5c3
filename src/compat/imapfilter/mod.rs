//! imapfilter's configurations, run as they are.
//!
//! What `imapfilter_config(5)` describes is written in Lua here, on top of a table of functions (`native`) that reach
//! the engine. Sets are lazy: a search waits until its result is looked at, so that those that are combined with `+`,
//! `*` and `-` become one. Whatever changes mail, or lets time pass, first has all of them answered that the
//! configuration can still see. Where imapfilter would lose mail, what its manual says is done instead, and that is
//! noted once.

mod account;
mod action;
mod daemon;
mod fetch;
mod mailbox;
mod pattern;
mod process;
mod sought;
mod vm;
mod wording;

pub use vm::{Settings, run};
