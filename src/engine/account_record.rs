use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::account::{AccountSettings, TlsMode};
use super::journal::AccountRow;
use super::secret_source::SecretSource;
use crate::error::{ErrorKind, Result, visible};
use crate::imap::Mechanism;

/// How an account is reached, as the journal keeps it: where its secret comes from, and never the secret.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    host: String,
    port: u16,
    tls: Tls,
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<Auth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
    #[serde(default)]
    allow_plaintext: bool,
    password: Password,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tls {
    Implicit,
    Starttls,
    None,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Auth {
    Plain,
    Login,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Password {
    Env(String),
    Command(Vec<String>),
    File(PathBuf),
    /// It was in the script, or typed: whoever wants to log in again must type it.
    Ask,
}

/// Makes a path mean the same wherever it is read again.
fn absolute(path: &std::path::Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Writes down how an account is reached.
pub(super) fn row(settings: &AccountSettings, port: u16, label: &str, sandbox: bool) -> AccountRow {
    let record = Record {
        host: settings.host.clone(),
        port,
        tls: match settings.tls {
            TlsMode::Implicit => Tls::Implicit,
            TlsMode::Starttls => Tls::Starttls,
            TlsMode::None => Tls::None,
        },
        user: settings.user.clone(),
        auth: settings.mechanism.map(|mechanism| match mechanism {
            Mechanism::Plain => Auth::Plain,
            Mechanism::Login => Auth::Login,
        }),
        ca_file: settings.ca_file.as_deref().map(absolute),
        allow_plaintext: settings.allow_plaintext,
        password: match &settings.password {
            SecretSource::Env(name) => Password::Env(name.clone()),
            SecretSource::Command(words) => Password::Command(words.clone()),
            SecretSource::File(path) => Password::File(absolute(path)),
            SecretSource::Literal(_) | SecretSource::Prompt(_) => Password::Ask,
        },
    };
    let identity = format!("{} {}:{port}", settings.user, settings.host.to_lowercase());
    AccountRow {
        identity: if sandbox { format!("sandbox {identity}") } else { identity },
        label: label.to_owned(),
        // A record has nothing in it that JSON can't say.
        connection: serde_json::to_string(&record).unwrap_or_default(),
    }
}

/// Reads how an account is reached.
///
/// Error: a newer version has written it, or it is damaged.
pub(super) fn settings(row: &AccountRow) -> Result<AccountSettings> {
    let record: Record = serde_json::from_str(&row.connection).map_err(|error| {
        let what =
            format!("the journal does not say how to reach the account {}: {error}", visible(&row.label));
        ErrorKind::Config { what, hint: "run a script that uses it once, with this version".to_owned() }
    })?;
    Ok(AccountSettings {
        host: record.host,
        port: Some(record.port),
        tls: match record.tls {
            Tls::Implicit => TlsMode::Implicit,
            Tls::Starttls => TlsMode::Starttls,
            Tls::None => TlsMode::None,
        },
        user: record.user,
        password: match record.password {
            Password::Env(name) => SecretSource::Env(name),
            Password::Command(words) => SecretSource::Command(words),
            Password::File(path) => SecretSource::File(path),
            Password::Ask => SecretSource::Prompt(format!("Password of {}: ", row.label)),
        },
        mechanism: record.auth.map(|auth| match auth {
            Auth::Plain => Mechanism::Plain,
            Auth::Login => Mechanism::Login,
        }),
        ca_file: record.ca_file,
        allow_plaintext: record.allow_plaintext,
    })
}
