/// Why TLS could not be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsProblem {
    /// The certificate's time is over, or has not begun.
    #[error("the certificate has expired or is not yet valid ({0})")]
    Expired(String),
    /// The certificate is for another host.
    #[error("the certificate is for another host ({0})")]
    WrongHost(String),
    /// Nobody we trust signed the certificate.
    #[error("the certificate is signed by an unknown authority ({0})")]
    UnknownAuthority(String),
    /// The server has another key than those that are pinned.
    #[error("the server's key is not the pinned one, but {0}")]
    OtherKey(String),
    /// The server speaks only older versions.
    #[error("the server does not speak TLS {0} or newer")]
    Version(&'static str),
    /// The server does not take our certificate, or wants one.
    #[error("the server did not get a client certificate that it takes")]
    ClientCertificate,
    /// The server gives no reason.
    #[error("the server broke the handshake off")]
    BrokenOff,
    /// What answers is no TLS server.
    #[error("what the server says is not TLS")]
    NotTls,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}
