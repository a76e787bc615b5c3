use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Begins a file that nobody else can read.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let file = open(OpenOptions::new().write(true).truncate(true), path)?;
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Opens a file, which nobody else can read if it is new: never through a symbolic link, and not for ever where it is a
/// pipe that nobody reads.
pub(super) fn open(how: &mut OpenOptions, path: &Path) -> io::Result<File> {
    how.create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}
