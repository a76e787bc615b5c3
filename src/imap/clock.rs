use std::fmt::Debug;
use std::thread;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The clock that goes on while the machine sleeps: a wait that was over meanwhile is over at once.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SLEEPLESS: ClockId = ClockId::CLOCK_BOOTTIME;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const SLEEPLESS: ClockId = ClockId::CLOCK_MONOTONIC;

/// What waits are measured by. It never goes back, and has nothing to do with the time of day.
pub trait Clock: Debug + Send + Sync {
    /// Gives the time since some moment.
    fn now(&self) -> Duration;

    /// Gives the time since then.
    fn since(&self, then: Duration) -> Duration {
        self.now().saturating_sub(then)
    }

    /// Lets time pass until something comes, which `wait` waits for, as long as it is told, and says whether it came.
    fn pass(&self, time: Duration, wait: &mut dyn FnMut(Duration) -> bool);

    /// Lets time pass.
    fn sleep(&self, time: Duration) {
        self.pass(time, &mut |time| {
            thread::sleep(time);
            false
        });
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> Duration {
        // Each system has it that has the clocks of Rust itself.
        clock_gettime(SLEEPLESS).map(Duration::from).unwrap_or_default()
    }

    fn pass(&self, time: Duration, wait: &mut dyn FnMut(Duration) -> bool) {
        wait(time);
    }
}

/// How long something is waited for at the most.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    /// What it is measured by.
    pub clock: &'a dyn Clock,
    /// How long a server is left alone.
    pub most: Duration,
    /// Says that the wait is to end.
    pub stop: &'a dyn Fn() -> bool,
}

impl Patience<'_> {
    /// Tells, of a wait that began at `start`, whether it is to go on.
    pub(super) fn lasts(&self, start: Duration) -> bool {
        !(self.stop)() && self.clock.since(start) < self.most
    }
}
