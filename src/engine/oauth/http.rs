use std::time::Duration;

use oauth2::{HttpRequest, HttpResponse};
use ureq::http::StatusCode;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Proxy, ProxyProtocol};

use crate::engine::proxy_source::ProxySource;
use crate::engine::world::Run;
use crate::error::{ErrorKind, Result};

/// The most that a provider may answer, in bytes.
const LARGEST: u64 = 1 << 20;

/// How long one question may take in all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks a provider. Redirects are not followed: they could lead secrets elsewhere.
pub(super) struct Http(Agent);

impl Http {
    /// Makes it for an account's provider, which is reached as its mail server is: by the same proxy, or directly.
    ///
    /// Errors: the proxy's password can't be read.
    pub(super) fn new(run: &Run, proxy: Option<&ProxySource>) -> Result<Self> {
        let tls =
            TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(RootCerts::PlatformVerifier);
        let timeouts = run.context.timeouts.unwrap_or_default();
        let agent = Agent::config_builder()
            .tls_config(tls.build())
            .proxy(proxy.map(|proxy| led(run, proxy)).transpose()?)
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("imapscript/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(timeouts.connect))
            .timeout_global(Some(timeouts.read.min(PATIENCE)))
            .build()
            .new_agent();
        Ok(Self(agent))
    }

    /// Asks, and gives what was answered: what is asked for, or a refusal.
    ///
    /// Errors: nothing was answered, or that the provider can't answer now.
    pub(super) fn ask(&self, request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
        let mut response = self.0.run(request)?;
        let status = response.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(ureq::Error::StatusCode(status.as_u16()));
        }
        let body = response.body_mut().with_config().limit(LARGEST).read_to_vec()?;
        let (parts, _) = response.into_parts();
        Ok(HttpResponse::from_parts(parts, body))
    }
}

fn led(run: &Run, proxy: &ProxySource) -> Result<Proxy> {
    let proxy = proxy.read(run)?;
    let builder = Proxy::builder(ProxyProtocol::Socks5h).host(&proxy.host).port(proxy.port);
    let builder = match &proxy.login {
        Some((user, password)) => builder.username(user).password(password.expose()),
        None => builder,
    };
    builder.build().map_err(|_| {
        let what = "the provider can't be asked by this proxy".to_owned();
        ErrorKind::Config { what, hint: "check `proxy`".to_owned() }.into()
    })
}
