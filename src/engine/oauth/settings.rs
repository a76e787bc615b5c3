use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::engine::secret_source::SecretSource;
use crate::error::{ErrorKind, Result, visible};

/// Who gives access tokens, and as whom we ask: the client is the user's own, registered with the provider.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OauthSettings {
    /// A provider whose addresses are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<KnownProvider>,
    /// The client's name with the provider.
    pub client_id: String,
    /// Its secret, where the provider gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretSource>,
    /// Whose users may log in, with Microsoft: an organisation's name or number; by default anybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// What is asked for: words with spaces between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Where a person logs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_url: Option<String>,
    /// Where tokens are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// Where codes for other devices are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_url: Option<String>,
}

/// A provider whose addresses are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KnownProvider {
    /// Gmail and Google Workspace.
    Google,
    /// Outlook.com and Microsoft 365.
    Microsoft,
}

impl KnownProvider {
    /// Finds it by its name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "google" => Some(Self::Google),
            "microsoft" => Some(Self::Microsoft),
            _ => None,
        }
    }
}

/// The addresses of a provider, and what it wants besides the standard.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    pub(super) authorization: Option<Url>,
    pub(super) token: Url,
    pub(super) device: Option<Url>,
    pub(super) scopes: Vec<String>,
    /// What is added to the address where a person logs in.
    pub(super) extra: &'static [(&'static str, &'static str)],
    /// How this machine is called in the address that the browser is sent back to.
    pub(super) here: &'static str,
}

impl OauthSettings {
    /// Tells whether an organisation is named where that means nothing.
    pub(in crate::engine) fn has_idle_tenant(&self) -> bool {
        self.tenant.is_some() && self.provider != Some(KnownProvider::Microsoft)
    }

    /// Gives the addresses: those that are set, or else those of the known provider.
    ///
    /// Errors: one is missing, or no address that a secret may be sent to.
    pub(super) fn endpoints(&self) -> Result<Endpoints> {
        let tenant = self.tenant.as_deref().unwrap_or("common");
        if tenant.is_empty() || !tenant.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.') {
            return Err(bad("`tenant` is no organisation's name or number", "for example `example.org`"));
        }
        if self.client_id.trim().is_empty() {
            return Err(bad("`client_id` is empty", "register a client with the provider: it is your own"));
        }
        let of_microsoft =
            |what: &str| Some(format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/{what}"));
        let (authorization, token, device, scope) = match self.provider {
            None => (None, None, None, ""),
            Some(KnownProvider::Google) => (
                Some("https://accounts.google.com/o/oauth2/v2/auth".to_owned()),
                Some("https://oauth2.googleapis.com/token".to_owned()),
                // There is one, but it does not give access to mail.
                None,
                "https://mail.google.com/",
            ),
            Some(KnownProvider::Microsoft) => (
                of_microsoft("authorize"),
                of_microsoft("token"),
                of_microsoft("devicecode"),
                "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
            ),
        };
        let address = |name: &str, own: &Option<String>, known: Option<String>| {
            own.clone().or(known).map(|text| secure(name, &text)).transpose()
        };
        let missing = || {
            bad(
                "`oauth2` does not say where tokens are given",
                "`provider = \"google\"` or `\"microsoft\"`, or `token_url` and `authorization_url` or `device_url`",
            )
        };
        Ok(Endpoints {
            authorization: address("authorization_url", &self.authorization_url, authorization)?,
            token: address("token_url", &self.token_url, token)?.ok_or_else(missing)?,
            device: address("device_url", &self.device_url, device)?,
            scopes: (self.scope.as_deref().unwrap_or(scope)).split_whitespace().map(str::to_owned).collect(),
            extra: match self.provider {
                // Without these it gives nothing to renew a token with.
                Some(KnownProvider::Google) => &[("access_type", "offline"), ("prompt", "consent")],
                _ => &[],
            },
            here: if self.provider == Some(KnownProvider::Microsoft) { "localhost" } else { "127.0.0.1" },
        })
    }
}

fn bad(what: &str, hint: &str) -> crate::error::Error {
    ErrorKind::Config { what: what.to_owned(), hint: hint.to_owned() }.into()
}

/// Reads an address that secrets may be sent to: by https, or on this machine.
fn secure(name: &str, text: &str) -> Result<Url> {
    let url = Url::parse(text).ok();
    let is_secure = |url: &Url| match url.scheme() {
        "https" => true,
        "http" => match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        },
        _ => false,
    };
    url.filter(is_secure).ok_or_else(|| {
        let what = format!("`{name}` `{}` is no address that begins with https://", visible(text));
        bad(&what, "the provider's manual has the addresses")
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::{KnownProvider, OauthSettings};

    fn of(provider: Option<KnownProvider>) -> OauthSettings {
        OauthSettings { provider, client_id: "me".to_owned(), ..OauthSettings::default() }
    }

    #[test]
    fn known_providers_and_what_is_set_before_them() {
        let google = of(Some(KnownProvider::Google)).endpoints().unwrap();
        assert_eq!(google.token.as_str(), "https://oauth2.googleapis.com/token");
        assert_eq!((google.scopes.len(), google.device.is_none()), (1, true));
        let mut microsoft = of(Some(KnownProvider::Microsoft));
        microsoft.tenant = Some("example.org".to_owned());
        microsoft.scope = Some("a  b".to_owned());
        microsoft.token_url = Some("http://127.0.0.1:1/t".to_owned());
        let microsoft = microsoft.endpoints().unwrap();
        assert_eq!(
            microsoft.device.unwrap().as_str(),
            "https://login.microsoftonline.com/example.org/oauth2/v2.0/devicecode"
        );
        assert_eq!(microsoft.token.as_str(), "http://127.0.0.1:1/t");
        assert_eq!(microsoft.scopes, ["a", "b"]);
    }

    #[test]
    fn what_no_secret_may_be_sent_to() {
        for url in ["http://example.org/", "ftp://127.0.0.1/", "nothing", "http://127.0.0.1.example.org/"] {
            let settings = OauthSettings { token_url: Some(url.to_owned()), ..of(None) };
            assert!(settings.endpoints().is_err(), "{url}");
        }
        assert!(of(None).endpoints().is_err());
        let tenant = Some("../x".to_owned());
        let settings = OauthSettings { tenant, ..of(Some(KnownProvider::Microsoft)) };
        assert!(settings.endpoints().is_err());
    }
}
