use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::account_record;
use super::account_settings::AccountSettings;
use super::accounts_file::{AccountsFile, at_home};
use super::secret_source::SecretSource;
use crate::error::{ErrorKind, Result};
use crate::mail::Secret;

/// What the accounts file describes. It is read when it is first needed.
#[derive(Debug, Default)]
pub struct Accounts {
    path: Option<PathBuf>,
    home: Option<PathBuf>,
    /// The one that is meant where none is named.
    chosen: Option<String>,
    /// Every account is served by a sandbox, described or not.
    sandbox: bool,
    file: OnceLock<AccountsFile>,
}

impl Accounts {
    /// Makes those of a file, of which `chosen` is meant where none is named; in a sandbox there need not be a file.
    pub fn new(path: Option<PathBuf>, home: Option<PathBuf>, chosen: Option<String>, sandbox: bool) -> Self {
        Self { path, home, chosen, sandbox, file: OnceLock::new() }
    }

    /// Gives what a path beneath `~` means, if it is one.
    pub(super) fn at_home(&self, path: &Path) -> Option<PathBuf> {
        at_home(path, self.home.as_deref())
    }

    /// Gives the account's name that the command line names.
    pub fn chosen(&self) -> Option<&str> {
        self.chosen.as_deref()
    }

    /// Gives where the file is, or would be.
    ///
    /// Error: nobody has said it, and there is no home directory.
    pub fn path(&self) -> Result<&PathBuf> {
        self.path.as_ref().ok_or_else(|| {
            let what = "there is no accounts file, as there is no home directory".to_owned();
            ErrorKind::Config { what, hint: "name it: `--config FILE`".to_owned() }.into()
        })
    }

    /// Gives the file.
    ///
    /// Errors: as [`AccountsFile::read`].
    pub fn file(&self) -> Result<&AccountsFile> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let file = AccountsFile::read(self.path()?, self.home.as_deref())?;
        Ok(self.file.get_or_init(|| file))
    }

    /// Finds an account by its name, if there is a file and it has such a one.
    ///
    /// Errors: as [`AccountsFile::read`].
    pub(super) fn described(&self, name: &str) -> Result<Option<AccountSettings>> {
        Ok(self.existing()?.and_then(|file| file.find(Some(name)).ok().cloned()))
    }

    /// Finds an account by how the journal knows it, if there is a file and it has such a one.
    ///
    /// Errors: as [`AccountsFile::read`].
    pub(super) fn reached_by(&self, identity: &str) -> Result<Option<AccountSettings>> {
        let Some(file) = self.existing()? else { return Ok(None) };
        let is_it =
            |settings: &&AccountSettings| account_record::identity(settings, self.sandbox) == identity;
        Ok(file.accounts().map(|(_, settings)| settings).find(is_it).cloned())
    }

    /// Gives the file, if there is one.
    ///
    /// Errors: as [`AccountsFile::read`].
    pub fn existing(&self) -> Result<Option<&AccountsFile>> {
        self.path.as_ref().filter(|path| is_there(path)).map(|_| self.file()).transpose()
    }

    /// Finds an account by its name, or the one that the command line names, or the only one.
    ///
    /// Errors: as [`AccountsFile::read`] and [`AccountsFile::find`].
    pub fn find(&self, name: Option<&str>) -> Result<AccountSettings> {
        let name = name.or(self.chosen.as_deref());
        if self.sandbox && self.path.as_ref().is_none_or(|path| !is_there(path)) {
            let name = name.unwrap_or("me");
            let password = SecretSource::Literal(Secret::new("sandbox"));
            let settings = AccountSettings::new("sandbox", name);
            let name = Some(name.to_owned());
            return Ok(AccountSettings { name, password: Some(password), ..settings });
        }
        self.file()?.find(name).cloned()
    }
}

/// Tells whether there is a file, even one that can't be read.
fn is_there(path: &Path) -> bool {
    !path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}
