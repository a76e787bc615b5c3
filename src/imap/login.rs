use std::cell::Cell;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::capability::Capabilities;
use super::code::Code;
use super::encode::Command;
use super::pipeline::crate_error;
use super::response::{Response, Status, StatusLine};
use super::session::{Context, Notice, Session};
use crate::error::{Error, ErrorKind, Result, visible};
use crate::mail::Secret;
use crate::wire::{Concealed, Event, Guard, TlsSettings};

/// How the connection is protected.
#[derive(Clone, Debug)]
pub enum Security {
    /// TLS from the first byte, usually port 993 (RFC 8314).
    Implicit(TlsSettings),
    /// STARTTLS, usually port 143. Never falls back.
    Starttls(TlsSettings),
    /// None. Who may use it is decided above.
    None,
}

/// Where a server is.
#[derive(Clone, Debug)]
pub struct ServerAddress {
    /// The name or address; also what the certificate must be for.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
}

/// Who logs in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// How a user is shown to be who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mechanism {
    /// The LOGIN command (RFC 3501 §6.2.3).
    Login,
    /// AUTHENTICATE PLAIN (RFC 4616).
    Plain,
}

impl Session {
    /// Connects, checks the greeting, starts TLS where asked for, and logs in.
    ///
    /// `pinned` is the only mechanism to use; without it the server's offer decides. Errors: everything
    /// of kind connection or auth; nothing was changed on the server.
    pub fn open(
        address: &ServerAddress,
        credentials: &Credentials,
        pinned: Option<Mechanism>,
        context: &Context,
    ) -> Result<Self> {
        let tls = match &address.security {
            Security::Implicit(settings) => Some(settings),
            Security::Starttls(_) | Security::None => None,
        };
        let guard = Guard::connect(
            &address.host,
            address.port,
            tls,
            context.timeouts.unwrap_or_default(),
            context.interrupt.clone(),
            context.transcript.clone(),
        )?;
        let mut hello = Hello {
            guard: guard.clone(),
            capabilities: Capabilities::default(),
            notices: Vec::new(),
            bye: None,
        };
        hello.greeting()?;
        let mut client = imap::Client::new(guard.clone());
        client.greeting_read = true;
        if let Security::Starttls(settings) = &address.security {
            if hello.capabilities.is_empty() {
                hello.ask(&mut client)?;
            }
            if !hello.capabilities.has("STARTTLS") {
                return Err(ErrorKind::StarttlsNotOffered.into());
            }
            guard.starttls(&address.host, settings)?;
            hello.capabilities = Capabilities::default();
        }
        if hello.capabilities.is_empty() {
            hello.ask(&mut client)?;
        }
        let before = std::mem::take(&mut hello.capabilities);
        let inner = hello.log_in(client, credentials, pinned, &before)?;
        let mut session = Self::new(inner, guard);
        session.capabilities = hello.capabilities;
        session.notices = hello.notices;
        if session.capabilities.is_empty() {
            session.run_one(&Command::new("CAPABILITY"), &mut |_| Ok(()))?;
        }
        if session.capabilities.has("NAMESPACE") {
            session.errands.push(Command::new("NAMESPACE"));
        }
        Ok(session)
    }
}

/// What is learnt before there is a session.
struct Hello {
    guard: Guard,
    capabilities: Capabilities,
    notices: Vec<Notice>,
    bye: Option<String>,
}

impl Hello {
    /// Waits for the greeting (RFC 3501 §7.1.1-§7.1.5): `* OK`, and nothing else will do.
    fn greeting(&mut self) -> Result<()> {
        let frame = self.guard.greeting()?;
        let text = || visible(&String::from_utf8_lossy(frame.bytes().get(..200).unwrap_or(frame.bytes())));
        let line = match frame.bytes().strip_prefix(b"* ") {
            Some(rest) => StatusLine::parse(rest),
            None => None,
        };
        match line {
            Some(line) if line.status == Status::Ok => {
                self.hear(&line);
                Ok(())
            }
            Some(line) if line.status == Status::Bye => {
                self.guard.poison();
                Err(ErrorKind::Bye { text: line.text }.into())
            }
            _ => {
                self.guard.poison();
                Err(ErrorKind::Greeting { text: text() }.into())
            }
        }
    }

    fn hear(&mut self, line: &StatusLine) {
        match &line.code {
            Some(Code::Capability(capabilities)) => self.capabilities = capabilities.clone(),
            Some(Code::Alert) => self.notices.push(Notice(line.text.clone())),
            _ => {}
        }
        if line.status == Status::Bye {
            self.bye = Some(line.text.clone());
        }
    }

    /// Takes in what came while the crate waited for its own replies; gives the last tagged one.
    fn take_in(&mut self) -> Result<Option<StatusLine>> {
        let mut last = None;
        for event in self.guard.take_queued() {
            match event {
                Event::Untagged(frame) => match Response::parse(&frame)? {
                    Response::Status(line) => self.hear(&line.hiding(&self.guard)),
                    Response::Capability(capabilities) => self.capabilities = capabilities,
                    _ => {}
                },
                Event::Tagged(tag, frame) => {
                    last = StatusLine::parse(frame.bytes().get(tag.len() + 1..).unwrap_or_default())
                        .map(|line| line.hiding(&self.guard));
                    if let Some(line) = &last {
                        self.hear(line);
                    }
                }
                Event::Continuation(_) => {}
            }
        }
        Ok(last)
    }

