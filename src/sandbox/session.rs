use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use imap_codec::AuthenticateDataCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::auth::{AuthMechanism, AuthenticateData};
use imap_codec::imap_types::command::CommandBody;
use imap_codec::imap_types::mailbox::Mailbox as WireMailbox;

use super::account::Account;
use super::capability::Capabilities;
use super::connection::{Connection, End, Incoming, tag};
use super::extension::{self, Request};
use super::reply::Reply;
use super::server::Shared;
use super::view::View;
use crate::mail::MailboxName;

/// How often an idling session looks for changes.
const IDLE_LOOK: Duration = Duration::from_millis(25);

/// The longest line of an AUTHENTICATE exchange.
const AUTHENTICATE_MAX: usize = 8 * 1024;

/// One client's session, from greeting to goodbye (RFC 3501 §3).
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) shared: Arc<Shared>,
    pub(super) account: Option<Arc<Mutex<Account>>>,
    pub(super) selected: Option<View>,
    /// What it offers to this client: an account of Gmail's has more.
    pub(super) capabilities: Capabilities,
}

/// Locks an account. A thread that panicked while it held the lock leaves a store that is still whole
/// enough to be served.
pub(super) fn lock(account: &Mutex<Account>) -> MutexGuard<'_, Account> {
    account.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a decoded mailbox name as ours. `None` for one that no mailbox can have.
pub(super) fn name_of(mailbox: &WireMailbox<'_>) -> Option<MailboxName> {
    match mailbox {
        WireMailbox::Inbox => Some(MailboxName::inbox()),
        WireMailbox::Other(other) => MailboxName::from_wire(other.as_ref()),
    }
}

impl Session {
    /// Serves a client until one of the two ends it.
    pub(super) fn serve(stream: TcpStream, shared: Arc<Shared>) {
        let Ok(connection) = Connection::new(stream) else { return };
        let capabilities = shared.capabilities.clone();
        let mut session = Self { connection, shared, account: None, selected: None, capabilities };
        let greeting = format!("* OK [CAPABILITY {}] Sandbox ready", session.capabilities.text(false));
        session.connection.line(&greeting);
        let end = loop {
            if let Err(end) = session.turn() {
                break end;
            }
        };
        if let End::Bye(reason) = end {
            session.connection.line(&format!("* BYE {reason}"));
        }
        session.connection.close();
    }

    /// Answers one command.
    fn turn(&mut self) -> Result<(), End> {
        let (tag, reply) = match self.connection.command(&self.capabilities, self.account.is_none())? {
            Incoming::Refused(tag, reason) => (tag, Reply::bad(reason)),
            Incoming::Whole(bytes) => match extension::decode(&bytes, &self.capabilities) {
                Err(_) => (tag(&bytes), Reply::bad("This is no command")),
                Ok(request) => {
                    let tag = request.command.tag.inner().to_owned();
                    if matches!(request.command.body, CommandBody::Logout) {
                        self.connection.line("* BYE See you");
                        self.connection.line(&Reply::ok("Logged out").line(&tag));
                        return Err(End::Gone);
                    }
                    let compresses = matches!(request.command.body, CommandBody::Compress { .. });
                    let reply = self.answer(&tag, request)?;
                    if compresses && reply.is_ok() {
                        self.connection.line(&reply.line(&tag));
                        return self.connection.compress();
                    }
                    (tag, reply)
                }
            },
        };
        self.connection.line(&reply.line(&tag));
        self.connection.relieve()
    }

