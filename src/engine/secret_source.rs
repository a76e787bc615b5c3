use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::secret_purpose::SecretPurpose;
use super::world::World;
use crate::error::{Error, ErrorKind, Result, visible};
use crate::mail::Secret;

/// Where a secret comes from. It is read when the account first logs in, and not before.
///
/// Written down it is a table with one key, or the secret itself; that is read and never written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub enum SecretSource {
    /// The script has it in its text.
    Literal(Secret),
    /// An environment variable.
    Env(String),
    /// The first line that a program prints: its name and arguments, no shell.
    Command(Vec<String>),
    /// A file that nobody else can read.
    File(PathBuf),
    /// The system keyring, by the name that it has there.
    Keyring(String),
    /// A file that systemd gives to a service (`LoadCredential=`), by its name.
    Credential(String),
    /// The user types it.
    Prompt(String),
}

impl Default for SecretSource {
    fn default() -> Self {
        Self::Prompt("Password: ".to_owned())
    }
}

/// How it is written down.
#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "it must be a table with one of `command` (a list), `env`, `file`, `keyring`, `credential` and `prompt`, or a string"
)]
enum Written {
    Literal(String),
    Source(Source),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    Env(String),
    Command(Vec<String>),
    File(PathBuf),
    Keyring(String),
    Credential(String),
    Prompt(String),
}

impl From<Written> for SecretSource {
    fn from(written: Written) -> Self {
        match written {
            Written::Literal(text) => Self::Literal(Secret::new(text)),
            Written::Source(Source::Env(name)) => Self::Env(name),
            Written::Source(Source::Command(words)) => Self::Command(words),
            Written::Source(Source::File(path)) => Self::File(path),
            Written::Source(Source::Keyring(name)) => Self::Keyring(name),
            Written::Source(Source::Credential(name)) => Self::Credential(name),
            Written::Source(Source::Prompt(text)) => Self::Prompt(text),
        }
    }
}

impl From<SecretSource> for Written {
    fn from(source: SecretSource) -> Self {
        Self::Source(match source {
            SecretSource::Env(name) => Source::Env(name),
            SecretSource::Command(words) => Source::Command(words),
            SecretSource::File(path) => Source::File(path),
            SecretSource::Keyring(name) => Source::Keyring(name),
            SecretSource::Credential(name) => Source::Credential(name),
            SecretSource::Prompt(text) => Source::Prompt(text),
            // Whoever needs it again must type it.
            SecretSource::Literal(_) => Source::Prompt("Password: ".to_owned()),
        })
    }
}

impl SecretSource {
    /// Says what it is, and where it comes from.
    pub(super) fn shown(&self, purpose: SecretPurpose) -> String {
        match self {
            Self::Literal(_) => format!("{purpose} in the file"),
            Self::Env(name) => format!("{purpose} from ${name}"),
            Self::Command(words) => format!("{purpose} from `{}`", words.join(" ")),
            Self::File(path) => format!("{purpose} from {}", path.display()),
            Self::Keyring(name) => format!("{purpose} from the keyring: {name}"),
            Self::Credential(name) => format!("{purpose} from the credential {name}"),
            Self::Prompt(_) => format!("{purpose} asked for"),
        }
    }

    /// Reads the secret. Errors say what it is for and what to do, and never what was read.
    pub(super) fn read(&self, purpose: SecretPurpose, world: &dyn World) -> Result<Secret> {
        let secret = match self {
            Self::Literal(secret) => secret.clone(),
            Self::Env(name) => Secret::new(world.env(name).ok_or_else(|| {
                failed(format!("the environment variable `{name}` is not set"), "set it before the run")
            })?),
            Self::Command(words) => command(words)?,
            Self::File(path) => file(path)?,
            Self::Keyring(name) => keyring(name, world)?,
            Self::Credential(name) => credential(name, world)?,
            Self::Prompt(text) => Secret::new(world.prompt(text).map_err(|error| {
                let what = format!("no {purpose} could be asked for: {error}");
                failed(what, "`secret.prompt` needs a terminal; `secret.command` or `secret.file` do not")
            })?),
        };
        if secret.expose().is_empty() {
            let what = format!("{} gave an empty {purpose}", self.name());
            return Err(failed(what, "check where it comes from"));
        }
        if secret.expose().contains('\0') {
            let what = format!("the {purpose} that {} gave has a NUL character in it", self.name());
            return Err(failed(what, "no way to log in can carry one; check where it comes from"));
        }
        Ok(secret)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Literal(_) => "the script or the accounts file",
            Self::Env(_) => "`secret.env`",
            Self::Command(_) => "`secret.command`",
            Self::File(_) => "`secret.file`",
            Self::Keyring(_) => "`secret.keyring`",
            Self::Credential(_) => "`secret.credential`",
            Self::Prompt(_) => "`secret.prompt`",
        }
    }
}

