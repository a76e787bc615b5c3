//! Whatever another client does between two runs, what is remembered from the first changes nothing of what the second finds.

use super::{Here, case, letter, question};
use crate::{
    observer::Observer,
    proxy::Capability,
    server::{Server, Tls},
};
use imapscript::{
    engine::{
        Account, AccountSettings, Asked, NameSpec, Needs, Query, Run, SecretSource, State, TlsMode, Wait,
        World, load_headers, search, sift,
    },
    imap::Context,
    mail::Secret,
    wire::Transcript,
};
use jiff::tz::TimeZone;
use letter::Letter;
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, RngSeed, TestRunner},
};
use question::Clock;
use rusqlite::Connection;
use std::{
    fs::{self, File},
    num::NonZeroU16,
    path::Path,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;

/// What another client does with the messages, which it counts from 1.
#[derive(Clone, Debug)]
enum Step {
    Deliver(Box<Letter>),
    Mark(u8, &'static str, bool),
    Expunge(u8),
    MoveAway(u8),
    /// Deletes the mailbox and makes it again.
    Remake,
}

fn step() -> impl Strategy<Value = Step> {
    let flags = vec!["\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "$Work"];
    prop_oneof![
        3 => letter::letter().prop_map(|letter| Step::Deliver(Box::new(letter))),
        3 => (1..6u8, select(flags), any::<bool>()).prop_map(|(at, flag, set)| Step::Mark(at, flag, set)),
        1 => (1..6u8).prop_map(Step::Expunge),
        1 => (1..6u8).prop_map(Step::MoveAway),
        1 => Just(Step::Remake),
    ]
}

/// One account, as it is met with what is remembered of it and without.
struct Pair {
    here: Arc<Here>,
    observer: Mutex<Observer>,
    accounts: [Account; 2],
    state: TempDir,
}

fn account(server: &Server, here: &Arc<Here>, directory: &Path, cache: bool) -> Account {
    let state = State::new(Ok(directory.to_owned()), "remembering".to_owned(), Wait::No);
    let trace = File::options().create(true).append(true).open(directory.join("trace")).unwrap();
    let context = Context { transcript: Some(Transcript::new(Box::new(trace))), ..Context::default() };
    let run = Run::new(context, Arc::clone(here) as Arc<dyn World>, state);
    let settings = AccountSettings {
        port: NonZeroU16::new(server.address.port()),
        tls: TlsMode::None,
        password: Some(SecretSource::Literal(Secret::new(server.password.clone()))),
        cache,
        ..AccountSettings::new(server.address.ip().to_string(), &server.user)
    };
    Account::new(settings, &run).unwrap()
}

impl Pair {
    fn new(server: &Server) -> Self {
        let here = Arc::new(Here(Mutex::new(TimeZone::UTC)));
        let state = TempDir::new().unwrap();
        let accounts = [true, false].map(|cache| account(server, &here, state.path(), cache));
        Self { here, observer: Mutex::new(server.observe()), accounts, state }
    }

    /// Has it seem that header fields are searched so slowly, and fetched so fast, that they are searched only once.
    fn searching_slowly(self) -> Self {
        Self::found(&self.accounts[0], &[]);
        let sql = "
            CREATE TRIGGER slow AFTER INSERT ON measures WHEN new.kind = 'search' BEGIN
              UPDATE measures SET nanoseconds = 1000000000000 WHERE kind = 'search';
            END;
            CREATE TRIGGER fast AFTER INSERT ON shelves BEGIN
              INSERT OR REPLACE INTO measures
              VALUES (new.account, 'fetch', CAST(new.items AS BLOB), 1, 1000, 0);
            END;
        ";
        Connection::open(self.state.path().join("cache.db")).unwrap().execute_batch(sql).unwrap();
        self
    }

    /// Tells how often header fields were looked at here that would have been searched.
    fn left_out(&self) -> usize {
        let trace = fs::read_to_string(self.state.path().join("trace")).unwrap();
        trace.matches(" -: header fields are looked at here: ").count()
    }

    fn deliver(&self, letter: &Letter, clock: &Clock) {
        let facts = letter.write(clock.now);
        let date = facts.arrived.to_zoned_datetime(facts.offset.to_time_zone());
        let date = date.strftime("%d-%b-%Y %H:%M:%S %z").to_string();
        self.observer.lock().unwrap().append_raw("Box", &facts.raw, &facts.flags.join(" "), &date);
    }

    fn take(&self, step: &Step, clock: &Clock) {
        let sign = |set: bool| if set { '+' } else { '-' };
        let commands = match step {
            Step::Deliver(letter) => return self.deliver(letter, clock),
            Step::Mark(at, flag, set) => vec![format!("STORE {at} {}FLAGS ({flag})", sign(*set))],
            Step::Expunge(at) => {
                vec![format!("STORE {at} +FLAGS (\\Deleted)"), "EXPUNGE".to_owned()]
            }
            Step::MoveAway(at) => vec![format!("MOVE {at} Away")],
            Step::Remake => vec!["CLOSE".to_owned(), "DELETE Box".to_owned(), "CREATE Box".to_owned()],
        };
        let mut observer = self.observer.lock().unwrap();
        observer.ok("SELECT Box");
        for command in commands {
            // There may be no such message.
            observer.command(&command);
        }
        observer.command("UNSELECT");
    }

    /// What each question finds, what all at once, and what is loaded of each message.
    fn found(account: &Account, queries: &[Query]) -> Vec<String> {
        let name = || NameSpec::Script("Box".to_owned());
        let mut all = Vec::new();
        for query in queries {
            let found = search(account, name(), None, query.clone()).wait();
            all.push(format!(
                "{:?}",
                found.map(|found| (found.selection.uids, found.open)).map_err(|e| e.kind)
            ));
        }
        let asked = queries.iter().map(|query| Asked { query: query.clone(), templates: Vec::new() });
        let sifted = sift(account, name(), None, asked.collect()).wait();
        all.push(format!("{:?}", sifted.map(|sifted| sifted.groups).map_err(|error| error.kind)));
        if let Ok(found) = search(account, name(), None, Query::All(Vec::new())).wait() {
            for structure in [false, true] {
                let needs = Needs { structure, ..Needs::default() };
                let mut loaded = load_headers(&found.selection, found.selection.uids.clone(), &needs).wait();
                // Their order means nothing.
                loaded.iter_mut().flatten().for_each(|loaded| loaded.flags.sort());
                all.push(format!("{:?}", loaded.map_err(|error| error.kind)));
            }
        }
        account.log_out();
        all
    }

    fn check(&self, case: &super::Case, rounds: &[Vec<Step>]) -> Result<(), TestCaseError> {
        let zone = TimeZone::get(case.zone).unwrap();
        *self.here.0.lock().unwrap() = zone.clone();
        let clock = Clock { now: self.here.now().timestamp(), zone };
        self.take(&Step::Remake, &clock);
        for letter in &case.letters {
            self.deliver(letter, &clock);
        }
        let now = clock.now.to_zoned_datetime(clock.zone.clone());
        let queries: Vec<_> =
            case.questions.iter().filter_map(|it| Query::read(&it.literal(&clock), &now).ok()).collect();
        for steps in [&Vec::new()].into_iter().chain(rounds) {
            for step in steps {
                self.take(step, &clock);
            }
            let [with, without] = self.accounts.each_ref().map(|account| Self::found(account, &queries));
            prop_assert_eq!(with, without, "{:?}", queries);
        }
        Ok(())
    }

    fn check_each(&self, cases: u32) {
        let mut config = Config { cases, failure_persistence: None, ..Config::default() };
        if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
            config.rng_seed = RngSeed::Fixed(20_240_229);
        }
        let histories = (case(), vec(vec(step(), 0..4), 1..4));
        let outcome = TestRunner::new(config).run(&histories, |(case, rounds)| self.check(&case, &rounds));
        if let Err(error) = outcome {
            panic!("{error}");
        }
    }
}

#[test]
fn the_sandbox_is_remembered_as_it_is() {
    let server = Server::sandbox();
    server.seed("Box", &[]).seed("Away", &[]);
    Pair::new(&server).check_each(150);
}

#[test]
fn dovecot_is_remembered_as_it_is() {
    let server = Server::dovecot(Tls::None);
    server.seed("Box", &[]).seed("Away", &[]);
    Pair::new(&server).check_each(25);
}

#[test]
fn dovecot_is_remembered_as_it_is_without_quick_resynchronization() {
    for hidden in [Capability::Qresync, Capability::Vanished] {
        let server = Server::dovecot_without(&[hidden]);
        server.seed("Box", &[]).seed("Away", &[]);
        Pair::new(&server).check_each(25);
    }
}

#[test]
fn dovecot_is_remembered_as_it_is_without_mod_sequences() {
    let server = Server::dovecot_without(&[Capability::Condstore]);
    server.seed("Box", &[]).seed("Away", &[]);
    Pair::new(&server).check_each(25);
}

#[test]
fn the_sandbox_is_remembered_as_it_is_where_header_fields_are_not_searched() {
    let server = Server::sandbox();
    server.seed("Box", &[]).seed("Away", &[]);
    let pair = Pair::new(&server).searching_slowly();
    pair.check_each(150);
    assert!(pair.left_out() > 100, "{}", pair.left_out());
}

#[test]
fn dovecot_is_remembered_as_it_is_where_header_fields_are_not_searched() {
    let server = Server::dovecot(Tls::None);
    server.seed("Box", &[]).seed("Away", &[]);
    let pair = Pair::new(&server).searching_slowly();
    pair.check_each(25);
    assert!(pair.left_out() > 10, "{}", pair.left_out());
}
