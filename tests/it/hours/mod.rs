//! Days of a watch, in seconds: the clock jumps whenever nobody is at work.
//!
//! What happens in a day is drawn by lot. A test that fails names its seed.

mod clock;
mod server;

use crate::fuzzing::Dice;
use clock::{SteppedClock, TICK};
use imapscript::{
    engine::{Event, Journal, Run, State, Wait, World},
    imap::{Clock, Context},
    lua::{Script, Vm},
};
use jiff::{SignedDuration, Timestamp, ZonedDateTime, tz::TimeZone};
use server::{HoursServer, Log};
use std::{
    io,
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};
use tempfile::TempDir;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = HOUR.saturating_mul(24);

/// When the last thing happens.
const EVENING: Duration = HOUR.saturating_mul(23);

/// How long an IDLE may stand, and a connection be silent that waits for news.
const RENEW: Duration = Duration::from_secs(9 * 60);
const POLL: Duration = Duration::from_secs(60);

/// The first and the longest pause after a failure. Each is at least half as long as it may be.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(300)];

/// How often a connection that was there before is tried in one go, and how long that takes.
const TRIES: (usize, Duration) = (5, Duration::from_millis(12_200));

/// From the first word of news to the call of the function: a few slices, and a rest.
const AT_ONCE: Duration = Duration::from_secs(4);

/// How the server tells of news.
#[derive(Clone, Copy)]
struct Means {
    capabilities: &'static str,
    /// How long it takes until news is heard of.
    lag: Duration,
    /// How long nobody notices that a connection is dead.
    deaf: Duration,
}

const NOTIFY: Means = Means { capabilities: "IMAP4rev1 IDLE NOTIFY", lag: Duration::ZERO, deaf: RENEW };
const IDLE: Means = Means { capabilities: "IMAP4rev1 IDLE", lag: Duration::ZERO, deaf: RENEW };
const POLLING: Means = Means { capabilities: "IMAP4rev1", lag: POLL, deaf: POLL };

/// What happens in a day.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Deliver,
    Cut,
    /// Connections die without a word.
    Forget,
    /// Nobody is let in for an hour, and all connections are cut.
    Refuse,
    Admit,
    /// The machine sleeps for so long.
    Suspend(Duration),
    End,
    /// It is looked how often it was noted that the watch goes on.
    Look,
}

/// The program around a watch: what its functions say is kept, with the time.
struct Around {
    clock: SteppedClock,
    seen: Mutex<Vec<(Duration, u32)>>,
    told: Mutex<Vec<(Duration, String)>>,
}

impl World for Around {
    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn prompt(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn now(&self) -> ZonedDateTime {
        let begun = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 50);
        (begun + self.clock.read()).to_zoned_datetime(TimeZone::UTC)
    }

    fn tell(&self, event: Event) {
        let now = self.clock.read();
        match event {
            Event::Log("info", uid) => self.seen.lock().unwrap().push((now, uid.parse().unwrap())),
            event => self.told.lock().unwrap().push((now, format!("{event:?}"))),
        }
    }
}

/// What came of a day.
struct Outcome {
    /// When each message was delivered, by UID from 1.
    delivered: Vec<Duration>,
    /// Between which moments news could come late.
    late: Vec<(Duration, Duration)>,
    /// How often connections broke, all at once.
    breaks: usize,
    /// How often it was noted that the watch goes on, between two looks at that.
    signs: Vec<i64>,
    around: Arc<Around>,
    log: Log,
}

