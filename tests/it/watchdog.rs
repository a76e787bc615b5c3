//! Directories and servers that end with the test process, however it ends.
//!
//! Rust drops no statics and a killed process drops nothing, so a small shell waits on a pipe from us. The pipe closes
//! when we are gone, and the shell then ends its process group and removes the directory.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

const GUARD: &str = r#"
dir=$1; shift
cd /
if [ $# -gt 0 ]; then "$@" >"$dir/output" 2>&1 & fi
cat >/dev/null
trap '' TERM
kill -TERM 0
sleep 0.2
rm -rf "$dir"
kill -KILL 0
"#;

/// A directory that is removed, and a server that is killed, when this process ends.
pub(crate) struct Watched {
    directory: PathBuf,
    /// Whom the directory belongs to, and the guard runs as, when that is not us.
    owner: Option<(u32, u32)>,
    guard: Option<Child>,
}

impl Watched {
    /// Makes a directory of our own. Its path is short: a Unix socket's has 108 bytes.
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("ims").tempdir_in("/tmp").unwrap().keep();
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
        Self { directory, owner: None, guard: None }
    }

    /// Makes a directory for a server that runs as [`server_user`].
    pub(crate) fn for_server() -> Self {
        let mut watched = Self::new();
        watched.owner = lesser_user();
        if let Some((uid, gid)) = watched.owner {
            chown(&watched.directory, Some(uid), Some(gid)).unwrap();
        }
        watched
    }

    /// Puts the directory under guard, with a server running beside it when `command` is not empty.
    pub(crate) fn guard(mut self, command: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        if let Some((uid, gid)) = self.owner {
            shell = Command::new("setpriv");
            shell.args([
                format!("--reuid={uid}"),
                format!("--regid={gid}"),
                "--clear-groups".into(),
                "sh".into(),
            ]);
        }
        let child = shell
            .args(["-c", GUARD, "guard"])
            .arg(&self.directory)
            .args(command)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("`sh`, and `setpriv` when root, can be started");
        self.guard = Some(child);
        self
    }

    pub(crate) fn path(&self) -> &Path {
        &self.directory
    }
}

/// A start that failed ends here, and its process with it; what succeeded lives in a static and is never dropped.
impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(guard) = &mut self.guard {
            drop(guard.stdin.take());
            guard.wait().ok();
        }
    }
}

/// The directory for this process's small files, such as certificates.
pub(crate) fn scratch() -> &'static Path {
    static SCRATCH: OnceLock<Watched> = OnceLock::new();
    SCRATCH.get_or_init(|| Watched::new().guard(&[])).path()
}

/// The name of the user and group that servers run as.
pub(crate) fn server_user() -> (String, String) {
    let name = |flag| match lesser_user() {
        Some(_) => ask("id", &[flag, "nobody"]),
        None => ask("id", &[flag]),
    };
    (name("-un"), name("-gn"))
}

/// The uid and gid of `nobody` when we are root, since Dovecot refuses to touch mail as uid 0.
fn lesser_user() -> Option<(u32, u32)> {
    static USER: OnceLock<Option<(u32, u32)>> = OnceLock::new();
    *USER.get_or_init(|| {
        let number = |arguments: &[&str]| ask("id", arguments).parse().unwrap();
        (number(&["-u"]) == 0).then(|| (number(&["-u", "nobody"]), number(&["-g", "nobody"])))
    })
}

/// The one line that a program prints.
pub(crate) fn ask(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| {
        panic!("`{program}` can't be started: {error}; run ./tests/run, which installs it")
    });
    assert!(
        output.status.success(),
        "`{program} {arguments:?}`: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
