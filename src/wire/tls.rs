use std::io;

use native_tls::{HandshakeError, TlsConnector, TlsStream};

use super::ahead::Ahead;
use super::pin::Pin;
use super::socket::Socket;
use super::tls_settings::TlsSettings;
use crate::error::{Error, ErrorKind, Result, TlsProblem};

impl TlsSettings {
    /// Does the handshake on a connected socket, and looks at the server's key. Nothing of ours has been said then.
    pub(super) fn handshake(
        &self,
        connector: &TlsConnector,
        host: &str,
        socket: Socket,
    ) -> Result<TlsStream<Ahead>> {
        let stream = connector.connect(host, Ahead::new(socket)).map_err(|error| {
            self.forget_connector();
            match error {
                HandshakeError::Failure(error) => self.failed(host, &error),
                HandshakeError::WouldBlock(_) => {
                    problem(host, TlsProblem::Other("the handshake stood still".to_owned()))
                }
            }
        })?;
        self.check_pin(host, &stream)?;
        Ok(stream)
    }

    fn check_pin(&self, host: &str, stream: &TlsStream<Ahead>) -> Result<()> {
        if self.pins.is_empty() {
            return Ok(());
        }
        let certificate = stream.peer_certificate().ok().flatten();
        let seen = certificate.and_then(|shown| shown.to_der().ok()).and_then(|der| Pin::of(&der));
        match seen {
            Some(seen) if self.pins.contains(&seen) => Ok(()),
            Some(seen) => Err(problem(host, TlsProblem::OtherKey(seen.to_string()))),
            None => Err(problem(host, TlsProblem::Other("the server's key can't be read".to_owned()))),
        }
    }

    /// Tells the kinds of failure apart. OpenSSL's verify results reach us only as text.
    fn failed(&self, host: &str, error: &native_tls::Error) -> Error {
        if let Some(own) = own_error(error) {
            return own;
        }
        let text = error.to_string();
        let has = |words: &[&str]| words.iter().any(|word| text.to_lowercase().contains(word));
        let detail = text.rsplit('(').next().unwrap_or(&text).trim_end_matches(')').to_owned();
        problem(
            host,
            if has(&["has expired", "not yet valid"]) {
                TlsProblem::Expired(detail)
            } else if has(&["hostname mismatch", "ip address mismatch"]) {
                TlsProblem::WrongHost(detail)
            } else if has(&["self-signed", "self signed", "local issuer", "unable to verify"]) {
                TlsProblem::UnknownAuthority(detail)
            } else if has(&["alert protocol version", "unsupported protocol"]) {
                TlsProblem::Version(self.minimum.name())
            } else if wants_certificate(&text) {
                TlsProblem::ClientCertificate
            } else if has(&["alert handshake failure"]) {
                TlsProblem::BrokenOff
            } else if has(&["unexpected eof", "connection reset"]) {
                TlsProblem::HungUp
            } else if has(&["wrong version number", "http request", "packet length too long"]) {
                TlsProblem::NotTls
            } else {
                TlsProblem::Other(text)
            },
        )
    }
}

fn problem(host: &str, problem: TlsProblem) -> Error {
    ErrorKind::Tls { host: host.to_owned(), problem }.into()
}

/// Tells whether a server's alert is about our certificate. With TLS 1.3 it comes after the handshake, where the first
/// response is waited for.
fn wants_certificate(text: &str) -> bool {
    let alerts =
        ["alert certificate required", "alert bad certificate", "alert unknown ca", "alert certificate"];
    let text = text.to_lowercase();
    alerts.iter().any(|alert| text.contains(alert))
}

/// Makes an alert about our certificate tell so; any other error stays what it is.
pub(super) fn explained(host: &str, error: io::Error) -> io::Error {
    if error.get_ref().is_some_and(|inner| !inner.is::<Error>()) && wants_certificate(&error.to_string()) {
        return io::Error::other(problem(host, TlsProblem::ClientCertificate));
    }
    error
}

/// Finds a time-out or an interrupt of our socket beneath the TLS library's error.
fn own_error(error: &native_tls::Error) -> Option<Error> {
    let mut source: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(error) = source {
        let own = error.downcast_ref::<io::Error>().and_then(|io| io.get_ref()?.downcast_ref::<Error>());
        match own.map(|own| &*own.kind) {
            Some(ErrorKind::Interrupted) => return Some(ErrorKind::Interrupted.into()),
            Some(ErrorKind::Timeout { what, seconds }) => {
                return Some(ErrorKind::Timeout { what, seconds: *seconds }.into());
            }
            _ => source = error.source(),
        }
    }
    None
}
