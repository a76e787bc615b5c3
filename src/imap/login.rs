use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::capability::Capabilities;
use super::carrier::Carrier;
use super::code::Code;
use super::encode::Command;
use super::mechanism::{Mechanism, Way, choose};
use super::pipeline::crate_error;
use super::prepared::prepared;
use super::response::{Response, Status, StatusLine};
use super::sasl::Exchange;
use super::session::{Context, Notice, Session};
use crate::error::{By, Error, ErrorKind, Result, visible};
use crate::mail::Secret;
use crate::wire::{Concealed, Event, Guard, Proxy, TlsSettings};

/// How the connection is protected.
#[derive(Clone, Debug)]
pub enum Security {
    /// TLS from the first byte, usually port 993 (RFC 8314).
    Implicit(TlsSettings),
    /// STARTTLS, usually port 143. Never falls back.
    Starttls(TlsSettings),
    /// STARTTLS where the server offers it, for those who ask for no more than that; `plain` says that the password may
    /// travel unencrypted otherwise.
    Offered {
        /** How the connection is checked. */
        tls: TlsSettings,
        /** It may stay unencrypted. */
        plain: bool,
    },
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
    /// What leads to it, if it is not reached directly.
    pub proxy: Option<Proxy>,
    /// What is said after the login is compressed, if the server can do it (RFC 4978).
    pub compress: bool,
}

/// Who logs in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user name.
    pub user: String,
    /// What shows that it is this user.
    pub proof: Proof,
}

/// What shows a server who somebody is.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A password.
    Password(Secret),
    /// An access token (OAuth 2.0).
    Token(Secret),
    /// The certificate that TLS shows: nothing else is said.
    Certificate,
}

impl Proof {
    /// Gives what nobody else may see.
    fn secret(&self) -> &str {
        match self {
            Self::Password(secret) | Self::Token(secret) => secret.expose(),
            Self::Certificate => "",
        }
    }

    fn by(&self) -> By {
        match self {
            Self::Password(_) => By::Password,
            Self::Token(_) => By::Token,
            Self::Certificate => By::Certificate,
        }
    }
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
            Security::Starttls(_) | Security::Offered { .. } | Security::None => None,
        };
        let guard = Guard::connect(
            &address.host,
            address.port,
            address.proxy.as_ref(),
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
        hello.greeting().map_err(|error| match (&*error.kind, tls) {
            // What speaks TLS at once waits for us.
            (ErrorKind::Timeout { seconds, .. }, None) => {
                Error::from(ErrorKind::Timeout { what: "greet", seconds: *seconds })
            }
            _ => error,
        })?;
        let mut client = imap::Client::new(guard.clone());
        client.greeting_read = true;
        let starttls = match &address.security {
            Security::Starttls(tls) => Some((tls, false)),
            Security::Offered { tls, plain } => Some((tls, *plain)),
            Security::Implicit(_) | Security::None => None,
        };
        if let Some((settings, plain)) = starttls {
            if hello.capabilities.is_empty() {
                hello.ask(&mut client)?;
            }
            if hello.capabilities.has("STARTTLS") {
                guard.starttls(&address.host, settings)?;
                // Anybody on the line could have said what came before.
                hello.capabilities = Capabilities::default();
                hello.notices.clear();
                hello.bye = None;
            } else if !plain {
                return Err(ErrorKind::StarttlsNotOffered.into());
            }
        }
        if hello.capabilities.is_empty() {
            hello.ask(&mut client)?;
        }
        let before = std::mem::take(&mut hello.capabilities);
        let inner = hello.log_in(client, address, credentials, pinned, &before)?;
        let mut session = Self::new(Carrier::Own(Box::new(inner), guard));
        session.capabilities = hello.capabilities;
        session.notices = hello.notices;
        if session.capabilities.is_empty() {
            session.run_one(&Command::new("CAPABILITY"), &mut |_| Ok(()))?;
        }
        if session.capabilities.has("NAMESPACE") {
            session.errands.push(Command::new("NAMESPACE"));
        }
        session.may_compress = address.compress && session.capabilities.has("COMPRESS=DEFLATE");
        Ok(session)
    }
}

