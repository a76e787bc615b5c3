use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::oauth::{OauthSettings, OauthSource};
use super::proof_source::ProofSource;
use super::proxy_source::{ProxyAddress, ProxySource};
use super::secret_purpose::SecretPurpose;
use super::secret_source::SecretSource;
use super::world::Run;
use crate::error::{ErrorKind, Result, visible};
use crate::imap::{Mechanism, SpecialUse};
use crate::wire::{Pin, TlsSettings, TlsVersion};

/// How a script wants the connection protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// TLS from the first byte.
    #[default]
    Implicit,
    /// STARTTLS; never falls back.
    Starttls,
    /// STARTTLS where it is offered; else no protection, as with `None`.
    Offered,
    /// No protection. Only for loopback, unless plaintext is allowed.
    None,
}

impl TlsMode {
    /// Gives the usual port.
    pub fn port(self) -> u16 {
        match self {
            Self::Implicit => 993,
            Self::Starttls | Self::Offered | Self::None => 143,
        }
    }
}

/// An account as a script, the accounts file or the journal describes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct AccountSettings {
    /// What people call it; by default `user@host`.
    #[serde(skip)]
    pub name: Option<String>,
    /// The server's name or address.
    pub host: String,
    /// The port; by default 993 for implicit TLS, else 143.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<NonZeroU16>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: TlsMode,
    /// Who logs in.
    pub user: String,
    /// Where the password comes from. Where nothing else shows who it is, it is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretSource>,
    /// Where an access token comes from (OAuth 2.0), in place of a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<SecretSource>,
    /// Who gives access tokens, in place of a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<OauthSettings>,
    /// The only way to log in, if one is wanted.
    #[serde(default, rename = "auth", skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<Mechanism>,
    /// The authorities to trust in place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// A directory of such authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_dir: Option<PathBuf>,
    /// Certificates that are trusted as well, where there is such a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<PathBuf>,
    /// The certificate may be for another host.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub any_host: bool,
    /// Any certificate will do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchecked: bool,
    /// The public keys that the server may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    pub pin: Vec<Pin>,
    /// The certificate that is shown to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<PathBuf>,
    /// Its key; by default in the same file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<PathBuf>,
    /// The oldest version of TLS to speak.
    #[serde(default)]
    pub tls_minimum: TlsVersion,
    /// What leads to the server, if it is not reached directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxyAddress>,
    /// Where the proxy's password comes from, unless its address has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_password: Option<SecretSource>,
    /// Passwords may travel in the clear beyond this machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_plaintext: bool,
    /// What is said after the login is compressed, if the server can do it; by default unless it is this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compress: Option<bool>,
    /// How many seconds to wait for the server, each time, unless the command line says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<NonZeroU32>,
    /// What the names of the user's own mailboxes begin with on the server, where it doesn't say that itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What mailboxes are for, where the server doesn't say it or is wrong: names as scripts have them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub special_use: BTreeMap<SpecialUse, String>,
    /// How many messages a run may remove from it, in place of the usual limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<NonZeroUsize>,
    /// By how many connections a watch may wait in mailboxes of it, unless the script says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<NonZeroUsize>,
    /// What can't change of its messages is remembered from run to run.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub cache: bool,
}

impl AccountSettings {
    /// Makes those of an account of which nothing more is said.
    pub fn new(host: impl Into<String>, user: impl Into<String>) -> Self {
        Self {
            name: None,
            host: host.into(),
            port: None,
            tls: TlsMode::default(),
            user: user.into(),
            password: None,
            access_token: None,
            oauth2: None,
            mechanism: None,
            ca_file: None,
            ca_dir: None,
            certificates: None,
            any_host: false,
            unchecked: false,
            pin: Vec::new(),
            client_certificate: None,
            client_key: None,
            tls_minimum: TlsVersion::default(),
            proxy: None,
            proxy_password: None,
            allow_plaintext: false,
            compress: None,
            timeout: None,
            namespace: None,
            special_use: BTreeMap::new(),
            limit: None,
            connections: None,
            cache: true,
        }
    }

