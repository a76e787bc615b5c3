use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Result, visible};

/// What a script may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Look at mail.
    Read,
    /// Change flags and labels.
    Mark,
    /// Copy and add messages.
    Copy,
    /// Move messages.
    Move,
    /// Move messages to Trash.
    Trash,
    /// Remove messages for good.
    Purge,
    /// Create, delete, rename and subscribe to mailboxes.
    Mailboxes,
    /// Write files.
    Write,
    /// Run programs.
    Exec,
}

impl Permission {
    /// All of them.
    pub const EACH: [Self; 9] = [
        Self::Read,
        Self::Mark,
        Self::Copy,
        Self::Move,
        Self::Trash,
        Self::Purge,
        Self::Mailboxes,
        Self::Write,
        Self::Exec,
    ];

    /// Gives the word that scripts and the command line use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Mark => "mark",
            Self::Copy => "copy",
            Self::Move => "move",
            Self::Trash => "trash",
            Self::Purge => "purge",
            Self::Mailboxes => "mailboxes",
            Self::Write => "write",
            Self::Exec => "exec",
        }
    }

    /// Reads such a word.
    ///
    /// Error: it is none of them.
    pub fn parse(word: &str) -> Result<Self> {
        Self::EACH.into_iter().find(|each| each.name() == word).ok_or_else(|| {
            let all: Vec<_> = Self::EACH.into_iter().map(Self::name).collect();
            Error::script(
                format!("there is no permission `{}`", visible(word)),
                format!("there are {}", all.join(", ")),
            )
        })
    }
}

/// What a run may do: everything but to purge, and what its script allows itself; of these only what the command line
/// allows, if that says anything.
#[derive(Debug, Default)]
pub struct Permissions {
    script: Mutex<BTreeSet<Permission>>,
    command_line: Option<BTreeSet<Permission>>,
}

impl Permissions {
    /// Makes those of a run whose command line names these and no others.
    pub fn only(allowed: impl IntoIterator<Item = Permission>) -> Self {
        Self { script: Mutex::default(), command_line: Some(allowed.into_iter().collect()) }
    }

    /// Takes in what the script allows itself.
    pub fn allow(&self, permission: Permission) {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).insert(permission);
    }

    /// Refuses what the run may not do.
    ///
    /// Error: [`ErrorKind::Forbidden`].
    pub fn check(&self, permission: Permission) -> Result<()> {
        let by_script = permission != Permission::Purge
            || self.script.lock().unwrap_or_else(PoisonError::into_inner).contains(&permission);
        let by_command_line = self.command_line.as_ref().is_none_or(|allowed| allowed.contains(&permission));
        if by_script && by_command_line {
            return Ok(());
        }
        Err(ErrorKind::Forbidden { permission: permission.name(), by_script: !by_script }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::{Permission, Permissions};

    #[test]
    fn purging_must_be_allowed_and_the_command_line_has_the_last_word() {
        let free = Permissions::default();
        assert!(free.check(Permission::Trash).is_ok() && free.check(Permission::Purge).is_err());
        free.allow(Permission::Purge);
        assert!(free.check(Permission::Purge).is_ok());
        let only = Permissions::only([Permission::Read]);
        only.allow(Permission::Purge);
        assert!(only.check(Permission::Read).is_ok() && only.check(Permission::Purge).is_err());
        assert!(only.check(Permission::Mark).is_err());
    }
}
