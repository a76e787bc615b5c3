use super::oauth::OauthSource;
use super::secret_purpose::SecretPurpose;
use super::secret_source::SecretSource;
use super::world::Run;
use crate::error::{ErrorKind, Result};
use crate::imap::{Mechanism, Proof};

/// Where that comes from which shows a server who somebody is. It is read when the account first logs in.
#[derive(Clone, Debug)]
pub(super) enum ProofSource {
    /// A password.
    Password(SecretSource),
    /// An access token (OAuth 2.0).
    Token(SecretSource),
    /// An access token that a provider gives, and renews.
    Oauth(Box<OauthSource>),
    /// The client certificate that TLS shows.
    Certificate,
}

impl ProofSource {
    /// Reads it; `refused` is what the server has not taken, if it was asked before.
    pub(super) fn read(&self, run: &Run, refused: Option<&Proof>) -> Result<Proof> {
        match self {
            Self::Password(source) => source.read(SecretPurpose::Password, &*run.world).map(Proof::Password),
            Self::Token(source) => source.read(SecretPurpose::AccessToken, &*run.world).map(Proof::Token),
            Self::Oauth(source) => {
                let refused = match refused {
                    Some(Proof::Token(token)) => Some(token),
                    _ => None,
                };
                source.token(run, refused).map(Proof::Token)
            }
            Self::Certificate => Ok(Proof::Certificate),
        }
    }

    /// Refuses a way to log in that can't carry it.
    pub(super) fn check(&self, mechanism: Mechanism) -> Result<()> {
        use Mechanism::{External, Login, OauthBearer, Plain, ScramSha1, ScramSha256, Xoauth2};
        let wanted = match (mechanism, self) {
            (ScramSha256 | ScramSha1 | Plain | Login, Self::Password(_))
            | (OauthBearer | Xoauth2, Self::Token(_) | Self::Oauth(_))
            | (External, Self::Certificate) => return Ok(()),
            (ScramSha256 | ScramSha1 | Plain | Login, _) => "a `password`",
            (OauthBearer | Xoauth2, _) => "`oauth2` or an `access_token`",
            (External, _) => "a `client_certificate`, and nothing else",
        };
        let name = mechanism.name().to_lowercase();
        let what = format!("`auth = \"{name}\"` needs {wanted}");
        let hint = "without `auth` the strongest way to log in is taken that both sides have".to_owned();
        Err(ErrorKind::Config { what, hint }.into())
    }
}
