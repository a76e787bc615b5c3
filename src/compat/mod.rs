//! Beside the floors: other programs' scripts, run on our engine.

pub mod imapfilter;
