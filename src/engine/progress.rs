use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::world::World;

/// What is being done for a run, for a person who waits for it.
#[derive(Debug, Default)]
pub struct Progress(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    works: Vec<(usize, Work)>,
    /// How many were begun.
    begun: usize,
    /// How many now want the terminal for themselves.
    hushed: usize,
    shown: bool,
}

/// Something that may take long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The account.
    pub account: String,
    /// What it is.
    pub what: String,
    /// How many messages are done, and of how many, where that is known.
    pub count: Option<(usize, usize)>,
}

/// It is being done as long as this lives.
#[derive(Debug)]
#[must_use = "what is done ends with it"]
pub(super) struct UnderWay {
    progress: Arc<Progress>,
    number: usize,
}

/// Nothing is shown as long as this lives.
#[must_use = "it is shown again after it"]
pub(super) struct Hushed(Arc<Progress>);

impl Progress {
    /// Notes that something begins. `total` is of how many messages it is, where that is known.
    pub(super) fn begin(self: &Arc<Self>, account: &str, what: String, total: Option<usize>) -> UnderWay {
        let mut state = self.state();
        let number = state.begun;
        state.begun += 1;
        let count = total.map(|total| (0, total));
        state.works.push((number, Work { account: account.to_owned(), what, count }));
        UnderWay { progress: Arc::clone(self), number }
    }

    /// Shows what is being done, to who waits.
    pub fn show(&self, world: &dyn World) {
        let mut state = self.state();
        if state.hushed == 0 {
            let works: Vec<Work> = state.works.iter().map(|(_, work)| work.clone()).collect();
            state.shown = true;
            world.progress(&works);
        }
    }

    /// Takes away what was shown: who waited goes on.
    pub fn hide(&self, world: &dyn World) {
        let mut state = self.state();
        if std::mem::take(&mut state.shown) {
            world.progress(&[]);
        }
    }

    /// Leaves the terminal to somebody who asks for something there.
    pub(super) fn hush(self: &Arc<Self>, world: &dyn World) -> Hushed {
        let mut state = self.state();
        state.hushed += 1;
        if std::mem::take(&mut state.shown) {
            world.progress(&[]);
        }
        Hushed(Arc::clone(self))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay {
    /// Counts so many messages more.
    pub(super) fn count(&self, more: usize) {
        let mut state = self.progress.state();
        let work = state.works.iter_mut().find(|(number, _)| *number == self.number);
        if let Some((_, Work { count: Some((done, total)), .. })) = work {
            *done = done.saturating_add(more).min(*total);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.progress.state().works.retain(|(number, _)| *number != self.number);
    }
}

impl Drop for Hushed {
    fn drop(&mut self) {
        self.0.state().hushed -= 1;
    }
}
