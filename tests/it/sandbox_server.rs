//! The embedded server under test, and the suites that run on it as on Dovecot.

use crate::{
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
        let sandbox = Sandbox::start(Options { without, sample: false, ..Options::default() }).unwrap();
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
