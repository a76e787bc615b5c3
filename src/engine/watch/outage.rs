use std::time::Duration;

use super::pause::pause;
use crate::engine::world::{Event, Run};
use crate::error::Error;

/// How long a connection must hold for its server to be back. One that breaks sooner is the same outage: a server that
/// lets everybody in and sends them away again is asked more and more seldom.
const HOLDS: Duration = Duration::from_secs(10);

/// After so many failures in a row the user hears of it. A line that breaks now and then is no news. One that stays down is.
const NEWS: u32 = 3;

/// How it goes with connecting again and again.
#[derive(Debug, Default)]
pub(super) struct Outage {
    failures: u32,
    connected: Option<Duration>,
}

impl Outage {
    /// Takes in that there is a connection again.
    pub(super) fn connected(&mut self, run: &Run) {
        self.connected = Some(run.context.clock.now());
    }

    /// Takes in that the connection broke or could not be made, and gives how long to wait before the next.
    pub(super) fn failed(&mut self, run: &Run, error: &Error) -> Duration {
        let held = self.connected.take().is_some_and(|since| run.context.clock.since(since) >= HOLDS);
        self.failures = if held { 1 } else { self.failures.saturating_add(1) };
        if self.failures == NEWS {
            let text = format!("{error}: no news is heard from there until it is back");
            run.world.tell(Event::Warning(text));
        }
        pause(self.failures)
    }
}
