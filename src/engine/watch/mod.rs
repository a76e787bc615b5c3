//! Waits for news of mailboxes, for hours or months, and tells which messages are new.
//!
//! Lookouts with connections of their own say where there may be news: by NOTIFY (RFC 5465) one for an account, by IDLE
//! (RFC 2177) one for a mailbox, or by asking. What is new is then found out on the account's own connection, by UID: a
//! word too many of a lookout costs one search, and whatever was missed while a connection was down is found by the look
//! at its return.

mod look;
mod lookout;
mod outage;
mod pause;
mod summons;
mod wait;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(super) use look::Mark;
pub use look::News;
use look::look;
pub use lookout::Pace;
use lookout::{Lookout, Shared};
use pause::pause;
pub use summons::Summons;
pub use wait::wait;

use super::account::Account;
use super::names::NameSpec;
use super::ticket::{GRACE, Ticket};
use super::world::{Event, Run};
use crate::error::Result;
use crate::imap::Clock;

/// How long is waited for news before it is looked whether the user wants something.
const SLICE: Duration = Duration::from_millis(100);

/// How often it is noted that a watch goes on.
const SIGN_OF_LIFE: Duration = Duration::from_secs(60 * 60);

/// The exit code that the journal has of what could not be seen to: partly done.
const FAILED: u8 = 8;

/// A mailbox that is watched.
#[derive(Debug)]
struct Watched {
    account: Account,
    spec: NameSpec,
    mark: Option<Mark>,
    /// It was looked at before, so that it is there.
    begun: bool,
    /// How often in a row what was new could not be seen to.
    failures: u32,
    /// When it is tried again.
    again: Option<Duration>,
}

/// Mailboxes that are watched, from the first to the last call.
#[derive(Debug)]
pub struct Watch {
    run: Run,
    mailboxes: Vec<Watched>,
    due: BTreeSet<usize>,
    news: Receiver<usize>,
    shared: Shared,
    /// When it was last noted that the watch goes on.
    noted: Option<Duration>,
}

/// Why a watch was woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// There may be news of the mailbox with this number.
    News(usize),
    /// The user wants it to end.
    Ended,
}

impl Watch {
    /// Begins to watch. Each mailbox is due at once, and all that is in it is new. In a dry run nothing is waited for after
    /// that.
    ///
    /// Error: there are no threads for it.
    pub fn begin(run: &Run, mailboxes: Vec<(Account, NameSpec)>, pace: Pace) -> Result<Self> {
        let (sender, news) = channel();
        let shared =
            Shared { news: sender, ended: Arc::default(), pace, threads: Arc::new(Mutex::default()) };
        let watched = |(account, spec): (Account, NameSpec)| Watched {
            account,
            spec,
            mark: None,
            begun: false,
            failures: 0,
            again: None,
        };
        let mailboxes: Vec<_> = mailboxes.into_iter().map(watched).collect();
        let due = (0..mailboxes.len()).collect();
        let this = Self { run: run.clone(), mailboxes, due, news, shared, noted: None };
        if run.overlay.is_none() {
            this.send_lookouts()?;
            run.summons.listen(true);
        }
        Ok(this)
    }

    fn send_lookouts(&self) -> Result<()> {
        let mut of_accounts: Vec<(Account, Vec<(usize, NameSpec)>)> = Vec::new();
        for (number, watched) in self.mailboxes.iter().enumerate() {
            let mailbox = (number, watched.spec.clone());
            match of_accounts.iter_mut().find(|(account, _)| account.is_same_store(&watched.account)) {
                Some((_, mailboxes)) => mailboxes.push(mailbox),
                None => of_accounts.push((watched.account.clone(), vec![mailbox])),
            }
        }
        for (account, mailboxes) in of_accounts {
            Lookout { account, mailboxes, shared: self.shared.clone(), is_first: true }.start()?;
        }
        Ok(())
    }

    fn clock(&self) -> &dyn Clock {
        &*self.run.context.clock
    }

