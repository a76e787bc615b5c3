use super::account_settings::AccountSettings;
use super::journal::AccountRow;
use super::secret_source::SecretSource;
use crate::error::{ErrorKind, Result, visible};

/// Gives what tells an account from others.
pub(super) fn identity(settings: &AccountSettings, sandbox: bool) -> String {
    let identity = format!("{} {}:{}", settings.user, settings.host.to_lowercase(), settings.port());
    if sandbox { format!("sandbox {identity}") } else { identity }
}

/// Writes down how an account is reached: where its secret comes from, and never the secret.
pub(super) fn row(settings: &AccountSettings, label: &str, sandbox: bool) -> AccountRow {
    let identity = identity(settings, sandbox);
    let mut settings = settings.clone();
    settings.for_paths(|path| {
        // It must mean the same wherever it is read again.
        if let Ok(absolute) = std::path::absolute(&*path) {
            *path = absolute;
        }
    });
    AccountRow {
        identity,
        label: label.to_owned(),
        // Settings have nothing in them that JSON can't say.
        connection: serde_json::to_string(&settings).unwrap_or_default(),
    }
}

/// Reads how an account is reached.
///
/// Error: a newer version has written it, or it is damaged.
pub(super) fn settings(row: &AccountRow) -> Result<AccountSettings> {
    let mut settings: AccountSettings = serde_json::from_str(&row.connection).map_err(|error| {
        let what =
            format!("the journal does not say how to reach the account {}: {error}", visible(&row.label));
        ErrorKind::Config { what, hint: "run a script that uses it once, with this version".to_owned() }
    })?;
    for (purpose, source) in settings.secrets_mut() {
        if let SecretSource::Prompt(text) = source {
            *text = purpose.question(&row.label);
        }
    }
    settings.name = Some(row.label.clone());
    Ok(settings)
}