    /// Tells whether the server is this machine. Behind a proxy, `localhost` is another one.
    pub(super) fn is_here(&self) -> bool {
        self.proxy.is_none() && is_loopback(&self.host)
    }

    /// Gives the port: that which is set, or the usual one.
    pub fn port(&self) -> u16 {
        self.port.map_or(self.tls.port(), NonZeroU16::get)
    }

    /// Tells where that comes from which shows who the user is.
    ///
    /// Errors: there is too much of it, or `auth` needs something else.
    pub(super) fn proof(&self) -> Result<ProofSource> {
        let by_certificate = self.client_certificate.is_some()
            && self.mechanism.is_none_or(|mechanism| mechanism == Mechanism::External);
        let proof = match (&self.password, &self.access_token, OauthSource::of(self)) {
            (Some(password), None, None) => ProofSource::Password(password.clone()),
            (None, Some(token), None) => ProofSource::Token(token.clone()),
            (None, None, Some(source)) => ProofSource::Oauth(Box::new(source)),
            (None, None, None) if by_certificate => ProofSource::Certificate,
            (None, None, None) => {
                let question = SecretPurpose::Password.question(&visible(&self.label()));
                ProofSource::Password(SecretSource::Prompt(question))
            }
            _ => {
                let what = "the account has more than one of `password`, `access_token` and `oauth2`";
                let hint = "an account logs in with one of them".to_owned();
                return Err(ErrorKind::Config { what: what.to_owned(), hint }.into());
            }
        };
        self.mechanism.map_or(Ok(()), |mechanism| proof.check(mechanism))?;
        Ok(proof)
    }

