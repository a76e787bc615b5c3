//! What came of a day: whether all was seen, and by how much work.

use super::{AT_ONCE, Around, HOUR, Looker, Means, PAUSES, POLL, RENEW, server::Log};
use std::{sync::Arc, time::Duration};

/// What came of a day.
pub(super) struct Outcome {
    /// When each message was delivered, by UID from 1.
    pub(super) delivered: Vec<Duration>,
    /// Between which moments news could come late.
    pub(super) late: Vec<(Duration, Duration)>,
    /// How often connections broke, all at once.
    pub(super) breaks: usize,
    /// How often it was noted that the watch goes on, between two looks at that.
    pub(super) signs: Vec<i64>,
    pub(super) around: Arc<Around>,
    pub(super) log: Log,
    pub(super) looker: Looker,
}

impl Outcome {
    /// Each message was seen once, and soon.
    #[track_caller]
    pub(super) fn saw_all(&self, means: Means, seed: u64) {
        let calls = self.around.seen.lock().unwrap();
        let told = self.around.told.lock().unwrap();
        let uids: Vec<u32> = calls.iter().map(|(_, uid)| *uid).collect();
        let expected: Vec<u32> = (1..).take(self.delivered.len()).collect();
        assert_eq!(uids, expected, "seed {seed}: {told:#?}");
        for ((at, uid), delivered) in calls.iter().zip(&self.delivered) {
            let mut limit = *delivered + means.lag + AT_ONCE;
            // What is late may be late because of what came after it.
            while let Some((_, end)) = self.late.iter().find(|(from, end)| *from <= limit && limit < *end) {
                limit = *end + means.lag + AT_ONCE;
            }
            assert!(
                at <= &limit,
                "seed {seed}: {uid} of {delivered:?} was seen at {at:?}, not {limit:?}: {told:#?}"
            );
        }
    }

    /// Nobody was kept busy: by how long the watch went on, how often connections broke and how much came.
    #[track_caller]
    pub(super) fn is_frugal(&self, means: Means, time: Duration, seed: u64) {
        let log = &self.log;
        let count = |verb: &str| log.commands.get(verb).copied().unwrap_or_default();
        let each = |every: Duration| usize::try_from(time.as_millis() / every.as_millis()).unwrap() + 1;
        // Each connection is made anew only after it broke.
        let logins = count("LOGIN") - log.refused;
        assert!(
            logins <= self.looker.connections * (1 + self.breaks) + log.silent.len(),
            "seed {seed}: {logins} logins: {log:#?}"
        );
        let waits = logins + self.delivered.len();
        // Each call of `wait` begins with a look, and where nothing tells of news it looks by itself.
        let polled = if means.lag == POLL { each(POLL) } else { 0 };
        let looks = if self.looker.connections == 1 { 2 * waits + polled } else { waits };
        for (verb, most) in [
            ("IDLE", waits + each(RENEW)),
            ("NOOP", logins + each(RENEW)),
            ("STATUS", logins + each(POLL)),
            // A look, and one more if the connection broke in it.
            ("UID SEARCH", looks + self.breaks),
            ("EXAMINE", looks + self.breaks + logins),
        ] {
            assert!(count(verb) <= most, "seed {seed}: more than {most} {verb}: {log:#?}");
        }
        let rest = ["IDLE", "DONE", "NOOP", "STATUS", "UID SEARCH", "EXAMINE", "LOGIN"];
        let others: usize = log
            .commands
            .iter()
            .filter(|(verb, _)| !rest.contains(&verb.as_str()))
            .map(|(_, count)| count)
            .sum();
        assert!(others <= 4 * logins, "seed {seed}: {log:#?}");
        let waited = match means.capabilities {
            capabilities if capabilities.ends_with("NOTIFY") => "NOOP",
            capabilities if capabilities.ends_with("IDLE") => "IDLE",
            _ if self.looker.connections == 1 => "UID SEARCH",
            _ => "STATUS",
        };
        assert!(count(waited) > 0, "seed {seed}: {log:#?}");
    }
}

/// How often at most something is tried in an hour of failures.
pub(super) fn attempts() -> usize {
    let (mut count, mut spent, mut pause) = (1, Duration::ZERO, PAUSES[0]);
    while spent + pause / 2 <= HOUR {
        count += 1;
        spent += pause / 2;
        pause = (pause * 2).min(PAUSES[1]);
    }
    count
}
