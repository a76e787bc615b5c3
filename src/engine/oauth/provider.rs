use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, DeviceAuthorizationUrl,
    DeviceCodeErrorResponseType, EndpointMaybeSet, EndpointNotSet, EndpointSet, ErrorResponse, HttpRequest,
    HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope,
    StandardDeviceAuthorizationResponse, TokenResponse, TokenUrl,
};
use url::Url;
use zeroize::Zeroizing;

use super::http::Http;
use super::settings::Endpoints;
use super::source::OauthSource;
use super::store::Tokens;
use crate::engine::secret_purpose::SecretPurpose;
use crate::engine::world::Run;
use crate::error::{Error, ErrorKind, Result, visible};
use crate::mail::Secret;
use crate::wire::Concealed;

type Client = BasicClient<EndpointMaybeSet, EndpointMaybeSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// A provider that we can ask, as the account's client.
pub(super) struct Provider<'a> {
    source: &'a OauthSource,
    pub(super) endpoints: Endpoints,
    client: Client,
    http: Http,
    /// What it may say back, and nobody is to see.
    secret: Option<Secret>,
    run: &'a Run,
}

/// What came of asking whether the person has logged in on the other device.
pub(super) enum Poll {
    /// The tokens.
    Given(Box<Tokens>),
    /// Ask again. The provider may want more time between the questions.
    Pending { slower: bool },
    /// It could not be asked.
    Unreached(Error),
}

