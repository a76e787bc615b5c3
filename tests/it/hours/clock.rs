//! A clock that does not run but jumps: when all who know it sleep, to the moment at which the first of them wakes.
//!
//! Who waits for an answer of the server is awake, and time stands still meanwhile: nothing depends on how fast the
//! machine is.

use imapscript::imap::Clock;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex},
    thread::{self, Thread},
    time::{Duration, Instant},
};

/// Waits in slices, which are there to see that something came, end together at such moments: a day has fewer of them
/// than it has slices. The rest between two of them is that much longer.
pub(crate) const TICK: Duration = Duration::from_secs(1);

/// What is slept for less than this is slept for exactly.
const SLICE: Duration = Duration::from_millis(100);

/// No thread is at work for longer, or it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Default)]
pub(crate) struct SteppedClock(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Debug, Default)]
struct State {
    now: Duration,
    /// How many threads know the clock and have not ended.
    present: usize,
    /// Those that sleep, by the moment at which they wake.
    asleep: BTreeMap<(Duration, u64), Thread>,
    /// How often somebody went to sleep.
    slept: u64,
}

thread_local! {
    static PRESENCE: RefCell<Option<Presence>> = const { RefCell::new(None) };
}

/// That a thread knows the clock, until it ends.
struct Presence(SteppedClock);

impl Drop for Presence {
    fn drop(&mut self) {
        let mut state = self.0.0.state.lock().unwrap();
        state.present -= 1;
        state.step();
    }
}

impl State {
    /// Jumps to the next moment at which somebody wakes, if all sleep.
    fn step(&mut self) {
        if self.asleep.len() < self.present {
            return;
        }
        let Some(((first, _), _)) = self.asleep.first_key_value() else { return };
        self.now = self.now.max(*first);
        let later = self.asleep.split_off(&(self.now + Duration::from_nanos(1), 0));
        for thread in std::mem::replace(&mut self.asleep, later).into_values() {
            thread.unpark();
        }
    }
}

impl SteppedClock {
    /// What the clock says, for who does not count.
    pub(crate) fn read(&self) -> Duration {
        self.0.state.lock().unwrap().now
    }

    /// Waits until so many threads know the clock.
    pub(crate) fn wait_for(&self, threads: usize) {
        self.enter();
        let state = self.0.state.lock().unwrap();
        let (state, over) =
            self.0.came.wait_timeout_while(state, PATIENCE, |state| state.present < threads).unwrap();
        assert!(!over.timed_out(), "only {} of {threads} threads came", state.present);
    }

    /// Goes forward while all sleep, as the clock of a machine does that is suspended.
    pub(crate) fn suspend(&self, time: Duration) {
        self.0.state.lock().unwrap().now += time;
    }

    /// Sleeps until a moment.
    pub(crate) fn sleep_until(&self, end: Duration) {
        self.enter();
        self.rest(end);
    }

    fn rest(&self, end: Duration) {
        let mut state = self.0.state.lock().unwrap();
        state.slept += 1;
        let place = (end, state.slept);
        state.asleep.insert(place, thread::current());
        state.step();
        while state.asleep.contains_key(&place) {
            let slept = state.slept;
            drop(state);
            let begun = Instant::now();
            thread::park_timeout(PATIENCE);
            state = self.0.state.lock().unwrap();
            assert!(state.slept > slept || begun.elapsed() < PATIENCE, "time stands still: {state:?}");
        }
    }

    /// A connection's thread works while another one waits for it, which counts for both.
    fn enter(&self) {
        if thread::current().name() == Some("connection") {
            return;
        }
        PRESENCE.with_borrow_mut(|presence| {
            presence.get_or_insert_with(|| {
                self.0.state.lock().unwrap().present += 1;
                self.0.came.notify_all();
                Presence(self.clone())
            });
        });
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Duration {
        self.enter();
        self.read()
    }

    fn pass(&self, time: Duration, wait: &mut dyn FnMut(Duration) -> bool) {
        self.enter();
        if wait(Duration::ZERO) || time.is_zero() {
            return;
        }
        let end = self.read() + time;
        let ticks = u32::try_from(end.as_nanos().div_ceil(TICK.as_nanos())).unwrap();
        self.rest(if time < SLICE { end } else { TICK * ticks });
        wait(Duration::ZERO);
    }
}

#[test]
fn time_passes_only_while_all_sleep() {
    let clock = SteppedClock::default();
    let seen = Mutex::new(vec![]);
    thread::scope(|scope| {
        for (name, times) in [("a", [3, 3]), ("b", [4, 5])] {
            let (clock, seen) = (clock.clone(), &seen);
            scope.spawn(move || {
                clock.wait_for(2);
                for time in times {
                    clock.sleep(Duration::from_secs(time));
                    seen.lock().unwrap().push((clock.now().as_secs(), name));
                }
            });
        }
    });
    assert_eq!(seen.into_inner().unwrap(), [(3, "a"), (4, "b"), (6, "a"), (9, "b")]);
}
