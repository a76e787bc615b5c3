use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::outage::Outage;
use crate::engine::account::Account;
use crate::engine::names::NameSpec;
use crate::engine::world::Run;
use crate::error::{ErrorKind, Result};
use crate::imap::{Access, Clock, MailboxStatus, Patience, Session};
use crate::mail::{MailboxName, Uid, UidValidity};

/// How many connections of an account wait in a mailbox each, where the server can't tell of several by one. Servers
/// allow few at once: Dovecot ten for each user and address, of which one acts and one asks for the other mailboxes.
const IDLING: usize = 8;

/// How long a server is left alone after it told of news, so that one that tells without end does not keep us busy.
pub(super) const REST: Duration = Duration::from_millis(100);

/// How often one looks, while stopped or waiting, whether the watch has ended.
const SLICE: Duration = Duration::from_millis(100);

/// How long a server is left alone with IDLE before it is begun anew: servers end what is silent for half an hour
/// (RFC 3501 §5.4), and routers sooner.
pub(super) const RENEW: Duration = Duration::from_secs(9 * 60);

/// How long is waited between two looks, where the server tells nothing by itself.
pub(super) const POLL: Duration = Duration::from_secs(60);

/// How long is waited for news.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Before IDLE is begun anew, or the server asked for a sign of life.
    pub renew: Duration,
    /// Between two looks, where the server tells nothing by itself.
    pub poll: Duration,
    /// How many connections of an account may wait in a mailbox each, if the script says it.
    pub connections: Option<usize>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { renew: RENEW, poll: POLL, connections: None }
    }
}

/// What all lookouts of a watch share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) news: Sender<usize>,
    pub(super) ended: Arc<AtomicBool>,
    pub(super) pace: Pace,
    pub(super) threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Shared {
    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }
}

/// A thread with a connection of its own that tells which of some mailboxes of one account have news.
pub(super) struct Lookout {
    pub(super) account: Account,
    /// The mailboxes by their numbers.
    pub(super) mailboxes: Vec<(usize, NameSpec)>,
    pub(super) shared: Shared,
    /// It decides how all mailboxes of the account are watched.
    pub(super) is_first: bool,
}

