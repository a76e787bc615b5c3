//! The one error type of the library: fields here, prose only in `Display`.

mod hint;
mod outage;
mod tls_problem;

use std::io;

pub use tls_problem::TlsProblem;

/// A `Result` with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and where: the account, mailbox and command it concerns, as far as they are known.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{kind}")]
pub struct Error {
    /// What went wrong.
    pub kind: Box<ErrorKind>,
    /// The account it concerns, as `user@host`.
    pub account: Option<String>,
    /// The mailbox it concerns, as scripts write it.
    pub mailbox: Option<String>,
    /// The IMAP command that was refused or cut off, without its arguments.
    pub command: Option<String>,
}

/// The kinds of failure.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant's message names its fields")]
pub enum ErrorKind {
    /// The name look-up gave nothing.
    #[error("host `{host}` can't be found: {cause}")]
    HostUnknown { host: String, cause: String },
    /// No address of the host could be connected to.
    #[error("can't connect to `{host}` port {port}: {cause}")]
    Connect { host: String, port: u16, cause: String },
    /// The proxy did not lead to the server.
    #[error("the proxy `{proxy}` failed: {what}")]
    Proxy { proxy: String, what: String },
    /// The proxy does not let us in.
    #[error("the proxy `{proxy}` failed: it refused the name and password")]
    ProxyLogin { proxy: String },
    /// The server was silent for longer than the time-out.
    #[error("the server did not {what} within {seconds} second{}", if *seconds == 1 { "" } else { "s" })]
    Timeout { what: &'static str, seconds: u64 },
    /// The connection broke.
    #[error("the connection was lost: {cause}")]
    ConnectionLost { cause: String },
    /// An error spoiled this connection earlier; nothing on it can be trusted.
    #[error("the connection was given up after an earlier error")]
    Poisoned,
    /// The TLS handshake failed.
    #[error("TLS with `{host}` failed: {problem}")]
    Tls { host: String, problem: TlsProblem },
    /// STARTTLS was asked for and the server has none.
    #[error("the server does not offer STARTTLS, and `tls = \"starttls\"` never falls back to plain text")]
    StarttlsNotOffered,
    /// The server (or somebody on the line) misbehaved during STARTTLS.
    #[error("STARTTLS failed: {what}")]
    Starttls { what: String },
    /// What the server compressed can't be read.
    #[error("what the server compressed can't be read: {what}")]
    Compression { what: &'static str },
    /// A password would travel unencrypted.
    #[error("`tls = \"none\"` with `{host}` would send the password in the clear")]
    Plaintext { host: String },
    /// The first thing the server said was not `* OK`.
    #[error("the server's greeting is not an IMAP `* OK`: {text}")]
    Greeting { text: String },
    /// The server closed the session.
    #[error("the server closed the session: {text}")]
    Bye { text: String },
    /// The server sent something that is not IMAP, or more than a cap allows.
    #[error("the server sent what can't be right: {what}")]
    Protocol { what: String },
    /// The login was refused.
    #[error("the server refused the login of `{user}`{by}: {text}")]
    Login { user: String, by: By, text: String },
    /// The server has let somebody in without showing that it knows the password.
    #[error("the server did not show that it knows the password of `{user}`")]
    Unproven { user: String },
    /// A provider of tokens refuses, or makes no sense.
    #[error("{what}")]
    Oauth { what: String },
    /// Nobody has logged in with the provider of tokens, or it was too long ago.
    #[error("nobody has logged in to `{account}` with its provider, or it was too long ago")]
    NotLoggedIn { account: String },
    /// A provider of tokens can't be reached.
    #[error("the provider `{host}` can't be asked for a token: {cause}")]
    Provider { host: String, cause: String },
    /// An exchange of AUTHENTICATE could not be brought to its end.
    #[error("{mechanism} failed: {what}")]
    Sasl { mechanism: &'static str, what: String },
    /// The server forbids LOGIN and offers no other mechanism of ours.
    #[error("the server offers no way to log in here (it offers: {offered})")]
    NoMechanism { offered: String },
    /// A command was answered NO or BAD.
    #[error("the server refused {command}: {status} {text}")]
    Refused { command: String, status: &'static str, text: String },
    /// A mailbox's UIDs no longer mean what they meant.
    #[error(
        "mailbox `{mailbox}` was rebuilt on the server (UIDVALIDITY was {was}, now is {is}): the messages found before can't be told any more"
    )]
    UidValidityChanged { mailbox: String, was: u32, is: u32 },
    /// The server gives no UIDVALIDITY, so no message can be named safely.
    #[error(
        "the server gives no UIDVALIDITY for mailbox `{mailbox}`: its messages can be read but not changed"
    )]
    NoUidValidity { mailbox: String },
    /// The mailbox can't be written to.
    #[error("mailbox `{mailbox}` is read-only")]
    ReadOnly { mailbox: String },
    /// The flag can't be stored in this mailbox.
    #[error("mailbox `{mailbox}` does not keep the flag `{flag}`")]
    FlagNotKept { mailbox: String, flag: String },
    /// A special-use mailbox such as `@trash` does not exist.
    #[error("there is no `{name}` mailbox in this account (there are: {found})")]
    NoSpecialUse { name: String, found: String },
    /// A mailbox to be deleted still has messages.
    #[error("mailbox `{mailbox}` is not empty: it has {messages} message{}", if *messages == 1 { "" } else { "s" })]
    NotEmpty { mailbox: String, messages: u32 },
    /// A message is larger than may be loaded.
    #[error("message {uid} has {size} bytes, more than the {cap} that are loaded at most")]
    TooLarge { uid: u32, size: u64, cap: u64 },
    /// A message that was named is not there any more.
    #[error("message {uid} is no longer in the mailbox")]
    Gone { uid: u32 },
    /// A script asked for something that makes no sense; says what and, as hint, what to do.
    #[error("{what}")]
    Script { what: String, hint: String },
    /// A function of the script's failed on a message.
    #[error("{function} failed on {message}: {cause}")]
    Function { function: String, message: String, cause: String, class: Class },
    /// The run has no permission for it.
    #[error("this run may not {permission}")]
    Forbidden { permission: &'static str, by_script: bool },
    /// A limit forbids it; nothing was done.
    #[error("{what}")]
    Limit { what: String, hint: String },
    /// Another run is changing the account.
    #[error("another run of imapscript is changing {account}")]
    Locked { account: String },
    /// Some of an action was done and some was not. The report says which.
    #[error("{what}")]
    Partial { what: String },
    /// A call failed that had done something before.
    #[error("not all was done: {first}")]
    NotAll { first: Box<ErrorKind> },
    /// The command line makes no sense.
    #[error("{what}")]
    Usage { what: String, hint: String },
    /// A file, secret or setting can't be used.
    #[error("{what}")]
    Config { what: String, hint: String },
    /// Ctrl-C, or a termination signal.
    #[error("interrupted")]
    Interrupted,
}

/// What a login was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum By {
    /// A password.
    #[error("")]
    Password,
    /// An access token.
    #[error(" with an access token")]
    Token,
    /// A client certificate.
    #[error(" with a certificate")]
    Certificate,
}

