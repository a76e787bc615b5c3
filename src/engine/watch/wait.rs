use std::time::Duration;

use super::look::look;
use super::lookout::{POLL, RENEW, REST};
use super::outage::Outage;
use crate::engine::account::Account;
use crate::engine::names::NameSpec;
use crate::engine::selection::Selection;
use crate::engine::ticket::Ticket;
use crate::engine::world::Run;
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{Access, Clock, Patience, Session};

/// How often it is looked whether the user wants an end, where the server tells nothing by itself.
const SLICE: Duration = Duration::from_millis(100);

/// Waits for messages that have come into a mailbox since the last wait of the run for it, and gives them. The first wait
/// gives all that are there, at once; after `time` there may be none.
///
/// Where the connection breaks meanwhile, another one is made, again and again until the time is over.
///
/// Errors: those of the connection when the time is over, and at once those that another one would not mend.
pub fn wait(account: &Account, spec: NameSpec, time: Duration) -> Ticket<Selection> {
    let account_of = account.clone();
    account.read(move |session, run| {
        let shown = spec.shown();
        let end = run.context.clock.now().checked_add(time);
        let waiting = Waiting { run, account: &account_of, spec: &spec, end };
        waiting.keep(session).map_err(|error| error.in_mailbox(&shown))
    })
}

/// A wait for what comes into a mailbox.
struct Waiting<'a> {
    run: &'a Run,
    account: &'a Account,
    spec: &'a NameSpec,
    /// Without it, the time is never over.
    end: Option<Duration>,
}

impl Waiting<'_> {
    fn clock(&self) -> &dyn Clock {
        &*self.run.context.clock
    }

    fn is_over(&self) -> bool {
        self.end.is_some_and(|end| self.clock().now() >= end)
    }

    /// In a dry run nothing comes.
    fn ends(&self) -> bool {
        self.run.is_interrupted() || self.is_over() || self.run.overlay.is_some()
    }

    fn rest(&self, time: Duration) {
        let start = self.clock().now();
        while self.clock().since(start) < time && !self.ends() {
            self.clock().sleep(SLICE.min(time));
        }
    }

    /// Waits, whatever becomes of connections.
    fn keep(&self, session: &mut Session) -> Result<Selection> {
        let mut outage = Outage::default();
        outage.connected(self.run);
        loop {
            let error = match self.wait(session) {
                Err(error) if error.is_outage() && !self.ends() => error,
                result => return result,
            };
            self.run.alert(self.account.label(), session);
            *session = self.open_again(&mut outage, error)?;
        }
    }

    /// Opens another session in place of one that failed.
    fn open_again(&self, outage: &mut Outage, mut error: Error) -> Result<Session> {
        loop {
            self.rest(outage.failed(self.run, &error));
            if self.run.is_interrupted() {
                return Err(ErrorKind::Interrupted.into());
            }
            if self.is_over() {
                return Err(error);
            }
            match self.account.opener().open(self.run) {
                Ok(session) => {
                    outage.connected(self.run);
                    return Ok(session);
                }
                Err(refused) if refused.keeps_out_for_now() => error = refused,
                Err(refused) => return Err(refused),
            }
        }
    }

    /// Waits on one connection.
    fn wait(&self, session: &mut Session) -> Result<Selection> {
        let name = self.spec.resolve(session, self.run)?;
        let stop = || self.ends();
        let mut woken = false;
        loop {
            let mark = self.account.marks().get(&name).copied();
            let news = look(session, self.run, self.account, self.spec, mark)?;
            self.account.marks().insert(name.clone(), news.mark);
            let is_last = self.is_over() || self.run.overlay.is_some();
            if mark.is_none() || !news.selection.uids.is_empty() || is_last {
                return Ok(news.selection);
            }
            if session.capabilities().has("IDLE") {
                // What wakes it is mostly new. Where it is not, the server may say it at once again.
                if mark.is_some_and(|before| before == news.mark) && woken {
                    self.rest(REST);
                }
                let patience = Patience { clock: self.clock(), most: RENEW, stop: &stop };
                woken = session.idle(&name, Access::Read, patience, &|word| word == "EXISTS")?.is_some();
            } else {
                self.rest(POLL);
            }
            if self.run.is_interrupted() {
                return Err(ErrorKind::Interrupted.into());
            }
        }
    }
}
