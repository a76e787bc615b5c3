use std::sync::Arc;
use std::time::Duration;

use super::capability::Capabilities;
use super::carrier::Carrier;
use super::changed_since::Resync;
use super::clock::{Clock, MachineClock};
use super::code::Code;
use super::encode::Command;
use super::list::ListEntry;
use super::response::{Response, Status};
use super::search::SearchLimits;
use super::selected::Selected;
use crate::error::{Error, ErrorKind, Result};
use crate::mail::Namespaces;
use crate::wire::{Frame, Interrupt, Timeouts, Transcript};

/// What a session needs of the world around it.
#[derive(Clone, Debug)]
pub struct Context {
    /// How long to wait for the other side, if somebody has said it.
    pub timeouts: Option<Timeouts>,
    /// Raised by Ctrl-C.
    pub interrupt: Interrupt,
    /// Where to record the conversation.
    pub transcript: Option<Transcript>,
    /// What waits are measured by.
    pub clock: Arc<dyn Clock>,
}

impl Default for Context {
    fn default() -> Self {
        let (interrupt, clock) = (Interrupt::default(), Arc::new(MachineClock));
        Self { timeouts: None, interrupt, transcript: None, clock }
    }
}

/// Something a server said that a person must see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice(pub String);

/// A logged-in session: one connection, used by one thread.
///
/// After an error of the connection it is poisoned, and every later call fails: open a new one.
#[derive(Debug)]
pub struct Session {
    pub(super) carrier: Carrier,
    pub(super) capabilities: Capabilities,
    pub(super) namespaces: Option<Namespaces>,
    /// What the user's own mailboxes begin with, whatever the server says.
    pub(super) own_prefix: Option<String>,
    pub(super) selected: Option<Selected>,
    /// The server adds nothing to a mailbox that is open for reading only.
    pub(super) adds_if_written: bool,
    pub(super) notices: Vec<Notice>,
    pub(super) bye: Option<String>,
    /// Commands that cost no turn of their own: they leave with the next flight, and their failure is
    /// nobody's concern.
    pub(super) errands: Vec<Command>,
    /// COMPRESS is still to be sent, with the next flight.
    pub(super) may_compress: bool,
    pub(super) resync: Resync,
    pub(super) search_limits: SearchLimits,
    /// The least time from sending something to the end of its first command.
    pub(super) shortest_turn: Option<Duration>,
}

impl Session {
    pub(super) fn new(carrier: Carrier) -> Self {
        Self {
            carrier,
            capabilities: Capabilities::default(),
            namespaces: None,
            own_prefix: None,
            selected: None,
            adds_if_written: false,
            notices: Vec::new(),
            bye: None,
            errands: Vec::new(),
            may_compress: false,
            resync: Resync::default(),
            search_limits: SearchLimits::default(),
            shortest_turn: None,
        }
    }

    /// Gives what the server can do.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Gives what searches must do without.
    pub fn search_limits(&self) -> SearchLimits {
        self.search_limits
    }

    /// Remembers what later searches must do without.
    pub fn limit_searches(&mut self, limits: SearchLimits) {
        self.search_limits = limits;
    }

    /// Gives the least that a turn has taken so far.
    pub fn shortest_turn(&self) -> Duration {
        self.shortest_turn.unwrap_or_default()
    }

    /// Gives the open mailbox.
    pub fn selected(&self) -> Option<&Selected> {
        self.selected.as_ref()
    }

    /// Takes the alerts that came since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Tells whether the connection can't be used any more.
    pub fn is_poisoned(&self) -> bool {
        self.guard().is_ok_and(|guard| guard.is_poisoned())
    }

    /// Tells whether the connection is over: given up, or closed by the server while nothing was asked.
    pub fn has_ended(&self) -> bool {
        self.guard().is_ok_and(|guard| guard.has_ended())
    }

    /// Adds a line about what is asked to the record of the conversation, if there is one. A session that shares a
    /// connection has none.
    pub fn note(&self, text: &str) {
        if let Ok(guard) = self.guard() {
            guard.note(text);
        }
    }

    /// While on, an interrupt doesn't end the wait for a reply: mail is being changed.
    pub fn set_steadfast(&self, on: bool) {
        if let Ok(guard) = self.guard() {
            guard.set_steadfast(on);
        }
    }