/// What an error means for the run as a whole; each has an exit code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The script failed: 1.
    Script,
    /// The command line is wrong: 2.
    Usage,
    /// Configuration or state can't be used: 3.
    Config,
    /// Authentication failed: 4.
    Auth,
    /// The connection failed: 5.
    Connection,
    /// The server refused: 6.
    Refused,
    /// A limit stopped it, and nothing was done: 7.
    Limit,
    /// Partly done, or in doubt: 8.
    Partial,
    /// Another run has the account's lock: 9.
    Locked,
    /// Interrupted: 130.
    Interrupted,
}

impl Class {
    /// Gives of two that happened in one run the one that the run is judged by.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let order = [
            Self::Interrupted,
            Self::Partial,
            Self::Limit,
            Self::Locked,
            Self::Auth,
            Self::Connection,
            Self::Refused,
            Self::Config,
            Self::Usage,
            Self::Script,
        ];
        order.into_iter().find(|class| [self, other].contains(class)).unwrap_or(self)
    }
}

impl ErrorKind {
    /// Gives the class, which decides the exit code.
    pub fn class(&self) -> Class {
        match self {
            Self::HostUnknown { .. }
            | Self::Connect { .. }
            | Self::Proxy { .. }
            | Self::ProxyLogin { .. }
            | Self::Provider { .. }
            | Self::Timeout { .. }
            | Self::ConnectionLost { .. }
            | Self::Poisoned
            | Self::Tls { .. }
            | Self::StarttlsNotOffered
            | Self::Starttls { .. }
            | Self::Compression { .. }
            | Self::Greeting { .. }
            | Self::Bye { .. }
            | Self::Protocol { .. } => Class::Connection,
            Self::Login { .. }
            | Self::Unproven { .. }
            | Self::Oauth { .. }
            | Self::NotLoggedIn { .. }
            | Self::Sasl { .. }
            | Self::NoMechanism { .. } => Class::Auth,
            Self::Refused { .. }
            | Self::UidValidityChanged { .. }
            | Self::NoUidValidity { .. }
            | Self::ReadOnly { .. }
            | Self::FlagNotKept { .. }
            | Self::NoSpecialUse { .. }
            | Self::NotEmpty { .. }
            | Self::TooLarge { .. }
            | Self::Gone { .. } => Class::Refused,
            Self::Script { .. } | Self::Forbidden { .. } => Class::Script,
            Self::Function { class, .. } => *class,
            Self::Limit { .. } => Class::Limit,
            Self::Partial { .. } | Self::NotAll { .. } => Class::Partial,
            Self::Locked { .. } => Class::Locked,
            Self::Usage { .. } => Class::Usage,
            Self::Config { .. } | Self::Plaintext { .. } => Class::Config,
            Self::Interrupted => Class::Interrupted,
        }
    }

