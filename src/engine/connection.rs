use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::opener::Opener;
use super::ticket::{GRACE, Ticket, defect, no_thread};
use super::world::Run;
use crate::error::{ErrorKind, Result};
use crate::imap::{Session, Side};

/// One connection: a thread that owns the session, and does one job after another on it; those that only read may go on
/// side by side.
///
/// It connects at the first job, and anew after the connection broke: what a job was given are names, which
/// outlive a session.
#[derive(Debug)]
pub(super) struct Connection {
    jobs: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
    run: Run,
}

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// What is done before them.
type First = Box<dyn FnOnce(&mut Session, &Run) -> Result<()> + Send>;

/// What the thread is handed.
enum Work {
    /// A job that has the session for itself.
    Alone(Job),
    /// Jobs that go on side by side, and with those of other groups that wait.
    Abreast(Group),
}

/// Jobs that go on side by side, and what is done before, with the session for itself: what that gives is for the first
/// of them.
struct Group {
    first: First,
    jobs: Vec<Beside>,
}

/// A job that only reads and may go on beside others. It gets a session, or hears why there is none, and tells whether
/// the session is still sound.
pub(super) type Beside = Box<dyn FnOnce(Result<&mut Session>, &Run) -> bool + Send>;

/// How long it waits between trying to connect again.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(8)];

