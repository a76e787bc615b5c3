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
    /// The server ended the connection without a word, as what stands before one that is down does.
    #[error("the server hung up before it had answered")]
    HungUp,
    /// What answers is no TLS server.
    #[error("what the server says is not TLS")]
    NotTls,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl TlsProblem {
    /// Gives what to do about it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Expired(_) => "the server's operator must renew it (or this machine's clock is wrong)",
            Self::WrongHost(_) => "`host` must be the name that the certificate was issued for",
            Self::UnknownAuthority(_) => {
                "for a server with its own authority, name its certificate: `ca_file = \"/path/ca.pem\"`"
            }
            Self::OtherKey(_) => {
                "ask the server's operator whether the key was changed; only then set `pin` to the new one"
            }
            Self::Version("1.2") => {
                "older versions are broken (RFC 8996): the server's operator must renew its TLS"
            }
            Self::Version(_) => "`tls_minimum = \"1.2\"` takes an older version, which is still sound",
            Self::ClientCertificate => {
                "`client_certificate` and `client_key` name the files of the one that the server's operator gave you"
            }
            Self::BrokenOff => {
                "it may want a certificate of yours (`client_certificate`), or know only broken ciphers"
            }
            Self::NotTls | Self::HungUp | Self::Other(_) => {
                "port 993 speaks TLS at once (`tls = \"implicit\"`), port 143 only after STARTTLS (`tls = \"starttls\"`)"
            }
        }
    }
}
