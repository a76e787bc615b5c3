//! Stands where the system keyring would be, in a program that was built without it.

/// Says that there is none.
pub(super) fn read(_name: &str) -> Result<Option<String>, String> {
    Err("this program was built without it".to_owned())
}

/// Says that there is none.
pub(super) fn write(name: &str, _secret: &str) -> Result<(), String> {
    read(name).map(|_| ())
}

/// Says that there is none.
pub(super) fn remove(name: &str) -> Result<(), String> {
    read(name).map(|_| ())
}
