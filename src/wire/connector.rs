use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use native_tls::TlsConnector;

use super::tls_settings::TlsSettings;
use crate::error::Result;

/// How long others get a connector. What its files say may change, and one that watches runs for months.
const FRESH: Duration = Duration::from_secs(60);

/// What was made of late. To read the system's authorities takes longer than all else of a start and 6 MB, so
/// connections that begin at the same time have them together.
static MADE: Mutex<Vec<Made>> = Mutex::new(Vec::new());

struct Made {
    settings: TlsSettings,
    connector: TlsConnector,
    since: Instant,
}

impl TlsSettings {
    /// Gives a connector that does as these settings say: one that was made within the last minute for equal ones, or a
    /// new one.
    ///
    /// Errors: a file that can't be used, of kind config.
    pub(super) fn connector(&self) -> Result<TlsConnector> {
        // A private key is in memory no longer than its connection.
        if self.client_certificate.is_some() {
            return self.make();
        }
        // Who comes while one is made waits for it.
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|it| it.since.elapsed() < FRESH);
        if let Some(equal) = made.iter().find(|it| it.settings == *self) {
            return Ok(equal.connector.clone());
        }
        let connector = self.make()?;
        let since = Instant::now();
        made.push(Made { settings: self.clone(), connector: connector.clone(), since });
        Ok(connector)
    }

    /// Has the files read again for the next connection: this one failed, and what is wrong may be put right.
    pub(super) fn forget_connector(&self) {
        MADE.lock().unwrap_or_else(PoisonError::into_inner).retain(|it| it.settings != *self);
    }
}
