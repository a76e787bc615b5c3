use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::secret_source::SecretSource;
use crate::imap::{Mechanism, SpecialUse};

/// How a script wants the connection protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// TLS from the first byte.
    #[default]
    Implicit,
    /// STARTTLS; never falls back.
    Starttls,
    /// No protection. Only for loopback, unless plaintext is allowed.
    None,
}

impl TlsMode {
    /// Gives the usual port.
    pub fn port(self) -> u16 {
        match self {
            Self::Implicit => 993,
            Self::Starttls | Self::None => 143,
        }
    }
}

/// An account as a script, the accounts file or the journal describes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// Where the password comes from.
    #[serde(default)]
    pub password: SecretSource,
    /// The only way to log in, if one is wanted.
    #[serde(default, rename = "auth", skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<Mechanism>,
    /// The authorities to trust in place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Passwords may travel in the clear beyond this machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_plaintext: bool,
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
}

impl AccountSettings {
    /// Makes those of an account of which nothing more is said.
    pub fn new(host: impl Into<String>, user: impl Into<String>, password: SecretSource) -> Self {
        Self {
            name: None,
            host: host.into(),
            port: None,
            tls: TlsMode::default(),
            user: user.into(),
            password,
            mechanism: None,
            ca_file: None,
            allow_plaintext: false,
            timeout: None,
            namespace: None,
            special_use: BTreeMap::new(),
            limit: None,
        }
    }

    /// Gives the port: that which is set, or the usual one.
    pub fn port(&self) -> u16 {
        self.port.map_or(self.tls.port(), NonZeroU16::get)
    }

    /// Changes every path in them.
    pub(super) fn for_paths(&mut self, mut change: impl FnMut(&mut PathBuf)) {
        self.ca_file.iter_mut().for_each(&mut change);
        if let SecretSource::File(path) = &mut self.password {
            change(path);
        }
    }
}

/// What an account's owner has decided for it.
#[derive(Debug, Default)]
pub struct Preferences {
    /// What mailboxes are for, whatever the server says.
    pub(super) special_use: BTreeMap<SpecialUse, String>,
    /// How many messages a run may remove.
    pub(super) limit: Option<usize>,
}
