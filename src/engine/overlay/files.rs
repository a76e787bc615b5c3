use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Arrival, PlannedMessage};

/// The files and directories that a dry run would have made.
#[derive(Debug, Default)]
pub(in crate::engine) struct Files {
    written: BTreeMap<PathBuf, [u8; 32]>,
    directories: BTreeSet<PathBuf>,
    archives: BTreeMap<PathBuf, Vec<(Arrival, PlannedMessage)>>,
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

    /// Plans that messages are added to an mbox file.
    pub(in crate::engine) fn archive(&mut self, path: &Path, messages: Vec<(Arrival, PlannedMessage)>) {
        self.archives.entry(path.to_owned()).or_default().extend(messages);
    }

    /// Gives the messages that would have been added to an mbox file.
    pub(in crate::engine) fn archived(&self, path: &Path) -> Vec<(Arrival, PlannedMessage)> {
        self.archives.get(path).cloned().unwrap_or_default()
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
