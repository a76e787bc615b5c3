use std::fs;
use std::io;
use std::path::PathBuf;

use native_tls::{Certificate, HandshakeError, Protocol, TlsConnector, TlsStream};

use super::socket::Socket;
use crate::error::{Error, ErrorKind, Result, TlsProblem};

/// How a TLS connection is to be checked.
#[derive(Clone, Debug, Default)]
pub struct TlsSettings {
    /// A PEM file with the authorities to trust, in place of the system's.
    pub ca_file: Option<PathBuf>,
}

impl TlsSettings {
    /// Makes the connector: TLS 1.2 at least, host name and chain always checked.
    fn connector(&self, host: &str) -> Result<TlsConnector> {
        let mut builder = TlsConnector::builder();
        builder.min_protocol_version(Some(Protocol::Tlsv12));
        if let Some(path) = &self.ca_file {
            let unusable = |cause: String| ErrorKind::Config {
                what: format!("`ca_file` `{}` can't be used: {cause}", path.display()),
                hint: "it must be a PEM file with at least one certificate".to_owned(),
            };
            let pem = fs::read(path).map_err(|error| unusable(error.to_string()))?;
            let certificates =
                Certificate::stack_from_pem(&pem).map_err(|error| unusable(error.to_string()))?;
            if certificates.is_empty() {
                return Err(unusable("it holds no certificate".to_owned()).into());
            }
            builder.disable_built_in_roots(true);
            for certificate in certificates {
                builder.add_root_certificate(certificate);
            }
        }
        builder.build().map_err(|error| failed(host, &error))
    }

    /// Does the handshake on a connected socket.
    pub(super) fn handshake(&self, host: &str, socket: Socket) -> Result<TlsStream<Socket>> {
        self.connector(host)?.connect(host, socket).map_err(|error| match error {
            HandshakeError::Failure(error) => failed(host, &error),
            HandshakeError::WouldBlock(_) => {
                let problem = TlsProblem::Other("the handshake stood still".to_owned());
                ErrorKind::Tls { host: host.to_owned(), problem }.into()
            }
        })
    }
}

/// Tells the kinds of failure apart. OpenSSL's verify results reach us only as text.
fn failed(host: &str, error: &native_tls::Error) -> Error {
    if let Some(own) = own_error(error) {
        return own;
    }
    let text = error.to_string();
    let has = |words: &[&str]| words.iter().any(|word| text.to_lowercase().contains(word));
    let detail = text.rsplit('(').next().unwrap_or(&text).trim_end_matches(')').to_owned();
    let problem = if has(&["has expired", "not yet valid"]) {
        TlsProblem::Expired(detail)
    } else if has(&["hostname mismatch", "ip address mismatch"]) {
        TlsProblem::WrongHost(detail)
    } else if has(&["self-signed", "self signed", "local issuer", "unable to verify"]) {
        TlsProblem::UnknownAuthority(detail)
    } else if has(&["wrong version number", "http request", "packet length too long"]) {
        TlsProblem::Other("what the server says is not TLS".to_owned())
    } else {
        TlsProblem::Other(text)
    };
    ErrorKind::Tls { host: host.to_owned(), problem }.into()
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
