//! The accounts that a file describes (TOML), one table each.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::account_settings::AccountSettings;
use crate::error::{Error, ErrorKind, Result, visible};

/// The most that such a file may have, in bytes.
const LARGEST: u64 = 1 << 20;

/// The permissions that let others read it.
const READABLE: u32 = 0o044;

/// The accounts of a file, in its order.
#[derive(Clone, Debug, Default)]
pub struct AccountsFile {
    path: PathBuf,
    accounts: Vec<(String, AccountSettings)>,
    /// What to run by the shell when a script failed.
    pub on_failure: Option<String>,
    /// The URL to fetch when a script did all that it wanted.
    pub ping: Option<String>,
}

impl AccountsFile {
    /// What such a file can say beside its accounts.
    pub const SETTINGS: [&str; 2] = ["on_failure", "ping"];

    /// Reads a file. Paths in it are beneath its directory; `~/` is beneath `home`.
    ///
    /// Errors: it can't be read, or says something that makes no sense, with the place; others can write to it, which
    /// says what is run and where passwords go; or there is a password in it and others can read it.
    pub fn read(path: &Path, home: Option<&Path>) -> Result<Self> {
        let shown = visible(&path.display().to_string());
        let (text, mode) = read(path).map_err(|error| {
            let hint = "`imapscript accounts add` begins one, and `--config FILE` names another";
            bad(format!("the accounts file `{shown}` can't be read: {error}"), hint)
        })?;
        if mode & 0o022 != 0 {
            let what = format!("others can write to the accounts file `{shown}` (mode {:03o})", mode & 0o777);
            return Err(bad(what, &format!("`chmod go-w {shown}`")));
        }
        let file = Self::parse(path, &text, home)?;
        if mode & READABLE != 0 && file.accounts.iter().any(|(_, settings)| settings.has_secret()) {
            let what = format!("the accounts file `{shown}` has a password in it and others can read it");
            return Err(bad(what, &format!("`chmod 600 {shown}`")));
        }
        Ok(file)
    }

    /// Reads what a file says, or would say.
    ///
    /// Error: it makes no sense, with the place.
    pub fn parse(path: &Path, text: &str, home: Option<&Path>) -> Result<Self> {
        let mut file = Self { path: path.to_owned(), ..Self::default() };
        let table = DeTable::parse(text)
            .map_err(|error| file.error(text, error.span(), error.message()))?
            .into_inner();
        let mut tables: Vec<_> = table.into_iter().collect();
        tables.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in tables {
            let place = Some(name.span());
            let general = match name.get_ref().as_ref() {
                "on_failure" => Some(&mut file.on_failure),
                "ping" => Some(&mut file.ping),
                _ => None,
            };
            if let (Some(general), DeValue::String(text)) = (general, value.get_ref()) {
                *general = Some(text.to_string());
                continue;
            }
            if !matches!(value.get_ref(), DeValue::Table(_)) {
                let what = format!(
                    "`{}` is no account: each is a table, `[work]`, beside the texts `on_failure` and `ping`",
                    visible(name.get_ref())
                );
                return Err(file.error(text, place, &what));
            }
            let settings = AccountSettings::deserialize(ValueDeserializer::from(value));
            let mut settings = settings.map_err(|error| {
                // What is wrong with the table as a whole is at its head.
                let within = error.span().filter(|span| !span.contains(&name.span().start));
                file.error(text, within.or(place), error.message())
            })?;
            if settings.is_lenient() {
                let what = "`tls = \"offered\"`, `certificates`, `any_host` and `unchecked` are for imapfilter's configurations alone";
                return Err(file.error(text, Some(name.span()), what));
            }
            settings.check().map_err(|error| file.error(text, Some(name.span()), &error.to_string()))?;
            settings.name = Some(name.get_ref().to_string());
            settings.for_paths(|path| *path = file.place(path, home));
            file.accounts.push((name.get_ref().to_string(), settings));
        }
        Ok(file)
    }

    /// Tells whether a file can have a password in it: nobody else can read it, or it is not there yet.
    pub fn is_private(path: &Path) -> bool {
        std::fs::metadata(path).map_or(true, |metadata| metadata.mode() & READABLE == 0)
    }

    /// Gives every account with its name.
    pub fn accounts(&self) -> impl Iterator<Item = (&str, &AccountSettings)> {
        self.accounts.iter().map(|(name, settings)| (name.as_str(), settings))
    }

    /// Finds an account by its name; the only one need not be named.
    ///
    /// Errors: there is none, or more than one.
    pub fn find(&self, name: Option<&str>) -> Result<&AccountSettings> {
        let found: Vec<_> =
            self.accounts().filter(|(known, _)| name.is_none_or(|name| name == *known)).collect();
        if let [(_, settings)] = found.as_slice() {
            return Ok(settings);
        }
        let shown = visible(&self.path.display().to_string());
        let what = match name {
            Some(name) => format!("there is no account `{}` in `{shown}`", visible(name)),
            None if found.is_empty() => format!("there is no account in `{shown}`"),
            None => "it must be said which account is meant".to_owned(),
        };
        let names: Vec<_> = self.accounts().map(|(name, _)| visible(name)).collect();
        let hint = match names.as_slice() {
            [] => "`imapscript accounts add` describes one".to_owned(),
            names if name.is_some() => format!("there is {}", names.join(" and ")),
            names => {
                format!(
                    "there is {}; say which: `account \"NAME\"`, or `--account NAME`",
                    names.join(" and ")
                )
            }
        };
        Err(bad(what, &hint))
    }

    /// Makes a path mean what it says in the file.
    fn place(&self, path: &Path, home: Option<&Path>) -> PathBuf {
        let beneath = || self.path.parent().map_or_else(|| path.to_owned(), |directory| directory.join(path));
        at_home(path, home).unwrap_or_else(beneath)
    }

    /// Says what is wrong, and where. The text itself is not shown: it may be a password.
    fn error(&self, text: &str, span: Option<Range<usize>>, what: &str) -> Error {
        let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let place = format!("{}:{line}:{column}", self.path.display());
        bad(
            visible(&format!("{place}: {}", what.trim())),
            "the page on accounts has an example with every setting",
        )
    }
}

/// Gives what a path beneath `~` means.
pub(super) fn at_home(path: &Path, home: Option<&Path>) -> Option<PathBuf> {
    Some(home?.join(path.strip_prefix("~").ok()?))
}

fn bad(what: String, hint: &str) -> Error {
    ErrorKind::Config { what, hint: hint.to_owned() }.into()
}

/// Gives the text, and who may do what with it.
fn read(path: &Path) -> std::io::Result<(String, u32)> {
    let file = File::open(path)?;
    let mode = file.metadata()?.mode();
    let mut text = String::new();
    let mut limited = file.take(LARGEST + 1);
    if u64::try_from(limited.read_to_string(&mut text)?).is_ok_and(|length| length > LARGEST) {
        return Err(std::io::Error::other("it is too large"));
    }
    Ok((text, mode))
}
