//! The embedded server under test, and the suites that run on it as on Dovecot.

use crate::{
    observer::Observer,
    proxy::Capability,
    server::{Server, Tls},
};
use imapscript::sandbox::{Options, Sandbox};

impl Server {
    /// The embedded server, empty.
    pub(crate) fn sandbox() -> Self {
        Self::sandbox_without(&[])
    }

    /// The embedded server with capabilities neither offered nor granted.
    pub(crate) fn sandbox_without(hidden: &[Capability]) -> Self {
        let without = hidden.iter().flat_map(|it| it.words()).map(ToString::to_string).collect();
        let mut server = Self::sandbox_with(Options { without, ..Options::default() });
        server.hidden = hidden.to_vec();
        server
    }

    /// The embedded server, playing Gmail.
    pub(crate) fn gmail() -> Self {
        Self::gmail_without(&[])
    }

    /// The same with capabilities neither offered nor granted.
    pub(crate) fn gmail_without(hidden: &[Capability]) -> Self {
        let without = hidden.iter().flat_map(|it| it.words()).map(ToString::to_string).collect();
        Self::sandbox_with(Options { gmail: true, without, ..Options::default() })
    }

    /// Puts into the account what is in an account of a sandbox.
    pub(crate) fn seed_as(&self, sandbox: &Sandbox, user: &str) -> &Self {
        // The sandbox makes an account at its first login.
        drop(Observer::login(sandbox.address(), user, "any"));
        let mut observer = self.observe();
        for (name, messages) in sandbox.mailboxes(user) {
            let name = String::from_utf8(name.wire().to_vec()).unwrap();
            observer.ensure(&name);
            for message in messages {
                let flags: Vec<_> = message.flags.iter().map(ToString::to_string).collect();
                let date = message.internal_date.strftime("%d-%b-%Y %H:%M:%S %z").to_string();
                observer.append_raw(&name, message.raw(), &flags.join(" "), &date);
            }
        }
        self
    }

    /// Puts the sandbox's sample mail into the account.
    pub(crate) fn seed_sample(&self) -> &Self {
        let sandbox = Sandbox::start(Options { sample: true, ..Options::default() }).unwrap();
        self.seed_as(&sandbox, "sample")
    }

    /// The embedded server, set up in a way of the test's own.
    pub(crate) fn sandbox_with(options: Options) -> Self {
        let sandbox = Sandbox::start(options).unwrap();
        let mut server = Self::at(sandbox.address(), Tls::None);
        server.keep = Some(Box::new(sandbox));
        server
    }
}

/// Runs one body on the embedded server and on Dovecot: `on_both!(name, |server| { … })` makes a module of two tests.
macro_rules! on_both {
    ($name:ident, |$server:ident| $body:block) => {
        mod $name {
            use super::*;
            use crate::server::{Server, Tls};

            fn body($server: &Server) $body

            #[test]
            fn sandbox() {
                body(&Server::sandbox());
            }

            #[test]
            fn dovecot() {
                body(&Server::dovecot(Tls::Implicit));
            }
        }
    };
}
pub(crate) use on_both;

/// Runs one body on the embedded server and on Dovecot, each in every way that it can be met.
macro_rules! on_every {
    ($name:ident, |$server:ident| $body:block) => {
        mod $name {
            use super::*;
            use crate::server::on_dovecot;

            mod sandbox {
                use super::*;
                use crate::{
                    proxy::Capability::{self, Esearch, LiteralPlus, Move, Uidplus},
                    server::Server,
                };

                fn body($server: &Server) $body

                fn without(hidden: &[Capability]) {
                    body(&Server::sandbox_without(hidden));
                }

                #[test]
                fn whole() {
                    without(&[]);
                }

                #[test]
                fn without_move() {
                    without(&[Move]);
                }

                #[test]
                fn without_move_and_uidplus() {
                    without(&[Move, Uidplus]);
                }

                #[test]
                fn without_uidplus() {
                    without(&[Uidplus]);
                }

                #[test]
                fn without_esearch() {
                    without(&[Esearch]);
                }

                #[test]
                fn without_literal_plus() {
                    without(&[LiteralPlus]);
                }

                #[test]
                fn compressed_without_literal_plus() {
                    body(&Server::sandbox_without(&[LiteralPlus]).compressed());
                }
            }

            on_dovecot!(dovecot, |$server| $body);
        }
    };
}
pub(crate) use on_every;
