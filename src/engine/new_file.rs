use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::SystemTime;

use super::outside::{plan_file, record_save};
use super::selection::Selection;
use crate::error::{Error, ErrorKind, Result, visible};
use crate::mail::Uid;

/// Writes a file that was not there before, readable by its owner only. It is whole under its name or not
/// there at all, also after a crash: it is written in `nursery`, a directory of the same file system, made
/// durable, and then given its name. What has this name already, be it a symbolic link, stays and is an error.
pub(super) fn write_new(
    nursery: &Path,
    path: &Path,
    content: &[u8],
    modified: Option<SystemTime>,
) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".imapscript-").tempfile_in(nursery)?;
    file.as_file_mut().write_all(content)?;
    if let Some(time) = modified {
        file.as_file().set_modified(time)?;
    }
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    sync_directory(path);
    Ok(())
}

/// Makes sure of a file that only its owner can read, and that is no symbolic link; what is in it stays.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    let file = options.open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Makes the name of a file durable. Some file systems have no way to; their files are safe all the same.
pub(super) fn sync_directory(path: &Path) {
    if let Ok(directory) = File::open(directory_of(path)) {
        let _ = directory.sync_all();
    }
}

/// Gives the directory that a path's last component is in.
pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes sure of a directory, which is created, for its owner only, where just it is missing. Tells whether it
/// was.
pub(super) fn ensure_directory(path: &Path) -> Result<bool> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(false),
        Ok(_) => Err(refused(path, &io::ErrorKind::NotADirectory.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().mode(0o700).create(path).map_err(|error| refused(path, &error))?;
            Ok(true)
        }
        Err(error) => Err(refused(path, &error)),
    }
}

/// Says why a path can't be written to.
pub(super) fn refused(path: &Path, error: &io::Error) -> Error {
    let shown = visible(&path.display().to_string());
    // Without a number of the system's, it has been told where: in a file of ours that nobody knows.
    let cause = error.raw_os_error().map_or_else(|| error.kind().to_string(), |_| error.to_string());
    let (what, hint) = match error.kind() {
        io::ErrorKind::AlreadyExists => {
            (format!("`{shown}` exists already and is not replaced"), "remove it, or choose another name")
        }
        io::ErrorKind::NotFound => {
            (format!("`{shown}` is in a directory that does not exist"), "create the directory first")
        }
        _ => (format!("`{shown}` can't be written: {cause}"), "check the path, its permissions and the disk"),
    };
    ErrorKind::Config { what, hint: hint.to_owned() }.into()
}

/// Writes a message of a selection's mailbox to a new file, byte for byte as the server has it.
///
/// Errors: something has this name already, the directory does not exist, or it can't be written.
pub fn save(path: &Path, raw: &[u8], selection: &Selection, uid: Uid) -> Result<()> {
    if path.file_name().is_none() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        let what = format!("`{}` is no name of a file", visible(&path.display().to_string()));
        return Err(ErrorKind::Config { what, hint: "name the file to write".to_owned() }.into());
    }
    match &selection.account.run().overlay {
        Some(overlay) => {
            plan_file(overlay, path, raw).map_err(|error| refused(path, &error))?;
            record_save(overlay, selection, uid, path);
            Ok(())
        }
        None => write_new(directory_of(path), path, raw, None).map_err(|error| refused(path, &error)),
    }
}
