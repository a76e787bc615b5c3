use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Finds the directory for journal and locks: where the command line says, or the system's service manager, or the
/// user's environment. A sandbox has one of its own beneath, so that nothing of it is taken for real.
///
/// Error: why there is none.
pub(super) fn state_directory(wanted: Option<&Path>, sandbox: Option<SocketAddr>) -> Result<PathBuf, String> {
    let own = match wanted {
        Some(directory) => directory.to_owned(),
        None => usual()?,
    };
    Ok(match sandbox {
        Some(address) => own.join("sandbox").join(address.port().to_string()),
        None => own,
    })
}

/// Finds the accounts file: where the command line says, or the user's environment.
pub(super) fn accounts_file(wanted: Option<&Path>) -> Option<PathBuf> {
    let usual = || Some(config_home()?.join("imapscript/accounts.toml"));
    wanted.map(Path::to_owned).or_else(usual)
}

/// Finds where the user keeps programs' settings.
pub(super) fn config_home() -> Option<PathBuf> {
    absolute("XDG_CONFIG_HOME").or_else(|| Some(home()?.join(".config")))
}

/// Finds the home directory. Where HOME is not set, this asks the system's list of users.
pub(super) fn home() -> Option<PathBuf> {
    env::home_dir().filter(|home| home.is_absolute())
}

fn absolute(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

fn usual() -> Result<PathBuf, String> {
    // systemd may give several, joined by colons.
    if let Some(all) = env::var_os("STATE_DIRECTORY")
        && let Some(first) = env::split_paths(&all).next().filter(|path| path.is_absolute())
    {
        return Ok(first);
    }
    if let Some(state) = absolute("XDG_STATE_HOME") {
        return Ok(state.join("imapscript"));
    }
    match home() {
        Some(home) => Ok(home.join(".local/state/imapscript")),
        None => Err("there is no home directory".to_owned()),
    }
}
