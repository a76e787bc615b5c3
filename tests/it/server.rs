//! The server under test, as a script and the observer reach it.

use crate::{
    certificates::ca_file,
    dovecot::{PASSWORD, dovecot, dovecot_of_logins},
    mail::Mail,
    observer::Observer,
    proxy::{Capability, Proxy},
    snapshot::Snapshot,
};
use std::{
    any::Any,
    net::SocketAddr,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

/// How a script connects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tls {
    Implicit,
    Starttls,
    None,
}

impl Tls {
    /// As `login` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::Starttls => "starttls",
            Self::None => "none",
        }
    }
}

/// A server with an account of this test's own.
pub(crate) struct Server {
    /// Where the script connects to.
    pub(crate) address: SocketAddr,
    pub(crate) tls: Tls,
    pub(crate) user: String,
    pub(crate) password: String,
    /// The authority to trust; nothing is said of it where there is no TLS.
    pub(crate) ca_file: Option<PathBuf>,
    /// Where the observer connects to in plain text.
    pub(crate) plain: SocketAddr,
    /// What it neither offers nor grants.
    pub(crate) hidden: Vec<Capability>,
    /// The script asks for compression.
    pub(crate) compress: bool,
    /// What must live as long as the server.
    pub(crate) keep: Option<Box<dyn Any>>,
}

impl Server {
    /// Dovecot, with all it offers.
    pub(crate) fn dovecot(tls: Tls) -> Self {
        let dovecot = dovecot();
        let address = if tls == Tls::Implicit { dovecot.tls } else { dovecot.plain };
        let mut server = Self::at(address, tls);
        server.plain = dovecot.plain;
        server
    }

    /// The same server, compressed once the script is logged in.
    pub(crate) fn compressed(mut self) -> Self {
        self.compress = true;
        self
    }

    /// The Dovecot that takes every way to log in.
    pub(crate) fn dovecot_of_logins(tls: Tls) -> Self {
        let dovecot = dovecot_of_logins();
        let mut server = Self::at(if tls == Tls::Implicit { dovecot.tls } else { dovecot.plain }, tls);
        server.plain = dovecot.plain;
        server
    }

    /// Dovecot in plain text, with capabilities neither offered nor granted.
    pub(crate) fn dovecot_without(hidden: &[Capability]) -> Self {
        let proxy = Proxy::start(dovecot().plain, hidden);
        let mut server = Self::at(proxy.address, Tls::None);
        server.plain = dovecot().plain;
        server.hidden = hidden.to_vec();
        server.keep = Some(Box::new(proxy));
        server
    }

    /// Any other server, such as a scripted one, with a user that no other test has.
    pub(crate) fn at(address: SocketAddr, tls: Tls) -> Self {
        static USERS: AtomicU32 = AtomicU32::new(1);
        Self {
            address,
            tls,
            user: format!("user{}", USERS.fetch_add(1, Relaxed)),
            password: PASSWORD.into(),
            ca_file: (tls != Tls::None).then(ca_file),
            plain: address,
            hidden: vec![],
            compress: false,
            keep: None,
        }
    }

    /// Whether single messages can be removed: by `UID MOVE`, or by `UID EXPUNGE`.
    pub(crate) fn can_remove(&self) -> bool {
        !(self.hidden.contains(&Capability::Move) && self.hidden.contains(&Capability::Uidplus))
    }

    /// Logs the observer in.
    pub(crate) fn observe(&self) -> Observer {
        Observer::login(self.plain, &self.user, &self.password)
    }

    /// Puts messages into a mailbox, which is made when it does not exist.
    pub(crate) fn seed(&self, mailbox: &str, messages: &[Mail]) -> &Self {
        let mut observer = self.observe();
        observer.ensure(mailbox);
        for message in messages {
            observer.append(mailbox, message);
        }
        self
    }

    /// What is in the account now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.observe().snapshot()
    }
}

/// Runs one body on Dovecot in every way that it can be met: `on_dovecot!(name, |server| { … })` makes a module of
/// tests, each given a `Server` of its own.
macro_rules! on_dovecot {
    ($name:ident, |$server:ident| $body:block) => {
        mod $name {
            use super::*;
            use crate::{
                proxy::Capability,
                server::{Server, Tls},
            };

            fn body($server: &Server) $body

            #[test]
            fn implicit_tls() {
                body(&Server::dovecot(Tls::Implicit));
            }

            #[test]
            fn compressed() {
                body(&Server::dovecot(Tls::Implicit).compressed());
            }

            #[test]
            fn starttls() {
                body(&Server::dovecot(Tls::Starttls));
            }

            #[test]
            fn without_move() {
                body(&Server::dovecot_without(&[Capability::Move]));
            }

            #[test]
            fn without_move_and_uidplus() {
                body(&Server::dovecot_without(&[Capability::Move, Capability::Uidplus]));
            }

            #[test]
            fn without_uidplus() {
                body(&Server::dovecot_without(&[Capability::Uidplus]));
            }

            #[test]
            fn without_esearch() {
                body(&Server::dovecot_without(&[Capability::Esearch]));
            }

            #[test]
            fn without_literal_plus() {
                body(&Server::dovecot_without(&[Capability::LiteralPlus]));
            }
        }
    };
}
pub(crate) use on_dovecot;