impl Lookout {
    /// Starts it.
    ///
    /// Error: there is no thread for it.
    pub(super) fn start(self) -> Result<()> {
        let threads = Arc::clone(&self.shared.threads);
        let started = Builder::new().name("lookout".to_owned()).spawn(move || self.keep());
        let thread = started.map_err(|error| crate::engine::ticket::no_thread(&error))?;
        threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Watches until the watch has ended, whatever becomes of connections.
    fn keep(mut self) {
        let mut outage = Outage::default();
        while !self.shared.has_ended() {
            let result = self.attend(&mut outage);
            let Err(error) = result.map_err(|error| error.in_account(self.account.label())) else { continue };
            if self.shared.has_ended() || matches!(*error.kind, ErrorKind::Interrupted) {
                return;
            }
            self.wait(outage.failed(self.run(), &error));
        }
    }

    fn run(&self) -> &Run {
        self.account.run()
    }

    fn clock(&self) -> &dyn Clock {
        &*self.run().context.clock
    }

    fn wait(&self, time: Duration) {
        let start = self.clock().now();
        while self.clock().since(start) < time && !self.shared.has_ended() {
            self.clock().sleep(SLICE.min(time));
        }
    }

    /// Connects, and tells of news until the connection breaks or the watch has ended.
    fn attend(&mut self, outage: &mut Outage) -> Result<()> {
        let mut session = self.account.opener().open(self.run())?;
        outage.connected(self.run());
        let mut names = Vec::new();
        for (number, spec) in &self.mailboxes {
            let name = spec.resolve(&mut session, self.run());
            names.push((*number, name.map_err(|error| error.in_mailbox(&spec.shown()))?));
        }
        let result = self.attend_in(&mut session, &names);
        self.run().alert(self.account.label(), &mut session);
        if result.is_ok() {
            // The watch has ended, or what is left is watched by others: nothing hangs on this goodbye.
            let _ = session.logout();
        }
        result
    }

    fn attend_in(&mut self, session: &mut Session, names: &[(usize, MailboxName)]) -> Result<()> {
        let wire: Vec<MailboxName> = names.iter().map(|(_, name)| name.clone()).collect();
        if self.is_first && session.capabilities().has("NOTIFY") && session.notify(&wire)? {
            self.tell(names);
            return self.hear(session, names);
        }
        if !session.capabilities().has("IDLE") {
            self.is_first = false;
            return self.poll(session, names);
        }
        if std::mem::take(&mut self.is_first) {
            self.share()?;
        }
        match names {
            [(number, name), ..] if self.mailboxes.len() == 1 => self.idle(session, *number, name),
            names => self.poll(session, names),
        }
    }

    /// Leaves all mailboxes but the first to others: a few to one each, the rest to one that asks.
    fn share(&mut self) -> Result<()> {
        let mut rest = self.mailboxes.split_off(1);
        let wanted = self.shared.pace.connections.or(self.run().preferences.connections);
        let asked = rest.split_off(rest.len().min(wanted.unwrap_or(IDLING).saturating_sub(1)));
        let each = rest.into_iter().map(|mailbox| vec![mailbox]);
        for mailboxes in each.chain((!asked.is_empty()).then_some(asked)) {
            let (account, shared) = (self.account.clone(), self.shared.clone());
            Self { account, mailboxes, shared, is_first: false }.start()?;
        }
        Ok(())
    }

    /// Says that there may be news of mailboxes.
    fn tell(&self, names: &[(usize, MailboxName)]) {
        for (number, _) in names {
            let _ = self.shared.news.send(*number);
        }
    }

    fn patience<'a>(&'a self, stop: &'a dyn Fn() -> bool) -> Patience<'a> {
        Patience { clock: self.clock(), most: self.shared.pace.renew, stop }
    }

    /// Waits for what a server tells of mailboxes that are not open.
    fn hear(&self, session: &mut Session, names: &[(usize, MailboxName)]) -> Result<()> {
        let stop = || self.shared.has_ended();
        while !stop() {
            let told = session.hear_news(self.patience(&stop))?;
            let of = names.iter().filter(|(_, name)| told.contains(name));
            self.tell(&of.cloned().collect::<Vec<_>>());
            if !told.is_empty() {
                self.wait(REST);
            }
        }
        Ok(())
    }

    /// Waits in a mailbox.
    fn idle(&self, session: &mut Session, number: usize, name: &MailboxName) -> Result<()> {
        let stop = || self.shared.has_ended();
        session.open_mailbox(name, Access::Read)?;
        let _ = self.shared.news.send(number);
        let arrives = |word: &str| word == "EXISTS";
        while !stop() {
            if session.idle(name, Access::Read, self.patience(&stop), &arrives)?.is_some() {
                let _ = self.shared.news.send(number);
                self.wait(REST);
            }
        }
        Ok(())
    }

    /// Asks again and again. Of a mailbox that can't be asked about, whoever looks at it hears why.
    fn poll(&self, session: &mut Session, names: &[(usize, MailboxName)]) -> Result<()> {
        let wire: Vec<MailboxName> = names.iter().map(|(_, name)| name.clone()).collect();
        let mut before: Vec<Option<(Option<UidValidity>, Option<Uid>)>> = Vec::new();
        while !self.shared.has_ended() {
            let place = |status: MailboxStatus| (status.uid_validity, status.uid_next);
            let told = session.status_all(&wire)?.into_iter().map(|status| status.map(place));
            let told: Vec<_> = told.collect();
            let changed = names.iter().enumerate().filter(|(at, _)| before.get(*at) != told.get(*at));
            self.tell(&changed.map(|(_, name)| name.clone()).collect::<Vec<_>>());
            before = told;
            self.wait(self.shared.pace.poll);
        }
        Ok(())
    }
}
