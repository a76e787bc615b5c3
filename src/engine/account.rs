mod jobs;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::account_record;
use super::account_settings::{AccountSettings, Preferences, TlsMode};
use super::cache::OwnCache;
use super::connection::Connection;
use super::journal::AccountRow;
use super::opener::Opener;
use super::proof_source::ProofSource;
use super::secret_source::SecretSource;
use super::together::Held;
use super::watch::Mark;
use super::world::{Event, Run};
use crate::error::{ErrorKind, Result, visible};
use crate::imap::{Security, ServerAddress};
use crate::mail::{MailboxName, Secret};

/// An account: a name for a mail store, and a connection to it that is opened at first use.
///
/// Clones are the same account.
#[derive(Clone, Debug)]
pub struct Account {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    label: String,
    /// How the journal knows it.
    row: AccountRow,
    opener: Opener,
    run: Run,
    connection: Mutex<Option<Connection>>,
    /// Jobs that are held back until all are known that go on side by side.
    held: Held,
    /// It was looked whether an earlier run left something open.
    looked_back: AtomicBool,
    /// Held by who puts messages here from elsewhere: two at once could take each other's copies for their own.
    receiving: Mutex<()>,
    /// What was there at the last wait for news of each mailbox.
    marks: Mutex<HashMap<MailboxName, Mark>>,
}

impl Account {
    /// Makes an account of settings. Nothing is connected yet, and no secret is read.
    ///
    /// Errors: a missing host or user, and an unprotected connection that would leave this machine.
    pub fn new(settings: AccountSettings, run: &Run) -> Result<Self> {
        let account = Self::make(settings, run)?;
        let preferences = &account.run().preferences;
        run.logins.add(account.row(), &account.inner.opener, preferences);
        Ok(account)
    }

    fn make(mut settings: AccountSettings, run: &Run) -> Result<Self> {
        settings.for_paths(|path| {
            if let Some(place) = run.accounts.at_home(path) {
                *path = place;
            }
        });
        for (name, value) in [("host", &settings.host), ("user", &settings.user)] {
            if value.trim().is_empty() || value.chars().any(char::is_control) {
                let what = format!("`{name}` is empty or has a control character in it");
                return Err(ErrorKind::Config { what, hint: format!("give `login` a `{name}`") }.into());
            }
        }
        for (use_, name) in &settings.special_use {
            if name.is_empty() || name.starts_with('@') {
                let what = format!("`special_use` names no mailbox for `{}`", use_.name());
                let hint = "give it the name that scripts use: `trash = \"Deleted Items\"`".to_owned();
                return Err(ErrorKind::Config { what, hint }.into());
            }
        }
        settings.check()?;
        let label = settings.label();
        let port = settings.port();
        let (proof, proxy) = (settings.proof()?, settings.proxy());
        let timeout = settings.timeout.map(|seconds| Duration::from_secs(seconds.get().into()));
        let row = account_record::row(&settings, &label, run.sandbox.is_some());
        let opener = match run.sandbox {
            Some(address) => Opener {
                label: label.clone(),
                address: ServerAddress {
                    host: address.ip().to_string(),
                    port: address.port(),
                    security: Security::None,
                    proxy: None,
                    compress: settings.compress.unwrap_or(false),
                },
                proxy: None,
                // A store of its own for each account, and the same one in the next run.
                user: format!("{} {}:{port}", settings.user, settings.host.to_lowercase()),
                proof: ProofSource::Password(SecretSource::Literal(Secret::new("sandbox"))),
                known: Arc::default(),
                mechanism: None,
                timeout,
                own_prefix: None,
            },
            None => Opener {
                label: label.clone(),
                address: ServerAddress {
                    security: security(&settings, &label, run)?,
                    compress: settings.compress.unwrap_or(!settings.is_here()),
                    host: settings.host,
                    port,
                    proxy: None,
                },
                proxy,
                user: settings.user,
                proof,
                known: Arc::default(),
                mechanism: settings.mechanism,
                timeout,
                own_prefix: settings.namespace,
            },
        };
        let limit = settings.limit.map(NonZeroUsize::get);
        let preferences = Preferences {
            special_use: settings.special_use,
            limit,
            connections: settings.connections.map(NonZeroUsize::get),
            cache: settings.cache,
        };
        Ok(Self::with(row, opener, Arc::new(preferences), run))
    }

