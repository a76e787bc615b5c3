use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

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

/// Makes Ctrl-C and termination raise the flag; the second one ends the process at once.
pub(super) fn watch(interrupt: Interrupt) {
    let handler = move || {
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
    let _ = ctrlc::set_handler(handler);
}