    /// Gives the one word that scripts see as `err.kind`.
    pub fn name(&self) -> &'static str {
        match self.class() {
            Class::Script => "script",
            Class::Usage => "usage",
            Class::Config => "config",
            Class::Auth => "auth",
            Class::Connection => "connection",
            Class::Refused => "refused",
            Class::Limit => "limit",
            Class::Partial => "partial",
            Class::Locked => "locked",
            Class::Interrupted => "interrupted",
        }
    }
}

impl Error {
    /// Makes an error of the script's own: what is wrong, and what to write instead (may be empty).
    pub fn script(what: impl Into<String>, hint: impl Into<String>) -> Self {
        ErrorKind::Script { what: what.into(), hint: hint.into() }.into()
    }

    /// Makes an error for server data that can't be right.
    pub fn protocol(what: impl Into<String>) -> Self {
        ErrorKind::Protocol { what: what.into() }.into()
    }

    /// Makes it say that something else was done before it, by the same call.
    #[must_use]
    pub fn after_changes(self) -> Self {
        if matches!(*self.kind, ErrorKind::Interrupted) {
            return self;
        }
        Self { kind: Box::new(ErrorKind::NotAll { first: self.kind }), ..self }
    }

    /// Adds the account, unless one is named already.
    #[must_use]
    pub fn in_account(mut self, account: &str) -> Self {
        self.account.get_or_insert_with(|| account.to_owned());
        self
    }

    /// Adds the mailbox, unless one is named already.
    #[must_use]
    pub fn in_mailbox(mut self, mailbox: &str) -> Self {
        self.mailbox.get_or_insert_with(|| mailbox.to_owned());
        self
    }

    /// Adds the command, unless one is named already.
    #[must_use]
    pub fn in_command(mut self, command: &str) -> Self {
        self.command.get_or_insert_with(|| command.to_owned());
        self
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind: Box::new(kind), account: None, mailbox: None, command: None }
    }
}

impl From<io::Error> for Error {
    /// Takes an error of a connection. Our own errors travel inside `io::Error` through the `imap`
    /// crate and come out whole here.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(other) => ErrorKind::ConnectionLost { cause: other.to_string() }.into(),
        }
    }
}

/// Makes control, escape and bidirectional characters of outside text visible, for terminals and logs.
///
/// The result has no line breaks and at most 500 characters.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        if at == 500 {
            out.push('…');
            break;
        }
        match c {
            c if c.is_control() => out.push_str(&c.escape_default().to_string()),
            c if is_deceptive(c) => out.push_str(&c.escape_unicode().to_string()),
            c => out.push(c),
        }
    }
    out
}

/// Tells whether a character changes what is shown without showing itself, or moves what comes after it.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{Error, ErrorKind, visible};

    #[test]
    fn terminal_tricks_become_text() {
        assert_eq!(visible("a\x1b[2Jb\u{202e}c\r\n"), "a\\u{1b}[2Jb\\u{202e}c\\r\\n");
        assert_eq!(visible("Grüße 🎉"), "Grüße 🎉");
        assert_eq!(visible(&"x".repeat(600)).chars().count(), 501);
    }

    #[test]
    fn own_errors_survive_the_journey_through_io() {
        let there = std::io::Error::other(Error::from(ErrorKind::Interrupted));
        assert!(matches!(*Error::from(there).kind, ErrorKind::Interrupted));
    }
}
