use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use oauth2::{CsrfToken, PkceCodeVerifier, RedirectUrl};
use url::Url;

use super::provider::Provider;
use super::source::OauthSource;
use crate::engine::account_settings::AccountSettings;
use crate::engine::world::Run;
use crate::error::{Error, ErrorKind, Result, visible};

/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// The most that a browser may say, in bytes.
const LARGEST: usize = 16 << 10;

/// How long a browser may take to say it.
const READING: Duration = Duration::from_secs(5);

/// A login in a browser on this machine (RFC 8252), with PKCE (RFC 7636): the browser comes back to a port that we
/// listen on.
pub struct BrowserLogin<'a> {
    source: OauthSource,
    run: &'a Run,
    listener: TcpListener,
    back: RedirectUrl,
    url: Url,
    state: CsrfToken,
    verifier: PkceCodeVerifier,
}

/// What came with the browser.
enum Arrival {
    /// The provider's code.
    Code(String),
    /// The person, or the provider, did not agree.
    Refused(String),
    /// Something else, such as a page's icon.
    Other,
}

impl<'a> BrowserLogin<'a> {
    /// Prepares a login. `port` is the one to listen on, where the provider knows only that; else any free one is.
    ///
    /// Errors: the account has no `oauth2`, the provider has no page to log in, or the port is not free.
    pub fn begin(settings: &AccountSettings, port: Option<u16>, run: &'a Run) -> Result<Self> {
        let source = OauthSource::wanted(settings)?.with_client_secret(run)?;
        let provider = Provider::new(&source, run)?;
        let listen = || -> io::Result<(TcpListener, u16)> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0)))?;
            listener.set_nonblocking(true)?;
            let port = listener.local_addr()?.port();
            Ok((listener, port))
        };
        let (listener, port) = listen().map_err(|error| {
            let what = format!("the browser can't be waited for: {error}");
            ErrorKind::Config { what, hint: "`--port` chooses another port".to_owned() }
        })?;
        let here = provider.endpoints.here;
        let back = RedirectUrl::new(format!("http://{here}:{port}/"));
        let back = back.map_err(|error| Error::from(ErrorKind::Oauth { what: error.to_string() }))?;
        let (url, state, verifier) = provider.begin(&back)?;
        drop(provider);
        Ok(Self { source, run, listener, back, url, state, verifier })
    }

    /// Gives the page to open.
    pub fn page(&self) -> &str {
        self.url.as_str()
    }

    /// Waits until the browser comes back, and keeps the tokens: in the system keyring, or in a file.
    ///
    /// Errors: it was refused, it took too long, or somebody interrupts it.
    pub fn finish(self, in_keyring: bool) -> Result<()> {
        let code = self.wait()?;
        let provider = Provider::new(&self.source, self.run)?;
        let tokens = provider.exchange(code, self.verifier, &self.back)?;
        self.source.keep(self.run, tokens, in_keyring)
    }

    fn wait(&self) -> Result<String> {
        let start = Instant::now();
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => match self.receive(stream) {
                    Ok(Arrival::Code(code)) => return Ok(code),
                    Ok(Arrival::Refused(why)) => {
                        return Err(ErrorKind::Oauth { what: format!("the provider says: {why}") }.into());
                    }
                    // Whoever else it was is not waited for.
                    Ok(Arrival::Other) | Err(_) => {}
                },
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
            if self.run.is_interrupted() {
                return Err(ErrorKind::Interrupted.into());
            }
            if start.elapsed() > PATIENCE {
                let what = "nobody logged in within ten minutes".to_owned();
                return Err(ErrorKind::Oauth { what }.into());
            }
        }
    }

    /// Reads what the browser asks for, and answers it.
    fn receive(&self, mut stream: TcpStream) -> io::Result<Arrival> {
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(READING))?;
        let request = head(&mut stream)?;
        let line = request.lines().next().unwrap_or_default();
        let target = line.strip_prefix("GET ").and_then(|rest| rest.split(' ').next());
        let arrival = target.map_or(Arrival::Other, |target| self.understand(target));
        let (status, text) = match &arrival {
            Arrival::Code(_) => ("200 OK", "You have logged in. This page can be closed."),
            Arrival::Refused(_) => ("200 OK", "The login was refused. This page can be closed."),
            Arrival::Other => ("404 Not Found", "Nothing is here."),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{text}",
            text.len()
        );
        // The code is there, whether the browser hears of it or not.
        let _ = stream.write_all(answer.as_bytes());
        Ok(arrival)
    }

    /// Only what comes with the secret of this login is from the provider; others could come to the port, too.
    fn understand(&self, target: &str) -> Arrival {
        let Some(url) = self.back.url().join(target).ok().filter(|url| url.path() == "/") else {
            return Arrival::Other;
        };
        let given =
            |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        if given("state").as_deref() != Some(self.state.secret().as_str()) {
            return Arrival::Other;
        }
        match (given("code"), given("error")) {
            (_, Some(error)) => {
                let more = given("error_description").map(|text| format!(": {text}")).unwrap_or_default();
                Arrival::Refused(visible(&format!("{error}{more}")))
            }
            (Some(code), None) => Arrival::Code(code),
            (None, None) => Arrival::Other,
        }
    }
}

/// Reads a request up to the empty line.
fn head(stream: &mut TcpStream) -> io::Result<String> {
    let (start, mut bytes, mut part) = (Instant::now(), Vec::new(), [0; 1024]);
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        let left = READING.saturating_sub(start.elapsed()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left))?;
        let count = stream.read(&mut part)?;
        bytes.extend_from_slice(part.get(..count).unwrap_or_default());
        if count == 0 || bytes.len() > LARGEST || start.elapsed() > READING {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
