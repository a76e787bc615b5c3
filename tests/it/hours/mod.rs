//! Days of a watch, in seconds: the clock jumps whenever nobody is at work.
//!
//! What happens in a day is drawn by lot. A test that fails names its seed.

mod clock;
mod outcome;
mod server;

use crate::fuzzing::Dice;
use clock::{SteppedClock, TICK};
use imapscript::{
    engine::{Event, Journal, Run, State, Wait, World},
    error::Class,
    imap::{Clock, Context},
    lua::{Script, Vm},
};
use jiff::{SignedDuration, Timestamp, ZonedDateTime, tz::TimeZone};
use outcome::{Outcome, attempts};
use server::HoursServer;
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

/// A script that looks at what comes, and how many threads know the clock with it.
#[derive(Clone, Copy)]
struct Looker {
    source: &'static str,
    threads: usize,
    /// The one that waits and the one that acts, or one that does both.
    connections: usize,
}

/// The watch, and its lookout.
const WATCH: Looker = Looker {
    source: "watch { [inbox] = function(new) for _, uid in ipairs(new.uids) do log.info(uid) end end }",
    threads: 2,
    connections: 2,
};

const WAIT: Looker = Looker {
    source: "while true do for _, uid in ipairs(inbox:wait().uids) do log.info(uid) end end",
    threads: 1,
    connections: 1,
};

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
    /// All is to be looked at, as by SIGHUP.
    Call,
    /// Whoever waits for news is sent away, or nobody any more.
    SendAway(bool),
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

/// Lets a script live through all that until a moment, and ends it.
fn live(looker: Looker, means: Means, mut deeds: Vec<(Duration, Deed)>, until: Duration) -> Outcome {
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
        "local inbox = login {{ host = '127.0.0.1', port = {}, tls = 'none', user = 'me', password = 'x', \
         timeout = 2 }}:mailbox 'INBOX'\n{}",
        server.address.port(),
        looker.source
    );
    let summons = run.summons.clone();
    let script =
        Script { name: "watch.lua".into(), source: source.into(), arguments: vec![], directory: None };
    let of = clock.clone();
    let running = thread::spawn(move || {
        // Who waits for a connection counts for it.
        of.wait_for(1);
        Vm::new(&run).unwrap().run(&script).unwrap()
    });
    clock.wait_for(1 + looker.threads);
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
            Deed::Call => assert!(summons.call(), "the watch listens"),
            Deed::SendAway(on) => {
                server.be_restless(on);
                if !on {
                    late.push((now.saturating_sub(HOUR), now + PAUSES[1]));
                }
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
    // It ends in its own time.
    clock.sleep(HOUR);
    let outcome = running.join().unwrap();
    let class = outcome.failure.as_ref().map(|failure| failure.class);
    assert!(class.is_none_or(|class| class == Class::Interrupted), "{outcome:?}");
    assert_eq!(server.clients(), 0, "all have left");
    let log = server.finish();
    assert_eq!(log.lost, lost, "and said goodbye");
    Outcome { delivered, late, breaks, signs, around, log, looker }
}