/// Lets a watch live through all that until a moment, and ends it.
fn live(means: Means, mut deeds: Vec<(Duration, Deed)>, until: Duration) -> Outcome {
    deeds.sort_by_key(|(time, _)| *time);
    deeds.push((until, Deed::End));
    let home = TempDir::new().unwrap();
    let clock = SteppedClock::default();
    let server = HoursServer::start(&clock, means.capabilities);
    let (seen, told) = (Mutex::default(), Mutex::default());
    let around = Arc::new(Around { clock: clock.clone(), seen, told });
    let context = Context { clock: Arc::new(clock.clone()), ..Context::default() };
    let interrupt = context.interrupt.clone();
    let state = State::new(Ok(home.path().to_owned()), "watch".to_owned(), Wait::No);
    state.is_of_script("watch.lua".to_owned());
    let run = Run::new(context, Arc::clone(&around) as Arc<dyn World>, state);
    let source = format!(
        "local account = login {{ host = '127.0.0.1', port = {}, tls = 'none', user = 'me', password = 'x', \
         timeout = 2 }}\n\
         watch {{ [account:mailbox 'INBOX'] = function(new)\n\
           for _, uid in ipairs(new.uids) do log.info(uid) end\n\
         end }}",
        server.address.port()
    );
    let script =
        Script { name: "watch.lua".into(), source: source.into(), arguments: vec![], directory: None };
    let watching = thread::spawn(move || Vm::new(&run).unwrap().run(&script).unwrap());
    // The watch, its lookout and this thread.
    clock.wait_for(3);
    let (mut delivered, mut late, mut signs) = (vec![], vec![], vec![]);
    let (mut breaks, mut good) = (0, 0);
    let mut deeds = deeds.into_iter().peekable();
    while let Some((time, _)) = deeds.peek() {
        if let Some(end) = server.patience_ends().filter(|end| end < time) {
            clock.sleep_until(end);
            server.end_silent();
            continue;
        }
        let (time, deed) = deeds.next().unwrap();
        clock.sleep_until(time);
        let now = clock.read();
        match deed {
            Deed::Deliver => {
                server.deliver();
                delivered.push(now);
            }
            Deed::Cut | Deed::Refuse => {
                if matches!(deed, Deed::Refuse) {
                    // The last word gives the connection that acts something to do.
                    server.deliver();
                    delivered.push(now);
                    server.refuse(true);
                }
                server.cut();
                breaks += 1;
                late.push((now, now + AT_ONCE));
            }
            Deed::Forget => {
                server.forget();
                breaks += 1;
                late.push((now, now + means.deaf));
            }
            Deed::Admit => {
                server.refuse(false);
                late.push((now.saturating_sub(HOUR), now + PAUSES[1] + TRIES.1));
            }
            Deed::Suspend(time) => {
                clock.suspend(time);
                server.end_silent();
                breaks += 1;
                late.push((now, now + time));
            }
            Deed::Look => {
                let before = good;
                good = notes(home.path());
                signs.push(good - before);
            }
            Deed::End => interrupt.raise(),
        }
    }
    let lost = server.log().lost;
    // The watch ends in its own time.
    clock.sleep(HOUR);
    let outcome = watching.join().unwrap();
    assert!(outcome.failure.is_none() && outcome.caught.is_empty(), "{outcome:?}");
    assert_eq!(server.clients(), 0, "all have left");
    let log = server.finish();
    assert_eq!(log.lost, lost, "and said goodbye");
    Outcome { delivered, late, breaks, signs, around, log }
}

/// How often it was noted that the watch goes on.
fn notes(home: &Path) -> i64 {
    let health = Journal::look(home).unwrap().unwrap().health().unwrap();
    health.iter().map(|health| health.runs - health.failures).sum()
}