    /// Waits until there may be news.
    pub fn wait(&mut self) -> Woken {
        loop {
            if self.run.is_interrupted() {
                return Woken::Ended;
            }
            if self.run.summons.take() {
                for (number, watched) in self.mailboxes.iter_mut().enumerate() {
                    watched.mark = None;
                    self.due.insert(number);
                }
            }
            self.due.extend(self.news.try_iter());
            let now = self.clock().now();
            for (number, watched) in self.mailboxes.iter_mut().enumerate() {
                if watched.again.take_if(|again| *again <= now).is_some() {
                    self.due.insert(number);
                }
            }
            let ready = |number: &&usize| self.mailboxes.get(**number).is_some_and(|it| it.again.is_none());
            if let Some(number) = self.due.iter().find(ready).copied() {
                self.due.remove(&number);
                return Woken::News(number);
            }
            if self.run.overlay.is_some() {
                return Woken::Ended;
            }
            self.note_life();
            let (clock, due) = (&*self.run.context.clock, &mut self.due);
            clock
                .pass(SLICE, &mut |time| self.news.recv_timeout(time).is_ok_and(|number| due.insert(number)));
        }
    }

    /// Looks what is new in a mailbox.
    pub fn look(&self, number: usize) -> Option<Ticket<News>> {
        let watched = self.mailboxes.get(number)?;
        let (of, spec, mark) = (watched.account.clone(), watched.spec.clone(), watched.mark);
        Some(watched.account.read(move |session, run| {
            let shown = spec.shown();
            look(session, run, &of, &spec, mark).map_err(|error| error.in_mailbox(&shown))
        }))
    }

    /// Takes what was new for seen to, well or not.
    ///
    /// Error: the end of what was done can't be noted in the journal.
    pub fn done(&mut self, number: usize, news: &News, well: bool) -> Result<()> {
        if let Some(watched) = self.mailboxes.get_mut(number) {
            watched.mark = Some(news.mark);
            watched.begun = true;
            watched.failures = 0;
        }
        self.end_part(number, well)
    }

    /// Takes in that news could not be looked at, or seen to because of something that may pass: it is tried again after a
    /// while, with all that is new by then.
    ///
    /// Error: as for [`Watch::done`].
    pub fn put_off(&mut self, number: usize) -> Result<()> {
        let now = self.clock().now();
        if let Some(watched) = self.mailboxes.get_mut(number) {
            watched.begun = true;
            watched.failures = watched.failures.saturating_add(1);
            watched.again = now.checked_add(pause(watched.failures));
        }
        self.end_part(number, false)
    }

    /// Tells how often in a row a mailbox was put off.
    pub fn failures(&self, number: usize) -> u32 {
        self.mailboxes.get(number).map_or(0, |watched| watched.failures)
    }

    /// Tells whether a mailbox was ever looked at.
    pub fn has_begun(&self, number: usize) -> bool {
        self.mailboxes.get(number).is_some_and(|watched| watched.begun)
    }

    /// Names a mailbox for people.
    pub fn shown(&self, number: usize) -> String {
        let shown = |it: &Watched| format!("{} of {}", it.spec.shown(), it.account.label());
        self.mailboxes.get(number).map(shown).unwrap_or_default()
    }

    fn end_part(&self, number: usize, well: bool) -> Result<()> {
        if self.run.overlay.is_some() {
            return Ok(());
        }
        if let Some(watched) = self.mailboxes.get(number).filter(|_| !well) {
            watched.account.look_back_again();
        }
        let code = if well { 0 } else { FAILED };
        if !well {
            let error = format!("{}: not all that is new was seen to", self.shown(number));
            self.run.state.note_health(code, Some(&error), &*self.run.world)?;
        }
        self.run.end_part(code)
    }

    /// Notes from time to time that the watch goes on: who watches the script may want to know.
    fn note_life(&mut self) {
        let now = self.clock().now();
        let is_due = self.noted.is_none_or(|noted| self.clock().since(noted) >= SIGN_OF_LIFE);
        if is_due && self.run.overlay.is_none() {
            self.noted = Some(now);
            if let Err(error) =
                self.run.state.note_health(0, None, &*self.run.world).and_then(|()| self.run.state.end(0))
            {
                self.run
                    .world
                    .tell(Event::Warning(format!("it can't be noted that the watch goes on: {error}")));
            }
        }
    }

    /// Ends the watch. The user's wish that it ends is fulfilled then, and what comes after it in the script goes on.
    pub fn end(&mut self) {
        self.run.summons.listen(false);
        self.shared.ended.store(true, Ordering::SeqCst);
        let threads =
            std::mem::take(&mut *self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let begun = self.clock().now();
        for thread in threads {
            // One that still looks for its host ends with the process.
            while !thread.is_finished() && self.clock().since(begun) < GRACE {
                self.clock().sleep(Duration::from_millis(1));
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}
