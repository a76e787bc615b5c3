use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use super::args::SandboxOptions;
use super::report::error;
use super::{exit, interrupt};
use crate::engine::Summons;
use crate::sandbox::{Options, Sandbox};
use crate::wire::Interrupt;

/// Keeps an embedded server running until it is interrupted, and says how to connect.
pub(super) fn keep_running(options: &SandboxOptions) -> ExitCode {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
    let wanted =
        Options { address, without: options.without.clone(), sample: !options.empty, ..Options::default() };
    let sandbox = match Sandbox::start(wanted) {
        Ok(sandbox) => sandbox,
        Err(cause) => {
            error(
                &format!("the sandbox can't listen on {address}: {cause}"),
                Some("`--port 0` takes a free port"),
            );
            return exit::CONFIG.into();
        }
    };
    // Before anybody is told that Ctrl-C ends it.
    let interrupt = Interrupt::default();
    interrupt::watch(interrupt.clone(), Summons::default());
    let mail = if options.empty { "empty mailboxes" } else { "sample mail" };
    let (host, port) = (sandbox.address().ip(), sandbox.address().port());
    let mut out = anstream::stdout();
    let _ = writeln!(
        out,
        "An IMAP server with {mail} is listening.\n\
         \n  server    {host}\n  port      {port}\n  security  none (it is only reachable from this machine)\n  \
         user      any name; each has mail of its own\n  password  anything\n\
         \nRun a script on it:  imapscript --sandbox={host}:{port} SCRIPT\n\
         Ctrl-C ends it, and its mail is gone."
    );
    let _ = out.flush();
    while !interrupt.is_raised() {
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(sandbox);
    ExitCode::SUCCESS
}
