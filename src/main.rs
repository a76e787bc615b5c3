//! The imapscript command.

fn main() {}
