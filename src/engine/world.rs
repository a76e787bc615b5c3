use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::ZonedDateTime;
use jiff::tz::TimeZone;

use super::account_settings::Preferences;
use super::accounts::Accounts;
use super::journal::Journal;
use super::limits::Limits;
use super::logins::Logins;
use super::overlay::Overlay;
use super::permission::{Permission, Permissions};
use super::progress::{Progress, Work};
use super::report::Report;
use super::state::State;
use super::ticket::Bell;
use super::watch::Summons;
use crate::error::{Error, ErrorKind, Result, visible};
use crate::imap;

/// The most mailboxes that a run may create.
const MOST_CREATED: usize = 50;

/// Something that happened and that the user may want to see.
#[derive(Debug)]
pub enum Event {
    /// An action ended; the report says what it did.
    Done(Box<Report>),
    /// What an earlier run had begun was looked after; the report says what became of it.
    Settled(Box<Report>),
    /// The server wants a person to read this (RFC 3501 §7.1, ALERT).
    Alert {
        /** The account. */
        account: String,
        /** The server's words. */
        text: String,
    },
    /// Something that a dry run would do and that is no action with a report.
    Planned(String),
    /// A line of what rules say of the message that the run is asked about.
    Explained(String),
    /// Something that is no failure but should be known.
    Warning(String),
    /// What a script says through `log`: level and text.
    Log(&'static str, String),
}

/// What the engine asks of the program around it: the environment, the terminal, the clock, and somebody to
/// tell.
pub trait World: Send + Sync {
    /// Gives an environment variable.
    fn env(&self, name: &str) -> Option<String>;
    /// Asks for a secret on the terminal, without echo.
    fn prompt(&self, text: &str) -> io::Result<String>;
    /// Gives what the system keyring has by a name, if it has anything. The error says why it can't be asked.
    fn keyring(&self, _name: &str) -> std::result::Result<Option<String>, String> {
        Err("there is none".to_owned())
    }
    /// Keeps a secret in the system keyring by a name, in place of what is there; without one, that is removed. The error
    /// says why it can't be done.
    fn keep_in_keyring(&self, _name: &str, _secret: Option<&str>) -> std::result::Result<(), String> {
        Err("there is none".to_owned())
    }
    /// Gives the time, in the user's zone.
    fn now(&self) -> ZonedDateTime;
    /// Takes note of an event.
    fn tell(&self, event: Event);
    /// Shows what is being done, to a person who waits; or that it is over, where that is nothing.
    fn progress(&self, _works: &[Work]) {}
}

/// A world in which nothing is asked and nothing told.
#[derive(Debug)]
pub struct Nobody;

impl World for Nobody {
    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn prompt(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn now(&self) -> ZonedDateTime {
        ZonedDateTime::now()
    }

    fn tell(&self, _: Event) {}
}

/// One run of the program: what all its accounts share.
#[derive(Clone)]
pub struct Run {
    /// Time-outs, interrupt and transcript.
    pub context: imap::Context,
    /// The program around it.
    pub world: Arc<dyn World>,
    /// Where every account really connects to, without TLS, if this is a sandbox run.
    pub sandbox: Option<SocketAddr>,
    /// How many mailboxes it has created.
    pub created: Arc<AtomicUsize>,
    /// How much it may remove, and whether it may create mailboxes.
    pub limits: Arc<Limits>,
    /// What it may do.
    pub permissions: Arc<Permissions>,
    /// The accounts that a file describes.
    pub accounts: Arc<Accounts>,
    /// How it logs in to accounts.
    pub logins: Arc<Logins>,
    /// What outlives it: the journal, and the locks of accounts.
    pub state: Arc<State>,
    /// The Message-ID of the message of which rules are to say why they take it or not.
    pub why: Option<Arc<str>>,
    /// The time zone that the script has chosen in place of the user's.
    pub zone: Arc<Mutex<Option<TimeZone>>>,
    /// What the owner of the account has decided for it.
    pub preferences: Arc<Preferences>,
    /// Reports name each message.
    pub detailed: bool,
    /// What is being done.
    pub progress: Arc<Progress>,
    /// What is planned, if this is a dry run: then nothing is changed.
    pub overlay: Option<Overlay>,
    /// Rings at each end of a job.
    pub bell: Bell,
    /// Asks a watcher to look at everything.
    pub summons: Summons,
}

impl Run {
    /// Makes a run that may do everything but purge, on the servers that its script names.
    pub fn new(context: imap::Context, world: Arc<dyn World>, state: State) -> Self {
        Self {
            context,
            world,
            sandbox: None,
            created: Arc::default(),
            limits: Arc::default(),
            permissions: Arc::default(),
            accounts: Arc::default(),
            logins: Arc::default(),
            state: Arc::new(state),
            zone: Arc::default(),
            preferences: Arc::default(),
            detailed: false,
            progress: Arc::default(),
            overlay: None,
            why: None,
            bell: Bell::default(),
            summons: Summons::default(),
        }
    }

