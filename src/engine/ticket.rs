use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use super::world::Run;
use crate::error::{Error, ErrorKind, Result};

/// How long an interrupted wait goes on for a job that only reads: it ends by itself within one slice of the
/// socket's, unless it is still looking for the host.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// The promise of a job's result.
#[derive(Debug)]
pub struct Ticket<T> {
    place: Arc<Place<T>>,
    ended: Signal,
    run: Run,
    /// The job changes mail: its outcome is waited for whatever the user does.
    steadfast: bool,
}

/// The other half of a ticket: who does the job has it.
pub(super) struct Promised<T> {
    place: Arc<Place<T>>,
    /// Dropped after the result was sent, or with a job that is never done.
    _ending: Ending,
}

/// Where the one result comes to. A channel would do as well, but each kind of result makes the whole of it once more.
#[derive(Debug)]
struct Place<T> {
    state: Mutex<Promise<T>>,
    changed: Condvar,
}

/// How a promise stands.
#[derive(Debug)]
enum Promise<T> {
    Open,
    Kept(Result<T>),
    /// Nobody is left to keep it.
    Broken,
}

/// Tells whether a job has ended.
#[derive(Clone, Debug, Default)]
pub struct Signal(Arc<AtomicBool>);

/// Rings whenever a job of the run has ended, for who waits for the first of several.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<(Mutex<u64>, Condvar)>);

/// Says at its end that a job has ended, however that came.
struct Ending {
    signal: Signal,
    bell: Bell,
}

impl Signal {
    /// Tells whether the job has ended, so that waiting for its ticket takes no time.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Bell {
    /// Gives how often it has rung.
    pub fn count(&self) -> u64 {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it has rung more often than `count` says, but no longer than `most`.
    pub fn wait(&self, count: u64, most: Duration) {
        let rung = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who waits looks again in any case.
        drop(self.0.1.wait_timeout_while(rung, most, |rung| *rung <= count));
    }

    fn ring(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.1.notify_all();
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.signal.0.store(true, Ordering::Release);
        self.bell.ring();
    }
}

impl<T> Place<T> {
    fn state(&self) -> MutexGuard<'_, Promise<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, to: Promise<T>) {
        let mut state = self.state();
        if matches!(*state, Promise::Open) {
            *state = to;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Waits for the promise to be kept or broken, and takes what it is then; it stays open where that takes longer.
    fn wait(&self, most: Duration) -> Promise<T> {
        let is_open = |state: &mut Promise<T>| matches!(state, Promise::Open);
        let waited = self.changed.wait_timeout_while(self.state(), most, is_open);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match *state {
            Promise::Open => Promise::Open,
            _ => std::mem::replace(&mut *state, Promise::Broken),
        }
    }
}

impl<T> Promised<T> {
    /// Gives the job's result. Nobody may be waiting for it any more.
    pub(super) fn keep(self, result: Result<T>) {
        self.place.change(Promise::Kept(result));
    }
}

impl<T> Drop for Promised<T> {
    fn drop(&mut self) {
        self.place.change(Promise::Broken);
    }
}

impl<T> Ticket<T> {
    /// Makes a ticket, and what keeps its promise.
    pub(super) fn promise(run: &Run, steadfast: bool) -> (Self, Promised<T>) {
        let place = Arc::new(Place { state: Mutex::new(Promise::Open), changed: Condvar::new() });
        let ended = Signal::default();
        let ending = Ending { signal: ended.clone(), bell: run.bell.clone() };
        let ticket = Self { place: place.clone(), ended, run: run.clone(), steadfast };
        (ticket, Promised { place, _ending: ending })
    }

    /// Makes a ticket for what could not even begin.
    pub(super) fn failed(error: Error, run: &Run) -> Self {
        let (ticket, promised) = Self::promise(run, false);
        promised.keep(Err(error));
        ticket
    }

    /// Makes a ticket of what a thread of its own does. It owns no connection, so that it may wait for the tickets of
    /// several; what it does changes mail.
    pub(super) fn of_thread(run: &Run, job: impl FnOnce() -> Result<T> + Send + 'static) -> Self
    where
        T: Send + 'static,
    {
        let (ticket, promised) = Self::promise(run, true);
        let work = move || {
            promised.keep(catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|_| Err(defect(true))));
        };
        match Builder::new().name("transfer".to_owned()).spawn(work) {
            Ok(_) => ticket,
            Err(error) => Self::failed(no_thread(&error), run),
        }
    }

    /// Gives what tells that the job has ended.
    pub fn signal(&self) -> Signal {
        self.ended.clone()
    }

    /// Waits for the job's end and gives its result. Who waits is shown what is being done.
    pub fn wait(self) -> Result<T> {
        let result = self.end();
        self.run.progress.hide(&*self.run.world);
        result
    }

    fn end(&self) -> Result<T> {
        let mut raised: Option<Instant> = None;
        loop {
            match self.place.wait(Duration::from_millis(100)) {
                Promise::Kept(result) => return result,
                Promise::Broken => {
                    let cause = "its thread has ended".to_owned();
                    return Err(ErrorKind::ConnectionLost { cause }.into());
                }
                Promise::Open if self.run.is_interrupted() && !self.steadfast => {
                    if raised.get_or_insert_with(Instant::now).elapsed() > GRACE {
                        return Err(ErrorKind::Interrupted.into());
                    }
                }
                Promise::Open => self.run.progress.show(&*self.run.world),
            }
        }
    }
}

pub(super) fn no_thread(error: &io::Error) -> Error {
    let what = format!("no thread could be started for the connection: {error}");
    ErrorKind::Config { what, hint: "the system's limit of threads is reached".to_owned() }.into()
}

/// Makes the error of a job that panicked.
pub(super) fn defect(changes: bool) -> Error {
    let what = "a defect of imapscript was met; please report it";
    if changes {
        let what = format!("{what}. Mail may have been changed: look into the mailboxes");
        ErrorKind::Partial { what }.into()
    } else {
        Error::protocol(what)
    }
}
