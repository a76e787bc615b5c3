use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::proof_source::ProofSource;
use super::proxy_source::ProxySource;
use super::world::Run;
use crate::error::{By, Error, ErrorKind, Result};
use crate::imap::{Credentials, Mechanism, Proof, ServerAddress, Session};
use crate::wire::{Proxy, Timeouts};

/// What opens a session of one account.
#[derive(Clone, Debug)]
pub(super) struct Opener {
    pub(super) label: String,
    pub(super) address: ServerAddress,
    pub(super) proxy: Option<ProxySource>,
    pub(super) user: String,
    pub(super) proof: ProofSource,
    /// What was read, perhaps of a person. A later connection of the run does not ask for it again.
    pub(super) known: Arc<Mutex<Known>>,
    pub(super) mechanism: Option<Mechanism>,
    /// How long it waits for the server, unless the command line says it.
    pub(super) timeout: Option<Duration>,
    pub(super) own_prefix: Option<String>,
}

/// What has been read, and not been refused since.
#[derive(Debug, Default)]
pub(super) struct Known {
    proof: Option<Proof>,
    proxy: Option<Proxy>,
}

impl Opener {
    /// Opens a session. What shows who the user is is read at the first call, and again once it was refused.
    pub(super) fn open(&self, run: &Run) -> Result<Session> {
        // Tokens are kept elsewhere, and renewed there before their time is over.
        let is_renewed = matches!(self.proof, ProofSource::Oauth(_));
        let known = self.known().proof.clone().filter(|_| !is_renewed);
        let is_old = known.is_some();
        let proof = known.map_or_else(|| self.read(run, None), Ok)?;
        let mut credentials = Credentials { user: self.user.clone(), proof };
        let address = ServerAddress { proxy: self.proxy(run)?, ..self.address.clone() };
        let mut context = run.context.clone();
        context.timeouts = context.timeouts.or(self.timeout.map(Timeouts::all));
        let mut session = Session::open(&address, &credentials, self.mechanism, &context);
        // A token's time may be over before anybody knows. A new one is tried, once.
        let is_stale = |error: &Error| matches!(&*error.kind, ErrorKind::Login { by: By::Token, .. });
        if (is_old || is_renewed) && session.as_ref().is_err_and(is_stale) {
            self.known().proof = None;
            credentials.proof = self.read(run, Some(&credentials.proof))?;
            session = Session::open(&address, &credentials, self.mechanism, &context);
        }
        let mut session = session.inspect_err(|error| self.forget_refused(error))?;
        if let Some(prefix) = &self.own_prefix {
            session.set_own_prefix(prefix);
        }
        Ok(session)
    }

    /// Forgets what was refused, and nothing because a line was lost.
    fn forget_refused(&self, error: &Error) {
        match &*error.kind {
            ErrorKind::Login { .. } => self.known().proof = None,
            ErrorKind::ProxyLogin { .. } => self.known().proxy = None,
            _ => {}
        }
    }

    fn read(&self, run: &Run, refused: Option<&Proof>) -> Result<Proof> {
        let _hushed = run.progress.hush(&*run.world);
        let proof = self.proof.read(run, refused)?;
        self.known().proof = Some(proof.clone());
        Ok(proof)
    }

    fn proxy(&self, run: &Run) -> Result<Option<Proxy>> {
        let Some(source) = &self.proxy else { return Ok(None) };
        if let Some(known) = self.known().proxy.clone() {
            return Ok(Some(known));
        }
        let _hushed = run.progress.hush(&*run.world);
        let proxy = source.read(run)?;
        self.known().proxy = Some(proxy.clone());
        Ok(Some(proxy))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