impl<'a> Provider<'a> {
    pub(super) fn new(source: &'a OauthSource, run: &'a Run) -> Result<Self> {
        let endpoints = source.settings.endpoints()?;
        let secret = &source.settings.client_secret;
        let secret = secret
            .as_ref()
            .map(|secret| secret.read(SecretPurpose::ClientSecret, &*run.world))
            .transpose()?;
        let client = BasicClient::new(ClientId::new(source.settings.client_id.clone()))
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri_option(endpoints.authorization.clone().map(AuthUrl::from_url))
            .set_device_authorization_url_option(
                endpoints.device.clone().map(DeviceAuthorizationUrl::from_url),
            )
            .set_token_uri(TokenUrl::from_url(endpoints.token.clone()));
        let client = match &secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
            None => client,
        };
        let http = Http::new(run, source.proxy.as_ref())?;
        Ok(Self { source, endpoints, client, http, secret, run })
    }

    fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.endpoints.scopes.clone().into_iter().map(Scope::new)
    }

    /// Gives the address where a person logs in, and what must come back with the browser; `back` is where that comes
    /// to.
    ///
    /// Error: the provider has no such address.
    pub(super) fn begin(&self, back: &RedirectUrl) -> Result<(Url, CsrfToken, PkceCodeVerifier)> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let request = self.client.authorize_url(CsrfToken::new_random).map_err(|_| {
            let what = "`oauth2` does not say where a person logs in".to_owned();
            ErrorKind::Config { what, hint: "give `authorization_url`, or use `--device`".to_owned() }
        })?;
        let mut request = request
            .add_scopes(self.scopes())
            .set_pkce_challenge(challenge)
            .set_redirect_uri(std::borrow::Cow::Borrowed(back));
        // Whom it is about: no other account is chosen by mistake.
        request = request.add_extra_param("login_hint", self.source.user.clone());
        for (name, value) in self.endpoints.extra {
            request = request.add_extra_param(*name, *value);
        }
        let (url, state) = request.url();
        Ok((url, state, verifier))
    }

    /// Gets the tokens for the code that the browser came back with.
    pub(super) fn exchange(
        &self,
        code: String,
        verifier: PkceCodeVerifier,
        back: &RedirectUrl,
    ) -> Result<Tokens> {
        let secrets = [code.clone(), verifier.secret().clone()];
        let given = self
            .client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(verifier)
            .set_redirect_uri(std::borrow::Cow::Borrowed(back))
            .request(&|request: HttpRequest| self.http.ask(request));
        self.tokens(&given.map_err(|error| self.failed(error, secrets))?, None)
    }

    /// Gets tokens for the one that renews them.
    pub(super) fn renew(&self, refresh: &str) -> Result<Tokens> {
        let token = RefreshToken::new(refresh.to_owned());
        let given = self
            .client
            .exchange_refresh_token(&token)
            .request(&|request: HttpRequest| self.http.ask(request));
        self.tokens(&given.map_err(|error| self.failed(error, [refresh.to_owned()]))?, Some(refresh))
    }

    /// Gets a code for another device.
    ///
    /// Errors: the provider has none, and as it says.
    pub(super) fn device_code(&self) -> Result<StandardDeviceAuthorizationResponse> {
        let request = self.client.exchange_device_code().map_err(|_| {
            let what = "the provider gives no codes for other devices".to_owned();
            let hint = "log in without `--device`, or give `device_url`".to_owned();
            ErrorKind::Config { what, hint }
        })?;
        let given = request
            .add_scopes(self.scopes())
            .request(&|request: HttpRequest| self.http.ask(request))
            .map_err(|error| self.failed(error, []))?;
        Ok(given)
    }

    /// Asks once whether the person has logged in on the other device.
    pub(super) fn poll(&self, code: &StandardDeviceAuthorizationResponse) -> Result<Poll> {
        let unreached = RefCell::new(None);
        let slower = RefCell::new(None);
        // The crate would ask until the code's time is over, and can't be interrupted. By this clock it is over as soon as
        // the crate has asked once and wants to wait.
        let over = AtomicBool::new(false);
        let clock = || {
            if over.load(Ordering::Relaxed) { DateTime::<Utc>::MAX_UTC } else { DateTime::<Utc>::UNIX_EPOCH }
        };
        let ask = |request: HttpRequest| -> Result<HttpResponse, ureq::Error> {
            self.http.ask(request).inspect_err(|error| *unreached.borrow_mut() = Some(explained(error)))
        };
        let request = self.client.exchange_device_access_token(code).set_time_fn(clock);
        let pause = |time| {
            *slower.borrow_mut() = Some(time > code.interval());
            over.store(true, Ordering::Relaxed);
        };
        let given = request.request(&ask, pause, Some(Duration::from_secs(1)));
        let (unreached, slower) = (unreached.into_inner(), slower.into_inner());
        match (given, slower) {
            (_, Some(_)) if unreached.is_some() => {
                Ok(Poll::Unreached(self.unreached(&unreached.unwrap_or_default())))
            }
            (Err(_), Some(slower)) => Ok(Poll::Pending { slower }),
            (Ok(given), _) => Ok(Poll::Given(Box::new(self.tokens(&given, None)?))),
            (Err(RequestTokenError::ServerResponse(response)), None)
                if *response.error() == DeviceCodeErrorResponseType::ExpiredToken =>
            {
                Err(Self::refused("nobody logged in while the code was good"))
            }
            (Err(error), None) => Err(self.failed(error, [code.device_code().secret().clone()])),
        }
    }

    /// Takes what was given. `refresh` renews it, unless there is a new one.
    fn tokens(&self, given: &BasicTokenResponse, refresh: Option<&str>) -> Result<Tokens> {
        let access = given.access_token().secret();
        if access.is_empty() || access.bytes().any(|b| !b.is_ascii_graphic()) {
            return Err(Self::refused("the provider gave a token that can't be one"));
        }
        let now = self.run.world.now().timestamp().as_second();
        let given_refresh = given.refresh_token().map(|token| token.secret().as_str());
        // Some have an empty one where there is none.
        let refresh = given_refresh.filter(|token| !token.is_empty()).or(refresh);
        Ok(Tokens {
            account: self.source.label.clone(),
            token_url: self.endpoints.token.to_string(),
            client_id: self.source.settings.client_id.clone(),
            access_token: Zeroizing::new(access.clone()),
            refresh_token: refresh.map(|refresh| Zeroizing::new(refresh.to_owned())),
            expires: given
                .expires_in()
                .map(|time| now.saturating_add(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))),
            keyring: None,
        })
    }

    fn refused(what: &str) -> Error {
        ErrorKind::Oauth { what: what.to_owned() }.into()
    }

    fn unreached(&self, cause: &str) -> Error {
        let host = self.endpoints.token.host_str().unwrap_or_default().to_owned();
        ErrorKind::Provider { host, cause: visible(cause) }.into()
    }

    /// Tells what went wrong, without what was said in confidence.
    fn failed<T: ErrorResponse>(
        &self,
        error: RequestTokenError<ureq::Error, T>,
        secrets: impl IntoIterator<Item = String>,
    ) -> Error {
        let own = self.secret.iter().map(|secret| secret.expose().to_owned());
        let concealed = Concealed::new(secrets.into_iter().chain(own));
        match error {
            RequestTokenError::Request(cause) => self.unreached(&concealed.hide(&explained(&cause))),
            RequestTokenError::ServerResponse(response) => {
                let text = concealed.hide(&response.to_string());
                // It is in trouble, and the login is not.
                if ["temporarily_unavailable", "server_error"].iter().any(|error| text.starts_with(error)) {
                    return self.unreached(&text);
                }
                Self::refused(&format!("the provider says: {}", visible(&text)))
            }
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                Self::refused("the provider's answer can't be understood")
            }
        }
    }
}

/// Says why nothing was answered that is of use.
fn explained(error: &ureq::Error) -> String {
    match error {
        ureq::Error::StatusCode(status) => format!("it is in trouble (HTTP status {status})"),
        error => error.to_string(),
    }
}
