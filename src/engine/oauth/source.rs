use super::provider::Provider;
use super::settings::{Endpoints, OauthSettings};
use super::store::{Store, Tokens};
use crate::engine::account_record;
use crate::engine::account_settings::AccountSettings;
use crate::engine::proxy_source::ProxySource;
use crate::engine::secret_purpose::SecretPurpose;
use crate::engine::secret_source::SecretSource;
use crate::engine::world::{Event, Run};
use crate::error::{Error, ErrorKind, Result, visible};
use crate::mail::Secret;

/// Where an account's access tokens come from.
#[derive(Clone, Debug)]
pub(in crate::engine) struct OauthSource {
    pub(super) settings: OauthSettings,
    /// How the journal would know the account.
    pub(super) identity: String,
    pub(super) label: String,
    pub(super) user: String,
    pub(super) proxy: Option<ProxySource>,
}

impl OauthSource {
    /// Makes it of an account's settings, if these have an `oauth2`.
    pub(in crate::engine) fn of(settings: &AccountSettings) -> Option<Self> {
        Some(Self {
            settings: settings.oauth2.clone()?,
            identity: account_record::identity(settings, false),
            label: settings.label(),
            user: settings.user.clone(),
            proxy: settings.proxy(),
        })
    }

    /// Makes it of the settings of an account that somebody wants to log in to.
    ///
    /// Error: these have no `oauth2`.
    pub(super) fn wanted(settings: &AccountSettings) -> Result<Self> {
        Self::of(settings).ok_or_else(|| {
            let what = format!("the account {} has no `oauth2`", settings.label());
            let hint =
                "`oauth2 = { provider = \"google\", client_id = \"…\" }` in the accounts file".to_owned();
            ErrorKind::Config { what, hint }.into()
        })
    }

    /// Reads the client's secret, if it has one: a login of several questions asks a person for it once.
    pub(super) fn with_client_secret(mut self, run: &Run) -> Result<Self> {
        if let Some(source) = &mut self.settings.client_secret {
            *source = SecretSource::Literal(source.read(SecretPurpose::ClientSecret, &*run.world)?);
        }
        Ok(self)
    }

    /// Gives an access token whose time is not over, and is not the one that the mail server has `refused`. It is
    /// renewed where need be, by one run at a time.
    ///
    /// Errors: nobody has logged in, or the provider does not renew it.
    pub(in crate::engine) fn token(&self, run: &Run, refused: Option<&Secret>) -> Result<Secret> {
        let endpoints = self.settings.endpoints()?;
        let store = Store::new(run, &self.identity)?;
        let mine = |tokens: &Tokens| self.owns(tokens, &endpoints);
        let is_good = |tokens: &Tokens| {
            let now = run.world.now().timestamp().as_second();
            !tokens.is_due(now) && refused.is_none_or(|refused| *refused.expose() != **tokens.access_token)
        };
        let found = store.read()?.filter(mine);
        if let Some(tokens) = found.filter(is_good) {
            return Ok(Secret::new(&*tokens.access_token));
        }
        let _lock = store.lock()?;
        // Another run may have renewed it meanwhile.
        let Some(tokens) = store.read()?.filter(mine) else { return Err(self.not_logged_in()) };
        if is_good(&tokens) {
            return Ok(Secret::new(&*tokens.access_token));
        }
        let Some(refresh) = &tokens.refresh_token else { return Err(self.not_logged_in()) };
        let renewed = Provider::new(self, run)?.renew(refresh)?;
        let renewed = Tokens { keyring: tokens.keyring, ..renewed };
        store.write(&renewed)?;
        Ok(Secret::new(&*renewed.access_token))
    }

    /// Tells whether somebody has logged in with the provider, and not out again. It may be too long ago.
    pub(in crate::engine) fn is_logged_in(&self, run: &Run) -> bool {
        let Ok(endpoints) = self.settings.endpoints() else { return false };
        let known = Store::new(run, &self.identity).and_then(|store| store.read_file());
        known.is_ok_and(|known| known.is_some_and(|tokens| self.owns(&tokens, &endpoints)))
    }

    /// Tells whether tokens were given to this client by this provider.
    fn owns(&self, tokens: &Tokens, endpoints: &Endpoints) -> bool {
        tokens.token_url == endpoints.token.as_str() && tokens.client_id == self.settings.client_id
    }

    /// Keeps what a provider gave after somebody has logged in: in the system keyring, or in a file.
    pub(super) fn keep(&self, run: &Run, tokens: Tokens, in_keyring: bool) -> Result<()> {
        let store = Store::new(run, &self.identity)?;
        let _lock = store.lock()?;
        let before = store.keyring();
        let keyring = in_keyring.then(|| format!("oauth2 {}", self.identity));
        store.write(&Tokens { keyring, ..tokens })?;
        // What is left there would be found by nobody any more, and be good for a long time.
        let Some(name) = before.filter(|_| !in_keyring) else { return Ok(()) };
        if let Err(why) = run.world.keep_in_keyring(&name, None) {
            let text = format!(
                "older tokens stay in the system keyring, as `{}`, which can't be used: {}",
                visible(&name),
                visible(&why)
            );
            run.world.tell(Event::Warning(text));
        }
        Ok(())
    }

    fn not_logged_in(&self) -> Error {
        ErrorKind::NotLoggedIn { account: self.label.clone() }.into()
    }
}

impl OauthSettings {
    /// Forgets the tokens of an account, and tells whether there were any.
    ///
    /// Errors: the account has no `oauth2`, or the file can't be removed.
    pub fn forget(settings: &AccountSettings, run: &Run) -> Result<bool> {
        let source = OauthSource::wanted(settings)?;
        let store = Store::new(run, &source.identity)?;
        let _lock = store.lock()?;
        store.remove()
    }
}
