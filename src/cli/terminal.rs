use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::ZonedDateTime;

use super::keyring;
use super::progress::Display;
use super::report::Reporter;
use crate::engine::{Event, Work, World};

/// The world as the command line has it: the process's environment, terminal and clock.
#[derive(Debug)]
pub(super) struct Terminal {
    pub(super) reporter: Mutex<Reporter>,
    pub(super) display: Mutex<Display>,
}

impl Terminal {
    /// Gives the one that prints.
    pub(super) fn reporter(&self) -> MutexGuard<'_, Reporter> {
        self.reporter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn display(&self) -> MutexGuard<'_, Display> {
        self.display.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World for Terminal {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn prompt(&self, text: &str) -> io::Result<String> {
        rpassword::prompt_password(text).map_err(|error| match error.raw_os_error() {
            Some(libc::ENXIO | libc::ENOTTY) => {
                io::Error::new(io::ErrorKind::Unsupported, "there is no terminal")
            }
            _ => error,
        })
    }

    fn keyring(&self, name: &str) -> Result<Option<String>, String> {
        keyring::read(name)
    }

    fn keep_in_keyring(&self, name: &str, secret: Option<&str>) -> Result<(), String> {
        secret.map_or_else(|| keyring::remove(name), |secret| keyring::write(name, secret))
    }

    fn now(&self) -> ZonedDateTime {
        ZonedDateTime::now()
    }

    fn tell(&self, event: Event) {
        let mut display = self.display();
        display.give_way();
        self.reporter().tell(&event);
    }

    fn progress(&self, works: &[Work]) {
        self.display().show(works);
    }
}
