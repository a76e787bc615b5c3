use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use toml::Value;

use crate::engine::{AccountSettings, AccountsFile, SecretSource, TlsMode};
use crate::error::{Error, ErrorKind, Result, visible};

/// Writes an account as a table of the accounts file.
fn table(name: &str, settings: &AccountSettings) -> String {
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

/// Adds an account to the end of a file, which is made if there is none, for its owner only. What is there stays as it is,
/// also where the disk is full; and nobody else adds to it meanwhile.
///
/// Errors: it can't be written; or what it would be makes no sense, since somebody has changed it.
pub(super) fn append(path: &Path, name: &str, settings: &AccountSettings) -> Result<()> {
    let unwritten = |error: io::Error| -> Error {
        let what =
            format!("the accounts file `{}` can't be written: {error}", visible(&path.display().to_string()));
        ErrorKind::Config { what, hint: "`--config FILE` names another".to_owned() }.into()
    };
    let (mut file, before) = open(path).map_err(unwritten)?;
    let gap = match before.as_str() {
        "" => "",
        before if before.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let added = format!("{gap}{}", table(name, settings));
    AccountsFile::parse(path, &format!("{before}{added}"), None)?.find(Some(name))?;
    let written = file.write_all(added.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a table would make all of it unreadable.
        let _ = file.set_len(before.len() as u64);
    }
    written.map_err(unwritten)
}

/// Opens the file for nobody else to add to it, and gives what is in it.
fn open(path: &Path) -> io::Result<(File, String)> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    flock(&file, FlockOperation::LockExclusive)?;
    let mut before = String::new();
    file.read_to_string(&mut before)?;
    Ok((file, before))
}
