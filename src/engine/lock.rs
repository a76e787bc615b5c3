use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::new_file::private_file;
use crate::error::{ErrorKind, Result, visible};

/// An account's lock: while one run has it, no other run with the same state directory changes anything there.
///
/// It ends with its value, and with the process however that ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes an account's lock if nobody has it.
    ///
    /// Error: the file can't be made.
    pub(super) fn take(directory: &Path, identity: &str) -> Result<Option<Self>> {
        let path = directory.join(file_name("lock", identity));
        let failed = |error: io::Error| {
            let shown = path.display().to_string();
            let what = format!("the lock `{}` can't be taken: {error}", visible(&shown));
            let hint = "nothing is changed without it; `--state DIR` names another directory".to_owned();
            ErrorKind::Config { what, hint }
        };
        let file = private_file(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(failed(error.into()).into()),
        }
    }
}

/// Makes one component of a path of an identity, beginning with what it is for; no two identities have the same.
pub(super) fn file_name(kind: &str, identity: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "@.-".contains(c) { c } else { '_' };
    let start: String = identity.chars().map(plain).take(60).collect();
    let digest = Sha256::digest(identity.as_bytes());
    let digest = digest.iter().take(8).fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
    format!("{kind}-{start}-{digest:016x}")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{Lock, file_name};

    #[test]
    fn one_run_at_a_time_has_an_accounts_lock() {
        let directory = tempfile::tempdir().unwrap();
        let first = Lock::take(directory.path(), "a").unwrap().unwrap();
        assert!(Lock::take(directory.path(), "a").unwrap().is_none());
        assert!(Lock::take(directory.path(), "b").unwrap().is_some());
        drop(first);
        assert!(Lock::take(directory.path(), "a").unwrap().is_some());
    }

    #[test]
    fn identities_become_harmless_and_distinct_names() {
        let name = file_name("lock", "me@example.org imap.example.org:993");
        assert!(name.starts_with("lock-me@example.org_imap.example.org_993-"), "{name}");
        assert!(!file_name("lock", "../x").contains('/'));
        assert_ne!(file_name("lock", "a b"), file_name("lock", "a_b"));
        assert!(file_name("lock", &"x".repeat(300)).len() < 100);
    }
}
