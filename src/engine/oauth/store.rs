use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::engine::lock::{Lock, file_name};
use crate::engine::new_file::sync_directory;
use crate::engine::world::Run;
use crate::error::{Error, ErrorKind, Result, visible};

/// A token is renewed this many seconds before its time is over: it must outlive the way to the server.
const MARGIN: i64 = 60;

/// How long to wait for another run that renews the same token.
const PATIENCE: Duration = Duration::from_secs(90);

/// The most that the file may have, in bytes.
const LARGEST: u64 = 1 << 20;

/// What a provider has given for an account.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Tokens {
    /// The account, for people.
    pub(super) account: String,
    /// Where they were given, and to which client. What was given elsewhere is of no use.
    pub(super) token_url: String,
    pub(super) client_id: String,
    pub(super) access_token: Zeroizing<String>,
    /// What the next one is asked for with.
    pub(super) refresh_token: Option<Zeroizing<String>>,
    /// When the access token's time is over, in seconds since 1970, if that was said.
    pub(super) expires: Option<i64>,
    /// What the system keyring calls them, if they are there and not in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keyring: Option<String>,
}

/// What nobody else may see of it.
#[derive(Serialize, Deserialize)]
struct Secrets {
    access_token: Zeroizing<String>,
    refresh_token: Option<Zeroizing<String>>,
}

impl Tokens {
    /// Tells whether the access token is to be renewed.
    pub(super) fn is_due(&self, now: i64) -> bool {
        self.expires.is_some_and(|expires| expires.saturating_sub(MARGIN) <= now)
    }
}

/// The place of an account's tokens: a file for its owner only, in the state directory. They may be in the system keyring
/// themselves, if whoever logged in wanted that.
#[derive(Debug)]
pub(super) struct Store<'a> {
    run: &'a Run,
    directory: PathBuf,
    path: PathBuf,
    identity: String,
}

impl<'a> Store<'a> {
    /// Finds the place of an account that the journal would know by `identity`. It is made when it is first locked.
    ///
    /// Error: there is no state directory.
    pub(super) fn new(run: &'a Run, identity: &str) -> Result<Self> {
        let directory = run.state.directory()?.join("tokens");
        let path = directory.join(file_name("tokens", identity));
        Ok(Self { run, directory, path, identity: identity.to_owned() })
    }

    /// Waits until no other run renews these tokens, and keeps others from it.
    ///
    /// Errors: the state directory can't be made; it takes too long, or somebody interrupts it.
    pub(super) fn lock(&self) -> Result<Lock> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.directory);
        made.map_err(|error| unusable(&self.directory, &error))?;
        let start = Instant::now();
        loop {
            if let Some(lock) = Lock::take(&self.directory, &self.identity)? {
                return Ok(lock);
            }
            if self.run.is_interrupted() {
                return Err(ErrorKind::Interrupted.into());
            }
            if start.elapsed() > PATIENCE {
                let seconds = PATIENCE.as_secs();
                let what = format!("another run has been renewing the token for {seconds} seconds");
                return Err(ErrorKind::Config { what, hint: "see whether it hangs".to_owned() }.into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Reads the tokens, if there are any.
    ///
    /// Errors: the file can't be read or understood, or others can read it; the keyring can't be read.
    pub(super) fn read(&self) -> Result<Option<Tokens>> {
        let Some(mut tokens) = self.read_file()? else { return Ok(None) };
        let Some(name) = &tokens.keyring else { return Ok(Some(tokens)) };
        let found = self.run.world.keyring(name).map_err(|why| closed(&why))?.map(Zeroizing::new);
        // Whoever has removed it there has logged out.
        let Some(found) = found else { return Ok(None) };
        let secrets: Secrets = serde_json::from_str(&found).map_err(|_| {
            let what = format!("what the system keyring has as `{}` can't be understood", visible(name));
            Error::from(ErrorKind::Config { what, hint: AGAIN.to_owned() })
        })?;
        tokens.access_token = secrets.access_token;
        tokens.refresh_token = secrets.refresh_token;
        Ok(Some(tokens))
    }

    /// Gives what the system keyring calls the tokens, if they are there, as far as the file makes sense.
    pub(super) fn keyring(&self) -> Option<String> {
        self.read_file().ok()??.keyring
    }

    /// Reads what the file says of the tokens.
    ///
    /// Errors: it can't be read or understood, or others can read it.
    pub(super) fn read_file(&self) -> Result<Option<Tokens>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(&self.path, &error)),
        };
        let failed = |error| unusable(&self.path, &error);
        let shown = visible(&self.path.display().to_string());
        let mode = file.metadata().map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            let what = format!("the tokens in `{shown}` can be read by others (mode {:03o})", mode & 0o777);
            return Err(ErrorKind::Config { what, hint: format!("`chmod 600 {shown}`") }.into());
        }
        let mut text = Zeroizing::new(Vec::new());
        (&mut file).take(LARGEST).read_to_end(&mut text).map_err(failed)?;
        serde_json::from_slice(&text).map(Some).map_err(|_| {
            let what = format!("the tokens in `{shown}` can't be understood");
            ErrorKind::Config { what, hint: AGAIN.to_owned() }.into()
        })
    }

    /// Puts the tokens in place of those that were there, all or nothing.
    ///
    /// Errors: the file can't be written, or the keyring can't be.
    pub(super) fn write(&self, tokens: &Tokens) -> Result<()> {
        let mut shown = tokens.clone();
        if let Some(name) = &tokens.keyring {
            let access_token = std::mem::take(&mut shown.access_token);
            let refresh_token = shown.refresh_token.take();
            let text = serde_json::to_string(&Secrets { access_token, refresh_token }).unwrap_or_default();
            let kept = self.run.world.keep_in_keyring(name, Some(&Zeroizing::new(text)));
            kept.map_err(|why| closed(&why))?;
        }
        let text = Zeroizing::new(serde_json::to_vec(&shown).unwrap_or_default());
        let write = || -> io::Result<()> {
            let mut file = tempfile::Builder::new().prefix(".tokens-").tempfile_in(&self.directory)?;
            file.as_file_mut().write_all(&text)?;
            file.as_file().sync_all()?;
            file.persist(&self.path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| unusable(&self.path, &error))?;
        sync_directory(&self.path);
        Ok(())
    }

    /// Removes the tokens, and tells whether there were any.
    ///
    /// Errors: the file can't be removed, or the keyring can't be written.
    pub(super) fn remove(&self) -> Result<bool> {
        if let Some(name) = self.keyring() {
            self.run.world.keep_in_keyring(&name, None).map_err(|why| closed(&why))?;
        }
        match fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(unusable(&self.path, &error)),
        }
    }
}

/// What to do about tokens that are of no use.
const AGAIN: &str = "log in again: `imapscript oauth login`";

fn closed(why: &str) -> Error {
    let what = format!("the system keyring can't be used, which has the tokens: {}", visible(why));
    let hint =
        "it belongs to a desktop session; `imapscript oauth login` without `--keyring` keeps them in a file";
    ErrorKind::Config { what, hint: hint.to_owned() }.into()
}

fn unusable(path: &Path, error: &io::Error) -> Error {
    let what = format!("the tokens in `{}` can't be kept: {error}", visible(&path.display().to_string()));
    ErrorKind::Config { what, hint: "`--state DIR` names another directory".to_owned() }.into()
}