/// How long it goes on trying: an attempt that runs into its time-out is mostly the last.
const OUTAGE: Duration = Duration::from_secs(30);

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
        let (jobs, queue) = channel::<Work>();
        let builder = Builder::new().name("connection".to_owned());
        let of = run.clone();
        let thread = builder.spawn(move || {
            let mut worker = Worker { opener, run: of, session: None, had: false };
            let mut next = None;
            while let Some(work) = next.take().or_else(|| queue.recv().ok()) {
                match work {
                    Work::Alone(job) => job(&mut worker),
                    Work::Abreast(group) => {
                        // Whoever comes while it is opened can still go along.
                        let begun = worker.session().map(drop);
                        let mut groups = vec![group];
                        while let Ok(work) = queue.try_recv() {
                            match work {
                                Work::Abreast(group) => groups.push(group),
                                alone @ Work::Alone(_) => {
                                    next = Some(alone);
                                    break;
                                }
                            }
                        }
                        worker.work_abreast(begun, groups);
                    }
                }
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
        let (ticket, promised) = Ticket::promise(run, steadfast);
        if let Some(jobs) = &self.jobs {
            // A job that can't be handed over breaks its promise, as a thread does that ends before it.
            let job: Job = Box::new(move |worker| promised.keep(worker.work(steadfast, job)));
            let _ = jobs.send(Work::Alone(job));
        }
        ticket
    }

    /// Makes a job that may go on beside others, and the promise of its result.
    pub(super) fn beside<T: Send + 'static>(
        label: &str,
        run: &Run,
        job: impl FnOnce(&mut Session, &Run) -> Result<T> + Send + 'static,
    ) -> (Ticket<T>, Beside) {
        let (ticket, promised) = Ticket::promise(run, false);
        let label = label.to_owned();
        let beside = move |session: Result<&mut Session>, run: &Run| {
            let (result, is_sound) =
                match session.map(|session| catch_unwind(AssertUnwindSafe(|| job(session, run)))) {
                    Ok(Ok(result)) => (result.map_err(|error| error.in_account(&label)), true),
                    Ok(Err(_)) => (Err(defect(false).in_account(&label)), false),
                    Err(error) => (Err(error), true),
                };
            promised.keep(result);
            is_sound
        };
        (ticket, Box::new(beside))
    }

    /// Hands jobs to the thread that go on side by side, and with others of their kind that wait there. `first` is done
    /// before, with the session for itself; what it gives is for the first of them.
    pub(super) fn submit_abreast(
        &self,
        first: impl FnOnce(&mut Session, &Run) -> Result<()> + Send + 'static,
        jobs: Vec<Beside>,
    ) {
        if let Some(queue) = &self.jobs {
            // As above.
            let _ = queue.send(Work::Abreast(Group { first: Box::new(first), jobs }));
        }
    }

    /// Lets no more jobs come: the thread logs out after those that it has.
    pub(super) fn close(&mut self) {
        self.jobs.take();
    }

    /// Waits until the thread has ended its jobs and logged out.
    pub(super) fn join(mut self) {
        self.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Connection {
    /// Lets the thread finish its jobs and log out. After an interrupt it gets little time for that: what
    /// changes mail has been waited for, and a thread that still looks for its host ends with the process.
    fn drop(&mut self) {
        self.close();
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
        let run = self.run.clone();
        let session = self.session()?;
        let result = catch_unwind(AssertUnwindSafe(|| job(session, &run)));
        self.tidy(result.is_ok());
        let result = result.unwrap_or_else(|_| Err(defect(changes)));
        result.map_err(|error| error.in_account(&self.opener.label))
    }

    fn work_abreast(&mut self, opened: Result<()>, groups: Vec<Group>) {
        let run = self.run.clone();
        let session = match opened.and_then(|()| self.session()) {
            Ok(session) => session,
            Err(error) => {
                for job in groups.into_iter().flat_map(|group| group.jobs) {
                    job(Err(error.clone()), &run);
                }
                return;
            }
        };
        let (mut jobs, mut is_sound) = (Vec::new(), true);
        for group in groups {
            let begun = catch_unwind(AssertUnwindSafe(|| (group.first)(session, &run)));
            is_sound &= begun.is_ok();
            let mut of_group = group.jobs.into_iter();
            if let Err(error) = begun.unwrap_or_else(|_| Err(defect(true)))
                && let Some(job) = of_group.next()
            {
                job(Err(error), &run);
            }
            jobs.extend(of_group);
        }
        if jobs.len() > 1 {
            let run = &run;
            let side = |job: Beside| -> Side<'_> {
                Box::new(move |session| {
                    let _ = job(Ok(session), run);
                })
            };
            session.abreast(jobs.into_iter().map(side).collect());
        } else if let Some(job) = jobs.pop() {
            is_sound &= job(Ok(session), &run);
        }
        self.tidy(is_sound);
    }

    /// Gives the session, which is opened if need be.
    fn session(&mut self) -> Result<&mut Session> {
        if self.run.is_interrupted() {
            return Err(ErrorKind::Interrupted.into());
        }
        // Servers close what was idle for long: a script that slept has done nothing wrong.
        if self.session.as_ref().is_none_or(Session::has_ended) {
            self.session = None;
            let session = self.open().map_err(|error| error.in_account(&self.opener.label))?;
            self.session = Some(session);
            self.had = true;
        }
        self.session.as_mut().ok_or_else(|| ErrorKind::Poisoned.into())
    }

    /// Tells what the server wants a person to see, and gives a session up that is good for nothing any more.
    fn tidy(&mut self, is_sound: bool) {
        let Some(session) = &mut self.session else { return };
        self.run.alert(&self.opener.label, session);
        if !is_sound || session.is_poisoned() {
            self.session = None;
        }
    }
}

impl Worker {
    /// Opens a session. Where there was one before, a line that is down for a moment is tried again, each time after a
    /// longer pause.
    fn open(&self) -> Result<Session> {
        let clock = &*self.run.context.clock;
        let begun = clock.now();
        let mut pauses = PAUSES.iter().filter(|_| self.had);
        loop {
            let login = self.run.progress.begin(&self.opener.label, "logging in".to_owned(), None);
            let error = match self.opener.open(&self.run) {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            let goes_on = error.keeps_out_for_now() && clock.since(begun) < OUTAGE;
            let Some(pause) = pauses.next().filter(|_| goes_on) else { return Err(error) };
            drop(login);
            let since = clock.now();
            while clock.since(since) < *pause {
                if self.run.is_interrupted() {
                    return Err(ErrorKind::Interrupted.into());
                }
                clock.sleep(Duration::from_millis(20));
            }
        }
    }
}
