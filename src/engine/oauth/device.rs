use std::time::{Duration, Instant};

use oauth2::StandardDeviceAuthorizationResponse;

use super::provider::{Poll, Provider};
use super::source::OauthSource;
use crate::engine::account_settings::AccountSettings;
use crate::engine::world::Run;
use crate::error::{ErrorKind, Result};

/// How much longer to wait each time the provider asks for that, or is out of reach (RFC 8628 §3.5).
const SLOWER: Duration = Duration::from_secs(5);

/// The longest that a provider may make us wait between two questions.
const LONGEST: Duration = Duration::from_secs(300);

/// The shortest, whatever it says.
const SHORTEST: Duration = Duration::from_secs(1);

/// How often in a row the provider may be out of reach.
const TRIES: usize = 5;

/// A login on another device (RFC 8628): there a person opens a page and types a code.
pub struct DeviceLogin<'a> {
    source: OauthSource,
    run: &'a Run,
    code: StandardDeviceAuthorizationResponse,
}

impl<'a> DeviceLogin<'a> {
    /// Gets a code for an account.
    ///
    /// Errors: the account has no `oauth2`, or the provider gives no codes.
    pub fn begin(settings: &AccountSettings, run: &'a Run) -> Result<Self> {
        let source = OauthSource::wanted(settings)?.with_client_secret(run)?;
        let code = Provider::new(&source, run)?.device_code()?;
        if code.interval() > LONGEST {
            let what = "the provider wants to be asked less than every five minutes".to_owned();
            return Err(ErrorKind::Oauth { what }.into());
        }
        Ok(Self { source, run, code })
    }

    /// Gives the page to open.
    pub fn page(&self) -> &str {
        self.code.verification_uri()
    }

    /// Gives the code to type there.
    pub fn code(&self) -> &str {
        self.code.user_code().secret()
    }

    /// Waits until somebody has logged in, and keeps the tokens: in the system keyring, or in a file.
    ///
    /// Errors: it was refused, or the code's time is over, or somebody interrupts it.
    pub fn finish(self, in_keyring: bool) -> Result<()> {
        let provider = Provider::new(&self.source, self.run)?;
        let (start, mut unreached) = (Instant::now(), 0);
        let mut pause = self.code.interval().max(SHORTEST);
        loop {
            self.wait(pause)?;
            match provider.poll(&self.code)? {
                Poll::Given(tokens) => return self.source.keep(self.run, *tokens, in_keyring),
                Poll::Pending { slower } => {
                    unreached = 0;
                    pause += if slower { SLOWER } else { Duration::ZERO };
                }
                Poll::Unreached(error) => {
                    unreached += 1;
                    pause += SLOWER;
                    if unreached == TRIES {
                        return Err(error);
                    }
                }
            }
            if start.elapsed() > self.code.expires_in() {
                let what = "nobody logged in while the code was good".to_owned();
                return Err(ErrorKind::Oauth { what }.into());
            }
        }
    }

    fn wait(&self, pause: Duration) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < pause {
            if self.run.is_interrupted() {
                return Err(ErrorKind::Interrupted.into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}
