use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::cache::Cache;
use super::journal::{AccountRow, Journal, Purpose};
use super::lock::Lock;
use super::world::{Event, World};
use crate::error::{ErrorKind, Result};
use crate::wire::Interrupt;

/// How long a run waits for an account that another run is changing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    #[default]
    No,
    /// As long as it takes; while it has another account's lock itself, a minute at most.
    Forever,
    /// So long at most.
    For(Duration),
}

/// How long a run that has a lock waits for another one at most: two runs could wait for each other.
const PATIENCE: Duration = Duration::from_secs(60);

/// What outlives a run: the journal, and the locks that keep runs apart. Nothing of it is touched before the run's
/// first change.
#[derive(Debug)]
pub struct State {
    /// The directory, or why there is none.
    directory: Result<PathBuf, String>,
    /// What is run, as history will list it.
    name: String,
    wait: Wait,
    /// What the run is for, where that is not a script.
    purpose: OnceLock<Purpose>,
    /// The path of the script, where it is noted how that fares.
    script: OnceLock<String>,
    journal: Mutex<Option<Arc<Journal>>>,
    /// `None` inside where there is none.
    cache: OnceLock<Option<Arc<Cache>>>,
    locks: Mutex<Vec<(String, Lock)>>,
}

impl State {
    /// Makes the state of a run. The directory is made when it is needed; where there is none, the reason is told then.
    pub fn new(directory: Result<PathBuf, String>, name: String, wait: Wait) -> Self {
        Self {
            directory,
            name,
            wait,
            purpose: OnceLock::new(),
            script: OnceLock::new(),
            journal: Mutex::default(),
            cache: OnceLock::new(),
            locks: Mutex::default(),
        }
    }

    /// Lets nothing be remembered of mailboxes from run to run.
    #[must_use]
    pub fn without_cache(self) -> Self {
        Self { cache: OnceLock::from(None), ..self }
    }

    /// Opens the cache, once; `None` where there is none.
    pub(super) fn cache(&self) -> Option<&Arc<Cache>> {
        let open = || self.directory.as_ref().ok().and_then(|path| Cache::open(path)).map(Arc::new);
        self.cache.get_or_init(open).as_ref()
    }

    /// Says what the run is for, before it changes anything.
    pub(super) fn is_for(&self, purpose: Purpose) {
        // Only the first of two could be meant, and nobody says it twice.
        let _ = self.purpose.set(purpose);
    }

    /// Gives the directory, which need not exist.
    pub(super) fn directory(&self) -> Result<&PathBuf> {
        self.directory.as_ref().map_err(|why| {
            let what = format!("there is no place for the journal: {why}");
            let hint = "nothing is changed without it; `--state DIR` names a directory for it".to_owned();
            ErrorKind::Config { what, hint }.into()
        })
    }

    /// Opens the journal, once.
    pub fn journal(&self, world: &dyn World) -> Result<Arc<Journal>> {
        let mut slot = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(journal) = &*slot {
            return Ok(Arc::clone(journal));
        }
        let warn = |text| world.tell(Event::Warning(text));
        let journal = Arc::new(Journal::open(self.directory()?, &warn)?);
        *slot = Some(Arc::clone(&journal));
        Ok(journal)
    }

    /// Gives the journal to look into, where there is one that can be read: nothing is made or changed. What is wrong with
    /// it is said, and perhaps mended, where something is to be changed.
    pub(super) fn past(&self) -> Option<Arc<Journal>> {
        Journal::look(self.directory.as_ref().ok()?).ok()?.map(Arc::new)
    }

    /// Makes ready to change an account: takes its lock, and notes run and account in the journal, which proves that it
    /// can be written to.
    ///
    /// Errors: another run changes the account, and the journal can't be used.
    pub(super) fn begin(
        &self,
        account: &AccountRow,
        world: &dyn World,
        interrupt: &Interrupt,
    ) -> Result<Arc<Journal>> {
        let journal = self.journal(world)?;
        // Kept while waiting: the same account may be used twice in a run, by two connections.
        let mut locks = self.locks();
        if !locks.iter().any(|(identity, _)| *identity == account.identity) {
            let lock = self.take(account, !locks.is_empty(), interrupt)?;
            locks.push((account.identity.clone(), lock));
            journal.begin_run(&self.name, self.purpose.get().unwrap_or(&Purpose::Script))?;
            journal.note_account(account)?;
        }
        Ok(journal)
    }

    fn locks(&self) -> MutexGuard<'_, Vec<(String, Lock)>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, account: &AccountRow, has_another: bool, interrupt: &Interrupt) -> Result<Lock> {
        let directory = self.directory()?;
        let patience = match self.wait {
            Wait::No => Some(Duration::ZERO),
            Wait::Forever => has_another.then_some(PATIENCE),
            Wait::For(most) if has_another => Some(most.min(PATIENCE)),
            Wait::For(most) => Some(most),
        };
        let start = Instant::now();
        loop {
            if let Some(lock) = Lock::take(directory, &account.identity)? {
                return Ok(lock);
            }
            if patience.is_some_and(|patience| start.elapsed() >= patience) {
                return Err(ErrorKind::Locked { account: account.label.clone() }.into());
            }
            if interrupt.is_raised() {
                return Err(ErrorKind::Interrupted.into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Says that it is to be noted how this script fares.
    pub fn is_of_script(&self, path: String) {
        // A run has one script.
        let _ = self.script.set(path);
    }

    /// Notes how the script ended, whether it has changed anything or not, or how it fares while it goes on; `error` says
    /// what went wrong.
    pub fn note_health(&self, exit: u8, error: Option<&str>, world: &dyn World) -> Result<()> {
        match self.script.get() {
            Some(script) => self.journal(world)?.note_health(script, exit, error),
            None => Ok(()),
        }
    }

    /// Notes how the run ended, if it has changed anything, and gives the locks back.
    pub fn end(&self, exit: u8) -> Result<()> {
        if let Some(Some(cache)) = self.cache.get() {
            cache.tidy();
        }
        let journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner).take();
        let noted = journal.map_or(Ok(()), |journal| journal.end_run(exit));
        self.locks().clear();
        noted
    }
}
