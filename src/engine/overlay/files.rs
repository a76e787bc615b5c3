use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The files and directories that a dry run would have made.
#[derive(Debug, Default)]
pub(in crate::engine) struct Files {
    written: BTreeMap<PathBuf, [u8; 32]>,
    directories: BTreeSet<PathBuf>,
}

impl Files {
    /// Plans a directory. Tells whether it was not planned before.
    pub(in crate::engine) fn make_directory(&mut self, path: &Path) -> bool {
        self.directories.insert(path.to_owned())
    }

    /// Tells whether it would have been made.
    pub(in crate::engine) fn has_directory(&self, path: &Path) -> bool {
        self.directories.contains(path)
    }

    /// Plans a file. Where it was planned before, tells whether with the same content.
    pub(in crate::engine) fn write(&mut self, path: &Path, content: &[u8]) -> Option<bool> {
        let digest: [u8; 32] = Sha256::digest(content).into();
        let known = self.written.get(path).map(|known| *known == digest);
        if known.is_none() {
            self.written.insert(path.to_owned(), digest);
        }
        known
    }
}
