use std::fs::{DirBuilder, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use toml::Value;

use crate::engine::{AccountSettings, SecretSource, TlsMode};
use crate::error::{ErrorKind, Result, visible};

/// Writes an account as a table of the accounts file.
pub(super) fn table(name: &str, settings: &AccountSettings) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let header = if name.chars().all(plain) { name.to_owned() } else { string(name) };
    let mut lines = vec![format!("[{header}]"), format!("host = {}", string(&settings.host))];
    if let Some(port) = settings.port.filter(|port| port.get() != settings.tls.port()) {
        lines.push(format!("port = {port}"));
    }
    match settings.tls {
        TlsMode::Implicit => {}
        TlsMode::Starttls | TlsMode::Offered => lines.push("tls = \"starttls\"".to_owned()),
        TlsMode::None => lines.push("tls = \"none\"".to_owned()),
    }
    lines.push(format!("user = {}", string(&settings.user)));
    lines.extend(
        settings.password.as_ref().and_then(password).map(|password| format!("password = {password}")),
    );
    if let Some(path) = &settings.ca_file {
        lines.push(format!("ca_file = {}", string(&path.to_string_lossy())));
    }
    lines.join("\n") + "\n"
}

/// Writes a password, or where it comes from; nothing where it is to be typed.
fn password(source: &SecretSource) -> Option<String> {
    let (key, value) = match source {
        SecretSource::Literal(secret) => return Some(string(secret.expose())),
        SecretSource::Prompt(_) => return None,
        SecretSource::Env(name) => ("env", string(name)),
        SecretSource::File(path) => ("file", string(&path.to_string_lossy())),
        SecretSource::Keyring(name) => ("keyring", string(name)),
        SecretSource::Credential(name) => ("credential", string(name)),
        SecretSource::Command(words) => {
            let words: Vec<_> = words.iter().map(|word| string(word)).collect();
            ("command", format!("[{}]", words.join(", ")))
        }
    };
    Some(format!("{{ {key} = {value} }}"))
}

fn string(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// Adds a table to the end of a file, which is made if there is none, for its owner only. What is there stays as it is.
///
/// Error: it can't be written.
pub(super) fn append(path: &Path, table: &str) -> Result<()> {
    write(path, table).map_err(|error| {
        let what =
            format!("the accounts file `{}` can't be written: {error}", visible(&path.display().to_string()));
        ErrorKind::Config { what, hint: "`--config FILE` names another".to_owned() }.into()
    })
}

fn write(path: &Path, table: &str) -> std::io::Result<()> {
    let mut directory = DirBuilder::new();
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        directory.mode(0o700);
        options.mode(0o600);
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        directory.recursive(true).create(parent)?;
    }
    let mut file = options.read(true).append(true).create(true).open(path)?;
    let mut before = String::new();
    file.read_to_string(&mut before)?;
    let gap = match before.as_str() {
        "" => "",
        before if before.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    file.write_all(format!("{gap}{table}").as_bytes())?;
    file.sync_all()
}
