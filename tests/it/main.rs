//! The integration tests: the real program against real, embedded and hostile IMAP servers.
//!
//! `harness` runs the program, `server` says against what; `dovecot`, `proxy` and `scripted` are those servers, and
//! `observer` seeds and inspects their mailboxes without a line of the project's own code.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod abreast;
mod accounts;
mod accounts_command;
mod across;
mod actions;
mod agreement;
mod ambient;
mod append;
mod archiving;
mod authorities;
mod caching;
mod canary;
mod certificates;
mod checking;
mod cli;
mod compressing;
mod conversation;
mod dovecot;
mod dovecot_config;
mod dry_run;
mod endurance;
mod errors;
mod exporting;
mod foresight;
mod foresight_across;
mod functions;
mod fuzzing;
mod gmail;
mod gmail_actions;
mod harness;
mod hostile;
mod hours;
mod http;
mod imapfilter;
mod journal;
mod limits;
mod logging_in;
mod mail;
mod meanwhile;
mod messages;
mod names;
mod oauth;
mod oauth_troubles;
mod observer;
mod output;
mod packages;
mod parallel;
mod patterns;
mod permissions;
mod piping;
mod plan_faults;
mod planner;
mod planning;
mod prompts;
mod provider;
mod proxy;
mod queries;
mod query_errors;
mod readme;
mod recipes;
mod removing;
mod repl;
mod responder;
mod review;
mod rules;
mod sandbox_command;
mod sandbox_server;
mod saving;
mod scheduling;
mod scripted;
mod scripts;
mod selections;
mod server;
mod session;
mod snapshot;
mod socks;
mod socks_server;
mod status;
mod sweep;
mod telling;
mod terminal;
mod throttling;
mod trust;
mod turns;
mod undoing;
mod verbs;
mod waiting;
mod watchdog;
mod watching;

mod ground;
