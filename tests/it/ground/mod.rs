//! Tests of the ground that the other tests stand on.

mod dovecot;
mod run;
mod scripted;
mod tls;
