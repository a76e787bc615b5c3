use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::Account;
use crate::engine::apply::{look_back, make_way};
use crate::engine::connection::{Beside, Connection};
use crate::engine::permission::Permission;
use crate::engine::ticket::Ticket;
use crate::engine::together::Held;
use crate::engine::world::Run;
use crate::error::Result;
use crate::imap::Session;

impl Account {
    /// Hands a job that only reads to the account's connection, which is opened if need be.
    pub fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Session, &Run) -> Result<T> + Send + 'static,
    ) -> Ticket<T> {
        let account = self.clone();
        self.submit(false, Permission::Read, move |session, run| {
            account.look_back(session, run)?;
            job(session, run)
        })
    }

    /// Does the same with a job that may go on beside others: it runs commands and does nothing else with the session,
    /// and holds no lock while it does.
    pub(in crate::engine) fn read_beside<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Session, &Run) -> Result<T> + Send + 'static,
    ) -> Ticket<T> {
        if let Err(error) = self.inner.run.permit(Permission::Read) {
            return Ticket::failed(error, &self.inner.run);
        }
        let (ticket, job) = Connection::beside(self.label(), &self.inner.run, job);
        if let Some(jobs) = self.held().jobs().as_mut() {
            jobs.push(job);
            return ticket;
        }
        self.begin_abreast(vec![job]);
        ticket
    }

    /// Gives the jobs that are held back.
    pub(in crate::engine) fn held(&self) -> &Held {
        &self.inner.held
    }

    /// Hands jobs to the account's connection that go on side by side.
    pub(in crate::engine) fn begin_abreast(&self, jobs: Vec<Beside>) {
        let account = self.clone();
        let mut jobs = Some(jobs);
        let begun = self.with_connection(|connection| {
            let jobs = jobs.take().unwrap_or_default();
            connection.submit_abreast(move |session, run| account.look_back(session, run), jobs);
        });
        if let Err(error) = begun {
            for job in jobs.into_iter().flatten() {
                job(Err(error.clone()), &self.inner.run);
            }
        }
    }

    /// Looks, once, whether an earlier run left something open, and settles it.
    fn look_back(&self, session: &mut Session, run: &Run) -> Result<()> {
        if self.inner.looked_back.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        session.set_steadfast(true);
        let settled = look_back(session, run, self);
        session.set_steadfast(false);
        settled
    }

    /// Hands a job that only reads to the account's connection, and does not look back first: it is a part of that.
    pub(in crate::engine) fn peek<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Session, &Run) -> Result<T> + Send + 'static,
    ) -> Ticket<T> {
        self.submit(true, Permission::Read, job)
    }

    /// Hands a job that changes mail to the account's connection, if the run may do that. Only [`super::apply`] makes
    /// such jobs.
    pub(in crate::engine) fn change<T: Send + 'static>(
        &self,
        permission: Permission,
        job: impl FnOnce(&mut Session, &Run) -> Result<T> + Send + 'static,
    ) -> Ticket<T> {
        let account = self.clone();
        self.submit(true, permission, move |session, run| {
            session.set_steadfast(true);
            let result = make_way(session, run, &account).and_then(|()| job(session, run));
            session.set_steadfast(false);
            result
        })
    }

    fn submit<T: Send + 'static>(
        &self,
        steadfast: bool,
        permission: Permission,
        job: impl FnOnce(&mut Session, &Run) -> Result<T> + Send + 'static,
    ) -> Ticket<T> {
        if let Err(error) = self.inner.run.permit(permission) {
            return Ticket::failed(error, &self.inner.run);
        }
        let submitted = self.with_connection(|connection| connection.submit(&self.inner.run, steadfast, job));
        submitted.unwrap_or_else(|error| Ticket::failed(error, &self.inner.run))
    }

    /// Does something with the connection, which is made if need be.
    fn with_connection<T>(&self, work: impl FnOnce(&Connection) -> T) -> Result<T> {
        let mut slot = self.inner.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match slot.take() {
            Some(connection) => connection,
            None => Connection::start(self.inner.opener.clone(), self.inner.run.clone())?,
        };
        Ok(work(slot.insert(connection)))
    }
}
