//! For random mailboxes and random queries, a search finds what the query means.
//!
//! `letter` writes messages together with what they say, and `question` says what a query means of that. Neither reads
//! a message, nor shares a line with what is tested.

mod explaining;
mod letter;
mod question;
mod remembering;

use crate::{
    observer::Observer,
    server::{Server, Tls},
};
use imapscript::{
    engine::{
        Account, AccountSettings, Event, NameSpec, Query, Run, SecretSource, State, TlsMode, Wait, World,
        query::Means, search,
    },
    mail::{Flag, Secret, Uid},
    sandbox::{Options, Sandbox},
};
use jiff::{Timestamp, ZonedDateTime, tz::TimeZone};
use letter::{Facts, Letter};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, RngSeed, TestRunner},
};
use question::{Clock, Question};
use std::{
    io,
    net::SocketAddr,
    num::NonZeroU16,
    sync::{Arc, Mutex},
};

/// A mailbox, the queries that are asked of it, and where.
#[derive(Clone, Debug)]
struct Case {
    letters: Vec<Letter>,
    questions: Vec<Question>,
    zone: &'static str,
}

fn case() -> impl Strategy<Value = Case> {
    let zone = select(vec![
        "UTC",
        "Europe/Vienna",
        "America/Los_Angeles",
        "Asia/Kolkata",
        "Pacific/Kiritimati",
        "Pacific/Pago_Pago",
    ]);
    (vec(letter::letter(), 1..5), vec(question::question(), 1..4), zone)
        .prop_map(|(letters, questions, zone)| Case { letters, questions, zone })
}

/// A world in which nothing is but a clock.
struct Here(Mutex<TimeZone>);

impl World for Here {
    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn prompt(&self, _: &str) -> io::Result<String> {
        Err(io::Error::other("nobody is here"))
    }

    fn now(&self) -> ZonedDateTime {
        Timestamp::now().to_zoned_datetime(self.0.lock().unwrap().clone())
    }

    fn tell(&self, _: Event) {}
}

/// Puts messages into a mailbox.
type Deliver = Box<dyn Fn(&str, &[Facts])>;

/// A server that is asked.
struct Ground {
    here: Arc<Here>,
    run: Run,
    account: Account,
    deliver: Deliver,
    cases: Mutex<u32>,
}

impl Ground {
    fn new(address: SocketAddr, user: &str, deliver: Deliver) -> Self {
        let here = Arc::new(Here(Mutex::new(TimeZone::UTC)));
        let state = State::new(Err("nothing is changed".to_owned()), "agreement".to_owned(), Wait::No);
        let world = Arc::clone(&here) as Arc<dyn World>;
        let run = Run::new(imapscript::imap::Context::default(), world, state);
        let settings = AccountSettings {
            port: NonZeroU16::new(address.port()),
            tls: TlsMode::None,
            password: Some(SecretSource::Literal(Secret::new("pass"))),
            ..AccountSettings::new(address.ip().to_string(), user)
        };
        let account = Account::new(settings, &run).unwrap();
        Self { here, run, account, deliver, cases: Mutex::new(0) }
    }

    fn sandbox(without: &[&str]) -> Self {
        let without = without.iter().map(ToString::to_string).collect();
        let sandbox = Sandbox::start(Options { without, ..Options::default() }).unwrap();
        let address = sandbox.address();
        let deliver = move |mailbox: &str, all: &[Facts]| {
            for facts in all {
                let flags: Vec<_> = facts.flags.iter().map(|flag| Flag::parse(flag).unwrap()).collect();
                let date = facts.arrived.to_zoned_datetime(facts.offset.to_time_zone());
                sandbox.deliver("me", mailbox, &facts.raw, &flags, &date).unwrap();
            }
        };
        Self::new(address, "me", Box::new(deliver))
    }

    fn dovecot() -> Self {
        let server = Server::dovecot(Tls::None);
        let observer: Mutex<Observer> = Mutex::new(server.observe());
        let deliver = move |mailbox: &str, all: &[Facts]| {
            let mut observer = observer.lock().unwrap();
            observer.create(mailbox);
            for facts in all {
                let date = facts.arrived.to_zoned_datetime(facts.offset.to_time_zone());
                let date = date.strftime("%d-%b-%Y %H:%M:%S %z").to_string();
                observer.append_raw(mailbox, &facts.raw, &facts.flags.join(" "), &date);
            }
        };
        Self::new(server.plain, &server.user, Box::new(deliver))
    }

    /// Sets the clock for a case, and tells what it says.
    fn clock(&self, case: &Case) -> Clock {
        let zone = TimeZone::get(case.zone).unwrap();
        *self.here.0.lock().unwrap() = zone.clone();
        Clock { now: self.here.now().timestamp(), zone }
    }

    /// Puts messages into a mailbox of their own.
    fn fill(&self, facts: &[Facts]) -> String {
        let mailbox = {
            let mut cases = self.cases.lock().unwrap();
            *cases += 1;
            format!("case{cases}")
        };
        (self.deliver)(&mailbox, facts);
        mailbox
    }

    /// Asks each question of the mailbox, and compares.
    fn check(&self, case: &Case) -> Result<(), TestCaseError> {
        let clock = self.clock(case);
        let facts: Vec<_> = case.letters.iter().map(|letter| letter.write(clock.now)).collect();
        let mailbox = self.fill(&facts);
        for question in &case.questions {
            let literal = question.literal(&clock);
            let now = clock.now.to_zoned_datetime(clock.zone.clone());
            let query = match Query::read(&literal, &now) {
                Err(_) if question.is_refused() => continue,
                query => query.map_err(|error| TestCaseError::fail(format!("{literal:?}: {error}")))?,
            };
            let found = search(&self.account, NameSpec::Script(mailbox.clone()), None, query.clone()).wait();
            let found = found.map_err(|error| TestCaseError::fail(format!("{literal:?}: {error}")))?;
            let found: Vec<u32> = found.selection.uids.iter().map(Uid::get).collect();
            let uids = facts.iter().zip(1u32..);
            let meant: Vec<u32> =
                uids.filter(|(facts, uid)| question.finds(*uid, facts, &clock)).map(|(_, uid)| uid).collect();
            let shown = || {
                let each = facts.iter().map(|facts| {
                    let raw = String::from_utf8_lossy(&facts.raw);
                    format!("{} {}\n{raw}\n", facts.arrived, facts.flags.join(" "))
                });
                each.collect::<Vec<_>>().concat()
            };
            prop_assert!(
                found == meant,
                "found {found:?}, meant {meant:?}\n{literal:?}\n{:?}\n{}",
                query.program(Means::default()),
                shown()
            );
        }
        Ok(())
    }

    /// Checks so many cases, the same ones each time unless `PROPTEST_RNG_SEED` says otherwise.
    fn check_each(&self, cases: u32, check: impl Fn(&Self, &Case) -> Result<(), TestCaseError>) {
        let mut config = Config { failure_persistence: None, ..Config::default() };
        if std::env::var_os("PROPTEST_CASES").is_none() {
            config.cases = cases;
        }
        if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
            config.rng_seed = RngSeed::Fixed(20_240_229);
        }
        if let Err(error) = TestRunner::new(config).run(&case(), |case| check(self, &case)) {
            panic!("{error}");
        }
    }
}

#[test]
fn the_sandbox_finds_what_a_query_means() {
    Ground::sandbox(&[]).check_each(1000, Ground::check);
}

#[test]
fn dovecot_finds_what_a_query_means() {
    Ground::dovecot().check_each(300, Ground::check);
}
