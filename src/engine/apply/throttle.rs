//! Servers that want less at a time: `NO [LIMIT]`, `[INUSE]` and `[UNAVAILABLE]` (RFC 5530 §3).

use std::thread;
use std::time::{Duration, Instant};

use crate::engine::world::Run;
use crate::imap::Done;

/// How long is waited before each new try; after the last one the refusal counts.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_secs(2), Duration::from_secs(8)];

/// How many messages a command names after the first refusal; after each other one, a quarter.
const BATCH: usize = 256;

/// Tells whether a command was refused for a reason that may pass, after so many tries. Nothing of it was done then: a
/// command is done whole or refused (RFC 3501 §6.4.7), and what a MOVE did before is not done by another.
pub(super) fn may_pass(done: &Done, tries: usize) -> bool {
    tries < PAUSES.len() && done.may_pass()
}

/// Gives how many messages a command may name after so many tries.
pub(super) fn most(tries: usize) -> usize {
    match tries {
        0 => usize::MAX,
        tries => (BATCH >> (2 * (tries - 1))).max(1),
    }
}

/// Waits before the next try. Gives whether it may be made: the user may have ended the run.
pub(super) fn pause(run: &Run, tries: usize) -> bool {
    const SLICE: Duration = Duration::from_millis(50);
    let wanted = PAUSES.get(tries).copied().unwrap_or_default();
    let start = Instant::now();
    while start.elapsed() < wanted && !run.is_interrupted() {
        thread::sleep(SLICE.min(wanted));
    }
    !run.is_interrupted()
}

#[cfg(test)]
mod tests {
    use super::{PAUSES, most};

    #[test]
    fn batches_become_smaller_with_each_try() {
        let sizes: Vec<_> = (1..=PAUSES.len()).map(most).collect();
        assert_eq!(sizes, [256, 64, 16, 4]);
        assert_eq!(most(0), usize::MAX);
    }
}
