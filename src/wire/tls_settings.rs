use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use native_tls::{Certificate, Identity, Protocol, TlsConnector, TlsConnectorBuilder};
use serde::{Deserialize, Serialize};

use super::pin::Pin;
use crate::error::{Error, ErrorKind, Result};

/// How a TLS connection is to be checked, and what we show. Chain and dates are checked, but where nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// A PEM file with the authorities to trust, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// A directory of such files.
    pub ca_dir: Option<PathBuf>,
    /// A file with certificates that are trusted as well, where it exists.
    pub certificates: Option<PathBuf>,
    /// The certificate may be for another host.
    pub any_host: bool,
    /// Any certificate will do.
    pub unchecked: bool,
    /// The public keys that the server may have. None: any that the authorities vouch for.
    pub pins: Vec<Pin>,
    /// A PEM file with our certificate and those that lead to its authority.
    pub client_certificate: Option<PathBuf>,
    /// A PEM file with its key, in PKCS #8; by default the same file.
    pub client_key: Option<PathBuf>,
    /// The oldest version to speak.
    pub minimum: TlsVersion,
}

/// A version of TLS. Older ones are broken (RFC 8996).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3 (RFC 8446).
    #[serde(rename = "1.3")]
    V1_3,
}

impl TlsVersion {
    /// Reads `1.2` or `1.3`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "1.2" => Some(Self::V1_2),
            "1.3" => Some(Self::V1_3),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }
}

impl TlsSettings {
    /// Makes a connector, with what the files say now.
    ///
    /// Errors: a file that can't be used, of kind config.
    pub(super) fn make(&self) -> Result<TlsConnector> {
        let mut builder = TlsConnector::builder();
        builder.min_protocol_version(Some(match self.minimum {
            TlsVersion::V1_2 => Protocol::Tlsv12,
            TlsVersion::V1_3 => Protocol::Tlsv13,
        }));
        builder.disable_built_in_roots(self.ca_file.is_some() || self.ca_dir.is_some());
        if let Some(path) = &self.ca_file {
            trust_file(&mut builder, "ca_file", path)?;
        }
        if let Some(path) = self.certificates.as_deref().filter(|path| path.exists()) {
            trust_file(&mut builder, "certificates", path)?;
        }
        builder.danger_accept_invalid_hostnames(self.any_host);
        builder.danger_accept_invalid_certs(self.unchecked);
        if let Some(path) = &self.ca_dir {
            trust_directory(&mut builder, path)?;
        }
        match (&self.client_certificate, &self.client_key) {
            (Some(certificate), key) => {
                builder.identity(identity(certificate, key.as_deref().unwrap_or(certificate))?);
            }
            (None, Some(key)) => {
                let hint = "give `client_certificate`, too".to_owned();
                let what = format!("`client_key` `{}` has no certificate", key.display());
                return Err(ErrorKind::Config { what, hint }.into());
            }
            (None, None) => {}
        }
        builder.build().map_err(|error| {
            let what = format!("TLS can't be used as it is set up: {error}");
            ErrorKind::Config {
                what,
                hint: "check `ca_file`, `client_certificate` and `client_key`".to_owned(),
            }
            .into()
        })
    }
}

fn unusable(setting: &str, path: &Path, cause: impl std::fmt::Display, hint: &str) -> Error {
    let what = format!("`{setting}` `{}` can't be used: {cause}", path.display());
    ErrorKind::Config { what, hint: hint.to_owned() }.into()
}

fn trust_file(builder: &mut TlsConnectorBuilder, setting: &str, path: &Path) -> Result<()> {
    let unusable =
        |cause: String| unusable(setting, path, cause, "it must be a PEM file with at least one certificate");
    let pem = fs::read(path).map_err(|error| unusable(error.to_string()))?;
    if trust(builder, &pem).map_err(|error| unusable(error.to_string()))? == 0 {
        return Err(unusable("it holds no certificate".to_owned()));
    }
    Ok(())
}

/// Trusts the certificates of all files of a directory, whatever they are called. Files without one are passed over.
fn trust_directory(builder: &mut TlsConnectorBuilder, path: &Path) -> Result<()> {
    let unusable = |cause: String| {
        unusable("ca_dir", path, cause, "it must be a directory with a PEM file for each authority")
    };
    let mut found = 0;
    for entry in fs::read_dir(path).map_err(|error| unusable(error.to_string()))? {
        let file = entry.map_err(|error| unusable(error.to_string()))?.path();
        if !file.is_file() {
            continue;
        }
        let of_file = |error: String| unusable(format!("{}: {error}", file.display()));
        let pem = fs::read(&file).map_err(|error| of_file(error.to_string()))?;
        found += trust(builder, &pem).map_err(|error| of_file(error.to_string()))?;
    }
    if found == 0 {
        return Err(unusable("it holds no certificate".to_owned()));
    }
    Ok(())
}

/// Trusts what certificates there are, and gives their number.
fn trust(builder: &mut TlsConnectorBuilder, pem: &[u8]) -> native_tls::Result<usize> {
    let certificates = Certificate::stack_from_pem(pem)?;
    let count = certificates.len();
    for certificate in certificates {
        builder.add_root_certificate(certificate);
    }
    Ok(count)
}

/// Reads what we show of ourselves.
fn identity(certificate: &Path, key: &Path) -> Result<Identity> {
    let hint = "it must be a PEM file with the certificate, and others that lead to its authority";
    let shown =
        fs::read(certificate).map_err(|error| unusable("client_certificate", certificate, error, hint))?;
    let hint = "it must be a PEM file with the certificate's private key in PKCS #8";
    let (mode, text) = read_private(key).map_err(|error| unusable("client_key", key, error, hint))?;
    if mode & 0o044 != 0 {
        let cause = format!("others can read it (mode {:03o})", mode & 0o777);
        return Err(unusable("client_key", key, cause, &format!("`chmod 600 {}`", key.display())));
    }
    let private = block(&text, "PRIVATE KEY").ok_or_else(|| {
        let convert = format!("`openssl pkcs8 -topk8 -nocrypt -in {} -out key.pem`", key.display());
        let other = |kind| block(&text, kind).is_some();
        match () {
            () if other("ENCRYPTED PRIVATE KEY") => unusable(
                "client_key",
                key,
                "it is locked with a passphrase",
                &format!("unlock it: {convert}"),
            ),
            () if other("RSA PRIVATE KEY") || other("EC PRIVATE KEY") => {
                unusable("client_key", key, "the key is not in PKCS #8", &format!("convert it: {convert}"))
            }
            () => unusable("client_key", key, "it holds no private key", hint),
        }
    })?;
    Identity::from_pkcs8(&shown, private.as_bytes()).map_err(|error| {
        let hint = "certificate and key must be PEM, and belong together";
        unusable("client_certificate", certificate, error, hint)
    })
}

fn read_private(path: &Path) -> io::Result<(u32, zeroize::Zeroizing<String>)> {
    let mut file = fs::File::open(path)?;
    let mode = mode(&file.metadata()?);
    let mut text = zeroize::Zeroizing::new(String::new());
    io::Read::read_to_string(&mut io::Read::take(&mut file, 1 << 20), &mut text)?;
    Ok((mode, text))
}

/// Finds a block of PEM.
fn block<'a>(text: &'a str, kind: &str) -> Option<&'a str> {
    let end = format!("-----END {kind}-----");
    let text = text.get(text.find(&format!("-----BEGIN {kind}-----"))?..)?;
    text.get(..text.find(&end)? + end.len())
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata)
}

#[cfg(not(unix))]
fn mode(_metadata: &fs::Metadata) -> u32 {
    0
}
