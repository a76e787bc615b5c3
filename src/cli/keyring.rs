//! The system keyring: the Secret Service of the user's session, on D-Bus.
//!
//! Items have the attributes `service` (imapscript) and `username` (the name), as `secret-tool` writes them, too.

use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error};

const SERVICE: &str = "imapscript";

/// Gives the secret of a name, if there is one.
pub(super) fn read(name: &str) -> Result<Option<String>, String> {
    match entry(name).and_then(|entry| entry.get_password()) {
        Ok(secret) => Ok(Some(secret)),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(why(&error)),
    }
}

/// Sets the secret of a name.
pub(super) fn write(name: &str, secret: &str) -> Result<(), String> {
    entry(name).and_then(|entry| entry.set_password(secret)).map_err(|error| why(&error))
}

/// Removes the secret of a name, if there is one.
pub(super) fn remove(name: &str) -> Result<(), String> {
    match entry(name).and_then(|entry| entry.delete_credential()) {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(why(&error)),
    }
}

fn entry(name: &str) -> Result<Entry, Error> {
    dbus_secret_service_keyring_store::Store::new()?.build(SERVICE, name, None)
}

/// Says what is wrong. What an entry holds is never in it.
fn why(error: &Error) -> String {
    match error {
        Error::PlatformFailure(error) | Error::NoStorageAccess(error) => error.to_string(),
        Error::Ambiguous(_) => "it has several of that name".to_owned(),
        Error::BadEncoding(_) | Error::BadDataFormat(..) => "what it has is not UTF-8".to_owned(),
        error => error.to_string(),
    }
}