/// What came of trying to log in.
enum Attempt {
    In(imap::Session<Guard>),
    Refused(Error, imap::Client<Guard>),
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
        address: &ServerAddress,
        credentials: &Credentials,
        pinned: Option<Mechanism>,
        offered: &Capabilities,
    ) -> Result<imap::Session<Guard>> {
        let way = choose(credentials, pinned, offered)?;
        let (error, client) = match self.attempt(client, address, credentials, way, offered)? {
            Attempt::In(session) => return Ok(session),
            Attempt::Refused(error, client) => (error, client),
        };
        // Dovecot hashes what a password is, other servers what SASLprep makes of it. Where that differs, both are tried.
        let is_scram = matches!(way, Way::Authenticate(mechanism) if mechanism.is_scram());
        let other = if is_scram && !self.guard.is_poisoned() { prepared(credentials) } else { None };
        let Some(other) = other.filter(|_| matches!(*error.kind, ErrorKind::Login { .. })) else {
            return Err(error);
        };
        match self.attempt(client, address, &other, way, offered)? {
            Attempt::In(session) => Ok(session),
            Attempt::Refused(..) => Err(error),
        }
    }

    /// Tries to log in once.
    ///
    /// Errors: what ends the connection.
    fn attempt(
        &mut self,
        client: imap::Client<Guard>,
        address: &ServerAddress,
        credentials: &Credentials,
        way: Way,
        offered: &Capabilities,
    ) -> Result<Attempt> {
        let secret = credentials.proof.secret();
        let quoted = secret.replace('\\', "\\\\").replace('"', "\\\"");
        let mut confidential = vec![secret.to_owned(), visible(secret), quoted, STANDARD.encode(secret)];
        let exchange = match way {
            Way::Login => None,
            Way::Authenticate(mechanism) => {
                let place = (address.host.as_str(), address.port);
                let exchange = Exchange::new(mechanism, credentials, place, &self.guard)?;
                confidential.push(exchange.opening());
                Some((mechanism, exchange))
            }
        };
        self.guard.set_secret(true);
        self.guard.conceal(Concealed::new(confidential));
        let result = match &exchange {
            None => client.login(&credentials.user, secret),
            Some((mechanism, exchange)) => {
                let opening = if offered.has("SASL-IR") { exchange.take_opening() } else { None };
                let mut words = Zeroizing::new(mechanism.name().to_owned());
                if let Some(opening) = opening {
                    words.push(' ');
                    words.push_str(&opening);
                }
                client.authenticate(words.as_str(), exchange)
            }
        };
        self.guard.set_secret(false);
        let exchange = exchange.map(|(_, exchange)| exchange);
        let verb = if exchange.is_some() { "AUTHENTICATE" } else { "LOGIN" };
        if let Some(failure) = exchange.as_ref().and_then(Exchange::take_failure) {
            return Err(failure.in_command(verb));
        }
        let heard = self.take_in()?;
        match result {
            Ok(session) => {
                exchange
                    .map_or(Ok(()), |exchange| exchange.verify())
                    .map_err(|error| error.in_command(verb))?;
                Ok(Attempt::In(session))
            }
            Err((error, client)) => {
                let reason = exchange.and_then(|exchange| exchange.take_refusal());
                let error = self.refusal(error, heard, reason, credentials, verb).in_command(verb);
                Ok(Attempt::Refused(error, client))
            }
        }
    }

    /// Tells why a login failed. `reason` is what the server said of the token, beside the line it ended with.
    fn refusal(
        &mut self,
        error: imap::Error,
        heard: Option<StatusLine>,
        reason: Option<String>,
        credentials: &Credentials,
        verb: &str,
    ) -> Error {
        match (error, heard) {
            (imap::Error::No(_) | imap::Error::Bad(_), Some(line)) => match (line.code, reason) {
                // The server is in trouble, not the password.
                (Some(code), _) if code.may_pass() => {
                    let command = verb.to_owned();
                    ErrorKind::Refused { command, status: line.status.word(), text: line.text }.into()
                }
                (_, reason) => {
                    let text = match reason.filter(|reason| !reason.is_empty()) {
                        Some(reason) => format!("{} ({reason})", line.text),
                        None => line.text,
                    };
                    ErrorKind::Login { user: credentials.user.clone(), by: credentials.proof.by(), text }
                        .into()
                }
            },
            (error, _) => {
                let error = self.explain(crate_error(error));
                match &*error.kind {
                    // A challenge that is no base64 is in the crate's own words.
                    ErrorKind::Protocol { what } => Error::protocol(self.guard.hide(what)),
                    _ => error,
                }
            }
        }
    }
}