    /// Tells what a server wants a person to see.
    pub(super) fn alert(&self, account: &str, session: &mut imap::Session) {
        for notice in session.take_notices() {
            self.world.tell(Event::Alert { account: account.to_owned(), text: notice.0 });
        }
    }

    /// Refuses what it may not do.
    pub fn permit(&self, permission: Permission) -> Result<()> {
        self.permissions.check(permission)
    }

    /// Gives the journal.
    ///
    /// Error: it can't be used.
    pub(super) fn journal(&self) -> Result<Arc<Journal>> {
        self.state.journal(&*self.world)
    }

    /// Gives the journal to look into: in a dry run only where there is one, and without making it fit for anything else.
    pub(super) fn known_past(&self) -> Result<Option<Arc<Journal>>> {
        if self.overlay.is_some() { Ok(self.state.past()) } else { self.journal().map(Some) }
    }

    /// Refuses, in a dry run, to run a program of which the script does not say that it only reads.
    ///
    /// `function` is who runs it.
    pub fn permit_program(&self, function: &str, reads: bool) -> Result<()> {
        self.permit(Permission::Exec)?;
        if self.overlay.is_none() || reads {
            return Ok(());
        }
        Err(Error::script(
            format!("a dry run can't tell what `{function}` would change, and does not run it"),
            "where the program changes nothing, say so: `reads = true` beside its arguments",
        ))
    }

    /// Refuses to create so many mailboxes more for messages that are put there.
    ///
    /// Error: [`ErrorKind::Limit`], where one of them is called `name`.
    pub(super) fn may_create(&self, more: usize, name: &str) -> Result<()> {
        let (what, hint) = if self.limits.no_create {
            let what = format!("mailbox `{}` does not exist, and `--no-create` was given", visible(name));
            (what, "create it first, or leave `--no-create` away")
        } else {
            let all = self.created.load(Ordering::Relaxed) + more;
            if all <= MOST_CREATED || self.limits.are_lifted() {
                return Ok(());
            }
            let what = format!("{all} mailboxes would be created, and a run may create {MOST_CREATED}");
            (what, "create them first, or use fewer values in the target")
        };
        Err(ErrorKind::Limit { what, hint: hint.to_owned() }.into())
    }

    /// Ends a part of the run that stands for itself, as a watcher's answer to news does: what it did is a run of its own
    /// in the journal, its locks are given back, and what comes after has limits of its own. `exit` says how it ended.
    ///
    /// Error: the end can't be noted.
    pub(super) fn end_part(&self, exit: u8) -> Result<()> {
        self.limits.begin_anew();
        self.created.store(0, Ordering::Relaxed);
        self.state.end(exit)
    }

    /// Counts a mailbox that was created.
    pub(super) fn count_created(&self) {
        self.created.fetch_add(1, Ordering::Relaxed);
    }

    /// Gives the time, in the zone that the script has chosen, or else in the user's.
    pub fn now(&self) -> ZonedDateTime {
        let now = self.world.now();
        match &*self.zone.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(zone) => now.with_time_zone(zone.clone()),
            None => now,
        }
    }

    /// Counts days in another time zone from now on: one of the system's, such as `Europe/Vienna`, or a rule as `TZ`
    /// may have it (POSIX).
    ///
    /// Errors: there is none of that name.
    pub fn set_zone(&self, name: &str) -> Result<()> {
        let zone = TimeZone::get(name).or_else(|_| TimeZone::posix(name)).map_err(|_| {
            let hint = "zones are named as in `TZ`: \"Europe/Vienna\", \"UTC\"";
            Error::script(format!("there is no time zone `{}` on this system", visible(name)), hint)
        })?;
        *self.zone.lock().unwrap_or_else(PoisonError::into_inner) = Some(zone);
        Ok(())
    }

    /// Tells whether the user wants it to end.
    pub fn is_interrupted(&self) -> bool {
        self.context.interrupt.is_raised()
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("context", &self.context)
            .field("sandbox", &self.sandbox)
            .finish_non_exhaustive()
    }
}
