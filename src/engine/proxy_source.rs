use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::secret_purpose::SecretPurpose;
use super::secret_source::SecretSource;
use super::world::Run;
use crate::error::{Error, ErrorKind, Result};
use crate::mail::Secret;
use crate::wire::Proxy;

/// Where a SOCKS5 proxy is, and who uses it. It is written down without its password.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProxyAddress {
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<Secret>,
}

impl ProxyAddress {
    /// Reads `socks5://host:port`, or `socks5://user:password@host:port`. The port is 1080 unless it is given. With
    /// `socks5h`, too, it is the proxy that resolves names.
    ///
    /// Error: it is something else. Nothing of it is shown, since it may have a password in it.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::from(ErrorKind::Config {
                what: "`proxy` is no address of a SOCKS5 proxy".to_owned(),
                hint: "`socks5://127.0.0.1:1080`, or `socks5://user:password@host:port`".to_owned(),
            })
        };
        let url = Url::parse(text).map_err(|_| wrong())?;
        let beyond = !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some();
        let host = match url.host() {
            _ if beyond || !matches!(url.scheme(), "socks5" | "socks5h") => return Err(wrong()),
            Some(Host::Domain(name)) if !name.is_empty() && !name.contains('%') => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            _ => return Err(wrong()),
        };
        let decoded =
            |text: &str| percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| wrong());
        let user = decoded(url.username())?;
        let password = url.password().map(decoded).transpose()?.map(Secret::new);
        let user = if user.is_empty() { None } else { Some(user) };
        if user.is_none() && password.is_some() {
            return Err(wrong());
        }
        Ok(Self { host, port: url.port().unwrap_or(1080), user, password })
    }

    pub(super) fn has_user(&self) -> bool {
        self.user.is_some()
    }

    pub(super) fn has_password(&self) -> bool {
        self.password.is_some()
    }
}

impl fmt::Display for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("socks5://")?;
        if let Some(user) = &self.user {
            write!(f, "{}@", utf8_percent_encode(user, NON_ALPHANUMERIC))?;
        }
        let brackets = self.host.contains(':');
        write!(f, "{}{}{}", if brackets { "[" } else { "" }, self.host, if brackets { "]" } else { "" })?;
        write!(f, ":{}", self.port)
    }
}

impl From<ProxyAddress> for String {
    fn from(address: ProxyAddress) -> Self {
        address.to_string()
    }
}

impl TryFrom<String> for ProxyAddress {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

/// The proxy that leads to an account's server, and where its password comes from.
#[derive(Clone, Debug)]
pub(super) struct ProxySource {
    pub(super) address: ProxyAddress,
    pub(super) password: Option<SecretSource>,
}

impl ProxySource {
    /// Reads the password, if there is a user to have one. It is asked for where nothing says it.
    pub(super) fn read(&self, run: &Run) -> Result<Proxy> {
        let ProxyAddress { host, port, user, password } = self.address.clone();
        let login = match (user, password, &self.password) {
            (None, _, _) => None,
            (Some(user), Some(password), _) => Some((user, password)),
            (Some(user), None, source) => {
                let asked = || SecretSource::Prompt(format!("Password of {}: ", self.address));
                let source = source.clone().unwrap_or_else(asked);
                Some((user, source.read(SecretPurpose::ProxyPassword, &*run.world)?))
            }
        };
        Ok(Proxy { host, port, login })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::ProxyAddress;

    #[test]
    fn addresses_of_proxies() {
        for (text, shown) in [
            ("socks5://127.0.0.1:9050", "socks5://127.0.0.1:9050"),
            ("socks5h://localhost", "socks5://localhost:1080"),
            ("socks5://[::1]:1081/", "socks5://[::1]:1081"),
            ("socks5://a%40b:geheim@x", "socks5://a%40b@x:1080"),
        ] {
            let address = ProxyAddress::parse(text).unwrap();
            assert_eq!(address.to_string(), shown, "{text}");
            assert_eq!(ProxyAddress::parse(shown).unwrap().user, address.user, "{text}");
        }
        let address = ProxyAddress::parse("socks5://me:a%40b%3A@proxy.example:1").unwrap();
        assert_eq!(address.password.unwrap().expose(), "a@b:");
    }

    #[test]
    fn what_is_no_proxy_is_not_shown() {
        for text in [
            "",
            "localhost:1080",
            "http://me:geheim@x",
            "socks5://",
            "socks4://x",
            "socks5://x/geheim",
            "socks5://:geheim@x",
        ] {
            let error = ProxyAddress::parse(text).unwrap_err();
            assert_eq!(error.to_string(), "`proxy` is no address of a SOCKS5 proxy", "{text}");
        }
    }
}
