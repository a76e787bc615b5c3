use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Builder;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::engine::Summons;
use crate::wire::Interrupt;

/// Whether nothing is being done, while a line is written at the terminal.
#[derive(Clone, Debug)]
pub(super) struct AtRest {
    resting: Arc<AtomicBool>,
    /// How the terminal was before anything was written at it.
    terminal: Option<Termios>,
}

impl AtRest {
    pub(super) fn new() -> Self {
        Self { resting: Arc::default(), terminal: tcgetattr(std::io::stdin()).ok() }
    }

    pub(super) fn set(&self, resting: bool) {
        self.resting.store(resting, Ordering::SeqCst);
    }
}

static AT_REST: OnceLock<AtRest> = OnceLock::new();

/// Lets a signal end the process at once while it is at rest, with the terminal as it was.
pub(super) fn rest(at_rest: &AtRest) {
    let _ = AT_REST.set(at_rest.clone());
}

/// Makes Ctrl-C and termination raise the flag; the second one ends the process at once. SIGHUP calls a watcher, where
/// there is one.
pub(super) fn watch(interrupt: Interrupt, summons: Summons) {
    let handler = move |signal| {
        if signal == SIGHUP && summons.call() {
            return;
        }
        let at_rest = AT_REST.get().filter(|at_rest| at_rest.resting.load(Ordering::SeqCst));
        if let Some(terminal) = at_rest.and_then(|at_rest| at_rest.terminal.as_ref()) {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, terminal);
        }
        if at_rest.is_some() || interrupt.is_raised() {
            std::process::exit(130);
        }
        interrupt.raise();
    };
    // Without a handler the signal ends the process, which is what was asked for.
    if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        let _ = Builder::new().name("signals".to_owned()).spawn(move || signals.forever().for_each(handler));
    }
}
