use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::{Timestamp, ZonedDateTime};

use super::account::Account;
use super::capability::Capabilities;
use super::message::StoredMessage;
use super::sample;
use super::session::{Session, lock};
use crate::mail::{Flag, MailboxName, Uid, UidValidity};

/// How many clients are served at once.
const CLIENTS_MAX: usize = 200;
/// How many login names get a store.
const ACCOUNTS_MAX: usize = 1000;

/// How a sandbox is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one. Loopback by default: everyone may log in.
    pub address: SocketAddr,
    /// Capabilities that are switched off, such as `MOVE` or `UIDPLUS`; in any case.
    pub without: Vec<String>,
    /// Whether a new account begins with the sample mail, or with an empty INBOX.
    pub sample: bool,
    /// The time of the sandbox's clock when it starts. The sample mail's ages count back from it.
    pub now: Timestamp,
    /// The hierarchy delimiter, an ASCII character.
    pub delimiter: char,
    /// The personal namespace's prefix, such as `INBOX.`; mailboxes are created below it only.
    pub prefix: String,
    /// Whether every account is one of Gmail's. Else those are whose name ends with Gmail's host and port, as
    /// `--sandbox` makes the name of an account on `imap.gmail.com`.
    pub gmail: bool,
    /// The only password that is taken; without it, any is.
    pub password: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            without: Vec::new(),
            sample: false,
            now: Timestamp::now(),
            delimiter: '/',
            prefix: String::new(),
            gmail: false,
            password: None,
        }
    }
}

/// What all sessions of a sandbox share.
pub(super) struct Shared {
    pub(super) capabilities: Capabilities,
    pub(super) password: Option<String>,
    options: Options,
    started: Instant,
    accounts: Mutex<BTreeMap<String, Arc<Mutex<Account>>>>,
    stopping: AtomicBool,
}

impl Shared {
    /// Gives the time on the sandbox's clock.
    pub(super) fn now(&self) -> Timestamp {
        let elapsed = self.started.elapsed();
        self.options.now.checked_add(elapsed).unwrap_or(self.options.now)
    }

    /// Gives a user's store, made at first need. `None` where there are too many.
    pub(super) fn account(&self, user: &str) -> Option<Arc<Mutex<Account>>> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get(user) {
            return Some(Arc::clone(account));
        }
        if accounts.len() >= ACCOUNTS_MAX {
            return None;
        }
        let gmail_host = [" imap.gmail.com", " imap.googlemail.com"];
        let host = user.rsplit_once(':').map_or("", |(name, _)| name);
        let gmail = self.options.gmail || gmail_host.iter().any(|gmail| host.ends_with(gmail));
        let mut account = if gmail {
            Account::new(user, '/', "")
        } else {
            Account::new(user, self.options.delimiter, &self.options.prefix)
        };
        if gmail {
            account.play_gmail();
        }
        if self.options.sample {
            sample::fill(&mut account, self.options.now);
        }
        let account = Arc::new(Mutex::new(account));
        accounts.insert(user.to_owned(), Arc::clone(&account));
        Some(account)
    }
}