    fn answer(&mut self, tag: &str, request: Request) -> Result<Reply, End> {
        let capabilities = self.capabilities.clone();
        let needed = match &request.command.body {
            CommandBody::Id { .. } => Some("ID"),
            CommandBody::Enable { .. } => Some("ENABLE"),
            CommandBody::Idle => Some("IDLE"),
            CommandBody::Namespace => Some("NAMESPACE"),
            CommandBody::Unselect => Some("UNSELECT"),
            CommandBody::Move { .. } => Some("MOVE"),
            CommandBody::Compress { .. } => Some("COMPRESS=DEFLATE"),
            CommandBody::ExpungeUid { .. } => Some("UIDPLUS"),
            CommandBody::Authenticate { initial_response: Some(_), .. } => Some("SASL-IR"),
            _ => None,
        };
        if needed.is_some_and(|capability| !capabilities.has(capability)) {
            return Ok(Reply::bad("That is not offered here"));
        }
        match request.command.body {
            CommandBody::Capability => {
                let text = capabilities.text(self.account.is_some());
                self.connection.line(&format!("* CAPABILITY {text}"));
                Ok(Reply::ok("That is all"))
            }
            CommandBody::Id { .. } => {
                let version = env!("CARGO_PKG_VERSION");
                let line = format!("* ID (\"name\" \"imapscript sandbox\" \"version\" \"{version}\")");
                self.connection.line(&line);
                Ok(Reply::ok("Pleased to meet you"))
            }
            CommandBody::Noop => {
                self.tell(true, false)?;
                Ok(Reply::ok("Nothing done"))
            }
            CommandBody::Login { .. } | CommandBody::Authenticate { .. } if self.account.is_some() => {
                Ok(Reply::bad("You are logged in already"))
            }
            CommandBody::Login { username, password } => {
                let user = String::from_utf8_lossy(username.as_ref()).into_owned();
                Ok(self.log_in(&user, password.declassify().as_ref()))
            }
            CommandBody::Authenticate { mechanism, initial_response } => {
                let initial = initial_response.map(|secret| secret.declassify().to_vec());
                self.authenticate(&mechanism, initial)
            }
            _ if self.account.is_none() => Ok(Reply::bad("Log in first")),
            CommandBody::Idle => self.idle(),
            CommandBody::Compress { .. } if self.connection.is_compressed() => {
                Ok(Reply::no("COMPRESSIONACTIVE", "That is done already"))
            }
            CommandBody::Compress { .. } => Ok(Reply::ok("From here on")),
            _ => self.answer_logged_in(tag, request),
        }
    }

    fn log_in(&mut self, user: &str, password: &[u8]) -> Reply {
        if user.is_empty() || self.shared.password.as_ref().is_some_and(|p| p.as_bytes() != password) {
            return Reply::no("AUTHENTICATIONFAILED", "Name or password is wrong");
        }
        match self.shared.account(user) {
            Some(account) => {
                if lock(&account).gmail.is_some() {
                    self.capabilities = self.capabilities.clone().of_gmail();
                }
                self.account = Some(account);
            }
            None => return Reply::no("LIMIT", "The sandbox has no room for another account"),
        }
        let capabilities = format!("CAPABILITY {}", self.capabilities.text(true));
        Reply::ok("Welcome").with_code(Some(capabilities))
    }

    /// Does AUTHENTICATE PLAIN (RFC 3501 §6.2.2, RFC 4616, RFC 4959). The store is the authorisation
    /// identity's, where one is given.
    fn authenticate(
        &mut self,
        mechanism: &AuthMechanism<'_>,
        initial: Option<Vec<u8>>,
    ) -> Result<Reply, End> {
        if *mechanism != AuthMechanism::Plain || !self.capabilities.has("AUTH=PLAIN") {
            return Ok(Reply::no("CANNOT", "Only PLAIN is offered"));
        }
        let response = if let Some(initial) = initial {
            initial
        } else {
            self.connection.line("+ ");
            let line = self.connection.read_line(AUTHENTICATE_MAX)?;
            match AuthenticateDataCodec::new().decode_static(&line) {
                Ok(([], AuthenticateData::Continue(data))) => data.declassify().to_vec(),
                Ok((_, AuthenticateData::Cancel)) => return Ok(Reply::bad("Cancelled")),
                _ => return Ok(Reply::bad("This is no answer")),
            }
        };
        let mut fields = response.split(|&b| b == 0);
        let (Some(other), Some(own), Some(password), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Ok(Reply::bad("PLAIN has three fields"));
        };
        let user = String::from_utf8_lossy(if other.is_empty() { own } else { other }).into_owned();
        Ok(self.log_in(&user, password))
    }

    /// Idles until DONE (RFC 2177).
    fn idle(&mut self) -> Result<Reply, End> {
        self.connection.line("+ Idling");
        loop {
            self.tell(true, false)?;
            self.connection.flush()?;
            let Some(line) = self.connection.poll_line(IDLE_LOOK)? else { continue };
            let done = imap_codec::IdleDoneCodec::new().decode(&line).is_ok_and(|(rest, _)| rest.is_empty());
            return Ok(if done { Reply::ok("Idled") } else { Reply::bad("Expected DONE") });
        }
    }

    /// Writes what has changed in the selected mailbox, if one is selected.
    pub(super) fn tell(&mut self, expunge: bool, uid: bool) -> Result<(), End> {
        let (Some(account), Some(view)) = (&self.account, &mut self.selected) else { return Ok(()) };
        let mut account = lock(account);
        let mailbox = account.by_validity(view.validity).ok_or(GONE)?;
        view.tell(mailbox, expunge, uid, &mut self.connection.out);
        Ok(())
    }
}

/// How a session ends whose mailbox another one deleted: it has no numbers left to speak of.
pub(super) const GONE: End = End::Bye("The selected mailbox was deleted");