    /// Reads an untagged response and takes in what it says of the session.
    pub(super) fn digest(&mut self, frame: &Frame) -> Result<Response> {
        let guard = self.guard()?;
        let mut response = Response::parse(frame).inspect_err(|_| guard.poison())?;
        if let Response::Status(line) = response {
            response = Response::Status(line.hiding(&guard));
        }
        self.take_in(&response);
        Ok(response)
    }

    /// Takes in what a response says of the session.
    pub(super) fn take_in(&mut self, response: &Response) {
        match response {
            Response::Capability(capabilities) => self.capabilities = capabilities.clone(),
            Response::Namespace(spaces) => self.namespaces = Some(spaces.clone()),
            Response::Status(line) => {
                if line.status == Status::Bye {
                    self.bye = Some(line.text.clone());
                }
                match &line.code {
                    Some(Code::Capability(capabilities)) => self.capabilities = capabilities.clone(),
                    Some(Code::Alert) => self.notices.push(Notice(line.text.clone())),
                    _ => {}
                }
            }
            _ => {}
        }
        if let Some(selected) = &mut self.selected {
            selected.absorb(response);
        }
    }

    /// Makes the loss of the connection what the server said it was, if it said goodbye.
    pub(super) fn explain(&mut self, error: Error) -> Error {
        match (&*error.kind, self.bye.take()) {
            (ErrorKind::ConnectionLost { .. }, Some(text)) => {
                Error { kind: Box::new(ErrorKind::Bye { text }), ..error }
            }
            (_, bye) => {
                self.bye = bye;
                error
            }
        }
    }

    /// Asks for the namespaces (RFC 2342), once a session. A server without them has one, with the
    /// delimiter that an empty LIST tells.
    pub fn namespaces(&mut self) -> Result<Namespaces> {
        if self.namespaces.is_none() {
            self.errands.retain(|errand| errand.verb() != "NAMESPACE");
            let spaces = if self.capabilities.has("NAMESPACE") {
                self.run_one(&Command::new("NAMESPACE"), &mut |_| Ok(()))?;
                self.namespaces.clone()
            } else {
                let mut spaces = None;
                let command = Command::new("LIST").string(b"")?.string(b"")?;
                self.run_one(&command, &mut |response| {
                    if let Response::Root(delimiter) | Response::List(ListEntry { delimiter, .. }) = response
                    {
                        let mut found = Namespaces::default();
                        found.personal.delimiter = delimiter;
                        spaces = Some(found);
                    }
                    Ok(())
                })?;
                spaces
            };
            self.namespaces = Some(spaces.unwrap_or_default());
        }
        let mut spaces = self.namespaces.clone().unwrap_or_default();
        if let Some(prefix) = &self.own_prefix {
            spaces.personal.prefix.clone_from(prefix);
        }
        Ok(spaces)
    }

    /// Sets what the names of the user's own mailboxes begin with, whatever the server says.
    pub fn set_own_prefix(&mut self, prefix: &str) {
        self.own_prefix = Some(prefix.to_owned());
    }

    /// Tells the server who we are and gives what it says of itself (RFC 2971): nothing, where it can't.
    pub fn id(&mut self) -> Result<Vec<(String, String)>> {
        if !self.capabilities.has("ID") {
            return Ok(Vec::new());
        }
        let command = Command::new("ID").syntax("(\"name\" \"imapscript\"").syntax("\"version\"");
        let command = command.string(env!("CARGO_PKG_VERSION").as_bytes())?.glued(")");
        let mut fields = Vec::new();
        self.run_one(&command, &mut |response| {
            if let Response::Id(found) = response {
                fields = found;
            }
            Ok(())
        })?;
        Ok(fields)
    }

    /// Does nothing, but hears what is new (RFC 3501 §6.1.2).
    pub fn noop(&mut self) -> Result<()> {
        self.run_one(&Command::new("NOOP"), &mut |_| Ok(()))
    }

    /// Ends the session (RFC 3501 §6.1.3). On a poisoned connection nothing is said.
    pub fn logout(mut self) -> Result<()> {
        if self.is_poisoned() {
            return Ok(());
        }
        let ended = self.inner()?.logout();
        match ended {
            Ok(()) | Err(imap::Error::Bye(_) | imap::Error::ConnectionLost) => Ok(()),
            Err(imap::Error::Io(error)) => match Error::from(error) {
                // Some servers hang up right after BYE.
                Error { kind, .. } if matches!(*kind, ErrorKind::ConnectionLost { .. }) => Ok(()),
                error => Err(error.in_command("LOGOUT")),
            },
            Err(error) => Err(Error::protocol(error.to_string()).in_command("LOGOUT")),
        }
    }
}
