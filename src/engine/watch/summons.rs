use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks a watcher to look at everything now, as SIGHUP does.
#[derive(Clone, Debug, Default)]
pub struct Summons(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    /// There is a watcher.
    heard: AtomicBool,
    called: AtomicBool,
}

impl Summons {
    /// Calls the watcher. `false` where there is none.
    pub fn call(&self) -> bool {
        let heard = self.0.heard.load(Ordering::SeqCst);
        self.0.called.store(heard, Ordering::SeqCst);
        heard
    }

    /// Says whether somebody listens.
    pub(super) fn listen(&self, on: bool) {
        self.0.heard.store(on, Ordering::SeqCst);
    }

    /// Tells whether it was called since the last time.
    pub(super) fn take(&self) -> bool {
        self.0.called.swap(false, Ordering::SeqCst)
    }
}
