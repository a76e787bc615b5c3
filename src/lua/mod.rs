//! Floor 4: the Lua face. Conversion only: no policy about mail, and no wire.
//!
//! One Lua type is one file here. A handle in Lua is a name (account, mailbox, UIDVALIDITY, UIDs) that is
//! resolved at every call, never a live connection. Every error is a value with `kind`, `message` and `hint`.

mod account;
mod address;
mod ambient;
mod args;
mod bind;
mod check;
mod complete;
mod declared;
mod destination;
mod failure;
mod fetch;
mod json;
mod judging;
mod keep;
mod labels;
mod limit;
mod literal;
mod login;
mod mailbox;
mod message;
mod messages;
mod parallel;
mod pattern;
mod program;
mod promise;
mod promised;
mod repl;
mod report;
mod rule;
mod rule_list;
mod rules;
mod secret;
mod selection;
mod several;
mod strict;
pub mod types;
mod vm;
mod watch;

pub use check::check;
pub use failure::{Caught, Failure, How, Place};
pub(crate) use failure::{Exit, Failures, caught, describe, hold, install as install_errors, raise};
pub use repl::{Answer, Repl};
pub use vm::{Outcome, Script, Vm};
pub(crate) use vm::{chunk, to_its_end, watch};