fn failed(what: String, hint: &str) -> Error {
    ErrorKind::Config { what, hint: hint.to_owned() }.into()
}

fn command(words: &[String]) -> Result<Secret> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(failed(
            "`secret.command` has no program".to_owned(),
            "give it a list: `{ \"pass\", \"mail/work\" }`",
        ));
    };
    let output =
        Command::new(program).args(arguments).stdin(Stdio::inherit()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| {
        failed(
            format!("the program `{program}` of `secret.command` can't be run: {error}"),
            "check its name and PATH",
        )
    })?;
    if !output.status.success() {
        let what = format!("the program `{program}` of `secret.command` ended with {}", output.status);
        return Err(failed(what, "run it by hand to see why"));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| {
        failed(
            format!("the program `{program}` of `secret.command` printed what is not UTF-8"),
            "run it by hand",
        )
    })?;
    // `pass` and its like print the password on the first line and notes below it.
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}

fn keyring(name: &str, world: &dyn World) -> Result<Secret> {
    let shown = visible(name);
    let found = world.keyring(name).map_err(|why| {
        let hint = "it belongs to a desktop session; for cron there are `secret.credential`, `secret.file` and `secret.command`";
        failed(format!("the system keyring can't be read: {}", visible(&why)), hint)
    })?;
    let hint =
        format!("`secret-tool store --label={shown:?} service imapscript username {shown:?}` puts one there");
    found.map(Secret::new).ok_or_else(|| failed(format!("the system keyring has no `{shown}`"), &hint))
}

/// Reads one of the files that systemd has made for the service. Only the service can read them, whatever their mode.
fn credential(name: &str, world: &dyn World) -> Result<Secret> {
    let hint =
        "`secret.credential` is for services of systemd with `LoadCredential=` or `LoadCredentialEncrypted=`";
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        let what = format!("`{}` can't be a credential's name", visible(name));
        return Err(failed(what, "it is the part before the `:` in `LoadCredential=`"));
    }
    let directory = world.env("CREDENTIALS_DIRECTORY").ok_or_else(|| {
        failed(format!("there are no credentials: CREDENTIALS_DIRECTORY is not set (`{name}`)"), hint)
    })?;
    let (_, bytes) = read_file(&Path::new(&directory).join(name))
        .map_err(|error| failed(format!("the credential `{name}` can't be read: {error}"), hint))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| failed(format!("the credential `{name}` is not UTF-8"), "check what it was made of"))?;
    Ok(Secret::new(text))
}

/// Reads a small file, and tells who may read it.
fn read_file(path: &Path) -> std::io::Result<(u32, Vec<u8>)> {
    let mut file = fs::File::open(path)?;
    let mode = mode(&file.metadata()?);
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(&mut file, 64 << 10), &mut bytes)?;
    Ok((mode, bytes))
}

fn file(path: &Path) -> Result<Secret> {
    let shown = path.display();
    let (mode, bytes) = read_file(path).map_err(|error| {
        failed(format!("the secret file `{shown}` can't be read: {error}"), "check `secret.file`")
    })?;
    if mode & 0o044 != 0 {
        let what = format!("the secret file `{shown}` can be read by others (mode {:03o})", mode & 0o777);
        return Err(failed(what, &format!("`chmod 600 {shown}`")));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| failed(format!("the secret file `{shown}` is not UTF-8"), "check `secret.file`"))?;
    Ok(Secret::new(text))
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata)
}

#[cfg(not(unix))]
fn mode(_metadata: &fs::Metadata) -> u32 {
    0
}