impl Outcome {
    /// Each message was seen once, and soon.
    #[track_caller]
    fn saw_all(&self, means: Means, seed: u64) {
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
    fn is_frugal(&self, means: Means, time: Duration, seed: u64) {
        let log = &self.log;
        let count = |verb: &str| log.commands.get(verb).copied().unwrap_or_default();
        let each = |every: Duration| usize::try_from(time.as_millis() / every.as_millis()).unwrap() + 1;
        // One connection waits and one acts. Each is made anew only after it broke.
        let logins = count("LOGIN") - log.refused;
        assert!(logins <= 2 * (1 + self.breaks) + log.silent.len(), "seed {seed}: {logins} logins: {log:#?}");
        let waits = logins + self.delivered.len();
        for (verb, most) in [
            ("IDLE", waits + each(RENEW)),
            ("NOOP", logins + each(RENEW)),
            ("STATUS", logins + each(POLL)),
            // A look, and one more if the connection broke in it.
            ("UID SEARCH", waits + self.breaks),
            ("EXAMINE", waits + self.breaks + logins),
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
            _ => "STATUS",
        };
        assert!(count(waited) > 0, "seed {seed}: {log:#?}");
    }
}

/// How often at most something is tried in an hour of failures.
fn attempts() -> usize {
    let (mut count, mut spent, mut pause) = (1, Duration::ZERO, PAUSES[0]);
    while spent + pause / 2 <= HOUR {
        count += 1;
        spent += pause / 2;
        pause = (pause * 2).min(PAUSES[1]);
    }
    count
}

/// A day with mail, cuts, dead connections and an hour without logins.
fn troubled(dice: &mut Dice) -> Vec<(Duration, Deed)> {
    let mut moment = |from: Duration, length: Duration| {
        let length = usize::try_from(length.as_millis()).unwrap();
        from + Duration::from_millis(u64::try_from(dice.below(length)).unwrap())
    };
    let refused = moment(HOUR, HOUR * 20);
    let mut deeds = vec![(refused, Deed::Refuse), (refused + HOUR, Deed::Admit)];
    for (deed, count) in [(Deed::Deliver, 60), (Deed::Cut, 8), (Deed::Forget, 1)] {
        deeds.extend((0..count).map(|_| (moment(Duration::ZERO, EVENING), deed)));
    }
    // One while nobody is let in, and a flood.
    deeds.push((moment(refused, HOUR), Deed::Deliver));
    let flood = moment(Duration::ZERO, EVENING);
    deeds.extend((0..20).map(|number| (flood + Duration::from_millis(50 * number), Deed::Deliver)));
    // Between two notes of a watch that notes each hour.
    deeds.extend((0..24).map(|hour| (HOUR * hour + HOUR / 2, Deed::Look)));
    deeds
}

/// How many days are tried: one, and twenty in the whole test.
fn days() -> u64 {
    if std::env::var("IMAPSCRIPT_SWEEP").is_ok_and(|sweep| sweep == "full") { 20 } else { 1 }
}

#[track_caller]
fn survives(means: Means) {
    for seed in 1..=days() {
        let deeds = troubled(&mut Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        // Each day has its own threads, and they their own clock.
        let outcome = thread::spawn(move || live(means, deeds, DAY)).join().unwrap();
        outcome.saw_all(means, seed);
        outcome.is_frugal(means, DAY, seed);
        let longest =
            outcome.log.idles.iter().map(|(from, to)| to.saturating_sub(*from)).max().unwrap_or_default();
        assert!(longest <= RENEW + TICK, "seed {seed}: an IDLE stood for {longest:?}");
        // The lookout tries once each time, and the connection that acts a few times in one go.
        let most = (1 + TRIES.0) * attempts();
        let refused = outcome.log.refused;
        assert!((10..=most).contains(&refused), "seed {seed}: {refused} logins were refused, at most {most}");
        assert_eq!(outcome.signs, [1; 24], "seed {seed}: a sign of life each hour");
    }
}

#[test]
fn a_day_of_notify() {
    survives(NOTIFY);
}

#[test]
fn a_day_of_idle() {
    survives(IDLE);
}

#[test]
fn a_day_of_polling() {
    survives(POLLING);
}

// The server has sent everybody away meanwhile, or nobody knows the connections any more.
#[test]
fn what_came_while_the_machine_slept_is_seen_soon_after() {
    for (seed, means) in [NOTIFY, IDLE, POLLING].into_iter().enumerate() {
        for forgotten in [false, true] {
            let night = (HOUR * 2, Deed::Suspend(HOUR * 8));
            let mut deeds =
                vec![(HOUR, Deed::Deliver), night, (HOUR * 2, Deed::Deliver), (HOUR * 11, Deed::Deliver)];
            if forgotten {
                deeds.insert(1, (HOUR * 2, Deed::Forget));
            }
            let outcome = thread::spawn(move || live(means, deeds, HOUR * 12)).join().unwrap();
            let seed = u64::try_from(seed).unwrap();
            outcome.saw_all(means, seed);
            outcome.is_frugal(means, HOUR * 12, seed);
        }
    }
}