/// How often it was noted that the watch goes on.
fn notes(home: &Path) -> i64 {
    let Some(journal) = Journal::look(home).unwrap() else { return 0 };
    let health = journal.health().unwrap();
    health.iter().map(|health| health.runs - health.failures).sum()
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
fn survives(looker: Looker, means: Means) {
    for seed in 1..=days() {
        let deeds = troubled(&mut Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        // Each day has its own threads, and they their own clock.
        let outcome = thread::spawn(move || live(looker, means, deeds, DAY)).join().unwrap();
        outcome.saw_all(means, seed);
        outcome.is_frugal(means, DAY, seed);
        let longest =
            outcome.log.idles.iter().map(|(from, to)| to.saturating_sub(*from)).max().unwrap_or_default();
        assert!(longest <= RENEW + TICK, "seed {seed}: an IDLE stood for {longest:?}");
        // The lookout tries once each time, and the connection that acts a few times in one go.
        let most = (1 + TRIES.0) * attempts();
        let refused = outcome.log.refused;
        assert!((10..=most).contains(&refused), "seed {seed}: {refused} logins were refused, at most {most}");
        let signs = i64::from(looker.connections > 1);
        assert_eq!(outcome.signs, [signs; 24], "seed {seed}: a watch gives a sign of life each hour");
    }
}

#[test]
fn a_day_of_notify() {
    survives(WATCH, NOTIFY);
}

#[test]
fn a_day_of_idle() {
    survives(WATCH, IDLE);
}

#[test]
fn a_day_of_polling() {
    survives(WATCH, POLLING);
}

#[test]
fn a_day_of_waits() {
    survives(WAIT, IDLE);
    survives(WAIT, POLLING);
}

// Each login is let in, and yet nobody can wait: it is one outage.
#[test]
fn a_server_that_sends_everybody_away_is_asked_seldom() {
    for (looker, means) in [(WATCH, NOTIFY), (WATCH, IDLE), (WATCH, POLLING), (WAIT, IDLE)] {
        let away = [(HOUR, Deed::SendAway(true)), (HOUR, Deed::Cut), (HOUR * 2, Deed::SendAway(false))];
        let mut deeds = vec![(HOUR * 3 / 2, Deed::Deliver), (HOUR * 3, Deed::Deliver)];
        deeds.extend(away);
        let outcome = thread::spawn(move || live(looker, means, deeds, HOUR * 4)).join().unwrap();
        outcome.saw_all(means, 0);
        let (logins, silent) = (outcome.log.commands["LOGIN"], outcome.log.silent.len());
        // Who asks every minute is also let in every minute, and each call of `wait` begins anew.
        let seldom = if means.lag == POLL { 60 } else { attempts() * (3 - looker.connections) };
        let most = 2 * looker.connections + silent + seldom;
        assert!((10..=most).contains(&logins), "{logins} of {most}: {:#?}", outcome.log);
    }
}

#[test]
fn a_dead_connection_does_not_end_a_watch_that_is_called_to_look_at_all() {
    // Before the server takes leave of the connection that acts.
    let deeds = vec![(HOUR / 4, Deed::Forget), (HOUR / 4, Deed::Call), (HOUR * 2, Deed::Deliver)];
    let outcome = thread::spawn(move || live(WATCH, IDLE, deeds, HOUR * 3)).join().unwrap();
    outcome.saw_all(IDLE, 0);
}

#[test]
fn a_wait_ends_when_its_time_is_over_whatever_becomes_of_connections() {
    let source = "inbox:wait() log.warn(#inbox:wait(3600)) \
                  local _, err = pcall(inbox.wait, inbox, 3600) log.warn(err.kind)";
    let deeds = vec![(HOUR * 3 / 2, Deed::Refuse), (HOUR * 3, Deed::Admit)];
    let live = || live(Looker { source, ..WAIT }, IDLE, deeds, HOUR * 4);
    let outcome = thread::spawn(live).join().unwrap();
    let told = outcome.around.told.lock().unwrap();
    let told: Vec<_> = told.iter().map(|(time, text)| (time.as_secs() / 10 * 10, text.as_str())).collect();
    let warning = "Warning(\"the server refused LOGIN: NO come back later: no news is heard from there until it is back\")";
    assert_eq!(told, [(3600, "Log(\"warn\", \"0\")"), (5400, warning), (7200, "Log(\"warn\", \"refused\")")]);
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
            let outcome = thread::spawn(move || live(WATCH, means, deeds, HOUR * 12)).join().unwrap();
            let seed = u64::try_from(seed).unwrap();
            outcome.saw_all(means, seed);
            outcome.is_frugal(means, HOUR * 12, seed);
        }
    }
}