/// A running IMAP server on a loopback port, with an account for every name that logs in.
///
/// It ends when it is dropped.
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a server.
    ///
    /// # Errors
    /// What the system says where it can't listen at the address; `InvalidInput` for a delimiter
    /// that is not a printable ASCII character.
    pub fn start(options: Options) -> io::Result<Self> {
        if !options.delimiter.is_ascii_punctuation() || "\"\\*%".contains(options.delimiter) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the delimiter must be ASCII punctuation",
            ));
        }
        let listener = TcpListener::bind(options.address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            capabilities: Capabilities::without(&options.without),
            password: options.password.clone(),
            options,
            started: Instant::now(),
            accounts: Mutex::new(BTreeMap::new()),
            stopping: AtomicBool::new(false),
        });
        let for_clients = Arc::clone(&shared);
        let name = "sandbox listener".to_owned();
        let listener = thread::Builder::new().name(name).spawn(move || listen(&listener, &for_clients))?;
        Ok(Self { address, shared, listener: Some(listener) })
    }

    /// Gives the address it listens at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the listener and all connections.
    pub fn stop(self) {
        drop(self);
    }

    /// Gives a user's mailboxes and what is in them, as they are now. Without a login there are none.
    pub fn mailboxes(&self, user: &str) -> Vec<(MailboxName, Vec<StoredMessage>)> {
        let accounts = self.shared.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(account) = accounts.get(user) else { return Vec::new() };
        let account = lock(account);
        account.mailboxes.iter().map(|(name, mailbox)| (name.clone(), mailbox.messages.clone())).collect()
    }

    /// Gives the messages of one mailbox, as they are now; none where it does not exist.
    pub fn messages(&self, user: &str, mailbox: &str) -> Vec<StoredMessage> {
        let named = |(name, _): &(MailboxName, _)| Some(name) == MailboxName::new(mailbox).as_ref();
        self.mailboxes(user).into_iter().find(named).map(|(_, messages)| messages).unwrap_or_default()
    }

    /// Puts a message into a user's mailbox, as a delivery does; both are made where they don't exist.
    /// Gives its UID, or `None` where the name or the sandbox's limits do not allow it.
    pub fn deliver(
        &self,
        user: &str,
        mailbox: &str,
        raw: &[u8],
        flags: &[Flag],
        internal_date: &ZonedDateTime,
    ) -> Option<Uid> {
        let name = MailboxName::new(mailbox)?;
        let account = self.shared.account(user)?;
        let mut account = lock(&account);
        if !account.mailboxes.contains_key(&name) {
            account.create(&name).ok()?;
        }
        let flags: BTreeSet<Flag> = flags.iter().filter(|flag| **flag != Flag::Recent).cloned().collect();
        account.append(&name, raw.to_vec(), flags, internal_date.clone()).ok().map(|(_, uid)| uid)
    }

    /// Numbers a mailbox's messages anew, the last one first, under a new UIDVALIDITY, as a server does that lost
    /// its index: no UID means what it meant. Sessions that have the mailbox open end. Gives the new UIDVALIDITY,
    /// or `None` where there is no such mailbox.
    pub fn rebuild(&self, user: &str, mailbox: &str) -> Option<UidValidity> {
        let name = MailboxName::new(mailbox)?;
        let account =
            Arc::clone(self.shared.accounts.lock().unwrap_or_else(PoisonError::into_inner).get(user)?);
        lock(&account).rebuild(&name).ok()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // The listener waits for a connection; this is one, and it may come too late.
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        let woken = TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok();
        if let Some(listener) = self.listener.take().filter(|_| woken) {
            // It can't be told of a panic that it already printed.
            let _ = listener.join();
        }
    }
}

/// Takes connections until the sandbox stops, and then ends those that are open.
fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut clients: Vec<(TcpStream, JoinHandle<()>)> = Vec::new();
    loop {
        let accepted = listener.accept();
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        clients.retain(|(_, thread)| !thread.is_finished());
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely; a moment later there may be some.
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        if clients.len() >= CLIENTS_MAX {
            let _ = io::Write::write_all(&mut &stream, b"* BYE Too many connections\r\n");
            continue;
        }
        let Ok(handle) = stream.try_clone() else { continue };
        let shared = Arc::clone(shared);
        let name = "sandbox session".to_owned();
        let session = thread::Builder::new().name(name).spawn(move || Session::serve(stream, shared));
        if let Ok(thread) = session {
            clients.push((handle, thread));
        }
    }
    for (stream, _) in &clients {
        // Already closed is as good as closed.
        let _ = stream.shutdown(Shutdown::Both);
    }
    for (_, thread) in clients {
        let _ = thread.join();
    }
}