    fn with(row: AccountRow, opener: Opener, preferences: Arc<Preferences>, run: &Run) -> Self {
        // Two logins of one user see the same mailboxes, and so the same plan.
        let overlay = run.overlay.as_ref().map(|overlay| overlay.for_account(&row));
        let run = Run { preferences, overlay, ..run.clone() };
        let inner = Inner {
            label: opener.label.clone(),
            row,
            opener,
            run,
            connection: Mutex::new(None),
            held: Held::default(),
            looked_back: AtomicBool::new(false),
            receiving: Mutex::default(),
            marks: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Makes an account again that the journal knows: as the run logs in to it, if it does, else as the accounts file has
    /// it, else as it was done then.
    ///
    /// Errors: as [`Account::new`], an accounts file that makes no sense, and a note that can't be read.
    pub fn known(row: &AccountRow, run: &Run) -> Result<Self> {
        if let Some((opener, preferences)) = run.logins.find(&row.identity) {
            return Ok(Self::with(row.clone(), opener, preferences, run));
        }
        let described = run.accounts.reached_by(&row.identity)?;
        Self::make(described.map_or_else(|| account_record::settings(row), Ok)?, run)
    }

    /// Finds the account that the command line names: in the accounts file, else among those that the journal knows by what
    /// people call them, or by how the journal does; the only one that it knows need not be named.
    ///
    /// Errors: there is none, or more than one; and as [`Account::known`].
    pub fn chosen(run: &Run) -> Result<Self> {
        let name = run.accounts.chosen();
        if let Some(settings) = name.and_then(|name| run.accounts.described(name).transpose()) {
            return Self::new(settings?, run);
        }
        let known = run.journal()?.known_accounts()?;
        let is_it = |row: &&AccountRow| name.is_none_or(|name| row.label == name || row.identity == name);
        let found: Vec<&AccountRow> = known.iter().filter(is_it).collect();
        if let [row] = found.as_slice() {
            return Self::known(row, run);
        }
        let what = match (name, found.is_empty()) {
            (Some(name), true) => format!("no script has changed an account `{}`", visible(name)),
            (Some(name), false) => format!("more than one account is called `{}`", visible(name)),
            (None, true) => "no script has changed an account yet".to_owned(),
            (None, false) => "it must be said which account is meant".to_owned(),
        };
        let of = if found.is_empty() { known.iter().collect() } else { found };
        let names: Vec<_> =
            of.iter().map(|row| format!("`--account {:?}`", visible(&row.identity))).collect();
        let hint = match names.as_slice() {
            [] => "run a script once that changes the account: how it is reached is known then".to_owned(),
            names => format!("there is {}", names.join(", ")),
        };
        Err(ErrorKind::Usage { what, hint }.into())
    }

    /// Gives what opens a connection to it.
    pub(super) fn opener(&self) -> &Opener {
        &self.inner.opener
    }

    /// Gives how the journal knows it.
    pub(super) fn row(&self) -> &AccountRow {
        &self.inner.row
    }

    /// Gives what is remembered of its mailboxes, where it may be. A dry run writes nothing, and a sandbox that is started
    /// again has other messages under the same UIDVALIDITY.
    pub(super) fn cache(&self) -> Option<OwnCache> {
        let run = &self.inner.run;
        if !run.preferences.cache || run.sandbox.is_some() || run.overlay.is_some() {
            return None;
        }
        Some(OwnCache::new(Arc::clone(run.state.cache()?), &self.inner.row))
    }

    /// Gives what people call the account: `user@host`.
    pub fn label(&self) -> &str {
        &self.inner.label
    }

    /// Gives the run that the account belongs to.
    pub fn run(&self) -> &Run {
        &self.inner.run
    }

    /// Gives what was there at the last wait for news of each mailbox.
    pub(super) fn marks(&self) -> MutexGuard<'_, HashMap<MailboxName, Mark>> {
        self.inner.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the next job look again whether something was left open, as a job that failed may have left it.
    pub(super) fn look_back_again(&self) {
        self.inner.looked_back.store(false, Ordering::Relaxed);
    }

    /// Tells whether both are the same user's on the same server, though a script may have logged in twice.
    pub(super) fn is_same_store(&self, other: &Self) -> bool {
        let (one, two) = (&self.inner.opener, &other.inner.opener);
        one.user == two.user
            && one.address.port == two.address.port
            && one.address.host.eq_ignore_ascii_case(&two.address.host)
    }

    /// Waits until nobody else puts messages here from another account, and keeps others from it.
    pub(super) fn receive(&self) -> MutexGuard<'_, ()> {
        self.inner.receiving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, after an interrupt, until nothing is at work for the account any more, however long that takes. What has
    /// not begun never begins.
    pub fn come_to_rest(&self) {
        if let Some(connection) = self.take_connection() {
            connection.join();
        }
    }

    /// Finishes what is under way and logs out. The next job connects again.
    pub fn log_out(&self) {
        drop(self.take_connection());
    }

    /// Does the same for several at once: none waits for another's goodbye.
    pub fn log_out_all(accounts: &[Self]) {
        let mut connections: Vec<_> = accounts.iter().filter_map(Self::take_connection).collect();
        connections.iter_mut().for_each(Connection::close);
    }

    fn take_connection(&self) -> Option<Connection> {
        self.inner.connection.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl PartialEq for Account {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

fn security(settings: &AccountSettings, label: &str, run: &Run) -> Result<Security> {
    let tls = settings.tls_settings();
    let is_here = settings.is_here();
    let lenient = match (settings.unchecked, settings.any_host) {
        (true, _) => Some(format!("{label}: the server's certificate is not checked")),
        (false, true) => Some(format!(
            "{label}: the server's certificate may be for another host than `{}`",
            settings.host
        )),
        (false, false) => None,
    };
    if let Some(text) = lenient {
        run.world.tell(Event::Warning(text));
    }
    match settings.tls {
        TlsMode::Offered => Ok(Security::Offered { tls, plain: settings.allow_plaintext || is_here }),
        TlsMode::Implicit => Ok(Security::Implicit(tls)),
        TlsMode::Starttls => Ok(Security::Starttls(tls)),
        TlsMode::None if is_here => Ok(Security::None),
        TlsMode::None if settings.allow_plaintext => {
            let text =
                format!("{label}: the password and all mail travel unencrypted to `{}`", settings.host);
            run.world.tell(Event::Warning(text));
            Ok(Security::None)
        }
        TlsMode::None => Err(ErrorKind::Plaintext { host: settings.host.clone() }.into()),
    }
}