    fn explain(&mut self, error: Error) -> Error {
        match (&*error.kind, self.bye.take()) {
            (ErrorKind::ConnectionLost { .. }, Some(text)) => ErrorKind::Bye { text }.into(),
            _ => error,
        }
    }

    /// Asks for the capabilities.
    fn ask(&mut self, client: &mut imap::Client<Guard>) -> Result<()> {
        let asked = client.capabilities().map(|_| ()).map_err(crate_error);
        let heard = self.take_in();
        asked.map_err(|error| self.explain(error).in_command("CAPABILITY"))?;
        heard.map(|_| ())
    }

    fn log_in(
        &mut self,
        client: imap::Client<Guard>,
        credentials: &Credentials,
        pinned: Option<Mechanism>,
        offered: &Capabilities,
    ) -> Result<imap::Session<Guard>> {
        let mechanism = choose(credentials, pinned, offered)?;
        let password = credentials.password.expose();
        let plain = Plain::new(&credentials.user, password);
        let quoted = password.replace('\\', "\\\\").replace('"', "\\\"");
        self.guard.set_secret(true);
        self.guard.conceal(Concealed::new([password.to_owned(), visible(password), quoted, plain.initial()]));
        let result = match mechanism {
            Mechanism::Login => client.login(&credentials.user, password),
            Mechanism::Plain => {
                let at_once = offered.has("SASL-IR").then(|| format!("PLAIN {}", plain.initial()));
                client.authenticate(at_once.as_deref().unwrap_or("PLAIN"), &plain)
            }
        };
        self.guard.set_secret(false);
        let verb = match mechanism {
            Mechanism::Login => "LOGIN",
            Mechanism::Plain => "AUTHENTICATE",
        };
        let heard = self.take_in()?;
        let error = match result {
            Ok(session) => return Ok(session),
            Err((error, _)) => error,
        };
        let error = match (error, heard) {
            (imap::Error::No(_) | imap::Error::Bad(_), Some(line)) => {
                let text = line.text;
                match line.code {
                    // The server is in trouble, not the password.
                    Some(Code::Unavailable) => {
                        ErrorKind::Refused { command: verb.to_owned(), status: line.status.word(), text }
                            .into()
                    }
                    _ => ErrorKind::Login { user: credentials.user.clone(), text }.into(),
                }
            }
            (error, _) => {
                let error = self.explain(crate_error(error));
                match &*error.kind {
                    // A challenge that is no base64 is in the crate's own words.
                    ErrorKind::Protocol { what } => Error::protocol(self.guard.hide(what)),
                    _ => error,
                }
            }
        };
        Err(error.in_command(verb))
    }
}

/// Chooses how to log in: what costs the fewest turns of what is offered and can carry the credentials.
fn choose(credentials: &Credentials, pinned: Option<Mechanism>, offered: &Capabilities) -> Result<Mechanism> {
    let printable = |text: &str| text.bytes().all(|b| matches!(b, b' '..=b'~'));
    let quotable = printable(&credentials.user) && printable(credentials.password.expose());
    let login = quotable && !offered.has("LOGINDISABLED");
    let plain = offered.has("AUTH=PLAIN");
    match pinned {
        Some(Mechanism::Plain) if plain => Ok(Mechanism::Plain),
        None if plain && (offered.has("SASL-IR") || !login) => Ok(Mechanism::Plain),
        Some(Mechanism::Login) | None if login => Ok(Mechanism::Login),
        _ => {
            let offered: Vec<_> =
                offered.iter().filter(|name| name.starts_with("AUTH=") || *name == "LOGINDISABLED").collect();
            let offered = if offered.is_empty() { "LOGIN".to_owned() } else { offered.join(" ") };
            Err(ErrorKind::NoMechanism { offered: visible(&offered) }.into())
        }
    }
}

/// SASL PLAIN: authorization identity (empty), user and password, between NULs (RFC 4616).
struct Plain {
    message: Zeroizing<Vec<u8>>,
    asked: Cell<bool>,
}

impl Plain {
    fn new(user: &str, password: &str) -> Self {
        let message = [b"\0", user.as_bytes(), b"\0", password.as_bytes()].concat();
        Self { message: message.into(), asked: Cell::new(false) }
    }

    /// Gives the message for SASL-IR (RFC 4959), in base64.
    fn initial(&self) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(&*self.message)
    }
}

impl imap::Authenticator for Plain {
    type Response = Vec<u8>;

    fn process(&self, _challenge: &[u8]) -> Vec<u8> {
        // A server that challenges a second time wants something that PLAIN does not have.
        if self.asked.replace(true) { Vec::new() } else { self.message.to_vec() }
    }
}
