use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::account::Opener;
use super::world::{Event, Run};
use crate::error::{Error, ErrorKind, Result};
use crate::imap::Session;

/// One connection: a thread that owns the session, and does one job after another on it.
///
/// It connects at the first job, and anew after the connection broke: what a job was given are names, which
/// outlive a session.
#[derive(Debug)]
pub(super) struct Connection {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    run: Run,
}

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// The promise of a job's result.
#[derive(Debug)]
pub struct Ticket<T> {
    result: Receiver<Result<T>>,
    run: Run,
    /// The job changes mail: its outcome is waited for whatever the user does.
    steadfast: bool,
}

/// How long it waits between trying to connect again.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(8)];

/// How long it goes on trying: an attempt that runs into its time-out is mostly the last.
const OUTAGE: Duration = Duration::from_secs(30);

/// How long an interrupted wait goes on for a job that only reads: it ends by itself within one slice of the
/// socket's, unless it is still looking for the host.
const GRACE: Duration = Duration::from_secs(1);

impl<T> Ticket<T> {
    /// Makes a ticket for what could not even begin.
    pub(super) fn failed(error: Error, run: &Run) -> Self {
        let (sender, result) = channel();
        let _ = sender.send(Err(error));
        Self { result, run: run.clone(), steadfast: false }
    }

    /// Makes a ticket of what a thread of its own does. It owns no connection, so that it may wait for the tickets of
    /// several; what it does changes mail.
    pub(super) fn of_thread(run: &Run, job: impl FnOnce() -> Result<T> + Send + 'static) -> Self
    where
        T: Send + 'static,
    {
        let (sender, result) = channel();
        let work = move || {
            // Nobody may be waiting any more.
            let _ = sender.send(catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|_| Err(defect(true))));
        };
        match Builder::new().name("transfer".to_owned()).spawn(work) {
            Ok(_) => Self { result, run: run.clone(), steadfast: true },
            Err(error) => Self::failed(no_thread(&error), run),
        }
    }

    /// Waits for the job's end and gives its result.
    pub fn wait(self) -> Result<T> {
        let mut raised: Option<Instant> = None;
        loop {
            match self.result.recv_timeout(Duration::from_millis(100)) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Disconnected) => {
                    let cause = "its thread has ended".to_owned();
                    return Err(ErrorKind::ConnectionLost { cause }.into());
                }
                Err(RecvTimeoutError::Timeout) if self.run.is_interrupted() && !self.steadfast => {
                    if raised.get_or_insert_with(Instant::now).elapsed() > GRACE {
                        return Err(ErrorKind::Interrupted.into());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// What the thread owns.
struct Worker {
    opener: Opener,
    run: Run,
    session: Option<Session>,
    /// There was a session before.
    had: bool,
}

impl Connection {
    pub(super) fn start(opener: Opener, run: Run) -> Result<Self> {
        let (jobs, queue) = channel::<Job>();
        let builder = Builder::new().name("connection".to_owned());
        let of = run.clone();
        let thread = builder.spawn(move || {
            let mut worker = Worker { opener, run: of, session: None, had: false };
            for job in queue {
                job(&mut worker);
            }
            if let Some(session) = worker.session.take() {
                // Everything was done and answered before: nothing hangs on this goodbye.
                let _ = session.logout();
            }
        });
        let thread = thread.map_err(|error| no_thread(&error))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), run })
    }

    /// Hands a job to the thread. `steadfast` says that the job changes mail.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        run: &Run,
        steadfast: bool,
        job: impl FnOnce(&mut Session, &Run) -> Result<T> + Send + 'static,
    ) -> Ticket<T> {
        let (sender, result) = channel();
        if let Some(jobs) = &self.jobs {
            // A failed send shows as a disconnected ticket.
            let _ = jobs.send(Box::new(move |worker| {
                let _ = sender.send(worker.work(steadfast, job));
            }));
        }
        Ticket { result, run: run.clone(), steadfast }
    }

    /// Waits until the thread has ended its jobs and logged out.
    pub(super) fn join(mut self) {
        self.jobs.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Connection {
    /// Lets the thread finish its jobs and log out. After an interrupt it gets little time for that: what
    /// changes mail has been waited for, and a thread that still looks for its host ends with the process.
    fn drop(&mut self) {
        self.jobs.take();
        let Some(thread) = self.thread.take() else { return };
        let mut raised: Option<Instant> = None;
        while !thread.is_finished() {
            if self.run.is_interrupted() && raised.get_or_insert_with(Instant::now).elapsed() > GRACE {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = thread.join();
    }
}

impl Worker {
    fn work<T>(&mut self, changes: bool, job: impl FnOnce(&mut Session, &Run) -> Result<T>) -> Result<T> {
        if self.run.is_interrupted() {
            return Err(ErrorKind::Interrupted.into());
        }
        let label = self.opener.label.clone();
        // Servers close what was idle for long: a script that slept has done nothing wrong.
        if self.session.as_ref().is_none_or(Session::has_ended) {
            self.session = None;
            self.session = Some(self.open().map_err(|error| error.in_account(&label))?);
            self.had = true;
        }
        let Some(session) = &mut self.session else { return Err(ErrorKind::Poisoned.into()) };
        let run = &self.run;
        let result = catch_unwind(AssertUnwindSafe(|| job(session, run)));
        for notice in session.take_notices() {
            self.run.world.tell(Event::Alert { account: label.clone(), text: notice.0 });
        }
        if result.is_err() || session.is_poisoned() {
            self.session = None;
        }
        result.unwrap_or_else(|_| Err(defect(changes))).map_err(|error| error.in_account(&label))
    }
}

impl Worker {
    /// Opens a session. Where there was one before, a line that is down for a moment is tried again, each time after a
    /// longer pause.
    fn open(&self) -> Result<Session> {
        let begun = Instant::now();
        let mut pauses = PAUSES.iter().filter(|_| self.had);
        loop {
            let error = match self.opener.open(&self.run) {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            let may_pass = matches!(
                *error.kind,
                ErrorKind::HostUnknown { .. }
                    | ErrorKind::Connect { .. }
                    | ErrorKind::Proxy { .. }
                    | ErrorKind::Provider { .. }
                    | ErrorKind::Timeout { .. }
                    | ErrorKind::ConnectionLost { .. }
                    | ErrorKind::Bye { .. }
                    | ErrorKind::Greeting { .. }
            );
            let goes_on = may_pass && begun.elapsed() < OUTAGE;
            let Some(pause) = pauses.next().filter(|_| goes_on) else { return Err(error) };
            let since = Instant::now();
            while since.elapsed() < *pause {
                if self.run.is_interrupted() {
                    return Err(ErrorKind::Interrupted.into());
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

fn no_thread(error: &io::Error) -> Error {
    let what = format!("no thread could be started for the connection: {error}");
    ErrorKind::Config { what, hint: "the system's limit of threads is reached".to_owned() }.into()
}

/// Makes the error of a job that panicked.
fn defect(changes: bool) -> Error {
    let what = "a defect of imapscript was met; please report it";
    if changes {
        let what = format!("{what}. Mail may have been changed: look into the mailboxes");
        ErrorKind::Partial { what }.into()
    } else {
        Error::protocol(what)
    }
}