    /// Says what shows who the user is, and where it comes from.
    pub fn shown_proof(&self, run: &Run) -> String {
        match self.proof() {
            Ok(ProofSource::Password(source)) => source.shown(SecretPurpose::Password),
            Ok(ProofSource::Token(source)) => source.shown(SecretPurpose::AccessToken),
            Ok(ProofSource::Oauth(source)) => {
                format!("OAuth 2.0, {}logged in", if source.is_logged_in(run) { "" } else { "not " })
            }
            Ok(ProofSource::Certificate) => "client certificate".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Tells whom TLS is to trust, and what it shows.
    pub(super) fn tls_settings(&self) -> TlsSettings {
        TlsSettings {
            ca_file: self.ca_file.clone(),
            ca_dir: self.ca_dir.clone(),
            certificates: self.certificates.clone(),
            any_host: self.any_host,
            unchecked: self.unchecked,
            pins: self.pin.clone(),
            client_certificate: self.client_certificate.clone(),
            client_key: self.client_key.clone(),
            minimum: self.tls_minimum,
        }
    }

    /// Refuses what would be passed over: who says it relies on it.
    pub(super) fn check(&self) -> Result<()> {
        let refused =
            |what: String, hint: &str| Err(ErrorKind::Config { what, hint: hint.to_owned() }.into());
        let by_address = self.proxy.as_ref().map(|proxy| (proxy.has_user(), proxy.has_password()));
        match by_address.filter(|_| self.proxy_password.is_some()) {
            None if self.proxy_password.is_some() => {
                return refused("`proxy_password` is for a `proxy`, and there is none".to_owned(), "");
            }
            Some((false, _)) => {
                let hint = "`proxy = \"socks5://user@host:port\"`";
                return refused("`proxy_password` is of a user, and `proxy` names none".to_owned(), hint);
            }
            Some((_, true)) => {
                let what = "the proxy has a password in `proxy` and a `proxy_password`".to_owned();
                return refused(what, "leave one of the two out");
            }
            _ => {}
        }
        if self.oauth2.as_ref().is_some_and(OauthSettings::has_idle_tenant) {
            let what = "`tenant` is Microsoft's, and `oauth2` has another provider".to_owned();
            return refused(what, "`provider = \"microsoft\"`, or leave it out");
        }
        let said = [
            ("ca_file", self.ca_file.is_some()),
            ("ca_dir", self.ca_dir.is_some()),
            ("pin", !self.pin.is_empty()),
            ("client_certificate", self.client_certificate.is_some()),
            ("client_key", self.client_key.is_some()),
            ("tls_minimum", self.tls_minimum != TlsVersion::default()),
        ];
        let first = said.into_iter().find(|(_, is_said)| *is_said && self.tls == TlsMode::None);
        first.map_or(Ok(()), |(name, _)| {
            refused(format!("`{name}` is for TLS, and `tls = \"none\"` has none"), "leave one of the two out")
        })
    }

    /// Tells what leads to the server.
    pub(super) fn proxy(&self) -> Option<ProxySource> {
        Some(ProxySource { address: self.proxy.clone()?, password: self.proxy_password.clone() })
    }

    /// Gives what people call the account: its name, or its address, or `user@host`.
    pub fn label(&self) -> String {
        match (&self.name, self.user.rsplit_once('@')) {
            (Some(name), _) => name.clone(),
            (None, Some(_)) => self.user.clone(),
            (None, None) => format!("{}@{}", self.user, self.host),
        }
    }

    /// Gives every secret's source.
    fn secrets(&self) -> impl Iterator<Item = &SecretSource> {
        let of_client = self.oauth2.as_ref().and_then(|oauth2| oauth2.client_secret.as_ref());
        let own = [&self.password, &self.access_token, &self.proxy_password];
        own.into_iter().flatten().chain(of_client)
    }

    /// Gives every secret's source to be changed, and what the secret is for.
    pub(super) fn secrets_mut(&mut self) -> impl Iterator<Item = (SecretPurpose, &mut SecretSource)> {
        let of_client = self.oauth2.as_mut().and_then(|oauth2| oauth2.client_secret.as_mut());
        [
            (SecretPurpose::Password, self.password.as_mut()),
            (SecretPurpose::AccessToken, self.access_token.as_mut()),
            (SecretPurpose::ProxyPassword, self.proxy_password.as_mut()),
            (SecretPurpose::ClientSecret, of_client),
        ]
        .into_iter()
        .filter_map(|(purpose, source)| Some((purpose, source?)))
    }

    /// Tells whether a secret is written in them as it is.
    pub(super) fn has_secret(&self) -> bool {
        self.secrets().any(|source| matches!(source, SecretSource::Literal(_)))
            || self.proxy.as_ref().is_some_and(ProxyAddress::has_password)
    }

    /// Tells whether they trust a server more than anybody should begin to: as imapfilter does, and the journal of its runs
    /// must know.
    pub(super) fn is_lenient(&self) -> bool {
        self.tls == TlsMode::Offered || self.any_host || self.unchecked || self.certificates.is_some()
    }

    /// Changes every path in them.
    pub(super) fn for_paths(&mut self, mut change: impl FnMut(&mut PathBuf)) {
        let Self { ca_file, ca_dir, certificates, client_certificate, client_key, .. } = self;
        let paths = [ca_file, ca_dir, certificates, client_certificate, client_key];
        paths.into_iter().flatten().for_each(&mut change);
        for (_, source) in self.secrets_mut() {
            if let SecretSource::File(path) = source {
                change(path);
            }
        }
    }
}

fn yes() -> bool {
    true
}

/// Tells whether the host is this machine, by its address or by the one name that always is.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

/// Reads one pin or a list of them.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Pin>, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "it must be `sha256:` and the digest of the server's public key in base64, or a list of these"
    )]
    enum Pins {
        One(Pin),
        More(Vec<Pin>),
    }
    match Pins::deserialize(deserializer)? {
        Pins::One(pin) => Ok(vec![pin]),
        Pins::More(pins) if pins.is_empty() => Err(D::Error::custom(
            "`pin` names no key: without `pin` the server may have any that is vouched for",
        )),
        Pins::More(pins) => Ok(pins),
    }
}

/// What an account's owner has decided for it.
#[derive(Debug, Default)]
pub struct Preferences {
    /// What mailboxes are for, whatever the server says.
    pub(super) special_use: BTreeMap<SpecialUse, String>,
    /// How many messages a run may remove.
    pub(super) limit: Option<usize>,
    /// By how many connections a watch may wait.
    pub(super) connections: Option<usize>,
    /// What can't change of its messages is remembered.
    pub(super) cache: bool,
}
